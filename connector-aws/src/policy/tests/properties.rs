//! Random policies and hostile names (C24).

use connector_core::Access;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::super::pattern::{Pattern, Truth};
use super::*;
use crate::names::{Arn, BucketName, KeyPrefix, Partition};

/// Counts what a property was really asked about: one that never applies shows nothing.
type Count = std::cell::Cell<u32>;

pub(super) fn cases(count: u32) -> TestRunner {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

/// All texts of up to five letters of two.
fn texts() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..5 {
        let until = all.len();
        for at in from..until {
            for letter in ['a', 'b'] {
                all.push(format!("{}{letter}", all[at]));
            }
        }
        from = until;
    }
    all
}

/// The meaning of a pattern, written as it is said.
fn says(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|it| says(rest, &text[it..])),
        ['?', rest @ ..] => !text.is_empty() && says(rest, &text[1..]),
        [letter, rest @ ..] => text.first() == Some(letter) && says(rest, &text[1..]),
    }
}

#[test]
fn patterns_match_contain_and_overlap_as_their_texts_do() {
    let texts: Vec<Vec<char>> = texts().iter().map(|it| it.chars().collect()).collect();
    let (contained, apart) = (Count::default(), Count::default());
    cases(3000)
        .run(&("[ab*?]{0,5}", "[ab*?]{0,5}"), |(one, other)| {
            let (a, b) = (Pattern::new(&one, Version::V2012), Pattern::new(&other, Version::V2012));
            let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
            let (mut both, mut beyond) = (false, false);
            for text in &texts {
                let (in_one, in_other) = (says(&one, text), says(&other, text));
                prop_assert_eq!(a.matches(&text.iter().collect::<String>()), Truth::from(in_one));
                both |= in_one && in_other;
                beyond |= in_other && !in_one;
            }
            if a.contains(&b) {
                prop_assert!(!beyond);
                contained.set(contained.get() + 1);
            }
            if !a.overlaps(&b) {
                prop_assert!(!both);
                apart.set(apart.get() + 1);
            }
            prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
            prop_assert!(a.contains(&a) && Pattern::new("*", Version::V2012).contains(&a));
            Ok(())
        })
        .expect("patterns mean what they say");
    assert!(contained.get() > 100 && apart.get() > 100, "{contained:?} {apart:?}");
}

const ACTIONS: [&str; 8] =
    ["s3:GetObject", "s3:Get*", "s3:*", "*", "s3:ListBucket", "S3:getobject", "s3:?etObject", "iam:*"];
const RESOURCES: [&str; 12] = [
    "*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a/*",
    "arn:aws:s3:::b/a?/*",
    "arn:aws:s3:::b/${*}/*",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:s3:*",
    "arn:aws:*",
    "arn:*:b/a*",
    "arn:aws:s3:::${?}",
];
const VALUES: [&str; 8] = ["a/*", "a/", "a", "*", "ab/*", "${*}", "a/b*", "${aws:username}"];
const OPERATORS: [(&str, &str); 11] = [
    ("StringLike", "s3:prefix"),
    ("StringLike", "S3:Prefix"),
    ("StringEquals", "s3:prefix"),
    ("StringNotLike", "s3:prefix"),
    ("StringNotEquals", "s3:prefix"),
    ("StringLikeIfExists", "s3:prefix"),
    ("StringLike", "aws:userid"),
    ("StringNotEquals", "k"),
    ("StringEquals", "k"),
    ("Null", "k"),
    ("Wished", "k"),
];

fn some_of(from: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(select(from).prop_map(str::to_owned), 1..3)
}

fn selection(from: &'static [&'static str]) -> impl Strategy<Value = Selection> {
    prop_oneof![4 => some_of(from).prop_map(Selection::Only), 1 => some_of(from).prop_map(Selection::AllBut)]
}

fn statement() -> impl Strategy<Value = Statement> {
    let effect = prop_oneof![3 => Just(Effect::Allow), 1 => Just(Effect::Deny)];
    let condition = (select(&OPERATORS[..]), some_of(&VALUES));
    let conditions =
        prop_oneof![2 => Just(vec![]).boxed(), 2 => prop::collection::vec(condition, 1..3).boxed()];
    let opaque = prop::bool::weighted(0.05);
    (effect, selection(&ACTIONS), selection(&RESOURCES), conditions, opaque).prop_map(
        |(effect, actions, resources, conditions, opaque)| {
            let bare = Statement { effect, actions, resources, conditions: Conditions::new(), opaque };
            conditions.into_iter().fold(bare, |it, ((operator, key), values)| it.when(operator, key, values))
        },
    )
}

pub(super) fn any_policy() -> impl Strategy<Value = Policy> {
    let version = prop_oneof![4 => Just(Version::V2012), 1 => Just(Version::V2008)];
    (version, prop::collection::vec(statement(), 1..4))
        .prop_map(|(version, statements)| Policy { version, statements })
}

