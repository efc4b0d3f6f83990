//! Every way to authenticate, judged by the strict server.

use std::collections::HashMap;
use std::time::Duration;

use connector_core::{Allow, Connector, Context, Grant, Terms};
use connector_tests::strict_aws::Issuer;
use connector_tests::strict_google::{PROJECT, PROJECT_NUMBER};
use connectors::ErrorKind;
use connectors::gcp::auth::{
    ExternalAccount, Impersonation, Implicit, Oauth2Token, ServiceAccount, UserAccount,
};
use connectors::gcp::resource::GcsBucket;
use connectors::hub::{Draft, Hub, Options, Registration};
use connectors::system::SystemCommands;
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
    assert!(issued.expiry.at().is_some(), "the server told its end");
    assert_eq!(setting.mints(), ["/v1/token"]);

    let issuer = Issuer::rs256("https://issuer.test");
    let audience = google.add_provider("pool", "oidc", &issuer);
    google.grant(&member(&audience, "me"), "roles/storage.admin", WHOLE);
    let token = google.token_of(&issuer, "me", &audience, Duration::from_secs(600));
    let cx = setting.context().with_files(HashMap::from([("/run/token".into(), token.into_bytes())]));
    let json = google.external_account_json(&audience, &json!({ "file": "/run/token" }), None);
    let method: ExternalAccount = setting.method(json!({ "external_account_json": json }));
    assert_eq!(owner(&setting, &Connector::new(cx, method)).await, member(&audience, "me"));
    assert_eq!(setting.mints(), ["/v1/token", "/v1/token"]);

    google.set_machine_account(&setting.robot);
    let cx = on(&setting, &[("GCE_METADATA_HOST", &google.metadata_host())]);
    let connector = Connector::new(cx, setting.method::<Implicit>(json!({})));
    assert_eq!(owner(&setting, &connector).await, setting.robot);
    assert_eq!(setting.mints(), ["/v1/token"], "the token is the machine's own");
}

/// S35: a person of a workforce pool: calls are counted for the project that the file names, by its id or its number,
/// which the pool's own would not be.
#[tokio::test(flavor = "multi_thread")]
async fn s35_a_person_of_a_workforce_is_counted_for_the_project_of_the_file() {
    let setting = Setting::new();
    let google = &setting.google;
    let issuer = Issuer::rs256("https://login.test");
    let audience = google.add_workforce_provider("staff", "okta", &issuer, "client-of-google");
    let ann = member(&audience, "ann");
    google.grant(&ann, "roles/storage.admin", WHOLE);
    let token = issuer.token("ann", "client-of-google", google.now() + 600);
    let cx = setting.context().with_files(HashMap::from([("/run/token".into(), token.into_bytes())]));
    let number = PROJECT_NUMBER.to_string();
    for project in [PROJECT, &number] {
        let json = google.workforce_account_json(&audience, &json!({ "file": "/run/token" }), project);
        let method = || setting.method::<ExternalAccount>(json!({ "external_account_json": json }));
        let listed = Connector::new(cx.clone(), method()).list::<GcsBucket>().await;
        // Storage tells no reason; the role that she has would do.
        let error = listed.expect_err("Ann may not have her calls counted there").to_string();
        assert!(error.contains("storage.buckets.list is not allowed to this account"), "{error}");
        google.grant(&ann, "roles/serviceusage.serviceUsageConsumer", WHOLE);
        let connector = Connector::new(cx.clone(), method());
        assert_eq!(connector.list::<GcsBucket>().await.expect("listed").ids.len(), 2);
        assert_eq!(owner(&setting, &connector).await, ann);
        google.take_back(&ann, "roles/serviceusage.serviceUsageConsumer", WHOLE);
    }
    // Where the project is not there, the exchange is refused.
    let json = google.workforce_account_json(&audience, &json!({ "file": "/run/token" }), "another-project");
    let method: ExternalAccount = setting.method(json!({ "external_account_json": json }));
    Connector::new(cx, method).session().await.expect_err("no such project");
}

