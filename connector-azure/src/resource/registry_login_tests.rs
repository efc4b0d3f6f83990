//! Tests of logging in to registries of ACR: what `docker-registry` issues, and what it refuses.

use connector_conformance::{CANARY, Scripted, assert_silent, json_answer};
use connector_core::{Credential, ErrorKind, Fields, Grant, Issued, Narrowed, Parsed, ResourceType, Wanted};
use connector_docker::DockerCredential;
use serde_json::{Value, json};

use super::*;
use crate::names::Cloud;
use crate::resource::DockerRegistry;
use crate::resource::testing::{ALL, call, connector, connector_allowing, place, session_at, session_for};
use crate::session::Place;
use crate::testing::{ARM, SUBSCRIPTION, TENANT, answer_at, header, jwt, refusal};

const HOST: &str = "zenfiles.azurecr.io";
const KIND: &str = "Microsoft.ContainerRegistry/registries";

fn registry() -> DockerRegistry {
    of(HOST)
}

fn of(text: &str) -> DockerRegistry {
    match DockerRegistry::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("no complete id: {other:?}"),
    }
}

fn arm(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/My-Group/providers/{KIND}/{name}")
}

fn listed(registry: &Value) -> Response {
    json_answer(200, &json!({ "value": [registry] }))
}

/// What lists the registries of the connector's subscription.
fn lists() -> String {
    format!("GET {ARM}/subscriptions/{SUBSCRIPTION}/providers/{KIND}?api-version=2023-07-01")
}

/// A session as issuing has it: its first token is for registries.
fn session() -> Session {
    session_for(place(), Audience::registry(Cloud::Public))
}

/// A token as registries make them: it ends so many seconds after the world began, and says these things of itself.
fn of_registry(seconds: u64, more: Value) -> String {
    let end = Scripted::after(seconds).duration_since(std::time::SystemTime::UNIX_EPOCH).expect("later");
    jwt(&crate::testing::with(json!({ "exp": end.as_secs(), "aud": HOST, "note": CANARY }), more))
}

fn refresh(seconds: u64) -> String {
    of_registry(seconds, json!({ "grant_type": "refresh_token", "permissions": { "actions": ["*"] } }))
}

fn exchanged(token: &str) -> Response {
    json_answer(200, &json!({ "refresh_token": token }))
}

fn opened(token: &str) -> Response {
    json_answer(200, &json!({ "access_token": token }))
}

fn scoped(seconds: u64, name: &str, actions: &[&str]) -> String {
    of_registry(seconds, json!({ "access": [{ "type": "repository", "name": name, "actions": actions }] }))
}

/// A refusal as registries write them.
fn denied(status: u16, code: &str, message: &str) -> Response {
    json_answer(status, &json!({ "errors": [{ "code": code, "message": message, "detail": CANARY }] }))
}

fn password(issued: &Issued<DockerCredential>) -> (&str, &str) {
    let Login::Password { username, password } = &issued.credential.login else { panic!("another login") };
    (username, password.expose())
}

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// S51: the exchange is the one call; the login is the registry's refresh token, which opens all and says so.
#[tokio::test]
async fn s51_a_registry_is_logged_in_to_with_its_refresh_token() {
    let token = refresh(3 * 3600);
    let world = Scripted::answering([exchanged(&token)]);
    let connector = connector(world.context());
    let handle = connector.resource::<DockerRegistry>(HOST).await.expect("a handle");
    let issued = handle.issue().await.expect("a login");
    assert_eq!(issued.credential.registry, HOST);
    assert_eq!(password(&issued), (NOBODY, token.as_str()));
    assert_eq!(world.lines(), [format!("POST https://{HOST}/oauth2/exchange")]);
    let form = world.forms().remove(0);
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("grant_type", "access_token"),
        ("service", HOST),
        ("tenant", TENANT),
        ("access_token", "hunter2-0"),
    ];
    assert_eq!(form, expected, "the first token is the one for registries");
    assert_eq!(header(&world.sent()[0], "authorization"), None);
    // It ends with what it was exchanged for, and the registry's own end is told.
    assert_eq!(issued.expiry.at(), Some(Scripted::after(3600)));
    assert_eq!(issued.provider_expiry.at(), Some(Scripted::after(3 * 3600)));
    assert!(matches!(issued.narrowing(), Narrowed::No(why) if why.contains("--within")));
    assert!(!issued.long_lived);
    let shown = format!("{issued:?}");
    assert!(!shown.contains(&token) && !shown.contains(CANARY), "{shown}");
    let mut fields = Fields::default();
    issued.credential.export(&mut fields);
    assert!(DockerCredential::import(&fields).is_ok(), "it travels");
}

