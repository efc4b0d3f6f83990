//! Unpredictable text for secrets, tokens and ids.

use std::hash::{BuildHasher, Hasher, RandomState};

/// `length` characters of `alphabet`, chosen with the entropy that the standard library seeds its maps with.
pub fn text(length: usize, alphabet: &[u8]) -> String {
    let mut pool = 0u64;
    (0..length)
        .map(|index| {
            if index % 8 == 0 {
                pool = RandomState::new().build_hasher().finish();
            }
            let byte = (pool >> (8 * (index % 8))) as u8;
            char::from(alphabet[usize::from(byte) % alphabet.len()])
        })
        .collect()
}

/// Capital letters and digits, as AWS makes its ids.
pub fn id(length: usize) -> String {
    text(length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

/// Letters and digits.
pub fn token(length: usize) -> String {
    text(length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
}

/// The shape of an AWS secret access key: base64's alphabet, so that it changes under every encoding.
pub fn secret(length: usize) -> String {
    text(length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}
