//! Command lines that people are shown, to be typed as they stand.

/// A word as the shell of this system takes it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@=+,".contains(it);
    match word.chars().all(is_plain) && !cfg!(windows) {
        true => word.to_owned(),
        false if cfg!(windows) => format!("'{}'", word.replace('\'', "''")),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(windows))]
    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in [
            ("/home/me/az", "/home/me/az"),
            ("/my home/az", "'/my home/az'"),
            ("$web", "'$web'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
