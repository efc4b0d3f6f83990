//! The one form in which a credential crosses a process or network boundary.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::credential::tool_of;
use crate::{
    Access, AnyProtocol, Credential, EnvironmentForm, Error, Expiry, Issued, Narrowed, Problem, Result,
    Secret, format_time, parse_time,
};

/// The version of the envelope that this crate writes. A new top-level field is a new version.
pub const ENVELOPE_VERSION: u32 = 1;

/// The fields of a credential, public and secret apart.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    public: BTreeMap<String, Value>,
    secret: BTreeMap<String, Secret>,
}

impl Fields {
    /// Writes a field that anybody may see.
    pub fn public(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.public.insert(name.into(), value.into());
    }

    /// Writes a field that anybody may see, if there is a value.
    pub fn public_if(&mut self, name: impl Into<String>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.public(name, value);
        }
    }

    /// Writes a secret field.
    pub fn secret(&mut self, name: impl Into<String>, value: &Secret) {
        self.secret.insert(name.into(), value.clone());
    }

    /// Writes a secret field, if there is a value.
    pub fn secret_if(&mut self, name: impl Into<String>, value: Option<&Secret>) {
        if let Some(value) = value {
            self.secret(name, value);
        }
    }

    /// Reads a public text that has to be there.
    ///
    /// # Errors
    /// When it is not there, or no text.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.text_if(name).ok_or_else(|| missing(name))
    }

    /// Reads a public text.
    #[must_use]
    pub fn text_if(&self, name: &str) -> Option<&str> {
        self.public.get(name).and_then(Value::as_str)
    }

    /// Reads a public field.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.public.get(name)
    }

    /// Reads a secret that has to be there.
    ///
    /// # Errors
    /// When it is not there.
    pub fn expect_secret(&self, name: &str) -> Result<Secret> {
        self.secret_field(name).cloned().ok_or_else(|| missing(name))
    }

    /// Reads a secret.
    #[must_use]
    pub fn secret_field(&self, name: &str) -> Option<&Secret> {
        self.secret.get(name)
    }

    /// All public fields.
    pub fn public_fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.public.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names of the secret fields.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secret.keys().map(String::as_str)
    }
}

fn missing(name: &str) -> Error {
    Error::problems(
        "the envelope does not fit its kind",
        vec![Problem::new(name, "missing, or not of the expected type")],
    )
}

/// An issued credential of any kind, as it travels. A kind that is not known here passes through unopened.
#[derive(Clone)]
#[non_exhaustive]
pub struct Envelope {
    /// The credential's kind.
    pub kind: String,
    /// The name of the connector that it was issued from.
    pub connector: String,
    /// The resource type.
    pub resource_type: String,
    /// The canonical resource id.
    pub resource_id: String,
    /// The part of the resource.
    pub within: Option<String>,
    /// The access level.
    pub access: Access,
    /// When it ends, as advertised.
    pub expiry: Expiry,
    /// When the provider ends it.
    pub provider_expiry: Expiry,
    /// By what it is narrowed, or why not.
    pub narrowed: Narrowed,
    /// Whether it is a long-lived secret.
    pub long_lived: bool,
    /// The credential's own fields.
    pub fields: Fields,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    kind: String,
    connector: String,
    resource: WireResource,
    within: Option<String>,
    access: Access,
    expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    never: Option<String>,
    provider_expiry: Option<String>,
    narrowed: bool,
    reason: String,
    long_lived: bool,
    public: BTreeMap<String, Value>,
    secret: BTreeMap<String, Zeroizing<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireResource {
    #[serde(rename = "type")]
    resource_type: String,
    id: String,
}

impl Envelope {
    /// Puts a credential into its envelope.
    pub(crate) fn seal<C: Credential>(issued: &Issued<C>, about: Labels<'_>) -> Self {
        let mut fields = Fields::default();
        issued.credential.export(&mut fields);
        Self {
            kind: C::KIND.to_owned(),
            connector: about.connector.to_owned(),
            resource_type: about.resource_type.to_owned(),
            resource_id: about.resource_id.to_owned(),
            within: about.within.map(str::to_owned),
            access: about.access,
            expiry: issued.expiry.clone(),
            provider_expiry: issued.provider_expiry.clone(),
            narrowed: issued.narrowing(),
            long_lived: issued.long_lived,
            fields,
        }
    }

    /// Takes the credential out again.
    ///
    /// # Errors
    /// When it is of another kind, or its fields do not fit.
    pub fn open<C: Credential>(&self) -> Result<Issued<C>> {
        if self.kind != C::KIND {
            return Err(Error::invalid(format!(
                "the envelope holds a credential of kind `{}`, not `{}`",
                self.kind,
                C::KIND
            )));
        }
        let mut issued = Issued::new(C::import(&self.fields)?, self.expiry.clone());
        issued.provider_expiry = self.provider_expiry.clone();
        issued.narrowed = Some(self.narrowed.clone());
        issued.long_lived = self.long_lived;
        Ok(issued)
    }

