//! Resource ids of every linked type; names, references, times and durations.

use connector_core::{ParsedId, SecretRef, check_name, format_time, parse_duration, parse_time};

use crate::{judge, registry, text};

/// Any text as a resource id of every type, as a name, a reference, a time and a duration.
pub fn ids(input: &[u8]) {
    let Some(text) = text(input) else { return };
    for connector_type in registry().connector_types() {
        for resource_type in registry().resource_types(connector_type).expect("a type that is listed") {
            id(connector_type, resource_type, text);
        }
    }
    words(text);
}

fn id(connector_type: &str, resource_type: &str, text: &str) {
    let parse = |text: &str| registry().parse(connector_type, resource_type, text);
    let parsed = match parse(text) {
        Ok(parsed) => parsed,
        Err(error) => return judge_id_error(&error, text),
    };
    assert!(parsed.id.len() <= 3 * text.len() + 256, "an id grows");
    if parsed.partial {
        return;
    }
    let canonical = ParsedId { id: parsed.id.clone(), within: None, partial: false };
    let again = parse(&parsed.id);
    assert!(again.as_ref().is_ok_and(|it| *it == canonical), "{resource_type}: {text:?} is {again:?}");
}

/// Ids may be shown; a long text that is none is not.
fn judge_id_error(error: &connector_core::Error, text: &str) {
    const QUOTE: usize = 100;
    if text.contains(crate::CANARY) || text.len() <= QUOTE {
        return;
    }
    judge(error);
    let piece: String = text.chars().take(QUOTE + 1).collect();
    assert!(!crate::shown(error).contains(&piece), "a long text is quoted: {error}");
}

fn words(text: &str) {
    let _ = (check_name(text), parse_duration(text));
    if let Some(reference) = SecretRef::parse(text) {
        assert_eq!(SecretRef::parse(&reference.to_string()), Some(reference));
    }
    if let Ok(time) = parse_time(text) {
        let canonical = format_time(time);
        let again = parse_time(&canonical).map(format_time);
        assert_eq!(again.ok().as_ref(), Some(&canonical), "{text:?}");
    }
}
