//! S47: a person logs in through a browser on this machine.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Clock, Context, Error, ErrorKind};
use serde_json::{Value, json};

use crate::auth::UserAccount;
use crate::testing::{
    CANARY, PROJECT, TOKEN_URL, USUAL, World, assert_silent, authenticate, field, form, json_answer, method,
    oauth_refusal, public, token, with,
};

/// Client secrets of a program, as the console gives them.
pub(super) fn client(more: &Value) -> Value {
    let client = json!({
        "client_id": "own-client", "client_secret": "hunter2-client", "project_id": PROJECT,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": TOKEN_URL,
        "redirect_uris": ["http://localhost"],
    });
    json!({ "installed": with(client, more.clone()) })
}

/// Client secrets of a web server, which may come back to these addresses only.
fn web(redirect_uris: &[&str]) -> Value {
    let client = client(&json!({ "redirect_uris": redirect_uris }));
    json!({ "web": client["installed"] })
}

pub(super) fn logging_in(file: &Value, more: Value) -> UserAccount {
    method(with(json!({ "client_secrets_json": file.to_string() }), more))
}

/// The parameters of the page that the person is sent to.
pub(super) fn page(told: &[String]) -> Vec<(String, String)> {
    let url = told.last().and_then(|it| it.lines().last()).expect("a page");
    let (page, query) = url.split_once('?').expect("a query");
    assert_eq!(page, "https://accounts.google.com/o/oauth2/auth");
    connector_conformance::decode_form(query.as_bytes())
}

/// A browser comes back with a code, for the login that it was sent to.
pub(super) fn with_code(told: &[String]) -> String {
    format!("state={}&code=hunter2-code&scope=x", field(&page(told), "state").expect("a state"))
}

/// The person declines.
pub(super) fn declined(told: &[String]) -> String {
    format!("state={}&error=access_denied", field(&page(told), "state").expect("a state"))
}

/// What the code is exchanged for.
pub(super) fn login(scope: &str) -> connector_core::Response {
    json_answer(
        200,
        &json!({
            "access_token": "first", "expires_in": 3599, "refresh_token": "hunter2-refresh", "scope": scope,
        }),
    )
}

/// One login: the page carries a challenge whose verifier goes with the code (RFC 7636), and a state that has to come
/// back; the login is kept, sealed, and not shown.
#[tokio::test]
async fn s47_a_login_in_a_browser() {
    let world = World::new()
        .person([])
        .returns(with_code)
        .answers(login(&format!("openid {USUAL}")))
        .answers(token("ya29.me", 3599));
    let out = authenticate(&logging_in(&client(&json!({})), json!({})), &world.named("me"), None, None).await;
    assert_eq!(out.expect("a session").session.credential().access_token.expose(), "ya29.me");

    let asked = page(&world.told());
    let (state, challenge) = (field(&asked, "state"), field(&asked, "code_challenge").expect("a challenge"));
    assert!(state.is_some_and(|it| it.len() >= 43), "nobody guesses it");
    let expected = [
        ("response_type", "code"),
        ("client_id", "own-client"),
        ("redirect_uri", "http://127.0.0.1:45678"),
        ("scope", USUAL),
        ("state", "[HIDDEN]"),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("code_challenge", "[HIDDEN]"),
        ("code_challenge_method", "S256"),
    ];
    assert_eq!(public(&asked, &["state", "code_challenge"]), expected);

    assert_eq!(world.lines(), vec![format!("POST {TOKEN_URL}"); 2]);
    let exchange = form(&world, 0);
    let verifier = field(&exchange, "code_verifier").expect("a verifier");
    assert!((43..=128).contains(&verifier.len()), "{}", verifier.len());
    assert_eq!(URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())), challenge);
    let expected = [
        ("grant_type", "authorization_code"),
        ("client_id", "own-client"),
        ("client_secret", "hunter2-client"),
        ("code", "hunter2-code"),
        ("redirect_uri", "http://127.0.0.1:45678"),
        ("code_verifier", "[HIDDEN]"),
    ];
    assert_eq!(public(&exchange, &["code_verifier"]), expected);
    assert_eq!(field(&form(&world, 1), "refresh_token"), Some("hunter2-refresh"));
    assert_eq!(world.kept_names(), ["login"]);
    assert!(!world.told().concat().contains(CANARY), "{:?}", world.told());
}

