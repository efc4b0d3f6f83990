//! The policy that a connector's owner wrote, and what is sent when there is one.

use std::borrow::Cow;
use std::fmt;

use connector_core::{Error, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::model::{Policy, check_size, within_alphabet};
use super::subset::{Subset, is_subset};
use crate::names::PolicyArn;

/// A session policy as its owner wrote it: JSON text, or the object itself. At most 2048 characters when
/// superfluous blanks are left out, and without a `Principal`, as STS asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnPolicy {
    policy: Policy,
    json: String,
    /// Why it is none. Serde would lose the reason, so it is refused later, by the name of its field.
    fault: Option<String>,
}

impl OwnPolicy {
    /// Reads JSON text.
    ///
    /// # Errors
    /// Invalid input as [`Policy::parse`] has it, and when STS would not take it.
    pub fn parse(json: &str) -> Result<Self> {
        // Read once as a policy for its errors and its bound on the length.
        Policy::parse(json)?;
        let value = serde_json::from_str(json).map_err(|_| Error::invalid("the policy is not JSON"))?;
        Self::from_value(&value)
    }

    fn from_value(value: &Value) -> Result<Self> {
        let policy = Policy::from_value(value)?;
        let statements = match &value["Statement"] {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        if statements.iter().any(|it| it.get("Principal").is_some() || it.get("NotPrincipal").is_some()) {
            return Err(Error::invalid("a session policy cannot name a Principal"));
        }
        let json = within_alphabet(&value.to_string());
        check_size(Some(&json), &[])?;
        Ok(Self { policy, json, fault: None })
    }

    /// What was given and is no policy: it allows nothing, and is never sent.
    fn faulty(error: &Error) -> Self {
        Self { policy: Policy::new(Vec::new()), json: "{}".into(), fault: Some(error.message().to_owned()) }
    }

    /// Why what a config holds is no policy; `None` when it is one.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// What it says.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The text to send, without superfluous blanks.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

/// The session policies of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionPolicies {
    /// None: the session may do all that its identity may.
    Nothing,
    /// The generated policy, which narrows the session to what was asked for.
    Generated(String),
    /// The connector's own policies, as they are.
    Own {
        /// The inline one.
        json: Option<String>,
        /// The managed ones.
        managed: Vec<PolicyArn>,
    },
}

impl SessionPolicies {
    /// Chooses what to send, so that nobody gets more than the connector's own policies allow. Policies
    /// sent together add up, so the generated one goes alone or not at all.
    ///
    /// With an own policy, the generated one must stay within it. With managed policies, whose text is
    /// not known here, the own ones are sent as they are and the session is not narrowed.
    ///
    /// The generated policy comes with the field that its length is owed to.
    ///
    /// # Errors
    /// Refused when the generated policy goes beyond the own one; invalid input in that field, or in
    /// `policy`, when what would be sent is too large for STS.
    pub fn choose(
        generated: Option<(&Policy, &'static str)>,
        own: Option<&OwnPolicy>,
        managed: &[PolicyArn],
    ) -> Result<Self> {
        if let Some(fault) = own.and_then(OwnPolicy::fault) {
            return Err(Error::field("policy", fault));
        }
        let own_ones = || match (own, managed) {
            (None, []) => Self::Nothing,
            _ => Self::Own { json: own.map(|it| it.json.clone()), managed: managed.to_vec() },
        };
        let chosen = match (generated, own) {
            // Whatever managed policies deny would be lost with them, also beside an own one that is wide enough.
            (Some(_), _) if !managed.is_empty() => own_ones(),
            (Some((generated, _)), None) => Self::Generated(generated.to_json()),
            (Some((generated, _)), Some(own)) => Self::Generated(within(generated, &own.policy)?.to_json()),
            (None, _) => own_ones(),
        };
        match check_size(chosen.json(), chosen.managed()) {
            Ok(()) => Ok(chosen),
            Err(error) => Err(chosen.too_large(&error, generated)),
        }
    }

    /// The same error, in the field that can be changed to mend it.
    fn too_large(&self, error: &Error, generated: Option<(&Policy, &'static str)>) -> Error {
        let generated = generated.filter(|_| matches!(self, Self::Generated(_)));
        match generated.filter(|(policy, _)| check_size(Some(&policy.to_json()), &[]).is_err()) {
            Some((_, "within")) => Error::field("within", error.message()).with_hint(
                "ask for a shorter part of the resource, such as a folder further up (with a slash at its end it \
                 takes less room than without), or for a lower access level",
            ),
            Some((_, field)) => Error::field(field, error.message()).with_hint("ask for a lower access level"),
            // It fits by itself: the room is taken by what the connector's own policy denies.
            None => Error::field("policy", error.message()).with_hint(error.hint().unwrap_or_default()),
        }
    }

    /// The inline policy to send.
    #[must_use]
    pub fn json(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Generated(json) => Some(json),
            Self::Own { json, .. } => json.as_deref(),
        }
    }

    /// The managed policies to send.
    #[must_use]
    pub fn managed(&self) -> &[PolicyArn] {
        match self {
            Self::Own { managed, .. } => managed,
            _ => &[],
        }
    }
}

/// The generated policy, taking over what the own one denies where that makes it stay within it.
fn within(generated: &Policy, own: &Policy) -> Result<Policy> {
    let with_denials = generated.clone().with_denials_of(own);
    let (what, why) = match is_subset(generated, own) {
        Subset::Yes => return Ok(generated.clone()),
        _ => match is_subset(&with_denials, own) {
            Subset::Yes => return Ok(with_denials),
            Subset::No(why) => ("is not within", why),
            Subset::Unknown(why) => ("cannot be shown to be within", why),
        },
    };
    Err(Error::refused(format!("the policy for this resource {what} the connector's own policy"))
        .with_cause(why)
        .with_hint("ask for a resource or an access level that the connector's policy allows, or widen it"))
}

impl<'de> Deserialize<'de> for OwnPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrObject;

        impl<'de> Visitor<'de> for TextOrObject {
            type Value = OwnPolicy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy as JSON text or as an object")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OwnPolicy, E> {
                Ok(OwnPolicy::parse(text).unwrap_or_else(|error| OwnPolicy::faulty(&error)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OwnPolicy, A::Error> {
                let value = Value::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OwnPolicy::from_value(&value).unwrap_or_else(|error| OwnPolicy::faulty(&error)))
            }
        }

        deserializer.deserialize_any(TextOrObject)
    }
}

impl JsonSchema for OwnPolicy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OwnPolicy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string", "minLength": 2 }, { "type": "object" }] })
    }
}
