//! S41: the identity that is at hand, in the order of Azure's libraries.

use connector_conformance::assert_silent;
use connector_core::{AuthMethod, Call, Connector, ErrorKind, Grant, Origin, OriginState, Response};
use serde_json::{Map, Value, json};

use super::managed_identity::{given, on};
use super::user_account::login;
use super::*;
use crate::connector::Azure;
use crate::names::{Audience, Cloud};
use crate::narrowing::Narrowing;
use crate::resource::AzureGeneric;

const IMDS_URL: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
const TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

pub(super) fn implicit(config: Value) -> Implicit {
    method(config)
}

/// An application with a secret stands in the environment.
fn application() -> World {
    World::new()
        .var("AZURE_TENANT_ID", TENANT)
        .var("AZURE_CLIENT_ID", CLIENT)
        .var("AZURE_CLIENT_SECRET", "hunter2-secret")
}

/// A pod with a workload identity.
fn workload() -> World {
    World::new()
        .var("AZURE_TENANT_ID", TENANT)
        .var("AZURE_CLIENT_ID", CLIENT)
        .var("AZURE_FEDERATED_TOKEN_FILE", TOKEN_FILE)
        .file(TOKEN_FILE, "eyJ.hunter2.pod")
}

fn states(origins: &[Origin]) -> Vec<OriginState> {
    origins.iter().map(|it| it.state).collect()
}

/// S40, C19: while the switch is off, nothing is looked at.
#[tokio::test]
async fn s40_c19_off_by_default() {
    let world = az_login(application());
    let connector = Connector::<Azure>::new(world.context(), implicit(json!({})));
    assert!(connector.origins().is_empty());
    let handle = connector.resource::<AzureGeneric>(Grant::from(SUBSCRIPTION)).await.expect("a handle");
    let error = handle.issue().await.expect_err("off");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true"));
    let cx = world.context();
    assert_eq!(Implicit::identity(&Map::new(), &cx).expect("nothing"), "");
    assert_eq!(implicit(json!({})).plan(&Call::new(&cx, None), None).expect("a plan"), []);
    assert_eq!(world.sent().len(), 0);
    assert!(Implicit::ABOUT.warning.unwrap_or_default().contains("another host or in a container"));
}

/// S41, S45: what stands before hides what stands behind, each takes the calls that it takes, and `explain` tells them.
#[tokio::test]
async fn s41_s45_the_order_of_azures_libraries() {
    use OriginState::{Absent, Asked, Hidden, Used};
    let both = |world: World| az_login(world);
    let post = format!("POST {TOKEN_URL}");
    let imds = format!("GET {IMDS_URL}?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com");
    let app = |world: World| {
        world.var("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token").var("IDENTITY_HEADER", "hunter2")
    };
    let app_line = format!(
        "GET http://127.0.0.1:1/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&client_id={CLIENT}"
    );
    for (world, calls, expected, proof) in [
        (
            both(app(workload().var("AZURE_CLIENT_SECRET", "hunter2-secret")))
                .answers(token("eyJ.t.1", 3599)),
            vec![post.clone()],
            [Used, Hidden, Hidden, Hidden],
            Some("client_secret"),
        ),
        (
            both(app(workload())).answers(token("eyJ.t.1", 3599)),
            vec![post.clone()],
            [Absent, Used, Hidden, Hidden],
            Some("client_assertion"),
        ),
        (
            both(app(World::new().var("AZURE_CLIENT_ID", CLIENT))).answers(given("eyJ.t.1", 3599)),
            vec![app_line],
            [Absent, Absent, Used, Hidden],
            None,
        ),
        (
            both(World::new()).answers(given("eyJ.t.1", 3599)),
            vec![imds.clone()],
            [Absent, Absent, Asked, Used],
            None,
        ),
        (
            no_metadata(both(World::new())).answers(login("eyJ.t.1", "1.next")),
            vec![imds.clone(), post.clone()],
            [Absent, Absent, Asked, Used],
            Some("refresh_token"),
        ),
    ] {
        let cx = on(&world);
        let method = implicit(json!({}));
        let origins = method.origins(&cx);
        assert_eq!(states(&origins), expected, "{origins:?}");
        assert!(!format!("{origins:?}").contains(CANARY), "{origins:?}");
        let steps = method.plan(&Call::new(&cx, None), None).expect("a plan");
        assert!(steps.len() >= calls.len() && !format!("{steps:?}").contains(CANARY), "{steps:?}");
        authenticate(&method, &cx, None).await.expect("a session");
        assert_eq!(world.lines(), calls);
        if let Some(proof) = proof {
            let form = form(&world, calls.len() - 1);
            assert!(field(&form, proof).is_some_and(|it| it.contains(CANARY)), "{proof}");
        }
        // It is used in its place: nothing of it is kept.
        assert_eq!(world.kept_names(), Vec::<String>::new());
    }
}

