//! C24: names that would be more than themselves. Each type of name refuses them, or its policy allows exactly
//! what they name: `*` is an asterisk, `${…}` no variable, a quote no end of a string.

use connector_core::Access;
use proptest::prelude::*;
use proptest::sample::select;

use super::properties::cases;
use super::*;
use crate::names::{
    AccountId, Arn, BucketName, ClusterName, KeyPrefix, Partition, Region, RepositoryName, SecretName,
};

/// Names that a policy, JSON, a shell or a reader could take for something else.
const FAMOUS: [&str; 34] = [
    "*",
    "?",
    "**",
    "a*",
    "*a",
    "a?",
    "${*}",
    "${?}",
    "${$}",
    "$",
    "${",
    "}",
    "$${*}",
    "${aws:username}",
    "${aws:username, 'x'}",
    "\",\"Resource\":\"*",
    "\"",
    "\\",
    "\\u002a",
    "\\\"",
    "'",
    "a,b",
    "[",
    "{",
    "a:b",
    "a/../b",
    "..",
    "a\u{0}",
    "a\n",
    "a\u{85}",
    "\u{2028}",
    "\u{202e}a",
    "é",
    "Ａ",
];

/// Texts of the alphabet that all names know, with something hostile in every other one.
fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[a-z0-9]{1,4}([-._/][a-z0-9]{1,3}){0,2}",
        2 => "[ab*?$/{}:\"\\\\]{1,8}",
        1 => "\\PC{1,12}",
        1 => "[\\x00-\\xff]{1,6}",
        2 => select(&FAMOUS[..]).prop_map(str::to_owned),
        1 => ("[a-z]{1,3}", select(&FAMOUS[..])).prop_map(|(name, end)| format!("{name}{end}")),
    ]
}

/// Pairs of which the second is often next to the first.
fn neighbours() -> impl Strategy<Value = (String, String)> {
    (names(), names(), 0..7).prop_map(|(name, other, how)| {
        let other = match how {
            0 => name.clone(),
            1 => format!("{name}2"),
            2 => format!("{name}/x"),
            3 => name.chars().skip(1).collect(),
            4 => name.replace(['*', '?', '$'], "a"),
            5 => format!("{name}-AbCdEf"),
            _ => other,
        };
        (name, other)
    })
}

/// What was taken and what was refused: a property of nothing shows nothing.
#[derive(Debug, Default)]
struct Count {
    taken: std::cell::Cell<u32>,
    refused: std::cell::Cell<u32>,
    same: std::cell::Cell<u32>,
}

fn add(to: &std::cell::Cell<u32>) {
    to.set(to.get() + 1);
}

/// For a kind whose name is exactly one thing: `target` by the name, or a refusal; `arn` of any text that a
/// service might hold.
fn check(
    target: impl Fn(&str) -> connector_core::Result<Target>,
    action: &str,
    arn: impl Fn(&str) -> String,
    hostile_are_taken: bool,
) {
    let count = Count::default();
    cases(3000)
        .run(&neighbours(), |(name, other)| {
            let Ok(target) = target(&name) else {
                add(&count.refused);
                return Ok(());
            };
            add(&count.taken);
            let hostile =
                name.contains(['*', '?', '$', '"', '\\', '{', '}']) || name.chars().any(char::is_control);
            prop_assert!(hostile_are_taken || !hostile, "taken: {name:?}");
            for access in Access::ALL {
                let json = target.policy(access, Partition::Aws).expect("a policy").to_json();
                prop_assert!(
                    json.chars().all(|it| (' '..='\u{ff}').contains(&it)),
                    "STS would not take {json}"
                );
                let policy = Policy::parse(&json).expect("our own JSON");
                for (asked, ours) in [(&name, true), (&other, name == other)] {
                    let (resource, expected) = (
                        arn(asked),
                        match ours {
                            true => Decision::Allowed,
                            false => Decision::Denied(Denial::Implicit),
                        },
                    );
                    let decision = policy.allows(&Request::new(action, &resource));
                    prop_assert_eq!(decision, expected, "{} on {} by {}", action, resource, json);
                }
            }
            if name == other {
                add(&count.same);
            }
            Ok(())
        })
        .expect("names stay names");
    let Count { taken, refused, same } = &count;
    assert!(taken.get() > 150 && refused.get() > 150 && same.get() > 30, "{count:?}");
}

fn region() -> Region {
    Region::parse("eu-west-1").expect("a region")
}

fn account() -> AccountId {
    AccountId::parse("123456789012").expect("an account")
}

#[test]
fn c24_hostile_bucket_names() {
    let target = |name: &str| Ok(Target::Bucket { bucket: BucketName::parse(name)?, prefix: None });
    check(target, "s3:ListBucket", |name| format!("arn:aws:s3:::{name}"), false);
    check(target, "s3:GetBucketLocation", |name| format!("arn:aws:s3:::{name}"), false);
}

