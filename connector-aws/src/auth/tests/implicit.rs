use std::time::Duration;

use connector_core::{Allow, AuthMethod, Connector, Context, Error, ErrorKind, Expiry, Grant, Terms};
use serde_json::{Map, Value, json};

use super::{ROLE, bucket, bucket_policy, merge};
use crate::auth::Implicit;
use crate::connector::Aws;
use crate::resource::AwsGeneric;
use crate::testing::{
    World, answer_at, assert_silent, authenticate, field, given, json_answer, method, object, only_form,
    start,
};

pub(super) fn implicit(more: Value) -> Implicit {
    let mut config = json!({ "region": "eu-west-1" });
    merge(&mut config, more);
    method(config)
}

pub(super) fn on(world: &World) -> Context {
    world.named("here").with_implicit(true)
}

fn temporary() -> Value {
    json!({
        "AccessKeyId": "ASIALOCAL", "SecretAccessKey": "hunter2", "Token": "hunter2-token",
        "Expiration": "2026-01-01T01:00:00Z", "AccountId": "123456789012",
    })
}

pub(super) fn home(world: World) -> World {
    world.var("HOME", "/home/u")
}

pub(super) const CONFIG: &str = "/home/u/.aws/config";
pub(super) const CREDENTIALS: &str = "/home/u/.aws/credentials";

/// S40, C19: while the switch is off, nothing is looked at.
#[tokio::test]
async fn s40_off_by_default() {
    let world = World::new().var("AWS_ACCESS_KEY_ID", "AKIA").var("AWS_SECRET_ACCESS_KEY", "s");
    let connector = Connector::<Aws>::new(world.context(), implicit(json!({})));
    let handle = connector.resource::<AwsGeneric>(Grant::from("eu-west-1")).await.expect("a handle");
    let error = handle.issue().await.expect_err("off");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true"));
    assert_eq!(Implicit::identity(&Map::new(), &world.context()).expect("nothing"), "");
    // S42: the warning says where it does not work.
    assert!(Implicit::ABOUT.warning.unwrap_or_default().contains("another host or in a container"));
}

/// What `explain` tells is what authenticating does: the first source that is there, and nothing behind one that is
/// broken.
#[tokio::test]
async fn the_origins_are_those_that_are_used() {
    use connector_core::OriginState::{Absent, Asked, Broken, Hidden, Used};
    let states = |world: &World, more: Value| {
        let connector = Connector::<Aws>::new(on(world), implicit(more));
        let origins = connector.origins();
        assert!(!format!("{origins:?}").contains("hunter2"), "{origins:?}");
        (origins.iter().map(|it| it.state).collect::<Vec<_>>(), origins)
    };
    let keys = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = hunter2\n\
                [other]\naws_access_key_id = AKIA\naws_secret_access_key = hunter2\n";
    let bare = || home(World::new());
    let broken = || bare().var("AWS_ACCESS_KEY_ID", "AKIA").file(CREDENTIALS, keys);
    let full = || broken().var("AWS_SECRET_ACCESS_KEY", "hunter2");
    let token = || bare().var("AWS_WEB_IDENTITY_TOKEN_FILE", "/t").var("AWS_ROLE_ARN", ROLE);
    let no_instance = bare().var("AWS_EC2_METADATA_DISABLED", "true");
    for (world, expected) in [
        (bare(), [Absent, Absent, Absent, Absent, Asked]),
        (no_instance, [Absent, Absent, Absent, Absent, Absent]),
        (full(), [Used, Hidden, Absent, Absent, Hidden]),
        (broken(), [Broken, Hidden, Absent, Absent, Hidden]),
        (token(), [Absent, Absent, Used, Absent, Hidden]),
        (bare().var("AWS_PROFILE", "nobody"), [Absent, Broken, Absent, Absent, Hidden]),
        (
            token().var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/hunter2"),
            [Absent, Absent, Used, Hidden, Hidden],
        ),
    ] {
        let (found, origins) = states(&world, json!({}));
        assert_eq!(found, expected, "{origins:?}");
        let uses = authenticate(&implicit(json!({})), &on(&world), None, None).await;
        match found.iter().position(|it| matches!(it, Used | Broken)) {
            Some(at) if found[at] == Broken => {
                let error = uses.expect_err("broken").to_string();
                assert!(error.contains(&*origins[at].place), "{error} beside {origins:?}");
            }
            Some(0) => {
                let session = uses.expect("the environment").session;
                assert_eq!(session.credential().access_key_id.expose(), "AKIA");
            }
            // The token's file is not there: this source is asked, and no other in its place.
            Some(_) => assert!(uses.expect_err("no token").to_string().contains("web identity")),
            None => assert!(uses.is_err(), "{origins:?}"),
        }
    }
    // A profile that the connector names is the only place.
    let (found, origins) = states(&full(), json!({ "profile_name": "other" }));
    assert_eq!(
        (found.as_slice(), origins[0].detail.as_str()),
        (&[Used][..], "profile `other`: a long-lived key")
    );
    // Switched off, nothing is looked at.
    let off = Connector::<Aws>::new(full().context(), implicit(json!({})));
    assert!(off.origins().is_empty());
}

