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

    /// The smallest session policy that says so in `partition`.
    ///
    /// # Errors
    /// Invalid input for a resource of another partition, and as [`Target::policy`].
    pub fn policy(&self, partition: Partition) -> Result<Policy> {
        check_partition(self.stated, partition)?;
        self.target.policy(self.access, partition)
    }
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