/// A repository narrows: the login is an access token for it alone, for what is asked for.
#[tokio::test]
async fn s51_a_repository_narrows_the_login() {
    for (access, actions) in [
        (Access::Read, &["pull"][..]),
        (Access::Write, &["pull", "push"]),
        (Access::Admin, &["pull", "push", "delete"]),
    ] {
        let (first, token) = (refresh(3 * 3600), scoped(1800, "team/app", actions));
        let world = Scripted::answering([exchanged(&first), opened(&token)]);
        let connector = connector_allowing(world.context(), place(), ALL[3]);
        let grant = Grant::new(DockerRegistry::ID, format!("{HOST}/team/app")).with_access(access);
        let handle = connector.resource::<DockerRegistry>(grant).await.expect("a handle");
        let issued = handle.issue().await.expect("a login");
        assert_eq!(password(&issued), (NOBODY, token.as_str()));
        assert_eq!(world.lines()[1], format!("POST https://{HOST}/oauth2/token"));
        let form = world.forms().remove(1);
        let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let scope = format!("repository:team/app:{}", actions.join(","));
        let expected = [
            ("grant_type", "refresh_token"),
            ("service", HOST),
            ("scope", scope.as_str()),
            ("refresh_token", first.as_str()),
        ];
        assert_eq!(form, expected);
        assert_eq!(issued.expiry.at(), Some(Scripted::after(1800)), "its own end");
        let Narrowed::By(by) = issued.narrowing() else { panic!("narrowed: {:?}", issued.narrowing()) };
        assert!(by.contains("`team/app` alone") && by.ends_with(&actions.join(", ")), "{by}");
        assert_eq!(world.sent().len(), 2);
    }
}

/// What a registry gives is what was asked for, or said to be something else.
#[tokio::test]
async fn a_token_for_more_or_less_than_was_asked_for_is_told() {
    let access = Access::Write;
    let name = "app";
    let two = json!({ "access": [
        { "type": "repository", "name": name, "actions": ["pull", "push"] },
        { "type": "repository", "name": "theirs", "actions": ["pull"] },
    ] });
    for (token, narrowed) in [
        (scoped(1800, name, &["push", "pull"]), Some(true)),
        (scoped(1800, name, &["pull", "push", "delete"]), Some(false)),
        (scoped(1800, name, &["*"]), Some(false)),
        (of_registry(1800, two), Some(false)),
        (scoped(1800, name, &["pull"]), None),
        (scoped(1800, "theirs", &["pull", "push"]), None),
        (of_registry(1800, json!({ "access": [] })), None),
        (of_registry(1800, json!({})), Some(false)),
        ("hunter2-opaque".to_owned(), Some(false)),
    ] {
        let world = Scripted::answering([exchanged(&refresh(9000)), opened(&token)]);
        let cx = world.context();
        let wanted = Wanted::new(access).with_within(name);
        match (registry().issue(&wanted, &session(), &call(&cx)).await, narrowed) {
            (Ok(issued), Some(narrowed)) => {
                assert_eq!(issued.narrowing().is_narrowed(), narrowed, "{issued:?}")
            }
            (Err(error), None) => {
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(error.message().contains("repository `app`"), "{error}");
                assert!(error.message().ends_with("all of this: pull, push"), "{error}");
                assert!(error.hint().is_some_and(|it| it.contains("AcrPush")), "{error:?}");
                assert_silent(&error);
            }
            (other, _) => panic!("{narrowed:?}: {other:?}"),
        }
    }
}

/// The end that a token says is by the registry's clock, and a token that says none ends with its source.
#[tokio::test]
async fn an_end_is_counted_by_the_registrys_clock() {
    let early = Scripted::start() - Duration::from_secs(600);
    let body = json!({ "refresh_token": refresh(1200) });
    let cx = Scripted::answering([answer_at(early, 200, &body)]).context();
    let wanted = Wanted::new(Access::Read);
    let issued = registry().issue(&wanted, &session(), &call(&cx)).await.expect("a login");
    assert_eq!(issued.expiry.at(), Some(Scripted::after(1800)), "30 minutes after its own clock");

    let world = Scripted::answering([exchanged("hunter2-opaque")]);
    let connector = connector(world.context());
    let issued =
        connector.resource::<DockerRegistry>(HOST).await.expect("a handle").issue().await.expect("a login");
    assert_eq!(issued.expiry.at(), Some(Scripted::after(3600)));
    assert_eq!(issued.provider_expiry.at(), Some(Scripted::after(3600)));
}

