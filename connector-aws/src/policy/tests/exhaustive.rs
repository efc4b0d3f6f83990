//! S34, C24: the policy matrix. Every form of every kind of target × access × partition, judged action by
//! action on the target and on all that lies beside it.
//!
//! What is needed comes from the table of permissions, so a new line there is judged without a line here.
//! What lies within and beside a target is said in [`cells`], by concrete names and never by patterns. Of
//! the partitions other than `aws` no server that runs here can judge; this is their only judge.

use connector_core::Access;

use super::super::permissions::{Part, Rule};
use super::cells::{Form, Thing, forms};
use super::*;
use crate::names::Partition;

/// No policy ever allows these, whatever it is made for.
const NEVER: [&str; 14] = [
    "s3:DeleteBucket",
    "s3:CreateBucket",
    "s3:PutObjectAcl",
    "s3:BypassGovernanceRetention",
    "s3:ListAllMyBuckets",
    "ecr:PutRegistryPolicy",
    "ecr:DescribeRegistry",
    "ecr-public:PutRegistryCatalogData",
    "eks:DeleteCluster",
    "eks:CreateAccessEntry",
    "secretsmanager:CreateSecret",
    "secretsmanager:ListSecrets",
    "sts:AssumeRole",
    "iam:PassRole",
];

/// One cell, and how many judgements were passed in it: what is allowed, and what is not.
struct Cell<'a> {
    form: &'a Form,
    access: Access,
    policy: Policy,
    allowed: usize,
    denied: usize,
}

impl Cell<'_> {
    fn judge(&mut self, action: &str, resource: &str, context: &[(&str, &str)], allowed: bool) {
        let expected = if allowed {
            self.allowed += 1;
            Decision::Allowed
        } else {
            self.denied += 1;
            Decision::Denied(Denial::Implicit)
        };
        let decision = self.policy.allows(&Request::new(action, resource).with_context(context));
        assert_eq!(
            decision,
            expected,
            "{} of {:?}: {action} on {resource} {context:?} by {}",
            self.access,
            self.form.target,
            self.policy.to_json()
        );
    }

    /// Every action of a rule of the target's own kind, on the target and beside it.
    fn judge_own(&mut self, rule: &Rule) {
        let form = self.form;
        let whole_only = rule.part == Part::Whole && form.is_part_of_bucket();
        let needed = rule.access <= self.access && rule.part != Part::Finding && !whole_only;
        for action in rule.actions.iter().flat_map(|it| concrete(it)) {
            let action = action.as_str();
            // A pattern of a higher level takes in single actions of a lower one.
            let needed = needed || form.target.carries(self.access).contains(&action);
            let ours: Vec<String> = form.inside.iter().map(|it| it.arn(rule.resource)).collect();
            for arn in &ours {
                if rule.part == Part::Listing {
                    form.listed.iter().for_each(|it| self.judge_listing(action, arn, *it, needed));
                    form.unlisted.iter().for_each(|it| self.judge_listing(action, arn, *it, false));
                } else {
                    self.judge(action, arn, &[], needed);
                }
            }
            for thing in &form.outside {
                let arn = thing.arn(rule.resource);
                // Of one bucket there is one ARN, whatever the key; and `*` has no siblings.
                if ours.contains(&arn) {
                    continue;
                }
                self.judge(action, &arn, &[], false);
                if rule.part == Part::Listing {
                    form.listed.iter().for_each(|it| self.judge_listing(action, &arn, *it, false));
                }
            }
        }
    }

    fn judge_listing(&mut self, action: &str, arn: &str, prefix: Option<&str>, allowed: bool) {
        let context: Vec<_> = prefix.map(|it| ("s3:prefix", it)).into_iter().collect();
        self.judge(action, arn, &context, allowed);
    }

    /// An action that attaches to something else than `templates` does nothing on them.
    fn judge_elsewhere(&mut self, action: &str, things: &[Thing], templates: &[&str]) {
        for template in templates {
            for arn in things.iter().map(|it| it.arn(template)) {
                self.judge(action, &arn, &[], false);
            }
        }
    }
}

/// The actions that stand for a pattern: itself, or what it is known to take in.
fn concrete(action: &str) -> Vec<String> {
    match action.strip_suffix('*') {
        None => vec![action.to_owned()],
        Some(start) => ["Acl", "CORS", "Policy", "Tagging", "Versioning", "Website"]
            .iter()
            .map(|end| format!("{start}{end}"))
            .collect(),
    }
}

