//! What several of the checks ask of a text.

/// Exactly `count` ASCII digits.
pub(super) fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|it| it.is_ascii_digit())
}

/// Letters, digits and underscore, which IAM writes `\w`, and the given punctuation.
pub(super) fn is_word(text: &str, also: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || also.as_bytes().contains(&it))
}
