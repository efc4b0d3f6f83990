//! S41: a person logs in through a browser on this machine.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_conformance::assert_silent;
use connector_core::{Clock, Context, ErrorKind, Expiry, Response};
use serde_json::json;

use super::user_account::{AZ, OWN_URL, account, login};
use super::*;

fn in_browser() -> UserAccount {
    account(json!({ "flow": "browser" }))
}

/// The parameters of the page that the person is sent to.
fn page(told: &[String]) -> Vec<(String, String)> {
    let url = told.last().and_then(|it| it.lines().last()).expect("a page");
    let (page, query) = url.split_once('?').expect("a query");
    assert_eq!(page, "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize");
    connector_conformance::decode_form(query.as_bytes())
}

/// A browser comes back with this, for the login that it was sent to.
fn answering(rest: &'static str) -> impl FnOnce(&[String]) -> String + Send {
    move |told| format!("state={}{rest}", field(&page(told), "state").expect("a state"))
}

fn with_code() -> impl FnOnce(&[String]) -> String + Send {
    answering("&code=1.hunter2-code&session_state=x")
}

/// S49: one call. The page carries a challenge whose verifier goes with the code (RFC 7636), and a state that has to come
/// back; the login is kept, sealed, and not shown.
#[tokio::test]
async fn s49_a_login_in_a_browser() {
    let world = World::new().person([]).answers(login("eyJ.me.1", "1.hunter2-refresh"));
    let person = world.clone();
    let world = world.returns(move |told| {
        person.advance(Duration::from_secs(300));
        with_code()(told)
    });
    let out = authenticate(&in_browser(), &world.named("me"), None).await.expect("a session");
    // However long the person took: the token lives from then on.
    assert_eq!(out.expiry, Expiry::At(World::after(300 + 3599)));

    let asked = page(&world.told());
    let (state, challenge) = (field(&asked, "state"), field(&asked, "code_challenge").expect("a challenge"));
    assert!(state.is_some_and(|it| it.len() >= 43), "nobody guesses it");
    let scope = "https://management.azure.com/.default offline_access";
    let expected = [
        ("client_id", AZ),
        ("response_type", "code"),
        ("redirect_uri", "http://localhost:45678"),
        ("scope", scope),
        ("state", "[HIDDEN]"),
        ("code_challenge", "[HIDDEN]"),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ];
    assert_eq!(public(&asked, &["state", "code_challenge"]), expected);

    assert_eq!(world.lines(), [format!("POST {OWN_URL}")]);
    let exchange = form(&world, 0);
    let verifier = field(&exchange, "code_verifier").expect("a verifier");
    assert!((43..=128).contains(&verifier.len()), "{}", verifier.len());
    assert_eq!(URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())), challenge);
    let expected = [
        ("grant_type", "authorization_code"),
        ("client_id", AZ),
        ("scope", scope),
        ("code", "1.hunter2-code"),
        ("redirect_uri", "http://localhost:45678"),
        ("code_verifier", "[HIDDEN]"),
    ];
    assert_eq!(public(&exchange, &["code_verifier"]), expected);
    assert_eq!(world.kept_names(), ["login"]);
    assert!(!world.told().concat().contains(CANARY), "{:?}", world.told());
}

/// C8: state and verifier are others each time.
#[tokio::test]
async fn c8_each_login_has_its_own_state() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let world = World::new().person([]).returns(answering("&error=access_denied"));
        authenticate(&in_browser(), &world.context(), None).await.expect_err("declined");
        let page = page(&world.told());
        seen.extend(["state", "code_challenge"].map(|name| field(&page, name).expect("it").to_owned()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

/// C16: what does not answer this login is not taken, and nothing is sent for it; nor is anything kept.
#[tokio::test]
async fn c16_what_is_no_login_is_refused() {
    for (rest, says) in [
        ("&error=access_denied&error_description=hunter2", "declined"),
        ("&error=hunter2", "without a login"),
        ("&code=&x=hunter2", "without a login"),
        ("&code=hunter2&error=hunter2", "without a login"),
    ] {
        let world = World::new().person([]).returns(answering(rest));
        let error = authenticate(&in_browser(), &world.context(), None).await.expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        assert!(error.message().contains(says) && error.hint().is_some(), "{error:?}");
        assert_silent(&error);
        assert_eq!((world.sent().len(), world.kept_names().len()), (0, 0));
    }
    // A code is good for one try, so it is sent once.
    for (answer, says) in [
        (aadsts(400, "invalid_grant", 9_002_313), "no longer, taken"),
        (aadsts(401, "invalid_client", 7_000_218), "public clients"),
        (Response::new(503, Vec::new(), CANARY.into()), "in trouble"),
        (token("eyJ.only.1", 3599), "nothing that lasts"),
        (json_answer(200, &json!([CANARY])), "not Azure"),
    ] {
        let world = World::new().person([]).returns(with_code()).answers(answer);
        let error = authenticate(&in_browser(), &world.context(), None).await.expect_err(says);
        assert!(error.message().contains(says) && error.hint().is_some(), "{error:?}");
        assert_silent(&error);
        assert_eq!((world.sent().len(), world.kept_names().len()), (1, 0));
    }
}

/// A clock on which every wait is over at once.
struct Over(World);

#[connector_core::async_trait]
impl Clock for Over {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        assert_eq!(duration, Duration::from_secs(600));
    }
}

/// What answers another login, which any page may send a browser to this port with, ends nothing: the right answer is
/// waited for. When none comes, what came is told; and a browser that was closed never comes back.
#[tokio::test]
async fn what_answers_another_login_is_passed_over() {
    let strays =
        ["state=hunter2&code=hunter2", "code=hunter2", "", "error=access_denied", "state=&error=hunter2"];
    let with_strays = || {
        strays.into_iter().fold(World::new().person([]), |world, stray| world.returns(|_| stray.to_owned()))
    };
    let world = with_strays().returns(with_code()).answers(login("eyJ.me.1", "1.next"));
    authenticate(&in_browser(), &world.named("me"), None).await.expect("a session");
    assert_eq!(field(&form(&world, 0), "code"), Some("1.hunter2-code"));

    for (world, was_another) in [(with_strays(), true), (World::new().person([]), false)] {
        let cx = Context::detached(Over(world.clone())).with_http(world.clone()).with_person(world.clone());
        let error = authenticate(&in_browser(), &cx, None).await.expect_err("nobody");
        assert!(error.message().contains("nobody came back"), "{error}");
        assert!(error.hint().unwrap_or_default().contains("flow=device"), "{error:?}");
        assert_eq!(error.causes().iter().any(|it| it.contains("another login")), was_another, "{error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
    }
}

/// Without a person nothing is done at all.
#[tokio::test]
async fn without_a_person_nothing_is_done() {
    let world = World::new();
    let error = authenticate(&in_browser(), &world.named("me"), None).await.expect_err("nobody");
    assert!(error.hint().unwrap_or_default().contains("`connector verify me` on a terminal"), "{error:?}");
    assert_eq!(world.sent().len(), 0);
}
