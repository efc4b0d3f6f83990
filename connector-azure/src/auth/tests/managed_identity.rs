//! S41: the identity that Azure gave to the machine, by each of its protocols.

use std::time::{Duration, SystemTime};

use connector_conformance::assert_silent;
use connector_core::{
    AuthMethod, Call, Connector, Context, Error, ErrorKind, Expiry, Grant, OriginState, Request, Response,
};
use serde_json::{Map, Value, json};

use super::*;
use crate::connector::Azure;
use crate::names::Audience;
use crate::narrowing::Narrowing;
use crate::resource::AzureGeneric;

const IMDS_URL: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
const IDENTITY: &str = "/subscriptions/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/resourceGroups/my-group/providers/\
    Microsoft.ManagedIdentity/userAssignedIdentities/my-identity";

pub(super) fn on(world: &World) -> Context {
    world.named("here").with_implicit(true)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs()
}

/// What the endpoints answer: numbers as text.
pub(super) fn given(name: &str, left: u64) -> Response {
    json_answer(
        200,
        &json!({
            "access_token": name, "client_id": CLIENT, "expires_in": left.to_string(),
            "expires_on": seconds(World::after(left)).to_string(), "not_before": "1", "token_type": "Bearer",
            "resource": "https://management.azure.com",
        }),
    )
}

fn of_imds(error: &str, says: &str) -> Response {
    json_answer(400, &json!({ "error": error, "error_description": format!("{says} {CANARY}") }))
}

fn of_app_service(status: u16, says: &str) -> Response {
    json_answer(status, &json!({ "statusCode": status, "message": format!("{says} {CANARY}") }))
}

pub(super) fn machine(config: Value) -> ManagedIdentity {
    method(config)
}

pub(super) fn app_service() -> World {
    World::new()
        .var("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token")
        .var("IDENTITY_HEADER", "hunter2-header")
}

pub(super) fn arc() -> World {
    World::new()
        .var("IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token")
        .var("IMDS_ENDPOINT", "http://localhost:40342")
}

pub(super) fn challenged(path: &str) -> Response {
    Response::new(401, vec![("www-authenticate".to_owned(), format!("Basic realm={path}"))], Vec::new())
}

fn is_local(request: &Request) -> bool {
    request.is_to_metadata()
        && request.timeout().is_some_and(|it| it <= Duration::from_secs(2))
        && header(request, "metadata") == Some("true")
}

/// S40, C19: while the switch is off, nothing is looked at.
#[tokio::test]
async fn s40_c19_off_by_default() {
    let world = app_service();
    let connector = Connector::<Azure>::new(world.context(), machine(json!({})));
    assert!(connector.origins().is_empty());
    let handle = connector.resource::<AzureGeneric>(Grant::from(SUBSCRIPTION)).await.expect("a handle");
    let error = handle.issue().await.expect_err("off");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true"));
    assert_eq!(ManagedIdentity::identity(&Map::new(), &world.context()).expect("nothing"), "");
    assert_eq!(world.sent().len(), 0);
}

/// S41, S49: one call to the metadata service, past every proxy and not for long; the service that is asked for is the
/// one that is needed, and the identity the one that is named.
#[tokio::test]
async fn s41_s49_a_virtual_machine() {
    let storage = Narrowing::to(Audience::storage());
    for (config, narrowing, query) in [
        (json!({}), None, "resource=https%3A%2F%2Fmanagement.azure.com".to_owned()),
        (json!({}), Some(&storage), "resource=https%3A%2F%2Fstorage.azure.com".to_owned()),
        (
            json!({ "client_id": CLIENT }),
            None,
            format!("resource=https%3A%2F%2Fmanagement.azure.com&client_id={CLIENT}"),
        ),
        (
            json!({ "identity_resource_id": IDENTITY }),
            None,
            format!(
                "resource=https%3A%2F%2Fmanagement.azure.com&msi_res_id={}",
                IDENTITY.replace('/', "%2F")
            ),
        ),
    ] {
        let world = World::new().answers(given("eyJ.token.1", 86_399));
        let out = authenticate(&machine(config), &on(&world), narrowing).await.expect("a session");
        assert_eq!(world.lines(), [format!("GET {IMDS_URL}?api-version=2018-02-01&{query}")]);
        assert!(is_local(&world.sent()[0]));
        assert_eq!(out.expiry, Expiry::At(World::after(86_399)));
    }
}

/// S41: App Service has its own endpoint and a header that only it knows.
#[tokio::test]
async fn s41_an_app_service() {
    for (config, more) in [
        (json!({}), String::new()),
        (json!({ "client_id": CLIENT }), format!("&client_id={CLIENT}")),
        (json!({ "identity_resource_id": IDENTITY }), format!("&mi_res_id={}", IDENTITY.replace('/', "%2F"))),
    ] {
        let end = seconds(World::after(3600)).to_string();
        let answer = json!({ "access_token": "eyJ.token.1", "expires_on": end, "token_type": "Bearer" });
        let world = app_service().answers(json_answer(200, &answer));
        let out = authenticate(&machine(config), &on(&world), None).await.expect("a session");
        let url = format!(
            "http://127.0.0.1:41741/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com{more}"
        );
        assert_eq!(world.lines(), [format!("GET {url}")]);
        assert!(is_local(&world.sent()[0]));
        assert_eq!(header(&world.sent()[0], "x-identity-header"), Some("hunter2-header"));
        assert_eq!(out.expiry, Expiry::At(World::after(3600)));
    }
}