/// The templates that the actions of a kind attach to.
fn templates(kind: Kind) -> Vec<&'static str> {
    let mut all: Vec<_> = kind.rules().iter().map(|it| it.resource).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Judges all cells of a kind; answers how many there were and how many judgements were passed.
fn judge(kind: Kind) -> (usize, usize, usize) {
    let (mut cells, mut allowed, mut denied) = (0, 0, 0);
    for partition in Partition::ALL {
        for form in forms(kind, partition) {
            assert_eq!(form.target.kind(), kind);
            for access in Access::ALL {
                let Ok(policy) = form.target.policy(access, partition) else {
                    // There is one cell that cannot be said: configuration of a part of a bucket.
                    assert!(
                        access == Access::Admin && form.is_part_of_bucket(),
                        "{access} {:?}",
                        form.target
                    );
                    continue;
                };
                // Through its JSON, as STS gets it. The same policy decides the same.
                let read = Policy::parse(&policy.to_json()).expect("our own JSON");
                assert_eq!(read, policy);
                let mut cell = Cell { form: &form, access, policy: read, allowed: 0, denied: 0 };
                for rule in kind.rules() {
                    cell.judge_own(rule);
                    // What attaches to an object says nothing to a bucket, and the other way round.
                    let elsewhere: Vec<_> =
                        templates(kind).into_iter().filter(|it| *it != rule.resource).collect();
                    for action in rule.actions.iter().flat_map(|it| concrete(it)) {
                        if rule.resource != "*" && !is_on_both(kind, &action) {
                            cell.judge_elsewhere(&action, &form.inside[..1], &elsewhere);
                        }
                    }
                }
                for other in Kind::ALL.into_iter().filter(|it| *it != kind) {
                    let places = [templates(kind), templates(other)].concat();
                    for action in other.rules().iter().flat_map(|it| it.actions.iter().copied()) {
                        cell.judge_elsewhere(action, &form.inside[..1], &places);
                    }
                }
                for action in NEVER {
                    cell.judge_elsewhere(action, &form.inside, &[&templates(kind)[..], &["*"]].concat());
                }
                assert!(cell.allowed > 0 && cell.denied > 50, "{} {}", cell.allowed, cell.denied);
                (cells, allowed, denied) = (cells + 1, allowed + cell.allowed, denied + cell.denied);
            }
        }
    }
    (cells, allowed, denied)
}

/// Patterns of configuration are written for a bucket, and so are single actions that they take in.
fn is_on_both(kind: Kind, action: &str) -> bool {
    let on = |template: &str| {
        let rules = kind.rules().iter().filter(|it| it.resource == template);
        rules.flat_map(|it| it.actions.iter()).any(|it| *it == action)
    };
    templates(kind).into_iter().filter(|it| on(it)).count() > 1
}

const PARTITIONS: usize = Partition::ALL.len();

#[track_caller]
fn check(kind: Kind, expected_cells: usize, at_least: (usize, usize)) {
    let (cells, allowed, denied) = judge(kind);
    assert_eq!(cells, expected_cells * PARTITIONS);
    assert!(allowed > at_least.0 && denied > at_least.1, "{allowed} allowed, {denied} denied");
}

#[test]
fn s34_c24_matrix_of_buckets() {
    // Whole at three levels, four parts at two.
    check(Kind::Bucket, 3 + 4 * 2, (4_000, 50_000));
}

#[test]
fn s34_c24_matrix_of_registries() {
    check(Kind::Registry, 2 * 3, (1_000, 20_000));
}

#[test]
fn s34_c24_matrix_of_public_registries() {
    check(Kind::PublicRegistry, 2 * 3, (1_000, 10_000));
}

#[test]
fn s34_c24_matrix_of_clusters() {
    check(Kind::Cluster, 2 * 3, (50, 10_000));
}

#[test]
fn s34_c24_matrix_of_secrets() {
    check(Kind::Secret, 3 * 3, (500, 20_000));
}

/// What is said to be needed is one thing by one name: no action stands twice in the table of a kind.
#[test]
fn s5_the_table_says_each_action_once() {
    for kind in Kind::ALL {
        let mut actions = permissions(kind, Access::Admin);
        let all = actions.len();
        actions.sort_unstable();
        actions.dedup();
        assert_eq!(actions.len(), all, "{kind:?}");
        for action in actions {
            let (service, name) = action.split_once(':').expect("service:Name");
            assert!(
                ["s3", "ecr", "ecr-public", "eks", "secretsmanager", "sts"].contains(&service),
                "{action}"
            );
            let plain = name.strip_suffix('*').unwrap_or(name);
            assert!(plain.bytes().all(|it| it.is_ascii_alphanumeric()), "{action}");
        }
    }
}
