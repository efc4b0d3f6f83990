//! The smallest policy for one resource.

use connector_core::{Access, Error, Result, Withheld};

use super::model::{Policy, Statement};
use super::permissions::{Kind, OBJECT, OBJECTS, Part, Rule};
use crate::names::{
    AccountId, Arn, BucketName, ClusterName, KeyPrefix, Partition, Region, RepositoryName, SecretName,
};

/// What a policy is made for: one resource, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A bucket, or a part of it.
    Bucket {
        /// The bucket.
        bucket: BucketName,
        /// The part.
        prefix: Option<KeyPrefix>,
    },
    /// An ECR registry, or one repository.
    Registry {
        /// Where it is.
        region: Region,
        /// Whose it is.
        account: AccountId,
        /// The part.
        repository: Option<RepositoryName>,
    },
    /// The caller's registry at `public.ecr.aws`, or one repository. Its alias tells no account, so a
    /// policy cannot either; a session never reaches another account's registry by its own policies.
    PublicRegistry {
        /// The part.
        repository: Option<RepositoryName>,
    },
    /// An EKS cluster.
    Cluster {
        /// Where it is.
        region: Region,
        /// Whose it is; EKS knows no other than the caller's.
        account: Option<AccountId>,
        /// Its name.
        cluster: ClusterName,
    },
    /// A secret by its full ARN, with the six characters that Secrets Manager has put behind its name.
    Secret(Arn),
    /// A secret by its name; which six characters stand behind it is not known.
    NamedSecret {
        /// Where it is.
        region: Region,
        /// Whose it is; the caller's where it is not known.
        account: Option<AccountId>,
        /// Its name.
        name: SecretName,
    },
}

