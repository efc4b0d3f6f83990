//! Faults of what was given, kept until all of them are known, so that they are told together.

use std::convert::Infallible;
use std::str::FromStr;

use connector_core::{Error, ErrorKind, Problem, Result};

/// Faults, each with the field that it is about where that is known.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Option<String>, Error)>);

impl Faults {
    /// The value, or `None` and its fault kept.
    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.0.push((None, error))).ok()
    }

    /// As [`Faults::keep`], for the value of this field.
    pub(crate) fn keep_at<T>(&mut self, field: &str, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.0.push((Some(field.to_owned()), at(field, error)))).ok()
    }

    /// Adds a fault of one field.
    pub(crate) fn add(&mut self, problem: Problem) {
        let error = Error::problems(problem.to_string(), vec![problem.clone()]);
        self.0.push((Some(problem.field), error));
    }

    /// Adds the faults that a check of the whole found, except those of fields that have one already.
    pub(crate) fn add_check(&mut self, check: &Error) {
        let known: Vec<String> = self.problems().into_iter().map(|it| it.field).collect();
        let more = check.field_problems().iter().filter(|it| !known.contains(&it.field)).cloned();
        let hint = check.hint().unwrap_or_default();
        let more: Vec<Problem> = more.collect();
        if !more.is_empty() {
            self.0.push((None, Error::problems(check.message(), more).with_hint(hint)));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One fault as it is; several together.
    ///
    /// # Errors
    /// When there are any. They are wrong input, unless all are of one other kind.
    pub(crate) fn check(&mut self) -> Result<()> {
        let found = std::mem::take(&mut self.0);
        let kinds: Vec<ErrorKind> = found.iter().map(|(_, error)| error.kind()).collect();
        match found.as_slice() {
            [] => Ok(()),
            [(_, only)] => Err(only.clone()),
            _ => {
                let problems = Self(found.clone()).problems();
                let hint = found.iter().rev().find_map(|(_, error)| error.hint());
                let count = problems.len();
                let error = Error::problems(format!("{count} faults in what was given"), problems);
                let error = hint.map_or(error.clone(), |hint| error.with_hint(hint));
                let same = kinds.windows(2).all(|pair| pair[0] == pair[1]);
                if same && kinds[0] != ErrorKind::InvalidInput {
                    // No error of another kind carries a list.
                    let causes = error.field_problems().iter().map(ToString::to_string);
                    let other = Error::new(kinds[0], error.message());
                    return Err(causes.fold(other, |error, cause| error.with_cause(cause)));
                }
                Err(error)
            }
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let of = |(field, error): &(Option<String>, Error)| match (field, error.field_problems()) {
            (field, []) => {
                let field = field.clone().unwrap_or_default();
                let message = error.message();
                let message = message.strip_prefix(&format!("{field}: ")).unwrap_or(message);
                vec![Problem::new(field.clone(), message)]
            }
            (_, problems) => problems.to_vec(),
        };
        self.0.iter().flat_map(of).collect()
    }
}

/// The same error, naming the field that it is about.
fn at(field: &str, error: Error) -> Error {
    if !error.field_problems().is_empty() {
        return error;
    }
    let message = format!("{field}: {}", error.message());
    let named = match error.kind() {
        ErrorKind::InvalidInput => Error::field(field, error.message()),
        kind => Error::new(kind, message),
    };
    error.hint().map_or(named.clone(), |hint| named.with_hint(hint))
}

/// A word of the command line that is read at once, and whose fault is told later, together with all others.
#[derive(Clone, Debug)]
pub(crate) struct Checked<T>(Result<T>);

impl<T> Checked<T> {
    /// Reads a word.
    pub(crate) fn read(text: &str, read: impl FnOnce(&str) -> Result<T>) -> Result<Self, Infallible> {
        Ok(Self(read(text)))
    }

    /// The value; its fault is kept as one of this field.
    pub(crate) fn take(self, field: &str, faults: &mut Faults) -> Option<T> {
        faults.keep_at(field, self.0)
    }
}

impl<T: FromStr<Err = Error>> FromStr for Checked<T> {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Self::read(text, str::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_stays_what_it_is_and_several_are_told_together() {
        let mut faults = Faults::default();
        faults.keep_at::<()>("key", Err(Error::not_found("no file x")));
        let only = faults.check().expect_err("a fault");
        assert_eq!((only.kind(), only.message()), (ErrorKind::NotFound, "key: no file x"));
        assert!(faults.check().is_ok(), "told once");

        faults.keep_at::<()>("key", Err(Error::not_found("no file x")));
        faults.add(Problem::new("label", "not KEY=VALUE"));
        let check = Error::problems("a", vec![Problem::new("key", "missing"), Problem::new("region", "bad")]);
        faults.add_check(&check.with_hint("look"));
        let all = faults.check().expect_err("faults");
        let told: Vec<String> = all.field_problems().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["key: no file x", "label: not KEY=VALUE", "region: bad"]);
        assert_eq!((all.kind(), all.hint()), (ErrorKind::InvalidInput, Some("look")));
    }
}
