//! Faults of Azure's side, and of what is given: answers that echo secrets, that are garbage or never come; files that
//! are wrong.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::canary::Canary;
use connector_tests::fault::Fault;
use connector_tests::loopback::Answer;
use connector_tests::strict_azure::{SUBSCRIPTION, TENANT};
use serde_json::json;

use super::{CLIENT, CLUSTER, CONTAINER, COSMOS, GENERIC, IMAGES, Method, Stage};
use crate::leaks::watch::Class;

/// Commands that call Azure, with errors in this form: `whole` are all of them, else those that show how a token is asked
/// for.
fn ask(stage: &Stage, form: &str, whole: bool) {
    let cli = &stage.watch.cli;
    let more = ["--timeout", "1s", "-o", form];
    cli.run(&[&["verify", "prod"][..], &CONTAINER, &more].concat());
    if !whole {
        return;
    }
    cli.run(&[&["list-resources", "--connector", "prod"][..], &more].concat());
    if stage.method == Method::StorageString {
        return;
    }
    cli.run(&[&["issue", "prod"][..], &CLUSTER, &more].concat());
    cli.run(&[&["issue", "prod"][..], &IMAGES, &more].concat());
    cli.run(&[&["verify", "prod"][..], &COSMOS, &more].concat());
    cli.run(&[&["login", "prod"][..], &GENERIC, &more].concat());
    cli.run(&[&["read-secret", "prod", "strict-vault/db"][..], &more].concat());
}

/// Answers that repeat a secret wherever there is room for it.
fn echoes(secret: &str) -> Vec<Answer> {
    let of_entra = |status: u16, error: &str, code: u64| {
        let body = json!({
            "error": error, "error_description": format!("AADSTS{code}: {secret}"), "error_codes": [code, secret],
            "timestamp": secret, "trace_id": secret, "correlation_id": secret, "error_uri": secret, "suberror": secret,
            "claims": secret,
        });
        Answer::json(status, &body)
    };
    let of_manager = |status: u16, code: &str| {
        let detail = json!([{ "code": secret, "message": secret, "target": secret }]);
        let error = json!({ "code": code, "message": secret, "target": secret, "details": detail, "innererror": secret });
        Answer::json(status, &json!({ "error": error }))
    };
    let of_storage = |status: u16, code: &str| {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{secret}</Message>\
             <AuthenticationErrorDetail>{secret}</AuthenticationErrorDetail></Error>"
        );
        Answer::new(status, "application/xml", body).with_header("x-ms-error-code", code)
    };
    let of_registry = |status: u16, code: &str| {
        Answer::json(status, &json!({ "errors": [{ "code": code, "message": secret, "detail": [secret] }] }))
    };
    let all = vec![
        of_entra(401, "invalid_client", 7_000_215),
        of_entra(400, "invalid_grant", 700_082),
        of_entra(400, "interaction_required", 50_076),
        of_entra(400, secret, 1),
        of_manager(401, "ExpiredAuthenticationToken"),
        of_manager(403, "AuthorizationFailed"),
        of_manager(404, "ResourceGroupNotFound"),
        of_manager(400, secret),
        of_manager(429, "TooManyRequests").with_header("retry-after", secret),
        of_manager(500, secret),
        of_storage(403, "AuthorizationPermissionMismatch"),
        of_storage(403, "AuthenticationFailed"),
        of_storage(404, secret),
        of_registry(401, "UNAUTHORIZED"),
        of_registry(403, secret),
        Answer::json(403, &json!({ "code": "Forbidden", "message": secret })),
        Answer::json(200, &json!({ "access_token": [secret], "expires_in": secret })),
        Answer::json(200, &json!({ "access_token": format!("{secret} {secret}"), "expires_in": 1 })),
        Answer::json(200, &json!({ "value": [{ "id": secret, "name": secret }], "nextLink": secret })),
        Answer::json(200, &json!({ "refresh_token": [secret] })),
        Answer::new(200, "text/html", format!("<html>{secret}</html>")),
        Answer::new(502, "text/html", format!("<html>{secret}</html>")),
        Answer::empty(307).with_header("location", format!("https://127.0.0.1:1/{secret}")),
    ];
    let spread = |answer: Answer| {
        answer
            .with_header("www-authenticate", format!("Bearer realm=\"{secret}\", error=\"{secret}\""))
            .with_header("x-ms-request-id", secret)
    };
    all.into_iter().map(spread).collect()
}

fn check(method: Method, more: &[&str], secret_of: impl Fn(&Stage, &str) -> String) {
    let stage = Stage::new(method);
    let config = stage.config();
    stage.register(&config, more).expect_success();
    let (_, path) = config.last().and_then(|it| it.split_once("=@")).expect("the secret is in a file");
    let secret = secret_of(&stage, &std::fs::read_to_string(path).expect("it was given"));
    let plain = [
        Fault::GarbageBody,
        Fault::Truncated,
        Fault::ClosedConnection,
        Fault::NeverAnswers,
        Fault::WrongContentType,
        Fault::DateSkew(7200),
    ];
    let forms = ["table", "json"].into_iter().cycle();
    for (fault, form) in echoes(&secret).into_iter().map(Fault::Answer).chain(plain).zip(forms) {
        stage.azure.faults().clear();
        stage.azure.faults().always(fault.clone());
        ask(&stage, form, false);
        // Tokens are given, and only the services answer so.
        stage.azure.faults().clear();
        stage.azure.faults().on(None, fault, |call| !call.path.ends_with("/oauth2/v2.0/token"));
        ask(&stage, form, true);
    }
    stage.watch.watch(Class::Kept, Canary::of("what is echoed", &secret));
    stage.watch_everything(&BTreeSet::new());
    stage.watch.assert_clean();
}

