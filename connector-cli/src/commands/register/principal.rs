//! Applications of Azure as `az ad sp create-for-rbac` prints them: a file that people have, and that says in other
//! words what a connector of method `service-principal` needs.

use std::path::Path;

use connector_core::{Error, Result};
use serde_json::{Map, Value};

use super::Wish;
use crate::values;

/// The names of what is said, in both forms that az prints.
struct Form {
    client: &'static str,
    tenant: &'static str,
    secret: &'static str,
    /// The path of the certificate with its key.
    certificate: &'static str,
}

const FORMS: [Form; 2] = [
    Form { client: "appId", tenant: "tenant", secret: "password", certificate: "fileWithCertAndPrivateKey" },
    // With `--json-auth`, as pipelines keep it.
    Form { client: "clientId", tenant: "tenantId", secret: "clientSecret", certificate: "clientCertificate" },
];

/// The authorities of the clouds that are not the public one.
const CLOUDS: [(&str, &str); 2] =
    [("https://login.microsoftonline.us", "government"), ("https://login.chinacloudapi.cn", "china")];

/// What such a file says; none where it is another one.
///
/// # Errors
/// A certificate that is named and cannot be read.
pub(super) fn read(map: &Map<String, Value>) -> Result<Option<Wish>> {
    let text = |name: &str| map.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
    let found = FORMS.iter().find_map(|form| {
        let (client, tenant) = (text(form.client)?, text(form.tenant)?);
        (text(form.secret).is_some() || text(form.certificate).is_some()).then_some((form, client, tenant))
    });
    let Some((form, client, tenant)) = found else { return Ok(None) };
    let mut wish = Wish::default();
    (wish.connector_type, wish.method) = (Some("azure".to_owned()), Some("service-principal".to_owned()));
    let mut put = |key: &str, value: &str| wish.config.insert(key.to_owned(), value.into());
    put("tenant_id", tenant);
    put("client_id", client);
    if let Some(secret) = text(form.secret) {
        put("client_secret", secret);
    }
    if let Some(path) = text(form.certificate) {
        let pem = values::read_file(Path::new(path)).map_err(|error| {
            Error::field("client_certificate", error.message().to_owned())
                .with_hint("the file names its certificate by that path: put it there again, or give `client_certificate=@FILE`")
        })?;
        put("client_certificate", &pem);
    }
    if let Some(subscription) = text("subscriptionId") {
        put("subscription_id", subscription);
    }
    let authority = text("activeDirectoryEndpointUrl").map(|it| it.trim_end_matches('/'));
    if let Some((_, cloud)) = CLOUDS.iter().find(|(it, _)| Some(*it) == authority) {
        put("cloud", cloud);
    }
    Ok(Some(wish))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(of: &Value) -> Option<Value> {
        let wish = read(of.as_object().expect("an object")).expect("readable")?;
        assert_eq!(wish.connector_type.as_deref(), Some("azure"));
        assert_eq!(wish.method.as_deref(), Some("service-principal"));
        Some(Value::Object(wish.config))
    }

    #[test]
    fn what_az_prints_is_taken() {
        let printed =
            json!({ "appId": "c", "displayName": "azure-cli-2026", "password": "hunter2", "tenant": "t" });
        let plain = json!({ "tenant_id": "t", "client_id": "c", "client_secret": "hunter2" });
        assert_eq!(config(&printed), Some(plain));
        let kept = json!({
            "clientId": "c", "clientSecret": "hunter2", "subscriptionId": "s", "tenantId": "t",
            "activeDirectoryEndpointUrl": "https://login.microsoftonline.us/",
            "resourceManagerEndpointUrl": "https://management.usgovcloudapi.net/",
        });
        let whole = json!({
            "tenant_id": "t", "client_id": "c", "client_secret": "hunter2", "subscription_id": "s", "cloud": "government",
        });
        assert_eq!(config(&kept), Some(whole));
    }

    #[test]
    fn a_certificate_is_read_where_the_file_says() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("cert.pem");
        std::fs::write(&path, "hunter2").expect("written");
        let path = path.to_str().expect("text");
        let printed =
            json!({ "appId": "c", "fileWithCertAndPrivateKey": path, "password": null, "tenant": "t" });
        let taken = json!({ "tenant_id": "t", "client_id": "c", "client_certificate": "hunter2" });
        assert_eq!(config(&printed), Some(taken));
        std::fs::remove_file(path).expect("there");
        let error = read(printed.as_object().expect("an object")).err().expect("it is gone");
        assert!(error.message().contains("client_certificate") && error.hint().is_some(), "{error:?}");
    }

    #[test]
    fn other_files_are_left_alone() {
        for other in [
            json!({ "region": "eu-west-1" }),
            json!({ "tenant_id": "t", "client_id": "c", "client_secret": "s" }),
            json!({ "appId": "c", "tenant": "t" }),
            json!({ "appId": 7, "tenant": "t", "password": "hunter2" }),
            json!({ "appId": "c", "tenant": "", "password": "hunter2" }),
        ] {
            assert_eq!(config(&other), None, "{other}");
        }
    }
}
