//! What was seen as SARIF 2.1.0, so that a pipeline can annotate: a result for each finding and for each first hop that
//! failed.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::hub::doctor::{Finding, Link, Rule, Severity, rule};
use serde_json::{Value, json};

use super::{Report, rules};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn text(report: &Report, home: &Path) -> String {
    format!("{:#}", log(report, home))
}

/// What is in no file of its own is in the store, in `home`: services that annotate take no log in which a result has
/// no file.
fn log(report: &Report, home: &Path) -> Value {
    let rules = all_rules();
    let store = home.join("store.db");
    let mut results = failures(report, &rules, &store);
    results.extend(report.findings.iter().map(|it| finding(it, &rules, &store)));
    number(&mut results);
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "connector",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|it| descriptor(it)).collect::<Vec<_>>(),
            }},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

fn all_rules() -> Vec<&'static Rule> {
    let hops = Link::ALL.into_iter().map(Link::rule);
    hops.chain(rule::RULES.iter().copied()).chain(rules::RULES.iter().copied()).collect()
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.about },
        "fullDescription": { "text": rule.about },
        "help": { "text": rule.fix },
        "defaultConfiguration": { "level": rule.severity.as_str() },
    })
}

/// The first hop of each connector that failed. One that its owner switched off is worth a note.
fn failures(report: &Report, rules: &[&Rule], store: &Path) -> Vec<Value> {
    let of_chain = report.chains.iter().filter_map(|chain| {
        let (link, error) = chain.failure()?;
        let severity = if chain.rests() && !report.one { Severity::Note } else { Severity::Error };
        let text = said(&error.to_string(), error.hint());
        Some(result(link.rule(), rules, severity, &text, Some((&chain.connector, Some(link))), store))
    });
    let mut all: Vec<Value> = of_chain.collect();
    if let (Some(error), true) = (&report.store, all.is_empty()) {
        let text = said(&error.to_string(), error.hint());
        all.push(result(Link::Store.rule(), rules, Severity::Error, &text, None, store));
    }
    all
}

fn finding(it: &Finding, rules: &[&Rule], store: &Path) -> Value {
    let connector = it.connector.as_deref().map(|it| (it, None));
    let file = it.file.as_deref().unwrap_or(store);
    result(it.rule, rules, it.severity, &said(&it.message, Some(&it.fix)), connector, file)
}

fn said(what: &str, fix: Option<&str>) -> String {
    match fix {
        Some(fix) => format!("{what}\nfix: {fix}"),
        None => what.to_owned(),
    }
}

fn result(
    rule: &Rule,
    rules: &[&Rule],
    severity: Severity,
    text: &str,
    connector: Option<(&str, Option<Link>)>,
    file: &Path,
) -> Value {
    let file = uri(file);
    let mut location = json!({ "physicalLocation": { "artifactLocation": { "uri": file } } });
    if let Some((name, link)) = connector {
        let hop = link.map(|it| format!("/{}", it.as_str())).unwrap_or_default();
        location["logicalLocations"] =
            json!([{ "name": name, "fullyQualifiedName": format!("{name}{hop}"), "kind": "connector" }]);
    }
    let mut value = json!({
        "locations": [location],
        "ruleId": rule.id,
        "ruleIndex": rules.iter().position(|it| it.id == rule.id),
        "level": severity.as_str(),
        "message": { "text": text },
    });
    // What the same finding has again tomorrow, whatever its words are by then.
    let connector = connector.map(|it| it.0).unwrap_or_default();
    let mark = format!("{}:{connector}:{file}", rule.id);
    value["partialFingerprints"] = json!({ MARK: mark });
    value
}

const MARK: &str = "connectorDoctor/v1";

/// Numbers what a rule found several times in one place, or only one of them would be shown.
fn number(results: &mut [Value]) {
    let mut seen = BTreeMap::<String, usize>::new();
    for result in results {
        let Value::String(mark) = &mut result["partialFingerprints"][MARK] else { continue };
        let count = seen.entry(mark.clone()).or_default();
        *count += 1;
        if *count > 1 {
            mark.push_str(&format!(":{count}"));
        }
    }
}

/// A file as SARIF names it: relative to where the program runs, where it lies below that, else a `file:` URI.
fn uri(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().ok();
    match here
        .and_then(|here| path.strip_prefix(here).map(Path::to_owned).ok())
        .filter(|it| it.parent().is_some())
    {
        Some(below) => encoded(&below),
        None if cfg!(windows) => format!("file:///{}", encoded(&path)),
        None => format!("file://{}", encoded(&path)),
    }
}

/// A path in the characters of a URI.
fn encoded(path: &Path) -> String {
    let text = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"/-._~:".contains(&it);
    let each =
        text.bytes().map(|it| if is_plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") });
    each.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_rule_is_in_the_table_once() {
        let rules = all_rules();
        let ids: BTreeSet<&str> = rules.iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), rules.len());
        for rule in rules {
            assert!(rule.id.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'), "{}", rule.id);
            assert!(rule.about.ends_with('.') && !rule.fix.ends_with('.'), "{}", rule.id);
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_have_uris() {
        assert_eq!(uri(Path::new("/a b/c%d/é")), "file:///a%20b/c%25d/%C3%A9");
        assert_eq!(uri(Path::new("below/it")), "below/it");
    }
}
