//! Every way to authenticate, judged by the strict server.

use std::time::Duration;

use connector_core::{Connector, Grant};
use connector_tests::strict_aws::Issuer;
use connectors::ErrorKind;
use connectors::gcp::auth::{ExternalAccount, Impersonation, Oauth2Token, ServiceAccount, UserAccount};
use connectors::gcp::resource::GcsBucket;
use connectors::hub::{Draft, Hub, Options, Registration};
use serde_json::{Value, json};

use super::{Setting, WHOLE};

const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Whose token a connector issues for the bucket.
async fn owner(setting: &Setting, connector: &Connector<connectors::gcp::Gcp>) -> String {
    let handle = connector.resource::<GcsBucket>("gs://data").await.expect("a complete id");
    let issued = handle.issue().await.expect("a token");
    assert!(issued.expiry.at().is_some() && issued.narrowing().is_narrowed());
    setting.google.owner(issued.credential.access_token.expose()).expect("a token of the server").0
}

/// S35: every method issues temporary tokens; a service account's is one call, an impersonation two, narrowing one more.
#[tokio::test(flavor = "multi_thread")]
async fn s35_every_method_issues_a_token_in_as_few_calls_as_there_are() {
    let setting = Setting::new();
    let google = &setting.google;
    assert_eq!(owner(&setting, &setting.connector()).await, setting.robot);
    assert_eq!(setting.mints(), ["/token", "/v1/token"]);

    let target = google.add_service_account("target");
    let between = google.add_service_account("between");
    google.grant(&setting.robot, "roles/iam.serviceAccountTokenCreator", &account(&between));
    google.grant(&between, "roles/iam.serviceAccountTokenCreator", &account(&target));
    google.grant(&target, "roles/storage.admin", WHOLE);
    let key = google.key_json(&setting.robot);
    let method: Impersonation = setting.method(json!({
        "service_account_json": key, "target_principal": target, "delegates": [between],
    }));
    assert_eq!(owner(&setting, &Connector::new(setting.context(), method)).await, target);
    let mints = setting.mints();
    assert_eq!(mints.len(), 3, "{mints:?}");
    assert!(mints[1].ends_with(":generateAccessToken"), "{mints:?}");

    let client = google.add_client();
    google.grant("alice@example.com", "roles/storage.admin", WHOLE);
    google.add_user("alice@example.com");
    let login = google.authorized_user_json(&client, "alice@example.com");
    let method: UserAccount = setting.method(json!({ "user_account_json": login }));
    assert_eq!(owner(&setting, &Connector::new(setting.context(), method)).await, "alice@example.com");
    assert_eq!(setting.mints().len(), 2);

    let token = google.token_for(&setting.robot, &[CLOUD]);
    let method: Oauth2Token = setting.method(json!({ "token": token }));
    let handle =
        Connector::new(setting.context(), method).resource::<GcsBucket>("gs://data").await.expect("an id");
    let issued = handle.issue().await.expect("a token");
    assert!(google.is_narrowed(issued.credential.access_token.expose()));
    assert_eq!(setting.mints(), ["/v1/token"]);
}

fn account(email: &str) -> String {
    format!("projects/-/serviceAccounts/{email}")
}

/// An identity of elsewhere: its file is read anew for every token, and what Google's pool does not trust is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_elsewhere_is_exchanged() {
    let setting = Setting::new();
    let google = &setting.google;
    let issuer = Issuer::rs256("https://issuer.test");
    let audience = google.add_provider("pool", "oidc", &issuer);
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("token");
    let write = |life: Duration| {
        std::fs::write(&file, google.token_of(&issuer, "me", &audience, life)).expect("a file");
    };
    write(Duration::from_secs(600));
    google.grant(&setting.robot, "roles/storage.admin", WHOLE);
    google.grant("principalSet://*", "roles/browser", WHOLE);
    let source = json!({ "file": file });
    let member = format!(
        "principal://iam.googleapis.com/{}/subject/me",
        audience.trim_start_matches("//iam.googleapis.com/").split("/providers/").next().unwrap_or_default()
    );
    google.grant(&member, "roles/iam.workloadIdentityUser", &account(&setting.robot));
    google.grant(&member, "roles/iam.serviceAccountTokenCreator", &account(&setting.robot));
    let json = google.external_account_json(&audience, &source, Some(&setting.robot));
    let cx = connectors::system::context().with_http(connectors::system::SystemHttp::new(Default::default()));
    let method: ExternalAccount = setting.method(json!({ "external_account_json": json }));
    let connector = Connector::new(cx, method);
    assert_eq!(owner(&setting, &connector).await, setting.robot);
    assert_eq!(setting.mints().len(), 3, "the exchange, the account's token, and the narrower one");

    write(Duration::from_secs(0));
    let error = connector
        .resource::<GcsBucket>("gs://data2")
        .await
        .expect("an id")
        .issue()
        .await
        .expect_err("it ended");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("token of elsewhere"), "{error}");
    std::fs::remove_file(&file).expect("a file");
    let error = connector
        .resource::<GcsBucket>("gs://data2")
        .await
        .expect("an id")
        .issue()
        .await
        .expect_err("it is gone");
    assert!(error.to_string().contains("is not there"), "{error}");
}

