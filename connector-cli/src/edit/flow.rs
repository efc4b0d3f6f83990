//! Edits within brackets: all of JSON, and YAML that is written like it. What is added looks like its
//! neighbours.

use serde::Serialize;
use serde_json::Value;

use super::splice::Splice;
use super::tree::{Node, Span};

/// How what is added is set: on lines of its own, or in one.
pub(super) enum Layout {
    Line,
    Lines {
        /// What one level is further to the right.
        unit: String,
    },
}

impl Layout {
    /// The layout of what a pair of brackets holds; that which holds nothing is set in lines.
    pub(super) fn of(text: &str, outermost: &Node, unit: &str) -> Self {
        let inner = &text[outermost.span.clone()];
        if !outermost.is_vacant() && !inner.contains('\n') {
            return Self::Line;
        }
        let indented = inner.lines().skip(1).map(indentation);
        let base = indentation(line_of(text, outermost.span.start));
        let first = indented.filter_map(|it| it.strip_prefix(base)).find(|it| !it.is_empty());
        Self::Lines { unit: first.unwrap_or(unit).to_owned() }
    }
}

/// A value as it stands in brackets, at this indentation.
pub(super) fn rendered(value: &Value, layout: &Layout, base: &str, newline: &str) -> String {
    let Layout::Lines { unit } = layout else { return value.to_string() };
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let written = value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter));
    let pretty = written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_else(|| value.to_string());
    pretty.replace('\n', &format!("{newline}{base}"))
}

/// Adds a member or an item at the end.
pub(super) fn insert(
    text: &str,
    container: &Node,
    key: Option<&str>,
    value: &Value,
    layout: &Layout,
    newline: &str,
) -> Vec<Splice> {
    let children = container.children();
    let member = |base: &str| {
        let key = key.map_or_else(String::new, |it| format!("{}: ", Value::from(it)));
        key + &rendered(value, layout, base, newline)
    };
    let Some((_, _, last)) = children.last() else {
        let inner = container.span.start + 1..container.span.end - 1;
        let outer = indentation(line_of(text, container.span.start));
        return vec![Splice::new(
            inner,
            match layout {
                Layout::Line => member(""),
                Layout::Lines { unit } => {
                    let base = format!("{outer}{unit}");
                    format!("{newline}{base}{}{newline}{outer}", member(&base))
                }
            },
        )];
    };
    let from = match children.len().checked_sub(2) {
        Some(before) => children[before].2.end,
        None => container.span.start + 1,
    };
    // What stands between the last one and the comma or bracket before it.
    let gap = text[from..last.start].rsplit(',').next().unwrap_or_default();
    let gap = match gap {
        blank if blank.chars().all(char::is_whitespace) => blank.to_owned(),
        _ => format!("{newline}{}", indentation(line_of(text, last.start))),
    };
    let base = gap.rsplit('\n').next().filter(|_| gap.contains('\n')).unwrap_or_default().to_owned();
    let added = format!("{gap}{}", member(&base));
    if let Some(comma) = comma(text, last.end..container.span.end) {
        return vec![Splice::new(comma + 1..comma + 1, added)];
    }
    let after = &text[last.end..container.span.end];
    match after.find('\n') {
        // A comment beside the last one stays beside it.
        Some(end) if gap.contains('\n') && after[..end].contains('#') => {
            let at = last.end + after[..end].trim_end().len();
            vec![Splice::new(last.end..last.end, ","), Splice::new(at..at, added)]
        }
        _ => vec![Splice::new(last.end..last.end, format!(",{added}"))],
    }
}

/// Takes a member or an item away, with one of the commas around it.
pub(super) fn remove(text: &str, container: &Node, at: usize) -> Vec<Splice> {
    let spans: Vec<Span> = container.children().into_iter().map(|(.., span)| span).collect();
    let cut = |span: Span| Splice::new(span, "");
    let own = spans[at].clone();
    if spans.len() == 1 {
        return vec![cut(container.span.start + 1..container.span.end - 1)];
    }
    let Some(before) = at.checked_sub(1) else {
        let gap = &text[own.end..spans[1].start];
        return match comma(text, own.end..spans[1].start) {
            Some(comma) if gap.contains('#') => vec![cut(own), cut(comma..comma + 1)],
            _ => vec![cut(own.start..spans[1].start)],
        };
    };
    let gap = spans[before].end..own.start;
    match comma(text, gap.clone()) {
        Some(comma) if text[gap.clone()].contains('#') => vec![cut(comma..comma + 1), cut(own)],
        _ => vec![cut(gap.start..own.end)],
    }
}

/// The first comma of a gap that is not in a comment.
fn comma(text: &str, gap: Span) -> Option<usize> {
    let mut in_comment = false;
    for (at, byte) in text[gap.clone()].bytes().enumerate() {
        match byte {
            b'#' => in_comment = true,
            b'\n' => in_comment = false,
            b',' if !in_comment => return Some(gap.start + at),
            _ => {}
        }
    }
    None
}

/// The line that a byte is on.
pub(super) fn line_of(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// The blanks that a line begins with.
pub(super) fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
