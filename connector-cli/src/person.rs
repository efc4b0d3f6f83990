//! The person at the terminal.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use connector_core::{Error, Person, Result, Secret};

use crate::output::{clean, pause};

/// Whether somebody is there to be asked.
pub(crate) fn is_there() -> bool {
    std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
}

/// Asks for something that does not show while it is typed.
///
/// # Errors
/// [`Refused`](connector_core::ErrorKind::Refused) when nobody is there.
pub(crate) fn ask_secret(question: &str) -> Result<Secret> {
    if !is_there() {
        return Err(Error::refused(format!("nobody is there to be asked for the {question}")));
    }
    let question = format!("{}: ", clean(question));
    pause(|| rpassword::prompt_password(question))
        .map(Secret::new)
        .map_err(|error| Error::refused(format!("cannot ask on this terminal: {}", error.kind())))
}

/// Asks for something that shows while it is typed; `None` at the end of the input.
///
/// # Errors
/// [`Refused`](connector_core::ErrorKind::Refused) when standard input cannot be read.
pub(crate) fn ask_plain(question: &str) -> Result<Option<String>> {
    let failed =
        |error: std::io::Error| Error::refused(format!("cannot ask on this terminal: {}", error.kind()));
    let mut err = std::io::stderr();
    write!(err, "{}: ", clean(question)).and_then(|()| err.flush()).map_err(failed)?;
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).map_err(failed)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

/// The person at this terminal, as connectors see them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terminal(Arc<Here>);

#[derive(Debug, Default)]
struct Here {
    /// A code that was given on the command line. It works once.
    mfa_code: Mutex<Option<Secret>>,
    has_left: AtomicBool,
}

impl Terminal {
    /// The person, who gave this code beforehand.
    pub(crate) fn with_code(mfa_code: Option<Secret>) -> Self {
        Self(Arc::new(Here { mfa_code: Mutex::new(mfa_code), has_left: AtomicBool::new(false) }))
    }

    /// Nobody is asked any more: the terminal is somebody else's.
    pub(crate) fn leave(&self) {
        self.0.has_left.store(true, Ordering::Relaxed);
    }

    fn refuse_absent(&self, what: &str) -> Result<()> {
        if self.0.has_left.load(Ordering::Relaxed) || !is_there() {
            return Err(Error::refused(format!("{what}, and nobody is there")));
        }
        Ok(())
    }
}

#[async_trait]
impl Person for Terminal {
    async fn ask(&self, question: &str) -> Result<Secret> {
        if question.contains("MFA")
            && let Some(code) = self.0.mfa_code.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            return Ok(code);
        }
        if self.0.has_left.load(Ordering::Relaxed) {
            return Err(Error::refused(format!("nobody is there any more to be asked for the {question}")));
        }
        // Blocks this thread, which has nothing else to do until there is an answer.
        ask_secret(question)
    }

    fn is_there(&self) -> bool {
        !self.0.has_left.load(Ordering::Relaxed)
    }

    async fn tell(&self, text: &str) -> Result<()> {
        self.refuse_absent("this needs a person at a terminal")?;
        pause(|| {
            // Nobody is left to be told when this fails.
            let _ = writeln!(std::io::stderr(), "{}", clean(text));
        });
        Ok(())
    }

    #[cfg(feature = "http")]
    async fn listen(&self, port: Option<u16>) -> Result<Box<dyn connector_core::Redirect>> {
        self.refuse_absent("this needs a person with a browser on this machine")?;
        connectors::system::listen(port).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that runs on the terminal is not spoken into; what was said beforehand still counts.
    #[tokio::test]
    async fn nobody_is_asked_who_has_left() {
        let person = Terminal::with_code(Some(Secret::new("123456")));
        person.clone().leave();
        let code = person.ask("MFA code").await.expect("given beforehand");
        assert_eq!(code.expose(), "123456");
        let asked = person.ask("MFA code").await.expect_err("nobody is there");
        assert_eq!(asked.message(), "nobody is there any more to be asked for the MFA code");
        assert!(person.tell("log in").await.is_err());
    }
}