/// C24: what is called a subset allows nothing more, for every request of a grid that fits the vocabulary.
#[test]
fn c24_a_subset_allows_nothing_more() {
    let actions = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "iam:GetUser"];
    let resources = [
        "*",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/a/x",
        "arn:aws:s3:::b/ab/x",
        "arn:aws:s3:::b/*/x",
        "arn:aws:s3:::b/${x}/x",
        "arn:aws:s3:::?",
        "arn:aws:iam::1:b/a",
    ];
    let prefixes = [None, Some("a"), Some("a/"), Some("a/b"), Some("ab/x"), Some("*")];
    let (yes, allowed) = (Count::default(), Count::default());
    cases(1500)
        .run(&(any_policy(), any_policy(), prop::bool::ANY), |(mut narrow, wide, related)| {
            if related {
                // Unrelated policies are rarely subsets: take over the other one's statements.
                narrow.version = wide.version;
                narrow.statements.truncate(1);
                narrow.statements.extend(wide.statements.iter().cloned());
            }
            if is_subset(&narrow, &wide) != Subset::Yes {
                return Ok(());
            }
            yes.set(yes.get() + 1);
            for action in actions {
                for resource in resources {
                    for prefix in prefixes {
                        for key in [None, Some("a")] {
                            let context: Vec<(&str, &str)> = prefix
                                .map(|it| ("s3:prefix", it))
                                .into_iter()
                                .chain(key.map(|it| ("k", it)))
                                .collect();
                            let request = Request::new(action, resource).with_context(&context);
                            if narrow.allows(&request) == Decision::Allowed {
                                allowed.set(allowed.get() + 1);
                                prop_assert_eq!(wide.allows(&request), Decision::Allowed, "{:?}", request);
                            }
                        }
                    }
                }
            }
            Ok(())
        })
        .expect("a subset allows nothing more");
    assert!(yes.get() > 100 && allowed.get() > 5000, "{yes:?} {allowed:?}");
}

#[test]
fn any_policy_reads_back_as_it_was_written() {
    cases(500)
        .run(&any_policy(), |mut policy| {
            policy.statements.iter_mut().for_each(|it| it.opaque = false);
            prop_assert_eq!(Policy::parse(&policy.to_json()).expect("our own JSON"), policy);
            Ok(())
        })
        .expect("writing and reading agree");
}

/// C24: no bucket or prefix, however it is spelled, opens its neighbour.
#[test]
fn c24_hostile_names_open_no_sibling() {
    let hostile = prop_oneof![
        "[a*?$/{}:\"\\\\]{1,8}",
        "\\PC{1,12}",
        select(&["*", "?", "${*}", "${aws:username}", "$", "${", "}", "a*", "\",\"Resource\":\"*"][..])
            .prop_map(str::to_owned),
    ];
    let buckets = select(&["aaa", "a.a", "a-a", "aaaa", "123"][..]);
    cases(3000)
        .run(
            &(buckets.clone(), buckets, hostile.clone(), hostile),
            |(bucket, other_bucket, within, other)| {
                let (Ok(within), Ok(other)) = (KeyPrefix::parse(&within), KeyPrefix::parse(&other)) else {
                    return Ok(());
                };
                let target = Target::Bucket {
                    bucket: BucketName::parse(bucket).expect("a bucket"),
                    prefix: Some(within.clone()),
                };
                let policy = target.policy(Access::Write, Partition::Aws).expect("a policy");
                // Through its JSON, as STS gets it.
                let policy = Policy::parse(&policy.to_json()).expect("our own JSON");
                for prefix in [&within, &other] {
                    for bucket_asked in [bucket, other_bucket] {
                        let expect = |ours: bool| match ours && bucket_asked == bucket {
                            true => Decision::Allowed,
                            false => Decision::Denied(Denial::Implicit),
                        };
                        let (asked, folder) = (prefix.folder(), within.folder());
                        let expected = expect(asked.starts_with(&folder));
                        let under = format!("arn:aws:s3:::{bucket_asked}/{asked}x");
                        prop_assert_eq!(policy.allows(&Request::new("s3:PutObject", &under)), expected);
                        // The object of the very name, and its sibling.
                        for key in [prefix.as_str().to_owned(), format!("{prefix}2")] {
                            let ours = key.starts_with(&folder) || within.object() == Some(&key);
                            let object = format!("arn:aws:s3:::{bucket_asked}/{key}");
                            let decision = policy.allows(&Request::new("s3:PutObject", &object));
                            prop_assert_eq!(decision, expect(ours));
                        }
                        let context = [("s3:prefix", asked.as_str())];
                        let place = format!("arn:aws:s3:::{bucket_asked}");
                        let listing = Request::new("s3:ListBucket", &place).with_context(&context);
                        prop_assert_eq!(policy.allows(&listing), expected);
                    }
                }
                Ok(())
            },
        )
        .expect("names stay names");
}

#[test]
fn c24_hostile_secret_names_open_no_sibling() {
    let name = "[a*?${}:-]{1,10}";
    cases(2000)
        .run(&(name, name), |(name, other)| {
            let arn = |name: &str| {
                Arn::parse(&format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}"))
            };
            let (Ok(ours), Ok(theirs)) = (arn(&name), arn(&other)) else { return Ok(()) };
            let policy = Target::Secret(ours.clone()).policy(Access::Read, Partition::Aws).expect("a policy");
            let decision = policy.allows(&Request::new("secretsmanager:GetSecretValue", theirs.as_str()));
            let expected =
                if ours == theirs { Decision::Allowed } else { Decision::Denied(Denial::Implicit) };
            prop_assert_eq!(decision, expected);
            Ok(())
        })
        .expect("names stay names");
}

/// C28: no text makes the readers panic.
#[test]
fn c28_any_text_is_answered() {
    cases(2000)
        .run(&prop_oneof!["\\PC*", "[\\[\\]{}\":,a-zA-Z*]{0,60}", "arn:[a-z:*/-]{0,40}"], |text| {
            let _ =
                (Policy::parse(&text), OwnPolicy::parse(&text), Arn::parse(&text), KeyPrefix::parse(&text));
            Ok(())
        })
        .expect("an answer, whatever it is");
}
