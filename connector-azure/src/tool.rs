//! The forms in which programs take Azure's credentials: variables.

use std::collections::BTreeSet;

use connector_core::{EnvironmentForm, Expiry, Secret, format_time};

use crate::credential::{AzureCredential, Shown};
use crate::names::{Audience, Cloud, Service};

/// What is set, where there is something to set it to. What a credential does not have is taken away: it would be another
/// account's, or another directory's.
const OWN: [&str; 19] = [
    "AZURE_ACCESS_TOKEN",
    "AZURE_ACCESS_TOKEN_AUDIENCE",
    "AZURE_COSMOS_CONNECTIONSTRING",
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_AUTH_MODE",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_TENANT_ID",
    "AZURE_TOKEN_CREDENTIALS",
    "ARM_SAS_TOKEN",
    "CONNECTOR_EXPIRES_AT",
    // Other names of the same, which are read by some and never set here.
    "AZURE_STORAGE_ACCOUNT_URL",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SERVICE_ENDPOINT",
    "AZURE_ENDPOINT",
];

/// Identities, keys and switches that a program would take in place of what is set.
const OTHERS: [&str; 59] = [
    // Azure's libraries.
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
    "AZURE_USERNAME",
    "AZURE_PASSWORD",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_ID",
    // Identities of a machine.
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_IDENTITY_ENDPOINT",
    "AZURE_MSI_ENDPOINT",
    "AZURE_MSI_RESOURCE_ID",
    "AZURE_OBJECT_ID",
    // Storage: `az`, adlfs, and what is built on `object_store`.
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_STORAGE_TENANT_ID",
    "AZURE_STORAGE_AUTHORITY_ID",
    "AZURE_STORAGE_ANON",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_SKIP_SIGNATURE",
    "AZURE_USE_AZURE_CLI",
    // Storage: azcopy.
    "AZCOPY_AUTO_LOGIN_TYPE",
    "AZCOPY_OAUTH_TOKEN_INFO",
    "AZCOPY_SPA_APPLICATION_ID",
    "AZCOPY_SPA_CLIENT_SECRET",
    "AZCOPY_SPA_CERT_PATH",
    "AZCOPY_SPA_CERT_PASSWORD",
    "AZCOPY_MSI_CLIENT_ID",
    "AZCOPY_MSI_RESOURCE_STRING",
    "AZCOPY_TENANT_ID",
    // Terraform and OpenTofu.
    "ARM_ACCESS_KEY",
    "ARM_CLIENT_ID",
    "ARM_CLIENT_ID_FILE_PATH",
    "ARM_CLIENT_SECRET",
    "ARM_CLIENT_SECRET_FILE_PATH",
    "ARM_CLIENT_CERTIFICATE",
    "ARM_CLIENT_CERTIFICATE_PATH",
    "ARM_CLIENT_CERTIFICATE_PASSWORD",
    "ARM_TENANT_ID",
    "ARM_SUBSCRIPTION_ID",
    "ARM_OIDC_TOKEN",
    "ARM_OIDC_TOKEN_FILE_PATH",
    "ARM_OIDC_REQUEST_TOKEN",
    "ARM_OIDC_REQUEST_URL",
    "ARM_USE_OIDC",
    "ARM_USE_MSI",
    "ARM_MSI_ENDPOINT",
    "ARM_USE_AKS_WORKLOAD_IDENTITY",
];

