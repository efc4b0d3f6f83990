//! What was seen, for people: a line for each connector, the hops of those that fail, and the findings.

use connector_core::{Origin, OriginState};
use connectors::hub::doctor::{Chain, Finding, Hop, HopState, Severity};

use super::{Report, counted, status};
use crate::app::App;
use crate::output::{Table, clean, wrap};

pub(super) fn text(app: &App, report: &Report) -> String {
    let mut parts = Vec::new();
    if let (Some(error), true) = (&report.store, report.chains.is_empty()) {
        parts.push(format!(
            "{}\n{}",
            app.output.bold("STORE"),
            wrap(&error.to_string(), app.output.prose_width(), "  ")
        ));
    }
    if !report.one && !report.chains.is_empty() {
        parts.push(table(app, report));
    }
    let told: Vec<&Chain> = report.chains.iter().filter(|it| report.one || status(it) == "fails").collect();
    let is_whole = told.len() <= WHOLE;
    parts.extend(told.iter().map(|it| tree(app, it, is_whole)));
    if let (false, Some(it)) = (is_whole, told.first()) {
        parts.push(format!("`connector doctor {}` shows all hops of that one", clean(&it.connector)));
    }
    if !report.findings.is_empty() {
        parts.push(findings(app, &report.findings));
    }
    parts.push(summary(report));
    parts.join("\n\n")
}

fn table(app: &App, report: &Report) -> String {
    let mut table = Table::new(["CONNECTOR", "TYPE", "METHOD", "STATUS"]).dropping(&["TYPE", "METHOD"]);
    for chain in &report.chains {
        let (of, method) = chain.kind.as_ref().map_or(("-", "-"), |(of, method)| (of, method));
        let said = match (status(chain), chain.failure()) {
            ("fails", Some((link, _))) => format!("fails at {}", link.as_str()),
            (status, _) => status.to_owned(),
        };
        table.row([chain.connector.as_str().into(), of.into(), method.into(), said.into()]);
    }
    table.render(&app.output)
}

/// Of more failing connectors only the hop that failed is shown.
const WHOLE: usize = 8;

/// The hops of one connector, one below the other.
fn tree(app: &App, chain: &Chain, is_whole: bool) -> String {
    let kind = chain.kind.as_ref().map(|(of, method)| format!(" ({of} {method})")).unwrap_or_default();
    let mut lines = vec![format!("{}{kind}", app.output.bold(&clean(&chain.connector)))];
    for hop in chain.hops.iter().filter(|it| is_whole || it.state == HopState::Failed) {
        let state = match hop.state {
            HopState::Good => "good",
            HopState::NotNeeded => "not needed",
            HopState::Failed => "FAILED",
            _ => "not reached",
        };
        let head = format!("  {state:<11}  {:<12}  ", hop.link.as_str());
        let body = said(app, hop);
        lines.push(match body.is_empty() {
            true => head.trim_end().to_owned(),
            false => format!("{head}{}", body.trim_start()),
        });
    }
    lines.join("\n")
}

/// The columns before what is said of a hop.
const INDENT: &str = "                             ";

fn said(app: &App, hop: &Hop) -> String {
    let width = app.output.prose_width().max(INDENT.len() + 40);
    let mut parts = Vec::new();
    if !hop.detail.is_empty() {
        parts.push(wrap(&hop.detail, width, INDENT));
    }
    if let Some(error) = &hop.error {
        parts.push(wrap(&error.to_string(), width, INDENT));
        parts.extend(error.hint().map(|hint| wrap(&format!("fix: {hint}"), width, INDENT)));
    }
    parts.extend(hop.origins.iter().map(|origin| wrap(&place(origin), width, INDENT)));
    parts.join("\n")
}

/// S59: which place the identity comes from, what that hides, and why the others are passed over.
fn place(origin: &Origin) -> String {
    let state = match origin.state {
        OriginState::Used => "used",
        OriginState::Hidden => "hidden by the one before",
        OriginState::Broken => "broken",
        OriginState::Asked => "asked",
        _ => "not set up",
    };
    format!("- {}: {state}: {}", origin.place, origin.detail)
}

fn findings(app: &App, findings: &[Finding]) -> String {
    let width = app.output.prose_width();
    let mut lines = vec![app.output.bold("FINDINGS")];
    // The weightiest first, and in the order of the rules among those.
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|it| std::cmp::Reverse(it.severity));
    for it in sorted {
        let of = it.connector.as_ref().map(|it| format!("  {it}")).unwrap_or_default();
        lines.push(format!("  {:<7}  {}{}", it.severity.as_str(), it.rule.id, clean(&of)));
        lines.push(wrap(&it.message, width, "           "));
        lines.push(wrap(&format!("fix: {}", it.fix), width, "           "));
    }
    lines.join("\n")
}

fn summary(report: &Report) -> String {
    let all = report.chains.len();
    let failing = report.chains.iter().filter(|it| status(it) == "fails").count();
    let resting = report.chains.iter().filter(|it| it.rests()).count();
    let mut said = Vec::new();
    match report.chains.as_slice() {
        [] if report.store.is_some() => said.push("the store does not open".to_owned()),
        [] => {}
        [chain] if report.one => said.push(match chain.failure() {
            Some((link, _)) => format!("`{}` fails at {}", clean(&chain.connector), link.as_str()),
            None => format!("`{}` works", clean(&chain.connector)),
        }),
        _ => said.push(format!("{} of {} work", all - failing - resting, counted(all, "connector"))),
    }
    for (severity, what) in
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
    {
        let count = report.count(severity);
        if count > 0 {
            said.push(counted(count, what));
        }
    }
    if said.is_empty() { "nothing was found".to_owned() } else { said.join(", ") }
}
