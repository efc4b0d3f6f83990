//! Faults that a loopback server injects: what a network, a proxy or a troubled service does to a client.
//!
//! A server that is *down* is not a fault of one call: see [`crate::loopback::Loopback::go_down`].

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::loopback::{Answer, Breaks, Call};

/// One way to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call is taken and never answered.
    NeverAnswers,
    /// The connection closes without an answer.
    ClosedConnection,
    /// The real answer, cut off in the middle of its body.
    Truncated,
    /// The real answer's status and headers, with a body that is neither text nor XML nor JSON.
    GarbageBody,
    /// A page of HTML with status 200, as a captive portal sends it.
    WrongContentType,
    /// A status without a useful body, as a load balancer sends it; with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// The real answer, dated by a clock that is so many seconds ahead (behind, when negative).
    DateSkew(i64),
    /// This answer, whatever was asked.
    Answer(Answer),
}

impl Fault {
    pub(crate) async fn apply(self, real: impl AsyncFnOnce() -> Answer) -> Answer {
        match self {
            Self::NeverAnswers => std::future::pending().await,
            Self::ClosedConnection => Answer { breaks: Breaks::AtOnce, ..Answer::empty(500) },
            Self::Truncated => Answer { breaks: Breaks::InTheMiddle, ..real().await },
            Self::GarbageBody => {
                real().await.with_body(b"\x00\xff<{\"]\x1b[2Jnot what you asked for\xfe".to_vec())
            }
            Self::WrongContentType => {
                Answer::new(200, "text/html", "<html><body>please log in</body></html>")
            }
            Self::Status(status, retry_after) => {
                let answer = Answer::new(status, "text/html", "<html><body>try again</body></html>");
                match retry_after {
                    Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            Self::DateSkew(seconds) => skewed(real().await, seconds),
            Self::Answer(answer) => answer,
        }
    }
}

fn skewed(answer: Answer, seconds: i64) -> Answer {
    const FORMAT: &str = "%a, %d %b %Y %H:%M:%S GMT";
    let dated = answer.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let dated = dated.map_or_else(jiff::Timestamp::now, |zoned| zoned.timestamp());
    let shifted = dated.saturating_add(jiff::SignedDuration::from_secs(seconds));
    let shifted = shifted.expect("whole seconds can be added to a time");
    answer.with_header("date", shifted.strftime(FORMAT).to_string())
}

/// The faults of one server, shared with it. The first rule that fits a call is applied.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

struct Rule {
    fits: Box<dyn Fn(&Call) -> bool + Send>,
    fault: Fault,
    left: Option<usize>,
}

impl Faults {
    /// Every call fails, until [`Faults::clear`].
    pub fn always(&self, fault: Fault) {
        self.add(None, fault, |_| true);
    }

    /// The next `times` calls fail.
    pub fn next_calls(&self, times: usize, fault: Fault) {
        self.add(Some(times), fault, |_| true);
    }

    /// Calls for which `fits` holds fail: the next `times` of them, or all.
    pub fn on(&self, times: Option<usize>, fault: Fault, fits: impl Fn(&Call) -> bool + Send + 'static) {
        self.add(times, fault, fits);
    }

    /// Nothing fails any more.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn add(&self, left: Option<usize>, fault: Fault, fits: impl Fn(&Call) -> bool + Send + 'static) {
        self.lock().push(Rule { fits: Box::new(fits), fault, left });
    }

    pub(crate) fn next(&self, call: &Call) -> Option<Fault> {
        let mut rules = self.lock();
        let rule = rules.iter_mut().find(|rule| rule.left != Some(0) && (rule.fits)(call))?;
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.fault.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().expect("nothing panics while it holds the faults")
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter().map(|rule| &rule.fault)).finish()
    }
}