/// What Google says of a key, in words that help.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_key_are_told_apart() {
    let setting = Setting::new();
    let google = &setting.google;
    let connector = setting.connector();
    let refused = async || {
        let handle = connector.resource::<GcsBucket>("gs://data").await.expect("an id");
        handle.issue().await.expect_err("refused").to_string()
    };
    google.disable(&setting.robot);
    assert!(refused().await.contains("disabled"));
    google.enable(&setting.robot);
    let other = google.add_service_account("other");
    let (mine, theirs): (Value, Value) = (
        serde_json::from_str(&google.key_json(&setting.robot)).expect("JSON"),
        serde_json::from_str(&google.key_json(&other)).expect("JSON"),
    );
    let mut mixed = mine;
    mixed["private_key"] = theirs["private_key"].clone();
    let method: ServiceAccount = setting.method(json!({ "service_account_json": mixed.to_string() }));
    let handle =
        Connector::new(setting.context(), method).resource::<GcsBucket>("gs://data").await.expect("an id");
    let error = handle.issue().await.expect_err("another key").to_string();
    assert!(error.contains("private key"), "{error}");
    for (ahead, says) in [(true, " ahead of Google"), (false, " behind Google")] {
        let by = Duration::from_secs(if ahead { 1200 } else { 7200 });
        if ahead {
            google.set_back(by)
        } else {
            google.advance(by)
        }
        let error = refused().await;
        assert!(error.contains(says), "{error}");
        if ahead { google.advance(by) } else { google.set_back(by) }
    }
    // Its key was made while it was there.
    let connector = setting.connector();
    google.delete(&setting.robot);
    let handle = connector.resource::<GcsBucket>("gs://data").await.expect("an id");
    let error = handle.issue().await.expect_err("it is gone").to_string();
    assert!(error.contains("no such service account"), "{error}");
}

/// A stored connector takes its identity from another one; ending that one is seen.
#[tokio::test(flavor = "multi_thread")]
async fn an_impersonation_stands_on_another_connector() {
    let setting = Setting::new();
    let google = &setting.google;
    let target = google.add_service_account("target");
    google.grant(&setting.robot, "roles/iam.serviceAccountTokenCreator", &account(&target));
    google.grant(&target, "roles/storage.admin", WHOLE);
    let home = tempfile::tempdir().expect("a folder");
    let options = Options::new(home.path()).with_context(setting.context());
    let hub = Hub::open(options).await.expect("a hub");
    let register = async |name: &str, method: &str, config: Value| {
        let Value::Object(config) = setting.config(config) else { unreachable!("an object") };
        let mut document = connector_core::Document::draft(name, "gcp", method, config);
        document.resource_type = Some("gcs-bucket".into());
        hub.register(Draft::new(document), Registration::Verified).await.map(drop)
    };
    let key = google.key_json(&setting.robot);
    register("base", "service-account", json!({ "service_account_json": key })).await.expect("registered");
    let config = json!({ "source": "base", "target_principal": target });
    register("prod", "impersonation", config).await.expect("registered");
    google.calls().take();
    let envelope = hub.issue("prod", Grant::new("gcs-bucket", "gs://data")).await.expect("a token");
    let token = envelope.fields.expect_secret("access_token").expect("a token");
    assert_eq!(google.owner(token.expose()).expect("of the server").0, target);
    hub.set_enabled("base", false).await.expect("disabled");
    let error =
        hub.issue("prod", Grant::new("gcs-bucket", "gs://data")).await.expect_err("it has no identity");
    assert_eq!(error.kind(), ErrorKind::Disabled, "{error}");
}
