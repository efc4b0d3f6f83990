//! The way back of a person's browser to this machine (RFC 8252): whose login an answer is of, and how long is waited.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use subtle::ConstantTimeEq;

use super::{Context, Redirect};
use crate::{Error, Result, Secret};

/// How long is waited for the person.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Waits for the answer to the login of this `state`. Any page may send a browser to this port: what answers something
/// else is passed over, and ends nothing.
pub(super) async fn code(cx: &Context, redirect: &dyn Redirect, state: &Secret) -> Result<Secret> {
    let clock = cx.clock();
    let mut over = clock.sleep(PATIENCE);
    let mut was_another = false;
    loop {
        let mut query = redirect.query();
        let came_back = poll_fn(|task| match query.as_mut().poll(task) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => over.as_mut().poll(task).map(|()| None),
        });
        match came_back.await {
            Some(answer) => match code_in(&answer?, state) {
                Some(code) => return code,
                None => was_another = true,
            },
            None => {
                let error = Error::refused("nobody came back from the browser in time")
                    .with_hint("log in again; on a machine without a browser use flow=device");
                return Err(match was_another {
                    true => error.with_cause("what came back answers another login (its state differs)"),
                    false => error,
                });
            }
        }
    }
}

/// The code in what the browser came back with; `None` where that answers another login than this one.
fn code_in(query: &Secret, state: &Secret) -> Option<Result<Secret>> {
    let field = |name: &str| {
        let found = form_urlencoded::parse(query.expose().as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| Secret::new(value.into_owned())).filter(|it| !it.is_empty())
    };
    // First of all: what is not an answer to this login says nothing about it.
    let theirs = field("state")?;
    bool::from(theirs.expose().as_bytes().ct_eq(state.expose().as_bytes())).then_some(())?;
    Some(match (field("code"), field("error")) {
        (Some(code), None) => Ok(code),
        (_, Some(error)) if error.expose() == "access_denied" => {
            Err(Error::refused("the login was declined in the browser")
                .with_hint("log in again, and agree to what is asked"))
        }
        _ => Err(Error::refused("the browser came back without a login")
            .with_hint("log in again, and look at what the page says")),
    })
}
