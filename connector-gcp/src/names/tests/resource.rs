//! Names of resources, by the rules of their services.

use super::super::*;
use super::check;

/// The rules of Cloud Storage's documentation, each with the sentence that tells it was broken.
#[test]
fn buckets() {
    let longest = "a".repeat(63);
    let longest_with_dots = [&*longest, &longest, &longest, &"a".repeat(30)].join(".");
    for good in [
        "abc",
        "123",
        "my-bucket",
        "my_bucket",
        "www.example.com",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.a",
        "my-goog",
        &longest,
        &longest_with_dots,
    ] {
        assert!(BucketName::parse(good).is_ok(), "refused: {good}");
    }
    assert_eq!(longest_with_dots.len(), 222);
    for (bad, reason) in [
        ("", "3 characters at least"),
        ("ab", "3 characters at least"),
        (&"a".repeat(64), "63 characters at most"),
        (&format!("{longest_with_dots}a"), "63 characters at most, or 222 with dots"),
        ("My-bucket", "no upper-case letters"),
        ("my bucket", "lower-case letters, digits, dots, hyphens and underscores alone"),
        ("my/bucket", "lower-case letters, digits, dots, hyphens and underscores alone"),
        ("my'bucket", "lower-case letters, digits, dots, hyphens and underscores alone"),
        ("my*bucket", "lower-case letters, digits, dots, hyphens and underscores alone"),
        ("bücket", "lower-case letters, digits, dots, hyphens and underscores alone"),
        ("bucket\n", "lower-case letters, digits, dots, hyphens and underscores alone"),
        ("-bucket", "begins and ends with a letter or a digit"),
        ("_bucket", "begins and ends with a letter or a digit"),
        ("bucket.", "begins and ends with a letter or a digit"),
        ("my..bucket", "1 to 63 characters between its dots"),
        (&format!("{}.com", "a".repeat(64)), "1 to 63 characters between its dots"),
        ("192.168.5.4", "not an IP address"),
        ("999.1.2.3", "not an IP address"),
        ("goog-files", "keeps bucket names that begin with `goog`"),
        ("google", "keeps bucket names that begin with `goog`"),
    ] {
        let error = BucketName::parse(bad).expect_err(bad);
        assert!(error.message().contains(reason), "{bad}: {error}");
        assert!(bad.len() < 3 || !error.to_string().contains(bad) || reason.contains("goog"), "{error}");
    }
}

#[test]
fn clusters() {
    let longest = "a".repeat(40);
    let too_long = "a".repeat(41);
    check(
        ClusterName::parse,
        &["a", "my-cluster", "c1", "autopilot-cluster-1", &longest],
        &[
            ("", "it is empty"),
            (&too_long, "41 characters are too many"),
            ("1c", "it begins with a digit"),
            ("-c", "it begins with a hyphen"),
            ("c-", "it ends with a hyphen"),
            ("C1", "it has a capital letter"),
            ("c_1", "an underscore separates it in the names of contexts"),
            ("c.1", "it has a dot"),
            ("c/1", "it has a slash"),
            ("c 1", "it has a blank"),
        ],
    );
    let too_long = ClusterName::parse(too_long).expect_err("too long");
    assert_eq!(too_long.message(), "a cluster name has 1 to 40 characters");
}

#[test]
fn locations() {
    check(
        Location::parse,
        &["us", "europe-west1", "europe-west1-b", "asia-northeast3", "northamerica-northeast1-a", "eur4"],
        &[
            ("", "it is empty"),
            ("u", "one letter is none"),
            ("-", "GKE's word for all of them is no place"),
            ("EU", "it has capital letters"),
            ("europe west1", "it has a blank"),
            ("europe/west1", "it has a slash"),
            ("africa-", "it ends with a hyphen"),
            ("europe.west1", "it would be another host"),
            ("a@b", "it would be a user name in a host"),
        ],
    );
}

#[test]
fn repositories() {
    let longest = "a".repeat(63);
    let too_long = "a".repeat(64);
    check(
        RepositoryName::parse,
        &["a", "images", "team-images-2", &longest],
        &[
            ("", "it is empty"),
            (&too_long, "64 characters are too many"),
            ("Images", "it has a capital letter"),
            ("2images", "it begins with a digit"),
            ("images-", "it ends with a hyphen"),
            ("gcr.io", "the hosts of Container Registry have a form of their own"),
            ("team/images", "it has a slash"),
            ("team_images", "it has an underscore"),
        ],
    );
}

#[test]
fn secrets() {
    let longest = "a".repeat(255);
    let too_long = "a".repeat(256);
    check(
        SecretName::parse,
        &["a", "db-password", "DB_PASSWORD", "1", "-", "_", &longest],
        &[
            ("", "it is empty"),
            (&too_long, "256 characters are too many"),
            ("db.password", "it has a dot"),
            ("db/password", "it has a slash"),
            ("db password", "it has a blank"),
            ("db:access", "a colon begins a verb in Google's paths"),
            ("pässword", "its letters are none of ASCII"),
        ],
    );
}
