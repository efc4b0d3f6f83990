//! Reads and edits `.env` files, by the rules of compose: a value may stand in quotes, and goes on over lines in them.

use serde_json::Value;

use super::splice::Splice;
use super::tree::{Fault, Kind, Node, Pair, Parsed};

/// The tree: a map of texts. A name alone, whose value comes from the surroundings, has nothing.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    let mut pairs = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |it| at + it);
        let line = &text[at..end];
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            at = end + 1;
            continue;
        }
        let start = at + (line.len() - line.trim_start().len());
        let (pair, after) = pair(text, start, end)?;
        pairs.push(pair);
        at = text[after..].find('\n').map_or(text.len(), |it| after + it + 1);
    }
    Ok(Node { span: 0..text.len(), kind: Kind::Map { flow: false, pairs } })
}

/// The pair that begins at a byte of a line, and where its value ends.
fn pair(text: &str, start: usize, line_end: usize) -> Parsed<(Pair, usize)> {
    let fault = |what| Fault { at: start, what };
    let line = &text[start..line_end];
    let bare = line.strip_prefix("export ").map_or(line, str::trim_start);
    let name_at = start + (line.len() - bare.len());
    let name = bare.split(['=', ':']).next().unwrap_or_default().trim_end();
    let is_name = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.-".contains(&it));
    if !is_name {
        return Err(fault("a line that is neither a comment nor `NAME=value`"));
    }
    let name_end = name_at + name.len();
    let key = |value| Pair { key: name.to_owned(), key_span: start..name_end, value };
    let rest = text[name_end..line_end].trim_start();
    let Some(value) = rest.strip_prefix(['=', ':']) else {
        let nothing = Node { span: name_end..name_end, kind: Kind::Scalar(Value::Null) };
        return match rest.is_empty() || rest.starts_with('#') {
            true => Ok((key(nothing), line_end)),
            false => Err(fault("a line that is neither a comment nor `NAME=value`")),
        };
    };
    let value = value.trim_start();
    let value_at = line_end - value.len();
    let (value, span) = match value.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let (value, end) = quoted(text, value_at, quote).ok_or(fault("a quote that is not closed"))?;
            let beside = text[end..].lines().next().unwrap_or_default().trim();
            if !beside.is_empty() && !beside.starts_with('#') {
                return Err(fault("a value that goes on after its quotes"));
            }
            (value, value_at..end)
        }
        _ => {
            let comment = if value.starts_with('#') { Some(0) } else { value.find(" #") };
            let value = value[..comment.unwrap_or(value.len())].trim_end();
            (value.to_owned(), value_at..value_at + value.len())
        }
    };
    let end = span.end;
    Ok((key(Node { span, kind: Kind::Scalar(Value::String(value)) }), end))
}

/// What stands in the quotes that open at a byte, and where they end.
fn quoted(text: &str, open: usize, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut symbols = text[open + 1..].char_indices();
    while let Some((at, symbol)) = symbols.next() {
        match symbol {
            it if it == quote => return Some((value, open + 1 + at + 1)),
            '\\' if quote == '"' => match symbols.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                it @ ('"' | '\\' | '$') => value.push(it),
                it => value.extend(['\\', it]),
            },
            it => value.push(it),
        }
    }
    None
}

/// Puts a value in the place of the one that is there, or a line at the end.
pub(super) fn set(text: &str, root: &Node, name: &str, value: &Value) -> Parsed<Vec<Splice>> {
    let value = value.as_str().unwrap_or_default();
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=+@,".contains(it);
    let written = match value {
        value if value.chars().all(plain) => value.to_owned(),
        // The one form of quotes that all readers take for the text itself.
        value if !value.contains(['\'', '\\', '\n', '\r']) => format!("'{value}'"),
        _ => return Err(Fault { at: 0, what: "a value that readers of such files differ about" }),
    };
    let mut children = root.children().into_iter().filter_map(|(pair, ..)| pair);
    if let Some(Pair { key_span, value: old, .. }) = children.find(|it| it.key == name) {
        let is_alone = matches!(old.kind, Kind::Scalar(Value::Null));
        let mark = if is_alone { "=" } else { "" };
        let span = if is_alone { key_span.end..key_span.end } else { old.span.clone() };
        return Ok(vec![Splice::new(span, format!("{mark}{written}"))]);
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    Ok(vec![Splice::new(text.len()..text.len(), format!("{gap}{name}={written}{newline}"))])
}

/// Takes a line away.
pub(super) fn unset(text: &str, root: &Node, name: &str) -> Vec<Splice> {
    let mut children = root.children().into_iter();
    let Some((_, _, span)) = children.find(|(pair, ..)| pair.is_some_and(|it| it.key == name)) else {
        return Vec::new();
    };
    let start = text[..span.start].rfind('\n').map_or(0, |it| it + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |it| span.end + it + 1);
    vec![Splice::new(start..end, String::new())]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Format, Step, set, take_back, unset};
    use super::*;

    #[test]
    fn values_are_read_as_compose_reads_them() {
        let text = "# head\n\nA=1\nexport B = two words # no value\nC='a # b'\nD=\"x\\n\\\"\ny\"\nE\nF=\nG: h\nA.b-c=$X\n";
        let expected = json!({
            "A": "1", "B": "two words", "C": "a # b", "D": "x\n\"\ny", "F": "", "G": "h", "A.b-c": "$X",
        });
        assert_eq!(parse(text).expect("read").value(), expected);
        for (text, what) in [
            ("A='", "a quote that is not closed"),
            ("A=\"x\" y\n", "a value that goes on after its quotes"),
            ("A B\n", "a line that is neither a comment nor `NAME=value`"),
            ("=x\n", "a line that is neither a comment nor `NAME=value`"),
        ] {
            assert_eq!(parse(text).expect_err(text).what, what);
        }
    }

    #[test]
    fn one_line_comes_and_goes_and_all_else_stays() {
        let name = [Step::Key("AWS_CONFIG_FILE".to_owned())];
        let value = json!("/home/astro/.aws/config");
        let ours = "AWS_CONFIG_FILE=/home/astro/.aws/config";
        for (before, after) in [
            (String::new(), format!("{ours}\n")),
            ("# mine\nA = 'b'".to_owned(), format!("# mine\nA = 'b'\n{ours}\n")),
            ("A=b\r\n".to_owned(), format!("A=b\r\n{ours}\r\n")),
            ("AWS_CONFIG_FILE='old' # why\nA=b\n".to_owned(), format!("{ours} # why\nA=b\n")),
            ("AWS_CONFIG_FILE=\nA=b\n".to_owned(), format!("{ours}\nA=b\n")),
            ("export AWS_CONFIG_FILE\n".to_owned(), format!("export {ours}\n")),
        ] {
            let edited = set(Format::Dotenv, &before, &name, &value).expect("set");
            assert_eq!(edited.text, after);
            assert_eq!(take_back(&edited.text, &edited.reverse), Some(before));
            let without = unset(Format::Dotenv, &edited.text, &name, &[]).expect("taken away");
            assert!(!without.text.contains("AWS_CONFIG_FILE"), "{}", without.text);
        }
        let spaced = set(Format::Dotenv, "", &name, &json!("/a b$c")).expect("set");
        assert_eq!(spaced.text, "AWS_CONFIG_FILE='/a b$c'\n");
        set(Format::Dotenv, "", &name, &json!("it's")).expect_err("readers differ");
        set(Format::Dotenv, "AWS_CONFIG_FILE=a\nAWS_CONFIG_FILE=b\n", &name, &value).expect_err("twice");
    }
}
