//! Reading, writing, matching and comparing.

use super::*;

const ALLOWED: Decision = Decision::Allowed;
const EXPLICIT: Decision = Decision::Denied(Denial::Explicit);
const IMPLICIT: Decision = Decision::Denied(Denial::Implicit);
const UNKNOWN: Decision = Decision::Unknown;

#[test]
fn strings_and_lists_read_alike_and_write_shortest() {
    let spread = r#"{
        "Version": "2012-10-17", "Id": "x",
        "Statement": { "Sid": "a", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*",
            "Condition": { "Bool": { "aws:SecureTransport": true } } }
    }"#;
    let short = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}"#;
    assert_eq!(policy(spread), policy(short));
    assert_eq!(policy(spread).to_json(), short);
}

#[test]
fn writing_keeps_what_was_read() {
    for json in [
        r#"{"Version":"2008-10-17","Statement":[{"Effect":"Deny","NotAction":["a:b","c:*"],"NotResource":"*"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":["*","x"],"Condition":{"A":{"k":"v","l":["w","x"]},"B":{"k":"\"\\\u0001"}}}]}"#,
    ] {
        assert_eq!(policy(json).to_json(), json);
    }
}

/// STS takes U+0020 to U+00FF only; what lies above is escaped, and means the same.
#[test]
fn characters_beyond_latin_are_escaped() {
    let made = Policy::new(vec![Statement::allow(["s3:GetObject"], ["arn:aws:s3:::b/日é😀/*"])]);
    let json = made.to_json();
    assert!(json.contains("\\u65e5é\\ud83d\\ude00"), "{json}");
    assert!(json.chars().all(|it| (' '..='\u{ff}').contains(&it)));
    assert_eq!(policy(&json), made);
}

