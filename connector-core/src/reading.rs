//! What resource types need to read ids and lists: how a wrong id is answered, how candidates are named, how far a
//! list is followed.

use crate::{Error, ResourceType, Result};

/// The answer to a text that is no id of `R`: why, and which forms there are.
#[must_use]
pub fn not_an_id<R: ResourceType>(why: &str) -> Error {
    let forms: Vec<_> = R::ABOUT.forms.iter().map(|(form, _)| *form).collect();
    Error::field("resource_id", format!("not an id of `{}`: {why}", R::ID))
        .with_hint(format!("accepted forms: {}", forms.join(", ")))
}

/// Turns the refusal of a part into the refusal of the whole id.
///
/// # Errors
/// That of the part, as [`not_an_id`].
pub fn in_id<R: ResourceType, T>(part: Result<T>) -> Result<T> {
    part.map_err(|error| not_an_id::<R>(error.message()))
}

/// The ids of several candidates, few enough to read.
#[must_use]
pub fn candidates(ids: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = ids.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match ids.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// How far a list is followed: further than the quotas of providers go, and not for ever, if a server never comes
/// to an end.
#[derive(Debug, Default)]
pub struct Pages {
    pages: usize,
}

impl Pages {
    const MOST: usize = 5000;
    const MOST_IDS: usize = 1_000_000;

    /// Takes note of one more page, after which `ids` were listed.
    ///
    /// # Errors
    /// [`Unreachable`](crate::ErrorKind::Unreachable) when that is more than there can be.
    pub fn one_more(&mut self, call: &str, ids: usize) -> Result<()> {
        self.pages += 1;
        if self.pages <= Self::MOST && ids <= Self::MOST_IDS {
            return Ok(());
        }
        Err(Error::unreachable(format!("{call} does not come to an end: {} pages", self.pages))
            .transient(false)
            .with_hint("check the endpoint URL"))
    }
}
