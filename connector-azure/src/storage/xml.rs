//! What Blob Storage answers with: XML, as little of it as its answers have.

use std::borrow::Cow;

/// More elements within each other than any answer has.
const DEEPEST: usize = 16;

/// The texts of a document, each with the names of the elements around it, such as `Error/Code`; an element without
/// any is told with an empty text. `None` for what is no document: no entities of its own are known, and no document
/// type.
pub(crate) fn texts(document: &[u8]) -> Option<Vec<(String, String)>> {
    let document = std::str::from_utf8(document).ok()?;
    let mut rest = document.trim_start_matches('\u{feff}').trim_start();
    let (mut path, mut found): (Vec<&str>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    // Whether the element that is open holds nothing but text so far.
    let (mut is_leaf, mut is_over) = (false, false);
    let mut text = String::new();
    while let Some(at) = rest.find('<') {
        let before = unescaped(&rest[..at])?;
        // What stands outside of all elements is space.
        if path.is_empty() && !before.trim().is_empty() {
            return None;
        }
        text.push_str(&before);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("<?") {
            rest = after.split_once("?>")?.1;
        } else if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.split_once("-->")?.1;
        } else if let Some(after) = rest.strip_prefix("</") {
            let (name, after) = after.split_once('>')?;
            if is_leaf {
                found.push((path.join("/"), std::mem::take(&mut text)));
            }
            if path.pop()? != name.trim_end() {
                return None;
            }
            (is_leaf, is_over) = (false, path.is_empty());
            text.clear();
            rest = after;
        } else {
            let end = end_of_tag(rest)?;
            let (tag, after) = (&rest[1..end], &rest[end + 1..]);
            let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
            let name = tag.split_ascii_whitespace().next().filter(|name| tag.starts_with(name))?;
            // One element is around all others.
            if name.starts_with('!') || is_over || path.len() >= DEEPEST {
                return None;
            }
            path.push(name);
            text.clear();
            if is_empty {
                found.push((path.join("/"), String::new()));
                path.pop();
                is_over = path.is_empty();
            }
            is_leaf = !is_empty;
            rest = after;
        }
    }
    (is_over && path.is_empty() && rest.trim().is_empty()).then_some(found)
}

/// Where a tag ends: a `>` in an attribute's quotes is no end.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    text.bytes().enumerate().find_map(|(at, byte)| {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
        None
    })
}

fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('&') {
        return Some(Cow::Borrowed(text));
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';')?;
        out.push_str(before);
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, String)>> {
        texts(text.as_bytes())
    }

    fn pair(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn texts_are_told_with_what_is_around_them() {
        let list = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Results At='a>b' X=\"/\"><Prefix />\
                    <Things><Thing><Name>one</Name></Thing><!-- <Name>no</Name> --><Thing><Name>t&amp;w&#111;&#x20;</Name>\
                    <Properties><Etag>\"1\"</Etag></Properties></Thing></Things><Next/></Results>\n";
        let expected = [
            pair("Results/Prefix", ""),
            pair("Results/Things/Thing/Name", "one"),
            pair("Results/Things/Thing/Name", "t&wo "),
            pair("Results/Things/Thing/Properties/Etag", "\"1\""),
            pair("Results/Next", ""),
        ];
        assert_eq!(read(list).expect("a document"), expected);
        assert_eq!(read("<a>x</a>").expect("a document"), [pair("a", "x")]);
        assert_eq!(read("<a/>").expect("a document"), [pair("a", "")]);
    }

    #[test]
    fn c28_hostile_documents_are_none() {
        let deep = "<a>".repeat(100_000);
        let open = format!("<a {}", "x='".repeat(100_000));
        for text in [
            "",
            "x",
            "<",
            "<a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a></a><b></b>",
            "<a></a>x",
            "x<a></a>",
            "<a>&</a>",
            "<a>&lol;</a>",
            "<a>&#x110000;</a>",
            "<!DOCTYPE a [<!ENTITY lol 'lol'>]><a>&lol;</a>",
            "<a><![CDATA[x]]></a>",
            "< a></a>",
            "<a b='></a>",
            "<?xml",
            "<!-- <a/>",
            "{\"error\":{}}",
            "<html>hunter2",
            deep.as_str(),
            open.as_str(),
        ] {
            assert_eq!(read(text), None, "{}", &text[..text.len().min(40)]);
        }
        assert_eq!(texts(b"<a>\xff</a>"), None);
    }
}
