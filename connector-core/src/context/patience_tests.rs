//! A world that answers as it is told, and whose clock moves when somebody waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::super::{Clock, Http, VirtualClock};
use super::*;

#[derive(Clone, Default)]
struct World(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<Result<Response>>,
    limits: Vec<Option<Duration>>,
    pauses: Vec<Duration>,
    /// How long its clock went since the beginning.
    gone: Duration,
    /// How long each answer takes.
    slow: Duration,
    /// How much longer than it was told its clock sleeps.
    late: Duration,
}

impl World {
    fn of(answers: impl IntoIterator<Item = Result<Response>>) -> Self {
        let world = Self::default();
        world.state().answers.extend(answers);
        world
    }

    fn slow(self, each: Duration) -> Self {
        self.state().slow = each;
        self
    }

    fn late(self, by: Duration) -> Self {
        self.state().late = by;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn context(&self) -> Context {
        Context::detached(self.clone()).with_http(self.clone())
    }

    /// The outcome of a request, and the limit of each try and the pauses.
    async fn tried(&self, cx: &Context, patience: Patience) -> Tried {
        let outcome = cx.send_patiently(Request::get("https://example.org/"), patience).await;
        let state = self.state();
        Tried {
            last: outcome.map(|it| it.status()).map_err(|it| it.message().to_owned()),
            limits: state.limits.iter().map(|it| it.expect("a limit")).collect(),
            pauses: state.pauses.clone(),
        }
    }
}

struct Tried {
    last: Result<u16, String>,
    limits: Vec<Duration>,
    pauses: Vec<Duration>,
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> SystemTime {
        VirtualClock::default().now() + self.state().gone
    }

    async fn sleep(&self, duration: Duration) {
        let mut state = self.state();
        state.pauses.push(duration);
        let late = state.late;
        state.gone += duration + late;
    }
}

#[async_trait]
impl Http for World {
    async fn send(&self, request: Request) -> Result<Response> {
        let mut state = self.state();
        state.limits.push(request.timeout());
        let slow = state.slow;
        state.gone += slow;
        state.answers.pop_front().expect("nothing more is asked than is scripted")
    }
}

fn status(status: u16, headers: &[(&str, &str)]) -> Result<Response> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Ok(Response::new(status, headers.collect(), Vec::new()))
}

fn good() -> Result<Response> {
    status(200, &[])
}

fn seconds(it: u64) -> Duration {
    Duration::from_secs(it)
}

async fn tried(world: World, patience: Patience) -> Tried {
    world.tried(&world.context(), patience).await
}

/// Catalogue, Network: bounded retries with back-off on 429 and 5xx, and when the way broke.
#[tokio::test]
async fn what_may_pass_is_tried_three_times() {
    for code in [429, 500, 502, 503, 504] {
        let it = tried(World::of((0..3).map(|_| status(code, &[]))), Patience::default()).await;
        assert_eq!((it.last, it.limits.len()), (Ok(code), 3), "{code}");
        assert_eq!(it.pauses, [Duration::from_millis(500), seconds(1)], "{code}");
    }
    let it = tried(World::of([Err(Error::unreachable("gone")), good()]), Patience::default()).await;
    assert_eq!((it.last, it.limits.len()), (Ok(200), 2));
}

#[tokio::test]
async fn what_will_not_pass_is_asked_once() {
    for outcome in [
        status(200, &[("retry-after", "1")]),
        status(403, &[("retry-after", "1")]),
        status(501, &[]),
        Err(Error::refused("no")),
        Err(Error::unreachable("too much").transient(false)),
    ] {
        let it = tried(World::of([outcome]), Patience::default()).await;
        assert_eq!((it.limits.len(), it.pauses.len()), (1, 0), "{:?}", it.last);
    }
}

/// A provider has its own word for it, and its own exceptions.
#[tokio::test]
async fn who_sends_says_what_may_pass() {
    let teapot = Patience::default().with_passing(|it| matches!(it, Ok(it) if it.status() == 418));
    assert_eq!(tried(World::of([status(418, &[]), good()]), teapot).await.last, Ok(200));
    assert_eq!(tried(World::of([status(503, &[])]), teapot).await.last, Ok(503));
    let answers = Patience::default().with_passing(|it| it.is_ok() && Patience::may_pass(it));
    assert!(tried(World::of([Err(Error::unreachable("gone"))]), answers).await.last.is_err());
}

