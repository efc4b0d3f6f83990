//! What the matrix and the tests of what is sent are run over: each form of target in each partition, what
//! lies within it, and what lies beside it.

use super::*;
use crate::names::{
    AccountId, Arn, BucketName, ClusterName, KeyPrefix, Partition, Region, RepositoryName, SecretName,
};

/// The request's context that a listing is judged in: the prefix asked for, if any.
pub(super) type Prefix = Option<&'static str>;

/// One thing there may be: what the braces of a template stand for when a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) partition: Partition,
    pub(super) region: String,
    pub(super) account: &'static str,
    /// The bucket, repository or cluster, or the secret with the six characters behind its name.
    pub(super) name: &'static str,
    /// The key in a bucket.
    pub(super) key: &'static str,
}

impl Thing {
    /// The ARN of a permission's template for this thing.
    pub(super) fn arn(&self, template: &str) -> String {
        let secret = format!(
            "arn:{}:secretsmanager:{}:{}:secret:{}",
            self.partition, self.region, self.account, self.name
        );
        [
            ("{secret}", secret.as_str()),
            ("{prefix}*", self.key),
            ("{partition}", self.partition.id()),
            ("{region}", &self.region),
            ("{account}", self.account),
            ("{bucket}", self.name),
            ("{repository}", self.name),
            ("{cluster}", self.name),
        ]
        .iter()
        .fold(template.to_owned(), |text, (part, value)| text.replace(part, value))
    }
}

/// A target, and what there may be within and beside it.
pub(super) struct Form {
    pub(super) target: Target,
    pub(super) inside: Vec<Thing>,
    pub(super) outside: Vec<Thing>,
    /// The prefixes that a listing may be asked for with.
    pub(super) listed: &'static [Prefix],
    /// And may not.
    pub(super) unlisted: &'static [Prefix],
}

impl Form {
    /// Whether the target is a part of a bucket, for which actions on all of it are left out.
    pub(super) fn is_part_of_bucket(&self) -> bool {
        matches!(self.target, Target::Bucket { prefix: Some(_), .. })
    }
}

const OURS: &str = "123456789012";
const THEIRS: &str = "210987654321";

/// A region of the partition, and its neighbours: the next one, and one whose name goes on.
fn regions(partition: Partition) -> [String; 3] {
    let ours = partition.global_region();
    let words = ours.trim_end_matches(|it: char| it.is_ascii_digit());
    [ours.to_owned(), format!("{words}7"), format!("{ours}1")]
}

fn thing(partition: Partition, name: &'static str, key: &'static str) -> Thing {
    Thing { partition, region: regions(partition)[0].clone(), account: OURS, name, key }
}

/// The first of the things in every other partition.
fn elsewhere(things: &[Thing]) -> Vec<Thing> {
    let moved = |it: &Thing| {
        let others = Partition::ALL.into_iter().filter(|other| *other != it.partition);
        others.map(|partition| Thing { partition, ..it.clone() }).collect::<Vec<_>>()
    };
    things.iter().take(1).flat_map(moved).collect()
}

/// The first of the things in other regions.
fn other_regions(things: &[Thing]) -> Vec<Thing> {
    let moved = |it: &Thing| {
        let others = regions(it.partition).into_iter().skip(1);
        others.map(|region| Thing { region, ..it.clone() }).collect::<Vec<_>>()
    };
    things.iter().take(1).flat_map(moved).collect()
}

/// The same things of another account.
fn other_account(things: &[Thing]) -> Vec<Thing> {
    things.iter().map(|it| Thing { account: THEIRS, ..it.clone() }).collect()
}

/// Every form of every kind in `partition`.
pub(super) fn forms(kind: Kind, partition: Partition) -> Vec<Form> {
    match kind {
        Kind::Bucket => buckets(partition),
        Kind::Registry => registries(partition),
        Kind::PublicRegistry => public_registries(partition),
        Kind::Cluster => clusters(partition),
        Kind::Secret => secrets(partition),
    }
}

