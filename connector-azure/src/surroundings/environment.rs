//! Variables: an application, a token of elsewhere, an authority.

use std::path::PathBuf;

use connector_core::{Context, EndpointUrl, Error, Result, Secret};

use super::certificate;
use crate::names::{ClientId, Cloud, SubscriptionId, TenantId};

/// The variables that say one thing, as somebody names them.
pub(crate) struct Names {
    pub(crate) tenant: &'static str,
    pub(crate) client: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) certificate: &'static str,
    passphrase: &'static str,
}

impl Names {
    /// Those of Azure's libraries.
    pub(crate) const AZURE: Self = Self {
        tenant: "AZURE_TENANT_ID",
        client: "AZURE_CLIENT_ID",
        secret: "AZURE_CLIENT_SECRET",
        certificate: "AZURE_CLIENT_CERTIFICATE_PATH",
        passphrase: "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    };

    /// Those of Terraform.
    pub(crate) const TERRAFORM: Self = Self {
        tenant: "ARM_TENANT_ID",
        client: "ARM_CLIENT_ID",
        secret: "ARM_CLIENT_SECRET",
        certificate: "ARM_CLIENT_CERTIFICATE_PATH",
        passphrase: "ARM_CLIENT_CERTIFICATE_PASSWORD",
    };

    /// The variable that holds what an application proves itself with.
    fn key(&self, cx: &Context) -> Option<&'static str> {
        [self.secret, self.certificate].into_iter().find(|name| cx.var(name).is_some())
    }

    /// Directory and application, of which `set` says that they are meant.
    fn whose(&self, cx: &Context, set: &str) -> Result<(TenantId, ClientId)> {
        let needed = |name: &'static str| {
            cx.var(name).ok_or_else(|| {
                Error::invalid(format!("{set} is set without {name}"))
                    .with_hint(format!("set {name} too, or unset {set}"))
            })
        };
        Ok((tenant(needed(self.tenant)?, self.tenant)?, client(needed(self.client)?, self.client)?))
    }
}

fn tenant(text: String, name: &str) -> Result<TenantId> {
    TenantId::parse(text).map_err(|error| Error::invalid(format!("{name}: {}", error.message())))
}

fn client(text: String, name: &str) -> Result<ClientId> {
    ClientId::parse(text).map_err(|error| Error::invalid(format!("{name}: {}", error.message())))
}

/// An application, and what it proves itself with.
pub(crate) struct Application {
    pub(crate) tenant: TenantId,
    pub(crate) client: ClientId,
    pub(crate) key: Key,
}

/// What an application proves itself with.
pub(crate) enum Key {
    Secret(Secret),
    /// A certificate with its key, in a form that is taken.
    Certificate(Secret),
}

impl Key {
    /// The field in which the proof is sent.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Secret(_) => "client_secret",
            Self::Certificate(_) => "client_assertion",
        }
    }
}

impl Application {
    /// The application that the variables name; `None` where they hold nothing that it proves itself with.
    ///
    /// # Errors
    /// Half of it, a certificate that is not taken, and logins by a password.
    pub(crate) fn read(cx: &Context, names: &Names) -> Result<Option<Self>> {
        let Some(set) = names.key(cx) else {
            let password = ["AZURE_USERNAME", "AZURE_PASSWORD"];
            let is_person = names.client == Names::AZURE.client
                && cx.var(names.client).is_some()
                && password.iter().all(|name| cx.var(name).is_some());
            return match is_person {
                false => Ok(None),
                true => Err(Error::refused(
                    "AZURE_PASSWORD is a person's, and people do not log in by a password here",
                )
                .with_hint("unset AZURE_USERNAME and AZURE_PASSWORD, and use `user-account`")),
            };
        };
        let (tenant, client) = names.whose(cx, set)?;
        if let Some(secret) = cx.var(names.secret) {
            return Ok(Some(Self { tenant, client, key: Key::Secret(Secret::new(secret)) }));
        }
        if cx.var(names.passphrase).is_some() {
            return Err(Error::refused(format!("{}: certificates with a passphrase are not taken", names.passphrase))
                .with_hint(format!(
                    "take it away (openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem, or openssl pkey -in FILE.pem) and \
                     unset {}; the store seals the key by itself",
                    names.passphrase
                )));
        }
        let path = cx.var(names.certificate).unwrap_or_default();
        let text = certificate(cx, &PathBuf::from(path), names.certificate)?;
        Ok(Some(Self { tenant, client, key: Key::Certificate(text) }))
    }

    /// What it is, for people.
    pub(crate) fn shown(&self) -> String {
        let by = match self.key {
            Key::Secret(_) => "a secret",
            Key::Certificate(_) => "a certificate",
        };
        format!("application {} by {by}", self.client)
    }
}

/// A token of elsewhere that an application trusts.
pub(crate) struct Federated {
    pub(crate) tenant: TenantId,
    pub(crate) client: ClientId,
    pub(crate) file: String,
}

const FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The token of elsewhere that the variables name, as Kubernetes sets them; `chosen` is an application that goes before
/// theirs.
///
/// # Errors
/// Half of it.
pub(crate) fn federated(cx: &Context, chosen: Option<&ClientId>) -> Result<Option<Federated>> {
    let Some(file) = cx.var(FILE) else { return Ok(None) };
    let names = &Names::AZURE;
    let (tenant, client) = match chosen {
        Some(chosen) => {
            let text = cx.var(names.tenant).ok_or_else(|| {
                Error::invalid(format!("{FILE} is set without {}", names.tenant))
                    .with_hint(format!("set {} too, or unset {FILE}", names.tenant))
            })?;
            (tenant(text, names.tenant)?, chosen.clone())
        }
        None => names.whose(cx, FILE)?,
    };
    Ok(Some(Federated { tenant, client, file }))
}

