use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::task::{Context as TaskContext, Waker};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;
use crate::{ErrorKind, VirtualClock};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Token {
    number: usize,
    expiry: Expiry,
}

impl Expires for Token {
    fn expiry(&self) -> &Expiry {
        &self.expiry
    }
}

/// A provider that counts its calls, and can be told to fail, or not to answer yet.
#[derive(Clone)]
struct Provider {
    cx: Context,
    clock: VirtualClock,
    life: Duration,
    calls: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
    answers: Arc<watch::Sender<bool>>,
    cell: Arc<Refreshing<Token>>,
}

impl Provider {
    fn of(life: Duration) -> Self {
        let clock = VirtualClock::default();
        Self {
            cx: Context::detached(clock.clone()),
            clock,
            life,
            calls: Arc::default(),
            fails: Arc::default(),
            answers: Arc::new(watch::Sender::new(true)),
            cell: Arc::default(),
        }
    }

    async fn fetch(&self) -> Result<Token> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let end = self.cx.now() + self.life;
        let _ = self.answers.subscribe().wait_for(|answers| *answers).await;
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::unreachable(format!("call {number} failed")));
        }
        Ok(Token { number, expiry: Expiry::At(end) })
    }

    /// The number of the token that a caller gets.
    async fn get(&self) -> Result<usize> {
        Ok(self.cell.get(&self.cx, || self.fetch()).await?.number)
    }

    fn set_answers(&self, answers: bool) {
        self.answers.send_replace(answers);
    }

    fn set_fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Looks once whether a future is ready, without any runtime.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

#[test]
fn windows_of_some_lives() {
    let born = SystemTime::UNIX_EPOCH;
    for (life, early, jitter, soft, hard) in [
        // A token of a minute is fresh for half of its life.
        (60, 60, 0.0, 30, 45),
        (60, 60, 1.0, 30, 45),
        (3600, 60, 0.0, 1800, 3420),
        (3600, 60, 1.0, 2880, 3420),
        // Users who want the next one early get it early, but not before half-time.
        (3600, 1200, 1.0, 2400, 3420),
        (900, 900, 1.0, 450, 840),
        (43_200, 60, 0.0, 21_600, 41_040),
        (43_200, 60, 1.0, 34_560, 41_040),
        (43_200, 1200, 1.0, 34_560, 41_040),
        (129_600, 1200, 0.0, 64_800, 123_120),
        (129_600, 1200, 1.0, 103_680, 123_120),
        (900, 1200, 0.0, 450, 840),
        (900, 60, 1.0, 720, 840),
        (0, 60, 0.5, 0, 0),
    ] {
        let windows =
            Windows::new(born, born + Duration::from_secs(life), Duration::from_secs(early), jitter);
        let seconds = |time: SystemTime| time.duration_since(born).map(|it| it.as_secs()).ok();
        assert_eq!(
            (seconds(windows.soft), seconds(windows.hard)),
            (Some(soft), Some(hard)),
            "{life} {early} {jitter}"
        );
    }
}

#[test]
fn windows_are_in_order_and_never_stale_at_birth() {
    let born = SystemTime::UNIX_EPOCH + HOUR;
    for life in (0..200).chain((200..200_000).step_by(997)).map(Duration::from_secs) {
        for early in [0, 1, 59, 60, 300, 1200, 86_400].map(Duration::from_secs) {
            for jitter in [-1.0, 0.0, 0.3, 1.0, 2.0, f64::NAN, f64::INFINITY] {
                let windows = Windows::new(born, born + life, early, jitter);
                assert!(windows.soft <= windows.hard && windows.hard <= windows.end, "{life:?} {windows:?}");
                assert!(windows.soft >= born + life / 2, "{life:?} {windows:?}");
            }
        }
    }
    let before = Windows::new(born, SystemTime::UNIX_EPOCH, MINUTE, 0.5);
    assert!(before.soft == before.end && before.hard == before.end);
}

