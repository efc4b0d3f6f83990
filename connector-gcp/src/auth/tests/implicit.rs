use connector_core::AuthMethod;
use connector_core::{Connector, Context, ErrorKind, Grant, OriginState};
use serde_json::{Map, Value, json};

use super::metadata::service;
use crate::auth::Implicit;
use crate::connector::Gcp;
use crate::resource::GcpGeneric;
use crate::testing::{
    CANARY, EMAIL, GENERATE_URL, PROJECT, STS_URL, TARGET, TOKEN_URL, World, assert_silent, authenticate,
    call, generated, impersonated_file, key_file, login_file, method, token, with,
};

pub(super) fn implicit(config: Value) -> Implicit {
    method(config)
}

pub(super) fn on(world: &World) -> Context {
    world.named("here").with_implicit(true)
}

const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const DEFAULT: &str = "/home/u/.config/gcloud/application_default_credentials.json";

fn home() -> World {
    World::new().var("HOME", "/home/u")
}

fn named(file: &Value) -> World {
    home().var(VARIABLE, "/run/cred.json").file("/run/cred.json", &file.to_string())
}

/// S40, C19: while the switch is off, nothing is looked at.
#[tokio::test]
async fn s40_c19_off_by_default() {
    let world = named(&key_file());
    let connector = Connector::<Gcp>::new(world.context(), implicit(json!({})));
    assert!(connector.origins().is_empty());
    let handle = connector.resource::<GcpGeneric>(Grant::from(PROJECT)).await.expect("a handle");
    let error = handle.issue().await.expect_err("off");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true"));
    assert_eq!(Implicit::identity(&Map::new(), &world.context()).expect("nothing"), "");
    let cx = world.context();
    assert_eq!(implicit(json!({})).plan(&call(&implicit(json!({})), &cx, None), None).expect("a plan"), []);
    assert_eq!(world.sent().len(), 0);
    // S42: the warning says where it does not work.
    assert!(Implicit::ABOUT.warning.unwrap_or_default().contains("another host or in a container"));
}

/// S41, S45: the file that the variable names, of whatever type; then gcloud's; then the metadata service. Each takes the
/// calls that its own type takes, and `explain` tells them.
#[tokio::test]
async fn s41_s45_the_order_of_googles_libraries() {
    let external = super::external_account::file(json!({ "file": "/run/token" }));
    let user = with(login_file(), json!({ "account": "me@example.org" }));
    let stands_in = impersonated_file(&login_file());
    let file = |file: &Value| {
        named(file).file(DEFAULT, &with(login_file(), json!({ "account": "x@y.zz" })).to_string())
    };
    for (world, calls, account) in [
        (file(&key_file()).answers(token("t", 3599)), vec![TOKEN_URL], Some(EMAIL)),
        (file(&user).answers(token("t", 3599)), vec![TOKEN_URL], Some("me@example.org")),
        (file(&external).file("/run/token", "jwt").answers(token("t", 3599)), vec![STS_URL], None),
        (
            file(&stands_in).answers(token("b", 3599)).answers(generated("t", World::start(), 3600)),
            vec![TOKEN_URL, GENERATE_URL],
            Some(TARGET),
        ),
        (
            home().file(DEFAULT, &user.to_string()).answers(token("t", 3599)),
            vec![TOKEN_URL],
            Some("me@example.org"),
        ),
    ] {
        let cx = on(&world);
        let account_of = implicit(json!({}));
        let steps = account_of.plan(&call(&account_of, &cx, None), None).expect("a plan");
        assert_eq!(steps.len(), calls.len());
        let out = authenticate(&account_of, &cx, None, None).await.expect("a session");
        let expected: Vec<_> = calls.iter().map(|url| format!("POST {url}")).collect();
        assert_eq!(world.lines(), expected);
        assert_eq!(out.session.credential().account.as_deref(), account);
    }
    let world = service(home());
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
    assert_eq!(out.session.credential().access_token.expose(), "ya29.vm");
}

/// A file that stands in for an account says through whom and where; the connector's own endpoint goes before it, and the
/// life is the one that is asked for.
#[tokio::test]
async fn a_file_that_stands_in_says_through_whom_and_where() {
    let more = json!({
        "delegates": [format!("projects/-/serviceAccounts/{EMAIL}")],
        "service_account_impersonation_url":
            format!("http://127.0.0.1:9/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"),
    });
    let file = with(impersonated_file(&key_file()), more);
    let own = json!({ "endpoints": { "iamcredentials": "http://127.0.0.1:8" } });
    for (config, origin) in [(json!({}), "http://127.0.0.1:9"), (own, "http://127.0.0.1:8")] {
        let world = named(&file).answers(token("b", 3599)).answers(generated("t", World::start(), 7200));
        authenticate(&implicit(config), &on(&world), Some(7200), None).await.expect("a session");
        let sent = &world.sent()[1];
        assert_eq!(sent.origin(), origin);
        let body = crate::testing::body(sent);
        assert_eq!(body["delegates"], json!([format!("projects/-/serviceAccounts/{EMAIL}")]));
        assert_eq!(body["lifetime"], "7200s");
    }
}