    fn wire(&self, with_secrets: bool) -> Wire {
        let secret = |(name, value): (&String, &Secret)| {
            (name.clone(), Zeroizing::new(if with_secrets { value.expose() } else { "[HIDDEN]" }.to_owned()))
        };
        // Says why for whichever end is null.
        let never = [&self.expiry, &self.provider_expiry].into_iter().find_map(|end| match end {
            Expiry::Never(reason) => Some(reason.to_string()),
            Expiry::At(_) => None,
        });
        Wire {
            version: ENVELOPE_VERSION,
            kind: self.kind.clone(),
            connector: self.connector.clone(),
            resource: WireResource {
                resource_type: self.resource_type.clone(),
                id: self.resource_id.clone(),
            },
            within: self.within.clone(),
            access: self.access,
            expires_at: self.expiry.at().map(format_time),
            never,
            provider_expiry: self.provider_expiry.at().map(format_time),
            narrowed: self.narrowed.is_narrowed(),
            reason: self.narrowed.reason().to_owned(),
            long_lived: self.long_lived,
            public: self.fields.public.clone(),
            secret: self.fields.secret.iter().map(secret).collect(),
        }
    }

    /// The whole envelope as JSON, secrets in clear: the text is itself a secret.
    #[must_use]
    pub fn to_json(&self) -> Secret {
        Secret::new(serde_json::to_string(&self.wire(true)).expect("the wire form has only text keys"))
    }

    /// The envelope with every secret as `[HIDDEN]`, for people.
    #[must_use]
    pub fn to_hidden(&self) -> Value {
        serde_json::to_value(self.wire(false)).expect("the wire form has only text keys")
    }

    /// Reads an envelope of any kind.
    ///
    /// # Errors
    /// When it is not one, or of a newer version. No value is quoted.
    pub fn from_json(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let wrong = |_| Error::invalid("not a credential envelope");
        let version = serde_json::from_str::<Version>(json).map_err(wrong)?.version;
        if version != ENVELOPE_VERSION {
            return Err(Error::invalid(format!(
                "the credential envelope has version {version}; this program reads {ENVELOPE_VERSION}"
            )));
        }
        let wire: Wire = serde_json::from_str(json).map_err(wrong)?;
        let never = wire.never.unwrap_or_else(|| "the issuer gave no reason".into());
        let expiry = |text: Option<String>| match text {
            Some(text) => parse_time(&text).map(Expiry::At),
            None => Ok(Expiry::Never(never.clone().into())),
        };
        Ok(Self {
            kind: wire.kind,
            connector: wire.connector,
            resource_type: wire.resource.resource_type,
            resource_id: wire.resource.id,
            within: wire.within,
            access: wire.access,
            expiry: expiry(wire.expires_at)?,
            provider_expiry: expiry(wire.provider_expiry)?,
            narrowed: if wire.narrowed {
                Narrowed::By(wire.reason.into())
            } else {
                Narrowed::No(wire.reason.into())
            },
            long_lived: wire.long_lived,
            fields: Fields {
                public: wire.public,
                secret: wire
                    .secret
                    .into_iter()
                    .map(|(name, value)| (name, Secret::new(value.as_str())))
                    .collect(),
            },
        })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("kind", &self.kind)
            .field("connector", &self.connector)
            .field("resource_type", &self.resource_type)
            .field("resource_id", &self.resource_id)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

/// What an envelope says about a credential beside the credential.
pub(crate) struct Labels<'a> {
    pub(crate) connector: &'a str,
    pub(crate) resource_type: &'a str,
    pub(crate) resource_id: &'a str,
    pub(crate) within: Option<&'a str>,
    pub(crate) access: Access,
}

/// The forms of a credential for those who only know its kind's id.
#[derive(Clone, Copy)]
pub(crate) struct Forms {
    pub(crate) tools: fn() -> Vec<&'static str>,
    pub(crate) tool: fn(&Envelope, &str) -> Result<Secret>,
    pub(crate) environment: fn(&Envelope) -> Result<EnvironmentForm>,
    pub(crate) protocols: fn() -> Vec<AnyProtocol>,
}

impl Forms {
    pub(crate) const fn of<C: Credential>() -> Self {
        Self {
            tools: || C::tools().iter().map(|tool| tool.name).collect(),
            tool: |envelope, name| {
                let tool = tool_of::<C>(name)?;
                (tool.render)(&envelope.open::<C>()?)
            },
            environment: |envelope| C::environment(&envelope.open::<C>()?),
            protocols: || C::protocols().iter().map(|it| AnyProtocol::new::<C>(*it)).collect(),
        }
    }
}
