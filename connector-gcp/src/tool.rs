//! The forms in which programs take Google's credentials: variables.

use connector_core::{CaBundle, EnvironmentForm, Expiry, format_time};

use crate::credential::GcpCredential;
use crate::names::{Service, UniverseDomain};

/// The services whose endpoints gcloud takes from variables.
const OVERRIDABLE: [Service; 6] = [
    Service::Storage,
    Service::Container,
    Service::ArtifactRegistry,
    Service::ResourceManager,
    Service::SecretManager,
    Service::IamCredentials,
];

/// gcloud's variable for the endpoint of a service, which has to end with a slash.
fn override_of(service: Service, url: &str) -> (String, String) {
    // gcloud's name for Storage's endpoint includes the path of its version.
    let path = if service == Service::Storage { "/storage/v1/" } else { "/" };
    (format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", service.name().to_uppercase()), format!("{url}{path}"))
}

/// The variables by which programs take a token, and those that would get in the way.
///
/// gcloud and its companions take the token itself, and so do Terraform and OpenTofu. Google's libraries have no
/// variable for a token: they take files and a metadata server.
pub(crate) fn environment(credential: &GcpCredential, expiry: &Expiry) -> EnvironmentForm {
    let end = expiry.at().map(format_time);
    let project = credential.project_id.as_deref();
    let quota = credential.quota_project_id.as_deref();
    let bundle = credential.ca_bundle.as_deref().and_then(|said| said.parse::<CaBundle>().ok());
    let universe =
        Some(credential.universe_domain.as_str()).filter(|it| *it != UniverseDomain::default().as_str());
    let form = EnvironmentForm::default()
        .set("CLOUDSDK_AUTH_ACCESS_TOKEN", credential.access_token.clone())
        .set("GOOGLE_OAUTH_ACCESS_TOKEN", credential.access_token.clone())
        .set_if("CLOUDSDK_CORE_PROJECT", project)
        .set_if("GOOGLE_CLOUD_PROJECT", project)
        .set_if("CLOUDSDK_BILLING_QUOTA_PROJECT", quota)
        .set_if("GOOGLE_CLOUD_QUOTA_PROJECT", quota)
        .set_if("CLOUDSDK_CORE_UNIVERSE_DOMAIN", universe)
        .set_if("GOOGLE_CLOUD_UNIVERSE_DOMAIN", universe)
        // A path only: the property takes no text. Where there is none, a variable of the user's stays, which may be
        // for a proxy.
        .set_if(
            "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
            bundle.as_ref().and_then(CaBundle::path).map(|path| path.display().to_string()),
        )
        .set_if("CONNECTOR_EXPIRES_AT", end.clone());
    let home = UniverseDomain::parse(credential.universe_domain.as_str()).unwrap_or_default();
    // Google's own are said too: what a configuration of gcloud's names, such as that of another connector's login, would
    // be sent this token.
    let form = OVERRIDABLE.into_iter().fold(form, |form, service| {
        let url = credential.endpoint(service).map_or_else(|| service.usual_url(&home), str::to_owned);
        let (name, value) = override_of(service, &url);
        form.set(name, value)
    });
    // What is left from other credentials would shadow these, or be taken for a part of them.
    let stale = [
        Some("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"),
        Some("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"),
        Some("CLOUDSDK_AUTH_DISABLE_CREDENTIALS"),
        Some("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"),
        Some("GOOGLE_APPLICATION_CREDENTIALS"),
        Some("GOOGLE_CREDENTIALS"),
        Some("GOOGLE_CLOUD_KEYFILE_JSON"),
        Some("GCLOUD_KEYFILE_JSON"),
        Some("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"),
        // For the bucket of its state Terraform takes these before the others.
        Some("GOOGLE_BACKEND_CREDENTIALS"),
        Some("GOOGLE_BACKEND_IMPERSONATE_SERVICE_ACCOUNT"),
        // Terraform takes it before the others.
        Some("GOOGLE_PROJECT"),
        Some("GCLOUD_PROJECT"),
        project.is_none().then_some("CLOUDSDK_CORE_PROJECT"),
        project.is_none().then_some("GOOGLE_CLOUD_PROJECT"),
        quota.is_none().then_some("CLOUDSDK_BILLING_QUOTA_PROJECT"),
        quota.is_none().then_some("GOOGLE_CLOUD_QUOTA_PROJECT"),
        universe.is_none().then_some("CLOUDSDK_CORE_UNIVERSE_DOMAIN"),
        universe.is_none().then_some("GOOGLE_CLOUD_UNIVERSE_DOMAIN"),
        end.is_none().then_some("CONNECTOR_EXPIRES_AT"),
    ];
    stale.into_iter().flatten().fold(form, EnvironmentForm::unset)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use connector_core::parse_time;

    use super::*;

    fn credential() -> GcpCredential {
        GcpCredential {
            access_token: "ya29.token".into(),
            project_id: None,
            quota_project_id: None,
            account: None,
            universe_domain: "googleapis.com".into(),
            endpoint_url: None,
            endpoints: BTreeMap::new(),
            ca_bundle: None,
        }
    }

    fn full() -> GcpCredential {
        GcpCredential {
            project_id: Some("my-project".into()),
            quota_project_id: Some("paying-project".into()),
            account: Some("deployer@my-project.iam.gserviceaccount.com".into()),
            universe_domain: "apis.example.goog".into(),
            endpoint_url: Some("http://127.0.0.1:9000/".into()),
            endpoints: BTreeMap::from([("storage".into(), "https://storage.example.org/base/".into())]),
            ca_bundle: Some("/etc/ca.pem".into()),
            ..credential()
        }
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

    /// S53: what gcloud, Terraform and what goes with them read, to the letter.
    #[test]
    fn s53_the_variables_of_a_token() {
        assert_eq!(
            set(&environment(&credential(), &never())),
            [
                ("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.token"),
                ("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.token"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "https://storage.googleapis.com/storage/v1/"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", "https://container.googleapis.com/"),
                (
                    "CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY",
                    "https://artifactregistry.googleapis.com/"
                ),
                (
                    "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER",
                    "https://cloudresourcemanager.googleapis.com/"
                ),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", "https://secretmanager.googleapis.com/"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "https://iamcredentials.googleapis.com/"),
            ]
        );
        assert_eq!(
            set(&environment(&full(), &end())),
            [
                ("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.token"),
                ("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.token"),
                ("CLOUDSDK_CORE_PROJECT", "my-project"),
                ("GOOGLE_CLOUD_PROJECT", "my-project"),
                ("CLOUDSDK_BILLING_QUOTA_PROJECT", "paying-project"),
                ("GOOGLE_CLOUD_QUOTA_PROJECT", "paying-project"),
                ("CLOUDSDK_CORE_UNIVERSE_DOMAIN", "apis.example.goog"),
                ("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "apis.example.goog"),
                ("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "/etc/ca.pem"),
                ("CONNECTOR_EXPIRES_AT", "2026-11-22T04:36:43Z"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "https://storage.example.org/base/storage/v1/"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", "http://127.0.0.1:9000/"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY", "http://127.0.0.1:9000/"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER", "http://127.0.0.1:9000/"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", "http://127.0.0.1:9000/"),
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "http://127.0.0.1:9000/"),
            ]
        );
    }

    /// Set or taken away, never left as it was, and never both: another identity, project or server would shadow this
    /// one, or be sent its token.
    #[test]
    fn s53_nothing_shadows_the_token() {
        let conditional: BTreeSet<_> =
            set(&environment(&full(), &end())).iter().map(|(name, _)| (*name).to_owned()).collect();
        let shadows = [
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
            "CLOUDSDK_AUTH_DISABLE_CREDENTIALS",
            "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CREDENTIALS",
            "GOOGLE_CLOUD_KEYFILE_JSON",
            "GCLOUD_KEYFILE_JSON",
            "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT",
            "GOOGLE_BACKEND_CREDENTIALS",
            "GOOGLE_BACKEND_IMPERSONATE_SERVICE_ACCOUNT",
            "GOOGLE_PROJECT",
            "GCLOUD_PROJECT",
        ];
        for form in [environment(&credential(), &never()), environment(&full(), &end())] {
            let is_set: BTreeSet<_> = form.set.iter().map(|(name, _)| name.clone()).collect();
            let is_unset: BTreeSet<_> = form.unset.iter().cloned().collect();
            assert_eq!((is_set.len(), is_unset.len()), (form.set.len(), form.unset.len()), "each once");
            assert!(is_set.is_disjoint(&is_unset), "{is_set:?} {is_unset:?}");
            for name in shadows {
                assert!(is_unset.contains(name), "{name}");
            }
            // The certificates are the only ones that are left: they may be those of a proxy.
            for name in conditional.iter().filter(|it| *it != "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE") {
                assert!(is_set.contains(name) || is_unset.contains(name), "{name}");
            }
        }
    }

    #[test]
    fn certificates_are_told_by_their_path_only() {
        for (bundle, expected) in [
            (None, None),
            (Some("/etc/ca.pem"), Some("/etc/ca.pem")),
            (Some("-----BEGIN CERTIFICATE-----\nx"), None),
        ] {
            let credential = GcpCredential { ca_bundle: bundle.map(str::to_owned), ..credential() };
            let form = environment(&credential, &end());
            let found =
                set(&form).into_iter().find(|(name, _)| *name == "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE");
            assert_eq!(found.map(|(_, value)| value), expected);
        }
    }
}
