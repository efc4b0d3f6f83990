//! Auth methods: one that narrows, one that cannot, one that could only hand out its secret, one whose
//! secret was issued elsewhere, one that uses the identity of the machine.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use connector_core::{
    AuthMethod, Authenticated, Base, Call, Command, Context, Error, Expiry, Identity, Life, Lifetime,
    MethodAbout, Problem, Request, Result, Secret, Step, parse_time,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Acme, CANARY, Policy, Session};

/// What all methods share.
#[derive(Default, Deserialize, JsonSchema)]
pub struct Shared {
    /// Where to work.
    #[schemars(length(min = 1, max = 16), extend("pattern" = "^[a-z]+-[0-9]$", "x-form" = "a region such as moon-1"))]
    pub region: String,
    /// Another endpoint.
    pub endpoint: Option<String>,
}

/// A role, or the roles on the way to one.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Chain {
    /// The role.
    One(String),
    /// From first to last.
    Many(Vec<String>),
}

/// How to be thorough.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    Quick,
    /// Takes its time.
    Thorough,
}

/// Takes a role with a key, or with another connector's session.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    #[serde(flatten)]
    pub shared: Shared,
    /// The key's id.
    pub key_id: Option<Secret>,
    /// The key.
    pub key_secret: Option<Secret>,
    /// The connector whose session takes the role, in place of a key.
    pub source: Option<Base<Acme>>,
    /// The role, or the roles on the way to it.
    pub role: Chain,
    /// The device that shows codes.
    pub mfa_serial: Option<String>,
    /// How many times to try.
    pub tries: Option<u16>,
    /// How thorough to be.
    pub mode: Option<Mode>,
    /// Labels for the session.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Role {
    /// A role with a key.
    pub fn with_key() -> Self {
        Self {
            shared: Shared { region: "moon-1".into(), endpoint: None },
            key_id: Some(Secret::new(format!("id-{CANARY}"))),
            key_secret: Some(Secret::new(format!("key-{CANARY}"))),
            source: None,
            role: Chain::One("reader".into()),
            mfa_serial: None,
            tries: None,
            mode: None,
            tags: BTreeMap::new(),
        }
    }

    /// A role that another connector takes.
    pub fn with_source(name: &str) -> Self {
        Self { key_id: None, key_secret: None, source: Some(Base::new(name)), ..Self::with_key() }
    }
}

impl AuthMethod for Role {
    const ID: &'static str = "role";
    const ABOUT: MethodAbout = MethodAbout::new("Role", "Takes a role.", Life::Long, Identity::Service)
        .temporary()
        .narrows("everything, by policy")
        .lifetime(Lifetime::seconds(900, 3600, 43_200));
    type Connector = Acme;

    fn check(&self) -> Vec<Problem> {
        match (&self.key_secret, &self.source) {
            (None, None) => vec![Problem::new("key_secret", "missing: give a key or a source")],
            _ => Vec::new(),
        }
    }

    fn lifetime(&self) -> Option<Lifetime> {
        match &self.role {
            Chain::Many(roles) if roles.len() > 1 => Some(Lifetime::seconds(900, 3600, 3600)),
            _ => Self::ABOUT.lifetime,
        }
    }

    async fn authenticate(&self, cx: &Call<'_>, policy: Option<&Policy>) -> Result<Authenticated<Session>> {
        let mut limit = None;
        if let Some(source) = &self.source {
            limit = Some(source.session(cx).await?.expiry.clone());
        }
        if let Some(device) = &self.mfa_serial {
            cx.ask(&format!("code of {device}")).await?;
        }
        let life = cx.duration().unwrap_or_default();
        let policy_text = policy.map_or("-", |policy| policy.0.as_str());
        let token = call(cx, &format!("role?policy={policy_text}&seconds={}", life.as_secs())).await?;
        let ends = limit.into_iter().fold(cx.expires_in(life), Expiry::min);
        let session = Authenticated::new(Session { token, ends: ends.clone(), long_lived: false }, ends);
        Ok(if policy.is_some() { session.narrowed("a session policy") } else { session })
    }

    fn plan(&self, cx: &Call<'_>, policy: Option<&Policy>) -> Result<Vec<Step>> {
        let seconds = cx.duration().unwrap_or_default().as_secs().to_string();
        let policy = policy.map(|policy| ("policy".to_owned(), policy.0.clone()));
        Ok(vec![Step::new(
            "acme:role",
            [("seconds".to_owned(), seconds)].into_iter().chain(policy).collect(),
        )])
    }
}

