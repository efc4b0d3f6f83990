//! Every answer that a registry can give, and what becomes of it.

use connector_core::{Access, Allow, Error, ErrorKind, Grant, Result, Terms};
use serde_json::{Value, json};

use crate::resource::DockerRegistry;
use crate::testing::{CANARY, HUB, World, answer, asks, token};

fn password(registry: &str) -> Value {
    json!({ "username": "me", "password": CANARY, "registry": registry })
}

/// base64 of `me:hunter2`.
const BASIC: &str = "Basic bWU6aHVudGVyMg==";

fn grant(registry: &str) -> Grant {
    Grant::new("docker-registry", registry)
}

/// What verifying says of a login to `registry`.
async fn verify(world: &World, method: &str, config: Value, grant: Grant) -> Result<()> {
    let verified =
        async { world.connector(method, config).resource::<DockerRegistry>(grant).await?.reach().await };
    let verified: Result<()> = verified.await;
    if let Err(error) = &verified {
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(!shown.contains(CANARY) && !shown.contains("bWU6"), "{shown}");
    }
    assert!(world.is_done(), "less was asked than was scripted");
    verified
}

/// E3: Docker Hub's three hosts; the login goes to the token service that the registry names, and to no other
/// place.
#[tokio::test]
async fn a_login_to_docker_hub_is_tried_by_its_token_service() {
    let world = World::of([asks(HUB), token("t"), answer(200, &[], "{}")]);
    verify(&world, "password", json!({ "username": "me", "password": CANARY }), grant("docker.io"))
        .await
        .expect("good");
    assert_eq!(
        world.sent(),
        [
            "GET https://registry-1.docker.io/v2/".to_owned(),
            format!(
                "GET https://auth.docker.io/token?client_id=connector&service=registry.docker.io&account=me {BASIC}"
            ),
            "GET https://registry-1.docker.io/v2/ Bearer t".to_owned(),
        ]
    );
}

/// One repository, with the rights that are asked for: three calls for reading, one more for writing.
#[tokio::test]
async fn a_repository_is_looked_at_with_the_rights_that_are_asked_for() {
    let world = World::of([asks(HUB), token("t"), answer(200, &[], "{}")]);
    verify(&world, "password", password("docker.io"), grant("team/app")).await.expect("good");
    let sent = world.sent();
    assert!(sent[1].contains("&scope=repository%3Ateam%2Fapp%3Apull&"), "{sent:?}");
    assert_eq!(sent[2], "GET https://registry-1.docker.io/v2/team/app/tags/list?n=1 Bearer t");

    let world = World::of([asks(HUB), token("t"), answer(200, &[], "{}"), answer(404, &[], "")]);
    let write = grant("team/app").with_access(Access::Write);
    verify(&world, "password", password("docker.io"), write.clone()).await.expect("good");
    assert!(world.sent()[1].contains("scope=repository%3Ateam%2Fapp%3Apull%2Cpush&"));
    assert!(world.sent()[3].starts_with("PATCH https://registry-1.docker.io/v2/team/app/blobs/uploads/"));

    // The service gives a token whatever is asked; what it is good for shows at the registry.
    let world = World::of([asks(HUB), token("t"), answer(200, &[], "{}"), answer(401, &[], "")]);
    let error = verify(&world, "password", password("docker.io"), write).await.expect_err("reads only");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("write to `team/app`"), "{error}");
}