#[tokio::test]
async fn before_soft_all_take_what_is_held() -> Result<()> {
    let provider = Provider::of(HOUR);
    for _ in 0..100 {
        assert_eq!(provider.get().await?, 1);
    }
    provider.clock.advance(HOUR / 2 - MINUTE);
    assert_eq!(provider.get().await?, 1);
    assert_eq!(provider.cell.peek(&provider.cx).map(|it| it.number), Some(1));
    Ok(())
}

#[tokio::test]
async fn s32_from_soft_one_renews_and_the_others_go_on() -> Result<()> {
    let provider = Provider::of(HOUR);
    provider.get().await?;
    provider.clock.set(provider.cell.windows().expect("it ends").soft);
    provider.set_answers(false);
    let mut one = pin!(provider.get());
    assert!(poll(one.as_mut()).is_pending());
    for _ in 0..100 {
        assert_eq!(provider.get().await?, 1);
    }
    provider.set_answers(true);
    assert_eq!(one.await?, 2);
    assert_eq!((provider.get().await?, provider.calls()), (2, 2));
    Ok(())
}

#[tokio::test]
async fn from_hard_all_wait_for_one_call() -> Result<()> {
    let provider = Provider::of(HOUR);
    provider.get().await?;
    provider.clock.set(provider.cell.windows().expect("it ends").hard);
    provider.set_answers(false);
    let mut waiting: JoinSet<_> = (0..100)
        .map(|_| {
            let provider = provider.clone();
            async move { provider.get().await }
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(waiting.try_join_next().is_none());
    provider.set_answers(true);
    for number in waiting.join_all().await {
        assert_eq!(number?, 2);
    }
    assert_eq!(provider.calls(), 2);
    Ok(())
}

#[tokio::test]
async fn a_failed_early_renewal_keeps_the_good_one_until_its_real_end_and_pauses() -> Result<()> {
    let provider = Provider::of(HOUR);
    provider.get().await?;
    let windows = provider.cell.windows().expect("it ends");
    provider.set_fails(true);
    provider.clock.set(windows.soft);
    // Each pause is twice the one before.
    for (wait, calls) in [(0, 2), (0, 2), (14, 2), (1, 3), (29, 3), (1, 4), (59, 4)] {
        provider.clock.advance(Duration::from_secs(wait));
        assert_eq!((provider.get().await?, provider.calls()), (1, calls));
        let overdue = provider.cell.overdue(&provider.cx).expect("nobody has noticed yet");
        assert_eq!((overdue.failures as usize, overdue.ends_at), (calls - 1, windows.end));
        assert_eq!(overdue.error.message(), format!("call {calls} failed"));
        assert!(overdue.again_at > provider.cx.now() && overdue.failed_at <= provider.cx.now());
    }
    // Where all would wait there is a pause too: who has something good does not wait for what just failed.
    provider.clock.set(windows.hard);
    for calls in [5, 5, 5] {
        assert_eq!((provider.get().await?, provider.calls()), (1, calls));
    }
    provider.clock.set(windows.end - Duration::from_secs(1));
    assert_eq!(provider.get().await?, 1);
    provider.clock.set(windows.end);
    assert!(provider.get().await.is_err());
    assert!(provider.cell.overdue(&provider.cx).is_none(), "by now it is an error");
    provider.set_fails(false);
    assert!(provider.get().await? > 1);
    assert!(provider.cell.overdue(&provider.cx).is_none());
    Ok(())
}

#[test]
fn pauses_double_and_leave_time_to_try_again() {
    let pause = |failures, left| Windows::pause(failures, Duration::from_secs(left)).as_secs();
    let of_a_long_life: Vec<_> = (0..8).map(|failures| pause(failures, 36_000)).collect();
    assert_eq!(of_a_long_life, [15, 15, 30, 60, 120, 240, 300, 300]);
    assert_eq!(pause(u32::MAX, 36_000), 300);
    // At most half of what is left, so that there is another try before the end.
    assert_eq!((pause(9, 100), pause(9, 31), pause(9, 20), pause(9, 0)), (50, 15, 15, 15));
}

/// A wrong permission costs one call in 15 seconds, whoever asks; what may pass by itself is tried by everybody who
/// comes later.
#[tokio::test]
async fn a_refusal_answers_for_a_moment_where_there_is_nothing_good() {
    let provider = Provider::of(HOUR);
    let calls = Arc::new(AtomicUsize::new(0));
    let ask = |cx: &Context, error: fn() -> Error| {
        let (cell, calls, cx) = (Arc::clone(&provider.cell), Arc::clone(&calls), cx.clone());
        async move {
            let fetch = || async {
                calls.fetch_add(1, Ordering::SeqCst);
                Err(error())
            };
            cell.get(&cx, fetch).await.expect_err("it fails").kind()
        }
    };
    let refused: fn() -> Error = || Error::refused("not for you");
    let cx = &provider.cx;
    for (wait, made) in [(0, 1), (0, 1), (14, 1), (1, 2), (1, 2)] {
        provider.clock.advance(Duration::from_secs(wait));
        assert_eq!(ask(cx, refused).await, ErrorKind::Refused);
        assert_eq!(calls.load(Ordering::SeqCst), made, "{wait} s later");
    }
    // A person may just have mended it, and so may who switched something on.
    ask(&cx.with_person(Nobody), refused).await;
    ask(&cx.with_implicit(true), refused).await;
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    // A clock that is set back does not make it last, and what is forgotten is asked for.
    provider.clock.set(cx.now() - HOUR);
    ask(cx, refused).await;
    provider.cell.clear();
    ask(cx, refused).await;
    assert_eq!(calls.load(Ordering::SeqCst), 6);
    provider.clock.advance(MINUTE);
    for made in 7..9 {
        assert_eq!(ask(cx, || Error::unreachable("no answer")).await, ErrorKind::Unreachable);
        assert_eq!(calls.load(Ordering::SeqCst), made);
    }
}

struct Nobody;

#[crate::async_trait]
impl crate::Person for Nobody {
    async fn ask(&self, _: &str) -> Result<crate::Secret> {
        Err(Error::refused("nobody"))
    }

    async fn tell(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// C26: a clock that is set back by less than a life does not make anything last longer.
#[tokio::test]
async fn c26_what_is_held_ends_in_time_on_a_clock_that_was_set_back() -> Result<()> {
    for back in [MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR, 24 * HOUR] {
        let provider = Provider::of(HOUR);
        provider.get().await?;
        provider.set_fails(true);
        provider.clock.advance(HOUR - MINUTE);
        provider.clock.set(provider.cx.now() - back);
        assert_eq!(provider.get().await?, 1, "{back:?}: a minute is left");
        assert!(back == MINUTE || provider.cell.peek(&provider.cx).is_none());
        provider.clock.advance(MINUTE);
        assert!(provider.get().await.is_err(), "{back:?}: it has ended, whatever the clock shows");
        provider.set_fails(false);
        provider.get().await?;
    }
    Ok(())
}

/// A day forward: what is held counts as ended, and a new one is as good as any. Back again, and nothing lives for a day.
#[tokio::test]
async fn c26_a_clock_that_jumps_a_day_forward_and_back() -> Result<()> {
    let provider = Provider::of(HOUR);
    provider.get().await?;
    let before = provider.cx.now();
    provider.clock.set(before + 24 * HOUR);
    assert_eq!((provider.get().await?, provider.get().await?), (2, 2));
    provider.set_fails(true);
    provider.clock.set(before);
    assert_eq!(provider.get().await?, 2, "good still, and to be renewed");
    provider.set_fails(false);
    provider.clock.advance(MINUTE);
    assert_eq!((provider.get().await?, provider.get().await?), (4, 4));
    Ok(())
}

#[tokio::test]
async fn c26_a_renewal_that_fails_after_the_end_is_not_answered_with_what_has_ended() -> Result<()> {
    let provider = Provider::of(MINUTE);
    provider.get().await?;
    let windows = provider.cell.windows().expect("it ends");
    for start in [windows.soft, windows.hard] {
        provider.clock.set(start);
        provider.set_answers(false);
        let mut renewal = pin!(provider.get());
        assert!(poll(renewal.as_mut()).is_pending());
        provider.clock.set(windows.end);
        provider.set_fails(true);
        provider.set_answers(true);
        assert!(renewal.await.is_err());
        // Once more, from the other window, with the pause behind.
        provider.clock.set(start);
    }
    Ok(())
}

#[tokio::test]
async fn a_thousand_who_wait_for_a_failing_call_get_its_error_and_who_comes_later_tries_again() {
    let provider = Provider::of(HOUR);
    provider.set_fails(true);
    provider.set_answers(false);
    let waiting: JoinSet<_> = (0..1000)
        .map(|_| {
            let provider = provider.clone();
            async move { provider.get().await }
        })
        .collect();
    tokio::task::yield_now().await;
    provider.set_answers(true);
    for result in waiting.join_all().await {
        assert_eq!(result.expect_err("it fails").message(), "call 1 failed");
    }
    assert_eq!(provider.calls(), 1);
    assert_eq!(provider.get().await.expect_err("it fails").message(), "call 2 failed");
}

#[tokio::test]
async fn who_comes_while_the_waiters_of_a_failure_leave_tries_again() {
    let provider = Provider::of(HOUR);
    provider.set_fails(true);
    provider.set_answers(false);
    let (mut first, mut second) = (pin!(provider.get()), pin!(provider.get()));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    provider.set_answers(true);
    assert!(poll(first.as_mut()).is_ready());
    // The second one has not looked yet, and holds its place in the queue.
    let mut late = pin!(provider.get());
    assert!(poll(late.as_mut()).is_pending());
    assert_eq!(second.await.expect_err("it fails").message(), "call 1 failed");
    assert_eq!(late.await.expect_err("it fails").message(), "call 2 failed");
}

#[tokio::test]
async fn a_cancelled_flight_lets_the_next_one_in() -> Result<()> {
    let provider = Provider::of(HOUR);
    provider.set_answers(false);
    let mut waiting = pin!(provider.get());
    {
        let mut cancelled = Box::pin(provider.get());
        assert!(poll(cancelled.as_mut()).is_pending());
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!(provider.calls(), 1);
    }
    provider.set_answers(true);
    assert_eq!(waiting.await?, 2);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_ended_for_all_who_wait() {
    let provider = Provider::of(HOUR);
    provider.set_answers(false);
    let (mut first, mut second) = (pin!(provider.get()), pin!(provider.get()));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    provider.clock.advance(Context::DEADLINE);
    for error in [first.await, second.await].map(|it| it.expect_err("it takes too long")) {
        assert_eq!(error.message(), "no credential within 1m 30s");
        assert!(error.is_transient());
    }
    assert_eq!(provider.calls(), 1);
}

#[test]
fn nothing_is_spawned_and_no_runtime_is_needed() {
    let provider = Provider::of(MINUTE);
    for round in 1..=3 {
        let mut get = pin!(provider.get());
        assert!(matches!(poll(get.as_mut()), Poll::Ready(Ok(number)) if number == round));
        provider.clock.advance(MINUTE);
    }
}

#[tokio::test]
async fn an_answer_that_has_ended_already_is_an_error() {
    let provider = Provider::of(Duration::ZERO);
    let error = provider.get().await.expect_err("it has ended");
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Expired, Some("check this machine's clock")));
}

#[tokio::test]
async fn what_was_counted_with_a_clock_that_is_set_back_is_renewed() -> Result<()> {
    let provider = Provider::of(HOUR);
    provider.clock.advance(24 * HOUR);
    let born = provider.cx.now();
    provider.get().await?;
    // A small correction is what the margin is for.
    provider.clock.set(born - MINUTE);
    assert_eq!(provider.get().await?, 1);
    // After a large one it would be good for a day, as far as this clock can tell.
    provider.clock.set(born - 24 * HOUR);
    assert!(provider.cell.peek(&provider.cx).is_none());
    assert_eq!((provider.get().await?, provider.get().await?), (2, 2));
    // A failure before that does not pause for a day either.
    provider.set_fails(true);
    provider.clock.set(provider.cell.windows().expect("it ends").soft);
    provider.get().await?;
    provider.clock.set(born - 48 * HOUR);
    provider.set_fails(false);
    assert_eq!(provider.get().await?, 4);
    Ok(())
}

#[tokio::test]
async fn what_never_ends_is_never_renewed() -> Result<()> {
    let provider = Provider::of(HOUR);
    for _ in 0..3 {
        let never = || async { Ok(Token { number: 7, expiry: Expiry::Never("revoked by hand".into()) }) };
        assert_eq!(provider.cell.get(&provider.cx, never).await?.number, 7);
        provider.clock.advance(1_000_000 * HOUR);
    }
    assert_eq!(provider.cell.windows(), None);
    Ok(())
}

#[tokio::test]
async fn what_would_not_last_is_renewed_and_kept_if_that_fails() -> Result<()> {
    let provider = Provider::of(HOUR);
    let lasting = |need| provider.cell.get_lasting(&provider.cx, need, || provider.fetch());
    lasting(HOUR).await?;
    provider.clock.advance(HOUR / 4);
    assert_eq!(lasting(HOUR / 2).await?.number, 1);
    assert_eq!(lasting(HOUR).await?.number, 2);
    provider.clock.advance(HOUR / 4);
    provider.set_fails(true);
    assert_eq!((lasting(HOUR).await?.number, provider.calls()), (2, 3));
    assert_eq!((lasting(HOUR).await?.number, provider.calls()), (2, 3));
    Ok(())
}

#[tokio::test]
async fn what_is_forgotten_is_fetched() -> Result<()> {
    let provider = Provider::of(HOUR);
    provider.get().await?;
    provider.cell.clear();
    assert_eq!(provider.get().await?, 2);
    Ok(())
}

#[tokio::test]
async fn c26_nothing_that_has_ended_is_handed_out_whatever_clock_and_provider_do() {
    let provider = Provider::of(10 * MINUTE);
    let mut dice = 42_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for _ in 0..20_000 {
        provider.set_fails(roll(2) == 0);
        match roll(10) {
            // The clock is five minutes off, one way or the other.
            0 => provider.clock.set(provider.cx.now() - 5 * MINUTE),
            1 => provider.clock.advance(5 * MINUTE),
            _ => provider.clock.advance(Duration::from_secs(roll(90))),
        }
        if let Ok(token) = provider.cell.get(&provider.cx, || provider.fetch()).await {
            assert!(!token.expiry.is_past(provider.cx.now()));
        }
    }
    assert!(provider.calls() > 1000);
}

/// What the provider takes no more is replaced by one call, whoever hears it, and a provider
/// that takes nothing is not asked for more each time.
#[tokio::test]
async fn what_is_refused_is_fetched_again_once() {
    let provider = Provider::of(HOUR);
    let held = async || provider.cell.get(&provider.cx, || provider.fetch()).await;
    let first = held().await.expect("a token");
    let refused = |token: &Arc<Token>| provider.cell.refused(token, provider.cx.now());
    assert!(refused(&first));
    assert!(!refused(&first), "who hears it late changes nothing");
    let second = held().await.expect("another one");
    assert_eq!((second.number, provider.calls.load(Ordering::SeqCst)), (2, 2));
    assert!(!refused(&first) && !refused(&second), "a moment after the last one");
    assert_eq!(provider.get().await.expect("the same"), 2);
    provider.clock.advance(MINUTE);
    assert!(refused(&second));
    assert_eq!(provider.get().await.expect("the third"), 3);
}