/// Logs in with a key, and can do all that the key can.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The key.
    pub key: Secret,
}

impl Login {
    pub fn new() -> Self {
        Self { key: Secret::new(format!("key-{CANARY}")) }
    }
}

impl AuthMethod for Login {
    const ID: &'static str = "login";
    const ABOUT: MethodAbout = MethodAbout::new("Login", "Logs in.", Life::Long, Identity::User)
        .temporary()
        .lifetime(Lifetime::seconds(900, 43_200, 129_600))
        .lifetime_note("one hour for the first user")
        .warning("carries all that the user may do");
    type Connector = Acme;

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Policy>) -> Result<Authenticated<Session>> {
        let life = cx.duration().unwrap_or_default();
        let token = call(cx, &format!("login?seconds={}", life.as_secs())).await?;
        let ends = cx.expires_in(life);
        Ok(Authenticated::new(Session { token, ends: ends.clone(), long_lived: false }, ends))
    }
}

/// A key that nothing shorter can be made of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The key.
    pub key: Secret,
}

impl Key {
    pub fn new() -> Self {
        Self { key: Secret::new(format!("key-{CANARY}")) }
    }
}

impl AuthMethod for Key {
    const ID: &'static str = "key";
    const ABOUT: MethodAbout = MethodAbout::new("Key", "Hands out the key.", Life::Long, Identity::Service);
    type Connector = Acme;

    async fn authenticate(&self, _: &Call<'_>, _: Option<&Policy>) -> Result<Authenticated<Session>> {
        let ends = Expiry::Never("a key is good until it is revoked".into());
        Ok(Authenticated::new(
            Session { token: self.key.clone(), ends: ends.clone(), long_lived: true },
            ends,
        ))
    }
}

/// A token that was issued elsewhere.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Passed {
    /// The token.
    pub token: Secret,
    /// When it ends.
    pub expires_at: String,
}

impl AuthMethod for Passed {
    const ID: &'static str = "passed";
    const ABOUT: MethodAbout =
        MethodAbout::new("Token", "Passes a token on.", Life::Short, Identity::User).temporary();
    type Connector = Acme;

    fn expires_at(&self) -> Option<SystemTime> {
        parse_time(&self.expires_at).ok()
    }

    async fn authenticate(&self, _: &Call<'_>, _: Option<&Policy>) -> Result<Authenticated<Session>> {
        let ends = Expiry::At(parse_time(&self.expires_at)?);
        Ok(Authenticated::new(
            Session { token: self.token.clone(), ends: ends.clone(), long_lived: false },
            ends,
        ))
    }
}

/// The identity of the machine, or of what a program on it prints.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ambient {
    /// A program that prints a token.
    pub program: Option<String>,
}

impl AuthMethod for Ambient {
    const ID: &'static str = "ambient";
    const ABOUT: MethodAbout =
        MethodAbout::new("Ambient", "Uses the machine's identity.", Life::None, Identity::Workload)
            .temporary()
            .implicit();
    type Connector = Acme;

    fn identity(_: &Map<String, Value>, cx: &Context) -> Result<String> {
        Ok(cx.var("ACME_PROFILE").unwrap_or_default())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Policy>) -> Result<Authenticated<Session>> {
        if let Some(program) = &self.program {
            cx.run(Command::new(program)).await?;
        }
        let token = cx.var("ACME_TOKEN").ok_or_else(|| Error::not_configured("ACME_TOKEN is not set"))?;
        let ends = cx.expires_in(Duration::from_secs(3600));
        Ok(Authenticated::new(Session { token: token.into(), ends: ends.clone(), long_lived: false }, ends))
    }
}

async fn call(cx: &Context, path: &str) -> Result<Secret> {
    let answer = cx.send(Request::get(format!("https://acme.test/{path}"))).await?;
    match answer.status() {
        200 => {}
        status @ 500.. => return Err(Error::unreachable(format!("acme answered {status}"))),
        status => return Err(Error::refused(format!("acme answered {status}"))),
    }
    let token =
        std::str::from_utf8(answer.body()).map_err(|_| Error::unreachable("acme answered with garbage"))?;
    Ok(Secret::new(token))
}
