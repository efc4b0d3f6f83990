//! `connector verify`: whether connectors work, asked of their providers anew.

use connector_core::{Document, Error, ErrorKind, Grant, Result};
use connector_store::Filter;
use connectors::hub::Verified;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::VerifyArgs;
use crate::failure;
use crate::output::{Table, reached_table, reached_value, reasons, state};

pub(crate) fn run(app: &App, args: &VerifyArgs) -> Result<()> {
    match &args.name {
        Some(name) => one(app, name, args),
        None => all(app),
    }
}

fn one(app: &App, name: &str, args: &VerifyArgs) -> Result<()> {
    let mut grant = Grant::default();
    grant.resource_type.clone_from(&args.resource_type);
    grant.resource_id.clone_from(&args.resource_id);
    let progress = app.output.progress(&format!("verifying {name}"));
    let verified = app.with_hub(async |hub| hub.verify(name, grant).await)?;
    drop(progress);
    let value = json!({ "connector": name, "verified": true, "reached": reached_value(&verified.reached) });
    app.output.show(&value, || reached_table(&verified.reached, false, &app.output))?;
    app.output.note(&format!("`{name}` works"));
    Ok(())
}

/// What came of one connector.
struct Row {
    name: String,
    verified: Result<Verified>,
    /// Why it was not asked: `disabled` or `expired`, which is how its owner wants it.
    skipped: Option<&'static str>,
}

/// A line for each connector. Those that are switched off or past their end are skipped; any other that does
/// not work is an error, the worst of them.
fn all(app: &App) -> Result<()> {
    let progress = app.output.progress("verifying every connector");
    let (documents, verified) =
        app.with_hub(async |hub| Ok((hub.list(&Filter::default()).await?, hub.verify_all().await?)))?;
    drop(progress);
    let skipped = |name: &str| {
        let document: Option<&Document> = documents.iter().find(|it| it.name == name);
        document.map(|it| state(it, app.now())).filter(|state| *state != "enabled")
    };
    let rows = verified.into_iter().map(|(name, verified)| Row { skipped: skipped(&name), name, verified });
    let rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        app.output.hint("no connectors yet; `connector register NAME --type aws --auto-configure` makes one");
    }
    let value: Vec<Value> = rows.iter().map(row_value).collect();
    app.output.show(&value, || table(app, &rows))?;
    let skipped = rows.iter().filter(|row| row.skipped.is_some()).count();
    if skipped > 0 {
        app.output.note(&format!("skipped {skipped} that are disabled or past their end"));
    }
    let failures = rows.iter().filter(|row| row.skipped.is_none());
    let failures: Vec<(&str, &Error)> =
        failures.filter_map(|row| Some((&*row.name, row.verified.as_ref().err()?))).collect();
    match failures.len() {
        0 => Ok(()),
        count => {
            Err(failure::sum_up(&format!("{count} of {} connectors do not work", rows.len()), &failures))
        }
    }
}

fn table(app: &App, rows: &[Row]) -> String {
    let mut table = Table::new(["CONNECTOR", "STATUS", "REACHES"]);
    for row in rows {
        table.row([row.name.as_str().into(), status(row).into(), summary(row).into()]);
    }
    let told = rows.iter().filter(|row| row.skipped.is_none());
    let told = told.filter_map(|row| Some(format!("{}: {}", row.name, row.verified.as_ref().err()?)));
    if table.is_empty() { String::new() } else { reasons(table.render(&app.output), told) }
}

fn row_value(row: &Row) -> Value {
    let (reached, error) = match &row.verified {
        Ok(verified) => (reached_value(&verified.reached), Value::Null),
        Err(error) => (json!([]), failure::error_value(error)["error"].clone()),
    };
    json!({ "connector": row.name, "status": status(row), "reached": reached, "error": error })
}

fn status(row: &Row) -> &'static str {
    row.skipped.unwrap_or_else(|| row.verified.as_ref().map_or_else(failed, |_| "works"))
}

fn failed(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Disabled => "disabled",
        ErrorKind::Expired => "expired",
        ErrorKind::NotFound => "not there",
        ErrorKind::Refused => "not allowed",
        ErrorKind::Unreachable => "unreachable",
        _ => "failed",
    }
}

/// What is reached in numbers, and where that cannot be told.
fn summary(row: &Row) -> String {
    let Ok(verified) = &row.verified else { return "-".to_owned() };
    let parts = verified.reached.iter().filter_map(|row| match row.listing.as_ref().map(|it| it.ids.len()) {
        Ok(0) => None,
        Ok(count) => Some(format!("{count} {}", row.resource_type)),
        Err(error) => Some(format!("<{} {}>", failed(error), row.resource_type)),
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(", ") }
}
