//! Amazon Resource Names.

use std::fmt;

use connector_core::{Error, Result};

use super::{Partition, checked::is_digits};

/// `arn:{partition}:{service}:{region}:{account}:{resource}`, taken apart.
///
/// Holds 2048 bytes at most and no control characters. Region and account may be empty; the resource
/// may hold more colons. Patterns of policies are not ARNs: they have types of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: String,
}

/// The longest ARN that AWS takes anywhere.
const LONGEST: usize = 2048;

impl Arn {
    /// Reads an ARN.
    ///
    /// # Errors
    /// Invalid input that says which part is wrong, without quoting it.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(Error::invalid("the ARN is longer than 2048 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::invalid("the ARN holds control characters"));
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (scheme, partition, service, region, account, resource) =
            (next(), next(), next(), next(), next(), next());
        let wrong = if scheme != "arn" {
            Some("it does not start with arn:")
        } else if !(partition == "aws" || (partition.starts_with("aws-") && is_label(&partition[4..]))) {
            Some("its partition is none, expected aws, aws-cn, aws-us-gov and so on")
        } else if !is_label(service) {
            Some("its service is none")
        } else if !(region.is_empty() || is_label(region)) {
            Some("its region is none")
        } else if !(account.is_empty() || account == "aws" || is_digits(account, 12)) {
            Some("its account is not 12 digits")
        } else if resource.is_empty() {
            Some("it names no resource")
        } else {
            None
        };
        match wrong {
            None => Ok(Self { text: text.to_owned() }),
            Some(why) => Err(Error::invalid(format!("not an ARN: {why}"))
                .with_hint("write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE")),
        }
    }

    /// Writes an ARN; `region` and `account` may be empty.
    ///
    /// # Errors
    /// As for [`Arn::parse`]: the parts may come from a user.
    pub fn new(
        partition: Partition,
        service: &str,
        region: &str,
        account: &str,
        resource: &str,
    ) -> Result<Self> {
        if [service, region, account].iter().any(|part| part.contains(':')) {
            return Err(Error::invalid("not an ARN: a part holds a colon"));
        }
        Self::parse(&format!("arn:{partition}:{service}:{region}:{account}:{resource}"))
    }

    fn part(&self, index: usize) -> &str {
        self.text.splitn(6, ':').nth(index).expect("an ARN has six parts, checked when it was parsed")
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id of the partition, which may be one that this program does not know.
    #[must_use]
    pub fn partition_id(&self) -> &str {
        self.part(1)
    }

    /// The partition, when it is a known one.
    #[must_use]
    pub fn partition(&self) -> Option<Partition> {
        Partition::from_id(self.partition_id())
    }

    /// The service, such as `iam`.
    #[must_use]
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// The region, or nothing.
    #[must_use]
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The account, `aws` for what AWS owns, or nothing.
    #[must_use]
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// All behind the fifth colon.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    /// What the resource is called when it is of a kind: `name` for `role/name` and kind `role`, and
    /// also for `secret:name` and kind `secret`.
    #[must_use]
    pub fn resource_of(&self, kind: &str) -> Option<&str> {
        let name = self.resource().strip_prefix(kind)?.strip_prefix(['/', ':'])?;
        (!name.is_empty()).then_some(name)
    }
}

/// Lower-case letters, digits and inner hyphens, as services and regions are written.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Arn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_comes_apart_and_together() {
        let text = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a/b:c-AbCdEf";
        let arn = Arn::parse(text).expect("an ARN");
        assert_eq!(
            (arn.partition_id(), arn.service(), arn.region(), arn.account()),
            ("aws-cn", "secretsmanager", "cn-north-1", "123456789012")
        );
        assert_eq!(arn.partition(), Some(Partition::China));
        assert_eq!(arn.resource(), "secret:a/b:c-AbCdEf");
        assert_eq!(arn.resource_of("secret"), Some("a/b:c-AbCdEf"));
        assert_eq!(arn.resource_of("sec"), None);
        assert_eq!(arn.to_string(), text);
        let again = Arn::new(Partition::China, arn.service(), arn.region(), arn.account(), arn.resource())
            .expect("an ARN");
        assert_eq!(again, arn);
    }

    #[test]
    fn parts_may_be_empty_where_aws_leaves_them_empty() {
        for text in
            ["arn:aws:s3:::bucket/key with space", "arn:aws:iam::aws:policy/ReadOnly", "arn:aws-x:a:::b"]
        {
            assert!(Arn::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_arn_is_refused_and_not_quoted() {
        let long = format!("arn:aws:s3:::{}", "x".repeat(LONGEST));
        for text in [
            "",
            "arn",
            "arn:aws",
            "arn:aws:s3:::",
            "arn:aws:s3::",
            "ARN:aws:s3:::hunter2",
            "arn:gcp:s3:::hunter2",
            "arn:aws-:s3:::hunter2",
            "arn::s3:::hunter2",
            "arn:aws:S3:::hunter2",
            "arn:aws::::hunter2",
            "arn:aws:s3:eu west:123456789012:hunter2",
            "arn:aws:iam::12345678901:hunter2",
            "arn:aws:iam::1234567890123:hunter2",
            "arn:aws:iam::12345678901２:hunter2",
            "arn:aws:s3:::hunter2\n",
            "arn:aws:s3:::hunter2\0",
            &long,
        ] {
            let error = Arn::parse(text).expect_err(text);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_colon_cannot_move_parts() {
        assert!(Arn::new(Partition::Aws, "iam:", "", "123456789012", "role/a").is_err());
        assert!(Arn::new(Partition::Aws, "iam", "x:123456789012", "", "role/a").is_err());
    }
}
