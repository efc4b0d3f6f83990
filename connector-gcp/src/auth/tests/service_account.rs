use connector_core::{AuthMethod, Expiry, Narrowed};
use serde_json::{Value, json};

use super::bucket;
use crate::auth::ServiceAccount;
use crate::testing::{
    EMAIL, PROJECT, STS_URL, TOKEN_URL, USUAL, World, authenticate, call, field, form, key_file, method,
    public, token, verified, with,
};

const START: u64 = 1_767_225_600;

pub(super) fn keyed(file: &Value, more: Value) -> ServiceAccount {
    method(with(json!({ "service_account_json": file.to_string() }), more))
}

/// S2, S35, C16: one call, whose assertion says who asks, for what, and for how long, and is signed with the key: by the one
/// algorithm, for the one endpoint that it is sent to, and with no key or place of a key in it.
#[tokio::test]
async fn s35_c16_one_call_with_an_assertion_of_the_key() {
    let world = World::new().answers(token("ya29.one", 3599));
    let account = keyed(&key_file(), json!({}));
    let out = authenticate(&account, &world.named("prod"), None, None).await.expect("a session");
    assert_eq!(world.lines(), [format!("POST {TOKEN_URL}")]);
    let form = form(&world, 0);
    let names: Vec<_> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["grant_type", "assertion"]);
    assert_eq!(field(&form, "grant_type"), Some("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    let (header, claims) = verified(field(&form, "assertion").expect("an assertion"));
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "abc123" }));
    let expected = json!({
        "iss": EMAIL, "aud": TOKEN_URL, "scope": USUAL, "iat": START - 10, "exp": START - 10 + 3600,
    });
    assert_eq!(claims, expected);
    assert_eq!(out.expiry, Expiry::At(World::after(3599)));
    let issued = out.session.credential();
    assert_eq!(issued.access_token.expose(), "ya29.one");
    assert_eq!((issued.project_id.as_deref(), issued.account.as_deref()), (Some(PROJECT), Some(EMAIL)));
    assert!(matches!(out.narrowed, Some(Narrowed::No(_))), "{:?}", out.narrowed);
}

/// The scopes are those of the config, and a key without an id signs without one.
#[tokio::test]
async fn scopes_are_those_of_the_config() {
    let world = World::new().answers(token("t", 3599));
    let mut file = key_file();
    file.as_object_mut().expect("an object").remove("private_key_id");
    let scopes = ["https://www.googleapis.com/auth/devstorage.read_only", "openid"];
    let account = keyed(&file, json!({ "scopes": scopes }));
    authenticate(&account, &world.context(), None, None).await.expect("a session");
    let form = form(&world, 0);
    let (header, claims) = verified(field(&form, "assertion").expect("an assertion"));
    // Google narrows tokens for the whole platform only.
    assert_eq!(account.narrows(), None);
    assert!(keyed(&key_file(), json!({})).narrows().is_some());
    assert_eq!((&header["kid"], &claims["scope"]), (&Value::Null, &json!(scopes.join(" "))));
}

/// C24: narrowing is one call more, which sends the generated boundary and nothing that would widen it; `explain` tells
/// what is sent.
#[tokio::test]
async fn c24_narrowing_is_one_call_more() {
    let world = World::new().answers(token("wide", 3599)).answers(token("narrow", 3000));
    let cx = world.named("prod");
    let account = keyed(&key_file(), json!({}));
    let out = authenticate(&account, &cx, None, Some(&bucket())).await.expect("a session");
    assert_eq!(world.lines(), [format!("POST {TOKEN_URL}"), format!("POST {STS_URL}")]);
    let form = form(&world, 1);
    let options = bucket().boundary().to_json();
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", "wide"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("options", options.as_str()),
    ];
    assert_eq!(public(&form, &[]), expected);
    assert!(world.sent().iter().all(|it| it.headers().iter().all(|(name, _)| name != "authorization")));
    assert_eq!(out.session.credential().access_token.expose(), "narrow");
    assert_eq!(out.expiry, Expiry::At(World::after(3000)));
    assert_eq!(out.narrowed, Some(Narrowed::By("an access boundary on gs://zenfiles".into())));

    let steps = account.plan(&call(&account, &cx, None), Some(&bucket())).expect("a plan");
    let calls: Vec<_> = steps.iter().map(|it| it.call).collect();
    assert_eq!(calls, ["oauth2:token", "sts:token"]);
    let shown = |at: usize| -> Vec<_> {
        steps[at].parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    };
    assert_eq!(shown(1), public(&form, &["subject_token"]));
    // Of the assertion, what it says is shown.
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert_eq!(shown(0), [("grant_type", grant), ("iss", EMAIL), ("scope", USUAL)]);
    assert_eq!(steps[1].rights.len(), 1);
}

/// In a universe of its own the key signs the token itself: no call, nothing that can be narrowed, and the plan
/// says so.
#[tokio::test]
async fn another_universe_takes_what_the_key_signs() {
    let file = with(key_file(), json!({ "universe_domain": "apis.example.goog" }));
    let in_config = json!({ "universe_domain": "apis.example.goog" });
    for account in [keyed(&file, in_config.clone()), keyed(&key_file(), in_config)] {
        let world = World::new();
        let cx = world.named("prod");
        let out = authenticate(&account, &cx, None, None).await.expect("a session");
        let issued = out.session.credential();
        let (header, claims) = verified(issued.access_token.expose());
        assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "abc123" }));
        let expected = json!({
            "iss": EMAIL, "sub": EMAIL, "scope": USUAL, "iat": START - 10, "exp": START - 10 + 3600,
        });
        assert_eq!(claims, expected);
        assert_eq!(out.expiry, Expiry::At(World::after(3590)), "as the token says");
        assert_eq!(issued.universe_domain, "apis.example.goog");
        assert_eq!(account.narrows(), None);
        assert_eq!(account.plan(&call(&account, &cx, None), None).expect("a plan"), []);
        let refused = account.plan(&call(&account, &cx, None), Some(&bucket())).expect_err("not narrowed");
        let error = authenticate(&account, &cx, None, Some(&bucket())).await.expect_err("not narrowed");
        assert_eq!(error.message(), refused.message());
        assert_eq!(world.lines().len(), 0);
    }
}
