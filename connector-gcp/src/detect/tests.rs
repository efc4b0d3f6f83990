//! What auto-configuration finds in a world of variables and files.

use connector_core::{AuthMethod, Candidate, Context, Error, ErrorKind, Hints};
use serde_json::{Map, Value, json};

use super::detect;
use crate::auth;
use crate::connector::Gcp;
use crate::testing::{
    CANARY, EMAIL, PROJECT, TARGET, World, assert_silent, impersonated_file, key_file, login_file, with,
};

const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const DEFAULT: &str = "/home/u/.config/gcloud/application_default_credentials.json";
const GCLOUD: &str = "/home/u/.config/gcloud";

fn home() -> World {
    World::new().var("HOME", "/home/u")
}

/// The variable names a file.
fn named(file: &Value) -> World {
    home().var(VARIABLE, "/run/cred.json").file("/run/cred.json", &file.to_string())
}

/// gcloud is set to `account` and `project` in this configuration.
fn gcloud(world: World, name: &str, account: &str, project: &str) -> World {
    world.file(
        &format!("{GCLOUD}/configurations/config_{name}"),
        &format!("[compute]\nproject = wrong-one\n[core]\n  account = {account}\nproject={project}\n"),
    )
}

/// gcloud keeps this login of an account for other programs.
fn logged_in(world: World, account: &str, file: &Value) -> World {
    world.file(&format!("{GCLOUD}/legacy_credentials/{account}/adc.json"), &file.to_string())
}

fn active(world: World, name: &str) -> World {
    world.file(&format!("{GCLOUD}/active_config"), &format!("{name}\n"))
}

fn hints(profile: Option<&str>, project: Option<&str>, method: Option<&str>) -> Hints {
    let mut hints = Hints::default();
    hints.profile = profile.map(str::to_owned);
    hints.project = project.map(str::to_owned);
    hints.method = method.map(str::to_owned);
    hints
}

async fn all(cx: &Context, hints: &Hints) -> Vec<Candidate> {
    let found = detect(cx, hints).await.expect("finds");
    for candidate in &found {
        let shown = format!("{candidate:?} {} {:?}", candidate.found, candidate.notes);
        assert!(!shown.contains(CANARY) && !shown.contains("PRIVATE KEY"), "{shown}");
        // What is found is a config of its method, unless the note says what is missing.
        let fields: Vec<_> = match candidate.method {
            "service-account" => check::<auth::ServiceAccount>(&candidate.config),
            "user-account" => check::<auth::UserAccount>(&candidate.config),
            "external-account" => check::<auth::ExternalAccount>(&candidate.config),
            "impersonation" => check::<auth::Impersonation>(&candidate.config),
            _ => check::<auth::Implicit>(&candidate.config),
        };
        let noted = candidate.notes.iter().any(|it| it.contains("--project PROJECT"));
        assert_eq!(fields, if noted { vec!["project_id".to_owned()] } else { Vec::new() });
    }
    found
}

fn check<M: AuthMethod<Connector = Gcp>>(config: &Map<String, Value>) -> Vec<String> {
    let method: M = serde_json::from_value(Value::Object(config.clone())).expect("a config");
    method.check().into_iter().map(|it| it.field).collect()
}

async fn only(world: &World, hints: &Hints) -> Candidate {
    let mut found = all(&world.context(), hints).await;
    assert_eq!((found.len(), world.sent().len()), (1, 0), "{found:?}");
    found.remove(0)
}

async fn fails(world: &World, hints: &Hints) -> Error {
    let error = detect(&world.context(), hints).await.expect_err("an error");
    assert_silent(&error);
    assert_eq!(world.sent().len(), 0);
    error
}

