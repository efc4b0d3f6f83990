//! C18: where requests go, and with which certificates and headers.

use connector_core::{AuthMethod, ErrorKind};
use serde_json::{Value, json};

use super::bucket;
use super::impersonation::by_key;
use super::service_account::keyed;
use super::user_account::taken_over;
use crate::auth::ServiceAccount;
use crate::names::Service;
use crate::testing::{
    World, assert_silent, authenticate, generated, header, key_file, login_file, token, with,
};
use crate::wire::Api;

/// The connector's endpoint beats what a file says, and that beats Google's own.
#[tokio::test]
async fn c18_the_connector_beats_the_file_beats_google() {
    let of_file = json!({ "token_uri": "http://127.0.0.1:7/file-token" });
    let own = json!({ "endpoint_url": "http://127.0.0.1:1/" });
    let both = json!({
        "endpoint_url": "http://127.0.0.1:1", "endpoints": { "oauth2": "http://127.0.0.1:2/oauth/" },
    });
    for (file, more, url) in [
        (json!({}), json!({}), "https://oauth2.googleapis.com/token"),
        (json!({ "token_uri": "" }), json!({}), "https://oauth2.googleapis.com/token"),
        (of_file.clone(), json!({}), "http://127.0.0.1:7/file-token"),
        (of_file.clone(), own.clone(), "http://127.0.0.1:1/token"),
        (of_file.clone(), both, "http://127.0.0.1:2/oauth/token"),
    ] {
        let world = World::new().answers(token("t", 3599)).answers(token("t", 3599));
        let key = keyed(&with(key_file(), file.clone()), more.clone());
        authenticate(&key, &world.context(), None, None).await.expect("a session");
        let login = taken_over(&with(login_file(), file), more);
        authenticate(&login, &world.context(), None, None).await.expect("a session");
        assert_eq!(world.lines(), vec![format!("POST {url}"); 2]);
    }
    let world = World::new().answers(token("b", 3599)).answers(generated("t", World::start(), 3600));
    let world = world.answers(token("n", 3599));
    authenticate(&by_key(own), &world.context(), None, Some(&bucket())).await.expect("a session");
    assert!(world.sent().iter().all(|it| it.origin() == "http://127.0.0.1:1"), "{:?}", world.lines());
}

/// C18: no endpoint, the connector's or the file's, is a metadata service or plain HTTP to elsewhere.
#[test]
fn c18_no_endpoint_is_a_metadata_service() {
    for url in ["http://169.254.169.254/", "http://metadata.google.internal", "http://hunter2.example.org"] {
        let configs = [
            json!({ "service_account_json": key_file().to_string(), "endpoint_url": url }),
            json!({ "service_account_json": key_file().to_string(), "endpoints": { "sts": url } }),
            json!({ "service_account_json": with(key_file(), json!({ "token_uri": url })).to_string() }),
        ];
        for (config, field) in
            configs.into_iter().zip(["endpoint_url", "endpoints.sts", "service_account_json"])
        {
            let problems = serde_json::from_value::<ServiceAccount>(config).expect("a config").check();
            assert_eq!((problems.len(), problems[0].field.as_str()), (1, field), "{problems:?}");
            assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
        }
    }
}

/// Certificates go with each request, from the text or from a file that is read each time.
#[tokio::test]
async fn a_ca_bundle_is_trusted() {
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
    for bundle in [pem, "/etc/ca.pem"] {
        let world = World::new().file("/etc/ca.pem", pem).answers(token("t", 3599)).answers(token("n", 3599));
        let account = keyed(&key_file(), json!({ "ca_bundle": bundle }));
        authenticate(&account, &world.context(), None, Some(&bucket())).await.expect("a session");
        let trusted = |it: &connector_core::Request| it.trust().map(|it| it.to_vec()) == Some(pem.into());
        assert!(world.sent().iter().all(trusted) && world.sent().len() == 2);
    }
    let world = World::new();
    let account = keyed(&key_file(), json!({ "ca_bundle": "/etc/ca.pem" }));
    let error = authenticate(&account, &world.context(), None, None).await.expect_err("no certificates");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::NotFound, 0));
}

/// Calls of services are counted for the project that the connector says, else for the one that the file says.
#[tokio::test]
async fn calls_are_counted_for_the_quota_project() {
    let of_file = json!({ "quota_project_id": "of-the-file" });
    for (file, more, expected) in [
        (json!({}), json!({}), None),
        (of_file.clone(), json!({}), Some("of-the-file")),
        (of_file, json!({ "quota_project_id": "of-config" }), Some("of-config")),
    ] {
        let world = World::new().answers(token("ya29.t", 3599)).answers(token("t", 1));
        let cx = world.named("prod");
        let login = taken_over(&with(login_file(), file), more);
        let session = authenticate(&login, &cx, None, None).await.expect("a session").session;
        let call = crate::testing::call(&login, &cx, None);
        let api = Api::new(&call, &session);
        let _: Value = api.get("buckets.list", Service::Storage, "/b", &[("q", "a b")]).await.expect("JSON");
        let sent = &world.sent()[1];
        assert_eq!(sent.url(), "https://storage.googleapis.com/b?q=a+b");
        assert_eq!(header(sent, "x-goog-user-project"), expected);
        assert_eq!(header(sent, "authorization"), Some("Bearer ya29.t"));
        assert_eq!(session.credential().quota_project_id.as_deref(), expected);
    }
}

/// C18: what answers with a way to elsewhere is not followed, and an answer that is no text of Google's says nothing.
#[tokio::test]
async fn c18_redirects_are_not_followed() {
    let away = connector_core::Response::new(
        302,
        vec![("location".to_owned(), "http://169.254.169.254/hunter2".to_owned())],
        b"hunter2".to_vec(),
    );
    let world = World::new().answers(away);
    let account = keyed(&key_file(), json!({}));
    let error = authenticate(&account, &world.context(), None, None).await.expect_err("no token");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 1));
    assert!(!error.is_transient());
    assert_silent(&error);
}
