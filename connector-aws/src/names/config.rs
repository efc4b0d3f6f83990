//! The checked texts of the auth methods' configs. Lengths and alphabets from the STS service model.

use std::borrow::Cow;
use std::fmt;

use connector_core::{Error, Result, checked};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::checked::{is_digits, is_word};
use super::{Arn, Partition};

checked! {
    /// A region, such as `eu-west-1`.
    ///
    /// Any host label is taken: S3-compatible servers have regions like `garage` or `auto`. Where there is
    /// no endpoint of one's own, [`Region::is_like_aws`] tells a typing error early.
    Region {
        pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        length: 1..=63,
        check: |text| {
            text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
                && !text.starts_with('-')
                && !text.ends_with('-')
        },
        expected: "a region",
        example: "eu-west-1",
    }

    /// The number of an AWS account.
    AccountId {
        pattern: "^[0-9]{12}$",
        length: 12..=12,
        check: |text| is_digits(text, 12),
        expected: "an account number of 12 digits",
        example: "111122223333",
    }

    /// The ARN of an IAM role, of any partition.
    RoleArn {
        pattern: "^arn:aws(-[a-z0-9-]+)?:iam::[0-9]{12}:role/([!-9;-~]+/)?[0-9A-Za-z_+=,.@-]+$",
        length: 20..=2048,
        check: |text| is_iam(text, "role", |account| is_digits(account, 12)),
        expected: "the ARN of one role",
        example: "arn:aws:iam::111122223333:role/NAME",
    }

    /// The ARN of a managed policy, a customer's or AWS's.
    PolicyArn {
        pattern: "^arn:aws(-[a-z0-9-]+)?:iam::([0-9]{12}|aws):policy/([!-9;-~]+/)?[0-9A-Za-z_+=,.@-]+$",
        length: 20..=2048,
        check: |text| is_iam(text, "policy", |account| account == "aws" || is_digits(account, 12)),
        expected: "the ARN of one policy",
        example: "arn:aws:iam::111122223333:policy/NAME",
    }

    /// The name under which a session appears in CloudTrail and in its ARN.
    SessionName {
        pattern: r"^[0-9A-Za-z_+=,.@-]+$",
        length: 2..=64,
        check: |text| is_word(text, "+=,.@-"),
        expected: "2 to 64 letters, digits or _+=,.@-",
        example: "nightly-build",
    }

    /// The word that a role's trust policy asks of those who assume it on behalf of others.
    ExternalId {
        pattern: r"^[0-9A-Za-z_+=,.@:/-]+$",
        length: 2..=1224,
        check: |text| is_word(text, "+=,.@:/-"),
        expected: "2 to 1224 letters, digits or _+=,.@:/-",
        example: "customer-42",
    }

    /// Who stands behind a session, kept through role chains.
    SourceIdentity {
        pattern: r"^[0-9A-Za-z_+=,.@-]+$",
        length: 2..=64,
        check: |text| is_word(text, "+=,.@-"),
        expected: "2 to 64 letters, digits or _+=,.@-",
        example: "alice",
    }

    /// An MFA device: the ARN of a virtual one, or the serial number of a hardware one.
    MfaSerial {
        pattern: r"^[0-9A-Za-z_+=/:,.@-]+$",
        length: 9..=256,
        check: |text| is_word(text, "+=/:,.@-"),
        expected: "the ARN of an MFA device or a hardware serial number, 9 to 256 characters",
        example: "arn:aws:iam::111122223333:mfa/NAME",
    }
}

/// `arn:{partition}:iam::{account}:{kind}/{path}/{name}`, printable and without blanks. AWS lets a path hold colons;
/// here it may not, since what holds them is a second ARN behind a comma.
fn is_iam(text: &str, kind: &str, account: fn(&str) -> bool) -> bool {
    text.bytes().all(|it| it.is_ascii_graphic())
        && Arn::parse(text).is_ok_and(|arn| {
            arn.service() == "iam"
                && arn.region().is_empty()
                && account(arn.account())
                && arn
                    .resource()
                    .strip_prefix(kind)
                    .and_then(|rest| rest.strip_prefix('/')?.rsplit('/').next().map(|name| (rest, name)))
                    .is_some_and(|(rest, name)| {
                        !rest.contains(':') && !name.is_empty() && is_word(name, "+=,.@-")
                    })
        })
}

