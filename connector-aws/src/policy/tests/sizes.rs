//! S34: size bounds at the worst case. The longest names there may be give a policy that STS takes, or an error
//! before any call that names the field and the way out; never a wider policy.

use connector_core::{Access, ErrorKind};

use super::*;
use crate::names::{
    AccountId, Arn, BucketName, ClusterName, KeyPrefix, Partition, Region, RepositoryName, SecretName,
};
use crate::narrowing::Narrowing;

/// The longest region of a partition that AWS has, and one as long as the type takes.
fn regions(partition: Partition) -> [Region; 2] {
    let longest =
        format!("{}{}", partition.global_region(), "1".repeat(63 - partition.global_region().len()));
    [partition.global_region().to_owned(), longest].map(|it| Region::parse(it).expect("a region"))
}

fn bucket(name: &str, prefix: Option<&str>) -> Target {
    let prefix = prefix.map(|it| KeyPrefix::parse(it).expect("a prefix"));
    Target::Bucket { bucket: BucketName::parse(name).expect("a bucket"), prefix }
}

fn longest_bucket() -> String {
    "b".repeat(63)
}

/// Characters as STS counts them: after the JSON is written, escapes as they stand.
fn size(target: &Target, access: Access, partition: Partition) -> usize {
    target.policy(access, partition).expect("a policy").to_json().chars().count()
}

/// Everything but a part of a bucket fits at its longest, at every level, everywhere.
#[test]
fn s34_the_longest_names_fit() {
    let account = AccountId::parse("123456789012").expect("an account");
    let repository = RepositoryName::parse("r".repeat(256)).expect("a repository");
    let cluster = ClusterName::parse("c".repeat(100)).expect("a cluster");
    let secret = SecretName::parse("s".repeat(512)).expect("a secret");
    let (mut judged, mut largest) = (0, 0);
    for partition in Partition::ALL {
        for region in regions(partition) {
            let arn = format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{secret}-AbCdEf");
            let (region, account) = (|| region.clone(), || account.clone());
            for target in [
                bucket(&longest_bucket(), None),
                Target::Registry { region: region(), account: account(), repository: None },
                Target::Registry {
                    region: region(),
                    account: account(),
                    repository: Some(repository.clone()),
                },
                Target::PublicRegistry { repository: None },
                Target::PublicRegistry { repository: Some(repository.clone()) },
                Target::Cluster { region: region(), account: Some(account()), cluster: cluster.clone() },
                Target::Secret(Arn::parse(&arn).expect("an ARN")),
                Target::NamedSecret { region: region(), account: Some(account()), name: secret.clone() },
            ] {
                for access in Access::ALL {
                    let policy = target.policy(access, partition).expect("a policy");
                    let chosen = SessionPolicies::choose(Some((&policy, "resource_id")), None, &[]);
                    assert_eq!(chosen.expect("it fits"), SessionPolicies::Generated(policy.to_json()));
                    (judged, largest) = (judged + 1, largest.max(size(&target, access, partition)));
                }
            }
        }
    }
    assert_eq!(judged, 8 * 3 * 2 * Partition::ALL.len());
    assert!((1_000..=SESSION_POLICY_LIMIT).contains(&largest), "{largest}");
}

/// Prefixes at and around the limit, of characters that take one, four and six places each: sent as they are,
/// or refused in `within`. What is sent names no more than what was asked.
#[test]
fn s34_a_part_fits_or_is_refused_by_name() {
    let (mut sent, mut refused) = (0, 0);
    for partition in Partition::ALL {
        for name in ["zen".to_owned(), longest_bucket()] {
            for letter in ["a", "*", "é", "日", "\"", "𝕏"] {
                for length in [1, 100, 200, 300, 460, 461, 600, 700, 1023] {
                    for slash in ["", "/"] {
                        let prefix = letter.repeat(length / letter.len()) + slash;
                        let Ok(parsed) = KeyPrefix::parse(&prefix) else { continue };
                        for access in [Access::Read, Access::Write] {
                            let target = bucket(&name, Some(parsed.as_str()));
                            let policy = target.policy(access, partition).expect("a policy");
                            let field = Narrowing::new(target.clone(), access).field();
                            let size = size(&target, access, partition);
                            match SessionPolicies::choose(Some((&policy, field)), None, &[]) {
                                Ok(chosen) => {
                                    assert!(size <= SESSION_POLICY_LIMIT);
                                    assert_eq!(chosen, SessionPolicies::Generated(policy.to_json()));
                                    let beside = format!("arn:{partition}:s3:::{name}/{}", letter.repeat(9));
                                    let beside = Request::new("s3:GetObject", &beside);
                                    assert!(length < 40 || policy.allows(&beside) != Decision::Allowed);
                                    sent += 1;
                                }
                                Err(error) => {
                                    assert!(size > SESSION_POLICY_LIMIT, "{size} is refused");
                                    assert_eq!(error.kind(), ErrorKind::InvalidInput);
                                    assert_eq!(error.field_problems()[0].field, "within", "{error}");
                                    let text = error.to_string();
                                    let says = [size.to_string(), SESSION_POLICY_LIMIT.to_string()];
                                    assert!(says.iter().all(|it| text.contains(it)), "{text}");
                                    assert!(
                                        error.hint().is_some_and(|it| it.contains("further up")),
                                        "{error:?}"
                                    );
                                    refused += 1;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(sent > 500 && refused > 500, "{sent} sent, {refused} refused");
}

/// Fourteen folders of 32 characters within each other, to read and to write. With the longest name of a bucket
/// the slash at the end is needed, for the object of the very name takes the room of its path once more.
#[test]
fn s34_fourteen_nested_folders_fit() {
    let path = vec!["p".repeat(32); 14].join("/");
    assert_eq!(path.len(), 461);
    for partition in Partition::ALL {
        for access in [Access::Read, Access::Write] {
            let fits = |name: &str, path: &str| {
                let size = size(&bucket(name, Some(path)), access, partition);
                assert!(size <= SESSION_POLICY_LIMIT, "{size} for {access} in {partition}");
            };
            fits(&longest_bucket(), &format!("{path}/"));
            fits(&"b".repeat(30), &path);
        }
    }
}

/// What the connector's own policy denies takes room too: then that is what has to be shorter.
#[test]
fn s34_denials_that_are_too_long_are_refused_in_the_own_policy() {
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let deny = format!(
        r#"{{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}*"}}"#,
        "x".repeat(1700)
    );
    let own = OwnPolicy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{all},{deny}]}}"#));
    let own = own.expect("it fits by itself");
    let narrow = bucket("zen", None);
    let policy = narrow.policy(Access::Admin, Partition::Aws).expect("a policy");
    let chosen = SessionPolicies::choose(Some((&policy, "resource_id")), Some(&own), &[]).expect("within it");
    assert_eq!(chosen.json(), Some(&*policy.to_json()), "what is denied lies elsewhere");

    let deny = deny.replace("\"arn:aws:s3:::xx", "\"arn:aws:s3:::zen/xx");
    let own = OwnPolicy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{all},{deny}]}}"#));
    let own = own.expect("it fits by itself");
    let error =
        SessionPolicies::choose(Some((&policy, "resource_id")), Some(&own), &[]).expect_err("too large");
    assert_eq!(error.field_problems()[0].field, "policy", "{error}");
    assert!(error.hint().is_some_and(|it| it.contains("policy_arns")), "{error:?}");
}
