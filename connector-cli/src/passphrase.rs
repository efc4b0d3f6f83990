//! The passphrase that a master key is made from: where it is known, and where it is chosen.

use connector_core::{Error, Result, Secret};
use connector_store::{KeySource, Passphrase};

use crate::person;

/// The passphrase to change to, where nobody is there to be asked.
const NEW: &str = "CONNECTOR_NEW_PASSPHRASE";

/// The fewest characters of a passphrase that is chosen. Stretching makes guesses slow, not few.
const SHORTEST: usize = 8;

/// One that the surroundings give.
pub(crate) fn given(passphrase: Secret) -> KeySource {
    let chosen = passphrase.clone();
    let known = Passphrase::new(passphrase);
    KeySource::Passphrase(known.or_new(move || long_enough(chosen.clone())))
}

/// One that is asked for when it is needed, where somebody may be: once where it is known, twice where the
/// store is new and nothing could tell that it was mistyped.
pub(crate) fn asked_for(attended: bool) -> KeySource {
    let known = move || {
        check_attended(attended)?;
        ask("passphrase of the connectors", "CONNECTOR_PASSPHRASE")
    };
    let new = move || {
        check_attended(attended)?;
        twice("passphrase for the new store", "CONNECTOR_PASSPHRASE")
    };
    KeySource::Passphrase(Passphrase::ask(known).or_new(new))
}

/// A new one in the place of another: from the environment, or typed twice.
///
/// # Errors
/// Nobody to ask; one that is too short; two that differ.
pub(crate) fn replacement() -> Result<KeySource> {
    let given = std::env::var(NEW).ok().filter(|it| !it.is_empty()).map(Secret::new);
    let chosen = match given {
        Some(given) => long_enough(given)?,
        None => twice("new passphrase", NEW)?,
    };
    Ok(KeySource::Passphrase(Passphrase::new(chosen)))
}

fn check_attended(attended: bool) -> Result<()> {
    if attended {
        return Ok(());
    }
    Err(Error::refused("the store is locked by a passphrase, and nobody is asked for it")
        .with_hint("set `CONNECTOR_PASSPHRASE` for the program that calls this one"))
}

fn ask(question: &str, variable: &str) -> Result<Secret> {
    person::ask_secret(question)
        .map_err(|error| error.with_hint(format!("set `{variable}`, or run this on a terminal")))
}

fn twice(question: &str, variable: &str) -> Result<Secret> {
    let first = long_enough(ask(question, variable)?)?;
    let second = ask(&format!("{question}, again"), variable)?;
    if first.expose() == second.expose() {
        return Ok(first);
    }
    Err(Error::invalid("the two passphrases differ").with_hint("nothing was changed; try again"))
}

fn long_enough(passphrase: Secret) -> Result<Secret> {
    if passphrase.expose().chars().count() >= SHORTEST {
        return Ok(passphrase);
    }
    Err(Error::invalid(format!("the passphrase is shorter than {SHORTEST} characters"))
        .with_hint("take several words: whoever has the store can try as many as he likes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_passphrase_is_refused() {
        assert!(long_enough("1234567".into()).is_err());
        assert!(long_enough("zwölf ää".into()).is_ok(), "characters are counted, not bytes");
    }
}
