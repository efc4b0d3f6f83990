//! The stored form of a connector. It never holds a secret, so it may be printed, logged and hashed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, Problem, Result, grant};

/// A switch that a connector's owner sets to allow what is refused by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Allow {
    /// Hand out a credential that does not end by itself.
    LongLived,
    /// Hand out an administrator's credential where a type has such a thing apart.
    Admin,
    /// Run programs named by configuration: `credential_process`, exec plugins, executable sources.
    Exec,
}

impl Allow {
    /// All switches.
    pub const ALL: [Self; 3] = [Self::LongLived, Self::Admin, Self::Exec];

    /// The switch as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LongLived => "long-lived",
            Self::Admin => "admin",
            Self::Exec => "exec",
        }
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Allow {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| Error::field("allow", "unknown switch: expected long-lived, admin or exec"))
    }
}

/// Who may see and use a connector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// The owner alone. The default.
    #[default]
    Private,
    /// Everybody in the workspace.
    Shared,
}

/// A connector as it is stored.
///
/// `config` holds a reference (`{{.field}}` to the connector's own secret, `{{name.field}}` to another
/// connector's) wherever the method's schema says secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Made when it is stored first, never reused; empty in a draft.
    #[serde(default)]
    pub id: String,
    /// What people call it; unique in the store. See [`check_name`].
    pub name: String,
    /// The connector type, such as `aws`.
    #[serde(rename = "type")]
    pub connector_type: String,
    /// The auth method, such as `iam-role`.
    pub method: String,
    /// The method's config, with references in place of secrets.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The id under which the connector's own secret values are kept apart; none when it has none.
    #[serde(default)]
    pub secret_id: Option<String>,
    /// Set when the connector serves one resource type only.
    #[serde(default)]
    pub resource_type: Option<String>,
    /// Set when the connector serves one resource only; canonical unless `partial`.
    #[serde(default)]
    pub resource_id: Option<String>,
    /// The resource id could not be completed yet, because nothing was called when it was stored.
    #[serde(default)]
    pub partial: bool,
    /// The life of what it issues, in seconds, in place of the method's default.
    #[serde(default, with = "grant::seconds")]
    pub duration: Option<Duration>,
    /// After this time it issues nothing.
    #[serde(default, with = "optional_time")]
    pub expires_at: Option<SystemTime>,
    /// What the owner allows beyond the default.
    #[serde(default)]
    pub allow: BTreeSet<Allow>,
    /// Free labels to filter by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub owner: String,
    /// The group of people it belongs to.
    #[serde(default = "default_workspace")]
    pub workspace: String,
    /// Who may see and use it.
    #[serde(default)]
    pub visibility: Visibility,
    /// A disabled connector stays stored and issues nothing.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Counts its changes, from 1; 0 in a draft.
    #[serde(default)]
    pub version: u64,
    /// When it was stored first.
    #[serde(default = "epoch", with = "time")]
    pub created: SystemTime,
    /// When it was changed last.
    #[serde(default = "epoch", with = "time")]
    pub updated: SystemTime,
}

impl Document {
    /// A draft: not stored yet, everything else at its default.
    pub fn draft(
        name: impl Into<String>,
        connector_type: impl Into<String>,
        method: impl Into<String>,
        config: Map<String, Value>,
    ) -> Self {
        Self {
            id: String::new(),
            name: name.into(),
            connector_type: connector_type.into(),
            method: method.into(),
            config,
            secret_id: None,
            resource_type: None,
            resource_id: None,
            partial: false,
            duration: None,
            expires_at: None,
            allow: BTreeSet::new(),
            labels: BTreeMap::new(),
            description: None,
            owner: String::new(),
            workspace: default_workspace(),
            visibility: Visibility::default(),
            enabled: true,
            version: 0,
            created: SystemTime::UNIX_EPOCH,
            updated: SystemTime::UNIX_EPOCH,
        }
    }
}

/// Shows the keys of the config only: a draft may still hold secrets in clear.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("type", &self.connector_type)
            .field("method", &self.method)
            .field("config", &self.config.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Checks a connector's name: 1 to 63 of `a-z 0-9 . _ -`, starting with a letter or digit.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) that says so.
pub fn check_name(name: &str) -> Result<()> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if first && name.len() <= 63 && name.bytes().all(inner) {
        return Ok(());
    }
    Err(Error::field(
        "name",
        "not a connector name: expected 1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit",
    ))
}

