//! Every way of applications to authenticate, judged by the strict server.

use std::time::Duration;

use connector_core::{Connector, Context};
use connector_tests::strict_aws::Issuer;
use connector_tests::strict_azure::{Block, TENANT};
use connectors::ErrorKind;
use connectors::azure::Azure;
use connectors::azure::auth::{AccessToken, Implicit, ServicePrincipal, UserAccount, WorkloadIdentity};
use serde_json::{Value, json};

use super::setting::{ALICE, ARM, AZ, EXCHANGE, ROBOT, Setting, VAULT, issue};

const SUBJECT: &str = "system:serviceaccount:prod:app";
const FILE: &str = "/run/token";

/// An issuer whose tokens the application trusts.
fn issuer(setting: &Setting) -> Issuer {
    let issuer = Issuer::rs256("https://issuer.test");
    setting.azure.add_federated(ROBOT, &issuer, SUBJECT, EXCHANGE);
    issuer
}

fn of_file() -> Value {
    json!({ "tenant_id": TENANT, "client_id": ROBOT, "federated_token_file": FILE })
}

fn time_of(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).expect("after 1970");
    connector_core::format_time(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// S35, S49: every method gets a token for the one service that is asked for by one call, and it is that of the identity.
#[tokio::test(flavor = "multi_thread")]
async fn s35_s49_every_method_gets_a_token_by_one_call() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let (robot, secret) = setting.robot();
    let alice = setting.alice();
    let made = azure.add_certificate(ROBOT);
    let pem = format!("{}{}", made.certificate, made.key);
    let certificate = json!({ "tenant_id": TENANT, "client_id": ROBOT, "client_certificate": pem });
    let token = azure.token_of(&issuer(&setting), SUBJECT, EXCHANGE, Duration::from_secs(600));
    let in_file = setting.machine(&[], &[(FILE, &token)]).with_implicit(false);
    let told = json!({ "tenant_id": TENANT, "client_id": ROBOT, "federated_token": token });
    let login = json!({ "tenant_id": TENANT, "refresh_token": azure.add_refresh_token(AZ, ALICE) });
    let by_domain =
        json!({ "tenant_id": "strict.onmicrosoft.com", "refresh_token": azure.add_refresh_token(AZ, ALICE) });
    let at_home = json!({ "refresh_token": azure.add_refresh_token(AZ, ALICE) });
    let cx = || setting.context();
    let connectors: [(Connector<Azure>, &str); 7] = [
        (setting.connector::<ServicePrincipal>(cx(), secret), &robot),
        (setting.connector::<ServicePrincipal>(cx(), certificate), &robot),
        (setting.connector::<WorkloadIdentity>(in_file, of_file()), &robot),
        (setting.connector::<WorkloadIdentity>(cx(), told), &robot),
        (setting.connector::<UserAccount>(cx(), login), &alice),
        (setting.connector::<UserAccount>(cx(), by_domain), &alice),
        (setting.connector::<UserAccount>(cx(), at_home), &alice),
    ];
    setting.calls();
    for (connector, id) in &connectors {
        for (service, audience) in [(Some(VAULT), VAULT), (None, ARM)] {
            let issued = issue(connector, service).await.expect("a token");
            assert_eq!(setting.owner(&issued), ((*id).to_owned(), audience.to_owned()));
            let calls = setting.calls();
            assert!(calls.len() == 1 && calls[0].ends_with("/oauth2/v2.0/token"), "{calls:?}");
            assert!(issued.expiry.at().is_some() && !issued.narrowing().is_narrowed());
            assert!(!issued.long_lived && issued.credential.tenant_id.is_some());
        }
        // The token is good for what it was asked for.
        connector.list::<connectors::azure::resource::AzureGeneric>().await.expect("the subscription");
        setting.calls();
    }
    let mine = azure.token_for(&robot, &format!("{ARM}/"));
    let config = json!({ "token": mine, "expires_at": time_of(azure.now() + 1800) });
    let connector = setting.connector::<AccessToken>(cx(), config);
    let issued = issue(&connector, None).await.expect("a token");
    assert_eq!(
        azure.owner(issued.credential.token().expect("a token").0.expose()).expect("its own").0,
        robot
    );
    assert_eq!(setting.calls(), Vec::<String>::new());
    connector.list::<connectors::azure::resource::AzureGeneric>().await.expect("the subscription");
    let error = issue(&connector, Some(VAULT)).await.expect_err("another service");
    assert!(error.to_string().contains(VAULT), "{error}");
}

