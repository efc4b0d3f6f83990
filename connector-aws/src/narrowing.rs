//! What resource types ask auth methods to narrow a session to: AWS's language for "less than everything".

use connector_core::{Access, Error, Result};

use crate::names::Partition;
use crate::policy::{Policy, Target};

/// One resource, or a part of it, and how much may be done with it. Auth methods that can send a session
/// policy send [`Narrowing::policy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing {
    target: Target,
    access: Access,
    stated: Option<Partition>,
}

impl Narrowing {
    /// Narrows to `access` on `target`.
    #[must_use]
    pub fn new(target: Target, access: Access) -> Self {
        Self { target, access, stated: None }
    }

    /// The id said which partition the resource is of, if it did; another one than the session's is refused.
    #[must_use]
    pub fn stated(mut self, partition: Option<Partition>) -> Self {
        self.stated = partition;
        self
    }

    /// What it is narrowed to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How much may be done with it.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether it is narrowed to a part of the resource.
    pub(crate) fn is_for_a_part(&self) -> bool {
        match &self.target {
            Target::Bucket { prefix, .. } => prefix.is_some(),
            Target::Registry { repository, .. } | Target::PublicRegistry { repository } => {
                repository.is_some()
            }
            Target::Cluster { .. } | Target::Secret(_) | Target::NamedSecret { .. } => false,
        }
    }

    /// The field of a grant that the length of its policy is owed to.
    pub(crate) fn field(&self) -> &'static str {
        if self.is_for_a_part() { "within" } else { "resource_id" }
    }

    /// The options of the program that ask for the same.
    pub(crate) fn grant(&self) -> String {
        let (resource_type, id, within) = match &self.target {
            Target::Bucket { bucket, prefix } => {
                ("s3-bucket", Some(format!("s3://{bucket}")), prefix.as_ref().map(ToString::to_string))
            }
            Target::Registry { repository, .. } => {
                ("docker-registry", None, repository.as_ref().map(ToString::to_string))
            }
            Target::PublicRegistry { repository } => {
                ("docker-registry", None, repository.as_ref().map(ToString::to_string))
            }
            Target::Cluster { cluster, .. } => ("kubernetes-cluster", Some(cluster.to_string()), None),
            Target::Secret(arn) => ("secret", Some(arn.to_string()), None),
            Target::NamedSecret { name, .. } => ("secret", Some(name.to_string()), None),
        };
        let mut words = vec![format!("--resource-type {resource_type}")];
        // By which of its names a registry was asked for is not known here.
        words.push(format!("--resource-id {}", id.as_deref().unwrap_or("REGISTRY")));
        words.extend(within.map(|it| format!("--within {}", quoted(&it))));
        words.push(format!("--access {}", self.access));
        words.join(" ")
    }

    /// The smallest session policy that says so in `partition`.
    ///
    /// # Errors
    /// Invalid input for a resource of another partition, and as [`Target::policy`].
    pub fn policy(&self, partition: Partition) -> Result<Policy> {
        check_partition(self.stated, partition)?;
        self.target.policy(self.access, partition)
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = word.bytes().all(|it| it.is_ascii_alphanumeric() || b"/._-=+@".contains(&it));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Refuses an id that names another partition than the connector's.
pub(crate) fn check_partition(stated: Option<Partition>, ours: Partition) -> Result<()> {
    match stated.filter(|stated| *stated != ours) {
        None => Ok(()),
        Some(theirs) => Err(Error::field(
            "resource_id",
            format!("the resource is of partition {theirs}, the connector's region is of {ours}"),
        )
        .with_hint("use a connector with a region of that partition")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::BucketName;

    /// S34: the policy names the bucket and no other; an id of another partition is refused.
    #[test]
    fn s34_a_narrowing_becomes_a_policy_of_its_partition() {
        let bucket = BucketName::parse("zenfiles").expect("a name");
        let narrowing = Narrowing::new(Target::Bucket { bucket, prefix: None }, Access::Read);
        let json = narrowing.policy(Partition::China).expect("a policy").to_json();
        assert!(json.contains(r#""arn:aws-cn:s3:::zenfiles/*""#), "{json}");
        let stated = narrowing.stated(Some(Partition::Aws));
        assert!(stated.policy(Partition::Aws).is_ok());
        let error = stated.policy(Partition::China).expect_err("another partition");
        assert!(error.message().contains("partition aws, the connector's region is of aws-cn"), "{error}");
    }
}