/// S45: the file that the variable names becomes the method of its type, with what the file says and no more.
#[tokio::test]
async fn s45_each_type_becomes_its_method() {
    let external = json!({
        "type": "external_account", "audience": "//iam.googleapis.com/projects/1/x", "token_url": "https://sts.googleapis.com/v1/token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": { "file": "/run/token" },
    });
    let project = json!({ "project_id": "other-project" });
    for (file, method, field, more) in [
        (key_file(), "service-account", "service_account_json", &project),
        (login_file(), "user-account", "user_account_json", &project),
        (external, "external-account", "external_account_json", &project),
    ] {
        let world = named(&file).var("GOOGLE_CLOUD_PROJECT", "other-project");
        let found = only(&world, &Hints::default()).await;
        let expected = with(json!({ field: file.to_string() }), more.clone());
        assert_eq!((found.method, Value::Object(found.config)), (method, expected));
        assert!(found.found.contains(VARIABLE) && found.found.ends_with("/run/cred.json"), "{}", found.found);
        assert_eq!(found.notes, Vec::<String>::new());
    }
    // The key names its project itself.
    let found = only(&named(&key_file()).var("GOOGLE_CLOUD_PROJECT", PROJECT), &Hints::default()).await;
    assert_eq!(found.config.keys().collect::<Vec<_>>(), ["service_account_json"]);
    let found = only(&named(&key_file()), &Hints::default()).await;
    assert_eq!(found.config.keys().collect::<Vec<_>>(), ["service_account_json"]);
    // A login does not, and nobody else did.
    let found = only(&named(&login_file()), &Hints::default()).await;
    assert!(found.notes[0].contains("--project PROJECT"), "{:?}", found.notes);
}

/// S45: an impersonation of a key is lifted whole: whose key, through whom, where and for whose account.
#[tokio::test]
async fn s45_an_impersonation_becomes_impersonation() {
    let first = "first@my-project.iam.gserviceaccount.com";
    let plain = impersonated_file(&key_file());
    let key = key_file().to_string();
    let found = only(&named(&plain), &Hints::default()).await;
    let expected = json!({ "service_account_json": key, "target_principal": TARGET });
    assert_eq!((found.method, Value::Object(found.config)), ("impersonation", expected.clone()));

    let url = format!("http://127.0.0.1:9/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken");
    let more = json!({
        "service_account_impersonation_url": url, "quota_project_id": "counted-here",
        "delegates": [format!("projects/-/serviceAccounts/{first}")],
    });
    let found = only(&named(&with(plain, more)), &hints(None, Some("other-project"), None)).await;
    let more = json!({
        "delegates": [first], "quota_project_id": "counted-here", "project_id": "other-project",
        "endpoints": { "iamcredentials": "http://127.0.0.1:9" },
    });
    assert_eq!(Value::Object(found.config), with(expected, more));

    let mut nameless = key_file();
    nameless.as_object_mut().expect("an object").remove("project_id");
    let found = only(&named(&impersonated_file(&nameless)), &Hints::default()).await;
    assert!(found.notes[0].contains("--project PROJECT"), "{:?}", found.notes);

    // A person who stands in is used where the file is, or registered first.
    let found = only(&named(&impersonated_file(&login_file())), &Hints::default()).await;
    assert_eq!((found.method, found.config.len()), ("implicit", 0));
    assert!(found.notes[0].contains("`source`"), "{:?}", found.notes);
}

