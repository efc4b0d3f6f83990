//! Files that are one text and nothing else, such as a token.

use serde_json::Value;

use super::splice::Splice;
use super::tree::{Kind, Node, Pair};

/// The one key of the tree.
pub(crate) const TEXT: &str = "text";

/// The tree: a map of one text, or of none where the file is blank.
pub(super) fn parse(text: &str) -> Node {
    let content = text.trim_end();
    let value = Node { span: 0..content.len(), kind: Kind::Scalar(Value::String(content.to_owned())) };
    let pair = Pair { key: TEXT.to_owned(), key_span: 0..0, value };
    let pairs = if content.is_empty() { Vec::new() } else { vec![pair] };
    Node { span: 0..text.len(), kind: Kind::Map { flow: false, pairs } }
}

/// Puts this text in the place of all that is there.
pub(super) fn set(text: &str, value: &Value) -> Vec<Splice> {
    vec![Splice::new(0..text.len(), format!("{}\n", value.as_str().unwrap_or_default()))]
}

/// Leaves nothing.
pub(super) fn unset(text: &str) -> Vec<Splice> {
    vec![Splice::new(0..text.len(), String::new())]
}