/// The variables by which programs take what was issued, and those that would get in the way.
///
/// A signature for a container is taken by `az storage`, adlfs, what is built on `object_store`, and the state of
/// Terraform and OpenTofu. Nothing that Azure makes takes a token from a variable: `AZURE_ACCESS_TOKEN` is for scripts,
/// and `az` has `connector login`. Azure's libraries are told to look for an identity in variables alone, where they find
/// none: they would go on with whoever is logged in.
pub(crate) fn environment(credential: &AzureCredential, expiry: &Expiry) -> EnvironmentForm {
    let form = EnvironmentForm::default();
    let form = match &credential.shown {
        Shown::Token { token, audience } => of_token(form, token, audience),
        Shown::Signature(signature) => of_signature(form, credential, signature),
        Shown::ConnectionString(text) if is_cosmos(text) => {
            form.set("AZURE_COSMOS_CONNECTIONSTRING", text.clone())
        }
        Shown::ConnectionString(text) => form
            .set("AZURE_STORAGE_CONNECTION_STRING", text.clone())
            .set_if("AZURE_STORAGE_ACCOUNT", credential.account.as_deref())
            .set_if("AZURE_STORAGE_ACCOUNT_NAME", credential.account.as_deref())
            .set("AZURE_STORAGE_AUTH_MODE", "key"),
    };
    let form = form
        .set_if("AZURE_TENANT_ID", credential.tenant_id.as_deref())
        .set_if("AZURE_SUBSCRIPTION_ID", credential.subscription_id.as_deref())
        .set("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
        .set_if("CONNECTOR_EXPIRES_AT", expiry.at().map(format_time));
    let is_set: BTreeSet<_> = form.set.iter().map(|(name, _)| name.clone()).collect();
    let stale = OWN.into_iter().chain(OTHERS).filter(|it| !is_set.contains(*it));
    stale.fold(form, EnvironmentForm::unset)
}

fn of_token(form: EnvironmentForm, token: &Secret, audience: &str) -> EnvironmentForm {
    let is_storage = audience == Audience::storage().as_str();
    form.set("AZURE_ACCESS_TOKEN", token.clone())
        .set("AZURE_ACCESS_TOKEN_AUDIENCE", audience)
        .set_if("AZURE_STORAGE_TOKEN", is_storage.then(|| token.clone()))
}

fn of_signature(form: EnvironmentForm, credential: &AzureCredential, signature: &Secret) -> EnvironmentForm {
    let account = credential.account.as_deref();
    let host = |cloud: Cloud| {
        account.zip(cloud.suffix(Service::Blob)).map(|(it, suffix)| format!("https://{it}.{suffix}"))
    };
    let endpoint = credential.endpoint.clone().or_else(|| host(credential.cloud()));
    // `az` would send the signature to whichever account a command names, but this text says where it belongs.
    let text = endpoint
        .as_deref()
        .map(|url| Secret::new(format!("BlobEndpoint={url};SharedAccessSignature={}", signature.expose())));
    // Who knows no connection strings knows the public cloud.
    let elsewhere = endpoint.filter(|it| Some(it) != host(Cloud::Public).as_ref());
    form.set("AZURE_STORAGE_SAS_TOKEN", signature.clone())
        .set("ARM_SAS_TOKEN", signature.clone())
        .set_if("AZURE_STORAGE_CONNECTION_STRING", text)
        .set_if("AZURE_STORAGE_ACCOUNT", account)
        .set_if("AZURE_STORAGE_ACCOUNT_NAME", account)
        .set_if("AZURE_STORAGE_ENDPOINT", elsewhere)
        .set("AZURE_STORAGE_AUTH_MODE", "key")
}

/// Whether a connection string is that of an account in Cosmos DB.
fn is_cosmos(text: &Secret) -> bool {
    const MARK: &str = "accountendpoint=";
    let parts = text.expose().split(';').map(str::trim_start);
    parts.into_iter().any(|it| it.get(..MARK.len()).is_some_and(|it| it.eq_ignore_ascii_case(MARK)))
}

#[cfg(test)]
mod tests {
    use connector_core::parse_time;

    use super::*;

    const SIGNATURE: &str = "sv=2025-01-05&sr=c&sp=rl&sig=a%3D";

    fn token(audience: &str) -> AzureCredential {
        AzureCredential::new(Shown::Token { token: "eyJ.token".into(), audience: audience.to_owned() })
    }

    fn full(shown: Shown) -> AzureCredential {
        let mut credential = AzureCredential::new(shown);
        credential.tenant_id = Some("11111111-2222-3333-4444-555555555555".into());
        credential.subscription_id = Some("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee".into());
        credential.account = Some("mystorage".into());
        credential.container = Some("data".into());
        credential.endpoint = Some("https://mystorage.blob.core.windows.net".into());
        credential
    }

    fn end() -> Expiry {
        Expiry::At(parse_time("2026-11-22T04:36:43.9Z").expect("a time"))
    }

    fn never() -> Expiry {
        Expiry::Never("nobody said when this token ends".into())
    }

    fn set(form: &EnvironmentForm) -> Vec<(&str, &str)> {
        form.set.iter().map(|(name, value)| (name.as_str(), value.expose())).collect()
    }

    fn value<'a>(form: &'a EnvironmentForm, name: &str) -> Option<&'a str> {
        form.set.iter().find(|(it, _)| it == name).map(|(_, value)| value.expose())
    }

    /// S53: a token is told with the service that it is for; nothing of Azure's own would read it.
    #[test]
    fn s53_the_variables_of_a_token() {
        assert_eq!(
            set(&environment(&token("https://management.azure.com"), &never())),
            [
                ("AZURE_ACCESS_TOKEN", "eyJ.token"),
                ("AZURE_ACCESS_TOKEN_AUDIENCE", "https://management.azure.com"),
                ("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential"),
            ]
        );
        let form = environment(&token("https://storage.azure.com"), &end());
        assert_eq!(value(&form, "AZURE_STORAGE_TOKEN"), Some("eyJ.token"));
        assert_eq!(value(&form, "CONNECTOR_EXPIRES_AT"), Some("2026-11-22T04:36:43Z"));
    }

    /// S53: what `az storage`, adlfs, `object_store` and the state of Terraform read, to the letter.
    #[test]
    fn s53_the_variables_of_a_signature() {
        assert_eq!(
            set(&environment(&full(Shown::Signature(SIGNATURE.into())), &end())),
            [
                ("AZURE_STORAGE_SAS_TOKEN", SIGNATURE),
                ("ARM_SAS_TOKEN", SIGNATURE),
                (
                    "AZURE_STORAGE_CONNECTION_STRING",
                    "BlobEndpoint=https://mystorage.blob.core.windows.net;\
                     SharedAccessSignature=sv=2025-01-05&sr=c&sp=rl&sig=a%3D"
                ),
                ("AZURE_STORAGE_ACCOUNT", "mystorage"),
                ("AZURE_STORAGE_ACCOUNT_NAME", "mystorage"),
                ("AZURE_STORAGE_AUTH_MODE", "key"),
                ("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555"),
                ("AZURE_SUBSCRIPTION_ID", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
                ("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential"),
                ("CONNECTOR_EXPIRES_AT", "2026-11-22T04:36:43Z"),
            ]
        );
    }

    /// Programs that build the URL by themselves know the public cloud: any other place is said.
    #[test]
    fn s53_a_signature_is_told_with_its_place() {
        let told = |cloud: &str, endpoint: Option<&str>| {
            let mut credential = full(Shown::Signature(SIGNATURE.into()));
            credential.cloud = cloud.to_owned();
            credential.endpoint = endpoint.map(str::to_owned);
            let form = environment(&credential, &end());
            let text = value(&form, "AZURE_STORAGE_CONNECTION_STRING").expect("a connection string");
            let url = text.strip_prefix("BlobEndpoint=").and_then(|it| it.split_once(';'));
            let elsewhere = value(&form, "AZURE_STORAGE_ENDPOINT").map(str::to_owned);
            (url.map(|(url, _)| url.to_owned()).unwrap_or_default(), elsewhere)
        };
        let usual = "https://mystorage.blob.core.windows.net";
        assert_eq!(told("public", None), (usual.to_owned(), None));
        let china = "https://mystorage.blob.core.chinacloudapi.cn";
        assert_eq!(told("china", None), (china.to_owned(), Some(china.to_owned())));
        let own = "https://127.0.0.1:9000/blob/mystorage";
        assert_eq!(told("public", Some(own)), (own.to_owned(), Some(own.to_owned())));

        let mut of_nobody = full(Shown::Signature(SIGNATURE.into()));
        (of_nobody.account, of_nobody.endpoint) = (None, None);
        let form = environment(&of_nobody, &end());
        assert_eq!(value(&form, "AZURE_STORAGE_CONNECTION_STRING"), None);
    }

    #[test]
    fn a_connection_string_is_told_by_whose_it_is() {
        for (text, expected) in [
            ("AccountName=a;AccountKey=Zm9v", "AZURE_STORAGE_CONNECTION_STRING"),
            ("BlobEndpoint=https://a.example;SharedAccessSignature=x", "AZURE_STORAGE_CONNECTION_STRING"),
            (
                "AccountEndpoint=https://a.documents.azure.com:443/;AccountKey=x",
                "AZURE_COSMOS_CONNECTIONSTRING",
            ),
            ("AccountKey=x; accountendpoint=https://a.example/", "AZURE_COSMOS_CONNECTIONSTRING"),
            ("é", "AZURE_STORAGE_CONNECTION_STRING"),
        ] {
            let form = environment(&AzureCredential::new(Shown::ConnectionString(text.into())), &never());
            assert_eq!(value(&form, expected), Some(text), "{text}");
        }
    }

    /// Set or taken away, never left as it was, and never both: another identity, account or server would shadow this
    /// one, or be sent its signature.
    #[test]
    fn s53_nothing_shadows_what_was_issued() {
        let shown = [
            Shown::Token { token: "eyJ.token".into(), audience: Audience::storage().as_str().to_owned() },
            Shown::Signature(SIGNATURE.into()),
            Shown::ConnectionString("AccountName=a;AccountKey=Zm9v".into()),
            Shown::ConnectionString("AccountEndpoint=https://a.example/;AccountKey=Zm9v".into()),
        ];
        let mut ever_set = BTreeSet::new();
        for form in shown.iter().flat_map(|shown| {
            let mut elsewhere = full(shown.clone());
            elsewhere.endpoint = Some("https://127.0.0.1:9000/blob/mystorage".into());
            [
                environment(&AzureCredential::new(shown.clone()), &never()),
                environment(&full(shown.clone()), &end()),
                environment(&elsewhere, &end()),
            ]
        }) {
            let is_set: BTreeSet<_> = form.set.iter().map(|(name, _)| name.clone()).collect();
            let is_unset: BTreeSet<_> = form.unset.iter().cloned().collect();
            assert_eq!((is_set.len(), is_unset.len()), (form.set.len(), form.unset.len()), "each once");
            assert!(is_set.is_disjoint(&is_unset), "{is_set:?} {is_unset:?}");
            for name in OTHERS {
                assert!(is_unset.contains(name), "{name}");
            }
            for name in OWN {
                assert!(is_set.contains(name) || is_unset.contains(name), "{name}");
            }
            ever_set.extend(is_set);
        }
        // Whatever is set by one is known to all.
        assert!(ever_set.iter().all(|it| OWN.contains(&it.as_str())), "{ever_set:?}");
        assert_eq!(ever_set.len(), OWN.len() - 4, "{ever_set:?}");
    }
}