/// C18: a file of this machine may be of any universe, which is lifted with it; it names no host of its own for secrets. A
/// mark in front or base64 around it changes nothing.
#[tokio::test]
async fn c18_a_universe_is_lifted_and_a_strange_host_is_not() {
    let own = json!({ "universe_domain": "apis.example.goog" });
    let found = only(&named(&with(key_file(), own.clone())), &Hints::default()).await;
    assert_eq!(found.config["universe_domain"], "apis.example.goog");
    let found = only(&named(&with(impersonated_file(&key_file()), own)), &Hints::default()).await;
    assert_eq!(
        (found.method, &found.config["universe_domain"]),
        ("impersonation", &json!("apis.example.goog"))
    );

    let target =
        format!("https://hunter2.example/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken");
    let strange = json!({ "token_uri": "https://hunter2.example/token" });
    for (file, field) in [
        (with(key_file(), strange.clone()), "token_uri"),
        (impersonated_file(&with(key_file(), strange)), "token_uri"),
        (
            with(impersonated_file(&key_file()), json!({ "service_account_impersonation_url": target })),
            "service_account_impersonation_url",
        ),
    ] {
        let error = fails(&named(&file), &Hints::default()).await;
        assert!(error.message().contains(&format!("/run/cred.json: `{field}`")), "{error}");
        assert!(error.hint().is_some_and(|it| it.contains("endpoints.")), "{error:?}");
    }

    let plain = impersonated_file(&key_file()).to_string();
    let packed = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &plain);
    for text in [format!("\u{feff}{plain}"), packed] {
        let world = home().var(VARIABLE, "/run/cred.json").file("/run/cred.json", &text);
        let found = only(&world, &Hints::default()).await;
        assert_eq!(found.config["service_account_json"], key_file().to_string());
    }
}

/// gcloud may stand in for a service account itself, which its login alone does not: that is told.
#[tokio::test]
async fn an_impersonation_of_gclouds_own_is_told() {
    let world = || {
        let world = logged_in(active(home(), "work"), "me@example.org", &login_file());
        gcloud(world, "work", "me@example.org", "of-work")
    };
    let set = format!(
        "[auth]\nimpersonate_service_account = first@x.example,{TARGET}\n[core]\naccount = me@example.org\n"
    );
    let file = format!("{GCLOUD}/configurations/config_work");
    for (world, told) in [
        (world(), false),
        (world().file(&file, &set), true),
        (world().var("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", TARGET), true),
    ] {
        let found = only(&world, &hints(None, Some(PROJECT), None)).await;
        assert_eq!(found.notes.iter().any(|it| it.contains(&format!("target_principal={TARGET}"))), told);
    }
}

/// S11: best first, in the order of Google's libraries, gcloud's own login behind them; hints choose among them.
#[tokio::test]
async fn s11_best_first() {
    let world = named(&key_file()).file(DEFAULT, &login_file().to_string());
    let world = active(gcloud(world, "work", "me@example.org", "of-gcloud"), "work");
    let world = logged_in(world, "me@example.org", &with(login_file(), json!({ "client_id": "gcloud" })));
    let found = all(&world.context(), &Hints::default()).await;
    let methods: Vec<_> = found.iter().map(|it| it.method).collect();
    assert_eq!(methods, ["service-account", "user-account", "user-account"]);
    assert!(found[1].found.contains("application-default"), "{}", found[1].found);
    assert!(found[2].found.starts_with("gcloud's configuration `work`"), "{}", found[2].found);
    assert!(found.iter().all(|it| it.config["project_id"] == "of-gcloud"));

    let found = all(&world.context(), &hints(None, None, Some("user-account"))).await;
    assert_eq!(found.len(), 2);
    assert_eq!(all(&world.context(), &hints(None, None, Some("impersonation"))).await.len(), 0);
    assert_eq!(all(&home().context(), &Hints::default()).await.len(), 0, "nothing is no error");
    assert_eq!(all(&World::new().context(), &Hints::default()).await.len(), 0, "not even a home");
}

/// A configuration of gcloud that is named is meant: its account and its project, and nothing else.
#[tokio::test]
async fn a_named_configuration_is_meant() {
    let world =
        named(&key_file()).var("GOOGLE_CLOUD_PROJECT", "of-variable").var("CLOUDSDK_CORE_ACCOUNT", "x@y.zz");
    let world = gcloud(active(world, "work"), "work", "me@example.org", "of-work");
    let world = gcloud(world, "home-2", EMAIL, "of-home");
    let world = logged_in(logged_in(world, "me@example.org", &login_file()), EMAIL, &key_file());
    for (profile, method, project) in
        [("work", "user-account", "of-work"), ("home-2", "service-account", "of-home")]
    {
        let found = only(&world, &hints(Some(profile), None, None)).await;
        assert_eq!((found.method, &found.config["project_id"]), (method, &json!(project)));
        assert!(found.found.contains(&format!("`{profile}`")), "{}", found.found);
    }
    let found = only(&world, &hints(Some("work"), Some("said-so"), None)).await;
    assert_eq!(found.config["project_id"], "said-so");
    let world = gcloud(world, "../work", "me@example.org", "of-work");
    for profile in ["gone", "../work", "", "a b"] {
        let error = fails(&world, &hints(Some(profile), None, None)).await;
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.hint().unwrap_or_default().contains("gcloud config configurations list"), "{error:?}");
    }
}

