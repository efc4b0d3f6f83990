//! Replacing some bytes of a text, and taking that back.

use serde::{Deserialize, Serialize};

use super::tree::Span;

/// Bytes to replace, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) span: Span,
    pub(super) with: String,
}

impl Splice {
    pub(super) fn new(span: Span, with: impl Into<String>) -> Self {
        Self { span, with: with.into() }
    }
}

/// How to take one splice back: what is there now is not kept, only how long it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reverse {
    at: usize,
    len: usize,
    old: String,
}

impl Reverse {
    /// Puts a whole text back in the place of one of this length.
    pub(crate) fn whole(len: usize, old: String) -> Self {
        Self { at: 0, len, old }
    }
}

/// The text with these splices, which must not overlap, and how to take them back one after the other.
/// `None` when they do not fit the text.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> Option<(String, Vec<Reverse>)> {
    splices.sort_by_key(|it| (it.span.start, it.span.end));
    let mut reversed = Vec::new();
    let mut new = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for Splice { span, with } in splices {
        new.push_str(text.get(at..span.start)?);
        let old = text.get(span.clone())?.to_owned();
        reversed.push(Reverse { at: new.len(), len: with.len(), old });
        new.push_str(&with);
        at = span.end;
    }
    new.push_str(text.get(at..)?);
    // The last first: the places of those before it are then what they were.
    reversed.reverse();
    Some((new, reversed))
}

/// Takes splices back. `None` when the text is not the one that they were made in.
pub(crate) fn take_back(text: &str, reversed: &[Reverse]) -> Option<String> {
    let mut text = text.to_owned();
    for Reverse { at, len, old } in reversed {
        let span = *at..at.checked_add(*len)?;
        text.get(span.clone())?;
        text.replace_range(span, old);
    }
    Some(text)
}