/// S49: further services are asked for in the same way, of the same identity; the machine's endpoint is not looked for
/// again.
#[tokio::test]
async fn s49_the_way_is_found_once() {
    let world = no_metadata(az_login(World::new()));
    let world = world.answers(login("eyJ.one.1", "1.next")).answers(login("eyJ.two.1", "1.next"));
    let cx = on(&world);
    let narrowing = Narrowing::to(Audience::storage());
    let out = authenticate(&implicit(json!({})), &cx, Some(&narrowing)).await.expect("a session");
    out.session.token(&Call::new(&cx, None), &Audience::vault(Cloud::Public)).await.expect("a token");
    let scopes: Vec<_> = (1..3).map(|at| field(&form(&world, at), "scope").expect("it").to_owned()).collect();
    assert_eq!(
        scopes,
        [
            "https://storage.azure.com/.default offline_access",
            "https://vault.azure.net/.default offline_access"
        ]
    );
    let place = &out.session.place;
    assert_eq!(place.subscription.as_ref().map(|it| it.as_str()), Some(SUBSCRIPTION));
    assert_eq!(place.tenant.as_ref().map(|it| it.as_str()), Some(TENANT));
}

/// A certificate that a variable names proves the application; one with a passphrase, or in another form, is refused with
/// what to do.
#[tokio::test]
async fn a_certificate_of_the_environment() {
    const PATH: &str = "/run/app.pem";
    let (certificate, key) = certificate_and_key();
    let named = |text: &str| {
        let world = World::new().var("AZURE_TENANT_ID", TENANT).var("AZURE_CLIENT_ID", CLIENT);
        world.var("AZURE_CLIENT_CERTIFICATE_PATH", PATH).file(PATH, text)
    };
    let whole = format!("{certificate}{key}");
    let world = named(&whole).answers(token("eyJ.t.1", 3599));
    authenticate(&implicit(json!({})), &on(&world), None).await.expect("a session");
    verified(field(&form(&world, 0), "client_assertion").expect("a proof"));
    for (world, says, fix) in [
        (named(&whole).var("AZURE_CLIENT_CERTIFICATE_PASSWORD", CANARY), "passphrase", "openssl"),
        (named(&certificate), "holds no private key", "give the file"),
        (named(CANARY), "neither PEM", ""),
        (named(&whole).var("AZURE_CLIENT_CERTIFICATE_PATH", "/gone.pem"), "cannot be read", "path"),
    ] {
        let error = authenticate(&implicit(json!({})), &on(&world), None).await.expect_err(says);
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(fix.is_empty() || error.hint().is_some_and(|it| it.contains(fix)), "{error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
    }
}

/// Only what is not set up is passed over: what is there and broken is an error, and no other identity takes its place.
#[tokio::test]
async fn a_broken_source_is_never_passed_over() {
    let unset = |world: World, name: &str| world.var(name, "");
    let asset = "/sys/class/dmi/id/chassis_asset_tag";
    let on_azure = || World::new().file(asset, "7783-7084-3265-9085-8269-3286-77\n");
    let gone = |world: World| no_metadata(no_metadata(no_metadata(world)));
    let imds_says =
        |says: &str| json_answer(400, &json!({ "error": "invalid_request", "error_description": says }));
    for (world, config, says) in [
        (unset(application(), "AZURE_TENANT_ID"), json!({}), "without AZURE_TENANT_ID"),
        (unset(application(), "AZURE_CLIENT_ID"), json!({}), "without AZURE_CLIENT_ID"),
        (application().var("AZURE_CLIENT_ID", CANARY), json!({}), "AZURE_CLIENT_ID"),
        (application().var("AZURE_TENANT_ID", "hunter2/x"), json!({}), "AZURE_TENANT_ID"),
        (
            application().answers(aadsts(401, "invalid_client", 7_000_215)),
            json!({}),
            "client secret is wrong",
        ),
        (application(), json!({ "client_id": SUBSCRIPTION }), "another application"),
        (unset(workload(), "AZURE_TENANT_ID"), json!({}), "without AZURE_TENANT_ID"),
        (unset(workload(), "AZURE_CLIENT_ID"), json!({}), "without AZURE_CLIENT_ID"),
        (workload().var("AZURE_FEDERATED_TOKEN_FILE", "/gone"), json!({}), "/gone"),
        (
            World::new()
                .var("AZURE_CLIENT_ID", CLIENT)
                .var("AZURE_USERNAME", "a")
                .var("AZURE_PASSWORD", CANARY),
            json!({}),
            "by a password",
        ),
        (World::new().var("MSI_ENDPOINT", "http://127.0.0.1/x"), json!({}), "Cloud Shell"),
        (
            World::new().answers(imds_says("Identity not found")),
            json!({ "client_id": CLIENT }),
            "no such identity",
        ),
        (
            World::new().answers(imds_says("Multiple user assigned identities exist")),
            json!({}),
            "several identities",
        ),
        (gone(on_azure()), json!({}), "does not answer"),
        (
            World::new().answers(imds_says("Identity not found")),
            json!({ "endpoints": { "identity": "http://127.0.0.1:1" } }),
            "has no identity",
        ),
        (
            World::new()
                .var("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token")
                .var("IDENTITY_HEADER", "x")
                .answers(imds_says("No User Assigned or Delegated Managed Identity found for x")),
            json!({}),
            "has no identity",
        ),
        (
            gone(World::new()),
            json!({ "endpoints": { "identity": "http://127.0.0.1:1" } }),
            "the machine's identity endpoint",
        ),
    ] {
        let world = az_login(world);
        let error = authenticate(&implicit(config), &on(&world), None).await.expect_err(says);
        assert_ne!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(error.to_string().contains("nothing else is tried"), "{error}");
        assert_silent(&error);
        assert_eq!(world.forms().iter().filter(|it| field(it, "refresh_token").is_some()).count(), 0);
    }
}

/// Where nothing is set up, all places are told with what is missing there.
#[tokio::test]
async fn what_is_missing_is_told_by_place() {
    let strange = || Response::new(404, vec![("server".to_owned(), "EC2ws".to_owned())], Vec::new());
    let nobody = || {
        json_answer(400, &json!({ "error": "invalid_request", "error_description": "Identity not found" }))
    };
    for world in [
        no_metadata(World::new()),
        no_metadata(az_profile(World::new(), &[])),
        World::new().answers(strange()),
        World::new().answers(nobody()),
    ] {
        let error = authenticate(&implicit(json!({})), &on(&world), None).await.expect_err("nothing");
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        let causes = error.causes().join("\n");
        for part in
            ["AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "identity endpoint", "nobody is logged in"]
        {
            assert!(causes.contains(part), "{part}: {causes}");
        }
        assert!(error.hint().is_some_and(|it| it.contains("az login")), "{error:?}");
    }
}

/// C27: a machine of Azure's without an identity of its own leaves it to az's login, whose identity is part of the key
/// then, too.
#[tokio::test]
async fn c27_a_machine_of_azure_without_an_identity() {
    let asset = "/sys/class/dmi/id/chassis_asset_tag";
    let nobody =
        json_answer(400, &json!({ "error": "invalid_request", "error_description": "Identity not found" }));
    let machine = || World::new().file(asset, "7783-7084-3265-9085-8269-3286-77\n");
    let world = az_login(machine().answers(nobody)).answers(login("eyJ.t.1", "1.next"));
    let cx = on(&world);
    let key = |cx| Implicit::identity(&Map::new(), cx).expect("it is said");
    let method = implicit(json!({}));
    assert_eq!(states(&method.origins(&cx))[2..], [OriginState::Asked, OriginState::Used]);
    assert_eq!(method.plan(&Call::new(&cx, None), None).expect("a plan").len(), 2);
    authenticate(&method, &cx, None).await.expect("a session");
    assert_eq!(world.sent().len(), 2);
    assert_ne!(key(&cx), key(&on(&machine())));
}

/// The authority in the environment tells the cloud, unless the config does; another one is taken as it is.
#[tokio::test]
async fn the_authority_of_the_environment() {
    let government = "https://login.microsoftonline.us";
    for (host, config, url, cloud) in [
        (government, json!({}), government, Cloud::Government),
        ("login.microsoftonline.us/", json!({}), government, Cloud::Government),
        ("https://login.chinacloudapi.cn/", json!({}), "https://login.chinacloudapi.cn", Cloud::China),
        (
            "https://login.partner.microsoftonline.cn",
            json!({}),
            "https://login.partner.microsoftonline.cn",
            Cloud::China,
        ),
        ("https://login.corp.example/", json!({}), "https://login.corp.example", Cloud::Public),
        (government, json!({ "cloud": "china" }), "https://login.chinacloudapi.cn", Cloud::China),
    ] {
        let world = application().var("AZURE_AUTHORITY_HOST", host).answers(token("eyJ.t.1", 3599));
        let out = authenticate(&implicit(config), &on(&world), None).await.expect("a session");
        assert_eq!(world.lines(), [format!("POST {url}/{TENANT}/oauth2/v2.0/token")]);
        assert_eq!(out.session.place.cloud, cloud);
        assert_eq!(
            field(&form(&world, 0), "scope"),
            Some(&*format!("{}/.default", cloud.resource_manager()))
        );
    }
    for host in ["http://login.corp.example", "https://169.254.169.254", "https://a@hunter2"] {
        let world = application().var("AZURE_AUTHORITY_HOST", host);
        let error = authenticate(&implicit(json!({})), &on(&world), None).await.expect_err(host);
        assert!(error.to_string().contains("AZURE_AUTHORITY_HOST"), "{error}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
    }
}

/// C18: a connector cannot have what the machine holds sent to an authority of its own; one that the machine names too is
/// meant, and so is the machine itself.
#[tokio::test]
async fn c18_secrets_of_the_machine_go_to_no_strange_authority() {
    let strange = [
        json!({ "authority_url": "https://login.evil.example" }),
        json!({ "endpoint_url": "https://evil.example" }),
        json!({ "endpoint_url": "https://10.0.0.1" }),
        json!({ "endpoints": { "authority": "https://evil.example" } }),
        json!({ "endpoints": { "authority": "https://login.microsoftonline.com.evil.example" } }),
        json!({ "endpoints": { "authority": "http://login.microsoftonline.com:80" } }),
    ];
    for config in &strange[..5] {
        for world in [application(), workload(), no_metadata(az_login(World::new()))] {
            let error =
                authenticate(&implicit(config.clone()), &on(&world), None).await.expect_err("not sent");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
            assert!(error.hint().is_some_and(|it| it.contains("AZURE_AUTHORITY_HOST")), "{error:?}");
            assert!(world.lines().iter().all(|it| !it.starts_with("POST")), "{:?}", world.lines());
            let steps = implicit(config.clone()).plan(&Call::new(&on(&world), None), None);
            let is_told = steps.map_or(true, |steps| {
                steps.iter().all(|it| it.call != "entra:token" || !world.sent().is_empty())
            });
            assert!(is_told, "what is refused is not planned");
            assert_silent(&error);
        }
    }
    assert!(!faults::<Implicit>(strange[5].clone()).is_empty(), "no secret is sent in clear");
    for (world, config) in [
        (
            application().var("AZURE_AUTHORITY_HOST", "https://login.corp.example"),
            json!({ "authority_url": "https://login.corp.example" }),
        ),
        (application(), json!({ "endpoint_url": "https://127.0.0.1:9" })),
        (application(), json!({ "authority_url": "https://login.microsoftonline.us" })),
    ] {
        let world = world.answers(token("eyJ.t.1", 3599));
        authenticate(&implicit(config), &on(&world), None).await.expect("a session");
    }
}

/// C27: whatever decides whose identity it is stands in the cache key, without a secret.
#[test]
fn c27_each_identity_has_a_key_of_its_own() {
    let identity =
        |world: &World, config: Value| Implicit::identity(&object(config), &on(world)).expect("it is said");
    let other = "99999999-7777-8888-9999-000000000000";
    let bob = az_subscription(json!({ "user": { "name": "bob@example.org", "type": "user" } }));
    let second = az_subscription(json!({ "id": other }));
    let keys = [
        identity(&application(), json!({})),
        identity(&application().var("AZURE_CLIENT_ID", other), json!({})),
        identity(&application().var("AZURE_TENANT_ID", other), json!({})),
        identity(&application().var("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us"), json!({})),
        identity(&application().var("AZURE_SUBSCRIPTION_ID", other), json!({})),
        identity(&workload(), json!({})),
        identity(&workload(), json!({ "client_id": other })),
        identity(&workload().var("AZURE_FEDERATED_TOKEN_FILE", "/other"), json!({})),
        identity(&World::new(), json!({})),
        identity(&World::new().var("AZURE_CLIENT_ID", CLIENT), json!({})),
        identity(&World::new(), json!({ "endpoints": { "identity": "http://127.0.0.1:1" } })),
        identity(&az_login(World::new()), json!({})),
        identity(&az_profile(World::new(), &[bob]), json!({})),
        identity(&az_profile(World::new(), &[second]), json!({})),
        identity(&az_login(World::new()).var("AZURE_CONFIG_DIR", "/other"), json!({})),
        identity(&az_profile(World::new(), &[json!(CANARY)]), json!({})),
    ];
    for (at, key) in keys.iter().enumerate() {
        assert!(!key.contains(CANARY), "{key}");
        // Two of them are of a machine where nothing is but perhaps a metadata service.
        let same = keys.iter().filter(|it| *it == key).count();
        assert_eq!(same, if matches!(at, 8 | 14) { 2 } else { 1 }, "{key}");
    }
    // What stands in for Azure need not be there, on a machine of Azure's either: then it is az's login that counts.
    let stand_in = json!({ "endpoint_url": "https://127.0.0.1:9" });
    let azures =
        || World::new().file("/sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77");
    let bob = az_subscription(json!({ "user": { "name": "bob@example.org", "type": "user" } }));
    assert_ne!(
        identity(&az_login(azures()), stand_in.clone()),
        identity(&az_profile(azures(), &[bob]), stand_in)
    );
    let broken = application().var("AZURE_CLIENT_ID", CANARY);
    assert_silent(&Implicit::identity(&Map::new(), &on(&broken)).expect_err("broken"));
}