#[test]
fn what_is_no_policy_is_refused_by_its_place_and_not_quoted() {
    let long = format!("\"{}\"", "x".repeat(70_000));
    let deep = "[".repeat(60_000);
    for (json, says) in [
        ("", "not JSON: line 1"),
        (r#"{"Version":"hunter2","Statement":[]}"#, "Version"),
        (r#""hunter2""#, "not a JSON object"),
        (r#"{"Statement":[]}"#, "no Statement"),
        (r#"{"Statement":["hunter2"]}"#, "statement 1"),
        (r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"},"hunter2":1}"#, "element that no"),
        (r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"},"Sid":"hunter2"}"#, "element Sid"),
        (r#"{"Statement":{"Effect":"hunter2","Action":"a:b","Resource":"*"}}"#, "Effect"),
        (r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#, "Action and NotAction"),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"a:b","NotAction":"c:d","Resource":"*"}}"#,
            "one of Action",
        ),
        (r#"{"Statement":{"Effect":"Allow","Action":{"hunter2":1},"Resource":"*"}}"#, "Action"),
        (r#"{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}"#, "Action"),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":["hunter2"]}}"#,
            "Condition",
        ),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"A":{"hunter2":[]}}}}"#,
            "Condition",
        ),
        (long.as_str(), "64 KiB"),
        (deep.as_str(), "not JSON"),
    ] {
        let error = Policy::parse(json).expect_err(json);
        assert!(error.to_string().contains(says), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn requests_are_decided() {
    let read = r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/a/*"}"#;
    let deny = r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/a/secret/*"}"#;
    let listing = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLike":{"s3:prefix":["a/*","${*}"]}}}"#;
    let both = format!("{read},{deny}");
    let not_action = r#"{"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::b/*"}"#;
    let user = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}"#;
    let deny_user = format!(
        r#"{{"Effect":"Allow","Action":"*","Resource":"*"}},{}"#,
        r#"{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}"#
    );
    let principal = r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}"#;
    for (policy, action, resource, context, decision) in [
        (read, "s3:GetObject", "arn:aws:s3:::b/a/x", &[][..], ALLOWED),
        (read, "S3:getobject", "arn:aws:s3:::b/a/x/y", &[], ALLOWED),
        (read, "s3:PutObject", "arn:aws:s3:::b/a/x", &[], IMPLICIT),
        (read, "s3:GetObject", "arn:aws:s3:::b/ab/x", &[], IMPLICIT),
        (read, "s3:GetObject", "arn:aws:s3:::B/a/x", &[], IMPLICIT),
        (&both, "s3:GetObject", "arn:aws:s3:::b/a/secret/x", &[], EXPLICIT),
        (&both, "s3:GetObject", "arn:aws:s3:::b/a/x", &[], ALLOWED),
        (listing, "s3:ListBucket", "arn:aws:s3:::b", &[("s3:prefix", "a/b")], ALLOWED),
        (listing, "s3:ListBucket", "arn:aws:s3:::b", &[("S3:Prefix", "*")], ALLOWED),
        (listing, "s3:ListBucket", "arn:aws:s3:::b", &[("s3:prefix", "b")], IMPLICIT),
        (listing, "s3:ListBucket", "arn:aws:s3:::b", &[], IMPLICIT),
        (not_action, "s3:GetObject", "arn:aws:s3:::c/x", &[], ALLOWED),
        (not_action, "iam:GetUser", "arn:aws:s3:::c/x", &[], IMPLICIT),
        (not_action, "s3:GetObject", "arn:aws:s3:::b/x", &[], IMPLICIT),
        (user, "s3:GetObject", "arn:aws:s3:::b/alice/x", &[], UNKNOWN),
        (user, "s3:GetObject", "arn:aws:s3:::c/alice/x", &[], IMPLICIT),
        (&deny_user, "s3:GetObject", "arn:aws:s3:::b/alice/x", &[], UNKNOWN),
        (&deny_user, "s3:GetObject", "arn:aws:s3:::c/alice/x", &[], ALLOWED),
        (principal, "s3:GetObject", "arn:aws:s3:::b/x", &[], UNKNOWN),
        // A star over colons: it depends on how AWS reads it.
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:*/x"}"#,
            "s3:GetObject",
            "arn:aws:s3:::b/x",
            &[],
            UNKNOWN,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:*"}"#,
            "s3:GetObject",
            "arn:aws:s3:::b/x",
            &[],
            ALLOWED,
        ),
    ] {
        let request = Request::new(action, resource).with_context(context);
        assert_eq!(statements(policy).allows(&request), decision, "{policy} {request:?}");
    }
}

#[test]
fn conditions_are_decided() {
    let with = |condition: &str| {
        statements(&format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#))
    };
    for (condition, context, decision) in [
        (r#"{"StringEquals":{"k":["a","b"]}}"#, &[("k", "b")][..], ALLOWED),
        (r#"{"StringEquals":{"k":"*"}}"#, &[("k", "b")], IMPLICIT),
        (r#"{"StringEqualsIgnoreCase":{"k":"A"}}"#, &[("k", "a")], ALLOWED),
        (r#"{"StringNotEquals":{"k":["a","b"]}}"#, &[("k", "b")], IMPLICIT),
        (r#"{"StringNotEquals":{"k":["a","b"]}}"#, &[("k", "c")], ALLOWED),
        (r#"{"StringNotEquals":{"k":"a"}}"#, &[], ALLOWED),
        (r#"{"StringNotLike":{"k":"a*"}}"#, &[("k", "ab")], IMPLICIT),
        (r#"{"StringLikeIfExists":{"k":"a*"}}"#, &[], ALLOWED),
        (r#"{"StringLikeIfExists":{"k":"a*"}}"#, &[("k", "b")], IMPLICIT),
        (r#"{"ArnLike":{"k":"arn:aws:s3:::b*"}}"#, &[("k", "arn:aws:s3:::bc")], ALLOWED),
        (r#"{"ArnNotEquals":{"k":"arn:aws:s3:::b"}}"#, &[("k", "arn:aws:s3:::bc")], ALLOWED),
        (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, &[("aws:SecureTransport", "true")], ALLOWED),
        (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, &[], UNKNOWN),
        (r#"{"Null":{"k":"true"}}"#, &[], ALLOWED),
        (r#"{"Null":{"k":"true"}}"#, &[("k", "x")], IMPLICIT),
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, &[("aws:SourceIp", "10.1.1.1")], UNKNOWN),
        (r#"{"ForAllValues:StringEquals":{"k":"a"}}"#, &[("k", "a")], UNKNOWN),
        (r#"{"Wished":{"k":"a"}}"#, &[("k", "a")], UNKNOWN),
        (r#"{"StringEquals":{"k":"a"},"Wished":{"k":"a"}}"#, &[("k", "b")], IMPLICIT),
    ] {
        let request = Request::new("a:b", "*").with_context(context);
        assert_eq!(with(condition).allows(&request), decision, "{condition} {context:?}");
    }
}

/// In the first edition `${*}` is a dollar, a brace and a wildcard.
#[test]
fn variables_are_of_the_second_edition() {
    let json = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${*}"}}"#;
    let (old, new) = (policy(json), statements(&json[13..json.len() - 1]));
    let literal = Request::new("s3:GetObject", "arn:aws:s3:::b/*");
    let spelled = Request::new("s3:GetObject", "arn:aws:s3:::b/${anything}");
    assert_eq!((old.allows(&literal), new.allows(&literal)), (IMPLICIT, ALLOWED));
    assert_eq!((old.allows(&spelled), new.allows(&spelled)), (ALLOWED, IMPLICIT));
}

#[derive(Debug, PartialEq)]
enum Is {
    Yes,
    No,
    Unknown,
}

#[test]
fn subsets_are_decided() {
    let get = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#;
    let listing = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLike":{"s3:prefix":"a/b/*"}}}"#;
    let deny = |rest: &str| {
        format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny",{rest}}}"#)
    };
    let tls = r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;
    let get_by_tls = format!("{get},{tls}");
    let (deny_other, deny_part, deny_bool, deny_all_but) = (
        deny(r#""Action":"s3:Put*","Resource":"*""#),
        deny(r#""Action":"s3:*","Resource":"arn:aws:s3:::b/secret/*""#),
        format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*"}},{tls}"#),
        deny(r#""NotAction":"s3:*","NotResource":"arn:aws:s3:::b*""#),
    );
    // An ARN that is not written to its end goes on with anything.
    let deny_short = deny(r#""Action":"*","Resource":"arn:aws:s3""#);
    let (deny_elsewhere, deny_unlike, deny_like) = (
        deny(r#""Action":"*","Resource":"*","Condition":{"StringLike":{"s3:prefix":"c/*"}}"#),
        deny(r#""Action":"*","Resource":"*","Condition":{"StringNotLike":{"s3:prefix":"a/*"}}"#),
        deny(r#""Action":"*","Resource":"*","Condition":{"StringLike":{"s3:prefix":"a/b/c*"}}"#),
    );
    let wide_listing = |like: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"StringLike":{{"s3:prefix":{like}}}}}}}"#
        )
    };
    for (narrow, wide, is) in [
        (get, get, Is::Yes),
        (get, r#"{"Effect":"Allow","Action":"S3:get*","Resource":["x","arn:aws:s3:::b*"]}"#, Is::Yes),
        (get, r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, Is::Yes),
        (r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, get, Is::Unknown),
        (get, r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#, Is::No),
        (get, r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::c/*"}"#, Is::No),
        (get, r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/a*"}"#, Is::Unknown),
        (get, r#"{"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::c/*"}"#, Is::Yes),
        (get, r#"{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}"#, Is::No),
        (get, r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#, Is::Unknown),
        (get, r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}/*"}"#, Is::Unknown),
        (
            get,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Wished":{"k":"v"}}}"#,
            Is::Unknown,
        ),
        (get, &deny_other, Is::Yes),
        (get, &deny_part, Is::No),
        (get, &deny_short, Is::No),
        (get, &deny_bool, Is::Unknown),
        (&get_by_tls, &deny_bool, Is::Yes),
        (get, &deny_all_but, Is::Yes),
        (r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#, &deny_all_but, Is::No),
        (listing, &wide_listing(r#"["x","a/*"]"#), Is::Yes),
        (listing, &wide_listing(r#"["x","a/?"]"#), Is::Unknown),
        (listing, &deny_elsewhere, Is::Yes),
        (listing, &deny_unlike, Is::Yes),
        (listing, &deny_like, Is::Unknown),
        (get, &deny_elsewhere, Is::Unknown),
        (r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#, get, Is::Yes),
    ] {
        let answer = match is_subset(&statements(narrow), &statements(wide)) {
            Subset::Yes => Is::Yes,
            Subset::No(_) => Is::No,
            Subset::Unknown(_) => Is::Unknown,
        };
        assert_eq!(answer, is, "{narrow} in {wide}");
    }
}

/// Identical conditions imply each other, whether they are understood or not; variables only within an edition.
#[test]
fn an_unknown_condition_is_at_least_itself() {
    let json = r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Wished":{"k":["${x}","b"]}}}"#;
    let new = statements(json);
    let old = policy(&format!(r#"{{"Statement":[{json}]}}"#));
    let more = statements(&json.replace("\"b\"", "\"b\",\"c\""));
    assert_eq!(is_subset(&new, &new), Subset::Yes);
    for (narrow, wide) in [(&new, &old), (&new, &more), (&more, &new)] {
        assert!(matches!(is_subset(narrow, wide), Subset::Unknown(_)));
    }
}

/// A denial is shared when it is understood and means the same in both.
#[test]
fn denials_that_are_not_the_same_are_not_shared() {
    let allow = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}"#;
    let deny = r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b*"}"#;
    let understood = statements(&format!("{allow},{deny}"));
    let of_old = policy(&format!(r#"{{"Statement":[{allow},{deny}]}}"#));
    let opaque = statements(&format!("{allow},{}", deny.replace("Action", r#"Principal":"x","Action"#)));
    assert_eq!(is_subset(&understood, &understood), Subset::Yes);
    assert_ne!(is_subset(&understood, &of_old), Subset::Yes);
    assert_ne!(is_subset(&opaque, &opaque), Subset::Yes);
}

/// C28: work grows with the product of the lengths, not with a power of the number of stars.
#[test]
fn c28_hostile_patterns_are_answered() {
    let stars = "a*".repeat(1000);
    let text = "a".repeat(2000);
    let hostile = |pattern: &str| Policy::new(vec![Statement::allow(["s3:*"], [pattern])]);
    let wide = hostile(&format!("{stars}b"));
    assert_eq!(wide.allows(&Request::new("s3:GetObject", &text)), IMPLICIT);
    assert_ne!(is_subset(&hostile(&format!("{stars}c")), &wide), Subset::Yes);
    assert_eq!(is_subset(&wide, &wide), Subset::Yes);
}