/// State and verifier are others each time.
#[tokio::test]
async fn each_login_has_its_own_state() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let world = World::new().person([]).returns(declined);
        let account = logging_in(&client(&json!({})), json!({}));
        authenticate(&account, &world.context(), None, None).await.expect_err("declined");
        let page = page(&world.told());
        seen.extend(["state", "code_challenge"].map(|name| field(&page, name).expect("it").to_owned()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

/// What a browser comes back with, made from what the person was told.
type Returned = Box<dyn FnOnce(&[String]) -> String + Send>;

/// What does not answer this login is not taken, and nothing is sent for it; nor is anything kept.
#[tokio::test]
async fn what_is_no_login_is_refused() {
    let answering = |rest: &'static str| {
        move |told: &[String]| format!("state={}{rest}", field(&page(told), "state").expect("a state"))
    };
    let cases: Vec<(Returned, &str)> = vec![
        (Box::new(answering("&error=access_denied")), "declined"),
        (Box::new(answering("&error=hunter2")), "without a login"),
        (Box::new(answering("&code=&x=hunter2")), "without a login"),
        (Box::new(answering("&code=hunter2&error=hunter2")), "without a login"),
    ];
    for (answer, says) in cases {
        let world = World::new().person([]).returns(answer);
        let account = logging_in(&client(&json!({})), json!({}));
        let error = authenticate(&account, &world.context(), None, None).await.expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        assert!(error.message().contains(says) && error.hint().is_some(), "{error:?}");
        assert_silent(&error);
        assert_eq!((world.sent().len(), world.kept_names().len()), (0, 0));
    }
}

/// What answers another login, which any page may send a browser to this port with, ends nothing: the right answer is
/// waited for. When none comes, what came is told.
#[tokio::test]
async fn what_answers_another_login_is_passed_over() {
    let strays =
        ["state=hunter2&code=hunter2", "code=hunter2", "", "error=access_denied", "state=&error=hunter2"];
    let with_strays = || {
        strays.into_iter().fold(World::new().person([]), |world, stray| world.returns(|_| stray.to_owned()))
    };
    let world = with_strays().returns(with_code).answers(login(USUAL)).answers(token("ya29.me", 3599));
    let account = logging_in(&client(&json!({})), json!({}));
    let out = authenticate(&account, &world.named("me"), None, None).await.expect("a session");
    assert_eq!(out.session.credential().access_token.expose(), "ya29.me");
    assert_eq!(field(&form(&world, 0), "code"), Some("hunter2-code"));

    let world = with_strays();
    let cx = Context::detached(Over(world.clone())).with_http(world.clone()).with_person(world.clone());
    let error = authenticate(&account, &cx, None, None).await.expect_err("nobody");
    assert!(error.message().contains("nobody came back"), "{error}");
    assert!(error.causes().iter().any(|it| it.contains("another login")), "{error:?}");
    assert_silent(&error);
    assert_eq!(world.sent().len(), 0);
}

/// A code is good for one try, so it is sent once; what the renewal gives lives from then on, however long the person took.
#[tokio::test]
async fn c25_a_code_is_sent_once_and_lives_count_from_the_renewal() {
    let account = || logging_in(&client(&json!({})), json!({}));
    let trouble = connector_core::Response::new(503, Vec::new(), CANARY.into());
    let world = World::new().person([]).returns(with_code).answers(trouble).answers(login(USUAL));
    let error = authenticate(&account(), &world.context(), None, None).await.expect_err("trouble");
    assert_eq!((world.sent().len(), error.kind()), (1, ErrorKind::Unreachable));
    assert_silent(&error);

    let world = World::new().person([]).answers(login(USUAL)).answers(token("t", 3599));
    let person = world.clone();
    let world = world.returns(move |told| {
        person.advance(Duration::from_secs(300));
        with_code(told)
    });
    let out = authenticate(&account(), &world.context(), None, None).await.expect("a session");
    assert_eq!(out.expiry, connector_core::Expiry::At(World::after(300 + 3599)));
}

/// A login for less than was asked is not kept: it would fail later, in places that are hard to tell. The short names of
/// scopes are those of the long ones.
#[tokio::test]
async fn a_login_for_less_is_refused() {
    let world = World::new().person([]).returns(with_code).answers(login("openid email"));
    let account = logging_in(&client(&json!({})), json!({}));
    let error = authenticate(&account, &world.context(), None, None).await.expect_err("less");
    assert!(
        error.message().contains("does not cover https://www.googleapis.com/auth/cloud-platform"),
        "{error}"
    );
    assert!(!error.message().contains("email"), "{error}");
    assert_eq!((world.kept_names().len(), world.sent().len()), (0, 1));

    for (asked, given) in [
        (json!(["email", "openid"]), "https://www.googleapis.com/auth/userinfo.email openid"),
        (json!(["https://www.googleapis.com/auth/userinfo.profile"]), "openid profile"),
    ] {
        let world =
            World::new().person([]).returns(with_code).answers(login(given)).answers(token("t", 3599));
        let account = logging_in(&client(&json!({})), json!({ "scopes": asked }));
        authenticate(&account, &world.context(), None, None).await.expect("a session");
    }
}

/// What the exchange refuses is told; an answer without a refresh token gives nothing that lasts.
#[tokio::test]
async fn what_the_exchange_refuses_is_told() {
    for (answer, says) in [
        (oauth_refusal(400, "invalid_grant", "Malformed auth code."), "oauth2:token"),
        (oauth_refusal(401, "unauthorized_client", "Unauthorized"), "may not be used so"),
        (token("only", 3599), "nothing that lasts"),
        (json_answer(200, &json!([CANARY])), "not Google Cloud"),
    ] {
        let world = World::new().person([]).returns(with_code).answers(answer);
        let account = logging_in(&client(&json!({})), json!({}));
        let error = authenticate(&account, &world.context(), None, None).await.expect_err(says);
        assert!(error.message().contains(says) && error.hint().is_some(), "{error:?}");
        assert_silent(&error);
        assert_eq!((world.kept_names().len(), world.sent().len()), (0, 1));
    }
}

/// A client of a web server comes back to what was registered, to the letter; a host whose name only begins like this
/// machine's is another one.
#[tokio::test]
async fn a_web_client_comes_back_to_what_was_registered() {
    let far = "https://app.example.com/back";
    for (uris, expected) in [
        (vec![far, "http://localhost:8085/"], Some("http://localhost:8085/")),
        (vec!["http://127.0.0.1:8080/a/b"], Some("http://127.0.0.1:8080/a/b")),
        (vec!["http://localhost/back"], Some("http://localhost/back")),
        (vec!["http://localhost"], Some("http://localhost")),
        (vec!["http://localhost.example.com/back", "http://localhost:8085"], Some("http://localhost:8085")),
        (vec!["http://localhost.example.com:8085/back"], None),
        (vec!["http://127.0.0.1.example.com"], None),
        (vec!["http://localhost:x/"], None),
        (vec![far], None),
        (vec![], None),
    ] {
        let world =
            World::new().person([]).returns(with_code).answers(login(USUAL)).answers(token("t", 3599));
        let account = logging_in(&web(&uris), json!({}));
        let out = authenticate(&account, &world.context(), None, None).await;
        match expected {
            Some(uri) => {
                out.expect("a session");
                assert_eq!(field(&page(&world.told()), "redirect_uri"), Some(uri));
                assert_eq!(field(&form(&world, 0), "redirect_uri"), Some(uri));
            }
            None => {
                let error = out.expect_err("nowhere to come back to");
                assert_eq!(error.field_problems()[0].field, "client_secrets_json");
                assert!(error.hint().unwrap_or_default().contains("Desktop app"), "{error:?}");
                assert_eq!((world.told().len(), world.sent().len()), (0, 0));
            }
        }
    }
    // Port 1 of this world is taken.
    let world = World::new().person([]);
    let account = logging_in(&web(&["http://localhost:1/"]), json!({}));
    let error = authenticate(&account, &world.context(), None, None).await.expect_err("the port is taken");
    assert!(error.message().contains("port 1,"), "{error}");
    assert!(error.hint().unwrap_or_default().contains("Desktop app"), "{error:?}");
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

/// A browser that was closed never comes back: after ten minutes that is said.
#[tokio::test]
async fn a_browser_that_was_closed_never_comes_back() {
    let world = World::new().person([]);
    let cx = Context::detached(Over(world.clone())).with_http(world.clone()).with_person(world.clone());
    let account = logging_in(&client(&json!({})), json!({}));
    let error = authenticate(&account, &cx, None, None).await.expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("nobody came back"), "{error}");
    assert!(error.hint().unwrap_or_default().contains("flow=device"), "{error:?}");
    assert_eq!(world.sent().len(), 0);
}

/// Without a person nothing is done at all, and the hint says where one would be.
#[tokio::test]
async fn without_a_person_nothing_is_done() {
    let account = logging_in(&client(&json!({})), json!({}));
    let world = World::new();
    for (cx, hint) in [
        (world.context(), "register on a terminal"),
        (world.named("me"), "`connector verify me` on a terminal"),
    ] {
        let error: Error = authenticate(&account, &cx, None, None).await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
    }
    assert_eq!(world.sent().len(), 0);
}
