//! Tests of `secret`.

use std::time::Duration;

use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, partial};
use connector_conformance::{CANARY, Scripted, assert_silent, json_answer};
use connector_core::{
    Access, Error, ErrorKind, Expiry, Narrowed, Parsed, ResourceType, Response, SecretReader, Wanted,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::StoredSecret;
use crate::names::{Audience, Cloud, ResourceGroup};
use crate::resource::testing::{call, connector, connector_at, place, session, session_at, session_for};
use crate::session::Place;
use crate::testing::{ARM, SUBSCRIPTION, header, refusal};

const ID: &str = "https://zen.vault.azure.net/secrets/db-password";
const OTHER: &str = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";

fn arm_id() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/zen/secrets/db-password"
    )
}

fn stored(text: &str) -> StoredSecret {
    match StoredSecret::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

fn all() -> Place {
    Place { subscription: None, ..place() }
}

/// S17: every form of one secret becomes `https://{vault}.vault.azure.net/secrets/{secret}`.
#[test]
fn s17_accepted_forms() {
    let longest = "a".repeat(127);
    let arm = arm_id();
    check_accepted::<StoredSecret>(&[
        (ID, exact(ID), "canonical"),
        (&format!("{ID}/"), exact(ID), "references of App Service end so"),
        (
            "https://zen.vault.azure.net:443/secrets/db-password",
            exact(ID),
            "lists of Key Vault write the port",
        ),
        ("https://ZEN.Vault.Azure.NET/secrets/db-password", exact(ID), "a host has no case"),
        (
            "https://zen.vault.azure.net/secrets/DB-Password",
            exact("https://zen.vault.azure.net/secrets/DB-Password"),
            "a name is left as it is written",
        ),
        (
            "https://zen.vault.usgovcloudapi.net/secrets/a",
            exact("https://zen.vault.usgovcloudapi.net/secrets/a"),
            "of the government",
        ),
        ("https://zen.vault.azure.cn/secrets/a", exact("https://zen.vault.azure.cn/secrets/a"), "of China"),
        ("zen/db-password", partial("zen/db-password"), "the session says the cloud"),
        (&arm, partial(&arm), "the session has to agree on the subscription"),
        (&arm.to_uppercase(), partial(&arm.to_uppercase()), "Resource Manager does not tell cases apart"),
        ("db-password", partial("db-password"), "the name alone"),
        (&longest, partial(&longest), "127 characters"),
    ]);
}

#[test]
fn s17_refused_forms() {
    let (name, vault, host) = ("a secret name", "the name of a key vault", "none of a key vault's");
    let long = "a".repeat(128);
    check_refused::<StoredSecret>(&[
        ("", name, "nothing"),
        (&long, name, "128 characters"),
        ("db password", name, "a blank"),
        ("db_password", name, "an underscore"),
        ("..", name, "dots would change the URL"),
        ("db?x=1", name, "so would a question mark"),
        ("db%2f", name, "and an encoding"),
        ("pässword", name, "a letter of another alphabet"),
        ("db\n", name, "a control character"),
        ("zen/", name, "a vault without a secret"),
        ("/db", vault, "a secret of no vault"),
        ("z/db", vault, "a vault's name has three characters at least"),
        ("zen--x/db", vault, "no two hyphens beside each other"),
        ("1zen/db", vault, "a letter first"),
        ("zen.vault.azure.net/secrets/db", "number of parts", "a host without a scheme"),
        ("http://zen.vault.azure.net/secrets/db", "number of parts", "in clear"),
        ("https://zen.vault.azure.net", "number of parts", "a vault alone"),
        ("https://zen.vault.azure.net/secrets", "number of parts", "no secret"),
        ("https://zen.vault.azure.net/secrets/", "number of parts", "no secret"),
        ("https://zen.vault.azure.net//secrets/db", "number of parts", "two slashes"),
        (&format!("{ID}/0123456789abcdef0123456789abcdef"), "a version", "another value than that of now"),
        (&format!("{ID}//"), "a version", "a version of nothing"),
        ("https://zen.vault.azure.net/keys/db", "no secret", "a key"),
        ("https://zen.vault.azure.net/certificates/db", "no secret", "a certificate"),
        (&format!("{ID}?api-version=7.4"), name, "a query"),
        ("https://zen.vault.azure.net:8443/secrets/db", host, "another port"),
        ("https://me@zen.vault.azure.net/secrets/db", vault, "a user"),
        ("https://zen.vault.azure.net.evil.example/secrets/db", host, "a host of somebody else"),
        ("https://evil.example/zen.vault.azure.net/secrets/db", host, "the same in the path"),
        ("https://zenvault.azure.net/secrets/db", host, "no dot before the suffix"),
        ("https://a.zen.vault.azure.net/secrets/db", vault, "a host below a vault's"),
        ("https://.vault.azure.net/secrets/db", vault, "no vault"),
        ("https://vault.azure.net/secrets/db", host, "no vault"),
        ("https://zen.managedhsm.azure.net/keys/db", host, "an HSM has no secrets"),
        (&arm_id().replace("KeyVault", "Storage"), "something else", "another provider's"),
        (&arm_id().replace("/secrets/db-password", ""), "something else", "a vault alone"),
        (&arm_id().replace("/zen/", "/../"), vault, "dots in place of a vault"),
        ("projects/my-project/secrets/db", "number of parts", "another cloud"),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<StoredSecret>(&[ID, "zen/db-password", "https://zen.vault.azure.cn:443/secrets/a/"]);
}

proptest! {
    /// S17, C24: whatever stands in an id, what is called is a path of one secret in one vault of Azure's.
    #[test]
    fn s17_whatever_is_taken_names_one_secret_of_one_vault(
        host in "[a-zA-Z0-9.:@/-]{0,12}", suffix in "(\\.vault\\.azure\\.(net|cn))?", path in "[ -~]{0,24}",
    ) {
        for text in [format!("https://{host}{suffix}/secrets/{path}"), format!("https://{host}{suffix}{path}")] {
            if let Ok(Parsed::Exact { resource, within }) = StoredSecret::parse(&text) {
                prop_assert_eq!(within, None);
                let again = stored(&resource.id());
                prop_assert_eq!(&again, &resource);
                let id = resource.id();
                let rest = id.strip_prefix("https://").expect("https");
                let (vault, rest) = rest.split_once('.').expect("a host");
                prop_assert!(vault.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-'));
                let (host, name) = rest.split_once("/secrets/").expect("a path");
                prop_assert!(matches!(host, "vault.azure.net" | "vault.azure.cn"));
                prop_assert!(!name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-'));
            }
        }
    }

    /// Names that Key Vault gives are read in each form, and the id is read as itself.
    #[test]
    fn s17_ids_round_trip(vault in "[a-z][a-z0-9]{1,10}(-[a-z0-9]{1,4})?", name in "[0-9A-Za-z-]{1,127}") {
        for (cloud, suffix) in [
            (Cloud::Public, "vault.azure.net"),
            (Cloud::Government, "vault.usgovcloudapi.net"),
            (Cloud::China, "vault.azure.cn"),
        ] {
            prop_assume!(vault.len() >= 3);
            let id = format!("https://{vault}.{suffix}/secrets/{name}");
            let secret = stored(&id);
            prop_assert_eq!((secret.cloud(), secret.vault().as_str()), (cloud, vault.as_str()));
            prop_assert_eq!(secret.name().as_str(), name.as_str());
            prop_assert_eq!(secret.id(), id);
        }
    }
}

/// S18: what is no complete id is completed with the session's cloud, without a call where a vault is named.
#[tokio::test]
async fn s18_a_vault_and_a_name_are_completed_with_the_cloud() {
    let world = Scripted::new();
    let cx = world.context();
    for text in ["zen/db-password", "ZEN/db-password", &arm_id(), &arm_id()[1..]] {
        let found = StoredSecret::resolve(text, &session(), &call(&cx)).await.expect("a secret");
        assert_eq!(found.id(), ID);
    }
    let china = session_at(Place { cloud: Cloud::China, ..place() });
    let found = StoredSecret::resolve("zen/a", &china, &call(&cx)).await.expect("a secret");
    assert_eq!(found.id(), "https://zen.vault.azure.cn/secrets/a");
    let group = ResourceGroup::parse("other").expect("a group");
    let elsewhere = session_at(Place { group: Some(group), ..place() });
    for (text, session) in [
        (arm_id().replace(SUBSCRIPTION, OTHER), session()),
        (arm_id(), elsewhere),
        (String::new(), session()),
    ] {
        let error = StoredSecret::resolve(&text, &session, &call(&cx)).await.expect_err("another place");
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
    assert!(world.sent().is_empty());
}

/// S19: an id of another cloud is refused, whatever is asked for, without a call.
#[tokio::test]
async fn s19_a_secret_of_another_cloud_is_refused() {
    let world = Scripted::new();
    let cx = world.context();
    let (theirs, wanted) = (stored("https://zen.vault.azure.cn/secrets/db"), Wanted::new(Access::Read));
    let session = session_for(place(), Audience::vault(Cloud::China));
    for error in [
        theirs.reach(&wanted, &session, &call(&cx)).await.expect_err("theirs"),
        theirs.issue(&wanted, &session, &call(&cx)).await.map(|_| ()).expect_err("theirs"),
        StoredSecret::resolve(&theirs.id(), &session, &call(&cx)).await.map(|_| ()).expect_err("theirs"),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("in the cloud `china`, the connector is for `public`"), "{error}");
    }
    assert!(world.sent().is_empty());
}

fn vaults(names: &[&str]) -> Response {
    let all: Vec<_> = names
        .iter()
        .map(|it| json!({ "name": it, "properties": { "vaultUri": format!("https://{it}.vault.azure.net/") } }))
        .collect();
    json_answer(200, &json!({ "value": all }))
}

fn subscriptions(ids: &[&str]) -> Response {
    let all: Vec<_> = ids.iter().map(|it| json!({ "subscriptionId": it, "state": "Enabled" })).collect();
    json_answer(200, &json!({ "value": all }))
}

fn listed(vault: &str, names: &[&str], next: Option<&str>) -> Response {
    let entry = |name: &&str| json!({ "id": format!("https://{vault}.vault.azure.net/secrets/{name}"), "attributes": { "enabled": true } });
    json_answer(200, &json!({ "value": names.iter().map(entry).collect::<Vec<_>>(), "nextLink": next }))
}

/// A vault says no.
fn forbidden(inner: Option<&str>) -> Response {
    let inner = inner.map_or(Value::Null, |code| json!({ "code": code }));
    json_answer(403, &json!({ "error": { "code": "Forbidden", "message": CANARY, "innererror": inner } }))
}

/// S15: the vaults of all subscriptions are listed to the last page; a vault or a subscription that lets nobody in is
/// named, and hides none of the others.
#[tokio::test]
async fn s15_listing_pages_to_the_end_and_over_what_is_forbidden() {
    let next = "https://zen.vault.azure.net:443/secrets?api-version=7.4&$skiptoken=x&maxresults=25";
    let world = Scripted::answering([
        subscriptions(&[SUBSCRIPTION, OTHER, "cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee"]),
        vaults(&["shut", "zen"]),
        vaults(&["Apart", "not a vault"]),
        refusal(403, "AuthorizationFailed"),
        listed("apart", &["b"], None),
        forbidden(Some("ForbiddenByRbac")),
        listed("zen", &["b", "a"], Some(next)),
        listed("zen", &["c", "not a name"], Some("")),
    ]);
    let cx = world.context();
    let listing = StoredSecret::list(&session_at(all()), &call(&cx)).await.expect("a listing");
    let id = |vault: &str, name: &str| format!("https://{vault}.vault.azure.net/secrets/{name}");
    assert_eq!(listing.ids, [id("apart", "b"), id("zen", "a"), id("zen", "b"), id("zen", "c")]);
    let failures: Vec<_> = listing.failures.iter().map(|it| (it.place.as_str(), it.error.kind())).collect();
    let other = "cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee";
    assert_eq!(failures, [("shut", ErrorKind::Refused), (other, ErrorKind::Refused)]);
    let hint = listing.failures[0].error.hint().expect("a hint");
    assert!(hint.contains("Key Vault Secrets User on vault shut"), "{hint}");
    listing.failures.iter().for_each(|it| assert_silent(&it.error));

    let below = "providers/Microsoft.KeyVault/vaults?api-version=2023-07-01";
    assert_eq!(
        world.lines(),
        [
            format!("GET {ARM}/subscriptions?api-version=2022-12-01"),
            format!("GET {ARM}/subscriptions/{SUBSCRIPTION}/{below}"),
            format!("GET {ARM}/subscriptions/{OTHER}/{below}"),
            format!("GET {ARM}/subscriptions/{other}/{below}"),
            "GET https://apart.vault.azure.net/secrets?api-version=7.4".into(),
            "GET https://shut.vault.azure.net/secrets?api-version=7.4".into(),
            "GET https://zen.vault.azure.net/secrets?api-version=7.4".into(),
            format!("GET {next}"),
        ]
    );
    // One token for Resource Manager, and one for all vaults.
    let bearers: Vec<_> = world
        .sent()
        .iter()
        .map(|it| header(it, "authorization").expect("a token").replace(&format!("Bearer {CANARY}-"), ""))
        .collect();
    assert_eq!(bearers, ["first", "first", "first", "first", "0", "0", "0", "0"]);
}

/// C19: the token for vaults goes to the vault that was asked and to nobody else, and a list ends.
#[tokio::test]
async fn c19_pages_are_followed_in_the_same_vault_alone() {
    for next in [
        "https://evil.example.org/secrets",
        "https://other.vault.azure.net/secrets?page=2",
        "https://zen.vault.azure.net@evil.example.org/secrets",
        "http://zen.vault.azure.net/secrets",
        "https://zen.vault.azure.net/secrets?api-version=7.4",
    ] {
        let world = Scripted::answering([vaults(&["zen"]), listed("zen", &["a"], Some(next))]);
        let listing = StoredSecret::list(&session(), &call(&world.context())).await.expect("a listing");
        assert_eq!(world.sent().len(), 2, "{next}");
        assert_eq!((listing.ids.len(), listing.failures.len()), (0, 1));
        assert_eq!(listing.failures[0].error.kind(), ErrorKind::Unreachable);
    }
}

/// In one group of one subscription, a refusal there is the answer.
#[tokio::test]
async fn a_group_is_looked_into_alone() {
    let group = ResourceGroup::parse("my.(group)").expect("a group");
    let session = session_at(Place { group: Some(group), ..place() });
    let world = Scripted::answering([vaults(&[]), refusal(403, "AuthorizationFailed")]);
    let cx = world.context();
    let listing = StoredSecret::list(&session, &call(&cx)).await.expect("a listing");
    assert!(listing.ids.is_empty() && listing.failures.is_empty());
    let error = StoredSecret::list(&session, &call(&cx)).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("vaults.list"), "{error}");
    assert_silent(&error);
    let below = "resourceGroups/my.%28group%29/providers/Microsoft.KeyVault/vaults?api-version=2023-07-01";
    assert_eq!(world.lines()[0], format!("GET {ARM}/subscriptions/{SUBSCRIPTION}/{below}"));
}

/// S18: a name alone means the only vault that there is; with several they are named, and with one that does not tell
/// nobody guesses.
#[tokio::test]
async fn s18_a_name_alone_is_of_the_only_vault() {
    let resolve = async |answers: Vec<Response>, place: Place| {
        let world = Scripted::answering(answers);
        StoredSecret::resolve("db-password", &session_at(place), &call(&world.context())).await
    };
    let found = resolve(vec![vaults(&["Zen"])], place()).await.expect("one vault");
    assert_eq!(found.id(), ID);
    let error = resolve(vec![vaults(&["zen", "den"])], place()).await.expect_err("two vaults");
    assert_eq!(error.field_problems()[0].field, "resource_id");
    assert!(error.hint().is_some_and(|it| it.contains("den/db-password, zen/db-password")), "{error:?}");
    let error = resolve(vec![vaults(&[])], place()).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let answers =
        vec![subscriptions(&[SUBSCRIPTION, OTHER]), vaults(&["zen"]), refusal(403, "AuthorizationFailed")];
    let error = resolve(answers, all()).await.expect_err("there may be more");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains(OTHER), "{error}");
    assert_silent(&error);
}

/// S20: reading the secret is the only way to see that it may be read; what stands in the way is named, with the role
/// or the policy that is missing.
#[tokio::test]
async fn s20_what_is_missing_is_named() {
    let role = "Key Vault Secrets User on vault zen";
    let policy = "az keyvault set-policy --name zen";
    for (answer, kind, says, hint) in [
        (forbidden(Some("ForbiddenByRbac")), ErrorKind::Refused, "is not reached", role),
        (forbidden(Some("ForbiddenByPolicy")), ErrorKind::Refused, "is not reached", policy),
        (forbidden(Some("AccessDenied")), ErrorKind::Refused, "is not reached", policy),
        (forbidden(None), ErrorKind::Refused, "is not reached", role),
        (forbidden(Some(CANARY)), ErrorKind::Refused, "is not reached", policy),
        (forbidden(Some("ForbiddenByFirewall")), ErrorKind::Refused, "network rules", "firewall"),
        (forbidden(Some("ForbiddenByConnection")), ErrorKind::Refused, "network rules", "firewall"),
        (forbidden(Some("SecretDisabled")), ErrorKind::Refused, "is not reached", "is disabled"),
        (refusal(404, "SecretNotFound"), ErrorKind::NotFound, "there is no secret", ""),
        (refusal(401, "Unauthorized"), ErrorKind::Refused, "the token is not taken", "another directory"),
        (json_answer(200, &json!({ "hunter2": 1 })), ErrorKind::Unreachable, "not Azure", ""),
        (
            Response::new(302, vec![("location".into(), "https://evil".into())], vec![]),
            ErrorKind::Unreachable,
            "elsewhere",
            "",
        ),
    ] {
        let world = Scripted::answering([answer]);
        let session = session_for(place(), Audience::vault(Cloud::Public));
        let reached = stored(ID).reach(&Wanted::new(Access::Read), &session, &call(&world.context())).await;
        let error = reached.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{hint}: {error:?}");
        assert_silent(&error);
        assert_eq!(world.lines(), [format!("GET {ID}?api-version=7.4")]);
    }
    let world = Scripted::answering([forbidden(Some("ForbiddenByRbac"))]);
    let cx = world.context();
    let error =
        stored(ID).reach(&Wanted::new(Access::Write), &session(), &call(&cx)).await.expect_err("no role");
    assert!(error.hint().is_some_and(|it| it.contains("Key Vault Secrets Officer")), "{error:?}");
    let world = Scripted::new().fails(Error::unreachable("no such host").transient(false));
    let error = stored(ID)
        .reach(&Wanted::new(Access::Read), &session(), &call(&world.context()))
        .await
        .expect_err("away");
    assert!(error.hint().is_some_and(|it| it.contains("a vault zen")), "{error:?}");
    let world = Scripted::answering([json_answer(200, &json!({ "value": CANARY }))]);
    stored(ID).reach(&Wanted::new(Access::Read), &session(), &call(&world.context())).await.expect("read");
}

/// S34: a token for a vault is good for all of them, and says so; it is the first that is asked for.
#[tokio::test]
async fn s34_a_token_for_a_secret_is_not_narrowed_and_says_so() {
    let world = Scripted::new();
    let handle = connector(world.context()).resource::<StoredSecret>(ID).await.expect("a handle");
    let issued = handle.issue().await.expect("a credential");
    let (token, audience) = issued.credential.token().expect("a token");
    assert_eq!((token.expose(), audience), ("hunter2-0", "https://vault.azure.net"));
    assert_eq!(issued.credential.account.as_deref(), Some("zen"));
    assert_eq!(issued.credential.endpoint.as_deref(), Some("https://zen.vault.azure.net"));
    assert_eq!(issued.expiry, Expiry::At(Scripted::after(3600)));
    assert!(matches!(issued.narrowing(), Narrowed::No(why) if why.contains("every vault")), "{issued:?}");
    assert!(!issued.long_lived);
    let within = Wanted::new(Access::Read).with_within("a");
    assert!(stored(ID).narrowing(&within).is_err(), "a secret has no parts");
    assert!(stored(ID).carried(&Wanted::new(Access::Read)).is_empty());
    for (access, count) in [(Access::Read, 3), (Access::Write, 4), (Access::Admin, 6)] {
        assert_eq!(StoredSecret::permissions(access).len(), count);
    }
    assert!(world.sent().is_empty());
}

async fn reader(world: &Scripted, place: Place) -> SecretReader {
    let handle = connector_at(world.context(), place).resource::<StoredSecret>("zen/db-password").await;
    handle.expect("a handle").client::<SecretReader>().await.expect("a reader")
}

/// S64: a secret is read with a credential for it, shows nowhere else, and is read anew with the next credential.
#[tokio::test]
async fn s64_a_secret_is_read_by_its_own_credential() {
    let read =
        |value: &str| json_answer(200, &json!({ "value": value, "id": format!("{ID}/1"), "attributes": {} }));
    let world = Scripted::answering([read("hunter2"), read("pässword\n"), read("")]);
    let reader = reader(&world, place()).await;
    let secret = reader.read().await.expect("the value");
    assert_eq!(secret.expose(), "hunter2");
    assert!(!format!("{reader:?}{secret:?}").contains("hunter2"));
    world.advance(Duration::from_secs(3600));
    assert_eq!(reader.read().await.expect("the value").expose(), "pässword\n", "byte for byte");
    assert_eq!(reader.read().await.expect("the value").expose(), "", "an empty one is a value, too");
    assert_eq!(world.lines(), vec![format!("GET {ID}?api-version=7.4"); 3]);
    let bearers: Vec<_> =
        world.sent().iter().filter_map(|it| header(it, "authorization").map(str::to_owned)).collect();
    // The first token of the wide session went into completing the id.
    assert_eq!(bearers, ["Bearer hunter2-1", "Bearer hunter2-2", "Bearer hunter2-2"]);
}

/// S18: an endpoint of one's own stands in for all vaults, and the credential says so.
#[tokio::test]
async fn s18_an_endpoint_of_ones_own_is_asked() {
    let world = Scripted::answering([json_answer(200, &json!({ "value": "x" }))]);
    let url = connector_core::EndpointUrl::parse("https://127.0.0.1:9000/").expect("a URL");
    let reader = reader(&world, Place { endpoint_url: Some(url), ..place() }).await;
    assert_eq!(reader.read().await.expect("the value").expose(), "x");
    assert_eq!(world.lines(), ["GET https://127.0.0.1:9000/vault/zen/secrets/db-password?api-version=7.4"]);
}

/// S64: what stands in the way is said; a value shows in no error.
#[tokio::test]
async fn s64_what_cannot_be_read_says_why() {
    for (answer, kind, says) in [
        (json_answer(200, &json!({ "value": ["hunter2"] })), ErrorKind::Unreachable, "secrets.get"),
        (Response::new(200, vec![], b"hunter2".to_vec()), ErrorKind::Unreachable, "secrets.get"),
        (refusal(404, "SecretNotFound"), ErrorKind::NotFound, "there is no secret"),
        (forbidden(None), ErrorKind::Refused, "is not reached"),
        (refusal(400, "BadParameter"), ErrorKind::InvalidInput, "secrets.get"),
    ] {
        let world = Scripted::answering([answer]);
        let error = reader(&world, place()).await.read().await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_silent(&error);
    }
}
