//! Clouds, services, endpoints and what tokens are for.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::*;
use super::schema_of;
use crate::session::Place;

#[test]
fn s41_every_cloud_has_hosts_of_its_own() {
    let services = [Service::Blob, Service::Vault, Service::Cosmos, Service::Registry];
    let mut hosts = BTreeSet::new();
    for cloud in Cloud::ALL {
        assert_eq!(cloud.name().parse::<Cloud>().ok(), Some(cloud));
        assert_eq!((Cloud::named(cloud.name()), Cloud::named(cloud.az_name())), (Some(cloud), Some(cloud)));
        assert!(cloud.authority().starts_with("https://login.") && hosts.insert(cloud.authority()));
        assert!(cloud.resource_manager().starts_with("https://management."));
        assert!(hosts.insert(cloud.resource_manager()));
        for service in services {
            let suffix = cloud.suffix(service).expect("a host per account");
            assert!(hosts.insert(suffix), "{suffix}");
            assert_eq!(Cloud::of_host(service, &format!("zen.{suffix}")), Some((cloud, "zen")));
            assert_eq!(Cloud::of_host(service, suffix), None, "a host without an account");
        }
        assert!(cloud.suffix(Service::Blob).expect("a host").ends_with(cloud.storage_suffix()));
    }
    for foreign in ["zen.azurecr.io.evil.org", "zenazurecr.io", "azurecr.io", ""] {
        assert_eq!(Cloud::of_host(Service::Registry, foreign), None, "{foreign}");
    }
    for wrong in ["", "Public", "azure", "AzureCloud"] {
        assert!(wrong.parse::<Cloud>().is_err(), "{wrong}");
    }
    let names = Cloud::ALL.map(|it| it.name().to_owned());
    assert!(names.iter().all(|name| schema_of::<Cloud>().to_string().contains(&format!("\"{name}\""))));
}

fn place(endpoint: Option<&str>, endpoints: serde_json::Value) -> Place {
    let endpoints: Endpoints = serde_json::from_value(endpoints).expect("a map");
    assert_eq!(endpoints.check("endpoints"), []);
    Place {
        endpoint_url: endpoint.map(|it| EndpointUrl::parse(it).expect("an endpoint")),
        endpoints: endpoints.parsed().expect("endpoints"),
        ..Place::default()
    }
}

#[test]
fn an_endpoint_stands_for_one_service_or_for_all() {
    let usual = place(None, json!({}));
    assert_eq!(usual.url(Service::Authority), "https://login.microsoftonline.com");
    assert_eq!(usual.url(Service::ResourceManager), "https://management.azure.com");
    assert_eq!(usual.url_of(Service::Blob, "zen"), "https://zen.blob.core.windows.net");
    assert!(!usual.is_elsewhere(Service::Blob));

    let one = place(Some("https://127.0.0.1:9000/"), json!({ "registry": "https://{name}.example.org/" }));
    assert_eq!(one.url(Service::Authority), "https://127.0.0.1:9000");
    assert_eq!(one.url_of(Service::Blob, "zen"), "https://127.0.0.1:9000/blob/zen");
    assert_eq!(one.url_of(Service::Cosmos, "zen"), "https://127.0.0.1:9000/cosmos/zen");
    assert_eq!(one.url_of(Service::Registry, "zen"), "https://zen.example.org");
    assert!(one.is_elsewhere(Service::Blob));

    let single =
        place(None, json!({ "blob": "https://127.0.0.1:1/base", "authority": "https://login.local" }));
    assert_eq!(single.url_of(Service::Blob, "zen"), "https://127.0.0.1:1/base/zen");
    assert_eq!(single.url(Service::Authority), "https://login.local");
    assert_eq!(single.url_of(Service::Vault, "zen"), "https://zen.vault.azure.net");
    assert!(single.is_elsewhere(Service::Blob) && !single.is_elsewhere(Service::Vault));

    let authority = EndpointUrl::parse("https://login.example.org/").expect("an endpoint");
    let custom = Place { authority_url: Some(authority), ..place(Some("https://127.0.0.1:9000"), json!({})) };
    assert_eq!(custom.url(Service::Authority), "https://login.example.org");
    assert_eq!(custom.url(Service::ResourceManager), "https://127.0.0.1:9000");
}