/// A machine with these variables, whose own identity may be used.
fn on(setting: &Setting, variables: &[(&str, &str)]) -> Context {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    setting.context().with_environment(variables.collect::<HashMap<_, _>>()).with_implicit(true)
}

/// Who an identity of elsewhere is here.
fn member(audience: &str, subject: &str) -> String {
    let pool = audience.trim_start_matches("//iam.googleapis.com/").split("/providers/").next();
    format!("principal://iam.googleapis.com/{}/subject/{subject}", pool.unwrap_or_default())
}

/// S41: the identity of a machine of AWS, and what a program prints, stand in for a service account. The token between
/// may do nothing but that.
#[tokio::test(flavor = "multi_thread")]
async fn s41_a_machine_of_aws_and_a_program_are_identities_of_elsewhere() {
    let setting = Setting::new();
    let google = &setting.google;
    let arn = "arn:aws:sts::123456789012:assumed-role/worker/i-1";
    let aws = google.add_aws_provider("pool", "aws", &[("AKIAEXAMPLE", arn)]);
    google.grant(&member(&aws, arn), "roles/iam.serviceAccountTokenCreator", &account(&setting.robot));
    let source = json!({
        "environment_id": "aws1",
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    });
    let json = google.external_account_json(&aws, &source, Some(&setting.robot));
    let method = || setting.method::<ExternalAccount>(json!({ "external_account_json": json }));
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "not-checked-here"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let connector = Connector::new(on(&setting, &keys), method());
    assert_eq!(owner(&setting, &connector).await, setting.robot);
    assert_eq!(setting.mints().len(), 3);
    let off = Connector::new(on(&setting, &keys).with_implicit(false), method());
    let error = off.resource::<GcsBucket>("gs://data").await.expect("an id").issue().await.expect_err("off");
    assert!(
        error.hint().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")),
        "{error:?}"
    );

    let issuer = Issuer::rs256("https://issuer.test");
    let audience = google.add_provider("pool", "oidc", &issuer);
    google.grant(&member(&audience, "me"), "roles/iam.serviceAccountTokenCreator", &account(&setting.robot));
    let token = google.token_of(&issuer, "me", &audience, Duration::from_secs(600));
    let printed = json!({
        "version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:jwt", "id_token": token,
    });
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("printed.json");
    std::fs::write(&file, printed.to_string()).expect("a file");
    let source = json!({ "executable": { "command": format!("/bin/cat '{}'", file.display()) } });
    let json = google.external_account_json(&audience, &source, Some(&setting.robot));
    let method = || setting.method::<ExternalAccount>(json!({ "external_account_json": json }));
    let cx = || setting.context().with_commands(SystemCommands);
    let allowed = Connector::with_terms(cx(), method(), Terms::default().with_allow(Allow::Exec));
    assert_eq!(owner(&setting, &allowed).await, setting.robot);
    let error = Connector::new(cx(), method()).resource::<GcsBucket>("gs://data").await.expect("an id");
    assert_eq!(error.issue().await.expect_err("not allowed").kind(), ErrorKind::Refused);
}

/// S45: the file that the variable names goes before the metadata server, whatever its type.
#[tokio::test(flavor = "multi_thread")]
async fn s45_the_file_that_the_variable_names_is_used() {
    let setting = Setting::new();
    let google = &setting.google;
    google.set_machine_account(&google.add_service_account("machine"));
    google.grant("alice@example.com", "roles/storage.admin", WHOLE);
    google.grant("alice@example.com", "roles/iam.serviceAccountTokenCreator", &account(&setting.robot));
    let login = google.authorized_user_json(&google.add_client(), "alice@example.com");
    for (file, expected) in [
        (google.key_json(&setting.robot), setting.robot.as_str()),
        (google.impersonated_json(&login, &setting.robot, &[]), &setting.robot),
        (login, "alice@example.com"),
    ] {
        let host = google.metadata_host();
        let variables = [("GOOGLE_APPLICATION_CREDENTIALS", "/adc.json"), ("GCE_METADATA_HOST", &*host)];
        let cx =
            on(&setting, &variables).with_files(HashMap::from([("/adc.json".into(), file.into_bytes())]));
        let connector = Connector::new(cx, setting.method::<Implicit>(json!({})));
        assert_eq!(owner(&setting, &connector).await, expected);
    }
}

