//! A person's login that was made elsewhere, and what is kept of logins: renewed with each token, and made anew when it
//! is over.

use connector_conformance::assert_silent;
use connector_core::{AuthMethod, Call, ErrorKind, Expiry, Response};
use serde_json::{Value, json};

use super::*;
use crate::names::Audience;
use crate::narrowing::Narrowing;

pub(super) const OWN_URL: &str = "https://login.microsoftonline.com/organizations/oauth2/v2.0/token";
pub(super) const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

pub(super) fn account(config: Value) -> UserAccount {
    method(config)
}

/// What a login, or renewing one, gives.
pub(super) fn login(token: &str, refresh: &str) -> Response {
    json_answer(
        200,
        &json!({
            "token_type": "Bearer", "access_token": token, "expires_in": 3599, "ext_expires_in": 3599,
            "refresh_token": refresh, "scope": "https://management.azure.com/.default",
        }),
    )
}

fn taken_over() -> Value {
    json!({ "tenant_id": TENANT, "refresh_token": "1.hunter2-first" })
}

/// Answers as the token endpoint does when a login is over or is not enough.
fn over(word: &str, number: u64) -> Response {
    let body = json!({
        "error": word, "error_description": format!("AADSTS{number}: {CANARY}"), "error_codes": [number],
        "suberror": "basic_action", "claims": format!("{{\"access_token\":{{\"capolids\":\"{CANARY}\"}}}}"),
    });
    json_answer(400, &body)
}

/// S41, S49: one call for each service, all with the same login; the refresh token that comes with an answer is kept at
/// once, and is the one that is sent next.
#[tokio::test]
async fn s41_s49_a_login_renews_itself() {
    let world = World::new()
        .answers(login("eyJ.one.1", "1.hunter2-second"))
        .answers(login("eyJ.two.1", "1.hunter2-third"))
        .answers(login("eyJ.three.1", "1.hunter2-third"));
    let cx = world.named("me");
    let out = authenticate(&account(taken_over()), &cx, None).await.expect("a session");
    assert_eq!(out.expiry, Expiry::At(World::after(3599)));
    assert!(!out.narrowed.expect("it is said").is_narrowed());
    assert_eq!(
        public(&form(&world, 0), &["refresh_token"]),
        [
            ("grant_type", "refresh_token"),
            ("client_id", AZ),
            ("scope", "https://management.azure.com/.default offline_access"),
            ("refresh_token", "[HIDDEN]"),
        ]
    );
    assert!(world.kept("login").expect("it is kept").expose().contains("hunter2-second"));
    let storage = out.session.token(&Call::new(&cx, None), &Audience::storage()).await.expect("a token");
    assert_eq!(storage.secret.expose(), "eyJ.two.1");
    let narrowing = Narrowing::to(Audience::aks());
    authenticate(&account(taken_over()), &cx, Some(&narrowing)).await.expect("a session");
    assert_eq!(world.lines(), vec![format!("POST {TOKEN_URL}"); 3]);
    let sent: Vec<_> = world.forms().iter().map(|it| field(it, "refresh_token").map(str::to_owned)).collect();
    assert_eq!(
        sent,
        ["1.hunter2-first", "1.hunter2-second", "1.hunter2-third"].map(|it| Some(it.to_owned()))
    );
    assert_eq!(field(&form(&world, 1), "scope"), Some("https://storage.azure.com/.default offline_access"));
    assert_eq!(
        field(&form(&world, 2), "scope"),
        Some("6dae42f8-4368-4678-94ff-3960e28e3630/.default offline_access")
    );
}

