//! The forms in which programs take Azure's credentials: variables.

use connector_core::{EnvironmentForm, Expiry, format_time};

use crate::credential::{AzureCredential, Shown};

/// The variables by which programs take what was issued, and those that would get in the way.
pub(crate) fn environment(credential: &AzureCredential, expiry: &Expiry) -> EnvironmentForm {
    let form = EnvironmentForm::default()
        .set_if("AZURE_TENANT_ID", credential.tenant_id.as_deref())
        .set_if("AZURE_SUBSCRIPTION_ID", credential.subscription_id.as_deref())
        .set_if("CONNECTOR_EXPIRES_AT", expiry.at().map(format_time));
    match &credential.shown {
        Shown::Token { token, .. } => form.set("AZURE_ACCESS_TOKEN", token.clone()),
        Shown::Signature(signature) => form
            .set("AZURE_STORAGE_SAS_TOKEN", signature.clone())
            .set_if("AZURE_STORAGE_ACCOUNT", credential.account.as_deref()),
        Shown::ConnectionString(text) => form.set("AZURE_STORAGE_CONNECTION_STRING", text.clone()),
    }
}