/// A token whose scopes do not cover everything cannot be narrowed: one of which that is known is handed on and says so,
/// and the machine's own is refused with what helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_few_scopes_is_told() {
    const STORAGE: &str = "https://www.googleapis.com/auth/devstorage.read_only";
    let setting = Setting::new();
    let google = &setting.google;
    let method: Oauth2Token =
        setting.method(json!({ "token": google.token_for(&setting.robot, &[STORAGE]) }));
    let handle =
        Connector::new(setting.context(), method).resource::<GcsBucket>("gs://data").await.expect("an id");
    let issued = handle.issue().await.expect("a token");
    assert!(!issued.narrowing().is_narrowed() && issued.narrowing().reason().contains("cloud-platform"));

    google.set_machine_account_with(&setting.robot, &[STORAGE]);
    let cx = on(&setting, &[("GCE_METADATA_HOST", &google.metadata_host())]);
    let connector = Connector::new(cx, setting.method::<Implicit>(json!({})));
    let error = connector.resource::<GcsBucket>("gs://data").await.expect("an id").issue().await;
    let hint = error.expect_err("not narrowed").hint().unwrap_or_default().to_owned();
    assert!(hint.contains("--scopes cloud-platform") && hint.contains("`gcp-generic`"), "{hint}");
}

/// A stored token that has ended is told as such, though nobody said when it ends.
#[tokio::test(flavor = "multi_thread")]
async fn s37_a_token_that_has_ended_is_told() {
    let setting = Setting::new();
    let token = setting.google.token_for(&setting.robot, &[CLOUD]);
    setting.google.advance(Duration::from_secs(3600));
    let method: Oauth2Token = setting.method(json!({ "token": token }));
    let handle =
        Connector::new(setting.context(), method).resource::<GcsBucket>("gs://data").await.expect("an id");
    assert_eq!(handle.issue().await.expect_err("it ended").kind(), ErrorKind::Expired);
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
    let member = member(&audience, "me");
    google.grant(&member, "roles/iam.workloadIdentityUser", &account(&setting.robot));
    google.grant(&member, "roles/iam.serviceAccountTokenCreator", &account(&setting.robot));
    let json = google.external_account_json(&audience, &source, Some(&setting.robot));
    let cx = connectors::system::context().with_http(connectors::system::SystemHttp::new(Default::default()));
    let opened = || {
        let method: ExternalAccount = setting.method(json!({ "external_account_json": json }));
        Connector::new(cx.clone(), method)
    };
    assert_eq!(owner(&setting, &opened()).await, setting.robot);
    assert_eq!(setting.mints().len(), 3, "the exchange, the account's token, and the narrower one");

    // Opened anew each time: a refusal answers for a moment.
    let refused = async || {
        let handle = opened().resource::<GcsBucket>("gs://data2").await.expect("an id");
        handle.issue().await.expect_err("no token")
    };
    write(Duration::from_secs(0));
    let error = refused().await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("token of elsewhere"), "{error}");
    std::fs::remove_file(&file).expect("a file");
    let error = refused().await;
    assert!(error.to_string().contains("is not there"), "{error}");
}

/// What Google says of a key, in words that help.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_key_are_told_apart() {
    let setting = Setting::new();
    let google = &setting.google;
    // Opened anew each time: a refusal answers for a moment.
    let refused = async || {
        let handle = setting.connector().resource::<GcsBucket>("gs://data").await.expect("an id");
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
    // The key outlives its account.
    let connector = setting.connector();
    google.delete(&setting.robot);
    let handle = connector.resource::<GcsBucket>("gs://data").await.expect("an id");
    let error = handle.issue().await.expect_err("nobody's key").to_string();
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
