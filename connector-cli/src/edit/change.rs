//! One change of one text: where, what, and how to take it back.

use serde_json::{Value, json};

use super::flow::Layout;
use super::splice::{Reverse, Splice, apply};
use super::tree::{Fault, Kind, Node, Pair, Parsed, Place, Step};
use super::{Format, block, dotenv, flow, ini, text};

const OTHER: &str = "holds something of another form than expected";
const SPOILT: &str = "cannot be edited without changing something else in the file";

/// A text after a change.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) text: String,
    /// Takes the change back, step by step.
    pub(crate) reverse: Vec<Reverse>,
    /// Containers that were made on the way there.
    pub(crate) made: Vec<Place>,
    /// What stood there before.
    pub(crate) before: Option<Value>,
    /// How that was written, where it was one word or text on one line.
    pub(crate) spelling: Option<String>,
}

/// Puts a value at a place, and makes what is missing on the way there.
///
/// # Errors
/// A text that is not of the format, or so unusual that something else would change.
pub(crate) fn set(format: Format, text: &str, place: &[Step], value: &Value) -> Parsed<Edited> {
    let root = format.parse(text)?;
    let found = root.find(place)?;
    let before = found.map(Node::value);
    let spelling =
        found.filter(|_| !matches!(format, Format::Ini | Format::Text)).and_then(|it| spelling_of(it, text));
    let (splices, made) = match (format, place) {
        (Format::Ini, [Step::Key(section)]) => (ini::set(text, &root, section, value), Vec::new()),
        (Format::Dotenv, [Step::Key(name)]) => (dotenv::set(text, &root, name, value)?, Vec::new()),
        (Format::Text, _) => (text::set(text, value), Vec::new()),
        _ => put(format, text, &root, place, value)?,
    };
    let (new, reverse) = apply(text, splices).ok_or(Fault { at: 0, what: SPOILT })?;
    check(format, text, &root, &new, place, Some(value))?;
    Ok(Edited { text: new, reverse, made, before, spelling })
}

fn spelling_of(node: &Node, text: &str) -> Option<String> {
    let written = text.get(node.span.clone()).filter(|it| !it.is_empty() && !it.contains(['\n', '\r']))?;
    matches!(node.kind, Kind::Scalar(_)).then(|| written.to_owned())
}

/// The same text with the value at a place written as it was before, such as in quotes. As it is where that would
/// say something else.
pub(crate) fn respell(format: Format, text: String, place: &[Step], spelling: &str) -> String {
    let respelled = || {
        let root = format.parse(&text).ok()?;
        let node = root.find(place).ok()??;
        spelling_of(node, &text)?;
        let (new, _) = apply(&text, vec![Splice::new(node.span.clone(), spelling)])?;
        check(format, &text, &root, &new, place, Some(&node.value())).ok()?;
        Some(new)
    };
    respelled().unwrap_or(text)
}

/// Takes what stands at a place away, and the containers in `made` that hold nothing then.
///
/// # Errors
/// As [`set`].
pub(crate) fn unset(format: Format, text: &str, place: &[Step], made: &[Place]) -> Parsed<Edited> {
    let root = format.parse(text)?;
    let before = root.find(place)?.map(Node::value);
    if before.is_none() {
        return Ok(Edited {
            text: text.to_owned(),
            reverse: Vec::new(),
            made: Vec::new(),
            before,
            spelling: None,
        });
    }
    let splices = match (format, place) {
        (Format::Ini, [Step::Key(section)]) => ini::unset(text, &root, section),
        (Format::Dotenv, [Step::Key(name)]) => dotenv::unset(text, &root, name),
        (Format::Text, _) => text::unset(text),
        _ => take(text, &root, place, made)?,
    };
    let (new, reverse) = apply(text, splices).ok_or(Fault { at: 0, what: SPOILT })?;
    check(format, text, &root, &new, place, None)?;
    Ok(Edited { text: new, reverse, made: Vec::new(), before, spelling: None })
}

/// Reads the result again: the change is there, and everything else is what it was.
fn check(
    format: Format,
    old: &str,
    root: &Node,
    new: &str,
    place: &[Step],
    value: Option<&Value>,
) -> Parsed<()> {
    let spoilt = Fault { at: root.span.start, what: SPOILT };
    let again = format.parse(new).map_err(|_| spoilt)?;
    let ours = [place.to_vec()];
    let found = again.find(place).map_err(|_| spoilt)?.map(Node::value);
    let is_there = found == value.map(without_nulls);
    if is_there && root.rest(old, &ours) == again.rest(new, &ours) { Ok(()) } else { Err(spoilt) }
}

/// As [`Node::value`] gives it: keys without a value are not there.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// The containers on the way to a place, as far as it exists: each with the child that leads on.
struct Way<'a> {
    /// Containers, outermost first, with the number of the child.
    steps: Vec<(&'a Node, usize)>,
    /// Where the way ends.
    end: &'a Node,
}

impl<'a> Way<'a> {
    fn of(root: &'a Node, place: &[Step]) -> Parsed<Self> {
        let mut way = Self { steps: Vec::new(), end: root };
        for step in place {
            let Some(at) = way.end.child(step)? else { break };
            way.steps.push((way.end, at));
            way.end = way.end.children()[at].1;
        }
        Ok(way)
    }

