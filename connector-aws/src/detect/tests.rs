//! What is lifted from which surroundings.

use connector_core::{Candidate, Document, ErrorKind, Hints, Registry};
use serde_json::{Value, json};

use super::detect;
use crate::testing::{World, answer_at, assert_silent, start};

const CONFIG: &str = "/home/u/.aws/config";
const CREDENTIALS: &str = "/home/u/.aws/credentials";
const KEY: &str = "aws_access_key_id = AKIAFILE\naws_secret_access_key = hunter2\n";
const ROLE: &str = "arn:aws:iam::123456789012:role/demo";

fn home() -> World {
    World::new().var("HOME", "/home/u")
}

fn keys_in_environment(world: World) -> World {
    world
        .var("AWS_ACCESS_KEY_ID", "AKIAENV")
        .var("AWS_SECRET_ACCESS_KEY", "hunter2")
        .var("AWS_REGION", "eu-west-1")
}

fn hints(profile: Option<&str>, method: Option<&str>) -> Hints {
    let mut hints = Hints::default();
    hints.profile = profile.map(str::to_owned);
    hints.method = method.map(str::to_owned);
    hints
}

async fn only(world: &World, profile: Option<&str>) -> Candidate {
    let found = detect(&world.context(), &hints(profile, None)).await.expect("a find");
    assert_eq!(found.len(), 1);
    let candidate = found.into_iter().next().expect("one");
    let shown = format!("{candidate:?} {} {:?}", candidate.found, candidate.notes);
    assert!(!shown.contains("hunter2"), "{shown}");
    // What is found is a config that the registry takes.
    let document = Document::draft("found", "aws", candidate.method, candidate.config.clone());
    let registry = Registry::of(crate::REGISTRATIONS).expect("a registry");
    let cx = world.context().with_implicit(true);
    registry.check(&document, &cx).unwrap_or_else(|error| panic!("{}: {error}", candidate.method));
    registry
        .open(&document, document.config.clone())
        .unwrap_or_else(|error| panic!("{}: {error}", candidate.method));
    candidate
}

/// S11, S12: a long-lived key is exchanged for session tokens, from the environment and from a file.
#[tokio::test]
async fn s11_s12_a_long_lived_key_becomes_a_session_token() {
    let found = only(&keys_in_environment(home()), None).await;
    let expected =
        json!({ "region": "eu-west-1", "aws_access_key_id": "AKIAENV", "aws_secret_access_key": "hunter2" });
    assert_eq!((found.method, Value::Object(found.config)), ("session-token", expected));
    assert!(found.found.contains("AWS_ACCESS_KEY_ID"));

    let world = home().file(CREDENTIALS, &format!("[default]\n{KEY}region = us-east-2\n"));
    let found = only(&world, None).await;
    assert_eq!((found.method, &found.config["region"]), ("session-token", &json!("us-east-2")));
    assert!(found.found.contains("profile default") && found.found.contains(CREDENTIALS), "{}", found.found);

    // Who asks for another method of the same key gets that one.
    for method in ["secret-key", "federation-token"] {
        let found = detect(&world.context(), &hints(None, Some(method))).await.expect("a find");
        assert_eq!(found[0].method, method);
    }
    let error = detect(&world.context(), &hints(None, Some("sso"))).await.expect_err("no login");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// S13: a temporary key is taken with its end.
#[tokio::test]
async fn s13_a_temporary_key_keeps_its_end() {
    let world = keys_in_environment(home())
        .var("AWS_SESSION_TOKEN", "hunter2-token")
        .var("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T01:00:00+00:00");
    let found = only(&world, None).await;
    assert_eq!((found.method, &found.config["expires_at"]), ("sts-token", &json!("2026-01-01T01:00:00Z")));
    assert_eq!(found.expires_at, Some(start() + std::time::Duration::from_secs(3600)));
    assert!(found.notes.is_empty(), "{:?}", found.notes);

    let world =
        home().file(CREDENTIALS, &format!("[default]\n{KEY}aws_session_token = t\nregion = us-east-2\n"));
    let found = only(&world, None).await;
    assert_eq!((found.method, found.expires_at), ("sts-token", None));
    assert!(found.notes[0].contains("nothing says when"), "{:?}", found.notes);

    let world = keys_in_environment(home())
        .var("AWS_SESSION_TOKEN", "t")
        .var("AWS_CREDENTIAL_EXPIRATION", "2025-12-31T00:00:00Z");
    let error = detect(&world.context(), &Hints::default()).await.expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Expired);
}