/// The application, or the identity, that the variables choose.
///
/// # Errors
/// A variable that holds no id.
pub(crate) fn client_id(cx: &Context) -> Result<Option<ClientId>> {
    cx.var(Names::AZURE.client).map(|text| client(text, Names::AZURE.client)).transpose()
}

/// The subscription that the variables name, of Azure's programs or of Terraform.
///
/// # Errors
/// A variable that holds no id.
pub(crate) fn subscription_id(cx: &Context) -> Result<Option<SubscriptionId>> {
    let names = ["AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID"];
    let found = names.iter().find_map(|name| Some((name, cx.var(name)?)));
    let parsed = found.map(|(name, text)| {
        SubscriptionId::parse(text).map_err(|error| Error::invalid(format!("{name}: {}", error.message())))
    });
    parsed.transpose()
}

/// An authority that something names: one of a cloud's own, or another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) cloud: Option<Cloud>,
    pub(crate) url: Option<EndpointUrl>,
}

/// The variable that names an authority.
pub(crate) const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";

impl Authority {
    /// The authority that the variables name.
    ///
    /// # Errors
    /// A host that no secret may be sent to.
    pub(crate) fn read(cx: &Context) -> Result<Self> {
        match cx.var(AUTHORITY) {
            None => Ok(Self::default()),
            Some(text) => Self::parse(&text).map_err(|error| {
                Error::invalid(format!("{AUTHORITY}: {}", error.message()))
                    .with_hint(format!("unset {AUTHORITY}, or mend it"))
            }),
        }
    }

    /// Whether a URL is that of an authority of one of the clouds.
    pub(crate) fn is_of_cloud(url: &EndpointUrl) -> bool {
        url.is_https() && cloud_of(&url.authority().to_ascii_lowercase()).is_some()
    }

    fn parse(text: &str) -> Result<Self> {
        // Azure's libraries take a bare host, too.
        let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = EndpointUrl::parse(text.trim_end_matches('/'))?;
        if !url.is_https() {
            return Err(Error::invalid("secrets are sent there: write https"));
        }
        let cloud = cloud_of(&url.authority().to_ascii_lowercase());
        let is_own = cloud.is_some_and(|it| it.authority().eq_ignore_ascii_case(url.as_str()));
        Ok(Self { cloud, url: Some(url).filter(|_| !is_own) })
    }
}

/// What Terraform's variables say beside an application.
pub(crate) enum Terraform {
    /// A token of elsewhere.
    Token { tenant: TenantId, client: ClientId, token: Elsewhere },
    /// The machine's identity, or the one with this client id.
    Machine(Option<ClientId>),
}

/// A token of elsewhere, or its file.
pub(crate) enum Elsewhere {
    File(String),
    Token(Secret),
}

impl Terraform {
    /// What the variables switch on; `None` where they do not.
    ///
    /// # Errors
    /// Half of it.
    pub(crate) fn read(cx: &Context) -> Result<Option<Self>> {
        let is_on = |name: &str| {
            cx.var(name).is_some_and(|it| matches!(it.to_ascii_lowercase().as_str(), "true" | "1"))
        };
        let names = &Names::TERRAFORM;
        if is_on("ARM_USE_OIDC") {
            let file = cx.var("ARM_OIDC_TOKEN_FILE_PATH").map(Elsewhere::File);
            let token = || cx.var("ARM_OIDC_TOKEN").map(|it| Elsewhere::Token(Secret::new(it)));
            // Elsewhere it is asked for from a pipeline, which only runs there.
            let Some(token) = file.or_else(token) else { return Ok(None) };
            let (tenant, client) = names.whose(cx, "ARM_USE_OIDC")?;
            return Ok(Some(Self::Token { tenant, client, token }));
        }
        if is_on("ARM_USE_MSI") {
            let id = cx.var(names.client).map(|it| client(it, names.client)).transpose()?;
            return Ok(Some(Self::Machine(id)));
        }
        Ok(None)
    }

    /// The cloud that the variables name.
    ///
    /// # Errors
    /// One that is not known.
    pub(crate) fn authority(cx: &Context) -> Result<Authority> {
        const ENVIRONMENT: &str = "ARM_ENVIRONMENT";
        let cloud = match cx.var(ENVIRONMENT).map(|it| it.to_ascii_lowercase()).as_deref() {
            None => None,
            Some("public") => Some(Cloud::Public),
            Some("usgovernment") => Some(Cloud::Government),
            Some("china") => Some(Cloud::China),
            Some(_) => {
                return Err(Error::invalid(format!("{ENVIRONMENT} names a cloud that is not known"))
                    .with_hint("expected `public`, `usgovernment` or `china`"));
            }
        };
        Ok(Authority { cloud, url: None })
    }
}

/// The cloud whose people log in at a host.
pub(super) fn cloud_of(host: &str) -> Option<Cloud> {
    Some(match host {
        "login.microsoftonline.com" | "login.microsoft.com" | "login.windows.net" | "sts.windows.net" => {
            Cloud::Public
        }
        "login.microsoftonline.us" | "login.usgovcloudapi.net" => Cloud::Government,
        "login.chinacloudapi.cn" | "login.partner.microsoftonline.cn" => Cloud::China,
        _ => return None,
    })
}
