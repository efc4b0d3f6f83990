//! Projects, accounts, scopes and domains.

use std::str::FromStr;

use super::super::*;
use super::{check, schema_of};

#[test]
fn projects() {
    let longest = "a".repeat(30);
    let too_long = "a".repeat(31);
    check(
        ProjectId::parse,
        &[
            "abc123",
            "my-project",
            "my-project-418207",
            "a--b--c",
            &longest,
            "example.com:files-1",
            "a-b.example.co.uk:my-project",
        ],
        &[
            ("", "it is empty"),
            ("abc12", "5 characters are too few"),
            (&too_long, "31 characters are too many"),
            ("1project", "it begins with a digit"),
            ("-files1", "it begins with a hyphen"),
            ("files1-", "it ends with a hyphen"),
            ("My-project", "it has a capital letter"),
            ("my_project", "it has an underscore"),
            ("my.project", "it has a dot and no colon"),
            ("my project", "it has a blank"),
            ("my-project\n", "it has the end of a line"),
            ("projects/my-project", "it is a full name"),
            ("123456789012", "it is a number, and calls are made with ids"),
            ("пример-проект", "its letters are none of ASCII"),
            ("example.com:abc12", "the id behind the domain is too short"),
            ("example:my-project", "a domain has a dot"),
            (":my-project", "the domain is empty"),
            (".com:my-project", "a part of the domain is empty"),
            ("-a.com:my-project", "a part of the domain begins with a hyphen"),
            ("example.com:a:my-project", "it has two colons"),
            ("example.com/my-project", "it is written as in a path"),
        ],
    );
}

#[test]
fn emails() {
    check(
        Email::parse,
        &[
            "deployer@my-project.iam.gserviceaccount.com",
            "deployer@files.example.com.iam.gserviceaccount.com",
            "123456789012-compute@developer.gserviceaccount.com",
            "my-project@appspot.gserviceaccount.com",
            "Alice.O'Neil+work@Example.com",
            "a@b.c",
        ],
        &[
            ("", "it is empty"),
            ("alice", "it has no domain"),
            ("alice@", "its domain is empty"),
            ("@example.com", "its name is empty"),
            ("alice@example", "a domain has a dot"),
            ("alice@exam_ple.com", "a domain has no underscore"),
            ("alice@-example.com", "a part of a domain begins with no hyphen"),
            ("a@b@example.com", "it has two of @"),
            ("a/b@example.com", "a slash would end the part of a path"),
            ("..%2f@example.com", "a percent sign would be decoded"),
            ("a:b@example.com", "a colon begins a verb in Google's paths"),
            ("a?b@example.com", "a question mark would begin the query"),
            ("alice @example.com", "it has a blank"),
            ("alice@example.com\r\nx: y", "it would be two headers"),
            ("älice@example.com", "its letters are none of ASCII"),
            ("alice@example.com:generateAccessToken", "it has the verb behind it"),
        ],
    );
}

#[test]
fn scopes() {
    let long = format!("https://{}", "a".repeat(512));
    check(
        Scope::parse,
        &[
            Scope::CLOUD_PLATFORM,
            Scope::EMAIL,
            "https://www.googleapis.com/auth/devstorage.read_only",
            "openid",
            "https://mail.google.com/",
        ],
        &[
            ("", "it is empty"),
            ("openid email", "these are two"),
            ("open\"id", "OAuth has no quotes in scopes"),
            ("open\\id", "OAuth has no backslash in scopes"),
            ("openid\n", "it has the end of a line"),
            ("öpenid", "its letters are none of ASCII"),
            (&long, "it is too long"),
        ],
    );
    let usual: Vec<_> = Scope::usual().iter().map(|it| it.as_str().to_owned()).collect();
    assert_eq!(usual, [Scope::CLOUD_PLATFORM, Scope::EMAIL], "GKE knows callers by the address");
}

#[test]
fn domains_of_universes() {
    check(
        UniverseDomain::parse,
        &["googleapis.com", "apis-berlin-build0.goog", "u.example.org"],
        &[
            ("", "it is empty"),
            ("universe", "a domain has a dot"),
            (".org", "a part is empty"),
            ("googleapis.com.", "a part is empty"),
            ("-a.com", "a part begins with a hyphen"),
            ("a-.com", "a part ends with a hyphen"),
            ("Googleapis.com", "it has a capital letter"),
            ("googleapis.com/x", "it has a path"),
            ("googleapis.com:8443", "it has a port"),
            ("alice@googleapis.com", "it has a user name"),
            ("https://googleapis.com", "it has a scheme"),
            ("googleapis.com?x", "it has a query"),
            ("googleapis.com\n", "it has the end of a line"),
        ],
    );
    for (text, usual) in [("googleapis.com", true), ("googleapis.org", false), ("a.googleapis.com", false)] {
        assert_eq!(UniverseDomain::parse(text).expect("a domain").is_default(), usual, "{text}");
    }
    assert!(UniverseDomain::default().is_default());
    // The schema bounds the whole, the check every part, too: a name has none longer than 63 characters.
    assert!(UniverseDomain::parse(format!("{}.com", "a".repeat(63))).is_ok());
    assert!(UniverseDomain::parse(format!("{}.com", "a".repeat(64))).is_err());
}

/// Each text has an example that its own check takes, and its field's own words stand beside it.
#[test]
fn examples_are_good() {
    fn example<T: schemars::JsonSchema + FromStr>() {
        let schema = schema_of::<T>();
        let example = schema["examples"][0].as_str().expect("an example").to_owned();
        assert!(example.parse::<T>().is_ok(), "{example}");
        assert_eq!(schema["description"], "What the field says of itself.");
        assert!(!schema.to_string().contains("$ref"), "{schema}");
    }
    example::<ProjectId>();
    example::<Email>();
    example::<Scope>();
    example::<UniverseDomain>();
    example::<BucketName>();
    example::<ClusterName>();
    example::<Location>();
    example::<RepositoryName>();
    example::<SecretName>();
}
