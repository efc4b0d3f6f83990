//! The names of resources, each checked by its service's own rules.

use connector_core::checked;

use super::checked::is_word;

checked! {
    /// The name of an S3 bucket by today's rules of general purpose buckets.
    BucketName {
        pattern: "^[a-z0-9][a-z0-9.-]*[a-z0-9]$",
        length: 3..=63,
        check: |text| broken_in_bucket(text).is_none(),
        expected: "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
        example: "my-bucket",
        rules: broken_in_bucket,
    }

    /// The name of an EKS cluster.
    ClusterName {
        pattern: "^[0-9A-Za-z][0-9A-Za-z_-]*$",
        length: 1..=100,
        check: |text| is_word(text, "-") && !text.starts_with(['-', '_']),
        expected: "a cluster name: up to 100 letters, digits, hyphens and underscores",
        example: "my-cluster",
        rules: |text| match text.len() {
            1..=100 if text.starts_with(['-', '_']) => Some("a cluster name begins with a letter or a digit"),
            1..=100 => Some("a cluster name is made of letters, digits, hyphens and underscores alone"),
            _ => Some("a cluster name has 1 to 100 characters"),
        },
    }

    /// The name of an ECR repository, with its path.
    RepositoryName {
        pattern: "^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$",
        length: 2..=256,
        check: |text| text.split('/').all(|part| part.split(['.', '_', '-']).all(is_lower_word)),
        expected: "a repository name: lower-case letters and digits, single . _ - within, / between parts",
        example: "team/app",
        rules: broken_in_repository,
    }

    /// The name of a secret in Secrets Manager.
    SecretName {
        pattern: "^[0-9A-Za-z/_+=.@-]+$",
        length: 1..=512,
        check: |text| is_word(text, "/+=.@-"),
        expected: "a secret name: up to 512 letters, digits and /_+=.@-",
        example: "prod/db",
        rules: |text| match text.len() {
            1..=512 => Some("a secret name is made of letters, digits and /_+=.@- alone"),
            _ => Some("a secret name has 1 to 512 characters"),
        },
    }
}

fn is_lower_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
}

/// S3 keeps these for itself.
const BUCKET_PREFIXES: [(&str, &str); 3] = [
    ("xn--", "S3 takes no bucket name that begins with `xn--`"),
    ("sthree-", "S3 keeps bucket names that begin with `sthree-` for itself"),
    ("amzn-s3-demo-", "S3 keeps bucket names that begin with `amzn-s3-demo-` for its documentation"),
];
const BUCKET_SUFFIXES: [(&str, &str); 5] = [
    ("-s3alias", "not a bucket name but, by its end `-s3alias`, the alias of an access point"),
    ("--ol-s3", "not a bucket name but, by its end `--ol-s3`, the alias of an Object Lambda access point"),
    (".mrap", "not a bucket name but, by its end `.mrap`, a multi-Region access point"),
    (
        "--x-s3",
        "by its end `--x-s3` the bucket name is that of a directory bucket, which is not reached here",
    ),
    (
        "--table-s3",
        "by its end `--table-s3` the bucket name is that of a table bucket, which is not reached here",
    ),
];

/// The rule that a text breaks, which is no name of a bucket.
fn broken_in_bucket(text: &str) -> Option<&'static str> {
    let is_alnum = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_inner = |it: u8| is_alnum(it) || matches!(it, b'.' | b'-');
    let ends_are_good = || [text.bytes().next(), text.bytes().last()].into_iter().flatten().all(is_alnum);
    let has = |parts: &[&str]| parts.iter().any(|it| text.contains(it));
    let reserved = || {
        let prefix = BUCKET_PREFIXES.iter().find(|(it, _)| text.starts_with(it));
        prefix.or_else(|| BUCKET_SUFFIXES.iter().find(|(it, _)| text.ends_with(it))).map(|(_, why)| *why)
    };
    if !(3..=63).contains(&text.len()) {
        Some("a bucket name has 3 to 63 characters")
    } else if text.bytes().any(|it| it.is_ascii_uppercase()) {
        Some("a bucket name has no upper-case letters")
    } else if !text.bytes().all(is_inner) {
        Some("a bucket name is made of lower-case letters, digits, dots and hyphens alone")
    } else if !ends_are_good() {
        Some("a bucket name begins and ends with a letter or a digit")
    } else if has(&[".."]) {
        Some("a bucket name has no two dots beside each other")
    } else if has(&[".-", "-."]) {
        Some("a bucket name has no hyphen beside a dot")
    } else if looks_like_an_address(text) {
        Some("a bucket name is not shaped like an IP address")
    } else {
        reserved()
    }
}

/// The rule that a text breaks, which is no name of a repository.
fn broken_in_repository(text: &str) -> Option<&'static str> {
    let is_inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"._-/".contains(&it);
    Some(if !(2..=256).contains(&text.len()) {
        "a repository name has 2 to 256 characters"
    } else if text.bytes().any(|it| it.is_ascii_uppercase()) {
        "a repository name has no upper-case letters"
    } else if !text.bytes().all(is_inner) {
        "a repository name is made of lower-case letters, digits and ._-/ alone"
    } else if text.split('/').any(str::is_empty) {
        "a repository name has something before, between and behind its slashes"
    } else {
        "a repository name has letters or digits around each of . _ and -"
    })
}

fn looks_like_an_address(text: &str) -> bool {
    text.split('.').count() == 4 && text.split('.').all(|it| it.bytes().all(|it| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use connector_core::{Error, Result};

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

    /// S17: the refusal names the rule that is broken.
    #[test]
    fn s17_a_refusal_names_the_rule() {
        let why = |error: Option<Error>| error.expect("refused").message().to_owned();
        for (text, says) in [
            ("ab", "3 to 63 characters"),
            ("Zen", "upper-case"),
            ("a_b_c", "dots and hyphens alone"),
            ("abc-", "begins and ends"),
            (".abc", "begins and ends"),
            ("a..b", "two dots"),
            ("a.-b", "hyphen beside a dot"),
            ("192.168.5.4", "IP address"),
            ("xn--foo", "begins with `xn--`"),
            ("bkt-s3alias", "the alias of an access point"),
            ("abc--x-s3", "directory bucket"),
        ] {
            let message = why(BucketName::parse(text).err());
            assert!(message.contains(says), "{text}: {message}");
        }
        for (text, says) in [
            ("a", "2 to 256"),
            ("Team/app", "upper-case"),
            ("a b", "alone"),
            ("a//b", "slashes"),
            ("a..b", "around each"),
        ] {
            let message = why(RepositoryName::parse(text).err());
            assert!(message.contains(says), "{text}: {message}");
        }
        for (text, says) in [("", "1 to 100"), ("-a", "begins"), ("a.b", "alone")] {
            let message = why(ClusterName::parse(text).err());
            assert!(message.contains(says), "{text}: {message}");
        }
        for (text, says) in [("", "1 to 512"), ("a b", "alone")] {
            let message = why(SecretName::parse(text).err());
            assert!(message.contains(says), "{text}: {message}");
        }
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
    fn a_hostile_text_of_64_kib_is_answered() {
        for part in ["a", "a-", "a.", "/", "a/", "-", "_", "."] {
            let text = part.repeat(65_536 / part.len());
            assert!(BucketName::parse(text.as_str()).is_err());
            assert!(ClusterName::parse(text.as_str()).is_err());
            assert!(RepositoryName::parse(text.as_str()).is_err());
            assert!(SecretName::parse(text.as_str()).is_err());
        }
    }
}
