//! Sealing: XChaCha20-Poly1305 with a random nonce for each record, and keys derived from keys.
//!
//! Its nonces have 192 bits, so that random ones never meet, and it is as fast without help of the
//! processor. Pure Rust: a build without providers links no TLS stack, and the fast path no C library.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use connector_core::{Error, Result};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of every key here.
pub(crate) const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;

/// A symmetric key, wiped when it is dropped.
pub(crate) struct Key(Zeroizing<[u8; KEY_LEN]>);

impl Key {
    /// A new key from the system's generator.
    pub(crate) fn generate() -> Result<Self> {
        let mut key = Self(Zeroizing::new([0; KEY_LEN]));
        getrandom::fill(key.0.as_mut_slice()).map_err(|_| no_random())?;
        Ok(key)
    }

    /// The key with these bytes; `None` unless there are exactly enough.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Zeroizing::new([0; KEY_LEN]));
        (bytes.len() == KEY_LEN).then(|| {
            key.0.copy_from_slice(bytes);
            key
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// A key for one purpose and one thing, which tells nothing about this one.
    pub(crate) fn derive(&self, purpose: &str, thing: &str) -> Self {
        let info = parts(&[purpose.as_bytes(), thing.as_bytes()]);
        let mut key = Self(Zeroizing::new([0; KEY_LEN]));
        Hkdf::<Sha256>::new(None, self.as_bytes())
            .expand(&info, key.0.as_mut_slice())
            .expect("one block of output is within what HKDF gives");
        key
    }

    /// Seals `plain` and binds it to `bound`: nonce, ciphertext, tag.
    pub(crate) fn seal(&self, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>()?;
        let text = self
            .aead()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: bound })
            .map_err(|_| Error::unexpected("sealing failed"))?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + text.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made; `None` when a byte, the key or the binding is another.
    pub(crate) fn open(&self, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let plain = self.aead().decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: bound });
        plain.ok().map(Zeroizing::new)
    }

    fn aead(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new_from_slice(self.as_bytes()).expect("the key has the length of the algorithm")
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

/// Joins parts so that no two lists of parts give the same bytes.
pub(crate) fn parts(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|it| it.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|it| [it >> 4, it & 15]).map(|it| char::from(DIGITS[usize::from(it)])).collect()
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(|_| no_random())?;
    Ok(out)
}

fn no_random() -> Error {
    Error::unexpected("the system gave no random bytes")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn c2_what_is_sealed_opens_only_whole_with_its_key_and_its_binding() {
        let key = Key::generate().expect("a key");
        let sealed = key.seal(b"bound", b"plain").expect("sealed");
        assert_eq!(key.open(b"bound", &sealed).expect("opens").as_slice(), b"plain");
        assert!(key.open(b"other", &sealed).is_none());
        assert!(Key::generate().expect("a key").open(b"bound", &sealed).is_none());
        for index in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[index] ^= 1;
            assert!(key.open(b"bound", &flipped).is_none(), "byte {index}");
            assert!(key.open(b"bound", &sealed[..index]).is_none(), "cut at {index}");
        }
    }

    /// C8: keys have 256 bits and marks 64 or more, all from the system's generator; nothing of them repeats.
    #[test]
    fn c8_keys_come_whole_from_the_systems_generator() {
        let mut seen = HashSet::new();
        let mut ones = [0_u32; KEY_LEN * 8];
        for _ in 0..1000 {
            let key = Key::generate().expect("a key");
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from(key.as_bytes()[bit / 8] >> (bit % 8) & 1);
            }
            assert!(seen.insert(key.as_bytes().to_vec()));
            assert!(seen.insert(random::<16>().expect("random").to_vec()));
        }
        // No bit is fixed, as the version of a UUID would be; half of a thousand, give or take nine deviations.
        assert!(ones.iter().all(|count| (358..=642).contains(count)), "{ones:?}");
    }

    #[test]
    fn c4_nonces_do_not_repeat() {
        let key = Key::generate().expect("a key");
        let mut seen = HashSet::new();
        for _ in 0..4096 {
            assert!(seen.insert(key.seal(b"", b"").expect("sealed")[..NONCE_LEN].to_vec()));
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_thing() {
        let key = Key::generate().expect("a key");
        let all: HashSet<_> = [("a", "b"), ("ab", ""), ("", "ab"), ("a", "c")]
            .map(|(purpose, thing)| key.derive(purpose, thing).as_bytes().to_vec())
            .into();
        assert_eq!(all.len(), 4);
        assert_eq!(hex(&[0, 0x9f]), "009f");
    }
}
