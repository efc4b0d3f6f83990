//! The names of resources, each checked by its service's own rules.

use connector_core::{Error, Result};

use super::checked;
use super::checked::is_word;

checked! {
    /// The name of an S3 bucket by today's rules of general purpose buckets.
    BucketName {
        pattern: "^[a-z0-9][a-z0-9.-]*[a-z0-9]$",
        length: 3..=63,
        check: is_bucket,
        expected: "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
    }

    /// The name of an EKS cluster.
    ClusterName {
        pattern: "^[0-9A-Za-z][0-9A-Za-z_-]*$",
        length: 1..=100,
        check: |text| is_word(text, "-") && !text.starts_with(['-', '_']),
        expected: "a cluster name: up to 100 letters, digits, hyphens and underscores",
    }

    /// The name of an ECR repository, with its path.
    RepositoryName {
        pattern: "^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$",
        length: 2..=256,
        check: |text| text.split('/').all(|part| part.split(['.', '_', '-']).all(is_lower_word)),
        expected: "a repository name: lower-case letters and digits, single . _ - within, / between parts",
    }

    /// The name of a secret in Secrets Manager.
    SecretName {
        pattern: "^[0-9A-Za-z/_+=.@-]+$",
        length: 1..=512,
        check: |text| is_word(text, "/+=.@-"),
        expected: "a secret name: up to 512 letters, digits and /_+=.@-",
    }
}

fn is_lower_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
}

/// S3 keeps these for itself: access points, documentation, other kinds of bucket.
const BUCKET_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const BUCKET_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

fn is_bucket(text: &str) -> bool {
    let byte_is_good = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, b'.' | b'-');
    // Between dots stands what a host label may be; this also keeps out `..`, `.-` and `-.`.
    let label_is_good = |it: &str| !it.is_empty() && !it.starts_with('-') && !it.ends_with('-');
    text.bytes().all(byte_is_good)
        && text.split('.').all(label_is_good)
        && !looks_like_an_address(text)
        && !BUCKET_PREFIXES.iter().any(|it| text.starts_with(it))
        && !BUCKET_SUFFIXES.iter().any(|it| text.ends_with(it))
}

fn looks_like_an_address(text: &str) -> bool {
    text.split('.').count() == 4 && text.split('.').all(|it| it.bytes().all(|it| it.is_ascii_digit()))
}

/// The part of a bucket whose keys start with a prefix. Ends with `/`, so that `a` is not also `ab`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// Reads a part of a bucket: `a/b` and `a/b/` both mean the keys under `a/b/`.
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
            None => Ok(Self(format!("{path}/"))),
            Some(why) => Err(Error::field("within", format!("not a prefix of keys: {why}"))),
        }
    }

    /// The prefix, with its slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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

    fn check<T>(parse: fn(String) -> Result<T>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(parse((*text).to_owned()).is_ok(), "refused: {text}");
        }
        for text in bad {
            let Err(error) = parse((*text).to_owned()) else { panic!("taken: {text}") };
            assert!(text.len() < 4 || !error.to_string().contains(text), "quoted: {error}");
        }
    }

    #[test]
    fn bucket_names() {
        let longest = "a".repeat(63);
        let too_long = "a".repeat(64);
        check(
            BucketName::parse,
            &["zenfiles", "a.b-c.d", "123", "1.2.3", "1.2.3.4.5", "a--b", "192.168.5.4a", &longest],
            &[
                "",
                "ab",
                &too_long,
                "BAD_Bucket!",
                "Abc",
                "a_b_c",
                "a..b",
                "a.-b",
                "a-.b",
                ".abc",
                "abc.",
                "-abc",
                "abc-",
                "192.168.5.4",
                "999.999.999.999",
                "xn--abc",
                "sthree-abc",
                "amzn-s3-demo-x",
                "abc-s3alias",
                "abc--ol-s3",
                "abc.mrap",
                "abc--x-s3",
                "abc\n",
                "abc\0",
                "a*c",
                "a?c",
                "a/b",
                "bücket",
            ],
        );
    }

    #[test]
    fn cluster_names() {
        let longest = "a".repeat(100);
        let too_long = "a".repeat(101);
        check(
            ClusterName::parse,
            &["a", "Demo_1-x", "0", &longest],
            &["", &too_long, "-a", "_a", "a.b", "a/b", "a b", "a*", "a\n", "é"],
        );
    }

    #[test]
    fn repository_names() {
        let too_long = "a".repeat(257);
        check(
            RepositoryName::parse,
            &["ab", "a/b", "team.x/app_1/img-2", "0a"],
            &[
                "", "a", "A/b", "a//b", "/ab", "ab/", "a..b", "a__b", "a-_b", "-ab", "ab-", "a*", "a b",
                &too_long,
            ],
        );
    }

    #[test]
    fn secret_names() {
        check(SecretName::parse, &["a", "prod/db+x=1.@-_"], &["", "a b", "a*", "a?", "a:b", "a\n", "é"]);
    }

    #[test]
    fn prefixes_end_with_one_slash() {
        for (text, prefix) in
            [("a", "a/"), ("a/", "a/"), ("a/b", "a/b/"), ("a//", "a//"), ("日本/*", "日本/*/")]
        {
            assert_eq!(KeyPrefix::parse(text).expect(text).as_str(), prefix);
        }
        let long = "a".repeat(1024);
        for text in ["", "/", "/a", "a\nb", "a/../b", "..", "./a", &long] {
            assert!(KeyPrefix::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostile_text_of_64_kib_is_answered() {
        for part in ["a", "a-", "a.", "/", "a/", "-", "_", "."] {
            let text = part.repeat(65_536 / part.len());
            assert!(BucketName::parse(text.as_str()).is_err());
            assert!(ClusterName::parse(text.as_str()).is_err());
            assert!(RepositoryName::parse(text.as_str()).is_err());
            assert!(SecretName::parse(text.as_str()).is_err());
            assert!(KeyPrefix::parse(&text).is_err());
        }
    }
}
