//! The credential kind `gcp`: an access token, and where it is good.

use std::collections::BTreeMap;

use connector_core::agent::Protocol;
use connector_core::{Clients, Credential, EnvironmentForm, Error, Fields, Issued, Result, Secret, Source};
use serde_json::{Map, Value};

use crate::names::{Service, UniverseDomain};
use crate::{agent, tool};

/// A token for Google Cloud, with what a client has to know to use it.
#[derive(Clone, Debug)]
pub struct GcpCredential {
    /// The OAuth access token, sent as `Authorization: Bearer`.
    pub access_token: Secret,
    /// The project that it is meant for.
    pub project_id: Option<String>,
    /// The project that calls are counted and paid for, sent as `x-goog-user-project`.
    pub quota_project_id: Option<String>,
    /// The e-mail address of its account, where it is known.
    pub account: Option<String>,
    /// The domain below which the services are; `googleapis.com` but in clouds of their own.
    pub universe_domain: String,
    /// An endpoint of every service in place of Google's own.
    pub endpoint_url: Option<String>,
    /// Endpoints of single services by their names, such as `storage`.
    pub endpoints: BTreeMap<String, String>,
    /// Certificates to trust beside the system's when calling: PEM text, or the absolute path of a PEM file.
    pub ca_bundle: Option<String>,
}

impl GcpCredential {
    /// The endpoint that was said for a service, in place of Google's own.
    #[must_use]
    pub fn endpoint(&self, service: Service) -> Option<&str> {
        self.endpoints.get(service.name()).or(self.endpoint_url.as_ref()).map(|it| it.trim_end_matches('/'))
    }
}

/// A map of texts. One that is passed over would send the token to Google's own place.
fn endpoints(value: &Value) -> Result<BTreeMap<String, String>> {
    let wrong = || Error::field("endpoints", "expected the URLs of services by their names");
    let map = value.as_object().ok_or_else(wrong)?;
    map.iter().map(|(name, url)| Ok((name.clone(), url.as_str().ok_or_else(wrong)?.to_owned()))).collect()
}

impl Credential for GcpCredential {
    const KIND: &'static str = "gcp";

    fn export(&self, out: &mut Fields) {
        out.secret("access_token", &self.access_token);
        out.public_if("project_id", self.project_id.as_deref());
        out.public_if("quota_project_id", self.quota_project_id.as_deref());
        out.public_if("account", self.account.as_deref());
        out.public("universe_domain", self.universe_domain.as_str());
        out.public_if("endpoint_url", self.endpoint_url.as_deref());
        if !self.endpoints.is_empty() {
            let endpoints =
                self.endpoints.iter().map(|(name, url)| (name.clone(), Value::from(url.as_str())));
            out.public("endpoints", endpoints.collect::<Map<_, _>>());
        }
        out.public_if("ca_bundle", self.ca_bundle.as_deref());
    }

    fn import(fields: &Fields) -> Result<Self> {
        let text = |name| fields.text_if(name).map(str::to_owned);
        let endpoints = fields.value("endpoints").map(endpoints).transpose()?.unwrap_or_default();
        Ok(Self {
            access_token: fields.expect_secret("access_token")?,
            project_id: text("project_id"),
            quota_project_id: text("quota_project_id"),
            account: text("account"),
            universe_domain: text("universe_domain").unwrap_or_else(|| UniverseDomain::default().to_string()),
            endpoint_url: text("endpoint_url"),
            endpoints,
            ca_bundle: text("ca_bundle"),
        })
    }

    fn clients() -> Clients<Source<Self>> {
        Clients::none()
            .with::<google_cloud_auth::credentials::Credentials>()
            .with::<google_cloud_auth::credentials::AccessTokenCredentials>()
    }

    fn protocols() -> &'static [&'static dyn Protocol<Self>] {
        &[&agent::ExternalAccount, &agent::Metadata]
    }

    fn environment(issued: &Issued<Self>) -> Result<EnvironmentForm> {
        Ok(tool::environment(&issued.credential, &issued.expiry))
    }
}

#[cfg(test)]
mod tests {
    use connector_conformance::{CANARY, Scripted};
    use serde_json::json;

    use super::*;
    use crate::session::Session;