/// S34, C25, C26: over several lives of tokens nothing that has ended is handed out, and one call is made for each.
#[tokio::test(flavor = "multi_thread")]
async fn s34_c25_c26_tokens_are_renewed_over_several_lives() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let (_, secret) = setting.robot();
    setting.alice();
    azure.set_life(Some(Duration::from_secs(1200)));
    let made = azure.add_certificate(ROBOT);
    let pem = format!("{}{}", made.certificate, made.key);
    let certificate = json!({ "tenant_id": TENANT, "client_id": ROBOT, "client_certificate": pem });
    let issuer = issuer(&setting);
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("token");
    let write = || {
        let token = azure.token_of(&issuer, SUBJECT, EXCHANGE, Duration::from_secs(600));
        std::fs::write(&file, token).expect("a file");
    };
    let elsewhere = json!({ "tenant_id": TENANT, "client_id": ROBOT, "federated_token_file": file });
    let login = json!({ "tenant_id": TENANT, "refresh_token": azure.add_refresh_token(AZ, ALICE) });
    let cx = || setting.context();
    let files = cx().with_files(connectors::system::SystemFiles);
    let connectors = [
        setting.connector::<ServicePrincipal>(cx(), secret),
        setting.connector::<ServicePrincipal>(cx(), certificate),
        setting.connector::<WorkloadIdentity>(files, elsewhere),
        setting.connector::<UserAccount>(cx(), login),
    ];
    write();
    let mut seen = Vec::new();
    for life in 0..6 {
        for connector in &connectors {
            setting.calls();
            let issued = issue(connector, None).await.expect("a token");
            let again = issue(connector, None).await.expect("the same");
            let token = issued.credential.token().expect("a token").0.expose().to_owned();
            assert_eq!(again.credential.token().expect("a token").0.expose(), token);
            assert_eq!(setting.calls().len(), 1, "life {life}");
            let left = issued.expiry.at().expect("an end").duration_since(cx().now()).expect("it is good");
            assert!(left <= Duration::from_secs(1200) && left > Duration::from_secs(1100), "{left:?}");
            connector
                .list::<connectors::azure::resource::AzureGeneric>()
                .await
                .expect("it is good there, too");
            seen.push(token);
        }
        // The token of elsewhere ends meanwhile, and whoever writes it replaces it.
        setting.advance(Duration::from_secs(1200));
        write();
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "each life has a token of its own");
}

/// C26: a server that is down, or asks to slow down, ends nothing that is still good.
#[tokio::test(flavor = "multi_thread")]
async fn c26_trouble_ends_nothing_that_is_good() {
    let setting = Setting::new();
    let (_, secret) = setting.robot();
    let connector = setting.connector::<ServicePrincipal>(setting.context(), secret);
    let first = issue(&connector, None).await.expect("a token");
    setting.advance(Duration::from_secs(3300));
    setting.azure.throttle_tokens(50, 60);
    let kept = issue(&connector, None).await.expect("it is good for some minutes yet");
    assert_eq!(kept.expiry, first.expiry);
    setting.advance(Duration::from_secs(400));
    let error = issue(&connector, None).await.expect_err("over, and no other");
    assert!(error.is_transient() && error.kind() == ErrorKind::Unreachable, "{error:?}");
}

