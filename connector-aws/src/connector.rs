//! The connector type.

use connector_core::{Candidate, ConnectorAbout, ConnectorType, Context, Hints, Result};

use crate::detect;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// Amazon Web Services, and what speaks its language.
#[derive(Clone, Copy, Debug)]
pub struct Aws;

impl ConnectorType for Aws {
    const ID: &'static str = "aws";
    const ABOUT: ConnectorAbout = ConnectorAbout::new(
        "AWS",
        "Connects to Amazon Web Services, and to servers that speak its language when `endpoint_url` names one.\n\n\
         A connector holds the way to authenticate: a role to assume, a user's key, a web identity, a login of \
         IAM Identity Center. What it issues are temporary credentials; where the method can send a session \
         policy they are narrowed to the one bucket, registry or secret that was asked for. Long-lived keys stay \
         with the connector, unless it says `allow: [long-lived]`.\n\n\
         Prefer `iam-role`: its credentials are short-lived and narrowed, and its key needs no permission but \
         `sts:AssumeRole`. `federation-token` narrows too, without a role. `session-token` hands on all that its \
         user may do.",
    )
    .detects()
    .with_prerequisites(&[
        "an AWS account, and a key, role or login in it; no AWS program has to be installed",
        "for auto-configuration: what `aws configure` or `aws configure sso` wrote, or the AWS_* variables",
        "for `implicit`: CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true on the host that issues",
    ]);
    type Session = Session;
    type Narrowing = Narrowing;

    async fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
        detect::detect(cx, hints).await
    }
}
