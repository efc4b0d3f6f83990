//! A part of a bucket or a container, as providers of object storage need it.

use crate::{Error, Result};

/// A part of a bucket: `a/` is the keys that start so; `a` is these, and the object of that very name. Neither
/// is `ab`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// Reads a part of a bucket.
    ///
    /// # Errors
    /// Invalid input for an empty text, more than 1024 bytes, a leading slash, control characters, or
    /// `.` and `..` between slashes, which some clients and servers resolve and some do not.
    pub fn parse(text: &str) -> Result<Self> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let wrong = if path.is_empty() {
            Some("it is empty")
        } else if path.len() >= 1024 {
            Some("it is longer than a key can be (1024 bytes)")
        } else if path.starts_with('/') {
            Some("it starts with a slash, which would be part of the keys")
        } else if path.chars().any(char::is_control) {
            Some("it holds control characters")
        } else if path.split('/').any(|it| it == "." || it == "..") {
            Some("it holds . or .. between slashes")
        } else {
            None
        };
        match wrong {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(Error::field("within", format!("not a part of a bucket: {why}"))),
        }
    }

    /// The part as it was named.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the keys of the part start with: always with a slash at the end, so that `a` is not also `ab`.
    #[must_use]
    pub fn folder(&self) -> String {
        if self.0.ends_with('/') { self.0.clone() } else { format!("{}/", self.0) }
    }

    /// The one object that the part names beside those under it.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        (!self.0.ends_with('/')).then_some(&self.0)
    }
}

impl std::fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_folder_and_without_a_slash_an_object_too() {
        for (text, folder, object) in [
            ("a", "a/", Some("a")),
            ("a/", "a/", None),
            ("a/b", "a/b/", Some("a/b")),
            ("a//", "a//", None),
            ("日本/*", "日本/*/", Some("日本/*")),
        ] {
            let part = KeyPrefix::parse(text).expect(text);
            assert_eq!((part.as_str(), &*part.folder(), part.object()), (text, folder, object));
        }
        let long = "a".repeat(1024);
        for text in ["", "/", "/a", "a\nb", "a/../b", "..", "./a", &long] {
            assert!(KeyPrefix::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostile_text_of_64_kib_is_answered() {
        for part in ["a", "a-", "a.", "/", "a/", "-", "_", "."] {
            assert!(KeyPrefix::parse(&part.repeat(65_536 / part.len())).is_err());
        }
    }
}