    /// The pair of a map that leads to the end.
    fn pair(&self) -> Option<&'a Pair> {
        let (container, at) = self.steps.last()?;
        match &container.kind {
            Kind::Map { pairs, .. } => pairs.get(*at),
            _ => None,
        }
    }

    /// Whether the end stands in brackets; the outermost of them.
    fn outermost(&self) -> Option<&'a Node> {
        let containers = self.steps.iter().map(|(node, _)| *node).chain([self.end]);
        containers.into_iter().find(|it| it.is_flow())
    }
}

fn put(
    format: Format,
    text: &str,
    root: &Node,
    place: &[Step],
    value: &Value,
) -> Parsed<(Vec<Splice>, Vec<Place>)> {
    let way = Way::of(root, place)?;
    let reached = way.steps.len();
    let unit = if format == Format::Json { "\t" } else { "  " };
    let newline = block::newline(text);
    let layout = |outermost: &Node| Layout::of(text, outermost, unit);
    let Some(step) = place.get(reached) else {
        return Ok((replace(text, &way, value, layout, newline)?, Vec::new()));
    };
    // What is missing on the way, around the value.
    let nested = place[reached + 1..].iter().rev().fold(value.clone(), |inner, step| around(step, inner));
    let made = (reached + 1..place.len()).map(|it| place[..it].to_vec()).collect();
    let end = way.end;
    let fits = match (&end.kind, step) {
        (Kind::Map { .. }, Step::Key(_)) | (Kind::List { .. }, Step::Named(_) | Step::Target(_)) => true,
        _ => end.is_vacant(),
    };
    if !fits {
        return Err(Fault { at: end.span.start, what: OTHER });
    }
    // Nothing, or empty brackets below a key of a block.
    if end.is_vacant() {
        let whole = around(step, nested.clone());
        let is_block = way.steps.last().is_some_and(|(container, _)| !container.is_flow());
        if let (true, Some(pair)) = (is_block, way.pair()) {
            return Ok((block::fill(text, &pair.key_span, end, &whole)?, made));
        }
        if !end.is_flow() {
            let base = flow::indentation(flow::line_of(text, end.span.start));
            let layout = way.outermost().map_or(Layout::Line, layout);
            return Ok((
                vec![Splice::new(end.span.clone(), flow::rendered(&whole, &layout, base, newline))],
                made,
            ));
        }
    }
    let splices = match (way.outermost(), step) {
        (Some(outermost), step) => {
            let key = match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Named(_) | Step::Target(_) => None,
            };
            flow::insert(text, end, key, &nested, &layout(outermost), newline)
        }
        (None, Step::Key(key)) => block::insert_pair(text, end, key, &nested)?,
        (None, Step::Named(_) | Step::Target(_)) => block::insert_item(text, end, &nested)?,
    };
    Ok((splices, made))
}

fn around(step: &Step, inner: Value) -> Value {
    match step {
        Step::Key(key) => json!({ key.as_str(): inner }),
        Step::Named(_) | Step::Target(_) => json!([inner]),
    }
}

fn replace(
    text: &str,
    way: &Way<'_>,
    value: &Value,
    layout: impl Fn(&Node) -> Layout,
    newline: &str,
) -> Parsed<Vec<Splice>> {
    let Some((container, _)) = way.steps.last() else {
        return Err(Fault { at: way.end.span.start, what: OTHER });
    };
    if container.is_flow() {
        let base = flow::indentation(flow::line_of(text, way.end.span.start)).to_owned();
        let layout = way.outermost().map_or(Layout::Line, layout);
        return Ok(vec![Splice::new(way.end.span.clone(), flow::rendered(value, &layout, &base, newline))]);
    }
    match way.pair() {
        Some(pair) => block::replace_pair(text, &pair.key_span, &pair.key, way.end, value),
        None => block::replace_item(text, way.end, value),
    }
}

fn take(text: &str, root: &Node, place: &[Step], made: &[Place]) -> Parsed<Vec<Splice>> {
    // With the last thing in it goes a container that was made for it.
    let mut place = place;
    while let Some((_, outer)) = place.split_last() {
        let alone = root.find(outer)?.is_some_and(|it| it.children().len() == 1);
        if outer.is_empty() || !alone || !made.iter().any(|it| it == outer) {
            break;
        }
        place = outer;
    }
    let way = Way::of(root, place)?;
    let Some((container, at)) = way.steps.last() else { return Ok(Vec::new()) };
    if container.is_flow() {
        return Ok(flow::remove(text, container, *at));
    }
    let mut splices = match way.pair() {
        Some(pair) => block::remove_pair(text, &pair.key_span, way.end)?,
        None => block::remove_item(text, way.end)?,
    };
    let outer = Way { steps: way.steps[..way.steps.len() - 1].to_vec(), end: container };
    if let (1, Some(pair)) = (container.children().len(), outer.pair()) {
        let brackets = if matches!(container.kind, Kind::List { .. }) { "[]" } else { "{}" };
        splices.push(block::empty(text, &pair.key_span, brackets)?);
    }
    Ok(splices)
}