/// E3: an identity token is swapped by a form, so that it stands in no URL and no log.
#[tokio::test]
async fn an_identity_token_is_sent_in_a_body() {
    let config = || json!({ "identity_token": CANARY, "registry": "r.example.org" });
    let challenge = r#"Bearer realm="https://auth.example.org/token?a=b",service="r""#;
    let world =
        World::of([asks(challenge), answer(200, &[], r#"{"access_token":"t"}"#), answer(200, &[], "")]);
    verify(&world, "identity-token", config(), grant("r.example.org")).await.expect("good");
    assert_eq!(world.sent()[1], "POST https://auth.example.org/token?a=b");

    let world = World::of([asks(challenge), answer(401, &[], CANARY)]);
    let error =
        verify(&world, "identity-token", config(), grant("r.example.org")).await.expect_err("revoked");
    assert_eq!((error.kind(), error.hint().is_some()), (ErrorKind::Refused, true));
    assert_eq!(
        world.last_body(),
        format!("client_id=connector&service=r&grant_type=refresh_token&refresh_token={CANARY}")
    );

    let world = World::of([asks(challenge), answer(404, &[], "")]);
    let error =
        verify(&world, "identity-token", config(), grant("r.example.org")).await.expect_err("no such use");
    assert!(error.hint().is_some_and(|it| it.contains("password")));
    let world = World::of([asks("Basic")]);
    let error =
        verify(&world, "identity-token", config(), grant("r.example.org")).await.expect_err("no such use");
    assert!(error.hint().is_some_and(|it| it.contains("password")));
}

#[tokio::test]
async fn a_registry_may_take_the_password_with_every_call() {
    let world = World::of([asks("Basic realm=\"r\""), answer(200, &[], "")]);
    verify(&world, "password", password("r.example.org"), grant("r.example.org")).await.expect("good");
    assert_eq!(world.sent()[1], format!("GET https://r.example.org/v2/ {BASIC}"));

    let world = World::of([asks("Basic"), asks("Basic")]);
    let error = verify(&world, "password", password("r.example.org"), grant("r.example.org"))
        .await
        .expect_err("wrong");
    assert_eq!(error.message(), "r.example.org does not take the user name and password");

    for (status, kind) in [(401, ErrorKind::Refused), (403, ErrorKind::Refused), (404, ErrorKind::NotFound)] {
        let world = World::of([asks("Basic"), answer(status, &[], CANARY)]);
        let error = verify(&world, "password", password("r.example.org"), grant("r.example.org/app")).await;
        assert_eq!(error.expect_err("not shown").kind(), kind, "{status}");
    }
}

/// Issue, "bad input and failure": each has its own error, with a hint, and none quotes the answer.
#[tokio::test]
async fn every_refusal_says_what_it_is() {
    let of_registry = |it: Result<connector_core::Response>| vec![it];
    let of_service = |it: Result<connector_core::Response>| vec![asks(HUB), it];
    let huge = "x".repeat(200 * 1024);
    let cases = [
        (of_registry(answer(401, &[], CANARY)), ErrorKind::Unreachable, "without saying how to log in"),
        (of_registry(asks("Bearer realm=\"")), ErrorKind::Unreachable, "that cannot be read"),
        (of_registry(asks("Bearer service=x")), ErrorKind::Unreachable, "has no realm"),
        (
            of_registry(asks(r#"Bearer realm="http://10.0.0.1/t""#)),
            ErrorKind::Refused,
            "to which no login is sent",
        ),
        (of_registry(answer(403, &[], CANARY)), ErrorKind::Refused, "answered 403"),
        (of_registry(answer(404, &[], CANARY)), ErrorKind::Unreachable, "nothing there speaks"),
        (
            of_registry(answer(307, &[("location", "https://evil.org/")], "")),
            ErrorKind::Unreachable,
            "a redirect",
        ),
        (of_registry(answer(418, &[], CANARY)), ErrorKind::Unreachable, "no answer of a registry"),
        ((0..3).map(|_| answer(500, &[], CANARY)).collect(), ErrorKind::Unreachable, "in trouble"),
        (
            of_registry(Err(Error::unreachable("https://registry-1.docker.io failed the TLS check"))),
            ErrorKind::Unreachable,
            "TLS",
        ),
        (
            of_service(answer(401, &[], CANARY)),
            ErrorKind::Refused,
            "does not take the user name and password",
        ),
        (of_service(answer(403, &[], CANARY)), ErrorKind::Refused, "answered 403"),
        (of_service(answer(404, &[], CANARY)), ErrorKind::Unreachable, "no such service"),
        (
            of_service(answer(302, &[("location", "https://evil.org/")], "")),
            ErrorKind::Unreachable,
            "a redirect",
        ),
        (of_service(answer(200, &[], "{}")), ErrorKind::Unreachable, "no token"),
        (
            of_service(answer(200, &[], &format!("{{\"token\":[\"{CANARY}\"]}}"))),
            ErrorKind::Unreachable,
            "no token",
        ),
        (of_service(answer(200, &[], &"[".repeat(100_000))), ErrorKind::Unreachable, "no token"),
        (of_service(answer(200, &[], r#"{"token":""}"#)), ErrorKind::Unreachable, "cannot be a token"),
        (
            of_service(answer(200, &[], "{\"token\":\"a\\nb: c\"}")),
            ErrorKind::Unreachable,
            "cannot be a token",
        ),
        (of_service(answer(200, &[], &huge)), ErrorKind::Unreachable, "more than a token can be"),
        (vec![asks(HUB), token("t"), asks(HUB)], ErrorKind::Refused, "its own token service gave"),
    ];
    for (answers, kind, words) in cases {
        let world = World::of(answers);
        let error =
            verify(&world, "password", password("docker.io"), grant("docker.io")).await.expect_err(words);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error} has no {words}");
        let told_by_port = words == "TLS" || words == "in trouble";
        assert!(error.hint().is_some() || told_by_port, "{error}");
        let strangers = world.sent().into_iter().filter(|it| !it.contains(".docker.io/")).count();
        assert_eq!(strangers, 0, "no other host is called");
    }
}

/// 429: the pause that is asked for is kept, three tries at most, and a long one is told and not waited for.
#[tokio::test]
async fn who_is_told_to_slow_down_waits_or_says_so() {
    let slow = |pause| answer(429, &[("retry-after", pause)], "");
    let world = World::of([slow("7"), asks(HUB), slow("0"), token("t"), answer(200, &[], "")]);
    verify(&world, "password", password("docker.io"), grant("docker.io")).await.expect("good at last");
    assert_eq!(world.pauses(), [7, 0]);

    let world = World::of([slow("3600")]);
    let error =
        verify(&world, "password", password("docker.io"), grant("docker.io")).await.expect_err("an hour");
    assert!(error.is_transient() && error.hint().is_some_and(|it| it.contains("1h")), "{error:?}");
    let world = World::of([slow("x"), slow(""), slow("99999999999999999999999")]);
    let error =
        verify(&world, "password", password("docker.io"), grant("docker.io")).await.expect_err("for ever");
    assert!(error.is_transient());
    assert_eq!(world.pauses().len(), 2);
}

/// C17: on loopback https is tried first and plain http after it; no login is sent before a registry answers.
#[tokio::test]
async fn c17_plain_http_is_spoken_on_loopback_only() {
    let down = || Err(Error::unreachable("no TLS there"));
    let here = "127.0.0.1:5000";
    let world = World::of([down(), asks("Basic"), answer(200, &[], "")]);
    verify(&world, "password", password(here), grant(here)).await.expect("in clear");
    assert_eq!(world.sent()[..2], ["GET https://127.0.0.1:5000/v2/", "GET http://127.0.0.1:5000/v2/"]);

    let mut plain = password(here);
    plain["plain_http"] = json!(true);
    let world = World::of([asks("Basic"), answer(200, &[], "")]);
    verify(&world, "password", plain, grant(here)).await.expect("in clear at once");
    let mut tls = password(here);
    tls["plain_http"] = json!(false);
    let world = World::of([down()]);
    verify(&world, "password", tls, grant(here)).await.expect_err("never in clear");
    let world = World::of([asks("Basic"), answer(200, &[], "")]);
    verify(&world, "password", password("http://127.0.0.1:5000"), grant(here)).await.expect("as it was said");

    // A registry that wants TLS and has a certificate that is not trusted: the first error says more.
    let world = World::of([down(), answer(400, &[], "")]);
    let error = verify(&world, "password", password(here), grant(here)).await.expect_err("not trusted");
    assert_eq!(error.message(), "no TLS there");
    let world = World::of([down()]);
    verify(&world, "password", password("r.example.org"), grant("r.example.org"))
        .await
        .expect_err("no fallback");

    let mut far = password("r.example.org");
    far["plain_http"] = json!(true);
    let problems = connector_core::AuthMethod::check(
        &serde_json::from_value::<super::Password>(far).expect("it parses"),
    );
    assert_eq!(problems[0].field, "plain_http");
}

#[tokio::test]
async fn nobody_sees_what_a_registry_shows_everybody() {
    let world = World::of([asks(HUB), token("t"), answer(200, &[], "")]);
    verify(&world, "anonymous", json!({}), grant("docker.io/alpine")).await.expect("everybody may");
    assert_eq!(
        world.sent()[1],
        "GET https://auth.docker.io/token?client_id=connector&service=registry.docker.io&scope=repository%3Alibrary%2Falpine%3Apull"
    );
    let open = || json!({ "registry": "r.example.org" });
    let world = World::of([answer(200, &[], "")]);
    verify(&world, "anonymous", open(), grant("r.example.org")).await.expect("open");
    for answers in [vec![asks("Basic")], vec![asks(HUB), answer(401, &[], "")]] {
        let error = verify(&World::of(answers), "anonymous", open(), grant("r.example.org"))
            .await
            .expect_err("closed");
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
    // Its door is open, and a repository is not.
    let world = World::of([answer(200, &[], ""), asks(HUB), token("t"), answer(200, &[], "")]);
    verify(&world, "password", password("r.example.org"), grant("r.example.org/app")).await.expect("good");
}

/// S31, invariant 1: the login goes to docker's helper, and to nothing else unless it is allowed.
#[tokio::test]
async fn s31_the_login_goes_to_dockers_helper_and_to_nothing_else() {
    let token = json!({ "identity_token": CANARY, "registry": "r.example.org" });
    for (method, config) in [("password", password("r.example.org")), ("identity-token", token)] {
        let world = World::default();
        let handle = world
            .connector(method, config.clone())
            .resource::<DockerRegistry>("")
            .await
            .expect("the only one");
        let answer = handle.tool("docker").await.expect("its own helper");
        assert!(answer.expose().contains(CANARY) && answer.expose().contains("r.example.org"));
        let error = handle.issue().await.expect_err("nothing else");
        assert!(
            error.hint().is_some_and(|it| it.contains("`docker`") && it.contains("--allow long-lived")),
            "{error:?}"
        );
        assert!(handle.plan().expect("nothing is sent").is_empty());

        let lent = Terms::default().with_allow(Allow::LongLived);
        let handle = world
            .with_terms(method, config, lent)
            .resource::<DockerRegistry>("r.example.org/app")
            .await
            .expect("a part");
        let shown = handle.envelope().await.expect("allowed").to_hidden();
        assert_eq!(
            (&shown["long_lived"], &shown["narrowed"], &shown["within"]),
            (&json!(true), &json!(false), &json!("app"))
        );
        assert_eq!(shown["expires_at"], Value::Null);
        assert!(!shown.to_string().contains(CANARY));
        assert!(world.sent().is_empty(), "issuing calls nobody");
    }
}

#[tokio::test]
async fn a_connector_is_for_its_own_registry() {
    let connector = World::default().connector("password", password("r.example.org"));
    for other in ["docker.io", "user/repo", "r.example.org:443"] {
        let error = connector.resource::<DockerRegistry>(other).await.expect_err("another one");
        assert_eq!(error.field_problems()[0].field, "resource_id", "{other}");
    }
    let error = connector.resource::<DockerRegistry>(grant("r.example.org").with_within("A B")).await;
    assert_eq!(error.expect_err("no name").field_problems()[0].field, "within");
    // Every spelling of it is it.
    let hub = World::default().connector("anonymous", json!({ "registry": "https://index.docker.io/v1/" }));
    for same in ["", "docker.io", "registry-1.docker.io", "user/repo"] {
        assert_eq!(
            hub.resource::<DockerRegistry>(same).await.expect(same).grant().resource_id.as_deref(),
            Some("docker.io")
        );
    }
}

#[test]
fn configs_that_cannot_be_right_are_refused_by_field() {
    let faults = |config: Value| {
        let method: super::Password = serde_json::from_value(config).expect("it parses");
        let problems = connector_core::AuthMethod::check(&method);
        assert!(problems.iter().all(|it| !it.message.contains(CANARY)));
        problems.into_iter().map(|it| it.field).collect::<Vec<_>>()
    };
    assert_eq!(faults(json!({ "username": "me", "password": CANARY })), [""; 0]);
    assert_eq!(faults(json!({ "username": "", "password": "" })), ["username", "password"]);
    assert_eq!(
        faults(json!({ "username": "a:b", "password": format!("{CANARY}\n") })),
        ["username", "password"]
    );
    assert_eq!(faults(json!({ "username": "<token>", "password": CANARY })), ["username"]);
    for registry in ["alpine", "docker.io/user/repo", "http://r.example.org"] {
        let config = json!({ "username": "me", "password": CANARY, "registry": registry });
        assert!(serde_json::from_value::<super::Password>(config).is_err(), "{registry}");
    }
}

/// What the registry does not judge is told when it is registered.
#[tokio::test]
async fn a_registry_that_asks_nobody_has_shown_nothing() {
    let world = World::of([answer(200, &[], "")]);
    let listing =
        world.connector("password", password("r.example.org")).list::<DockerRegistry>().await.expect("open");
    assert_eq!((listing.ids, listing.notes.len()), (vec!["r.example.org".to_owned()], 1));
    let world = World::of([asks("Basic"), answer(200, &[], "")]);
    let listing =
        world.connector("password", password("r.example.org")).list::<DockerRegistry>().await.expect("good");
    assert!(listing.notes.is_empty());
}