/// In the sovereign clouds registries take Resource Manager's tokens, and so where there is no other token.
#[tokio::test]
async fn tokens_are_for_whom_the_registry_takes_them_from() {
    let narrowing = |text: &str| of(text).narrowing(&Wanted::new(Access::Read)).expect("a service");
    let audience =
        |text: &str| narrowing(text).expect("a service").audience(Cloud::Public).as_str().to_owned();
    assert_eq!(audience(HOST), "https://containerregistry.azure.net");
    assert_eq!(audience("zenfiles.azurecr.us"), "https://management.usgovcloudapi.net");
    assert_eq!(audience("zenfiles.azurecr.cn"), "https://management.chinacloudapi.cn");

    let place = Place { cloud: Cloud::China, ..place() };
    let world = Scripted::answering([exchanged(&refresh(9000))]);
    let wanted = Wanted::new(Access::Read);
    let china = of("zenfiles.azurecr.cn");
    china.issue(&wanted, &session_at(place.clone()), &call(&world.context())).await.expect("a login");
    assert_eq!(world.lines(), ["POST https://zenfiles.azurecr.cn/oauth2/exchange"]);
    let field = crate::testing::field(&world.forms()[0], "access_token").map(str::to_owned);
    assert_eq!(field.as_deref(), Some("hunter2-first"), "no further token");

    let silent = Scripted::new();
    let cx = silent.context();
    for error in [
        registry().issue(&wanted, &session_at(place.clone()), &call(&cx)).await.expect_err("public"),
        registry().reach(&wanted, &session_at(place), &call(&cx)).await.expect_err("public"),
    ] {
        assert_eq!(error.field_problems()[0].field, "resource_id");
        assert!(error.message().contains("in the cloud `public`, the connector is for `china`"), "{error}");
    }
    assert!(silent.sent().is_empty());
}

/// Who has but one token, for Resource Manager, logs in with that.
#[tokio::test]
async fn one_token_for_resource_manager_is_enough() {
    let token = |text: &str| Token { secret: Secret::new(text), expiry: Expiry::Never("a test's".into()) };
    let manager = Audience::resource_manager(Cloud::Public);
    let world = Scripted::answering([exchanged(&refresh(9000))]);
    let cx = world.context();
    let wanted = Wanted::new(Access::Read);
    let one = Session::of_token(place(), manager, token("hunter2-only"));
    registry().issue(&wanted, &one, &call(&cx)).await.expect("a login");
    let field = crate::testing::field(&world.forms()[0], "access_token").map(str::to_owned);
    assert_eq!(field.as_deref(), Some("hunter2-only"));

    let one = Session::of_token(place(), Audience::storage(), token("hunter2-only"));
    let error = registry().issue(&wanted, &one, &call(&cx)).await.expect_err("for storage");
    assert!(error.message().contains("https://storage.azure.com"), "{error}");
    assert_silent(&error);
}

/// S20: the whole flow, to a call with the registry's token.
#[tokio::test]
async fn s20_a_registry_is_reached_by_the_whole_flow() {
    let token = scoped(1800, "any", &["pull", "push"]);
    let first = refresh(9000);
    let world = Scripted::answering([exchanged(&first), opened(&token), json_answer(200, &json!({}))]);
    let wanted = Wanted::new(Access::Write);
    connector(world.context()).reach(&registry(), &wanted).await.expect("reached");
    let paths = ["POST /oauth2/exchange", "POST /oauth2/token", "GET /v2/"];
    let lines = paths.map(|it| it.replacen(' ', &format!(" https://{HOST}"), 1));
    assert_eq!(world.lines(), lines);
    assert_eq!(crate::testing::field(&world.forms()[1], "scope"), Some("repository:any:pull,push"));
    assert_eq!(header(&world.sent()[2], "authorization"), Some(format!("Bearer {token}").as_str()));

    let token = scoped(1800, "team/app", &["pull"]);
    let tags = json_answer(200, &json!({ "name": "team/app", "tags": ["1"] }));
    let world = Scripted::answering([exchanged(&first), opened(&token), tags]);
    let wanted = Wanted::new(Access::Read).with_within("team/app");
    connector(world.context()).reach(&registry(), &wanted).await.expect("reached");
    assert_eq!(world.lines()[2], "GET https://zenfiles.azurecr.io/v2/team/app/tags/list?n=1");
    assert_eq!(header(&world.sent()[2], "authorization"), Some(format!("Bearer {token}").as_str()));
}

