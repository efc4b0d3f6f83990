//! C26: random schedules of callers, clocks and a provider, on one virtual clock.
//!
//! What has passed is the truth here; the clock shows what it is set to, and the provider's differs from it by up to five
//! minutes. A token ends when its life has passed since the provider made it.

use std::sync::atomic::AtomicUsize;

use proptest::prelude::{ProptestConfig as Config, *};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tokio::task::JoinSet;

use super::*;
use crate::{Clock, ErrorKind, VirtualClock};

const MINUTE: u64 = 60;
const DAY: i64 = 86_400;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many seconds pass.
    Wait(u64),
    /// Somebody sets the clock, by so many seconds.
    Jump(i64),
    /// So many callers come at once; the provider takes so long for its answer, and it is this.
    Ask { callers: usize, takes: u64, jumps: i64, answer: Answer },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Token,
    Silence,
    Refusal,
}

#[derive(Debug)]
struct Token {
    expiry: Expiry,
    /// What will have passed when it ends.
    ends: Duration,
}

impl Expires for Token {
    fn expiry(&self) -> &Expiry {
        &self.expiry
    }
}

struct World {
    cx: Context,
    clock: VirtualClock,
    cell: Refreshing<Token>,
    life: Duration,
    /// How far the provider's clock is ahead.
    skew: i64,
    calls: AtomicUsize,
    flying: AtomicUsize,
}

fn shifted(time: SystemTime, by: i64) -> SystemTime {
    let far = Duration::from_secs(by.unsigned_abs());
    if by < 0 { time - far } else { time + far }
}

impl World {
    fn new(life: u64, skew: i64) -> Arc<Self> {
        let clock = VirtualClock::default();
        let (cx, cell) = (Context::detached(clock.clone()), Refreshing::default());
        let (calls, flying) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { cx, clock, cell, life: Duration::from_secs(life), skew, calls, flying })
    }

    fn passed(&self) -> Duration {
        self.clock.passed().expect("it counts")
    }

    fn jump(&self, by: i64) {
        self.clock.set(shifted(self.clock.now(), by));
    }

    async fn fetch(&self, takes: u64, jumps: i64, answer: Answer) -> Result<Token> {
        assert_eq!(self.flying.fetch_add(1, Ordering::SeqCst), 0, "two calls at the same time");
        self.calls.fetch_add(1, Ordering::SeqCst);
        // Set while a request before this one is on its way, or while this one is.
        let (before, while_sent) = if jumps % 2 == 0 { (jumps, 0) } else { (0, jumps) };
        self.jump(before);
        let sent = self.cx.now();
        tokio::task::yield_now().await;
        self.clock.advance(Duration::from_secs(takes));
        // The provider tells the end and the time by its own clock, so that only what is between them counts.
        let date = shifted(self.clock.now(), self.skew);
        let (end, ends) = (date + self.life, self.passed() + self.life);
        self.jump(while_sent);
        self.flying.fetch_sub(1, Ordering::SeqCst);
        match answer {
            Answer::Token => {
                let life = end.duration_since(date).expect("an end comes later");
                Ok(Token { expiry: Expiry::At(sent + life), ends })
            }
            Answer::Silence => Err(Error::unreachable("no answer")),
            Answer::Refusal => Err(Error::refused("not for you")),
        }
    }

    async fn ask(self: Arc<Self>, takes: u64, jumps: i64, answer: Answer) -> Result<()> {
        if let Some(token) = self.cell.peek(&self.cx) {
            assert!(self.passed() < token.ends, "what has ended is at hand");
        }
        let token = self.cell.get(&self.cx, || self.fetch(takes, jumps, answer)).await?;
        assert!(self.passed() < token.ends, "what has ended is handed out");
        Ok(())
    }

    async fn run(self: &Arc<Self>, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Wait(seconds) => self.clock.advance(Duration::from_secs(seconds)),
                Step::Jump(by) => self.jump(by),
                Step::Ask { callers, takes, jumps, answer } => {
                    let before = self.calls.load(Ordering::SeqCst);
                    let asking: JoinSet<_> =
                        (0..callers).map(|_| Arc::clone(self).ask(takes, jumps, answer)).collect();
                    let answers = asking.join_all().await;
                    let calls = self.calls.load(Ordering::SeqCst) - before;
                    // What a flight brings that the clock is set in may count as ended when it lands.
                    assert!(calls <= 1 || jumps != 0, "{calls} calls for {callers} who came together");
                    for error in answers.into_iter().filter_map(Result::err) {
                        assert!(
                            answer != Answer::Token || error.kind() != ErrorKind::Unreachable,
                            "{error:?}"
                        );
                    }
                }
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let jump = || prop_oneof![6 => -300..=300_i64, 1 => Just(-3600_i64), 1 => Just(DAY), 1 => Just(-DAY)];
    let answer =
        prop_oneof![3 => Just(Answer::Token), 2 => Just(Answer::Silence), 1 => Just(Answer::Refusal)];
    let jumps = prop_oneof![3 => Just(0), 1 => -300..=300_i64];
    let ask = (1..5_usize, 0..40_u64, jumps, answer).prop_map(|(callers, takes, jumps, answer)| Step::Ask {
        callers,
        takes,
        jumps,
        answer,
    });
    let step =
        prop_oneof![4 => (0..400_u64).prop_map(Step::Wait), 1 => jump().prop_map(Step::Jump), 5 => ask];
    proptest::collection::vec(step, 1..60)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

#[test]
fn c26_no_schedule_of_callers_clocks_and_failures_hands_out_what_has_ended() {
    let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
    let runtime = runtime();
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(
            &(prop_oneof![Just(61_u64), Just(900), Just(3600)], -300..=300_i64, steps()),
            |(life, skew, steps)| {
                runtime.block_on(World::new(life, skew).run(&steps));
                Ok(())
            },
        )
        .expect("every schedule keeps the rules");
}

/// S32, C26: a job of 40 minutes that asks every second, on credentials of 15, with a provider that is away for two
/// minutes at any time: it never sees one that has ended, and never an error.
#[test]
fn s32_c26_a_job_of_40_minutes_never_sees_the_end_of_credentials_of_15() {
    let runtime = runtime();
    for outage in (0..2400).step_by(7) {
        let world = World::new(15 * MINUTE, 0);
        runtime.block_on(async {
            for second in 0..40 * MINUTE {
                let is_away = second > 0 && (outage..outage + 2 * MINUTE).contains(&second);
                let answer = if is_away { Answer::Silence } else { Answer::Token };
                Arc::clone(&world).ask(0, 0, answer).await.expect("served");
                world.clock.advance(Duration::from_secs(1));
            }
        });
        let calls = world.calls.load(Ordering::SeqCst);
        assert!((3..=14).contains(&calls), "{calls} calls with the outage at {outage}");
    }
}
