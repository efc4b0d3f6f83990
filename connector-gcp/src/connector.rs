//! The connector type.

use connector_core::{Candidate, ConnectorAbout, ConnectorType, Context, Hints, Result};

use crate::detect;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// Google Cloud, and what speaks its language.
#[derive(Clone, Copy, Debug)]
pub struct Gcp;

impl ConnectorType for Gcp {
    const ID: &'static str = "gcp";
    const ABOUT: ConnectorAbout = ConnectorAbout::new(
        "Google Cloud",
        "Connects to Google Cloud, and to servers that speak its language when `endpoint_url` names one.\n\n\
         A connector holds the way to authenticate: a service account's key, a person's login, an identity of \
         elsewhere that Google trusts, or another connector whose identity stands in for a service account. What it \
         issues are access tokens of an hour; for a bucket of Cloud Storage they are narrowed to it, or to a part of \
         it. Keys and logins stay with the connector.\n\n\
         Prefer `impersonation`: its own key needs no right but to make tokens of one service account.",
    )
    .detects()
    .with_prerequisites(&[
        "a project of Google Cloud, and a key, login or trusted identity for it; gcloud need not be installed",
        "for `service-account`: a key file, from the console under IAM & Admin > Service Accounts > Keys, or `gcloud \
         iam service-accounts keys create key.json --iam-account EMAIL`",
        "for `user-account` with a login of its own: client_secrets.json, from the console under APIs & Services > \
         Credentials > Create credentials > OAuth client ID (type: Desktop app, or TVs and Limited Input devices for \
         machines without a browser) > Download JSON; the consent screen has to name the scopes",
        "for auto-configuration: what `gcloud auth login` or `gcloud auth application-default login` wrote, or \
         GOOGLE_APPLICATION_CREDENTIALS",
        "for `implicit`: CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true on the host that issues",
        "for narrowed tokens: uniform bucket-level access on the bucket",
    ]);
    type Session = Session;
    type Narrowing = Narrowing;

    async fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
        detect::detect(cx, hints).await
    }
}