/// S20: what stands in the way is named: the role, the network, the name.
#[tokio::test]
async fn s20_what_stands_in_the_way_is_named() {
    let entered = || exchanged(&refresh(9000));
    let of_any = |actions: &[&str]| opened(&scoped(1800, "any", actions));
    let pulled = || opened(&scoped(1800, "app", &["pull"]));
    let unauthorized = || denied(401, "UNAUTHORIZED", CANARY);
    let whole = Wanted::new;
    let within = |access| Wanted::new(access).with_within("app");
    let firewall = "client with IP '192.0.2.1' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.";
    let pull = "AcrPull (Microsoft.ContainerRegistry/registries/pull/read)";
    let (refused, missing, away) = (ErrorKind::Refused, ErrorKind::NotFound, ErrorKind::Unreachable);
    for (answers, wanted, kind, says, hint) in [
        (
            vec![unauthorized()],
            whole(Access::Read),
            refused,
            "registry `zenfiles.azurecr.io` does not allow",
            pull,
        ),
        (vec![denied(403, "DENIED", CANARY)], whole(Access::Read), refused, "all of this: pull", pull),
        (vec![denied(403, "DENIED", firewall)], whole(Access::Read), refused, "network rules", "firewall"),
        (
            vec![denied(404, "NOT_FOUND", CANARY)],
            whole(Access::Read),
            missing,
            "there is no registry",
            "az acr list",
        ),
        (
            vec![entered(), of_any(&["pull"])],
            whole(Access::Write),
            refused,
            "all of this: pull, push",
            "AcrPush",
        ),
        (
            vec![entered(), of_any(&["pull", "push"])],
            whole(Access::Admin),
            refused,
            "pull, push, delete",
            "AcrDelete",
        ),
        (vec![entered(), unauthorized()], whole(Access::Read), refused, "all of this: pull", "(--within)"),
        (
            vec![entered(), of_any(&["pull"]), unauthorized()],
            whole(Access::Read),
            refused,
            "status 401",
            pull,
        ),
        (
            vec![entered(), unauthorized()],
            within(Access::Write),
            refused,
            "repository `app` of registry",
            "AcrPush",
        ),
        (
            vec![entered(), pulled()],
            within(Access::Write),
            refused,
            "repository `app` of registry",
            "AcrPush",
        ),
        (
            vec![entered(), pulled(), denied(404, "NAME_UNKNOWN", CANARY)],
            within(Access::Read),
            missing,
            "has no repository `app`",
            "first push",
        ),
        (
            vec![entered(), pulled(), denied(403, "DENIED", CANARY)],
            within(Access::Read),
            refused,
            "GET /v2/REPOSITORY/tags/list",
            pull,
        ),
        (
            vec![json_answer(200, &json!({ "token": CANARY }))],
            whole(Access::Read),
            away,
            "oauth2/exchange",
            "",
        ),
        (vec![exchanged("hunter2 with blanks")], whole(Access::Read), away, "oauth2/exchange", ""),
        (
            vec![entered(), Response::new(200, vec![], b"<html>hunter2".to_vec())],
            whole(Access::Read),
            away,
            "oauth2/token",
            "",
        ),
        (
            vec![denied(400, "INVALID", CANARY)],
            whole(Access::Read),
            ErrorKind::InvalidInput,
            "is not reached",
            "",
        ),
    ] {
        let world = Scripted::answering(answers);
        let count = world.clone();
        let error = connector(world.context()).reach(&registry(), &wanted).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{says}: {error:?}");
        let text = format!("{error} {:?}", error.causes());
        assert!(text.contains(says), "{says}: {text}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{hint}: {error:?}");
        assert_silent(&error);
        assert!(!count.sent().is_empty());
    }
    let world = Scripted::new().fails(Error::invalid("nobody is there"));
    let error =
        connector(world.context()).reach(&registry(), &whole(Access::Read)).await.expect_err("nobody");
    assert!(error.hint().is_some_and(|it| it.contains("is there a registry of this name")), "{error:?}");
}

