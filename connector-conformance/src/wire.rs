//! What a connector says to the outside, watched and, when the kit wants it, spoilt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connector_core::{Error, Http, Request, Response, Result, VirtualClock, async_trait};

use crate::drive::step_aside;

/// Every call so far, and how the next ones go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    calls: Vec<Vec<u8>>,
    urls: Vec<String>,
    mood: Mood,
    /// How many calls the author's provider is answering now.
    under_way: usize,
}

/// How calls go.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    /// As the author's provider answers.
    #[default]
    Honest,
    /// Nothing is reached.
    Down,
    /// From the call with this number on, counted from 0, this answer comes.
    Instead(usize, Answer),
    /// The answer to the call with this number takes so long on its way back.
    Slow(usize, Duration),
}

/// An answer that no provider should give.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The request comes back in the answer, as some providers do it in their errors.
    pub(crate) echoes: bool,
}

impl Answer {
    fn to(&self, request: &Request) -> Response {
        let mut body = self.body.clone();
        if self.echoes {
            body.extend_from_slice(format!("\n{:?}\n", request.headers()).as_bytes());
            body.extend_from_slice(request.body());
        }
        Response::new(self.status, self.headers.clone(), body)
    }
}

impl Wire {
    pub(crate) fn set(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// How many calls there were.
    pub(crate) fn count(&self) -> usize {
        self.state().calls.len()
    }

    /// Every call, byte for byte.
    pub(crate) fn trace(&self) -> Vec<Vec<u8>> {
        self.state().calls.clone()
    }

    /// The URLs that were called.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.state().urls.clone()
    }

    /// Whether the author's provider is answering a call, which may take its time.
    pub(crate) fn is_under_way(&self) -> bool {
        self.state().under_way > 0
    }

    /// A call begins; answers with its number and how it goes.
    fn begin(&self, call: Vec<u8>, url: &str) -> (usize, Mood) {
        let mut state = self.state();
        state.calls.push(call);
        state.urls.push(url.to_owned());
        (state.calls.len() - 1, state.mood.clone())
    }

    /// A call that does not go over HTTP.
    pub(crate) async fn call(&self, what: &str) -> Result<()> {
        let (number, mood) = self.begin(what.as_bytes().to_vec(), "");
        step_aside().await;
        match mood {
            Mood::Down => Err(Error::unreachable("the provider is switched off by the conformance kit")),
            Mood::Instead(from, _) if number >= from => {
                Err(Error::unreachable("the provider is spoilt by the conformance kit"))
            }
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The author's HTTP, watched.
pub(crate) struct Watched {
    pub(crate) wire: Wire,
    pub(crate) clock: VirtualClock,
    pub(crate) inner: Arc<dyn Http>,
}

#[async_trait]
impl Http for Watched {
    async fn send(&self, request: Request) -> Result<Response> {
        let (number, mood) = self.wire.begin(bytes_of(&request), request.url());
        // So that others can line up behind this call.
        step_aside().await;
        match mood {
            Mood::Down => Err(Error::unreachable(format!("{}: connection refused", request.origin()))),
            Mood::Instead(from, answer) if number >= from => Ok(answer.to(&request)),
            Mood::Slow(at, by) if number == at => {
                let answer = self.pass_on(request).await;
                self.clock.advance(by);
                answer
            }
            _ => self.pass_on(request).await,
        }
    }
}

impl Watched {
    async fn pass_on(&self, request: Request) -> Result<Response> {
        let _under_way = UnderWay::new(&self.wire);
        self.inner.send(request).await
    }
}

/// A call at the author's provider, until this goes: also when nobody waits for it any more.
struct UnderWay<'a>(&'a Wire);

impl<'a> UnderWay<'a> {
    fn new(wire: &'a Wire) -> Self {
        wire.state().under_way += 1;
        Self(wire)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
    }
}

fn bytes_of(request: &Request) -> Vec<u8> {
    let mut headers = request.headers().to_vec();
    headers.sort();
    let head = format!("{} {}\n{headers:?}\n", request.method(), request.url());
    [head.as_bytes(), request.body()].concat()
}
