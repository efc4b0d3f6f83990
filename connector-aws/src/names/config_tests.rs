use connector_conformance::{assert_names, field_schema as schema_of};
use serde_json::json;

use super::*;

/// One list of good and bad texts for each type.
fn check<T: JsonSchema>(parse: fn(String) -> Result<T>, good: &[&str], bad: &[&str]) {
    let bad: Vec<_> = bad.iter().map(|text| (*text, "it is listed as bad")).collect();
    assert_names(parse, good, &bad);
}

#[test]
fn region() {
    let long = "a".repeat(64);
    check(
        Region::parse,
        &["us-east-1", "us-gov-west-1", "garage", "a"],
        &["", "US-EAST-1", "us east", "-a", "a-", "us_east_1", "us-east-1\n", "a.b", "a/b", "é", &long],
    );
    for (region, like) in
        [("us-east-1", true), ("us-gov-west-1", true), ("eusc-de-east-1", true), ("us-east", false)]
    {
        assert_eq!(Region::parse(region).expect("a region").is_like_aws(), like, "{region}");
    }
}

#[test]
fn account() {
    check(
        AccountId::parse,
        &["123456789012"],
        &["", "12345678901", "1234567890123", "12345678901a", "１２３４"],
    );
}

#[test]
fn role_arn() {
    let long = format!("arn:aws:iam::123456789012:role/{}", "x".repeat(2048));
    check(
        RoleArn::parse,
        &[
            "arn:aws:iam::123456789012:role/a",
            "arn:aws-us-gov:iam::123456789012:role/path/to/name",
            "arn:aws-iso-b:iam::123456789012:role/a+=,.@-_",
        ],
        &[
            "role/a",
            "arn:aws:iam::123456789012:user/alice",
            "arn:aws:iam::210987654321:role/",
            "arn:aws:iam::12345678901:role/abc",
            "arn:aws:sts::123456789012:role/abc",
            "arn:aws:iam:us-east-1:123456789012:role/abc",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::123456789012:role/a\n",
            "arn:gcp:iam::123456789012:role/abc",
            &long,
        ],
    );
    let role = RoleArn::parse("arn:aws-cn:iam::123456789012:role/path/name").expect("a role");
    assert_eq!((role.account().as_str(), role.name()), ("123456789012", "name"));
    assert_eq!(role.partition(), Some(Partition::China));
    assert!(RoleArn::parse("arn:aws:iam::123456789012:role/path/").is_err());
}

#[test]
fn policy_arn() {
    check(
        PolicyArn::parse,
        &["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws-cn:iam::123456789012:policy/p/a"],
        &["arn:aws:iam::aws:role/abcdef", "arn:aws:iam:::policy/abcdef", "ReadOnlyAccess"],
    );
}

#[test]
fn names_of_sessions() {
    let longest = "a".repeat(64);
    let too_long = "a".repeat(65);
    let bad = ["", "a", "a b", "a/b", "a:b", "née", "ab\n", &too_long];
    check(SessionName::parse, &["ab", "a_b+=,.@-", &longest], &bad);
    check(SourceIdentity::parse, &["ab", "a_b+=,.@-", &longest], &bad);
}

#[test]
fn session_names_from_any_text() {
    for (text, longest, name) in [
        ("ci:deploy/prod", 64, "ci-deploy-prod"),
        ("", 64, "--"),
        ("é", 64, "--"),
        ("a name that is far too long for a federation token", 32, "a-name-that-is-far-too-long-for-"),
    ] {
        let made = SessionName::lossy(text, longest);
        assert_eq!(made.as_str(), name);
        assert!(SessionName::parse(made.as_str()).is_ok());
    }
}

#[test]
fn external_id_and_mfa() {
    let long = "a".repeat(1225);
    check(ExternalId::parse, &["12", "a:b/c=@,.+-_"], &["", "1", "a b", "a;b", "a\"b", &long]);
    check(
        MfaSerial::parse,
        &["arn:aws:iam::123456789012:mfa/alice", "GAHT12345678"],
        &["", "12345678", "GAHT 12345678", "GAHT1234;5678"],
    );
}

/// Two ARNs in one text are no role, neither for the schema nor for the parser.
#[test]
fn a_list_in_one_text_is_no_role() {
    check(
        RoleArn::parse,
        &["arn:aws:iam::123456789012:role/a,b", "arn:aws:iam::123456789012:role/team/of!all/name"],
        &[
            "arn:aws:iam::123456789012:role/a,arn:aws:iam::123456789012:role/b",
            "arn:aws:iam::123456789012:role/a, arn:aws:iam::123456789012:role/b",
            "arn:aws:iam::123456789012:role/a!",
        ],
    );
}

/// Each text has an example that its own check takes.
#[test]
fn examples_are_good() {
    fn example<T: JsonSchema + std::str::FromStr>() {
        let schema = schemars::schema_for!(T);
        let example = schema.as_value()["examples"][0].as_str().expect("an example").to_owned();
        assert!(example.parse::<T>().is_ok(), "{example}");
    }
    example::<Region>();
    example::<AccountId>();
    example::<RoleArn>();
    example::<PolicyArn>();
    example::<SessionName>();
    example::<ExternalId>();
    example::<SourceIdentity>();
    example::<MfaSerial>();
}

#[test]
fn one_role_or_a_chain() {
    let (a, b) = ("arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b");
    let one: RoleArns = serde_json::from_value(json!(a)).expect("one");
    assert!(!one.is_chain() && one.intermediate().is_empty());
    let chain: RoleArns = serde_json::from_value(json!([a, b])).expect("a chain");
    assert!(chain.is_chain());
    assert_eq!((chain.intermediate()[0].as_str(), chain.last().as_str()), (a, b));
    for bad in [json!([]), json!("x"), json!([a, 1]), json!(null), json!({}), json!(vec![a; 11])] {
        assert!(serde_json::from_value::<RoleArns>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn the_schema_shows_pattern_and_the_fields_own_words() {
    let schema = schema_of::<Region>();
    assert_eq!(schema["description"], "What the field says of itself.");
    let schema = schema_of::<RoleArns>();
    assert!(!schema.to_string().contains("$ref"), "{schema}");
    assert!(schema.to_string().contains("minItems"), "{schema}");
}