/// A profile with a role becomes `iam-role` with the keys of its source; a chain becomes a list.
#[tokio::test]
async fn a_role_profile_becomes_iam_role() {
    let world = home()
        .file(
            CONFIG,
            &format!(
                "[profile prod]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = ext-1\nregion = eu-west-1\n\
                 mfa_serial = arn:aws:iam::123456789012:mfa/a\nrole_session_name = me\nduration_seconds = 1800\n\
                 [profile top]\nrole_arn = arn:aws:iam::123456789012:role/top\nsource_profile = mid\nregion = eu-west-1\n\
                 duration_seconds = 7200\n[profile mid]\nrole_arn = {ROLE}\nsource_profile = base\n\
                 [profile odd]\nrole_arn = arn:aws:iam::123456789012:role/top\nsource_profile = prod\nregion = eu-west-1\n"
            ),
        )
        .file(CREDENTIALS, &format!("[base]\n{KEY}"));
    let found = only(&world, Some("prod")).await;
    let expected = json!({
        "region": "eu-west-1", "role_arn": ROLE, "external_id": "ext-1", "role_session_name": "me",
        "mfa_serial": "arn:aws:iam::123456789012:mfa/a",
        "aws_access_key_id": "AKIAFILE", "aws_secret_access_key": "hunter2",
    });
    assert_eq!((found.method, Value::Object(found.config)), ("iam-role", expected));
    assert_eq!(found.duration, Some(std::time::Duration::from_secs(1800)));

    let found = only(&world, Some("top")).await;
    assert_eq!(found.config["role_arn"], json!([ROLE, "arn:aws:iam::123456789012:role/top"]));
    assert_eq!(found.duration, Some(std::time::Duration::from_secs(3600)), "a chain gives an hour at most");

    // What one connector cannot say is used in its place under the switch, and else refused with the fix.
    let error = detect(&world.context(), &hints(Some("odd"), None)).await.expect_err("too much for one");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("source=NAME"), "{error:?}");
    let found =
        detect(&world.context().with_implicit(true), &hints(Some("odd"), None)).await.expect("implicit");
    assert_eq!((found[0].method, &found[0].config["profile_name"]), ("implicit", &json!("odd")));
}

/// An SSO profile becomes `sso`, with the login that the `aws` program keeps.
#[cfg(feature = "sso")]
#[tokio::test]
async fn an_sso_profile_becomes_sso() {
    let session = "[profile corp]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\nregion = eu-west-1\n\
                   [sso-session corp]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = us-east-1\n";
    let login = r#"{"startUrl":"https://d-1.awsapps.com/start","accessToken":"hunter2","expiresAt":"2026-01-01T08:00:00Z"}"#;
    // The aws program names the file by sha1("corp").
    let name = crate::auth::cache_name("corp");
    assert!(name.starts_with("ee0bfd25") && name.len() == 40, "{name}");
    let cache = format!("/home/u/.aws/sso/cache/{name}.json");
    let world = home().file(CONFIG, session).file(&cache, login);
    let found = only(&world, Some("corp")).await;
    let expected = json!({
        "region": "eu-west-1", "start_url": "https://d-1.awsapps.com/start", "sso_region": "us-east-1",
        "account_id": "123456789012", "role_name": "Dev", "login": login,
    });
    assert_eq!((found.method, Value::Object(found.config)), ("sso", expected));

    let found = only(&home().file(CONFIG, session), Some("corp")).await;
    assert!(!found.config.contains_key("login") && found.notes[0].contains("registering asks to log in"));
}

