//! C24: what is sent is the generated policy alone, or the connector's own ones as they are; and it allows what
//! both allow, never what only one of them does.

use connector_core::{Access, ErrorKind};
use proptest::prelude::*;
use proptest::sample::select;

use super::cells::{Form, forms};
use super::properties::{any_policy, cases};
use super::*;
use crate::names::{Partition, PolicyArn};

/// A request that owns its words, and what the generated policy says to it.
struct Asked {
    action: String,
    resource: String,
    context: Vec<(&'static str, &'static str)>,
    generated: Decision,
}

/// Two actions of every rule of the target's kind and some that no policy is made for, on the target and beside
/// it, over plain and encrypted transport and where that is not known.
fn grid(form: &Form, generated: &Policy) -> Vec<Asked> {
    let rules = form.target.kind().rules().iter();
    let own = rules.flat_map(|rule| rule.actions.iter().take(2).map(|action| (*action, rule.resource)));
    let foreign = [("iam:CreateUser", "*"), ("s3:DeleteBucket", "arn:{partition}:s3:::{bucket}")];
    let mut all = Vec::new();
    for (action, template) in own.chain(foreign) {
        let action = action.replace('*', "Policy");
        let prefixes = [None, Some("a/"), Some("ab/")];
        let prefixes = &prefixes[..if action.starts_with("s3:ListBucket") { 3 } else { 1 }];
        for resource in
            form.inside.iter().take(2).chain(form.outside.iter().take(2)).map(|it| it.arn(template))
        {
            for (prefix, transport) in prefixes
                .iter()
                .flat_map(|it| [None, Some("true"), Some("false")].map(|transport| (*it, transport)))
            {
                let prefix = prefix.map(|it| ("s3:prefix", it));
                let transport = transport.map(|it| ("aws:SecureTransport", it));
                let context: Vec<_> = prefix.into_iter().chain(transport).collect();
                let generated = generated.allows(&Request::new(&action, &resource).with_context(&context));
                all.push(Asked { action: action.clone(), resource: resource.clone(), context, generated });
            }
        }
    }
    all
}

/// What two policies allow together when one limits the other.
fn both(one: Decision, other: Decision) -> Option<bool> {
    match (one, other) {
        (Decision::Denied(_), _) | (_, Decision::Denied(_)) => Some(false),
        (Decision::Allowed, Decision::Allowed) => Some(true),
        _ => None,
    }
}

/// What came of the choices, so that none of the outcomes is asserted of nothing.
#[derive(Debug, Default)]
struct Seen {
    generated: usize,
    own: usize,
    refused: usize,
    allowed: usize,
    denied: usize,
    unknown: usize,
}

impl Seen {
    /// Chooses, and holds what would be sent against what may be allowed, request by request.
    fn judge(&mut self, asked: &[Asked], generated: &Policy, own: Option<&OwnPolicy>, managed: &[PolicyArn]) {
        let chosen = match SessionPolicies::choose(Some((generated, "within")), own, managed) {
            Ok(chosen) => chosen,
            Err(error) => {
                // Nothing is sent. Where there are managed policies they are sent instead.
                assert!(own.is_some() && managed.is_empty(), "{error}");
                assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
                self.refused += 1;
                return;
            }
        };
        match &chosen {
            SessionPolicies::Nothing => panic!("something narrows, and nothing is sent"),
            SessionPolicies::Own { json, managed: sent } => {
                self.own += 1;
                assert!(!managed.is_empty(), "the generated policy is left out only beside managed ones");
                assert_eq!(sent, managed);
                assert_eq!(json.as_deref(), own.map(OwnPolicy::as_json), "the own one as it was written");
            }
            SessionPolicies::Generated(json) => {
                self.generated += 1;
                // What managed policies deny is not known here, and would be lost.
                assert!(
                    managed.is_empty() && chosen.managed().is_empty(),
                    "alone, and in place of nothing unknown"
                );
                let sent = policy(json);
                for it in asked {
                    let request = Request::new(&it.action, &it.resource).with_context(&it.context);
                    let own = own.map_or(Decision::Allowed, |own| own.policy().allows(&request));
                    let expected = both(it.generated, own);
                    let decision = both(sent.allows(&request), Decision::Allowed);
                    assert_eq!(decision, expected, "{request:?} by {json}");
                    match decision {
                        Some(true) => self.allowed += 1,
                        Some(false) => self.denied += 1,
                        None => self.unknown += 1,
                    }
                }
            }
        }
    }
}

fn managed(count: usize) -> Vec<PolicyArn> {
    let arn = |it| PolicyArn::parse(format!("arn:aws:iam::aws:policy/Managed{it}")).expect("an ARN");
    (0..count).map(arn).collect()
}

const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

