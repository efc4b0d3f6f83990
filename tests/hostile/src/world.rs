//! Surroundings whose every answer is the input.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use connector_core::{
    Clock, Command, Commands, Context, Error, Http, Output, Person, Redirect, Request, Response, Result,
    Secret, async_trait,
};

/// Answers every request, in order, the last answer for good; waits for nothing.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    now: SystemTime,
    answers: Vec<Response>,
    output: Vec<u8>,
    asked: usize,
    told: String,
}

/// More requests than any flow needs: a service that never comes to an end gets no further.
const MOST: usize = 64;

impl World {
    /// A world in which nobody answers.
    pub(crate) fn silent() -> Self {
        Self::answering(Vec::new(), Vec::new())
    }

    /// A world in which services answer so, and every program prints `output`.
    pub(crate) fn answering(answers: Vec<Response>, output: Vec<u8>) -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        Self(Arc::new(Mutex::new(State { now, answers, output, asked: 0, told: String::new() })))
    }

    pub(crate) fn context(&self, files: HashMap<PathBuf, Vec<u8>>) -> Context {
        let environment = [("HOME", "/home/alice"), ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Context::detached(self.clone())
            .with_http(self.clone())
            .with_commands(self.clone())
            .with_person(self.clone())
            .with_environment(HashMap::from(environment))
            .with_files(files)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs what never waits.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    }
    RUNTIME.with(|it| it.block_on(work))
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> SystemTime {
        self.state().now
    }

    async fn sleep(&self, duration: Duration) {
        let mut state = self.state();
        state.now = state.now.checked_add(duration).unwrap_or(state.now);
    }
}

#[async_trait]
impl Http for World {
    async fn send(&self, _: Request) -> Result<Response> {
        self.next()
    }
}

impl World {
    fn next(&self) -> Result<Response> {
        let mut state = self.state();
        state.asked += 1;
        let at = state.asked.min(state.answers.len());
        match at.checked_sub(1) {
            Some(at) if state.asked <= MOST => Ok(state.answers[at].clone()),
            _ => Err(Error::unreachable("nobody answers").transient(false)),
        }
    }
}

#[async_trait]
impl Commands for World {
    async fn run(&self, _: Command) -> Result<Output> {
        Ok(Output::new(self.state().output.clone()))
    }
}

#[async_trait]
impl Person for World {
    async fn ask(&self, _: &str) -> Result<Secret> {
        Ok(Secret::new("123456"))
    }

    async fn tell(&self, text: &str) -> Result<()> {
        text.clone_into(&mut self.state().told);
        Ok(())
    }

    async fn listen(&self, port: Option<u16>) -> Result<Box<dyn Redirect>> {
        Ok(Box::new(Browser { world: self.clone(), port: port.unwrap_or(45_678) }))
    }
}

/// What comes back from a browser is the next answer, with the state of the page in place of `@STATE@`.
struct Browser {
    world: World,
    port: u16,
}

#[async_trait]
impl Redirect for Browser {
    fn port(&self) -> u16 {
        self.port
    }

    async fn query(&self) -> Result<Secret> {
        let answer = self.world.next()?;
        let told = self.world.state().told.clone();
        let state = told.split("state=").nth(1).and_then(|it| it.split('&').next()).unwrap_or_default();
        Ok(Secret::new(String::from_utf8_lossy(answer.body()).replace("@STATE@", state)))
    }
}
