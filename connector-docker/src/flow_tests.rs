//! What a visit sends, and within which time.

use std::time::Duration;

use connector_core::{Access, Call, Error, Response, Result, Secret};

use super::{Visit, basic, form, with_query};
use crate::credential::Login;
use crate::names::{RepositoryName, Scheme};
use crate::session::Session;
use crate::testing::{CANARY, HUB, World, answer, asks, token};

fn session(registry: &str, scheme: Option<Scheme>) -> Session {
    Session {
        registry: registry.parse().expect("a registry"),
        scheme,
        login: Login::Password { username: "me".into(), password: CANARY.into() },
        trust: None,
    }
}

/// What comes of looking at `team/app` of a registry.
async fn look(world: &World, limit: Duration, access: Access) -> Result<()> {
    let session = session("r.example.org", Some(Scheme::Https));
    let cx = world.context().with_call_limit(limit);
    let call = Call::new(&cx, None);
    let repository = RepositoryName::parse("team/app").expect("a name");
    let outcome = Visit::new(&session, &call).look_at(&repository, access).await;
    assert!(world.is_done(), "less was asked than was scripted");
    outcome
}

fn seconds(it: u64) -> Duration {
    Duration::from_secs(it)
}

fn slow_down(pause: &str) -> Result<Response> {
    answer(429, &[("retry-after", pause)], "")
}

/// Catalogue, Network: one limit for a call, all that is sent again included; the next call has its own.
#[tokio::test]
async fn one_limit_holds_for_a_call_with_all_that_is_sent_again() {
    let world = World::of([slow_down("7"), asks(HUB), slow_down("1"), token("t"), answer(200, &[], "{}")]);
    let world = world.slow(seconds(9));
    look(&world, seconds(30), Access::Read).await.expect("good at last");
    assert_eq!(world.limits(), [30, 14, 30, 20, 30].map(Some), "each try has what is left");
    assert_eq!(world.pauses(), [7, 1]);
}

/// Asking a registry on loopback again in clear is the same call. That nobody speaks TLS there is told at once.
#[tokio::test]
async fn the_two_ways_to_a_registry_on_loopback_share_one_limit() {
    let down = || Err(Error::unreachable("no TLS there"));
    for (takes, limits) in [(12, vec![Some(30), Some(18)]), (30, vec![Some(30)])] {
        let again = limits.get(1).map(|_| answer(200, &[], ""));
        let world = World::of([down()].into_iter().chain(again)).slow(seconds(takes));
        let (session, cx) = (session("127.0.0.1:5000", None), world.context());
        let outcome = Visit::new(&session, &Call::new(&cx, None)).log_in().await;
        assert_eq!(outcome.is_ok(), limits.len() == 2);
        assert_eq!(world.limits(), limits);
        assert!(world.pauses().is_empty());
    }
}

/// A registry that everybody may read asks who writes: then the login is tried, once.
#[tokio::test]
async fn a_login_that_only_writing_asks_for_is_tried() {
    let open = || answer(200, &[], "{}");
    let write = async |answers: Vec<Result<Response>>| {
        let world = World::of([open(), open()].into_iter().chain(answers));
        (look(&world, seconds(30), Access::Write).await, world.sent())
    };
    let (good, sent) = write(vec![asks("Basic"), answer(404, &[], "")]).await;
    good.expect("it may write");
    let upload = "PATCH https://r.example.org/v2/team/app/blobs/uploads/";
    assert!(sent[2].starts_with(upload) && !sent[2].contains("Basic"), "{sent:?}");
    assert!(sent[3].starts_with(upload) && sent[3].ends_with(" Basic bWU6aHVudGVyMg=="), "{sent:?}");

    let (good, sent) = write(vec![asks(HUB), token("t"), answer(404, &[], "")]).await;
    good.expect("it may write");
    assert!(sent[3].contains("&scope=repository%3Ateam%2Fapp%3Apull%2Cpush&"), "{sent:?}");
    assert!(sent[4].starts_with(upload) && sent[4].ends_with(" Bearer t"), "{sent:?}");

    let (wrong, _) = write(vec![asks("Basic"), asks("Basic")]).await;
    let error = wrong.expect_err("wrong");
    assert_eq!(error.message(), "r.example.org does not take the user name and password");
    let (less, _) = write(vec![asks("Basic"), answer(403, &[], CANARY)]).await;
    let error = less.expect_err("reads only");
    assert!(error.message().contains("write to `team/app`"), "{error}");
}

/// What is built of a login is as secret as the login: wiped when it goes, and shown by nothing.
#[test]
fn what_is_built_of_a_login_is_secret() {
    let header: Secret = basic("me", &CANARY.into());
    assert_eq!(header.expose(), "Basic bWU6aHVudGVyMg==");
    let body: Secret = form(&[("grant_type", "refresh_token"), ("refresh_token", "h&nter2+/=\u{e4} ~")]);
    assert_eq!(body.expose(), "grant_type=refresh_token&refresh_token=h%26nter2%2B%2F%3D%C3%A4%20~");
    assert_eq!(form(&[("a", "\u{0}\u{7f}"), ("b", "")]).expose(), "a=%00%7F&b=");
    assert!(form(&[]).is_empty());
    let shown = format!("{header:?} {body:?}");
    assert!(!shown.contains("bWU6") && !shown.contains("nter2"), "{shown}");
    assert_eq!(with_query("https://a.org/t", &[("a", "b/c")]), "https://a.org/t?a=b%2Fc");
    assert_eq!(with_query("https://a.org/t?x=y", &[("a", "b")]), "https://a.org/t?x=y&a=b");
}
