//! Method `kubeconfig`: one context of a kubeconfig.

use std::fmt;
use std::path::PathBuf;

use connector_core::{
    AuthMethod, Authenticated, Call, Error, Expiry, Identity, Life, Lifetime, MethodAbout, Problem, Result,
    Secret, Step,
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::common::{self, LIFETIME_NOTE, NARROWS, TOKEN_REQUEST};
use crate::connector::Kubernetes;
use crate::kubeconfig::{self as file, Chosen, UserLogin, exec};
use crate::names::{Audience, Namespace, ServiceAccountName};
use crate::session::{Own, Session, end_of};
use crate::token_request;

/// One context of a kubeconfig.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(from = "Fields")]
#[schemars(!from, deny_unknown_fields)]
#[non_exhaustive]
pub struct Kubeconfig {
    /// The kubeconfig: its text, or `@` and the path of a file that is read once, now. Certificates and keys have to
    /// stand in it, as `kubectl config view --raw --flatten --minify` prints it. An exec plugin in it runs only with
    /// `--allow exec`, with no environment but PATH, HOME and what the kubeconfig names.
    pub kubeconfig: KubeconfigText,
    /// The context to use; by default the current one.
    #[serde(default)]
    pub context: Option<String>,
    /// The service account whose tokens are issued, in place of the kubeconfig's own login. That needs the
    /// permission to `create` `serviceaccounts/token`.
    #[serde(default)]
    pub service_account: Option<ServiceAccountName>,
    /// The namespace of `service_account`; by default the context's.
    #[serde(default)]
    pub namespace: Option<Namespace>,
    /// For whom the issued tokens are; by default for the API server.
    #[serde(default)]
    pub audiences: Vec<Audience>,
    /// What the context says, or what is wrong with it.
    #[schemars(skip)]
    chosen: Result<Chosen>,
}

/// The same as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    kubeconfig: KubeconfigText,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    service_account: Option<ServiceAccountName>,
    #[serde(default)]
    namespace: Option<Namespace>,
    #[serde(default)]
    audiences: Vec<Audience>,
}

impl From<Fields> for Kubeconfig {
    fn from(fields: Fields) -> Self {
        let Fields { kubeconfig, context, service_account, namespace, audiences } = fields;
        let chosen = kubeconfig.choose(context.as_deref());
        Self { kubeconfig, context, service_account, namespace, audiences, chosen }
    }
}

/// The text of a kubeconfig. It is a secret as a whole.
#[derive(Clone)]
pub struct KubeconfigText(Secret);

impl KubeconfigText {
    fn choose(&self, context: Option<&str>) -> Result<Chosen> {
        let no_files = |_: &str, _: Option<&PathBuf>| {
            Err(Error::invalid("names a file, and a stored kubeconfig has to hold everything itself")
                .with_hint("take what `kubectl config view --raw --flatten --minify` prints"))
        };
        file::Kubeconfig::parse(self.0.expose(), "the kubeconfig", None)?.choose(context, &no_files)
    }
}

impl From<Secret> for KubeconfigText {
    fn from(text: Secret) -> Self {
        Self(text)
    }
}

impl fmt::Debug for KubeconfigText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

impl<'de> Deserialize<'de> for KubeconfigText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Secret::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for KubeconfigText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Secret::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Secret::json_schema(generator)
    }
}

impl AuthMethod for Kubeconfig {
    const ID: &'static str = "kubeconfig";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Kubeconfig",
        "Logs in as one context of a kubeconfig says: by a token, a client certificate, a password, or an exec \
         plugin, which runs only with `--allow exec`. With `service_account` it issues tokens of that service \
         account. What an exec plugin gives is handed on with its end; what stands in the kubeconfig itself is \
         handed on with `--allow long-lived` only.",
        Life::Long,
        Identity::User,
    )
    .temporary()
    .narrows(NARROWS)
    .lifetime(TOKEN_REQUEST)
    .lifetime_note(LIFETIME_NOTE);
    type Connector = Kubernetes;

    fn check(&self) -> Vec<Problem> {
        let has_namespace = match &self.chosen {
            Ok(chosen) => chosen.namespace.is_some(),
            Err(error) => {
                let what =
                    error.causes().iter().fold(error.message().to_owned(), |all, it| format!("{all}: {it}"));
                let hint = error.hint().map(|it| format!(" ({it})")).unwrap_or_default();
                return vec![Problem::new("kubeconfig", format!("{what}{hint}"))];
            }
        };
        common::check_account(
            self.service_account.as_ref(),
            self.namespace.as_ref(),
            &self.audiences,
            has_namespace,
        )
    }

    fn lifetime(&self) -> Option<Lifetime> {
        self.service_account.as_ref().map(|_| TOKEN_REQUEST)
    }

    fn narrows(&self) -> Option<&'static str> {
        self.service_account.as_ref().map(|_| NARROWS)
    }

    /// What an exec plugin gives is known only when it ran.
    fn hands_on_secret(&self) -> bool {
        let is_stored = self.chosen.as_ref().is_ok_and(|it| matches!(it.user, UserLogin::Login(_)));
        self.service_account.is_none() && is_stored
    }

    fn scope(&self) -> Option<&str> {
        self.chosen.as_ref().ok().map(|it| it.cluster.name.as_str())
    }

    fn expires_at(&self) -> Option<std::time::SystemTime> {
        match &self.chosen.as_ref().ok()?.user {
            UserLogin::Login(login) => end_of(login).at(),
            UserLogin::Exec(_) => None,
        }
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Session>> {
        let chosen = self.chosen.clone()?;
        let (own, expiry) = match &chosen.user {
            UserLogin::Login(login) => (Own::Stored(login.clone()), end_of(login)),
            UserLogin::Exec(plugin) => {
                let given = exec::run(plugin, &chosen, cx).await?;
                match given.end.map_or_else(|| end_of(&given.login), Expiry::At) {
                    end @ Expiry::At(_) => (Own::Given(given.login), end),
                    // Nothing says that it ends: then it is handed out like a stored one.
                    never => (Own::Stored(given.login), never),
                }
            }
        };
        let missing = || Error::field("namespace", "missing: say where `service_account` is");
        let namespace = || self.namespace.clone().or(chosen.namespace.clone()).ok_or_else(missing);
        let account = common::account(self.service_account.as_ref(), namespace, &self.audiences)?;
        Ok(Authenticated::new(Session { cluster: chosen.cluster, own, account }, expiry))
    }

    fn plan(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Vec<Step>> {
        let Some(name) = &self.service_account else { return Ok(Vec::new()) };
        let chosen = self.chosen.as_ref().map_err(Clone::clone)?;
        let Some(namespace) = self.namespace.as_ref().or(chosen.namespace.as_ref()) else {
            return Ok(Vec::new());
        };
        Ok(vec![token_request::explain(name, namespace, &self.audiences, cx.duration())])
    }
}
