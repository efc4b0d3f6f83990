//! The connector type.

use connector_core::{Candidate, ConnectorAbout, ConnectorType, Context, Hints, Result};

use crate::detect;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// Azure, and what speaks its language.
#[derive(Clone, Copy, Debug)]
pub struct Azure;

impl ConnectorType for Azure {
    const ID: &'static str = "azure";
    const ABOUT: ConnectorAbout = ConnectorAbout::new(
        "Azure",
        "Connects to Azure, in its public cloud or in those of the government and of China, and to servers that speak \
         its language when `endpoint_url` names one.\n\n\
         A connector holds the way to authenticate: an application's secret or certificate, a token of elsewhere that \
         the directory trusts, a person's login, or the identity of the machine. What it issues are access tokens of \
         Entra ID, each for one service, and for a container of Blob Storage a signature that reaches nothing else. \
         Secrets, account keys and admin passwords stay where they are.\n\n\
         Prefer `workload-identity` or `managed-identity`: they hold no secret.",
    )
    .detects()
    .with_prerequisites(&[
        "a directory (tenant) of Entra ID and a subscription; az need not be installed",
        "for `service-principal`: an application with a role, from the portal under App registrations, or `az ad sp \
         create-for-rbac --name NAME --role Reader --scopes /subscriptions/ID`",
        "for `workload-identity`: a federated credential of the application that names the issuer and the subject of \
         the tokens",
        "for `user-account`: nothing; a page of Microsoft asks for a code on any device",
        "for auto-configuration: what `az login` wrote, AZURE_CLIENT_ID and what goes with it, or \
         AZURE_FEDERATED_TOKEN_FILE",
        "for `implicit` and `managed-identity`: CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true on the host that issues",
        "for signatures of containers: the role Storage Blob Data Reader or more on the container or above, and \
         Storage Blob Delegator on the storage account",
    ]);
    type Session = Session;
    type Narrowing = Narrowing;

    async fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
        detect::detect(cx, hints).await
    }
}
