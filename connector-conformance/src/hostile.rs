//! Text that nobody sends by mistake. Always the same, so that a test that passes goes on passing.

/// Texts that parsers have been broken with: empty, long, with control characters, NUL, marks that turn the
/// writing direction, percent signs, path traversal, references, shell and SQL, numbers beyond counting.
///
/// ```
/// // For a parser of your own:
/// for text in connector_conformance::hostile_texts() {
///     let _ = connector_core::parse_duration(&text);
/// }
/// ```
#[must_use]
pub fn hostile_texts() -> Vec<String> {
    let short = SHORT.iter().map(|it| (*it).to_owned());
    let long = ["a", "/", "%", "..", ":", "\\", "é", "[", "%2e", "\u{1f9ea}"];
    let long = long.iter().map(|it| it.repeat(LONG / it.len()));
    let nested = ["a/", "a:", "x.", "-"].iter().map(|it| it.repeat(4096));
    short.chain(long).chain(nested).collect()
}

/// The size of the long ones, in bytes.
const LONG: usize = 64 * 1024;

const SHORT: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "a\nb",
    "a\r\nSet-Cookie: b",
    "\0",
    "a\0b",
    "\u{1b}[31mred",
    "\u{7f}",
    "\u{85}",
    "\u{202e}gnp.exe",
    "a\u{2066}b\u{2069}",
    "\u{feff}a",
    "a\u{200b}b",
    "a\u{200d}b",
    "\u{2028}",
    "%",
    "%%",
    "%0",
    "%00",
    "%0a",
    "%2e%2e%2f",
    "%252e%252e",
    "%s%n%x",
    "..",
    "../../etc/passwd",
    "a/../../b",
    "a/./b",
    "/",
    "//",
    "///a",
    "\\\\host\\share",
    "a\\..\\b",
    "C:\\",
    "file:///etc/passwd",
    "http://user:password@host/path?query#fragment",
    "http://169.254.169.254/",
    "https://[::1]:65536/",
    "https://a:b:c",
    "://",
    ":",
    "::::::",
    "a:b:c:d:e:f:g:h",
    "arn:",
    "arn:aws:::::",
    "*",
    "?",
    "a*",
    "[a-z]",
    "(((((((((((((((((((((((((",
    "{{.key}}",
    "{{other.key}}",
    "${HOME}",
    "$(id)",
    "`id`",
    "; rm -rf /",
    "' OR 1=1 --",
    "\"",
    "'",
    "<a>&amp;",
    "null",
    "true",
    "0",
    "-1",
    "+1",
    "1e309",
    "NaN",
    "99999999999999999999999",
    "[]",
    "{}",
    "{\"a\":",
    "İ",
    "ß",
    "ａｂｃ",
    "e\u{301}",
    "\u{1f469}\u{200d}\u{1f52c}",
    "\u{10ffff}",
    "-",
    "--help",
    ".",
    "...",
    ",",
    "=",
    "a=b&c=d",
    "#",
    "~",
    "a b",
    " a",
    "a ",
];

/// Texts made of one that is right: cut, doubled, shouted, wrapped, and with hostile ones put into it.
pub(crate) fn around(example: &str) -> Vec<String> {
    let mut texts: Vec<String> =
        example.char_indices().map(|(at, _)| example[..at].to_owned()).take(200).collect();
    texts.extend([
        example.to_uppercase(),
        example.to_lowercase(),
        format!(" {example}"),
        format!("{example} "),
        format!("{example}\n"),
        format!("{example}/"),
        format!("{example}//"),
        format!("{example}{example}"),
        example.repeat(LONG / example.len().max(1)),
        format!("{example}{}", "a".repeat(LONG)),
        format!("{example}{}", "/".repeat(LONG)),
    ]);
    let head = example.find("://").map(|at| at + 3).or_else(|| example.find(':').map(|at| at + 1));
    for hostile in SHORT {
        texts.push(format!("{example}{hostile}"));
        texts.push(format!("{example}/{hostile}"));
        if let Some(head) = head {
            texts.push(format!("{}{hostile}", &example[..head]));
            texts.push(format!("{}{hostile}{}", &example[..head], &example[head..]));
        }
    }
    texts
}

/// The first character that has no place in what is logged, stored or shown.
pub(crate) fn unclean(text: &str) -> Option<char> {
    text.chars().find(|it| it.is_control() || is_invisible(*it))
}

/// Takes no room, or turns the direction of what follows.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