/// Without a directory the person's own is meant, and the token tells which one that is.
#[tokio::test]
async fn the_persons_own_directory_is_told_by_the_token() {
    let own = jwt(&json!({ "tid": TENANT, "aud": "https://management.azure.com" }));
    let world = World::new().answers(login(&own, "1.next"));
    let config = json!({ "refresh_token": "1.hunter2-first", "client_id": CLIENT });
    let out = authenticate(&account(config), &world.context(), None).await.expect("a session");
    assert_eq!(world.lines(), [format!("POST {OWN_URL}")]);
    assert_eq!(field(&form(&world, 0), "client_id"), Some(CLIENT));
    assert_eq!(out.session.place.tenant.as_ref().map(|it| it.as_str()), Some(TENANT));
    // What is no directory is not one.
    let strange = jwt(&json!({ "tid": "hunter2/../x" }));
    let world = World::new().answers(login(&strange, "1.next"));
    let config = json!({ "tenant_id": "organizations", "refresh_token": "1.hunter2-first" });
    let out = authenticate(&account(config), &world.context(), None).await.expect("a session");
    assert_eq!(out.session.place.tenant.as_ref().map(|it| it.as_str()), Some("organizations"));
}

/// C27: what was kept for another program, at another authority, in another directory or for another login that was
/// begun with is not used; nor is what is no login.
#[tokio::test]
async fn c27_another_login_is_not_used() {
    let first = World::new().answers(login("eyJ.one.1", "1.hunter2-second"));
    authenticate(&account(taken_over()), &first.named("me"), None).await.expect("a session");
    let kept = first.kept("login").expect("it is kept");
    for (more, expected) in [
        (json!({}), "1.hunter2-second"),
        (json!({ "client_id": CLIENT }), "1.hunter2-first"),
        (json!({ "authority_url": "https://login.corp.example" }), "1.hunter2-first"),
        (json!({ "tenant_id": "other.example.org" }), "1.hunter2-first"),
        (json!({ "refresh_token": "1.hunter2-other" }), "1.hunter2-other"),
    ] {
        use connector_core::Kept;
        let world = World::new().answers(login("eyJ.one.1", "1.next"));
        world.keep("id-of-me", "login", kept.clone()).await.expect("kept");
        let account = account(with(taken_over(), more));
        authenticate(&account, &world.named("me"), None).await.expect("a session");
        assert_eq!(field(&form(&world, 0), "refresh_token"), Some(expected));
    }
    for kept in
        ["", "null", "{}", "hunter2", r#"{"client_id":"x","token_url":"y","refresh_token":"hunter2"}"#]
    {
        use connector_core::Kept;
        let world = World::new();
        world.keep("id-of-me", "login", kept.into()).await.expect("kept");
        let error = authenticate(&account(json!({})), &world.named("me"), None).await.expect_err("nobody");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
    }
}

/// C16: where nobody is there, a login that is over is an error that says how to log in and why it has to be: a policy, a
/// second factor, an end.
#[tokio::test]
async fn c16_a_login_that_is_over_says_why() {
    for (word, number, why) in [
        ("interaction_required", 50_076, "second factor"),
        ("interaction_required", 53_003, "conditional access"),
        ("interaction_required", 1, "a second factor or a consent"),
        ("invalid_grant", 700_082, "has ended or was revoked"),
        ("invalid_grant", 70_043, "has ended or was revoked"),
        ("invalid_grant", 1, "no longer, taken"),
        ("consent_required", 65_001, "consented"),
    ] {
        let world = World::new().answers(over(word, number));
        let error = authenticate(&account(taken_over()), &world.named("me"), None).await.expect_err("over");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("there is no login to Azure, or it has ended"), "{error:?}");
        assert!(error.hint().unwrap_or_default().contains("`connector verify me`"), "{error:?}");
        assert!(error.causes().iter().any(|it| it.contains(why)), "{why}: {error:?}");
        assert_silent(&error);
        assert_eq!((world.sent().len(), world.kept_names().len()), (1, 0));
    }
}