/// S43: a web identity, from the environment and from a profile.
#[tokio::test]
async fn s43_a_web_identity_becomes_web_identity() {
    let expected = json!({
        "region": "eu-west-1", "role_arn": ROLE, "web_identity_token_file": "/t", "role_session_name": "me",
    });
    let world = World::new()
        .var("AWS_ROLE_ARN", ROLE)
        .var("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")
        .var("AWS_ROLE_SESSION_NAME", "me")
        .var("AWS_DEFAULT_REGION", "eu-west-1");
    let found = only(&world, None).await;
    assert_eq!((found.method, Value::Object(found.config)), ("web-identity", expected.clone()));
    let world = home().file(
        CONFIG,
        &format!("[default]\nrole_arn = {ROLE}\nweb_identity_token_file = /t\nrole_session_name = me\nregion = eu-west-1\n"),
    );
    let found = only(&world, None).await;
    assert_eq!((found.method, Value::Object(found.config)), ("web-identity", expected));
}

/// S40, S41: the machine's own identity only under the switch.
#[tokio::test]
async fn s40_s41_the_machine_under_the_switch() {
    let world =
        World::new().var("AWS_REGION", "eu-west-1").var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
    let found = detect(&world.context(), &Hints::default()).await.expect("nothing");
    assert_eq!((found.len(), world.sent().len()), (0, 0));
    let error = detect(&world.context(), &hints(None, Some("implicit"))).await.expect_err("off");
    assert_eq!(error.kind(), ErrorKind::Refused);
    let on = world.context().with_implicit(true);
    let found = detect(&on, &Hints::default()).await.expect("the container");
    assert_eq!((found[0].method, &found[0].config["region"]), ("implicit", &json!("eu-west-1")));

    let world = World::new().var("AWS_REGION", "eu-west-1").answers(answer_at(start(), 200, "imds-token"));
    let found = detect(&world.context().with_implicit(true), &Hints::default()).await.expect("the instance");
    assert!(found[0].found.contains("instance"));
    let world = World::new().fails(connector_core::Error::unreachable("no route"));
    let found = detect(&world.context().with_implicit(true), &Hints::default()).await.expect("nothing");
    assert_eq!(found.len(), 0);
}

/// Which of several counts, and what is told of the rest.
#[tokio::test]
async fn what_is_hidden_is_told() {
    let files = |world: World| {
        world
            .file(CREDENTIALS, &format!("[default]\n{KEY}[other]\n{KEY}"))
            .file(CONFIG, "[default]\nregion = us-east-2\n")
    };
    let world = files(keys_in_environment(home()));
    let found = only(&world, None).await;
    assert_eq!(found.config["aws_access_key_id"], "AKIAENV");
    assert!(found.notes.iter().any(|it| it.starts_with("hides profile default")), "{:?}", found.notes);
    // Asked for by name, a profile goes before the environment.
    let mut hints = hints(Some("other"), None);
    hints.region = Some("ap-south-1".to_owned());
    let found = detect(&world.context(), &hints).await.expect("a find");
    assert_eq!(
        (&found[0].config["aws_access_key_id"], &found[0].config["region"]),
        (&json!("AKIAFILE"), &json!("ap-south-1"))
    );
}