/// C11, C10: an Azure that echoes the secret of an application, answers garbage, points elsewhere or never answers.
#[test]
fn c11_c10_an_azure_that_echoes_a_secret_is_not_quoted() {
    check(Method::Secret, &[], |_, text| text.to_owned());
}

/// C11, C10: the same with a refresh token.
#[test]
fn c11_c10_an_azure_that_echoes_a_login_is_not_quoted() {
    check(Method::TakenOver, &[], |_, text| text.to_owned());
}

/// C11, C10: the same with the key of an account, which is never sent.
#[test]
fn c11_c10_an_azure_that_echoes_an_accounts_key_is_not_quoted() {
    check(Method::StorageString, &["--resource-type", "blob-container"], |stage, _| {
        stage.azure.account_key("zenfiles")
    });
}

/// C10, invariant 9: what is wrong is told by its field, and not quoted; as it is, in base64, cut off, in the place of
/// another one, and in the files that az prints.
#[test]
fn c10_a_wrong_secret_of_azure_is_not_quoted() {
    let stage = Stage::new(Method::Secret);
    let canary = Canary::generate("in the file");
    let secret = canary.secret();
    let made = stage.azure.add_certificate(CLIENT);
    let pem = format!("{}{}", made.certificate, made.key);
    let key = stage.azure.account_key("zenfiles");
    let files = [
        secret.to_owned(),
        format!("-----BEGIN CERTIFICATE-----\n{secret}\n-----END CERTIFICATE-----\n"),
        format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{secret}\n-----END ENCRYPTED PRIVATE KEY-----\n"),
        pem[..pem.len() * 2 / 3].to_owned(),
        pem.replace("-----END", "-----"),
        made.key.clone(),
        format!("0{secret}"),
        format!("AccountName=zenfiles;AccountKey={secret}"),
        format!("AccountName={secret};AccountKey={key}"),
        format!("BlobEndpoint=http://{secret}/;AccountName=zenfiles;AccountKey={key}"),
        format!("AccountName=zenfiles;AccountKey={key};{secret}"),
        format!("AccountName=zenfiles;AccountKey={key};AccountKey={secret}"),
        format!("AccountEndpoint=https://{secret}/;AccountKey={key}"),
        format!(
            "BlobEndpoint=https://zenfiles.blob.core.windows.net/;SharedAccessSignature=sig={secret}&se={secret}"
        ),
        format!("{secret}\n{secret}"),
        format!("{secret}.{secret}.{secret}"),
    ];
    let ids = [format!("tenant_id={TENANT}"), format!("client_id={CLIENT}")];
    let methods = [
        ("service-principal", "client_certificate", &ids[..]),
        ("service-principal", "client_secret", &ids),
        ("workload-identity", "federated_token", &ids),
        ("user-account", "refresh_token", &[]),
        ("access-token", "token", &[]),
        ("connection-string", "connection_string", &[]),
    ];
    let place = &stage.config()[..2];
    for (number, file) in files.iter().enumerate() {
        let packed = STANDARD.encode(file);
        for (method, field, ids) in &methods {
            let given = stage.watch.given(field, if number % 3 == 0 { &packed } else { file });
            let form = if number % 2 == 0 { "table" } else { "json" };
            let mut words =
                vec!["register", "x", "--type", "azure", "--auth-method", method, &given, "-o", form];
            words.extend(ids.iter().chain(place).map(String::as_str));
            if *method == "access-token" {
                words.push("expires_at=2099-01-01T00:00:00Z");
            }
            stage.watch.cli.run(&[&words[..], &["--dry-run"]].concat());
        }
    }
    // Where a secret may have slipped to, in what az prints and beside it.
    let subscription = format!("subscription_id={SUBSCRIPTION}");
    for printed in [
        json!({ "appId": secret, "password": secret, "tenant": secret }),
        json!({ "appId": CLIENT, "password": [secret], "tenant": TENANT }),
        json!({ "appId": CLIENT, "fileWithCertAndPrivateKey": "/no/such/file", "password": secret, "tenant": TENANT }),
        json!({ "clientId": CLIENT, "clientSecret": secret, "tenantId": TENANT, "subscriptionId": secret }),
    ] {
        let file = stage.watch.given("printed", &printed.to_string());
        let file = file.trim_start_matches("printed=@");
        for form in ["table", "json"] {
            let words = ["register", "x", "--from-file", file, "--dry-run", "-o", form, &subscription];
            stage.watch.cli.run(&[&words[..], &[&place[0], &place[1]]].concat());
        }
    }
    stage.watch.watch(Class::Kept, canary);
    stage.watch_everything(&BTreeSet::new());
    stage.watch.assert_clean();
}