/// Catalogue, Network: Retry-After honoured, in both of its forms; a date is one by the clock of who says it.
#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let date = ("date", "Thu, 01 Jan 2026 00:10:00 GMT");
    let until = ("retry-after", "Thu, 01 Jan 2026 00:10:07 GMT");
    for (headers, pause) in [
        (&[("retry-after", "9")][..], seconds(9)),
        (&[("retry-after", " 0 ")], seconds(0)),
        (&[date, until], seconds(7)),
        (&[date, ("retry-after", "Thu, 01 Jan 2026 00:00:00 GMT")], seconds(0)),
        // Who tells no time of its own is taken to have ours.
        (&[("retry-after", "Thu, 01 Jan 2026 00:00:05 GMT")], seconds(5)),
        (&[("date", "today"), ("retry-after", "Thu, 01 Jan 2026 00:00:05 GMT")], seconds(5)),
        // What says nothing asks for nothing.
        (&[("retry-after", "soon")], Duration::from_millis(500)),
        (&[("retry-after", "")], Duration::from_millis(500)),
        (&[("retry-after", "-1")], Duration::from_millis(500)),
        (&[("retry-after", "99999999999999999999999")], Duration::from_millis(500)),
    ] {
        let it = tried(World::of([status(503, headers), good()]), Patience::default()).await;
        assert_eq!((it.last, it.pauses), (Ok(200), vec![pause]), "{headers:?}");
    }
}

/// Catalogue, Network: 30 s for a call, all that is sent again included.
#[tokio::test]
async fn a_pause_beyond_the_limit_is_not_begun() {
    let asks = |pause: &str| status(429, &[("retry-after", pause)]);
    for never in ["30", "31", "18446744073709551615", "Fri, 01 Jan 9999 00:00:00 GMT"] {
        let it = tried(World::of([asks(never)]), Patience::default()).await;
        assert_eq!((it.last, it.pauses), (Ok(429), vec![]), "{never}");
    }
    let it = tried(World::of([asks("20"), asks("20")]), Patience::default()).await;
    assert_eq!((it.last, it.pauses), (Ok(429), vec![seconds(20)]));
    assert_eq!(it.limits, [seconds(30), seconds(10)], "each try has what is left");
    // 25 s are gone: neither more than the 5 that are left, nor all of them.
    for pause in ["7", "5"] {
        let it = tried(World::of([asks(pause)]).slow(seconds(25)), Patience::default()).await;
        assert_eq!((it.last, it.pauses), (Ok(429), vec![]), "{pause}");
    }
    let it = tried(World::of([status(503, &[])]).slow(seconds(40)), Patience::default()).await;
    assert_eq!(it.last, Ok(503));
}

/// A request with a limit of zero may be taken for one that has none.
#[tokio::test]
async fn nothing_is_sent_when_no_time_is_left() {
    let world = World::default();
    let it = world.tried(&world.context().with_call_limit(Duration::ZERO), Patience::default()).await;
    let error = it.last.expect_err("no time");
    assert!(error.contains("https://example.org") && error.contains("the limit for one call"), "{error}");
    // A clock that sleeps over the end: the last answer is the outcome.
    let it = tried(World::of([status(503, &[])]).late(seconds(60)), Patience::default()).await;
    assert_eq!((it.last, it.limits.len()), (Ok(503), 1));
}

/// Two requests that are one call share its limit.
#[tokio::test]
async fn a_call_may_have_begun_before() {
    let world = World::of([good(), good()]).slow(seconds(12));
    let patience = Patience::default().with_began(world.now());
    let cx = world.context();
    world.tried(&cx, patience).await;
    assert_eq!(world.tried(&cx, patience).await.limits, [seconds(30), seconds(18)]);
}

/// What is signed is not sent again when the signature is old, however long the call may take.
#[tokio::test]
async fn what_is_good_for_a_while_is_sent_again_within_it() {
    let world = World::of([status(429, &[("retry-after", "200")]), status(429, &[("retry-after", "100")])]);
    let cx = world.context().with_call_limit(seconds(3600));
    let it = world.tried(&cx, Patience::default().with_good_for(seconds(300))).await;
    assert_eq!((it.last, it.pauses), (Ok(429), vec![seconds(200)]));
    assert_eq!(it.limits, [seconds(3600), seconds(3400)]);
}

/// A request that is to be answered quickly stays one.
#[tokio::test]
async fn a_limit_of_its_own_holds_for_each_try() {
    let world = World::of([status(503, &[]), good()]).slow(seconds(2));
    let request = Request::get("http://169.254.169.254/").with_timeout(seconds(2));
    let answer = world.context().send_patiently(request, Patience::default()).await.expect("an answer");
    assert!(answer.is_success());
    assert_eq!(world.state().limits, [Some(seconds(2)), Some(seconds(2))]);
}
