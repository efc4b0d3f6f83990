//! C29: every order in which three callers, their provider and a cancellation can take turns, tried one by one.
//!
//! The cell is only ever interrupted where it waits, so a schedule is a list of choices: whom to poll, when the
//! provider answers and how, who is dropped. All lists are gone through, depth first.

use std::pin::Pin;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::AtomicBool;
use std::task::{Context as TaskContext, Wake, Waker};

use tokio::sync::oneshot;

use super::*;
use crate::{ErrorKind, VirtualClock};

const CALLERS: usize = 3;
const HOUR: Duration = Duration::from_secs(3600);

struct Token(Expiry);

impl Expires for Token {
    fn expiry(&self) -> &Expiry {
        &self.0
    }
}

/// What is in the cell when the callers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Empty,
    Soft,
    Hard,
    Past,
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Poll(usize),
    Drop(usize),
    Answer,
    Fail,
}

/// The choices of one schedule: those to repeat, then the first of each.
#[derive(Default)]
struct Choices {
    /// What was chosen, among how many.
    made: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn choose(&mut self, among: usize) -> usize {
        if self.at == self.made.len() {
            self.made.push((0, among));
        }
        self.at += 1;
        self.made[self.at - 1].0
    }

    /// Goes on to the next schedule; `false` after the last one.
    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, among)) = self.made.pop() {
            if chosen + 1 < among {
                self.made.push((chosen + 1, among));
                return true;
            }
        }
        false
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Answer = oneshot::Sender<Result<Token>>;

/// A caller on its way.
struct Caller<'a> {
    future: Pin<Box<dyn Future<Output = Result<Arc<Token>>> + 'a>>,
    woken: Arc<Woken>,
    /// How many answers had come when it came.
    came: Option<usize>,
}

/// What a schedule showed.
#[derive(Default)]
struct Seen {
    calls: usize,
    failures: usize,
    dropped: usize,
    /// Somebody came only after an answer.
    late: bool,
}

/// Runs one schedule, and checks the rules at each of its turns.
fn run(start: Start, choices: &mut Choices) -> Seen {
    let clock = VirtualClock::default();
    let (cx, cell) = (Context::detached(clock.clone()), Refreshing::<Token>::default());
    let token = || Token(Expiry::At(cx.now() + HOUR));
    prepare(start, &cell, &cx, &clock);
    let waiting: StdMutex<Vec<Answer>> = StdMutex::default();
    let calls = AtomicU64::new(0);
    let fetch = || {
        calls.fetch_add(1, Ordering::SeqCst);
        let (answer, answered) = oneshot::channel();
        waiting.lock().expect("one thread").push(answer);
        async move { answered.await.expect("who waits is answered") }
    };
    let mut callers: Vec<Option<Caller<'_>>> = (0..CALLERS)
        .map(|_| {
            let woken = Arc::new(Woken(AtomicBool::new(true)));
            Some(Caller { future: Box::pin(cell.get(&cx, fetch)), woken, came: None })
        })
        .collect();
    let mut seen = Seen::default();
    let mut answers = 0;
    while callers.iter().any(Option::is_some) {
        // A flight whose caller was dropped waits for nobody.
        waiting.lock().expect("one thread").retain(|it| !it.is_closed());
        let flying = waiting.lock().expect("one thread").len();
        assert!(flying <= 1, "{flying} calls at the same time");
        let mut moves = Vec::new();
        for (number, caller) in callers.iter().enumerate() {
            let Some(caller) = caller else { continue };
            if caller.woken.0.load(Ordering::SeqCst) {
                moves.push(Move::Poll(number));
            }
            if caller.came.is_some() && seen.dropped == 0 {
                moves.push(Move::Drop(number));
            }
        }
        if flying > 0 {
            moves.extend([Move::Answer, Move::Fail]);
        }
        // Nobody is left waiting for somebody who will never wake him.
        assert!(
            moves.iter().any(|it| !matches!(it, Move::Drop(_))),
            "{start:?}: all wait: {:?}",
            choices.made
        );
        match moves[choices.choose(moves.len())] {
            Move::Poll(number) => {
                let caller = callers[number].as_mut().expect("it is on its way");
                caller.came.get_or_insert(answers);
                caller.woken.0.store(false, Ordering::SeqCst);
                let waker = Waker::from(Arc::clone(&caller.woken));
                if let Poll::Ready(answer) = caller.future.as_mut().poll(&mut TaskContext::from_waker(&waker))
                {
                    judge(start, &answer, cx.now(), seen.failures);
                    seen.late |= caller.came.is_some_and(|came| came > 0);
                    callers[number] = None;
                }
            }
            Move::Drop(number) => {
                callers[number] = None;
                seen.dropped += 1;
            }
            outcome => {
                let answer = waiting.lock().expect("one thread").pop().expect("one is flying");
                answers += 1;
                let failed = matches!(outcome, Move::Fail);
                seen.failures += usize::from(failed);
                let result = if failed { Err(Error::unreachable("no answer")) } else { Ok(token()) };
                assert!(answer.send(result).is_ok(), "its caller is there");
            }
        }
    }
    seen.calls = calls.load(Ordering::SeqCst) as usize;
    seen
}

/// Puts something into the cell, and moves the time to where `start` is in its life.
fn prepare(start: Start, cell: &Refreshing<Token>, cx: &Context, clock: &VirtualClock) {
    if start == Start::Empty {
        return;
    }
    let end = Expiry::At(cx.now() + HOUR);
    let mut first = pin!(cell.get(cx, || async { Ok(Token(end)) }));
    let ready = first.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
    assert!(matches!(ready, Poll::Ready(Ok(_))), "nothing to wait for");
    let windows = cell.windows().expect("it ends");
    clock.set(match start {
        Start::Soft => windows.soft,
        Start::Hard => windows.hard,
        _ => windows.end,
    });
}

fn judge(start: Start, answer: &Result<Arc<Token>>, now: SystemTime, failures: usize) {
    match answer {
        Ok(token) => assert!(!token.0.is_past(now), "{start:?}: what has ended is handed out"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unreachable);
            assert!(failures > 0, "an error that nobody caused");
            let good = matches!(start, Start::Soft | Start::Hard);
            assert!(!good, "{start:?}: an error in place of what is still good");
        }
    }
}

#[test]
fn c29_no_order_of_turns_breaks_the_rules_of_renewal() {
    for start in [Start::Empty, Start::Soft, Start::Hard, Start::Past] {
        let (mut choices, mut schedules, mut together) = (Choices::default(), 0, 0);
        loop {
            let seen = run(start, &mut choices);
            schedules += 1;
            if seen.dropped == 0 && !seen.late {
                together += 1;
                assert_eq!(seen.calls, 1, "{start:?}: callers who came together: {:?}", choices.made);
            }
            // Each call more has a reason: the one before failed, or its caller went away.
            assert!(seen.calls <= 1 + seen.failures + seen.dropped, "{start:?}: {:?}", choices.made);
            if !choices.next() {
                break;
            }
        }
        assert!(schedules > 100 && together > 5, "{start:?}: {schedules} schedules, {together} together");
    }
}
