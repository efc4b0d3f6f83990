//! Each generated policy allows what its level needs on its target, and nothing next to it.

use connector_core::Access::{self, Admin, Read, Write};

use super::*;
use crate::names::{
    AccountId, Arn, BucketName, ClusterName, KeyPrefix, Partition, Region, RepositoryName, SecretName,
};

fn bucket(name: &str, within: Option<&str>) -> Target {
    Target::Bucket {
        bucket: BucketName::parse(name).expect("a bucket"),
        prefix: within.map(|it| KeyPrefix::parse(it).expect("a prefix")),
    }
}

fn registry(repository: Option<&str>) -> Target {
    Target::Registry {
        region: Region::parse("eu-west-1").expect("a region"),
        account: AccountId::parse("123456789012").expect("an account"),
        repository: repository.map(|it| RepositoryName::parse(it).expect("a repository")),
    }
}

/// Action, resource, context, and whether it is allowed.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], bool);

fn check(target: &Target, access: Access, cases: &[Case<'_>]) {
    let policy = target.policy(access, Partition::Aws).expect("a policy");
    for (action, resource, context, allowed) in cases {
        let decision = policy.allows(&Request::new(action, resource).with_context(context));
        let expected = if *allowed { Decision::Allowed } else { Decision::Denied(Denial::Implicit) };
        assert_eq!(decision, expected, "{access} {action} {resource} {context:?} by {}", policy.to_json());
    }
}

const ROOT: &[(&str, &str)] = &[];

/// S34: the policy names this bucket and no other.
#[test]
fn s34_bucket() {
    check(
        &bucket("zen", None),
        Read,
        &[
            ("s3:ListBucket", "arn:aws:s3:::zen", ROOT, true),
            ("s3:ListBucket", "arn:aws:s3:::zen", &[("s3:prefix", "any")], true),
            ("s3:GetBucketLocation", "arn:aws:s3:::zen", ROOT, true),
            ("s3:GetObject", "arn:aws:s3:::zen/a/b", ROOT, true),
            ("s3:GetObject", "arn:aws:s3:::zen2/a/b", ROOT, false),
            ("s3:GetObject", "arn:aws:s3:::ze/a/b", ROOT, false),
            ("s3:GetObject", "arn:aws-cn:s3:::zen/a/b", ROOT, false),
            ("s3:ListBucket", "arn:aws:s3:::zen2", ROOT, false),
            ("s3:ListAllMyBuckets", "*", ROOT, false),
            ("s3:PutObject", "arn:aws:s3:::zen/a", ROOT, false),
            ("s3:DeleteObject", "arn:aws:s3:::zen/a", ROOT, false),
            ("s3:PutBucketPolicy", "arn:aws:s3:::zen", ROOT, false),
        ],
    );
    check(
        &bucket("zen", None),
        Write,
        &[
            ("s3:GetObject", "arn:aws:s3:::zen/a", ROOT, true),
            ("s3:PutObject", "arn:aws:s3:::zen/a", ROOT, true),
            ("s3:DeleteObject", "arn:aws:s3:::zen/a", ROOT, true),
            ("s3:AbortMultipartUpload", "arn:aws:s3:::zen/a", ROOT, true),
            ("s3:ListBucketMultipartUploads", "arn:aws:s3:::zen", ROOT, true),
            ("s3:PutObject", "arn:aws:s3:::zen2/a", ROOT, false),
            ("s3:PutBucketPolicy", "arn:aws:s3:::zen", ROOT, false),
        ],
    );
    check(
        &bucket("zen", None),
        Admin,
        &[
            ("s3:PutObject", "arn:aws:s3:::zen/a", ROOT, true),
            ("s3:PutBucketPolicy", "arn:aws:s3:::zen", ROOT, true),
            ("s3:PutLifecycleConfiguration", "arn:aws:s3:::zen", ROOT, true),
            ("s3:PutBucketPolicy", "arn:aws:s3:::zen2", ROOT, false),
            ("s3:DeleteBucket", "arn:aws:s3:::zen", ROOT, false),
            ("iam:CreateUser", "*", ROOT, false),
        ],
    );
}

/// `a/` means what lies under it, `a` that and the object of this name; neither lists nor reads `ab`.
#[test]
fn s34_bucket_prefix_and_its_siblings() {
    for (within, names_an_object) in [("a", true), ("a/", false)] {
        check(
            &bucket("zen", Some(within)),
            Write,
            &[
                ("s3:ListBucket", "arn:aws:s3:::zen", &[("s3:prefix", "a/")], true),
                ("s3:ListBucket", "arn:aws:s3:::zen", &[("s3:prefix", "a/b/c")], true),
                ("s3:ListBucketVersions", "arn:aws:s3:::zen", &[("s3:prefix", "a/")], true),
                ("s3:GetBucketLocation", "arn:aws:s3:::zen", ROOT, true),
                ("s3:GetObject", "arn:aws:s3:::zen/a/x", ROOT, true),
                ("s3:PutObject", "arn:aws:s3:::zen/a/x", ROOT, true),
                ("s3:ListBucket", "arn:aws:s3:::zen", ROOT, false),
                ("s3:ListBucket", "arn:aws:s3:::zen", &[("s3:prefix", "")], false),
                // Would list `ab/` as well.
                ("s3:ListBucket", "arn:aws:s3:::zen", &[("s3:prefix", "a")], false),
                ("s3:ListBucket", "arn:aws:s3:::zen", &[("s3:prefix", "ab/")], false),
                ("s3:ListBucketMultipartUploads", "arn:aws:s3:::zen", ROOT, false),
                ("s3:GetObject", "arn:aws:s3:::zen/ab/x", ROOT, false),
                ("s3:GetObject", "arn:aws:s3:::zen/ab", ROOT, false),
                ("s3:GetObject", "arn:aws:s3:::zen/a", ROOT, names_an_object),
                ("s3:GetObjectVersion", "arn:aws:s3:::zen/a", ROOT, names_an_object),
                ("s3:PutObject", "arn:aws:s3:::zen/a", ROOT, names_an_object),
                ("s3:PutObject", "arn:aws:s3:::zen/b/a/x", ROOT, false),
                ("s3:GetObject", "arn:aws:s3:::zen2/a/x", ROOT, false),
            ],
        );
    }
    let error = bucket("zen", Some("a")).policy(Admin, Partition::Aws).expect_err("admin of a part");
    assert!(error.to_string().contains("whole bucket"), "{error}");
}

#[test]
fn s34_registry() {
    let token = ("ecr:GetAuthorizationToken", "*", ROOT, true);
    let ours = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app";
    let outside = [
        ("ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:210987654321:repository/team/app", ROOT, false),
        ("ecr:BatchGetImage", "arn:aws:ecr:eu-west-2:123456789012:repository/team/app", ROOT, false),
        ("ecr:DescribeRegistry", "*", ROOT, false),
    ];
    check(&registry(None), Read, &outside);
    check(
        &registry(None),
        Read,
        &[token, ("ecr:BatchGetImage", ours, ROOT, true), ("ecr:PutImage", ours, ROOT, false)],
    );
    check(&registry(Some("team/app")), Write, &outside);
    check(
        &registry(Some("team/app")),
        Write,
        &[
            token,
            ("ecr:GetDownloadUrlForLayer", ours, ROOT, true),
            ("ecr:PutImage", ours, ROOT, true),
            ("ecr:DeleteRepository", ours, ROOT, false),
            ("ecr:PutImage", "arn:aws:ecr:eu-west-1:123456789012:repository/team/app2", ROOT, false),
            ("ecr:PutImage", "arn:aws:ecr:eu-west-1:123456789012:repository/team", ROOT, false),
            ("ecr:PutImage", "arn:aws:ecr:eu-west-1:123456789012:repository/team/app/x", ROOT, false),
        ],
    );
    check(&registry(None), Admin, &[token, ("ecr:DeleteRepository", ours, ROOT, true)]);
}

#[test]
fn s34_public_registry() {
    check(
        &Target::PublicRegistry { repository: Some(RepositoryName::parse("app").expect("a repository")) },
        Write,
        &[
            ("ecr-public:GetAuthorizationToken", "*", ROOT, true),
            ("sts:GetServiceBearerToken", "*", ROOT, true),
            ("ecr-public:PutImage", "arn:aws:ecr-public::123456789012:repository/app", ROOT, true),
            ("ecr-public:PutImage", "arn:aws:ecr-public::123456789012:repository/app2", ROOT, false),
        ],
    );
}

#[test]
fn s34_cluster() {
    let (region, cluster) = (Region::parse("eu-west-1"), ClusterName::parse("demo"));
    let (region, cluster) = (region.expect("a region"), cluster.expect("a cluster"));
    let account = AccountId::parse("123456789012").ok();
    for (account, other_account) in [(account, false), (None, true)] {
        check(
            &Target::Cluster { region: region.clone(), account, cluster: cluster.clone() },
            Write,
            &[
                ("eks:DescribeCluster", "arn:aws:eks:eu-west-1:123456789012:cluster/demo", ROOT, true),
                (
                    "eks:DescribeCluster",
                    "arn:aws:eks:eu-west-1:210987654321:cluster/demo",
                    ROOT,
                    other_account,
                ),
                ("eks:DescribeCluster", "arn:aws:eks:eu-west-1:123456789012:cluster/demo2", ROOT, false),
                ("eks:DescribeCluster", "arn:aws:eks:eu-west-2:123456789012:cluster/demo", ROOT, false),
                ("eks:DeleteCluster", "arn:aws:eks:eu-west-1:123456789012:cluster/demo", ROOT, false),
                ("eks:ListClusters", "*", ROOT, false),
            ],
        );
    }
}

#[test]
fn s34_secret() {
    let place = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
    let (ours, other) = (format!("{place}db-AbCdEf"), format!("{place}db-XbCdEf"));
    let (longer, region) = (format!("{place}db-AbCdEf-AbCdEf"), ours.replace("eu-west-1", "eu-west-2"));
    let full = Target::Secret(Arn::parse(&ours).expect("an ARN"));
    let named = Target::NamedSecret {
        region: Region::parse("eu-west-1").expect("a region"),
        account: AccountId::parse("123456789012").ok(),
        name: SecretName::parse("db").expect("a name"),
    };
    for (target, same_name) in [(&full, false), (&named, true)] {
        check(
            target,
            Read,
            &[
                ("secretsmanager:GetSecretValue", &ours, ROOT, true),
                ("secretsmanager:DescribeSecret", &ours, ROOT, true),
                ("secretsmanager:GetSecretValue", &other, ROOT, same_name),
                ("secretsmanager:GetSecretValue", &longer, ROOT, false),
                ("secretsmanager:GetSecretValue", &region, ROOT, false),
                ("secretsmanager:PutSecretValue", &ours, ROOT, false),
                ("secretsmanager:ListSecrets", "*", ROOT, false),
            ],
        );
        check(
            target,
            Write,
            &[
                ("secretsmanager:PutSecretValue", &ours, ROOT, true),
                ("secretsmanager:DeleteSecret", &ours, ROOT, false),
            ],
        );
        check(
            target,
            Admin,
            &[
                ("secretsmanager:DeleteSecret", &ours, ROOT, true),
                ("secretsmanager:PutResourcePolicy", &ours, ROOT, true),
                ("secretsmanager:DeleteSecret", &longer, ROOT, false),
            ],
        );
    }
    assert!(full.policy(Read, Partition::China).is_err());
}

/// What a credential is said to carry is what its policy allows: listing ids is the connector's own affair.
#[test]
fn s34_what_is_carried_is_what_the_policy_allows() {
    let targets = [
        bucket("zen", None),
        bucket("zen", Some("a")),
        registry(None),
        Target::PublicRegistry { repository: None },
    ];
    for target in targets {
        let policy = target.policy(Write, Partition::Aws).expect("a policy");
        let mut allowed: Vec<_> = policy.statements.iter().flat_map(|it| it.actions.patterns()).collect();
        let mut carried = target.carries(Write);
        allowed.sort();
        carried.sort();
        assert_eq!(carried, allowed);
        assert!(!carried.contains(&"s3:ListAllMyBuckets"));
    }
    assert!(!bucket("zen", Some("a")).carries(Write).contains(&"s3:ListBucketMultipartUploads"));
}

#[test]
fn every_partition_names_itself() {
    for partition in Partition::ALL {
        let json = bucket("zen", Some("a")).policy(Write, partition).expect("a policy").to_json();
        assert!(json.contains(&format!("arn:{partition}:s3:::zen/a/*")), "{json}");
        assert_eq!(json.matches(&format!("arn:{partition}:s3:::zen")).count(), json.matches("arn:").count());
    }
}

/// Each level includes the ones before it, and all of them leave room for longer names.
#[test]
fn levels_add_up_and_stay_small() {
    let targets = [
        bucket("zen", None),
        bucket("zen", Some("a")),
        registry(None),
        registry(Some("team/app")),
        Target::PublicRegistry { repository: None },
    ];
    for target in &targets {
        let levels: Vec<_> =
            Access::ALL.into_iter().filter_map(|it| target.policy(it, Partition::Aws).ok()).collect();
        for pair in levels.windows(2) {
            assert_eq!(is_subset(&pair[0], &pair[1]), Subset::Yes);
            assert_ne!(is_subset(&pair[1], &pair[0]), Subset::Yes);
        }
        for level in levels {
            assert!(level.to_json().len() < 1400, "{}", level.to_json().len());
        }
    }
}

/// S5: the list that `describe-type` shows is the one that policies are made from.
#[test]
fn s5_permissions_name_what_is_needed() {
    let read = permissions(Kind::Bucket, Read);
    let write = permissions(Kind::Bucket, Write);
    for action in ["s3:ListBucket", "s3:GetObject", "s3:ListAllMyBuckets"] {
        assert!(read.contains(&action) && write.contains(&action), "{action}");
    }
    for action in ["s3:PutObject", "s3:DeleteObject"] {
        assert!(write.contains(&action) && !read.contains(&action), "{action}");
    }
    let of_objects =
        Kind::Bucket.permissions(Read).find(|it| it.action == "s3:GetObject").expect("it is there");
    assert_eq!(of_objects.resource, "arn:{partition}:s3:::{bucket}/{prefix}*");
    for target in [bucket("zen", None), registry(None)] {
        let listed = permissions(target.kind(), Admin);
        for statement in target.policy(Admin, Partition::Aws).expect("a policy").statements {
            assert!(statement.actions.patterns().iter().all(|it| listed.contains(&it.as_str())));
        }
    }
}
