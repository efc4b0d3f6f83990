//! What a file says, and where it says it: the same tree for every format, with byte spans.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Bytes of a text.
pub(crate) type Span = Range<usize>;

/// One step from a node to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// The value under a key.
    Key(String),
    /// The entry of a list whose `name` this is.
    Named(String),
    /// The entry of a list that is mounted at this path, as compose files have it: `target`, or `source:target`.
    Target(String),
}

/// Where something stands in a file.
pub(crate) type Place = Vec<Step>;

/// A fault of a text: where, and what it is. Never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

pub(super) type Parsed<T> = Result<T, Fault>;

/// A part of a file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// From its first to its last byte, comments around it excluded.
    pub(super) span: Span,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar(Value),
    Map {
        flow: bool,
        pairs: Vec<Pair>,
    },
    List {
        flow: bool,
        items: Vec<Node>,
    },
    /// A reference to another node, which is not followed.
    Alias,
}

#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

impl Node {
    /// The nodes inside it, each with its whole span: key and value, or the item.
    pub(super) fn children(&self) -> Vec<(Option<&Pair>, &Node, Span)> {
        match &self.kind {
            Kind::Map { pairs, .. } => {
                let whole = |it: &Pair| it.key_span.start..it.value.span.end.max(it.key_span.end);
                pairs.iter().map(|it| (Some(it), &it.value, whole(it))).collect()
            }
            Kind::List { items, .. } => items.iter().map(|it| (None, it, it.span.clone())).collect(),
            Kind::Scalar(_) | Kind::Alias => Vec::new(),
        }
    }

    pub(super) fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::Map { flow: true, .. } | Kind::List { flow: true, .. })
    }

    /// Nothing, or a container of nothing: a place to put something.
    pub(super) fn is_vacant(&self) -> bool {
        match &self.kind {
            Kind::Scalar(value) => value.is_null(),
            Kind::Alias => false,
            Kind::Map { .. } | Kind::List { .. } => self.children().is_empty(),
        }
    }

    /// Which child a step leads to; a fault when there are two, since readers differ in which they take.
    pub(super) fn child(&self, step: &Step) -> Parsed<Option<usize>> {
        let mut found = None;
        for (at, (pair, node, span)) in self.children().into_iter().enumerate() {
            if step_to(pair, node).as_ref() == Some(step) && found.replace(at).is_some() {
                return Err(Fault { at: span.start, what: "what is to be changed stands there twice" });
            }
        }
        Ok(found)
    }

    /// The node at a place.
    pub(crate) fn find(&self, place: &[Step]) -> Parsed<Option<&Self>> {
        let mut node = self;
        for step in place {
            match node.child(step)? {
                Some(at) => node = node.children()[at].1,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// What it says. Keys without a value are left out, as the programs that rewrite such files add them.
    pub(crate) fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::Alias => Value::Null,
            Kind::List { items, .. } => items.iter().map(Self::value).collect(),
            Kind::Map { pairs, .. } => {
                let pairs = pairs.iter().map(|it| (it.key.clone(), it.value.value()));
                Value::Object(pairs.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
            }
        }
    }

    /// Everything but what stands at `ours`, in order and as it is written; containers on the way there
    /// count only while they hold something else.
    pub(super) fn rest(&self, text: &str, ours: &[Place]) -> Vec<String> {
        let mut said = Vec::new();
        self.collect(text, ours, &mut Vec::new(), &mut said);
        said
    }

    fn collect(&self, text: &str, ours: &[Place], here: &mut Place, said: &mut Vec<String>) {
        let children = self.children();
        let is_on_the_way = ours.iter().any(|it| it.starts_with(here));
        if children.is_empty() {
            if !(is_on_the_way && self.is_vacant()) {
                said.push(text.get(self.span.clone()).unwrap_or_default().trim().to_owned());
            }
            return;
        }
        let before = said.len();
        said.push(if matches!(self.kind, Kind::Map { .. }) { "{" } else { "[" }.to_owned());
        for (at, (pair, node, _)) in children.into_iter().enumerate() {
            here.push(step_to(pair, node).unwrap_or_else(|| Step::Key(format!("#{at}"))));
            if !ours.contains(here) {
                let key_at = said.len();
                said.push(pair.map_or_else(|| "-".to_owned(), |it| it.key.clone()));
                node.collect(text, ours, here, said);
                if said.len() == key_at + 1 {
                    said.pop();
                }
            }
            here.pop();
        }
        if is_on_the_way && said.len() == before + 1 {
            said.truncate(before);
        } else {
            said.push("}".to_owned());
        }
    }
}

/// The step that leads to a child; unnamed items of a list have none.
fn step_to(pair: Option<&Pair>, node: &Node) -> Option<Step> {
    if let Some(pair) = pair {
        return Some(Step::Key(pair.key.clone()));
    }
    let pairs = match &node.kind {
        Kind::Map { pairs, .. } => pairs,
        Kind::Scalar(Value::String(mount)) => return target_of(mount).map(|it| Step::Target(it.to_owned())),
        _ => return None,
    };
    let text_of = |key: &str| pairs.iter().find(|it| it.key == key);
    let Some(name) = text_of("name") else {
        return match &text_of("target")?.value.kind {
            Kind::Scalar(Value::String(target)) => Some(Step::Target(target.clone())),
            _ => None,
        };
    };
    match &name.value.kind {
        Kind::Scalar(Value::String(name)) => Some(Step::Named(name.clone())),
        // A name that looks like a number, unquoted.
        Kind::Scalar(other @ (Value::Number(_) | Value::Bool(_))) => Some(Step::Named(other.to_string())),
        _ => None,
    }
}

/// Where a mount in one word leads: `/target`, `source:/target` or `source:/target:mode`.
fn target_of(mount: &str) -> Option<&str> {
    let is_drive = |at: usize| at == 1 && mount.starts_with(|it: char| it.is_ascii_alphabetic());
    let after = match mount.match_indices(":/").map(|(at, _)| at).find(|at| !is_drive(*at)) {
        Some(at) => &mount[at + 1..],
        None if mount.starts_with('/') => mount,
        None => return None,
    };
    after.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_in_one_word_has_a_target() {
        for (mount, target) in [
            ("/data", Some("/data")),
            ("cache:/data", Some("/data")),
            ("~/.aws:/home/astro/.aws:rw", Some("/home/astro/.aws")),
            ("/a/b:/c", Some("/c")),
            ("C:/Users/ada:/c:ro", Some("/c")),
            (r"C:\Users\ada:/c", Some("/c")),
            ("default", None),
            ("A=b", None),
        ] {
            assert_eq!(target_of(mount), target, "{mount}");
        }
    }
}