/// An ARN of S3 says neither region nor account, so no policy can tell them apart: names are global.
fn buckets(partition: Partition) -> Vec<Form> {
    const KEYS: [&str; 5] = ["a", "a/x", "ab/x", "x", "日本/* ${aws:username}"];
    const SIBLINGS: [&str; 6] = ["zen2", "ze", "azen", "zen.x", "zen-2", "Zen"];
    let form = |prefix: Option<&str>,
                inside: &[&'static str],
                beside: &[&'static str],
                listed: &'static [Prefix],
                unlisted: &'static [Prefix]| {
        let target = Target::Bucket {
            bucket: BucketName::parse("zen").expect("a bucket"),
            prefix: prefix.map(|it| KeyPrefix::parse(it).expect("a prefix")),
        };
        let inside: Vec<_> = inside.iter().map(|key| thing(partition, "zen", key)).collect();
        let mut outside: Vec<_> = beside.iter().map(|key| thing(partition, "zen", key)).collect();
        for name in SIBLINGS {
            outside.extend(inside.iter().take(2).map(|it| Thing { name, ..it.clone() }));
        }
        outside.extend(elsewhere(&inside));
        Form { target, inside, outside, listed, unlisted }
    };
    let any: &[Prefix] = &[None, Some(""), Some("a"), Some("any/thing")];
    let (a, not_a): (&[Prefix], &[Prefix]) = (
        &[Some("a/"), Some("a/x"), Some("a/b/c")],
        &[None, Some(""), Some("a"), Some("ab/"), Some("A/"), Some("b/a/"), Some("*"), Some("a*")],
    );
    let (nested, not_nested): (&[Prefix], &[Prefix]) = (
        &[Some("team/a/b/"), Some("team/a/b/c")],
        &[
            None,
            Some(""),
            Some("team/"),
            Some("team/a/"),
            Some("team/a/b"),
            Some("team/a/bc/"),
            Some("x/team/a/b/"),
        ],
    );
    let beside_a = ["ab", "ab/x", "b/a/x", "A/x", "x", "a\\x", "*", "a*"];
    let beside_nested = ["team/a", "team/a/x", "team/a/bc/x", "team/a/bc", "x/team/a/b/x", "team/ab/b/x"];
    vec![
        form(None, &KEYS, &[], any, &[]),
        form(Some("a/"), &["a/", "a/x", "a/b/c"], &[&beside_a[..], &["a"]].concat(), a, not_a),
        form(Some("a"), &["a", "a/", "a/x", "a/b/c"], &beside_a, a, not_a),
        form(
            Some("team/a/b/"),
            &["team/a/b/", "team/a/b/c/d"],
            &[&beside_nested[..], &["team/a/b"]].concat(),
            nested,
            not_nested,
        ),
        form(
            Some("team/a/b"),
            &["team/a/b", "team/a/b/", "team/a/b/c/d"],
            &beside_nested,
            nested,
            not_nested,
        ),
    ]
}

const REPOSITORIES: [&str; 3] = ["team/app", "team/app2", "x"];
const BESIDE_REPOSITORY: [&str; 6] = ["team/app2", "team/app/x", "team", "xteam/app", "team/ap", "team/App"];

fn repository(name: &str) -> RepositoryName {
    RepositoryName::parse(name).expect("a repository")
}

fn region(partition: Partition) -> Region {
    Region::parse(partition.global_region()).expect("a region")
}

fn account() -> AccountId {
    AccountId::parse(OURS).expect("an account")
}

fn plain(target: Target, inside: Vec<Thing>, outside: Vec<Thing>) -> Form {
    Form { target, inside, outside, listed: &[], unlisted: &[] }
}

fn registries(partition: Partition) -> Vec<Form> {
    let form = |part: Option<&str>, inside: &[&'static str], beside: &[&'static str]| {
        let target = Target::Registry {
            region: region(partition),
            account: account(),
            repository: part.map(repository),
        };
        let inside: Vec<_> = inside.iter().map(|name| thing(partition, name, "")).collect();
        let mut outside: Vec<_> = beside.iter().map(|name| thing(partition, name, "")).collect();
        outside.extend([elsewhere(&inside), other_regions(&inside), other_account(&inside)].concat());
        plain(target, inside, outside)
    };
    vec![form(None, &REPOSITORIES, &[]), form(Some("team/app"), &["team/app"], &BESIDE_REPOSITORY)]
}

/// The alias of a public registry tells no account, so a policy cannot either; and it has no region.
fn public_registries(partition: Partition) -> Vec<Form> {
    let form = |part: Option<&str>, inside: &[&'static str], beside: &[&'static str]| {
        let mut inside: Vec<_> = inside.iter().map(|name| thing(partition, name, "")).collect();
        inside.extend(other_account(&inside));
        let mut outside: Vec<_> = beside.iter().map(|name| thing(partition, name, "")).collect();
        outside.extend(elsewhere(&inside));
        plain(Target::PublicRegistry { repository: part.map(repository) }, inside, outside)
    };
    vec![form(None, &REPOSITORIES, &[]), form(Some("team/app"), &["team/app"], &BESIDE_REPOSITORY)]
}

fn clusters(partition: Partition) -> Vec<Form> {
    let form = |account: Option<AccountId>| {
        let known = account.is_some();
        let cluster = ClusterName::parse("demo").expect("a cluster");
        let target = Target::Cluster { region: region(partition), account, cluster };
        let mut inside = vec![thing(partition, "demo", "")];
        let beside = ["demo2", "dem", "xdemo", "Demo", "demo-2", "demo/x"];
        let mut outside: Vec<_> = beside.iter().map(|name| thing(partition, name, "")).collect();
        match known {
            true => outside.extend(other_account(&inside)),
            false => inside.extend(other_account(&inside)),
        }
        outside.extend([elsewhere(&inside), other_regions(&inside)].concat());
        plain(target, inside, outside)
    };
    vec![form(Some(account())), form(None)]
}

fn secrets(partition: Partition) -> Vec<Form> {
    let ours = thing(partition, "app/db-AbCdEf", "");
    let again = thing(partition, "app/db-Zz9Zz9", "");
    let beside = [
        "app/db",
        "app/db-AbCdE",
        "app/db-AbCdEfg",
        "app/db2-AbCdEf",
        "app/d-AbCdEf",
        "xapp/db-AbCdEf",
        "app/db/x-AbCdEf",
        "app/db-AbCdEf-AbCdEf",
        "app/dB-AbCdEf",
        "app",
    ];
    let form = |target: Target, mut inside: Vec<Thing>, more: &[Thing], any_account: bool| {
        let mut outside: Vec<_> = beside.iter().map(|name| thing(partition, name, "")).collect();
        outside.extend_from_slice(more);
        match any_account {
            true => inside.extend(other_account(&inside)),
            false => outside.extend(other_account(&inside)),
        }
        outside.extend([elsewhere(&inside), other_regions(&inside)].concat());
        plain(target, inside, outside)
    };
    let full = Target::Secret(Arn::parse(&ours.arn("{secret}")).expect("an ARN"));
    let named = |account: Option<AccountId>| Target::NamedSecret {
        region: region(partition),
        account,
        name: SecretName::parse("app/db").expect("a name"),
    };
    vec![
        form(full, vec![ours.clone()], std::slice::from_ref(&again), false),
        form(named(Some(account())), vec![ours.clone(), again.clone()], &[], false),
        form(named(None), vec![ours, again], &[], true),
    ]
}