/// C16: what the directory refuses is told by what it means and what to do, and shows nothing of what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn c16_what_the_directory_refuses_is_told() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let (robot, secret) = setting.robot();
    let other = Issuer::rs256("https://issuer.test");
    let issuer = issuer(&setting);
    let of = |more: Value| {
        let mut config = secret.clone();
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        config
    };
    let stranger = connector_tests::strict_azure::StrictAzure::start();
    stranger.add_app(TENANT, ROBOT);
    let unknown = stranger.add_certificate(ROBOT);
    let unknown = format!("{}{}", unknown.certificate, unknown.key);
    let by_certificate = json!({ "tenant_id": TENANT, "client_id": ROBOT, "client_certificate": unknown });
    let short = azure.add_secret_for(ROBOT, Duration::from_secs(60));
    let subject = |issuer: &Issuer, subject: &str, audience: &str, life: u64| {
        let token = azure.token_of(issuer, subject, audience, Duration::from_secs(life));
        json!({ "tenant_id": TENANT, "client_id": ROBOT, "federated_token": token })
    };
    let strange = "99999999-8888-4777-8666-555555555555";
    let cx = || setting.context();
    let asks = async |connector: Connector<Azure>| issue(&connector, None).await.expect_err("refused");
    let as_application = |config: Value| setting.connector::<ServicePrincipal>(cx(), config);
    let as_workload = |config: Value| setting.connector::<WorkloadIdentity>(cx(), config);
    let ended = as_workload(subject(&issuer, SUBJECT, EXCHANGE, 60));
    let over = as_application(of(json!({ "client_secret": short })));
    // Some minutes are borne.
    setting.advance(Duration::from_secs(600));
    for (connector, says, fix) in [
        (
            as_application(of(json!({ "client_secret": "hunter2-wrong" }))),
            "client secret is wrong",
            "client_secret=@FILE",
        ),
        (over, "client secret has expired", "az ad app credential"),
        (as_application(of(json!({ "tenant_id": strange }))), "no such directory", "tenant_id"),
        (as_application(of(json!({ "client_id": strange }))), "no application of this id", "client_id"),
        (as_application(by_certificate), "certificate is not one of the application's", "upload"),
        (
            as_workload(subject(&issuer, "system:serviceaccount:prod:other", EXCHANGE, 1200)),
            "federated credential",
            "`sub`",
        ),
        (as_workload(subject(&issuer, SUBJECT, "api://else", 1200)), "federated credential", "`aud`"),
        (as_workload(subject(&other, SUBJECT, EXCHANGE, 1200)), "not signed by its issuer", "who issued it"),
        (ended, "it has ended", "whatever writes the token"),
    ] {
        let error = asks(connector).await;
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(error.hint().is_some_and(|it| it.contains(fix)), "{fix}: {error:?}");
        let shown = format!("{error:?} {error} {:?}", error.hint());
        for secret in azure.confidential() {
            assert!(!shown.contains(&secret), "it is not shown");
        }
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for (block, says) in [
        (Block::ConditionalAccess, "conditional access"),
        (Block::Consent, "consented"),
        (Block::Disabled, "disabled"),
    ] {
        azure.block(&robot, block);
        let error = asks(as_application(secret.clone())).await;
        assert!(error.to_string().contains(says) && error.hint().is_some(), "{says}: {error:?}");
        azure.unblock(&robot);
    }
    // A service that the directory does not know.
    let connector = as_application(secret.clone());
    let error = issue(&connector, Some("https://unknown.example")).await.expect_err("no such service");
    assert!(error.to_string().contains("does not know the service"), "{error}");
}

/// C16: a clock that is wrong is told with how far it is off.
#[tokio::test(flavor = "multi_thread")]
async fn c16_a_clock_that_is_wrong_is_told() {
    let setting = Setting::new();
    setting.robot();
    let made = setting.azure.add_certificate(ROBOT);
    let pem = format!("{}{}", made.certificate, made.key);
    let config = json!({ "tenant_id": TENANT, "client_id": ROBOT, "client_certificate": pem });
    setting.azure.advance(Duration::from_secs(3600));
    let connector = setting.connector::<ServicePrincipal>(setting.context(), config);
    let error = issue(&connector, None).await.expect_err("the proof has ended there");
    let told = error.to_string();
    assert!(told.contains("this machine's clock is") && told.contains("behind Azure's"), "{told}");
}

/// C17: Entra ID is spoken to over TLS by a certificate that is trusted; without it nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn c17_a_certificate_that_nobody_trusts_is_refused() {
    let setting = Setting::new();
    let (_, secret) = setting.robot();
    let mut config = setting.config(secret);
    config.as_object_mut().expect("an object").remove("ca_bundle");
    let method: ServicePrincipal = serde_json::from_value(config).expect("a config");
    let error = issue(&Connector::new(setting.context(), method), None).await.expect_err("not trusted");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(setting.calls(), Vec::<String>::new());
}

