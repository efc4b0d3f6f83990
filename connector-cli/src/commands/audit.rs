//! `connector audit`: who got what, when.

use std::time::SystemTime;

use connector_core::{Error, Expiry, Result, format_time};
use connector_store::audit::{Filter, Record, Report};

use crate::app::App;
use crate::args::{AuditAction, AuditArgs};
use crate::output::Table;

/// How many findings are told beside the error; the answer has more.
const MOST_TOLD: usize = 10;

pub(crate) fn run(app: &App, args: &AuditArgs) -> Result<()> {
    match args.task {
        Some(AuditAction::Verify) => verify(app),
        None => list(app, args),
    }
}

fn list(app: &App, args: &AuditArgs) -> Result<()> {
    let filter = Filter {
        connector: args.connector.clone(),
        action: args.action.as_deref().map(str::parse).transpose()?,
        caller: args.caller.clone(),
        since: args.since,
        before: None,
    };
    let records = app.with_store(async |store| store.audit_list(&filter, args.limit).await)?;
    if records.is_empty() {
        app.output.note("no records are like that");
    }
    app.output.show(&records, || {
        let mut table = Table::new(["TIME (UTC)", "CALLER", "ACTION", "CONNECTOR", "WHAT", "ENDS"]);
        for record in &records {
            table.row([
                time(record.at).into(),
                record.caller.as_str().into(),
                record.action.as_str().into(),
                connector(record).into(),
                what(record).into(),
                ends(record).into(),
            ]);
        }
        if table.is_empty() { String::new() } else { table.render(&app.output) }
    })
}

fn verify(app: &App) -> Result<()> {
    let report = app.with_store(async |store| store.audit_verify().await)?;
    app.output.show(&report, || report_table(app, &report))?;
    let [first, ..] = &*report.findings else { return Ok(()) };
    let error = Error::store(match report.findings.len() {
        1 => format!("the audit is not as it was written: {first}"),
        count => format!("the audit is not as it was written, in {} places", count as u64 + report.more),
    })
    .with_hint("compare it with a backup, and find out who can write to the store's directory");
    let told = report.findings.iter().take(MOST_TOLD).map(ToString::to_string);
    Err(told.fold(error, Error::with_cause))
}

fn report_table(app: &App, report: &Report) -> String {
    let number = |it: Option<u64>| it.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let covered = match (report.first, report.last) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "none yet".to_owned(),
    };
    let mut table = Table::properties();
    table
        .property("RECORDS", report.records.to_string())
        .property("LINKED", format!("{} ({covered})", report.linked))
        .property("SEALED", report.sealed.to_string())
        .property("ANCHOR AT", number(report.anchor))
        .property("FINDINGS", (report.findings.len() as u64 + report.more).to_string());
    table.render(&app.output)
}

fn connector(record: &Record) -> String {
    match (&record.connector, record.version) {
        (Some(name), Some(version)) => format!("{name} v{version}"),
        (Some(name), None) => name.clone(),
        (None, _) => "-".to_owned(),
    }
}

/// What was asked for, else what else there is to say.
fn what(record: &Record) -> String {
    let within = record.within.as_ref().map(|part| format!("within {part}"));
    let access = record.access.map(|it| it.to_string());
    let narrowed = record.narrowed.map(|it| if it { "(narrowed)" } else { "(not narrowed)" }.to_owned());
    let long_lived = record.long_lived.then(|| "LONG-LIVED".to_owned());
    let asked =
        [record.resource_type.clone(), record.resource_id.clone(), within, access, narrowed, long_lived];
    let parts = asked.into_iter().chain([record.detail.clone()]);
    let parts: Vec<String> = parts.flatten().collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}

fn ends(record: &Record) -> String {
    match &record.expires {
        Some(Expiry::At(end)) => time(*end),
        Some(Expiry::Never(_)) => "never".to_owned(),
        None => "-".to_owned(),
    }
}

/// A time that a narrow column may break between day and hour.
fn time(time: SystemTime) -> String {
    format_time(time).replace('T', " ").trim_end_matches('Z').to_owned()
}
