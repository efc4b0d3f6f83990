//! The parsing of resource ids.

use connector_core::{Error, ParsedId, Registry, Result};

use crate::drive::{is_panic, survive};
use crate::kit::Kit;
use crate::report::Findings;
use crate::rule::Rule;
use crate::{hostile, shown};

pub(super) fn check(kit: &Kit, registry: &Registry, findings: &mut Findings) {
    for entry in registry.catalogue().connector_types {
        for resource in &entry.resource_types {
            let place = format!("resource type {}/{}", entry.id, resource.id);
            let given =
                kit.example_ids(&entry.id, &resource.id).map(|it| it.texts.as_slice()).unwrap_or_default();
            let parser = Parser { registry, connector_type: &entry.id, resource_type: &resource.id };
            findings.require(!given.is_empty(), Rule::EXAMPLES_ARE_GIVEN, &place, || {
                "no example id was given".to_owned()
            });
            let first: Vec<_> = given.iter().map(|it| parser.parse(it)).collect();
            for (text, parsed) in given.iter().zip(&first) {
                if let Err(error) = parsed {
                    findings.fail(Rule::EXAMPLES_ARE_GIVEN, &place, format!("`{text}` is no id: {error}"));
                }
            }
            let around = given.iter().flat_map(|it| hostile::around(it));
            for text in hostile::hostile_texts().into_iter().chain(given.iter().cloned()).chain(around) {
                if !check_text(&parser, &text, &place, findings) {
                    break;
                }
            }
            // Once more, after all that.
            for (text, parsed) in given.iter().zip(&first) {
                findings.require(same(parsed, &parser.parse(text)), Rule::ID_PARSING_IS_PURE, &place, || {
                    format!("`{text}` gives something else after other texts were parsed")
                });
            }
        }
    }
}

struct Parser<'a> {
    registry: &'a Registry,
    connector_type: &'a str,
    resource_type: &'a str,
}

impl Parser<'_> {
    fn parse(&self, text: &str) -> Result<ParsedId> {
        survive(|| self.registry.parse(self.connector_type, self.resource_type, text))
    }
}

fn same(one: &Result<ParsedId>, other: &Result<ParsedId>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => one.to_string() == other.to_string(),
        _ => false,
    }
}

/// Checks one text; no more of them after a panic, which is printed each time.
fn check_text(parser: &Parser<'_>, text: &str, place: &str, findings: &mut Findings) -> bool {
    let parsed = parser.parse(text);
    findings.checked(Rule::ID_PARSING_IS_TOTAL);
    if let Err(error) = parsed.as_ref().map(drop)
        && is_panic(error)
    {
        findings.fail(Rule::ID_PARSING_IS_TOTAL, place, format!("`{}`: {error}", short(text)));
        return false;
    }
    findings.require(same(&parsed, &parser.parse(text)), Rule::ID_PARSING_IS_PURE, place, || {
        format!("`{}` gives one thing and then another", short(text))
    });
    match parsed {
        Ok(parsed) => check_parsed(parser, text, &parsed, place, findings),
        Err(error) => check_refusal(text, &error, place, findings),
    }
    true
}

fn check_parsed(parser: &Parser<'_>, text: &str, parsed: &ParsedId, place: &str, findings: &mut Findings) {
    /// How much longer than its text an id may be: a scheme, a host, an account.
    const MORE: usize = 256;
    // A character may become three when it is percent-encoded.
    findings.require(parsed.id.len() <= 3 * text.len() + MORE, Rule::ID_PARSING_IS_TOTAL, place, || {
        format!("{} bytes become an id of {} bytes", text.len(), parsed.id.len())
    });
    // The names of parts are the user's own, a key of an object store is any text; and a partial text may hold one.
    let control = |it: &str| it.chars().find(|it| it.is_control());
    let in_id = if parsed.partial { control(&parsed.id) } else { hostile::unclean(&parsed.id) };
    if let Some(character) = in_id.or_else(|| control(parsed.within.as_deref().unwrap_or_default())) {
        let seen = format!("{} is let through in `{}`", character.escape_unicode(), short(text));
        findings.fail(Rule::IDS_ARE_CLEAN, place, seen);
    }
    findings.checked(Rule::IDS_ARE_CLEAN);
    findings.checked(Rule::ID_PARSING_IS_IDEMPOTENT);
    if parsed.partial {
        return;
    }
    let blank = parsed.id.trim() != parsed.id || parsed.id.is_empty();
    let climbs = parsed.id.split('/').any(|it| it == ".." || it == ".");
    if blank || climbs {
        findings.fail(Rule::IDS_ARE_CLEAN, place, format!("`{}` is an id", short(&parsed.id)));
    }
    let canonical = ParsedId { id: parsed.id.clone(), within: None, partial: false };
    let again = parser.parse(&parsed.id);
    findings.require(
        again.as_ref().is_ok_and(|it| *it == canonical),
        Rule::ID_PARSING_IS_IDEMPOTENT,
        place,
        || {
            format!(
                "`{}` becomes `{}`, which becomes {}",
                short(text),
                short(&parsed.id),
                short(&format!("{again:?}"))
            )
        },
    );
}

fn check_refusal(text: &str, error: &Error, place: &str, findings: &mut Findings) {
    let fault = shown::fault_of_refusal(error).or_else(|| shown::fault(error)).or_else(|| {
        let other = error.field_problems().iter().find(|it| !matches!(&*it.field, "resource_id" | "within"));
        other.map(|it| format!("the fault is at `{}`, which is no field of a grant", it.field))
    });
    findings.require(fault.is_none(), Rule::ID_ERRORS_NAME_THE_FIELD, place, || {
        format!("for `{}`: {}", short(text), fault.unwrap_or_default())
    });
    /// The longest piece of a text that may be quoted, in characters.
    const QUOTE: usize = 100;
    let piece: String = text.chars().take(QUOTE + 1).collect();
    let quoted = piece.chars().count() > QUOTE && shown::all_of(error).contains(&piece);
    findings.require(!quoted, Rule::ID_ERRORS_NAME_THE_FIELD, place, || {
        format!("a text of {} bytes is quoted", text.len())
    });
}

/// The beginning of a text, for a report.
fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() { format!("{shown}… ({} bytes)", text.len()) } else { shown }
}
