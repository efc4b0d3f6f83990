//! `kubernetes-cluster`: the one cluster of a connector.

use connector_core::{
    Access, Allow, Call, Error, Expiry, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result, Wanted,
    in_id,
};

use crate::api::Api;
use crate::connector::Kubernetes;
use crate::credential::{KubernetesCredential, Login, Trust};
use crate::names::{ClusterName, ServerUrl};
use crate::session::{Own, Session, end_of};
use crate::{token_request, verify};

/// The cluster that a connector is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubernetesCluster {
    name: ClusterName,
}

impl KubernetesCluster {
    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &ClusterName {
        &self.name
    }
}

/// What can narrow a credential.
const NARROWS: &str = "with `service_account`: the token is of that service account alone, and may do what it may; \
    else nothing: the connector's own login is handed on";

/// Why the connector's own login is as wide as it is.
const OWN: &str = "it is the connector's own login: set `service_account` to issue tokens of a smaller one";

impl ResourceType for KubernetesCluster {
    const ID: &'static str = "kubernetes-cluster";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Kubernetes cluster",
        "The Kubernetes cluster that the connector is for. What a credential may do there is said in the cluster, by \
         the roles that are bound to its identity; `read` and `write` are the same here: to connect. `admin` is \
         given only where the connector says `allow: [admin]`.",
    )
    .single()
    .forms(&[
        ("CLUSTER", "the canonical form, its name"),
        ("https://HOST[:PORT][/PATH]", "the URL of its API server, which has to be the connector's"),
    ])
    .targets("the cluster; create serviceaccounts/token attaches to the service account")
    .narrows(NARROWS)
    .hands_on();
    type Connector = Kubernetes;
    type Credential = KubernetesCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if text.contains("://") {
            let server = in_id::<Self, _>(ServerUrl::parse(text))?;
            return Ok(Parsed::partial(server.as_str()));
        }
        let name = in_id::<Self, _>(ClusterName::parse(text))?;
        Ok(Parsed::exact(Self { name }))
    }

    fn id(&self) -> String {
        self.name.to_string()
    }

    fn only(scope: &str) -> Option<Self> {
        ClusterName::parse(scope).ok().map(|name| Self { name })
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        if self.name.as_str() == scope {
            return Ok(());
        }
        Err(Error::field(
            "resource_id",
            format!("the connector is for cluster `{scope}`, not for `{}`", self.name),
        )
        .with_hint("leave the id out: a connector is for one cluster"))
    }

    /// Compares a server's URL with the connector's; needs no call.
    async fn resolve(partial: &str, session: &Session, _: &Call<'_>) -> Result<Self> {
        let ours = &session.cluster;
        if partial.is_empty() || ServerUrl::parse(partial).is_ok_and(|it| it == ours.server) {
            return Ok(Self { name: ours.name.clone() });
        }
        Err(Error::field(
            "resource_id",
            format!("the connector's server is {}, which is another one", ours.server),
        ))
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        const CONNECT: [&str; 4] = [
            "get /version",
            "create selfsubjectreviews.authentication.k8s.io",
            "create selfsubjectaccessreviews.authorization.k8s.io",
            "create serviceaccounts/token",
        ];
        match access {
            Access::Admin => [&CONNECT[..], &["* *.*"]].concat(),
            _ => CONNECT.to_vec(),
        }
    }

    /// What may be done is said in the cluster.
    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let login = session.login(cx)?;
        verify::login(&Api::new(cx, &session.cluster, &login)).await?;
        let listing = Listing::of([session.cluster.name.to_string()]);
        Ok(match session.cluster.trust {
            Trust::Anybody => listing.with_note(format!(
                "TLS certificates of cluster `{}` are not verified: whoever is on the way can read and change \
                 everything",
                session.cluster.name
            )),
            _ => listing,
        })
    }

    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        check_admin(wanted, cx)?;
        self.check_scope(session.cluster.name.as_str())?;
        let login = session.login(cx)?;
        let api = Api::new(cx, &session.cluster, &login);
        verify::login(&api).await?;
        verify::access(&api, session.account.as_ref(), wanted.access).await
    }

    /// One call, TokenRequest; none where the login itself is handed on.
    async fn issue(
        &self,
        wanted: &Wanted,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<Issued<KubernetesCredential>> {
        check_admin(wanted, cx)?;
        self.check_scope(session.cluster.name.as_str())?;
        let login = session.login(cx)?;
        let Some(account) = &session.account else { return Ok(hand_on(session, login)) };
        let (token, expiry) = token_request::send(&Api::new(cx, &session.cluster, &login), account).await?;
        let narrowed = format!("a token of service account `{}/{}`", account.namespace, account.name);
        Ok(Issued::new(session.credential(Login::Token(token)), expiry).narrowed(narrowed))
    }
}

/// The connector's own login as it is. What was stored, and what does not say when it ends, is long-lived.
fn hand_on(session: &Session, login: Login) -> Issued<KubernetesCredential> {
    let (expiry, ends) = match (&session.own, end_of(&login)) {
        (Own::Stored(_), end) => (end, false),
        (Own::File(_), end) => (end.clone(), end.at().is_some()),
        // The session knows the end, and cuts this.
        (Own::Given(_), _) => (Expiry::Never("it ends with what the exec plugin gave".into()), true),
    };
    let issued = Issued::new(session.credential(login), expiry).not_narrowed(OWN);
    if ends { issued } else { issued.long_lived() }
}

/// An administrator's credential is given to nobody by chance.
fn check_admin(wanted: &Wanted, cx: &Call<'_>) -> Result<()> {
    if wanted.access != Access::Admin || cx.allows(Allow::Admin) {
        return Ok(());
    }
    Err(Error::refused(
        "an administrator's credential for a cluster is asked for, and the connector does not allow that",
    )
    .with_hint("ask for `read` or `write`, or update the connector with `--allow admin`"))
}
