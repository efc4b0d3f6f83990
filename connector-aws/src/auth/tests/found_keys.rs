//! Keys that `implicit` finds: how long they are held, and what tells one from another.

use std::time::Duration;

use connector_core::{Allow, AuthMethod, Connector, ErrorKind, Expiry, Terms};
use serde_json::{Value, json};

use super::ROLE;
use super::implicit::{CONFIG, CREDENTIALS, home, implicit, on};
use crate::auth::Implicit;
use crate::connector::Aws;
use crate::resource::AwsGeneric;
use crate::testing::{World, authenticate, given, object, start};

/// Puts keys with this id somewhere.
type Put = dyn Fn(World, &str) -> World;

/// Temporary keys in the environment.
fn environment(world: World, id: &str) -> World {
    let world = world.var("AWS_ACCESS_KEY_ID", id).var("AWS_SECRET_ACCESS_KEY", "s");
    world.var("AWS_SESSION_TOKEN", &format!("hunter2-{id}"))
}

fn seconds(seconds: u64) -> Expiry {
    Expiry::At(start() + Duration::from_secs(seconds))
}

/// Invariant 6: temporary keys end, also where nobody says when. They are told to end within the shortest
/// life that STS gives, and are then read again from where they were found.
#[tokio::test]
async fn temporary_keys_without_an_end_are_read_again() {
    let file = |world: World, id: &str| {
        let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = s\naws_session_token = t\n");
        home(world).file(CREDENTIALS, &format!("[default]\n{keys}"))
    };
    let process = |world: World, id: &str| {
        let keys = format!(r#""AccessKeyId":"{id}","SecretAccessKey":"s","SessionToken":"t""#);
        home(world)
            .file(CONFIG, "[default]\ncredential_process = /bin/creds\n")
            .prints(format!(r#"{{"Version":1,{keys}}}"#))
    };
    for (index, put) in [&environment as &Put, &file, &process].into_iter().enumerate() {
        let world = put(World::new(), "ASIAOLD");
        let terms = Terms::default().with_allow(Allow::Exec);
        let connector = Connector::<Aws>::with_terms(on(&world), implicit(json!({})), terms);
        let handle = connector.resource::<AwsGeneric>("eu-west-1").await.expect("a handle");
        let issued = handle.issue().await.expect("issued");
        assert_eq!((&issued.expiry, &issued.provider_expiry), (&seconds(900), &seconds(900)), "{index}");
        assert!(!issued.long_lived, "{index}");
        assert!(issued.narrowing().reason().contains("nothing says when"), "{index}");

        let world = put(world, "ASIANEW");
        world.advance(Duration::from_secs(900));
        let issued = handle.issue().await.expect("issued");
        assert_eq!(issued.credential.access_key_id.expose(), "ASIANEW", "{index}");
    }
}

/// A role that is assumed with such keys has an end of its own; keys that say when they end, and those that
/// do not end, are told as they are.
#[tokio::test]
async fn an_end_that_is_known_is_not_cut() {
    let world = environment(World::new(), "ASIAENV").answers(given("AssumeRole", "1", 3600));
    let role = implicit(json!({ "role_arn": ROLE }));
    let out = authenticate(&role, &on(&world), None, None).await.expect("a session");
    assert_eq!(out.expiry, seconds(3600));

    let world = environment(World::new(), "ASIAENV").var("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T01:00:00Z");
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
    assert_eq!(out.expiry, seconds(3600));

    let world = World::new().var("AWS_ACCESS_KEY_ID", "AKIA").var("AWS_SECRET_ACCESS_KEY", "s");
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("a session");
    assert!(matches!(out.expiry, Expiry::Never(_)));
}

const BY_ENVIRONMENT: &str = "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/a\n\
    credential_source = Environment\n";
const BY_CONTAINER: &str = "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/a\n\
    credential_source = EcsContainer\n";

/// A profile's role does not outlive the environment's keys, and is not assumed with those that have ended.
#[tokio::test]
async fn the_end_of_the_environment_counts_for_a_profile_too() {
    let with_end = |end: &str| {
        let world = environment(home(World::new()), "ASIAENV").file(CONFIG, BY_ENVIRONMENT);
        world.var("AWS_CREDENTIAL_EXPIRATION", end).answers(given("AssumeRole", "1", 3600))
    };
    let profile = implicit(json!({ "profile_name": "a" }));
    let world = with_end("2026-01-01T00:30:00Z");
    let out = authenticate(&profile, &on(&world), None, None).await.expect("a session");
    assert_eq!(out.expiry, seconds(1800));
    let world = with_end("2025-12-31T00:00:00Z");
    let error = authenticate(&profile, &on(&world), None, None).await.expect_err("ended");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Expired, 0));
}

/// Invariant 5: a profile that names the environment or the container is somebody else where those are.
#[test]
fn the_identity_of_a_profile_follows_its_source() {
    let by_environment = |id: &str| environment(home(World::new()).file(CONFIG, BY_ENVIRONMENT), id);
    let container = |config: &str, path: &str| {
        let world = home(World::new()).file(CONFIG, config);
        world.var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path)
    };
    let by_container = |path: &str| container(BY_CONTAINER, path);
    let key = |token: &str| {
        let keys = "[a]\naws_access_key_id = AKIA\naws_secret_access_key = s\naws_session_token = ";
        home(World::new()).file(CREDENTIALS, &format!("{keys}{token}\n"))
    };
    let worlds = [
        by_environment("AKIA1"),
        by_environment("AKIA2"),
        by_environment("AKIA2").var("AWS_SESSION_TOKEN", "hunter2-another"),
        by_container("/v2/one?hunter2"),
        by_container("/v2/two?hunter2"),
        by_container("/v2/two?hunter2-another"),
        by_container("/v2/two").var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2"),
        by_container("/v2/two").var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t"),
        home(World::new()).file(CONFIG, BY_CONTAINER),
        home(World::new()).file(CONFIG, BY_ENVIRONMENT),
        key("hunter2-1"),
        key("hunter2-2"),
    ];
    let stored = object(json!({ "profile_name": "a" }));
    let all: Vec<String> =
        worlds.iter().map(|it| Implicit::identity(&stored, &on(it)).expect("an identity")).collect();
    assert!(all.iter().all(|it| !it.contains("hunter2") && !it.contains("AKIA")), "{all:?}");
    let mut different = all.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), all.len(), "{all:?}");
    // The same surroundings are the same identity.
    let again = Implicit::identity(&stored, &on(&by_environment("AKIA1"))).expect("an identity");
    assert_eq!(again, all[0]);
}

/// So it is where no profile is named.
#[test]
fn the_identity_of_the_environment_follows_its_session() {
    let nothing = object(json!({ "profile_name": Value::Null }));
    let identity = |world: &World| Implicit::identity(&nothing, &on(world)).expect("an identity");
    let one = environment(World::new(), "ASIA1");
    let another = environment(World::new(), "ASIA1").var("AWS_SESSION_TOKEN", "hunter2-another");
    assert_ne!(identity(&one), identity(&another));
    assert!(!identity(&one).contains("hunter2"));
}