impl Region {
    /// The partition of this region; see [`Partition::of_region`].
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::of_region(self.as_str())
    }

    /// Whether this has the shape of AWS's own regions: words, then a number (`us-gov-west-1`).
    #[must_use]
    pub fn is_like_aws(&self) -> bool {
        let parts: Vec<&str> = self.as_str().split('-').collect();
        let [words @ .., number] = parts.as_slice() else { return false };
        words.len() >= 2
            && words.iter().all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase()))
            && (1..=2).contains(&number.len())
            && number.bytes().all(|it| it.is_ascii_digit())
    }
}

impl RoleArn {
    fn arn(&self) -> Arn {
        Arn::parse(self.as_str()).expect("a role ARN is an ARN, checked when it was parsed")
    }

    /// The account that the role is of.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId(self.arn().account().to_owned())
    }

    /// The partition, when it is a known one.
    #[must_use]
    pub fn partition(&self) -> Option<Partition> {
        self.arn().partition()
    }

    /// The name without its path, as it appears in the ARNs of the role's sessions.
    #[must_use]
    pub fn name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }
}

impl SessionName {
    /// Makes a session name from any text: what is not allowed becomes `-`, what is too long is cut to
    /// `longest` (64 for roles, 32 for federation tokens), what is too short is filled.
    #[must_use]
    pub fn lossy(text: &str, longest: usize) -> Self {
        let mut name: String = text
            .chars()
            .take(longest.clamp(2, 64))
            .map(|it| if it.is_ascii_alphanumeric() || "_+=,.@-".contains(it) { it } else { '-' })
            .collect();
        while name.len() < 2 {
            name.push('-');
        }
        Self(name)
    }
}

/// One role, or a chain of roles in the order in which they are assumed. At least one, ten at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleArns(Vec<RoleArn>);

/// More than anybody chains; keeps one document from asking for a thousand calls.
const LONGEST_CHAIN: usize = 10;

impl RoleArns {
    /// A chain of roles.
    ///
    /// # Errors
    /// Invalid input when there is none, or more than ten.
    pub fn new(roles: Vec<RoleArn>) -> Result<Self> {
        if roles.is_empty() || roles.len() > LONGEST_CHAIN {
            return Err(Error::invalid("expected a role ARN or a list of 1 to 10 role ARNs"));
        }
        Ok(Self(roles))
    }

    /// All roles, in the order in which they are assumed.
    #[must_use]
    pub fn as_slice(&self) -> &[RoleArn] {
        &self.0
    }

    /// The role whose credentials come out.
    #[must_use]
    pub fn last(&self) -> &RoleArn {
        self.0.last().expect("a chain holds one role at least, checked when it was made")
    }

    /// The roles on the way to the last one.
    #[must_use]
    pub fn intermediate(&self) -> &[RoleArn] {
        &self.0[..self.0.len() - 1]
    }

    /// Whether a role is assumed with the credentials of another one, which caps sessions at an hour.
    #[must_use]
    pub fn is_chain(&self) -> bool {
        self.0.len() > 1
    }
}

impl From<RoleArn> for RoleArns {
    fn from(role: RoleArn) -> Self {
        Self(vec![role])
    }
}

impl<'de> Deserialize<'de> for RoleArns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> Visitor<'de> for OneOrMore {
            type Value = RoleArns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a role ARN or a list of role ARNs")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RoleArns, E> {
                RoleArn::parse(text).map(RoleArns::from).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RoleArns, A::Error> {
                let mut roles = Vec::new();
                while let Some(role) = list.next_element::<RoleArn>()? {
                    roles.push(role);
                    if roles.len() > LONGEST_CHAIN {
                        break;
                    }
                }
                RoleArns::new(roles).map_err(serde::de::Error::custom)
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
}

impl JsonSchema for RoleArns {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RoleArns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut role = generator.subschema_for::<RoleArn>();
        role.remove("description");
        json_schema!({
            "anyOf": [role, { "type": "array", "items": role, "minItems": 1, "maxItems": LONGEST_CHAIN }]
        })
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