/// S41: a machine of Azure Arc shows that it may read a file.
#[tokio::test]
async fn s41_a_machine_of_arc() {
    const KEY: &str = "/var/opt/azcmagent/tokens/8f6a-1.key";
    let world =
        arc().file(KEY, "aHVudGVyMg==\n").answers(challenged(KEY)).answers(given("eyJ.token.1", 3600));
    authenticate(&machine(json!({})), &on(&world), None).await.expect("a session");
    let line = "GET http://localhost:40342/metadata/identity/oauth2/token?api-version=2020-06-01&\
                resource=https%3A%2F%2Fmanagement.azure.com";
    assert_eq!(world.lines(), [line, line]);
    let sent = world.sent();
    assert!(sent.iter().all(is_local));
    assert_eq!(
        (header(&sent[0], "authorization"), header(&sent[1], "authorization")),
        (None, Some("Basic aHVudGVyMg=="))
    );
}

/// C26: an answer that tells the end in two ways is good until the earlier one, by the clock of who answered where it
/// tells that; numbers may be numbers or text.
#[tokio::test]
async fn c26_the_earlier_end_counts() {
    let on_of = |seconds_left| seconds(World::after(seconds_left));
    for (answer, end) in [
        (json!({ "expires_in": "3600", "expires_on": on_of(900).to_string() }), 900),
        (json!({ "expires_in": 600, "expires_on": on_of(900) }), 600),
        (json!({ "expires_in": "3600" }), 3600),
        (json!({ "expires_on": on_of(900) }), 900),
        (json!({ "expires_in": "", "expires_on": on_of(900).to_string() }), 900),
    ] {
        let answer = json_answer(200, &with(answer, json!({ "access_token": "eyJ.token.1" })));
        let world = World::new().answers(answer);
        let out = authenticate(&machine(json!({})), &on(&world), None).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(World::after(end)));
    }
    // The machine's clock is two hours ahead of the one that counts.
    let body = json!({ "access_token": "eyJ.token.1", "expires_on": on_of(900).to_string() });
    let world = World::new().answers(answer_at(World::start(), 200, &body));
    world.advance(Duration::from_secs(7200));
    let out = authenticate(&machine(json!({})), &on(&world), None).await.expect("a session");
    assert_eq!(out.expiry, Expiry::At(World::after(7200 + 900)));
}

/// C28: what is no token is none, and nothing of it is shown.
#[tokio::test]
async fn c28_garbage_is_no_token() {
    for body in [
        json!({}),
        json!("hunter2"),
        json!({ "access_token": "hunter2" }),
        json!({ "access_token": "hun ter2", "expires_in": "1" }),
        json!({ "access_token": "", "expires_in": "1" }),
        json!({ "access_token": "hunter2", "expires_on": "2017-09-14T00:00:00Z hunter2" }),
        json!({ "access_token": ["hunter2"], "expires_in": "1" }),
        json!({ "access_token": "hunter2", "expires_in": -1 }),
    ] {
        let world = World::new().answers(json_answer(200, &body));
        let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err("garbage");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{body}");
        assert_silent(&error);
    }
}

