//! Everything that an error shows, and whether it is fit to be shown.

use connector_core::Error;

use crate::hostile;

/// Everything that anybody may print of an error, the errors beneath it included.
pub(crate) fn all_of(error: &Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}\n{:?}\n", error.hint());
    text += &format!("{:?}\n{:?}\n{:?}\n", error.causes(), error.field_problems(), error.connector());
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!("{error}\n{error:?}\n");
        source = error.source();
    }
    text
}

/// An error in a report: its words, every fault by its field, and what it advises.
pub(crate) fn briefly(error: &Error) -> String {
    let problems = error.field_problems().iter().map(ToString::to_string);
    let mut parts: Vec<_> = std::iter::once(error.to_string()).chain(problems).collect();
    parts.dedup();
    let hint = error.hint().map(|it| format!(" (hint: {it})")).unwrap_or_default();
    format!("{}{hint}", parts.join("; "))
}

/// How long an error's text may be: it has to fit on a screen.
const LONGEST: usize = 2000;

/// What is wrong with an error's own words, if anything is.
pub(crate) fn fault(error: &Error) -> Option<String> {
    let mut texts = vec![error.to_string()];
    texts.extend(error.hint().map(str::to_owned));
    texts.extend(error.field_problems().iter().map(ToString::to_string));
    texts.iter().find_map(|text| {
        if text.trim().is_empty() {
            Some("an error without words".to_owned())
        } else if text.len() > LONGEST {
            Some(format!("an error of {} bytes", text.len()))
        } else {
            let character = hostile::unclean(text)?;
            Some(format!("an error with {} in it: {text}", character.escape_unicode()))
        }
    })
}

/// What is wrong with an error that refuses an input, if anything is: it names no field, or is of a kind that
/// does not say "mend the input".
pub(crate) fn fault_of_refusal(error: &Error) -> Option<String> {
    if crate::drive::is_panic(error) {
        return None;
    }
    if error.kind() != connector_core::ErrorKind::InvalidInput {
        return Some(format!("refused as `{}`, not as invalid-input: {error}", error.kind()));
    }
    match error.field_problems() {
        [] => Some(format!("no field is named: {error}")),
        problems => {
            let nameless = problems.iter().find(|it| it.field.is_empty());
            nameless.map(|it| format!("a fault without a field: {it}"))
        }
    }
}