    fn least() -> GcpCredential {
        GcpCredential {
            access_token: CANARY.into(),
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
        let endpoints = [("storage", "http://127.0.0.1:1"), ("container", "https://gke.example.org/base/")];
        GcpCredential {
            access_token: CANARY.into(),
            project_id: Some("example.com:files-1".into()),
            quota_project_id: Some("paying-project".into()),
            account: Some("deployer@my-project.iam.gserviceaccount.com".into()),
            universe_domain: "apis.example.goog".into(),
            endpoint_url: Some("http://127.0.0.1:9000/".into()),
            endpoints: endpoints.map(|(name, url)| (name.to_owned(), url.to_owned())).into(),
            ca_bundle: Some("/etc/ca.pem".into()),
        }
    }

    fn fields(credential: &GcpCredential) -> Fields {
        let mut fields = Fields::default();
        credential.export(&mut fields);
        fields
    }

    fn public(fields: &Fields) -> Value {
        fields.public_fields().map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    #[test]
    fn what_is_exported_is_imported() {
        for (credential, expected) in [
            (least(), json!({ "universe_domain": "googleapis.com" })),
            (
                full(),
                json!({
                    "project_id": "example.com:files-1",
                    "quota_project_id": "paying-project",
                    "account": "deployer@my-project.iam.gserviceaccount.com",
                    "universe_domain": "apis.example.goog",
                    "endpoint_url": "http://127.0.0.1:9000/",
                    "endpoints": { "container": "https://gke.example.org/base/", "storage": "http://127.0.0.1:1" },
                    "ca_bundle": "/etc/ca.pem",
                }),
            ),
        ] {
            let exported = fields(&credential);
            assert_eq!(public(&exported), expected);
            let imported = GcpCredential::import(&exported).expect("a credential");
            assert_eq!(public(&fields(&imported)), expected);
            assert_eq!(imported.access_token.expose(), CANARY);
        }
    }

    /// C9: the token is the one secret, and stands in no public field and no `Debug`.
    #[test]
    fn c9_the_token_is_secret() {
        for credential in [least(), full()] {
            let exported = fields(&credential);
            assert_eq!(exported.secret_field("access_token").map(Secret::expose), Some(CANARY));
            let shown = format!("{credential:?} {} {exported:?}", public(&exported));
            assert!(!shown.contains(CANARY), "{shown}");
        }
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_named() {
        let error = GcpCredential::import(&Fields::default()).expect_err("no token");
        assert!(format!("{error:?}").contains("access_token"), "{error:?}");
        for endpoints in
            [json!("x"), json!(["x"]), json!({ "storage": 1 }), json!({ "storage": null }), json!(null)]
        {
            let mut wrong = fields(&full());
            wrong.public("endpoints", endpoints.clone());
            let error = GcpCredential::import(&wrong).expect_err("no endpoints");
            assert!(format!("{error:?}").contains("endpoints"), "{endpoints}: {error:?}");
        }
        // One that says no universe is of Google's public cloud.
        let mut old = Fields::default();
        old.secret("access_token", &CANARY.into());
        assert_eq!(GcpCredential::import(&old).expect("a credential").universe_domain, "googleapis.com");
    }

    #[test]
    fn a_single_endpoint_comes_before_the_one_for_all() {
        let full = full();
        assert_eq!(full.endpoint(Service::Storage), Some("http://127.0.0.1:1"));
        assert_eq!(full.endpoint(Service::Container), Some("https://gke.example.org/base"));
        assert_eq!(full.endpoint(Service::SecretManager), Some("http://127.0.0.1:9000"));
        assert_eq!(least().endpoint(Service::Storage), None);
    }

    /// A session of a credential gives the same credential again, and calls the same places.
    #[test]
    fn a_session_and_its_credential_stand_for_each_other() {
        let world = Scripted::new()
            .file("/etc/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
        for credential in [least(), full()] {
            let session = Session::of(&credential, &world.context()).expect("a session");
            assert!(!format!("{session:?}").contains(CANARY));
            assert_eq!(public(&fields(&session.credential())), public(&fields(&credential)));
            for service in Service::ALL {
                let said = credential.endpoint(service).map(str::to_owned);
                let usual = service.usual_url(&session.place.universe);
                assert_eq!(session.place.url(service), said.unwrap_or(usual));
            }
        }
    }

    /// C18: a credential that came from elsewhere is checked as a config is.
    #[test]
    fn c18_a_credential_with_impossible_places_makes_no_session() {
        type Spoil = fn(&mut GcpCredential);
        let wrong: [(&str, Spoil); 6] = [
            ("a project", |it| it.project_id = Some("../x".into())),
            ("a quota project", |it| it.quota_project_id = Some("x\r\ny: z".into())),
            ("a universe", |it| it.universe_domain = "evil.example/".into()),
            ("an endpoint", |it| it.endpoint_url = Some("http://169.254.169.254".into())),
            ("a single endpoint", |it| {
                it.endpoints.insert("storage".into(), "http://metadata.google.internal".into());
            }),
            ("certificates", |it| it.ca_bundle = Some("relative.pem".into())),
        ];
        for (what, spoil) in wrong {
            let mut credential = full();
            credential.ca_bundle = None;
            spoil(&mut credential);
            let Err(error) = Session::of(&credential, &Scripted::new().context()) else {
                panic!("{what} is taken")
            };
            connector_conformance::assert_silent(&error);
        }
    }
}
