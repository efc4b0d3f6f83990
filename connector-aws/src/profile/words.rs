//! Splits a text as a POSIX shell would, without any expansion.

/// Splits at blanks, with quotes and backslashes as Python's `shlex.split` reads them. The names of
/// sections and `credential_process` are read by this. `None` when a quote does not end.
#[must_use]
pub fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    // A word that has begun, perhaps an empty one in quotes.
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(it) = chars.next() {
        match it {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        other => word.push(other),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::split_words;

    #[test]
    fn words_are_split_as_shlex_does() {
        for (text, words) in [
            ("", Some(&[][..])),
            ("profile a", Some(&["profile", "a"])),
            ("profile \"a b\"", Some(&["profile", "a b"])),
            ("  a\t'b c'd  ", Some(&["a", "b cd"])),
            (r#"a\ b "c\"d\e" '\'"#, Some(&["a b", r#"c"d\e"#, "\\"])),
            ("a ''", Some(&["a", ""])),
            ("a 'b", None),
            ("a \"b", None),
            ("a\\", None),
        ] {
            let split = split_words(text);
            assert_eq!(
                split.as_deref(),
                words.map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()).as_deref()
            );
        }
    }
}