/// The life that a file of an external account says is asked for, unless the grant says another one.
#[tokio::test]
async fn a_file_says_how_long_its_tokens_live() {
    let file = with(
        super::external_account::file(json!({ "file": "/run/token" })),
        json!({
            "service_account_impersonation_url": GENERATE_URL,
            "service_account_impersonation": { "token_lifetime_seconds": 7200 },
        }),
    );
    for (asked, life) in [(None, "7200s"), (Some(900), "900s")] {
        let world = named(&file).file("/run/token", "jwt").answers(token("b", 3599));
        let world = world.answers(generated("t", World::start(), 900));
        authenticate(&implicit(json!({})), &on(&world), asked, None).await.expect("a session");
        assert_eq!(crate::testing::body(&world.sent()[1])["lifetime"], life);
    }
}

/// A source that is there but broken is an error; no other identity takes its place, and nothing is called.
#[tokio::test]
async fn a_broken_source_is_never_passed_over() {
    let good = login_file().to_string();
    let with_good = |world: World| world.file(DEFAULT, &good);
    for (world, place) in [
        (with_good(home().var(VARIABLE, "/gone.json")), "/gone.json"),
        (with_good(named(&json!({ "type": "service_account", "private_key": CANARY }))), "/run/cred.json"),
        (with_good(named(&json!({ "type": CANARY }))), "/run/cred.json"),
        (with_good(named(&json!(CANARY))), "/run/cred.json"),
        (home().file(DEFAULT, CANARY), DEFAULT),
    ] {
        let cx = on(&world);
        let error = authenticate(&implicit(json!({})), &cx, None, None).await.expect_err(place);
        assert_ne!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
        assert!(error.to_string().contains(place), "{error:?}");
        assert_silent(&error);
        match Implicit::identity(&Map::new(), &cx) {
            // What is JSON is told apart by its digest, whatever it says.
            Ok(identity) => assert!(!identity.contains(CANARY), "{identity}"),
            Err(error) => assert_silent(&error),
        }
        assert_eq!(world.sent().len(), 0);
    }
}

/// Files that nobody may read.
struct Locked;

impl connector_core::Files for Locked {
    fn read(&self, path: &std::path::Path) -> connector_core::Result<Vec<u8>> {
        Err(connector_core::Error::unexpected(format!("{} cannot be read", path.display())))
    }
}

/// Nor is a file that is there and cannot be read.
#[tokio::test]
async fn a_file_that_cannot_be_read_is_never_passed_over() {
    for (world, place) in [(home(), DEFAULT), (home().var(VARIABLE, "/run/cred.json"), "/run/cred.json")] {
        let world = service(world);
        let error = authenticate(&implicit(json!({})), &on(&world).with_files(Locked), None, None).await;
        let error = error.expect_err("it cannot be read");
        assert!(error.to_string().contains(place), "{error:?}");
        assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unexpected, 0));
    }
}

/// What `explain` tells of the places is what authenticating does.
#[test]
fn the_origins_are_those_that_are_used() {
    use OriginState::{Absent, Asked, Broken, Hidden, Used};
    let states = |world: &World| {
        let origins = implicit(json!({})).origins(&on(world));
        assert!(!format!("{origins:?}").contains(CANARY), "{origins:?}");
        (origins.iter().map(|it| it.state).collect::<Vec<_>>(), origins)
    };
    let login = login_file().to_string();
    for (world, expected) in [
        (home(), [Absent, Absent, Asked]),
        (home().file(DEFAULT, &login), [Absent, Used, Hidden]),
        (named(&key_file()), [Used, Absent, Hidden]),
        (named(&key_file()).file(DEFAULT, &login), [Used, Hidden, Hidden]),
        (named(&json!(CANARY)).file(DEFAULT, &login), [Broken, Hidden, Hidden]),
        (home().var(VARIABLE, "/gone"), [Broken, Absent, Hidden]),
        (home().file(DEFAULT, CANARY), [Absent, Broken, Hidden]),
    ] {
        let (found, origins) = states(&world);
        assert_eq!(found, expected, "{origins:?}");
    }
    let (_, origins) = states(&named(&key_file()));
    assert_eq!(origins[0].detail, "/run/cred.json, the key of a service account");
}