/// S41, S45: what stands in the environment is used in its order, and az's login behind it; what the machine holds goes to
/// this machine's server because it is one of this machine.
#[tokio::test(flavor = "multi_thread")]
async fn s41_s45_what_is_at_hand_is_used() {
    let setting = Setting::new();
    let azure = &setting.azure;
    let (robot, config) = setting.robot();
    let alice = setting.alice();
    let secret = config["client_secret"].as_str().expect("a secret");
    let token = azure.token_of(&issuer(&setting), SUBJECT, EXCHANGE, Duration::from_secs(600));
    let home = format!("{alice}.{TENANT}");
    let cache = json!({
        "Account": { "a": {
            "home_account_id": home, "environment": "login.microsoftonline.com", "realm": TENANT, "username": ALICE,
        } },
        "RefreshToken": { "r": {
            "home_account_id": home, "environment": "login.microsoftonline.com", "client_id": AZ, "family_id": "1",
            "secret": azure.add_refresh_token(AZ, ALICE),
        } },
    });
    let profile = json!({ "subscriptions": [{
        "id": connector_tests::strict_azure::SUBSCRIPTION, "name": "Strict Subscription", "state": "Enabled",
        "isDefault": true, "tenantId": TENANT, "environmentName": "AzureCloud",
        "user": { "name": ALICE, "type": "user" },
    }] });
    let files = [
        (FILE, &*token),
        ("/home/alice/.azure/azureProfile.json", &*format!("\u{feff}{profile}")),
        ("/home/alice/.azure/msal_token_cache.json", &*cache.to_string()),
    ];
    let of_tenant = [("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", ROBOT)];
    let with = |more: &[(&'static str, &str)]| -> Context {
        let all: Vec<(&str, &str)> = [("HOME", "/home/alice")].iter().chain(more).copied().collect();
        setting.machine(&all, &files)
    };
    let pod = [of_tenant[0], of_tenant[1], ("AZURE_FEDERATED_TOKEN_FILE", FILE)];
    let application = [of_tenant[0], of_tenant[1], ("AZURE_CLIENT_SECRET", secret)];
    for (cx, owner, calls) in
        [(with(&application), &robot, 1), (with(&pod), &robot, 1), (with(&[]), &alice, 2)]
    {
        setting.calls();
        let connector = setting.connector::<Implicit>(cx, json!({}));
        let issued = issue(&connector, None).await.expect("a token");
        // Where only az's login is, the machine's own identity is asked for before.
        assert_eq!((&setting.owner(&issued).0, setting.calls().len()), (owner, calls));
    }
    // Secrets that are wrong are those that are meant.
    let wrong = [of_tenant[0], of_tenant[1], ("AZURE_CLIENT_SECRET", "hunter2-wrong")];
    let error =
        issue(&setting.connector::<Implicit>(with(&wrong), json!({})), None).await.expect_err("wrong");
    assert!(error.to_string().contains("nothing else is tried"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    azure.expire_refresh_tokens(ALICE);
    let error = issue(&setting.connector::<Implicit>(with(&[]), json!({})), None).await.expect_err("over");
    assert!(error.hint().is_some_and(|it| it.contains("az login")), "{error:?}");
}

/// S37: a stored token that has ended is told as such.
#[tokio::test(flavor = "multi_thread")]
async fn s37_a_token_that_has_ended_is_told() {
    let setting = Setting::new();
    let (robot, _) = setting.robot();
    let token = setting.azure.token_for(&robot, ARM);
    let config = json!({ "token": token, "expires_at": time_of(setting.azure.now() + 86_400) });
    let connector = setting.connector::<AccessToken>(setting.context(), config);
    issue(&connector, None).await.expect("it is good");
    setting.advance(Duration::from_secs(3600));
    // It says itself that it ended, whatever the config says.
    let error = issue(&connector, None).await.expect_err("it ended");
    assert_eq!(error.kind(), ErrorKind::Expired);
}