/// C20: every spelling that another provider's endpoints refuse is refused here, with `{name}` or without.
#[test]
fn c20_endpoints_that_read_the_machines_own_credentials_are_refused() {
    for (name, url) in [
        ("blob", "http://169.254.169.254"),
        ("blob", "https://{name}@example.org"),
        ("blob", "http://{name}.example.org"),
        ("blob", "https://{name}.example.org?x={name}"),
        ("blob", "https://{other}.example.org"),
        ("vault", "http://metadata.google.internal/{name}"),
        ("authority", "https://{name}.example.org"),
        ("storage", "https://example.org"),
        ("registry", "hunter2"),
    ] {
        let endpoints: Endpoints = serde_json::from_value(json!({ name: url })).expect("a map");
        let problems = endpoints.check("endpoints");
        assert_eq!(problems.len(), 1, "{name} {url}");
        assert!(endpoints.parsed().is_err(), "{name} {url}");
        let shown = format!("{problems:?} {endpoints:?}");
        assert!(!shown.contains(url), "quoted: {shown}");
    }
}

#[test]
fn what_tokens_are_for() {
    for (text, expected) in [
        ("https://vault.azure.net", "https://vault.azure.net"),
        ("https://vault.azure.net/", "https://vault.azure.net"),
        ("https://vault.azure.net/.default", "https://vault.azure.net"),
        ("api://my-app_1/scope", "api://my-app_1/scope"),
        ("6dae42f8-4368-4678-94ff-3960e28e3630", "6dae42f8-4368-4678-94ff-3960e28e3630"),
    ] {
        let audience = Audience::parse(text).expect("an audience");
        assert_eq!(audience.as_str(), expected);
        assert_eq!(audience.scope(), format!("{expected}/.default"));
    }
    for text in [
        "",
        "vault",
        "http://vault.azure.net",
        "https://",
        "https:///x",
        "api://",
        "https://a b",
        "https://a?b",
        "/.default",
    ] {
        assert!(Audience::parse(text).is_err(), "{text}");
    }
    assert_eq!(Audience::registry(Cloud::Public).as_str(), "https://containerregistry.azure.net");
    assert_eq!(Audience::registry(Cloud::China).as_str(), "https://management.chinacloudapi.cn");
    assert_eq!(Audience::vault(Cloud::Government).as_str(), "https://vault.usgovcloudapi.net");
    assert_eq!(Audience::cosmos(Cloud::Public, "zen").as_str(), "https://zen.documents.azure.com");
}

/// A token for all accounts of a service is one for each of them, in its own cloud, and for nothing else.
#[test]
fn s49_an_audience_covers_the_accounts_of_its_service() {
    let audience = |text: &str| Audience::parse(text).expect("an audience");
    let covers = |ours: &Audience, wanted: &str, cloud| ours.covers(&audience(wanted), cloud);
    let public = Cloud::Public;
    let storage = Audience::storage();
    for service in ["blob", "dfs", "file", "queue", "table"] {
        assert!(covers(&storage, &format!("https://zenfiles.{service}.core.windows.net/.default"), public));
        assert!(!covers(&storage, &format!("https://zenfiles.{service}.core.windows.net"), Cloud::China));
        assert!(covers(&storage, &format!("https://zenfiles.{service}.core.chinacloudapi.cn"), Cloud::China));
    }
    for wrong in [
        "https://zenfiles.other.core.windows.net",
        "https://zenfiles.core.windows.net",
        "https://blob.core.windows.net",
        "https://.blob.core.windows.net",
        "https://a.b.blob.core.windows.net",
        "https://ZENFILES.blob.core.windows.net",
        "https://zenfiles.blob.core.windows.net.evil.example",
        "https://evil.example/zenfiles.blob.core.windows.net",
        "https://zenfiles.blob.core.windows.net:444",
        "https://vault.azure.net",
        "api://storage.azure.com",
    ] {
        assert!(!covers(&storage, wrong, public), "{wrong}");
        assert!(!audience(wrong).covers(&storage, public), "{wrong}: never the other way round");
    }
    for cloud in Cloud::ALL {
        let account = Audience::cosmos(cloud, "zen");
        assert!(covers(&account, "https://cosmos.azure.com/.default", cloud), "as its client for Rust asks");
        assert!(!account.covers(&Audience::cosmos(cloud, "other"), cloud), "of another account");
        assert!(!account.covers(&storage, cloud) && !storage.covers(&account, cloud));
        let all = audience("https://cosmos.azure.com");
        assert_eq!(all.covers(&account, cloud), cloud == public);
        assert!(account.covers(&account, cloud));
    }
    assert!(!Audience::cosmos(Cloud::China, "zen").covers(&audience("https://cosmos.azure.com"), public));
    assert!(!Audience::vault(public).covers(&audience("https://cosmos.azure.com"), public));
}