/// A reference to a stored secret, as it stands in a config: `{{.field}}` or `{{name.field}}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretRef {
    /// The connector whose secret it is; `None` for the document's own.
    pub connector: Option<String>,
    /// The field of that secret.
    pub field: String,
}

impl SecretRef {
    /// A reference to the document's own secret.
    pub fn own(field: impl Into<String>) -> Self {
        Self { connector: None, field: field.into() }
    }

    /// Reads a whole text as a reference; `None` when it is ordinary text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix("{{")?.strip_suffix("}}")?.trim();
        // A field has no dot, a name may: split at the last one.
        let (connector, field) = inner.rsplit_once('.')?;
        let word = |it: &str| {
            !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !word(field) || !(connector.is_empty() || word(connector)) {
            return None;
        }
        let connector = (!connector.is_empty()).then(|| connector.to_owned());
        Some(Self { connector, field: field.to_owned() })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}.{}}}}}", self.connector.as_deref().unwrap_or_default(), self.field)
    }
}

/// Replaces every secret reference in a config by what `resolve` gives for it.
///
/// # Errors
/// All references that `resolve` does not know, by field: an unresolved reference fails closed.
pub fn resolve_secrets(
    config: &Map<String, Value>,
    resolve: &mut dyn FnMut(&SecretRef) -> Option<String>,
) -> Result<Map<String, Value>> {
    let mut out = Value::Object(config.clone());
    let mut problems = Vec::new();
    fill(&mut out, &mut String::new(), resolve, &mut problems);
    match out {
        Value::Object(map) if problems.is_empty() => Ok(map),
        _ => Err(Error::problems("a secret reference does not resolve", problems)),
    }
}

/// One path for all: a key may be as long as the config, and is not copied for each value beneath it.
fn fill(
    value: &mut Value,
    path: &mut String,
    resolve: &mut dyn FnMut(&SecretRef) -> Option<String>,
    problems: &mut Vec<Problem>,
) {
    let here = path.len();
    match value {
        Value::String(text) => {
            let Some(reference) = SecretRef::parse(text) else { return };
            match resolve(&reference) {
                Some(secret) => *text = secret,
                None => problems
                    .push(Problem::new(path.as_str(), format!("there is no stored secret {reference}"))),
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let _ = write!(path, "[{index}]");
                fill(item, path, resolve, problems);
                path.truncate(here);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                path.push_str(if here == 0 { "" } else { "." });
                path.push_str(key);
                fill(item, path, resolve, problems);
                path.truncate(here);
            }
        }
        _ => {}
    }
}

fn default_workspace() -> String {
    "default".into()
}

fn yes() -> bool {
    true
}

fn epoch() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

mod time {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&crate::format_time(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        crate::parse_time(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

mod optional_time {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &Option<SystemTime>, out: S) -> Result<S::Ok, S::Error> {
        time.map(crate::format_time).serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
        Option::<String>::deserialize(from)?
            .map(|text| crate::parse_time(&text))
            .transpose()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "aws-s3", "0x", "a.b_c-d", &"a".repeat(63)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "A", "a b", "ä", ".a", &"a".repeat(64)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn references_read_and_write() {
        for text in ["{{.key}}", "{{my.conn.key}}"] {
            assert_eq!(SecretRef::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(
            SecretRef::parse("{{my.conn.key}}").and_then(|it| it.connector).as_deref(),
            Some("my.conn")
        );
        for text in ["key", "{{key}}", "{{a.b", "{{a.}}", "x{{a.b}}", "{{a b.c}}"] {
            assert_eq!(SecretRef::parse(text), None, "{text}");
        }
    }

    #[test]
    fn s77_unresolved_references_fail_closed_and_are_named_together() {
        let config = serde_json::json!({"a": "{{x.k}}", "b": ["{{y.k}}"], "c": "plain"});
        let config = config.as_object().expect("an object");
        let error = resolve_secrets(config, &mut |_| None).expect_err("nothing resolves");
        let fields: Vec<_> = error.field_problems().iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["a", "b[0]"]);
        let resolved = resolve_secrets(config, &mut |it| Some(it.to_string())).expect("all resolve");
        assert_eq!(resolved["c"], "plain");
    }
}