/// S41, S44: the order; the first that is there counts.
#[tokio::test]
async fn s41_s44_the_environment_the_files_the_token_the_container_the_instance() {
    let world = home(World::new())
        .var("AWS_ACCESS_KEY_ID", "AKIAENV")
        .var("AWS_SECRET_ACCESS_KEY", "s")
        .file(CREDENTIALS, "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n");
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("the environment");
    assert_eq!(out.session.credential().access_key_id.expose(), "AKIAENV");
    assert!(out.session.long_lived && matches!(out.expiry, Expiry::Never(_)));

    let out = authenticate(&implicit(json!({ "profile_name": "default" })), &on(&world), None, None).await;
    assert_eq!(out.expect("the profile").session.credential().access_key_id.expose(), "AKIAFILE");

    let world = home(World::new())
        .file(
            CREDENTIALS,
            "[a]\naws_access_key_id = AKIAA\naws_secret_access_key = s\naws_session_token = t\n",
        )
        .var("AWS_PROFILE", "a")
        .var("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("the profile");
    assert_eq!(out.session.credential().access_key_id.expose(), "AKIAA");
    assert!(!out.session.long_lived);

    let world = home(World::new())
        .var("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")
        .var("AWS_ROLE_ARN", ROLE)
        .file("/token", "jwt")
        .answers(given("AssumeRoleWithWebIdentity", "1", 3600));
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("the token");
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIA1");

    let world = World::new()
        .var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds?id=1")
        .var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer t")
        .answers(json_answer(200, &temporary()));
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("the container");
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIALOCAL");
    assert_eq!(out.expiry, Expiry::At(start() + Duration::from_secs(3600)));
    let request = &world.sent()[0];
    assert_eq!(request.url(), "http://169.254.170.2/v2/creds?id=1");
    assert!(request.is_to_metadata() && request.timeout() == Some(Duration::from_secs(2)));
    assert!(request.headers().contains(&("Authorization".to_owned(), "Bearer t".to_owned())));

    let world = World::new()
        .answers(answer_at(start(), 200, "imds-token"))
        .answers(answer_at(start(), 200, "my-role"))
        .answers(json_answer(200, &temporary()));
    let out = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("the instance");
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIALOCAL");
    let sent: Vec<_> = world.sent().iter().map(|it| format!("{} {}", it.method(), it.url())).collect();
    assert_eq!(
        sent,
        [
            "PUT http://169.254.169.254/latest/api/token",
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/",
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role",
        ]
    );
    assert!(world.sent().iter().all(connector_core::Request::is_to_metadata));
    assert!(
        world.sent()[2].headers().contains(&("x-aws-ec2-metadata-token".to_owned(), "imds-token".to_owned()))
    );
}

/// Only what is not set up is passed over: a source that is there but broken stops the search.
#[tokio::test]
async fn a_broken_source_is_not_passed_over() {
    let container = |world: World| {
        world
            .var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/creds")
            .answers(json_answer(200, &temporary()))
    };
    let cases: Vec<(World, ErrorKind, &str)> = vec![
        (World::new().var("AWS_ACCESS_KEY_ID", "AKIA"), ErrorKind::InvalidInput, "AWS_SECRET_ACCESS_KEY"),
        (World::new().var("AWS_SECRET_ACCESS_KEY", "hunter2"), ErrorKind::InvalidInput, "AWS_ACCESS_KEY_ID"),
        (home(World::new()).var("AWS_PROFILE", "gone"), ErrorKind::NotFound, "no profile gone"),
        (
            home(World::new()).file(CONFIG, "[default]\nhunter2\n"),
            ErrorKind::InvalidInput,
            "/home/u/.aws/config, line 2",
        ),
        (home(World::new()).file(CONFIG, "[default]\nrole_arn = x\n"), ErrorKind::InvalidInput, "default"),
        (World::new().var("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ErrorKind::InvalidInput, "AWS_ROLE_ARN"),
        (
            World::new().var("AWS_WEB_IDENTITY_TOKEN_FILE", "/t").var("AWS_ROLE_ARN", ROLE),
            ErrorKind::NotFound,
            "/t",
        ),
    ];
    for (world, kind, says) in cases {
        let world = container(world);
        let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{says}: {error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_eq!(world.sent().len(), 0, "{says}: the container is not asked");
        assert_silent(&error);
    }
    // A profile that holds no more than a region is not set up.
    let world = container(home(World::new()).file(CONFIG, "[default]\nregion = us-east-1\n"));
    authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("the container");
    // A profile that is named never falls back.
    let named = implicit(json!({ "profile_name": "default" }));
    let error = authenticate(&named, &on(&world), None, None).await.expect_err("no credentials in it");
    assert!(error.to_string().contains("profile default holds no credentials"), "{error}");
}

/// Nothing is set up: all attempts are kept.
#[tokio::test]
async fn nothing_found_tells_all_attempts() {
    let world = home(World::new()).fails(Error::unreachable("no route"));
    let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert_eq!(error.causes().len(), 5, "{error}");
    let world = World::new().var("AWS_EC2_METADATA_DISABLED", "true");
    authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("nothing");
    assert_eq!(world.sent().len(), 0);
}

/// C18: the container's endpoint is asked in the clear on known addresses only.
#[tokio::test]
async fn c18_hosts_of_the_container_endpoint() {
    for (url, allowed) in [
        ("http://127.0.0.1:8080/c", true),
        ("http://127.1.2.3/c", true),
        ("http://localhost/c", true),
        ("http://[::1]:80/c", true),
        ("http://169.254.170.23/v1/credentials", true),
        ("http://[fd00:ec2::23]/v1/credentials", true),
        ("https://example.org/c", true),
        ("http://example.org/c", false),
        ("http://169.254.169.254/c", false),
        ("http://localhost.example.org/c", false),
        ("http://127.0.0.1@example.org/c", false),
        ("http://user@127.0.0.1/c", false),
        ("ftp://127.0.0.1/c", false),
        ("127.0.0.1", false),
        ("http:///c", false),
        ("http://127.0.0.1\\@example.org", false),
    ] {
        let world = World::new()
            .var("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
            .answers(json_answer(200, &temporary()));
        let out = authenticate(&implicit(json!({})), &on(&world), None, None).await;
        assert_eq!(
            (out.is_ok(), world.sent().len()),
            (allowed, usize::from(allowed)),
            "{url}: {:?}",
            out.err()
        );
    }
}

/// The token's file stands above the variable, and its line end is not sent. Refusals and garbage are told
/// apart, and nothing of an answer is shown.
#[tokio::test]
async fn the_container_endpoint_token_and_failures() {
    let base = || World::new().var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c?s=hunter2");
    let world = base()
        .var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "old")
        .var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t")
        .file("/t", "new\n")
        .answers(json_answer(200, &temporary()));
    authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("credentials");
    assert!(world.sent()[0].headers().contains(&("Authorization".to_owned(), "new".to_owned())));

    let world = base().var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2\r\nX-Evil: 1");
    let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("no header");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::InvalidInput, 0));
    assert_silent(&error);

    let mut no_token = temporary();
    no_token.as_object_mut().expect("an object").remove("Token");
    for (answer, kind) in [
        (json_answer(401, &json!({ "message": "hunter2" })), ErrorKind::Refused),
        (json_answer(404, &json!({ "message": "hunter2" })), ErrorKind::Unreachable),
        (answer_at(start(), 200, "hunter2"), ErrorKind::Unreachable),
        (json_answer(200, &no_token), ErrorKind::Unreachable),
        (json_answer(200, &json!({ "Code": "hunter2", "AccessKeyId": "a" })), ErrorKind::Unreachable),
    ] {
        let world = base().answers(answer);
        let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("failed");
        assert_eq!(error.kind(), kind, "{error}");
        assert_silent(&error);
    }
    let world = base().answers(json_answer(500, &json!({}))).answers(json_answer(200, &temporary()));
    authenticate(&implicit(json!({})), &on(&world), None, None).await.expect("the second answer");
}

/// With a role what is issued is temporary and narrowed, whatever was found.
#[tokio::test]
async fn a_role_narrows() {
    let world = World::new()
        .var("AWS_ACCESS_KEY_ID", "AKIAENV")
        .var("AWS_SECRET_ACCESS_KEY", "s")
        .answers(given("AssumeRole", "1", 3600));
    let role = implicit(json!({ "role_arn": ROLE }));
    assert!(role.lifetime().is_some() && implicit(json!({})).lifetime().is_none());
    let out = authenticate(&role, &on(&world), None, Some(&bucket())).await.expect("a session");
    assert_eq!(field(&only_form(&world), "Policy"), Some(bucket_policy().as_str()));
    assert!(out.narrowed.expect("it is said").is_narrowed() && !out.session.long_lived);

    // What the container gives is a role: the next one lives an hour at most.
    let world = World::new()
        .var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c")
        .answers(json_answer(200, &temporary()));
    let error = authenticate(&role, &on(&world), Some(7200), None).await.expect_err("too long");
    assert_eq!(error.field_problems()[0].field, "duration");
}

/// A profile's chain: role by role by key, each with its own external id; MFA is asked for.
#[tokio::test]
async fn a_profile_with_a_chain_of_roles() {
    let world = home(World::new())
        .file(
            CONFIG,
            "[profile top]\nrole_arn = arn:aws:iam::123456789012:role/top\nsource_profile = mid\nexternal_id = ext-2\n\
             [profile mid]\nrole_arn = arn:aws:iam::123456789012:role/mid\nsource_profile = base\nexternal_id = ext-1\n\
             mfa_serial = arn:aws:iam::123456789012:mfa/a\nduration_seconds = 7200\n",
        )
        .file(CREDENTIALS, "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n")
        .person(["123456"])
        .answers(given("AssumeRole", "1", 7200))
        .answers(given("AssumeRole", "2", 3600));
    let top = implicit(json!({ "profile_name": "top" }));
    let out = authenticate(&top, &on(&world), None, None).await.expect("a session");
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIA2");
    let forms = world.forms();
    assert_eq!(
        (field(&forms[0], "ExternalId"), field(&forms[0], "TokenCode")),
        (Some("ext-1"), Some("123456"))
    );
    assert_eq!(
        (field(&forms[0], "DurationSeconds"), field(&forms[1], "ExternalId")),
        (Some("7200"), Some("ext-2"))
    );
}

/// `credential_process` runs only where the connector allows programs; its output is not shown.
#[tokio::test]
async fn c20_credential_process_needs_to_be_allowed() {
    let base = || home(World::new()).file(CONFIG, "[default]\ncredential_process = /bin/creds \"a b\" c\n");
    let world = base();
    let error = authenticate(&implicit(json!({})), &on(&world), None, None).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("--allow exec"), "{error:?}");
    assert_eq!(world.commands().len(), 0);
    let allowed = |world: &World| {
        on(world).for_connector(std::sync::Arc::new(Terms::default().with_allow(Allow::Exec)))
    };
    let world = base().prints(
        r#"{"Version":1,"AccessKeyId":"ASIAP","SecretAccessKey":"s","SessionToken":"t","Expiration":"2026-01-01T00:30:00Z"}"#,
    );
    let out = authenticate(&implicit(json!({})), &allowed(&world), None, None).await.expect("credentials");
    assert_eq!(out.expiry, Expiry::At(start() + Duration::from_secs(1800)));
    let ran = world.commands();
    assert_eq!((ran.len(), ran[0].program(), ran[0].args().join("|")), (1, "/bin/creds", "a b|c".to_owned()));
    for (text, kind) in [
        ("hunter2", ErrorKind::Unreachable),
        (r#"{"Version":2,"AccessKeyId":"hunter2","SecretAccessKey":"hunter2"}"#, ErrorKind::Unreachable),
        (
            r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","Expiration":"2025-01-01T00:00:00Z"}"#,
            ErrorKind::Expired,
        ),
    ] {
        let world = base().prints(text);
        let error = authenticate(&implicit(json!({})), &allowed(&world), None, None).await.expect_err(text);
        assert_eq!(error.kind(), kind);
        assert_silent(&error);
    }
}

/// Invariant 5: what the surroundings say of the identity tells them apart, and shows no key.
#[test]
fn the_identity_follows_the_surroundings() {
    let env = |id: &str| World::new().var("AWS_ACCESS_KEY_ID", id).var("AWS_SECRET_ACCESS_KEY", "s");
    let file = |text: &str| home(World::new()).file(CONFIG, text);
    let key = "[default]\naws_access_key_id = hunter2\naws_secret_access_key = s\n[profile b]\n\
               role_arn = arn:aws:iam::123456789012:role/b\nsource_profile = default\n";
    let worlds = [
        (env("AKIA1"), Value::Null),
        (env("AKIA2"), Value::Null),
        (file(key), Value::Null),
        (file(key), json!("b")),
        (file(key).var("AWS_PROFILE", "b").var("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), Value::Null),
        (World::new().var("AWS_WEB_IDENTITY_TOKEN_FILE", "/t").var("AWS_ROLE_ARN", ROLE), Value::Null),
        (World::new().var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/a?hunter2"), Value::Null),
        (World::new(), Value::Null),
    ];
    let identities: Vec<String> = worlds
        .iter()
        .map(|(world, name)| {
            let stored = object(json!({ "profile_name": name }));
            Implicit::identity(&stored, &on(world)).expect("an identity")
        })
        .collect();
    assert!(identities.iter().all(|it| !it.contains("hunter2") && !it.contains("AKIA")), "{identities:?}");
    let mut different = identities.clone();
    different.sort();
    different.dedup();
    // The fourth and the fifth are the same profile, asked for in two ways.
    assert_eq!(different.len(), identities.len() - 1, "{identities:?}");
}
