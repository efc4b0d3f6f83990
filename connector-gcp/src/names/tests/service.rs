//! Where services are: Google's own places, those of other universes, and those that the connector says.

use serde_json::{Value, json};

use super::super::*;
use crate::session::Place;

const USUAL: [(Service, &str); 9] = [
    (Service::Accounts, "https://accounts.google.com"),
    (Service::Oauth, "https://oauth2.googleapis.com"),
    (Service::Sts, "https://sts.googleapis.com"),
    (Service::IamCredentials, "https://iamcredentials.googleapis.com"),
    (Service::Storage, "https://storage.googleapis.com"),
    (Service::Container, "https://container.googleapis.com"),
    (Service::ArtifactRegistry, "https://artifactregistry.googleapis.com"),
    (Service::ResourceManager, "https://cloudresourcemanager.googleapis.com"),
    (Service::SecretManager, "https://secretmanager.googleapis.com"),
];

fn endpoints(value: Value) -> Endpoints {
    serde_json::from_value(value).expect("a map of texts")
}

fn place(endpoint_url: Option<&str>, single: Value) -> Place {
    Place {
        endpoint_url: endpoint_url.map(|it| EndpointUrl::parse(it).expect("an endpoint")),
        endpoints: endpoints(single).parsed().expect("endpoints"),
        ..Place::default()
    }
}

#[test]
fn services_are_where_google_has_them() {
    for (service, url) in USUAL {
        assert_eq!(Place::default().url(service), url);
    }
    assert_eq!(USUAL.map(|(service, _)| service), Service::ALL, "all of them, in order");
    let mut names = Service::ALL.map(Service::name);
    names.sort_unstable();
    assert!(names.windows(2).all(|it| it[0] != it[1]), "a name stands for one service: {names:?}");
}

#[test]
fn other_universes_have_services_of_their_own() {
    let universe = UniverseDomain::parse("apis.example.goog").expect("a domain");
    let place = Place { universe, ..Place::default() };
    for (service, url) in USUAL {
        let expected = match service {
            // A person logs in at Google everywhere.
            Service::Accounts => url.to_owned(),
            _ => url.replace("googleapis.com", "apis.example.goog"),
        };
        assert_eq!(place.url(service), expected);
    }
}

#[test]
fn one_endpoint_is_for_all_and_a_single_one_comes_first() {
    let single = json!({ "storage": "https://storage.example.org/base/", "oauth2": "http://127.0.0.1:2/" });
    let place = place(Some("http://127.0.0.1:1/"), single);
    for service in Service::ALL {
        let expected = match service {
            Service::Storage => "https://storage.example.org/base",
            Service::Oauth => "http://127.0.0.1:2",
            _ => "http://127.0.0.1:1",
        };
        assert_eq!(place.url(service), expected, "without a slash at the end, so that paths can follow");
    }
}

#[test]
fn single_endpoints_leave_the_others_in_their_place() {
    let place = place(None, json!({ "container": "http://localhost:8080" }));
    for (service, url) in USUAL {
        let expected = if service == Service::Container { "http://localhost:8080" } else { url };
        assert_eq!(place.url(service), expected);
        assert_eq!(place.endpoint(service).is_some(), service == Service::Container);
    }
}

/// C18, C28: what is wrong is told by its field, all of it, and nothing of it is shown.
#[test]
fn c18_wrong_endpoints_are_told_and_not_shown() {
    for (value, fields, reason) in [
        (json!({}), &[][..], ""),
        (json!({ "storage": "http://127.0.0.1:9000" }), &[], ""),
        (
            json!({ "hunter2": "http://127.0.0.1" }),
            &["endpoints"],
            "expected names of services: accounts, oauth2",
        ),
        (json!({ "Storage": "http://127.0.0.1" }), &["endpoints"], "expected names of services"),
        (json!({ "storage": "hunter2" }), &["endpoints.storage"], "http:// or https://"),
        (json!({ "storage": "https://a:hunter2@example.org" }), &["endpoints.storage"], "user name"),
        (json!({ "sts": "http://hunter2.example.org" }), &["endpoints.sts"], "http is for loopback"),
        (json!({ "sts": "http://169.254.169.254/hunter2" }), &["endpoints.sts"], "metadata address"),
        (json!({ "sts": "http://metadata.google.internal" }), &["endpoints.sts"], "metadata service"),
        (
            json!({ "oauth2": "hunter2", "storage": "https://example.org?hunter2", "sts": "http://[::1]" }),
            &["endpoints.oauth2", "endpoints.storage"],
            "endpoint",
        ),
    ] {
        let endpoints = endpoints(value.clone());
        let problems = endpoints.check("endpoints");
        let found: Vec<_> = problems.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(found, fields, "{value}");
        assert!(problems.iter().all(|it| it.message.contains(reason)), "{problems:?}");
        let parsed = endpoints.parsed();
        assert_eq!(parsed.is_ok(), fields.is_empty(), "the same judgement twice: {value}");
        let shown = format!("{problems:?} {parsed:?} {endpoints:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// The field's description lists the services, which nobody could guess.
#[test]
fn the_schema_names_all_services() {
    let schema = schemars::schema_for!(crate::auth::Network).to_value();
    let description = schema["properties"]["endpoints"]["description"].as_str().expect("a description");
    for service in Service::ALL {
        assert!(description.contains(service.name()), "{} is not in: {description}", service.name());
    }
}