/// S18, A5: region, endpoints and certificates, the environment's before the profile's.
#[tokio::test]
async fn s18_region_and_endpoints() {
    let services = "services = local\n[services local]\nsts =\n  endpoint_url = http://127.0.0.1:2\n";
    let key = format!("[default]\n{KEY}region = eu-west-1\n");
    for (config, variables, endpoint, sts) in [
        (String::new(), vec![], None, None),
        ("endpoint_url = http://127.0.0.1:1\n".to_owned(), vec![], Some("http://127.0.0.1:1"), None),
        (
            format!("endpoint_url = http://127.0.0.1:1\n{services}"),
            vec![],
            Some("http://127.0.0.1:1"),
            Some("http://127.0.0.1:2"),
        ),
        (
            format!("endpoint_url = http://127.0.0.1:1\n{services}"),
            vec![("AWS_ENDPOINT_URL", "http://127.0.0.1:3")],
            Some("http://127.0.0.1:3"),
            None,
        ),
        (
            String::new(),
            vec![("AWS_ENDPOINT_URL", "http://127.0.0.1:3"), ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:4")],
            Some("http://127.0.0.1:3"),
            Some("http://127.0.0.1:4"),
        ),
        (
            "endpoint_url = http://127.0.0.1:1\nignore_configured_endpoint_urls = true\n".to_owned(),
            vec![],
            None,
            None,
        ),
        (
            "endpoint_url = http://127.0.0.1:1\n".to_owned(),
            vec![("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
            None,
            None,
        ),
    ] {
        let mut world = home().file(CONFIG, &format!("[default]\n{config}")).file(CREDENTIALS, &key);
        for (name, value) in variables {
            world = world.var(name, value);
        }
        let found = only(&world, None).await;
        assert_eq!(found.config.get("endpoint_url").and_then(Value::as_str), endpoint, "{config}");
        assert_eq!(found.config.get("sts_endpoint_url").and_then(Value::as_str), sts, "{config}");
    }
    let world = keys_in_environment(home())
        .var("AWS_CA_BUNDLE", "/etc/ca.pem")
        .var("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
    let found = only(&world, None).await;
    assert_eq!(found.config["ca_bundle"], "/etc/ca.pem");
    assert!(
        found.notes.iter().any(|it| it.contains("AWS_ENDPOINT_URL_S3 is not taken over")),
        "{:?}",
        found.notes
    );
}

/// What is there but broken is an error that says where; no value is shown.
#[tokio::test]
async fn what_is_broken_is_named() {
    let no_region = World::new().var("AWS_ACCESS_KEY_ID", "AKIA").var("AWS_SECRET_ACCESS_KEY", "hunter2");
    for (world, profile, kind, says) in [
        (home(), Some("gone"), ErrorKind::NotFound, "no profile gone"),
        (home().file(CONFIG, "[profile a]\nregion = x\n"), Some("gone"), ErrorKind::NotFound, "there are: a"),
        (
            home().file(CONFIG, "[default]\nhunter2\n"),
            None,
            ErrorKind::InvalidInput,
            "/home/u/.aws/config, line 2",
        ),
        (home().var("AWS_PROFILE", "gone"), None, ErrorKind::NotFound, "no profile gone"),
        (home().var("AWS_ACCESS_KEY_ID", "AKIA"), None, ErrorKind::InvalidInput, "AWS_SECRET_ACCESS_KEY"),
        (no_region, None, ErrorKind::InvalidInput, "which region"),
        (
            home().file(CREDENTIALS, &format!("[default]\n{KEY}region = hunter2 x\n")),
            None,
            ErrorKind::InvalidInput,
            "region",
        ),
    ] {
        let error = detect(&world.context(), &hints(profile, None)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{says}: {error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_silent(&error);
    }
    assert_eq!(detect(&home().context(), &Hints::default()).await.expect("nothing is no error").len(), 0);
}

/// S56: the files are found by the home directory of each system, and by their variables.
#[tokio::test]
async fn s56_the_files_are_found() {
    let key = format!("[default]\n{KEY}region = eu-west-1\n");
    for (variable, value, path) in [
        ("HOME", "/home/u", "/home/u/.aws/credentials"),
        ("USERPROFILE", "/users/u", "/users/u/.aws/credentials"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/else/creds", "/else/creds"),
        ("AWS_CONFIG_FILE", "/else/config", "/else/config"),
    ] {
        let world = World::new().var(variable, value).file(path, &key);
        assert_eq!(only(&world, None).await.method, "session-token", "{variable}");
    }
    let world = home().var("AWS_CONFIG_FILE", "~/aws.ini").file("/home/u/aws.ini", &key);
    assert_eq!(only(&world, None).await.method, "session-token");
}