#[test]
fn c24_hostile_repository_names() {
    let arn = |name: &str| format!("arn:aws:ecr:eu-west-1:123456789012:repository/{name}");
    let private = |name: &str| {
        let repository = Some(RepositoryName::parse(name)?);
        Ok(Target::Registry { region: region(), account: account(), repository })
    };
    check(private, "ecr:BatchGetImage", arn, false);
    let arn = |name: &str| format!("arn:aws:ecr-public::123456789012:repository/{name}");
    let public = |name: &str| Ok(Target::PublicRegistry { repository: Some(RepositoryName::parse(name)?) });
    check(public, "ecr-public:DescribeImages", arn, false);
}

#[test]
fn c24_hostile_cluster_names() {
    let arn = |name: &str| format!("arn:aws:eks:eu-west-1:123456789012:cluster/{name}");
    for known in [true, false] {
        let target = |name: &str| {
            let account = known.then(account);
            Ok(Target::Cluster { region: region(), account, cluster: ClusterName::parse(name)? })
        };
        check(target, "eks:DescribeCluster", arn, false);
    }
}

#[test]
fn c24_hostile_secret_names() {
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf");
    for known in [true, false] {
        let target = |name: &str| {
            let account = known.then(account);
            Ok(Target::NamedSecret { region: region(), account, name: SecretName::parse(name)? })
        };
        check(target, "secretsmanager:GetSecretValue", arn, false);
    }
}

/// An ARN may hold anything but control characters, so its hostile characters are taken, as themselves.
#[test]
fn c24_hostile_secret_arns() {
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}");
    check(
        |name: &str| Ok(Target::Secret(Arn::parse(&arn(name))?)),
        "secretsmanager:GetSecretValue",
        arn,
        true,
    );
}

/// Region and account come before the name in an ARN: what holds a colon or a pattern is refused.
#[test]
fn c24_hostile_regions_and_accounts() {
    let target = |name: &str| {
        let (account, repository) = (account(), RepositoryName::parse("team/app").ok());
        Ok(Target::Registry { region: Region::parse(name)?, account, repository })
    };
    let arn = |name: &str| format!("arn:aws:ecr:{name}:123456789012:repository/team/app");
    check(target, "ecr:BatchGetImage", arn, false);
    for text in
        FAMOUS.iter().copied().chain(["12345678901", "1234567890123", "12345678901*", "12345678901２"])
    {
        assert!(AccountId::parse(text).is_err(), "{text:?}");
    }
}

/// A part of a bucket is the widest door: keys are any text. What lies under it is allowed, and what it names.
#[test]
fn c24_hostile_prefixes() {
    let count = Count::default();
    cases(4000)
        .run(&(neighbours(), prop::bool::ANY), |((name, other), slash)| {
            let within = if slash { format!("{name}/") } else { name };
            let Ok(prefix) = KeyPrefix::parse(&within) else {
                add(&count.refused);
                return Ok(());
            };
            add(&count.taken);
            prop_assert!(!within.chars().any(char::is_control));
            let bucket = BucketName::parse("zen").expect("a bucket");
            let target = Target::Bucket { bucket, prefix: Some(prefix) };
            // Said here once more, apart from `KeyPrefix`.
            let folder = if within.ends_with('/') { within.clone() } else { format!("{within}/") };
            for access in [Access::Read, Access::Write] {
                let json = target.policy(access, Partition::Aws).expect("a policy").to_json();
                prop_assert!(
                    json.chars().all(|it| (' '..='\u{ff}').contains(&it)),
                    "STS would not take {json}"
                );
                let policy = Policy::parse(&json).expect("our own JSON");
                let decided = |ours: bool| match ours {
                    true => Decision::Allowed,
                    false => Decision::Denied(Denial::Implicit),
                };
                let keys = [
                    within.clone(),
                    folder.clone(),
                    format!("{folder}x"),
                    format!("{within}2"),
                    other.clone(),
                    format!("{other}/x"),
                ];
                for key in &keys {
                    let ours = *key == within || key.starts_with(&folder);
                    let object = format!("arn:aws:s3:::zen/{key}");
                    let decision = policy.allows(&Request::new("s3:GetObject", &object));
                    prop_assert_eq!(decision, decided(ours), "{} by {}", object, json);
                    let context = [("s3:prefix", key.as_str())];
                    let listing = Request::new("s3:ListBucket", "arn:aws:s3:::zen").with_context(&context);
                    prop_assert_eq!(policy.allows(&listing), decided(key.starts_with(&folder)), "{}", key);
                    if ours {
                        add(&count.same);
                    }
                }
            }
            Ok(())
        })
        .expect("names stay names");
    assert!(count.taken.get() > 1000 && count.refused.get() > 300 && count.same.get() > 5000, "{count:?}");
    for text in ["", "/", "/a", "a\u{0}", "a\n/b", "a\u{7f}", "a\u{85}/", "..", "a/./b", "../zen2/"] {
        assert!(KeyPrefix::parse(text).is_err(), "{text:?}");
    }
}