/// The active configuration is that of the variable, else of gcloud's file; the account that of the variable, else of the
/// configuration. A name or an account that would lead elsewhere leads nowhere.
#[tokio::test]
async fn which_configuration_is_active() {
    let world = || {
        let world = gcloud(active(home(), "work"), "work", "me@example.org", "of-work");
        let world = gcloud(world, "other", "you@example.org", "of-other");
        logged_in(logged_in(world, "me@example.org", &login_file()), "you@example.org", &login_file())
    };
    for (world, account, project) in [
        (world(), "me@", "of-work"),
        (world().var("CLOUDSDK_ACTIVE_CONFIG_NAME", "other"), "you@", "of-other"),
        (world().var("CLOUDSDK_CORE_ACCOUNT", "you@example.org"), "you@", "of-work"),
        (world().var("CLOUDSDK_CORE_PROJECT", "of-variable"), "me@", "of-variable"),
    ] {
        let found = only(&world, &Hints::default()).await;
        assert!(found.found.contains(account), "{}", found.found);
        assert_eq!(found.config["project_id"], project);
    }
    for world in [
        world().var("CLOUDSDK_ACTIVE_CONFIG_NAME", "gone"),
        world().var("CLOUDSDK_ACTIVE_CONFIG_NAME", "../configurations/config_work"),
        logged_in(world(), "..", &login_file()).var("CLOUDSDK_CORE_ACCOUNT", ".."),
        logged_in(world(), "a/b", &login_file()).var("CLOUDSDK_CORE_ACCOUNT", "a/b"),
        logged_in(world(), "a\\b", &login_file()).var("CLOUDSDK_CORE_ACCOUNT", "a\\b"),
        world().var("CLOUDSDK_CORE_ACCOUNT", "nobody@example.org"),
    ] {
        assert_eq!(all(&world.context(), &Hints::default()).await.len(), 0);
    }
}

/// S56: gcloud's files are found by its variable, and by the home directory of each system.
#[tokio::test]
async fn s56_the_files_are_found() {
    let name = "application_default_credentials.json";
    for (variable, value, path) in [
        ("HOME", "/home/u", "/home/u/.config/gcloud"),
        ("USERPROFILE", "/users/u", "/users/u/.config/gcloud"),
        ("CLOUDSDK_CONFIG", "/else", "/else"),
    ] {
        let world =
            World::new().var(variable, value).file(&format!("{path}/{name}"), &login_file().to_string());
        assert_eq!(only(&world, &Hints::default()).await.method, "user-account", "{variable}");
    }
}

/// The project is that of the hint, of the variables in their order, of gcloud; what is none is an error.
#[tokio::test]
async fn which_project_is_meant() {
    let world = || active(gcloud(named(&login_file()), "work", "", "of-gcloud"), "work");
    let later = || world().var("CLOUDSDK_CORE_PROJECT", "third-one");
    let second = || later().var("GCLOUD_PROJECT", "second-one");
    let first = || second().var("GOOGLE_CLOUD_PROJECT", "first-one");
    for (world, hint, expected) in [
        (first(), Some("said-so"), "said-so"),
        (first(), None, "first-one"),
        (second(), None, "second-one"),
        (later(), None, "third-one"),
        (world(), None, "of-gcloud"),
    ] {
        let found = only(&world, &hints(None, hint, None)).await;
        assert_eq!(found.config["project_id"], expected);
    }
    let error = fails(&world(), &hints(None, Some("hunter2 x"), None)).await;
    assert!(error.message().contains("--project"), "{error}");
    let error = fails(&world().var("GCLOUD_PROJECT", "hunter2 x"), &Hints::default()).await;
    assert!(error.message().starts_with("GCLOUD_PROJECT"), "{error}");
}

