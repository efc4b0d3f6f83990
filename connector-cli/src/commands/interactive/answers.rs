//! Who answers, and how one of several is chosen.

use std::io::Write;

use connector_core::{Error, Result, Secret};

use crate::output::clean;
use crate::person;

/// Somebody who answers.
pub(super) trait Answers {
    /// Says something between questions.
    fn say(&mut self, text: &str);
    /// Asks; an empty answer is `None`.
    fn text(&mut self, question: &str) -> Result<Option<String>>;
    /// Asks for something that must not show; an empty answer is `None`.
    fn secret(&mut self, question: &str) -> Result<Option<Secret>>;
}

/// One thing to choose: its id, and a word on it.
pub(super) type Choice = (String, String);

/// Asks until one of the choices is named, by id or number; an empty answer is none where there may be none.
pub(super) fn choose(
    who: &mut impl Answers,
    what: &str,
    choices: &[Choice],
    none: Option<&str>,
) -> Result<Option<String>> {
    if let ([(only, _)], None) = (choices, none) {
        who.say(&format!("{what}: {only}"));
        return Ok(Some(only.clone()));
    }
    who.say(&format!("{what}:"));
    let column = choices.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    for (at, (id, about)) in choices.iter().enumerate() {
        who.say(&format!("  {:2}  {id:column$}  {about}", at + 1));
    }
    let question = match none {
        Some(none) => format!("Which (empty for {none})"),
        None => "Which".to_owned(),
    };
    loop {
        let Some(answer) = who.text(&question)? else {
            match none {
                Some(_) => return Ok(None),
                None => continue,
            }
        };
        let by_number = answer.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
        match by_number.or_else(|| choices.iter().find(|(id, _)| *id == answer)) {
            Some((id, _)) => return Ok(Some(id.clone())),
            None => who.say("Give a number or a name from the list."),
        }
    }
}

/// The person at this terminal.
pub(super) struct Terminal;

impl Answers for Terminal {
    fn say(&mut self, text: &str) {
        // Nobody is left to be told when this fails.
        let _ = writeln!(std::io::stderr(), "{}", clean(text));
    }

    fn text(&mut self, question: &str) -> Result<Option<String>> {
        let left = || Error::refused("the answers ended before the last question; nothing was stored");
        person::ask_plain(question)?.ok_or_else(left).map(|answer| Some(answer).filter(|it| !it.is_empty()))
    }

    fn secret(&mut self, question: &str) -> Result<Option<Secret>> {
        person::ask_secret(question).map(|answer| Some(answer).filter(|it| !it.is_empty()))
    }
}
