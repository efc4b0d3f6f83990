//! Text that must not be seen.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// The key that marks a secret field in a JSON Schema.
pub const SECRET_MARK: &str = "x-secret";

/// Text that must not be seen: a key, a token, a password.
///
/// It has no `Display` and no `Serialize`, its `Debug` is a fixed text, and its memory is wiped when it
/// is dropped. [`Secret::expose`] is the only way to read it.
///
/// ```compile_fail,E0277
/// let secret = connector_core::Secret::new("hunter2");
/// serde_json::to_string(&secret); // cannot be serialised
/// ```
/// ```compile_fail,E0277
/// let secret = connector_core::Secret::new("hunter2");
/// println!("{secret}"); // cannot be displayed
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller's copy is moved, not duplicated.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Reads the text. Every call of this is a place where a secret may leave: keep them few.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl JsonSchema for Secret {
    // Inlined, so that `Option<Secret>` keeps the marks instead of hiding them behind a `$ref`.
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "writeOnly": true, SECRET_MARK: true })
    }
}