impl Target {
    /// The kind of resource.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Bucket { .. } => Kind::Bucket,
            Self::Registry { .. } => Kind::Registry,
            Self::PublicRegistry { .. } => Kind::PublicRegistry,
            Self::Cluster { .. } => Kind::Cluster,
            Self::Secret(_) | Self::NamedSecret { .. } => Kind::Secret,
        }
    }

    /// The smallest policy that gives `access` to the target.
    ///
    /// # Errors
    /// Invalid input for admin access to a part of a bucket, whose configuration has no parts, and for a
    /// secret of another partition.
    pub fn policy(&self, access: Access, partition: Partition) -> Result<Policy> {
        let prefix = match self {
            Self::Bucket { prefix, .. } => prefix.as_ref(),
            _ => None,
        };
        if prefix.is_some() && access == Access::Admin {
            return Err(Error::field("access", "admin is for a whole bucket, not for a part within it")
                .with_hint("ask for write, or leave the part out"));
        }
        if let Self::Secret(arn) = self
            && arn.partition() != Some(partition)
        {
            return Err(Error::field("resource_id", "the secret is of another partition than the connector"));
        }
        let mut statements: Vec<Statement> = Vec::new();
        for rule in self.rules(access) {
            let statement = self.statement(rule, partition, prefix);
            match statements.iter_mut().find(|it| same_place(it, &statement)) {
                Some(same) => add_actions(same, &statement),
                None => statements.push(statement),
            }
        }
        Ok(Policy::new(statements))
    }

    /// The actions that the policy for `access` allows.
    #[must_use]
    pub fn carries(&self, access: Access) -> Vec<&'static str> {
        self.rules(access).flat_map(|rule| rule.actions.iter().copied()).collect()
    }

    /// The actions of this kind that the policy for `access` does not allow, and why.
    #[must_use]
    pub fn withheld(&self, access: Access) -> Vec<Withheld> {
        let mut out: Vec<Withheld> = Vec::new();
        for rule in self.kind().rules() {
            let Some(why) = self.keeps_back(rule, access) else { continue };
            match out.iter_mut().find(|it| it.why == why) {
                Some(same) => same.actions.extend(rule.actions),
                None => out.push(Withheld::new(rule.actions.to_vec(), why)),
            }
        }
        out
    }

    fn rules(&self, access: Access) -> impl Iterator<Item = &'static Rule> {
        self.kind().rules().iter().filter(move |rule| self.keeps_back(rule, access).is_none())
    }

    /// Why a rule is left out of the policy for `access`; `None` when it is in it.
    fn keeps_back(&self, rule: &Rule, access: Access) -> Option<&'static str> {
        let is_part = matches!(self, Self::Bucket { prefix: Some(_), .. });
        match rule.part {
            _ if rule.access > access => Some(match rule.access {
                Access::Admin => "they are of access `admin`, and less was asked for",
                _ => "they are of access `write`, and less was asked for",
            }),
            Part::Finding => Some("they find resources: the connector does that, not who uses one"),
            Part::Whole if is_part => Some("they tell of what lies beside the part that was asked for"),
            _ => None,
        }
    }

    fn statement(&self, rule: &Rule, partition: Partition, prefix: Option<&KeyPrefix>) -> Statement {
        let filled = |template| fill(template, |part| self.value(part, partition));
        let object = prefix.and_then(KeyPrefix::object).filter(|_| rule.resource == OBJECTS);
        let resources = object.map(|_| filled(OBJECT)).into_iter().chain([filled(rule.resource)]);
        let statement = Statement::allow(rule.actions.iter().copied(), resources);
        match prefix {
            // Only what starts with `p/`: listing for `p` would tell of `p2/` too. `p/*` also is `p/` itself.
            Some(prefix) if rule.part == Part::Listing => {
                statement.when("StringLike", "s3:prefix", [format!("{}*", escape(&prefix.folder()))])
            }
            _ => statement,
        }
    }

    /// What stands for a part of an ARN's template.
    fn value(&self, part: &str, partition: Partition) -> String {
        let any = || "*".to_owned();
        let or_any = |name: Option<&str>| name.map_or_else(any, escape);
        match (part, self) {
            ("partition", _) => partition.id().to_owned(),
            ("bucket", Self::Bucket { bucket, .. }) => escape(bucket.as_str()),
            ("prefix", Self::Bucket { prefix, .. }) => {
                prefix.as_ref().map(|it| escape(&it.folder())).unwrap_or_default()
            }
            ("object", Self::Bucket { prefix: Some(prefix), .. }) => escape(prefix.as_str()),
            (
                "region",
                Self::Registry { region, .. }
                | Self::Cluster { region, .. }
                | Self::NamedSecret { region, .. },
            ) => escape(region.as_str()),
            ("account", Self::Registry { account, .. }) => escape(account.as_str()),
            ("account", Self::PublicRegistry { .. }) => any(),
            ("account", Self::Cluster { account, .. } | Self::NamedSecret { account, .. }) => {
                or_any(account.as_ref().map(AccountId::as_str))
            }
            ("repository", Self::Registry { repository, .. } | Self::PublicRegistry { repository }) => {
                or_any(repository.as_ref().map(RepositoryName::as_str))
            }
            ("cluster", Self::Cluster { cluster, .. }) => escape(cluster.as_str()),
            ("secret", Self::Secret(arn)) => escape(arn.as_str()),
            ("secret", Self::NamedSecret { name, .. }) => format!(
                "arn:{partition}:secretsmanager:{}:{}:secret:{}-??????",
                self.value("region", partition),
                self.value("account", partition),
                escape(name.as_str()),
            ),
            // A template that names what its target has not: allow nothing rather than anything.
            _ => "none".to_owned(),
        }
    }
}

/// Puts values into the braces of a template, in one pass: what a value holds is never read as a template.
fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, (part, behind))) =
        rest.split_once('{').and_then(|(before, it)| Some((before, it.split_once('}')?)))
    {
        out.push_str(before);
        out.push_str(&value(part));
        rest = behind;
    }
    out + rest
}

/// Writes a text so that a policy takes it for itself, wildcards and variables included.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '*' | '?' | '$' => out.extend(['$', '{', it, '}']),
            other => out.push(other),
        }
    }
    out
}

fn same_place(one: &Statement, other: &Statement) -> bool {
    one.resources == other.resources && one.conditions == other.conditions
}

/// Adds what is not allowed yet by the same text.
fn add_actions(to: &mut Statement, from: &Statement) {
    if let super::Selection::Only(actions) = &mut to.actions {
        for action in from.actions.patterns() {
            if !actions.contains(action) {
                actions.push(action.clone());
            }
        }
    }
}