/// C16: each refusal by name: no identity, another one, several, trouble, another cloud's machine.
#[tokio::test]
async fn c16_refusals_are_told_with_their_fix() {
    let strange = |name: &str, value: &str| {
        Response::new(404, vec![(name.to_owned(), value.to_owned())], b"hunter2".to_vec())
    };
    let named = json!({ "client_id": CLIENT });
    let by_id = json!({ "identity_resource_id": IDENTITY });
    let none = json!({});
    let not_there = || of_imds("invalid_request", "Identity not found");
    let not_in_app = || {
        of_app_service(
            400,
            "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId.",
        )
    };
    let aadsts = of_imds("invalid_resource", "AADSTS500011: The resource principal named x was not found");
    for (world, answer, config, kind, says, fix) in [
        (World::new(), not_there(), &none, ErrorKind::Refused, "has no identity", "identity assign"),
        (World::new(), not_there(), &named, ErrorKind::Refused, "no such identity", "client_id"),
        (World::new(), not_there(), &by_id, ErrorKind::Refused, "no such identity", "identity_resource_id"),
        (app_service(), not_in_app(), &named, ErrorKind::Refused, "no such identity", "client_id"),
        (
            World::new(),
            of_imds(
                "invalid_request",
                "Multiple user assigned identities exist, please specify the clientId",
            ),
            &none,
            ErrorKind::Refused,
            "several identities",
            "client_id",
        ),
        (World::new(), aadsts, &none, ErrorKind::Refused, "does not know the service", "cloud"),
        (
            World::new(),
            of_imds("invalid_request", "x"),
            &none,
            ErrorKind::Refused,
            "does not take",
            "service",
        ),
        (
            app_service(),
            of_app_service(401, "bad header"),
            &none,
            ErrorKind::Refused,
            "IDENTITY_HEADER",
            "platform",
        ),
        (
            World::new(),
            strange("server", "EC2ws"),
            &none,
            ErrorKind::Unreachable,
            "another cloud's",
            "own credentials",
        ),
        (
            World::new(),
            strange("metadata-flavor", "Google"),
            &none,
            ErrorKind::Unreachable,
            "another cloud's",
            "own",
        ),
        (
            World::new(),
            Response::new(
                403,
                Vec::new(),
                b"connecting to 169.254.169.254:80: network is unreachable".to_vec(),
            ),
            &none,
            ErrorKind::Unreachable,
            "a proxy's",
            "own",
        ),
        (
            World::new(),
            Response::new(400, Vec::new(), b"<hunter2>".to_vec()),
            &none,
            ErrorKind::Unreachable,
            "not Azure",
            "",
        ),
        (
            World::new(),
            Response::new(302, Vec::new(), Vec::new()),
            &none,
            ErrorKind::Unreachable,
            "not Azure",
            "",
        ),
    ] {
        let world = world.answers(answer);
        let error = authenticate(&machine(config.clone()), &on(&world), None).await.expect_err(says);
        assert_eq!((error.kind(), world.sent().len()), (kind, 1), "{error:?}");
        assert!(error.message().contains(says), "{says}: {error:?}");
        assert!(error.hint().is_some_and(|it| it.contains(fix)), "{fix}: {error:?}");
        assert_silent(&error);
    }
    let error = authenticate(&machine(named), &on(&arc()), None).await.expect_err("arc has one identity");
    assert!(error.message().contains("Azure Arc") && error.hint().is_some(), "{error:?}");
}

/// An endpoint that is being renewed is asked again, and not for ever. One that is not there is an outage to who knows
/// that the machine has one.
#[tokio::test]
async fn what_may_pass_is_tried_again_a_few_times() {
    for status in [404, 410, 429, 500, 503] {
        let trouble = || Response::new(status, Vec::new(), b"hunter2".to_vec());
        let world = World::new().answers(trouble()).answers(trouble()).answers(given("eyJ.token.1", 3600));
        authenticate(&machine(json!({})), &on(&world), None).await.expect("it passed");
        let world = World::new().answers(trouble()).answers(trouble()).answers(trouble());
        let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err("it does not pass");
        assert!(error.is_transient() && error.kind() == ErrorKind::Unreachable, "{error:?}");
        assert_eq!(world.sent().len(), 3);
        assert_silent(&error);
    }
    let gone = || Error::unreachable("no connection");
    let world = World::new().fails(gone()).fails(gone()).fails(gone());
    let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err("nobody answers");
    assert!(error.is_transient() && error.message().contains("does not answer"), "{error:?}");
    assert!(error.hint().is_some_and(|it| it.contains("only machines of Azure's")), "{error:?}");
}

/// C27: what tells one machine from another stands in the cache key, and `explain` names the place.
#[test]
fn c27_the_endpoint_is_part_of_the_identity() {
    let identity = |world: &World| ManagedIdentity::identity(&Map::new(), &on(world)).expect("it is said");
    let all = [identity(&World::new()), identity(&app_service()), identity(&arc())];
    assert!(all.iter().all(|it| !it.contains(CANARY)), "{all:?}");
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
    let own = json!({ "endpoints": { "identity": "http://127.0.0.1:9" } });
    assert_eq!(ManagedIdentity::identity(&object(own), &on(&app_service())).expect("it is said"), "");
    let origins = machine(json!({})).origins(&on(&app_service()));
    assert_eq!((origins.len(), origins[0].state), (1, OriginState::Asked));
    assert!(origins[0].detail.contains("App Service"), "{origins:?}");
    let cx = on(&World::new());
    let steps = machine(json!({ "client_id": CLIENT })).plan(&Call::new(&cx, None), None).expect("a plan");
    assert_eq!(steps[0].call, "identity:token");
}

#[test]
fn configs_that_cannot_work_are_refused_by_field() {
    let both = json!({ "client_id": CLIENT, "identity_resource_id": IDENTITY });
    let found = faults::<ManagedIdentity>(both);
    assert!(
        found.iter().any(|(field, why)| field == "identity_resource_id" && why.contains("leave one out"))
    );
    for text in ["", "my-identity", "/subscriptions/x/resourceGroups/g/providers/p/k/n", &IDENTITY[1..]] {
        let config = json!({ "identity_resource_id": text });
        assert!(serde_json::from_value::<ManagedIdentity>(config).is_err(), "{text}");
    }
    let other = IDENTITY.replace("resourceGroups", "resourcegroups");
    machine(json!({ "identity_resource_id": other }));
}