/// The project that calls are counted for is lifted where its variable says one.
#[tokio::test]
async fn the_quota_project_is_lifted() {
    let of_file = with(login_file(), json!({ "quota_project_id": "of-the-file" }));
    for file in [
        key_file(),
        of_file,
        with(impersonated_file(&key_file()), json!({ "quota_project_id": "of-the-file" })),
    ] {
        let world = named(&file).var("GOOGLE_CLOUD_QUOTA_PROJECT", "of-variable");
        let found = only(&world, &hints(None, Some(PROJECT), None)).await;
        assert_eq!(found.config["quota_project_id"], "of-variable");
    }
}

/// What is there but broken is an error that says where; no value is shown, and nothing else is offered in its place.
#[tokio::test]
async fn what_is_broken_is_named() {
    let good = |world: World| world.file(DEFAULT, &login_file().to_string());
    let of_gcloud = active(gcloud(home(), "work", "me@example.org", "of-work"), "work");
    let adc = "/home/u/.config/gcloud/legacy_credentials/me@example.org/adc.json";
    let mut cut = key_file();
    cut["private_key"] = json!("-----BEGIN PRIVATE KEY-----\nhunter2");
    for (world, kind, says) in [
        (good(home().var(VARIABLE, "/gone.json")), ErrorKind::NotFound, "/gone.json"),
        (good(named(&json!("hunter2"))), ErrorKind::InvalidInput, "/run/cred.json"),
        (good(named(&json!({ "type": "hunter2" }))), ErrorKind::InvalidInput, "`type`"),
        (good(named(&cut)), ErrorKind::InvalidInput, "the key was cut off"),
        (
            good(named(&json!({ "installed": { "client_id": "x" } }))),
            ErrorKind::InvalidInput,
            "client secrets",
        ),
        (home().file(DEFAULT, "{\"hunter2\""), ErrorKind::InvalidInput, DEFAULT),
        (of_gcloud.file(adc, "hunter2"), ErrorKind::InvalidInput, adc),
    ] {
        let error = fails(&world, &Hints::default()).await;
        assert_eq!(error.kind(), kind, "{says}: {error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
}

/// S40, S41, C19: the machine's own identity only under the switch, and by one call.
#[tokio::test]
async fn s40_s41_c19_the_machine_under_the_switch() {
    let flavor = || vec![("metadata-flavor".to_owned(), "Google".to_owned())];
    let answer = |status, headers| connector_core::Response::new(status, headers, EMAIL.into());
    let world = home().answers(answer(200, flavor()));
    assert_eq!(all(&world.context(), &Hints::default()).await.len(), 0);
    let error = fails(&world, &hints(None, None, Some("implicit"))).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true"));

    let found = all(&world.context().with_implicit(true), &Hints::default()).await;
    assert_eq!((found.len(), found[0].method, found[0].config.len()), (1, "implicit", 0));
    assert!(found[0].found.contains("metadata service"), "{}", found[0].found);
    assert_eq!(world.sent().len(), 1);
    assert!(world.sent()[0].is_to_metadata());

    // Not where something else answers, nobody does, or it has no account; nor for a configuration that is named.
    for world in [
        home().answers(answer(200, Vec::new())),
        home().fails(Error::unreachable("no route")),
        home().answers(answer(404, flavor())),
    ] {
        assert_eq!(all(&world.context().with_implicit(true), &Hints::default()).await.len(), 0);
        assert_eq!(world.sent().len(), 1);
    }
    let world = gcloud(home(), "work", "", "of-work");
    let cx = world.context().with_implicit(true);
    assert_eq!(all(&cx, &hints(Some("work"), None, None)).await.len(), 0);
    assert_eq!(world.sent().len(), 0);
}