/// C27: what decides whose identity it is, and where, is in the cache key: the file and its content, the project, the keys
/// that it is used with, the host that is asked. No secret is.
#[test]
fn c27_the_identity_differs_by_all_that_decides_it() {
    let project = |world: World, name: &str| {
        world.file("/home/u/.config/gcloud/active_config", "default").file(
            "/home/u/.config/gcloud/configurations/config_default",
            &format!("[core]\nproject = {name}\n"),
        )
    };
    let external = super::external_account::file(json!({ "file": "/run/token" }));
    let through = json!({ "type": "impersonated_service_account", "source_credentials": external });
    let key = || named(&login_file());
    let worlds = [
        key(),
        named(&with(login_file(), json!({ "refresh_token": "hunter2-other" }))),
        home().file(DEFAULT, &login_file().to_string()),
        key().var("GOOGLE_CLOUD_PROJECT", "first-project"),
        key().var("GOOGLE_CLOUD_PROJECT", "other-project"),
        project(key(), "third-project"),
        project(key(), "fourth-project"),
        named(&external),
        named(&external).var("AWS_ACCESS_KEY_ID", "AKIAONE"),
        named(&external).var("AWS_SECRET_ACCESS_KEY", CANARY),
        named(&external).var("AWS_SESSION_TOKEN", CANARY),
        named(&external).var("AWS_REGION", "eu-west-1"),
        named(&external).var("AWS_DEFAULT_REGION", "eu-west-1"),
        named(&through),
        named(&through).var("AWS_ACCESS_KEY_ID", "AKIAONE"),
        named(&through).var("AWS_ACCESS_KEY_ID", "AKIATWO"),
        home(),
        home().var("GCE_METADATA_HOST", "127.0.0.1:1"),
        home().var("GOOGLE_CLOUD_PROJECT", "first-project"),
        home().var("GOOGLE_CLOUD_QUOTA_PROJECT", "first-project"),
        key().var("GOOGLE_CLOUD_QUOTA_PROJECT", "first-project"),
    ];
    let identity = |world: &World| Implicit::identity(&Map::new(), &on(world)).expect("an identity");
    let mut seen: Vec<_> = worlds.iter().map(identity).collect();
    assert!(!seen.concat().contains(CANARY), "{seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), worlds.len(), "{seen:?}");
    assert_eq!(identity(&key()), identity(&key()));
}

/// Each look into the cache asks whose identity it is: the file's digest says so, and no key in it is read. Keys of AWS
/// that no such file is used with decide nothing.
#[test]
fn c27_the_identity_of_a_file_is_its_text() {
    let unreadable = with(key_file(), json!({ "private_key": CANARY }));
    let identity = |world: &World| Implicit::identity(&Map::new(), &on(world)).expect("an identity");
    let first = identity(&named(&unreadable));
    assert!(first.starts_with("file:/run/cred.json#") && !first.contains(CANARY), "{first}");
    assert_eq!(first, identity(&named(&unreadable).var("AWS_ACCESS_KEY_ID", "AKIAONE")));
}

/// The project that calls are counted for: the config's, the variable's, the file's.
#[tokio::test]
async fn which_project_is_counted_for() {
    let of_file = with(login_file(), json!({ "quota_project_id": "of-the-file" }));
    let variable = |world: World| world.var("GOOGLE_CLOUD_QUOTA_PROJECT", "of-variable");
    let own = json!({ "quota_project_id": "of-config" });
    for (world, config, expected) in [
        (variable(named(&of_file)), own, "of-config"),
        (variable(named(&of_file)), json!({}), "of-variable"),
        (named(&of_file), json!({}), "of-the-file"),
    ] {
        let world = world.answers(token("t", 3599));
        let out = authenticate(&implicit(config), &on(&world), None, None).await.expect("a session");
        assert_eq!(out.session.credential().quota_project_id.as_deref(), Some(expected));
    }
    let world = service(variable(home()));
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
    assert_eq!(out.session.credential().quota_project_id.as_deref(), Some("of-variable"));
}

/// Which project is meant: the config's, the variable's, the file's, gcloud's.
#[tokio::test]
async fn which_project_is_meant() {
    let gcloud = |world: World| {
        world
            .file("/home/u/.config/gcloud/active_config", "work\n")
            .file("/home/u/.config/gcloud/configurations/config_work", "[core]\nproject = of-gcloud\n")
    };
    let login = || gcloud(named(&login_file()));
    let variable = |world: World| world.var("GOOGLE_CLOUD_PROJECT", "of-variable");
    for (world, config, expected) in [
        (variable(gcloud(named(&key_file()))), json!({ "project_id": "of-config" }), Some("of-config")),
        (variable(gcloud(named(&key_file()))), json!({}), Some("of-variable")),
        (gcloud(named(&key_file())), json!({}), Some(PROJECT)),
        (login(), json!({}), Some("of-gcloud")),
        (named(&login_file()), json!({}), None),
    ] {
        let world = world.answers(token("t", 3599));
        let out = authenticate(&implicit(config), &on(&world), None, None).await.expect("a session");
        assert_eq!(out.session.credential().project_id.as_deref(), expected);
    }
    let world = named(&key_file()).var("GOOGLE_CLOUD_PROJECT", "hunter2 x");
    let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("no project");
    assert!(error.message().starts_with("GOOGLE_CLOUD_PROJECT"), "{error}");
    assert_silent(&error);
}
