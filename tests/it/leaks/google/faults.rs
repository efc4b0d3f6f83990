//! Faults of Google's side, and of what is given: answers that echo secrets, that are garbage or never come; files and
//! programs that are wrong.

use connector_tests::canary::Canary;
use connector_tests::fault::Fault;
use connector_tests::loopback::Answer;
use connector_tests::strict_google::PROJECT;
use serde_json::{Value, json};

use super::{BUCKET, CLUSTER, Method, Stage};
use crate::leaks::watch::Class;

/// Every command that calls Google, with errors in this form.
fn ask_everything(stage: &Stage, form: &str) {
    let cli = &stage.watch.cli;
    let more = ["--timeout", "1s", "-o", form];
    cli.run(&[&["verify", "prod"][..], &BUCKET, &more].concat());
    cli.run(&[&["issue", "prod"][..], &CLUSTER, &more].concat());
    cli.run(&[&["env", "prod"][..], &BUCKET, &more].concat());
    cli.run(&[&["list-resources", "--connector", "prod"][..], &more].concat());
    cli.run(&[&["read-secret", "prod", "db"][..], &more].concat());
}

/// Answers that repeat a secret wherever there is room for it.
fn echoes(secret: &str) -> Vec<Answer> {
    let of_api = |code: u16, status: &str, reason: &str| {
        let details = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": secret,
            "metadata": { "service": secret, "permission": secret, "consumer": secret },
        }]);
        let older = json!([{ "message": secret, "domain": secret, "reason": reason, "location": secret }]);
        let error =
            json!({ "code": code, "message": secret, "status": status, "details": details, "errors": older });
        Answer::json(code, &json!({ "error": error }))
    };
    let of_oauth = |code: u16, error: &str| {
        let body = json!({ "error": error, "error_description": secret, "error_subtype": secret, "error_uri": secret });
        Answer::json(code, &body)
    };
    let all = vec![
        of_api(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"),
        of_api(403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
        of_api(403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"),
        of_api(400, secret, secret),
        of_api(404, secret, secret),
        of_api(429, "RESOURCE_EXHAUSTED", secret).with_header("retry-after", secret),
        of_api(500, secret, secret),
        of_oauth(400, "invalid_grant"),
        of_oauth(400, "invalid_request"),
        of_oauth(401, "invalid_client"),
        of_oauth(403, secret),
        Answer::json(200, &json!({ "access_token": [secret], "expires_in": secret })),
        Answer::json(200, &json!({ "access_token": format!("{secret} {secret}"), "expires_in": 1 })),
        Answer::json(200, &json!({ "error": secret })),
        Answer::new(200, "text/html", format!("<html>{secret}</html>")),
        Answer::new(502, "text/html", format!("<html>{secret}</html>")),
        Answer::empty(307).with_header("location", format!("http://127.0.0.1:1/{secret}")),
    ];
    let spread = |answer: Answer| {
        answer.with_header("www-authenticate", format!("Bearer realm=\"{secret}\", error=\"{secret}\""))
    };
    all.into_iter().map(spread).collect()
}

fn check(method: Method, secret_of: impl Fn(&Stage, &str) -> String) {
    let stage = Stage::new(method);
    let config = stage.config();
    stage.register(&config, &[]).expect_success();
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
        stage.google.faults().clear();
        stage.google.faults().always(fault.clone());
        ask_everything(&stage, form);
        // Tokens are given, and only the services answer so.
        stage.google.faults().clear();
        let is_of_service =
            |path: &str| !matches!(path, "/token" | "/v1/token") && !path.contains(":generate");
        stage.google.faults().on(None, fault, move |call| is_of_service(&call.path));
        ask_everything(&stage, form);
    }
    // A token that somebody else made is handed on as it is, where it may be.
    let class = if method == Method::Oauth2Token { Class::Issued } else { Class::Kept };
    stage.watch.watch(class, Canary::of("what is echoed", &secret));
    stage
        .watch_everything(|token| stage.google.owner(token).is_some_and(|(owner, _)| owner == stage.owner()));
    stage.watch.assert_clean();
}

fn field(file: &str, name: &str) -> String {
    let file: Value = serde_json::from_str(file).expect("a file of JSON");
    file[name].as_str().expect("it has the field").to_owned()
}

/// C11, C10: a Google that echoes a refresh token, answers garbage, points elsewhere or never answers.
#[test]
fn c11_c10_a_google_that_echoes_a_login_is_not_quoted() {
    check(Method::TakenOver, |_, file| field(file, "refresh_token"));
}

/// C11, C10: the same with the token of elsewhere, on the way through an account that it stands in for.
#[test]
fn c11_c10_a_google_that_echoes_a_token_of_elsewhere_is_not_quoted() {
    check(Method::ExternalAccount, |_, file| {
        let file: Value = serde_json::from_str(file).expect("a file of JSON");
        let path = file["credential_source"]["file"].as_str().expect("the token's file").to_owned();
        std::fs::read_to_string(path).expect("it was given")
    });
}

/// C11, C10: the same with a token that is handed to services.
#[test]
fn c11_c10_a_google_that_echoes_a_token_is_not_quoted() {
    check(Method::Oauth2Token, |_, file| file.to_owned());
}

/// C10, invariant 9: a credential file that is wrong is told by its fields, and not quoted; as it is, in base64, cut
/// off, and in the place of another one.
#[test]
fn c10_a_wrong_credential_file_is_not_quoted() {
    use base64::Engine as _;
    let stage = Stage::new(Method::ServiceAccount);
    let canary = Canary::generate("in the file");
    let secret = canary.secret();
    let key = stage.google.key_json(&stage.robot);
    let login = stage.google.authorized_user_json(&stage.google.add_client(), super::ALICE);
    let external = stage.external_file();
    let mut files = Vec::new();
    for good in [&key, &login, &external] {
        let good: Value = serde_json::from_str(good).expect("JSON");
        for name in good.as_object().expect("an object").keys() {
            for wrong in
                [json!(secret), json!([secret]), json!({ secret: secret }), json!(format!("http://{secret}"))]
            {
                let mut file = good.clone();
                file[name] = wrong;
                files.push(file.to_string());
            }
        }
    }
    files.extend([
        key[..key.len() / 2].to_owned(),
        key.replace("-----END", "-----"),
        format!("\"{secret}\""),
    ]);
    files.push(format!("{{\"type\":\"service_account\",\"private_key\":\"{secret}"));
    // Each third in base64, as secrets of CI systems often are.
    let pack = |(number, file): (usize, String)| match number % 3 {
        0 => base64::engine::general_purpose::STANDARD.encode(file),
        _ => file,
    };
    let methods = [
        ("service-account", "service_account_json"),
        ("user-account", "user_account_json"),
        ("user-account", "client_secrets_json"),
        ("external-account", "external_account_json"),
        ("oauth2-token", "token"),
    ];
    for (number, file) in files.into_iter().enumerate() {
        let (method, field) = methods[number % methods.len()];
        let given = stage.watch.given(field, &pack((number, file)));
        let form = if number % 2 == 0 { "table" } else { "json" };
        let project = format!("project_id={PROJECT}");
        // One that is checked as it is given, and one that is stored for later. Some are good files, and refused then.
        let words = ["register", "x", "--type", "gcp", "--auth-method", method, &project, &given, "-o", form];
        let url = format!("endpoint_url={}", stage.google.url());
        stage.watch.cli.run(&[&words[..], &[&url]].concat());
    }
    stage.watch.watch(Class::Kept, canary);
    stage.watch_everything(|_| false);
    stage.watch.assert_clean();
}

/// C20, C11: the program of an external account gets nothing of ours, and what it prints is quoted nowhere, whatever
/// that is.
#[test]
fn c20_c11_the_program_of_an_external_account_is_not_quoted() {
    let stage = Stage::new(Method::ExternalAccount);
    let life = std::time::Duration::from_secs(3600);
    let token = stage.google.token_of(&stage.issuer, "me", &stage.audience, life);
    stage.watch.watch(Class::Kept, Canary::of("the token of elsewhere", &token));
    let kind = "urn:ietf:params:oauth:token-type:jwt";
    let good = json!({ "version": 1, "success": true, "token_type": kind, "id_token": token, "expiration_time": 4_000_000_000_u64 });
    let with = |name: &str, value: Value| {
        let mut printed = good.clone();
        printed[name] = value;
        printed.to_string()
    };
    let printed = [
        (good.to_string(), 0),
        (token.clone(), 0),
        (token.clone(), 3),
        (good.to_string(), 3),
        (with("version", json!(token)), 0),
        (with("version", json!(2)), 0),
        (with("token_type", json!(token)), 0),
        (with("id_token", json!([token])), 0),
        (with("expiration_time", json!(token)), 0),
        (json!({ "version": 1, "success": false, "code": token, "message": token }).to_string(), 0),
    ];
    for (number, (output, code)) in printed.iter().enumerate() {
        let program = stage.watch.recorder(&format!("program{number}"), output, *code);
        let source = json!({ "executable": { "command": format!("{} word", program.display()), "timeout_millis": 5000 } });
        let file = stage.google.external_account_json(&stage.audience, &source, Some(&stage.target));
        let config = [
            format!("project_id={PROJECT}"),
            format!("endpoint_url={}", stage.google.url()),
            stage.watch.given("external_account_json", &file),
        ];
        for form in ["table", "json"] {
            let refused = stage.register(&config, &["-o", form]);
            assert!(!refused.success(), "programs are off until they are allowed: {refused:?}");
            let ran = stage.watch.cli.home().join(format!("recorded/program{number}.own.cmdline"));
            assert!(!ran.exists(), "it did not run");
        }
        let registered = stage.register(&config, &["--allow", "exec"]);
        assert_eq!(registered.success(), number == 0, "{registered:?}");
        let environment = stage.watch.recorded(&format!("program{number}.own.environ"));
        assert!(environment.contains("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE="), "{environment}");
        assert!(!environment.contains("CONNECTOR_"), "nothing of ours: {environment}");
        if registered.success() {
            stage.watch.cli.json(&[&["issue", "prod"][..], &BUCKET].concat());
            stage.watch.cli.ok(&["delete", "prod"]);
        }
    }
    stage.watch_everything(|token| stage.google.is_narrowed(token));
    stage.watch.assert_clean();
}