/// The own policies that a generated one meets: nothing of them is written for the target at hand.
fn own_policies(generated: &Policy) -> Vec<OwnPolicy> {
    let json = generated.to_json();
    let deny = |rest: &str| format!(r#"{ALL},{{"Effect":"Deny",{rest}}}"#);
    let first = Policy::new(vec![generated.statements[0].clone()]).to_json();
    let document = |statements: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let all = [
        // Equal, in another order, and as an edition that knows no variables.
        json.clone(),
        Policy::new(generated.statements.iter().rev().cloned().collect()).to_json(),
        json.replace("2012-10-17", "2008-10-17"),
        // Wider.
        document(ALL),
        document(
            r#"{"Effect":"Allow","Action":["s3:*","ecr:*","ecr-public:*","sts:*","eks:*","secretsmanager:*"],"Resource":"*"}"#,
        ),
        document(r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#),
        // Narrower, overlapping and unrelated.
        first,
        document(r#"{"Effect":"Allow","Action":["*:Get*","*:Describe*","*:List*"],"Resource":"*"}"#),
        document(r#"{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::zen2","arn:aws:s3:::zen2/*"]}"#),
        document(r#"{"Effect":"Allow","NotAction":"s3:*","NotResource":"arn:aws:s3:::zen*"}"#),
        // Denying: what is not asked for, some of what is, all of it, under conditions.
        document(&deny(r#""Action":"iam:*","Resource":"*""#)),
        document(&deny(
            r#""Action":["s3:GetObject","ecr:BatchGetImage","eks:*","secretsmanager:Get*"],"Resource":"*""#,
        )),
        document(&deny(r#""Action":"*","Resource":"arn:aws:s3:::zen/a*""#)),
        document(&deny(r#""Action":"*","Resource":"*""#)),
        document(&deny(
            r#""Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#,
        )),
        document(&deny(
            r#""Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"s3:prefix":"a*"}}"#,
        )),
        document(&deny(r#""NotAction":"s3:*","Resource":"*""#)),
        // What this program does not understand.
        document(r#"{"Effect":"Allow","Action":"*","Resource":"*","Wished":"x"}"#),
        document(&deny(r#""Action":"s3:*","Resource":"*","Wished":"x""#)),
        document(&deny(r#""Action":"s3:*","Resource":"*","Condition":{"Wished":{"aws:userid":"x"}}"#)),
        document(
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:userid":"x"}}}"#,
        ),
    ];
    all.iter().map(|it| OwnPolicy::parse(it).expect("a policy")).collect()
}

#[track_caller]
fn check(kind: Kind) {
    let mut seen = Seen::default();
    for form in forms(kind, Partition::Aws) {
        for generated in Access::ALL.iter().filter_map(|it| form.target.policy(*it, Partition::Aws).ok()) {
            let asked = grid(&form, &generated);
            for managed in [managed(0), managed(1), managed(10)] {
                seen.judge(&asked, &generated, None, &managed);
                for own in own_policies(&generated) {
                    seen.judge(&asked, &generated, Some(&own), &managed);
                }
            }
        }
    }
    assert!(seen.generated > 50 && seen.own > 30 && seen.refused > 10, "{seen:?}");
    assert!(seen.allowed > 100 && seen.denied > 1_000 && seen.unknown > 5, "{seen:?}");
}

#[test]
fn c24_policies_for_buckets_never_add_up() {
    check(Kind::Bucket);
}

#[test]
fn c24_policies_for_registries_never_add_up() {
    check(Kind::Registry);
    check(Kind::PublicRegistry);
}

#[test]
fn c24_policies_for_clusters_never_add_up() {
    check(Kind::Cluster);
}

#[test]
fn c24_policies_for_secrets_never_add_up() {
    check(Kind::Secret);
}

/// The same with random policies of their own: conditions, denials, both editions, patterns with variables.
#[test]
fn c24_whatever_the_own_policy_says() {
    let forms: Vec<(usize, Access)> = (0..5).flat_map(|it| Access::ALL.map(|access| (it, access))).collect();
    let seen = std::cell::RefCell::new(Seen::default());
    cases(500)
        .run(
            &(any_policy(), select(forms), prop::bool::ANY, prop::bool::ANY),
            |(own, form, wide, managed_too)| {
                let (form, access) = (&super::cells::forms(Kind::Bucket, Partition::Aws)[form.0], form.1);
                let Ok(generated) = form.target.policy(access, Partition::Aws) else { return Ok(()) };
                let mut own = own;
                // Few random policies take in anything whole: let every second one allow all, and then deny.
                if wide {
                    own.statements.push(Statement::allow(["*"], ["*"]));
                }
                // Its vocabulary is of bucket `b`, which is no name of one.
                let own = own.to_json().replace("s3:::b", "s3:::zen").replace("*:b/", "*:zen/");
                let Ok(own) = OwnPolicy::parse(&own) else { return Ok(()) };
                let managed = managed(usize::from(managed_too));
                seen.borrow_mut().judge(&grid(form, &generated), &generated, Some(&own), &managed);
                Ok(())
            },
        )
        .expect("never more than both allow");
    let seen = seen.into_inner();
    assert!(seen.generated > 50 && seen.own > 50 && seen.refused > 50, "{seen:?}");
    assert!(seen.allowed > 1_000 && seen.denied > 10_000, "{seen:?}");
}