/// A login that is over is made anew where a person is there, for the service whose policy asked for that; the new login
/// takes the place of the one that the config began with.
#[tokio::test]
async fn a_login_that_is_over_is_made_anew() {
    let world = World::new()
        .person([])
        .answers(over("interaction_required", 50_079))
        .answers(super::device::code(json!({})))
        .answers(login("eyJ.new.1", "1.hunter2-new"))
        .answers(login("eyJ.next.1", "1.hunter2-newer"));
    let cx = world.named("me");
    let narrowing = Narrowing::to(Audience::storage());
    let out = authenticate(&account(taken_over()), &cx, Some(&narrowing)).await.expect("a session");
    let token = out.session.token(&Call::new(&cx, None), &Audience::storage()).await.expect("a token");
    assert_eq!((token.secret.expose(), world.sent().len()), ("eyJ.new.1", 3));
    assert_eq!(field(&form(&world, 1), "scope"), Some("https://storage.azure.com/.default offline_access"));
    authenticate(&account(taken_over()), &cx, None).await.expect("a session");
    assert_eq!(field(&form(&world, 3), "refresh_token"), Some("1.hunter2-new"));
}

/// Somebody else may renew a login meanwhile: what was kept then is tried before a person is asked, once.
#[tokio::test]
async fn a_login_that_was_renewed_meanwhile_is_tried() {
    use connector_core::{Http, Kept, Request, Result};

    /// Another process, which renews the login while the first request is under way.
    struct Meanwhile(World, &'static str);

    #[connector_core::async_trait]
    impl Http for Meanwhile {
        async fn send(&self, request: Request) -> Result<Response> {
            let kept = self.0.kept("login").expect("it is kept");
            let now = kept.expose().replace("hunter2-second", self.1);
            self.0.keep("id-of-me", "login", now.into()).await?;
            self.0.send(request).await
        }
    }
    for (renewed, sent) in [("hunter2-theirs", 2), ("hunter2-second", 1)] {
        let world = World::new().answers(login("eyJ.one.1", "1.hunter2-second"));
        authenticate(&account(taken_over()), &world.named("me"), None).await.expect("a session");
        let world = world.answers(over("invalid_grant", 50_173));
        let world = if sent == 2 { world.answers(login("eyJ.two.1", "1.next")) } else { world };
        let cx = world.named("me").with_http(Meanwhile(world.clone(), renewed));
        let out = authenticate(&account(taken_over()), &cx, None).await;
        assert_eq!((out.is_ok(), world.sent().len()), (sent == 2, 1 + sent), "{renewed}");
    }
}

/// C14: a login that a person made may be another person's, so that it is kept as one, which ends what was issued before;
/// what renews it is not.
#[tokio::test]
async fn c14_a_new_login_is_kept_as_one() {
    use std::sync::{Arc, Mutex};

    use connector_core::{Context, Kept, Result, Secret};

    /// Keeps, and notes how.
    struct Noting(World, Arc<Mutex<Vec<&'static str>>>);

    #[connector_core::async_trait]
    impl Kept for Noting {
        async fn kept(&self, id: &str, key: &str) -> Result<Option<Secret>> {
            Kept::kept(&self.0, id, key).await
        }

        async fn keep(&self, id: &str, key: &str, value: Secret) -> Result<()> {
            self.1.lock().expect("nobody panicked").push("renewed");
            self.0.keep(id, key, value).await
        }

        async fn keep_login(&self, cx: &Context, key: &str, value: Secret) -> Result<()> {
            self.1.lock().expect("nobody panicked").push("login");
            self.0.keep(&cx.terms().id, key, value).await
        }
    }
    let world = World::new()
        .person([])
        .answers(super::device::code(json!({})))
        .answers(login("eyJ.one.1", "1.hunter2-one"))
        .answers(login("eyJ.two.1", "1.hunter2-two"));
    let noted = Arc::new(Mutex::new(Vec::new()));
    let cx = world.named("me").with_kept(Noting(world.clone(), Arc::clone(&noted)));
    for _ in 0..2 {
        authenticate(&account(json!({})), &cx, None).await.expect("a session");
    }
    assert_eq!(*noted.lock().expect("nobody panicked"), ["login", "renewed"]);
}

/// A person may log in anew while a token of the old login is under way: what renews the old one does not take the place
/// of the new one, and the answer is used all the same.
#[tokio::test]
async fn a_new_login_is_not_undone_by_the_old_one() {
    use connector_core::{Http, Kept, Request, Result};

    /// Somebody logs in elsewhere while the first request is under way.
    struct Meanwhile(World);

    #[connector_core::async_trait]
    impl Http for Meanwhile {
        async fn send(&self, request: Request) -> Result<Response> {
            let kept = self.0.kept("login").expect("it is kept");
            let now = kept.expose().replace("hunter2-second", "hunter2-of-another");
            self.0.keep("id-of-me", "login", now.into()).await?;
            self.0.send(request).await
        }
    }
    let world = World::new().answers(login("eyJ.one.1", "1.hunter2-second"));
    authenticate(&account(taken_over()), &world.named("me"), None).await.expect("a session");
    let world = world.answers(login("eyJ.two.1", "1.hunter2-third"));
    let cx = world.named("me").with_http(Meanwhile(world.clone()));
    authenticate(&account(taken_over()), &cx, None).await.expect("a session");
    let kept = world.kept("login").expect("it is kept");
    assert!(kept.expose().contains("hunter2-of-another"), "the new login stays");
}

/// Trouble on the other side, and what no login mends, is no reason to log in anew.
#[tokio::test]
async fn trouble_is_no_reason_to_log_in_anew() {
    let trouble = || Response::new(503, Vec::new(), CANARY.into());
    let busy =
        || json_answer(429, &json!({ "error": "temporarily_unavailable", "error_description": CANARY }));
    for (answers, sent, kind) in [
        (vec![trouble(), trouble(), trouble()], 3, ErrorKind::Unreachable),
        (vec![busy(), busy(), busy()], 3, ErrorKind::Unreachable),
        (vec![aadsts(400, "invalid_resource", 500_011)], 1, ErrorKind::Refused),
        (vec![aadsts(401, "invalid_client", 7_000_218)], 1, ErrorKind::Refused),
        (vec![json_answer(200, &json!([CANARY]))], 1, ErrorKind::Unreachable),
    ] {
        let world = answers.into_iter().fold(World::new().person([]), World::answers);
        let error =
            authenticate(&account(taken_over()), &world.named("me"), None).await.expect_err("trouble");
        assert_eq!((error.kind(), world.sent().len(), world.told().len()), (kind, sent, 0), "{error:?}");
        assert_silent(&error);
    }
}

/// What is sent is told without a secret.
#[test]
fn the_plan_shows_no_secret() {
    let cx = World::new().context();
    let steps = account(taken_over()).plan(&Call::new(&cx, None), None).expect("a plan");
    assert_eq!(steps.len(), 1);
    assert!(steps[0].parameters.contains(&("client_id".to_owned(), AZ.to_owned())), "{steps:?}");
    assert!(!format!("{steps:?} {:?}", account(taken_over())).contains(CANARY), "{steps:?}");
}

#[test]
fn configs_that_cannot_work_are_refused_by_field() {
    for (config, field, says) in [
        (json!({ "tenant_id": "consumers" }), "tenant_id", "no subscription"),
        (json!({ "refresh_token": " hunter2" }), "refresh_token", "blanks"),
        (json!({ "refresh_token": "" }), "refresh_token", "empty"),
        (json!({ "authority_url": "http://127.0.0.1:1" }), "authority_url", "https"),
    ] {
        let found = faults::<UserAccount>(config);
        assert!(found.iter().any(|(at, why)| at == field && why.contains(says)), "{field}: {found:?}");
    }
    for good in [json!({}), json!({ "tenant_id": "organizations" }), json!({ "flow": "browser" })] {
        assert_eq!(faults::<UserAccount>(good), []);
    }
}
