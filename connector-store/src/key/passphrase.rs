//! A master key from a passphrase: argon2id. The parameters are stored beside the key's proof, so that new
//! stores and rotated keys may get stronger ones while old ones still open.

use argon2::{Algorithm, Argon2, Params, Version};
use connector_core::{Error, Result, Secret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error;
use crate::seal::{self, KEY_LEN, Key};

#[derive(Serialize, Deserialize)]
struct Parameters {
    algorithm: String,
    /// Memory in KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
    /// In hexadecimal.
    salt: String,
}

const ALGORITHM: &str = "argon2id";
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// No store asks for more; a row that does was tampered with.
const MOST_MEMORY: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;

/// New parameters, with a salt of their own, as they are stored.
pub(super) fn parameters() -> Result<String> {
    let salt = seal::hex(&seal::random::<16>()?);
    let parameters =
        Parameters { algorithm: ALGORITHM.into(), memory: MEMORY, passes: PASSES, lanes: LANES, salt };
    Ok(serde_json::to_string(&parameters).expect("texts and numbers are always JSON"))
}

/// The key that this passphrase gives with these parameters.
pub(super) fn stretch(passphrase: &Secret, parameters: &str) -> Result<Key> {
    if passphrase.is_empty() {
        return Err(Error::invalid("the passphrase is empty"));
    }
    let unreadable = || error::damaged("the store does not say how its passphrase is stretched");
    let it: Parameters = serde_json::from_str(parameters).map_err(|_| unreadable())?;
    if it.algorithm != ALGORITHM || it.memory > MOST_MEMORY || it.passes > MOST_PASSES {
        return Err(unreadable());
    }
    let params = Params::new(it.memory, it.passes, it.lanes, Some(KEY_LEN)).map_err(|_| unreadable())?;
    let mut out = Zeroizing::new([0; KEY_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), it.salt.as_bytes(), out.as_mut_slice())
        .map_err(|_| unreadable())?;
    Ok(Key::from_bytes(out.as_slice()).expect("the output has the length of a key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_parameters_are_strong_and_bounded() {
        let parameters = parameters().expect("made");
        let it: Parameters = serde_json::from_str(&parameters).expect("reads");
        assert!(it.memory >= 46 * 1024 && it.passes >= 1 && it.lanes == 1 && it.salt.len() == 32);
        let greedy = parameters.replace(&MEMORY.to_string(), "4294967295");
        assert!(stretch(&"word".into(), &greedy).is_err());
        assert!(stretch(&"".into(), &parameters).is_err());
    }
}