fn with_admin(enabled: bool) -> Response {
    let one =
        json!({ "id": arm("ZenFiles"), "properties": { "loginServer": HOST, "adminUserEnabled": enabled } });
    listed(&one)
}

/// The admin user's password is asked for where both switches and `admin` say so, and nowhere else.
#[tokio::test]
async fn the_admin_users_password_is_asked_for_where_it_is_allowed_alone() {
    let passwords = || {
        let value = format!("{CANARY}-admin");
        json_answer(
            200,
            &json!({ "username": "zenfiles", "passwords": [{ "name": "password", "value": value }] }),
        )
    };
    for allow in ALL {
        for access in Access::ALL {
            let is_password = allow.len() == 2 && access == Access::Admin;
            let answers = match is_password {
                true => vec![with_admin(true), passwords()],
                false => vec![exchanged(&refresh(9000))],
            };
            let world = Scripted::answering(answers);
            let connector = connector_allowing(world.context(), place(), allow);
            let grant = Grant::new(DockerRegistry::ID, HOST).with_access(access);
            let handle = connector.resource::<DockerRegistry>(grant).await.expect("a handle");
            let issued = handle.issue().await.expect("a login");
            assert_eq!(issued.long_lived, is_password, "{allow:?} {access}");
            assert!(!issued.narrowing().is_narrowed());
            if !is_password {
                assert_eq!(password(&issued).0, NOBODY);
                continue;
            }
            assert_eq!(password(&issued), ("zenfiles", "hunter2-admin"));
            assert!(issued.provider_expiry.at().is_none());
            let path =
                format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/My-Group/providers/{KIND}/ZenFiles");
            let list = format!("POST {ARM}{path}/listCredentials?api-version=2023-07-01");
            assert_eq!(world.lines(), [lists(), list]);
            assert_eq!(
                header(&world.sent()[0], "authorization"),
                Some("Bearer hunter2-1"),
                "Resource Manager's own"
            );
            assert!(!format!("{issued:?}").contains(CANARY));
        }
    }
}

/// An admin user that is disabled is named, and stays so.
#[tokio::test]
async fn an_admin_user_that_cannot_be_had_is_named() {
    let bad = json_answer(200, &json!({ "username": "zenfiles", "passwords": [] }));
    for (answers, kind, says) in [
        (
            vec![with_admin(false)],
            ErrorKind::Refused,
            "the admin user of registry `zenfiles.azurecr.io` is disabled",
        ),
        (vec![listed(&json!({}))], ErrorKind::NotFound, "is not among those that the identity sees"),
        (vec![with_admin(true), refusal(403, "AuthorizationFailed")], ErrorKind::Refused, "is not given"),
        (vec![with_admin(true), bad], ErrorKind::Unreachable, "not Azure"),
    ] {
        let world = Scripted::answering(answers);
        let connector = connector_allowing(world.context(), place(), ALL[3]);
        let error = connector.reach(&registry(), &Wanted::new(Access::Admin)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.message().contains(says), "{error}");
        assert_silent(&error);
        if kind == ErrorKind::Refused {
            assert!(
                error.hint().is_some_and(|it| it.contains("ask for") && !it.contains("admin-enabled")),
                "{error:?}"
            );
        }
    }
}

/// A registry that may be in a subscription that could not be looked into is not said to be nowhere.
#[tokio::test]
async fn an_admin_user_that_could_not_be_looked_for_is_told() {
    const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";
    let both: Vec<_> =
        [SUBSCRIPTION, OTHER].map(|id| json!({ "subscriptionId": id, "state": "Enabled" })).into();
    let world = Scripted::answering([
        json_answer(200, &json!({ "value": both })),
        listed(&json!({})),
        refusal(403, "AuthorizationFailed"),
    ]);
    let connector = connector_allowing(world.context(), Place { subscription: None, ..place() }, ALL[3]);
    let error = connector.reach(&registry(), &Wanted::new(Access::Admin)).await.expect_err("perhaps there");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains(&format!("{OTHER} could not be looked into")), "{error}");
    assert_silent(&error);
}
