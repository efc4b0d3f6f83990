//! `connector verify`: whether connectors work, asked of their providers anew.

use std::process::ExitCode;

use connector_core::{Error, ErrorKind, Grant, Result};
use connectors::hub::Verified;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::VerifyArgs;
use crate::failure;
use crate::output::{Table, reached_table, reached_value};

pub(crate) fn run(app: &App, args: &VerifyArgs) -> Result<ExitCode> {
    match &args.name {
        Some(name) => one(app, name, args),
        None => all(app),
    }
}

fn one(app: &App, name: &str, args: &VerifyArgs) -> Result<ExitCode> {
    let mut grant = Grant::default();
    grant.resource_type.clone_from(&args.resource_type);
    grant.resource_id.clone_from(&args.resource_id);
    let progress = app.output.progress(&format!("verifying {name}"));
    let verified = app.with_hub(async |hub| hub.verify(name, grant).await)?;
    drop(progress);
    let value = json!({ "connector": name, "verified": true, "reached": reached_value(&verified.reached) });
    app.output.show(&value, || reached_table(&verified.reached, false, &app.output))?;
    app.output.note(&format!("`{name}` works"));
    Ok(ExitCode::SUCCESS)
}

/// A line for each connector; ends with the exit code of the worst one.
fn all(app: &App) -> Result<ExitCode> {
    let progress = app.output.progress("verifying every connector");
    let rows = app.with_hub(async |hub| hub.verify_all().await)?;
    drop(progress);
    if rows.is_empty() {
        app.output.hint("no connectors yet; `connector register NAME --type aws --auto-configure` makes one");
    }
    let value: Vec<Value> = rows.iter().map(|(name, verified)| row_value(name, verified)).collect();
    app.output.show(&value, || {
        let mut table = Table::new(["CONNECTOR", "STATUS", "REACHES"]);
        for (name, verified) in &rows {
            table.row([name.as_str().into(), status(verified).into(), summary(verified).into()]);
        }
        if table.is_empty() { String::new() } else { table.render(&app.output) }
    })?;
    let worst = rows.iter().filter_map(|(_, verified)| verified.as_ref().err()).map(severity).max();
    Ok(ExitCode::from(worst.unwrap_or(0)))
}

/// The exit code that a connector deserves. That it was switched off is how its owner wants it.
fn severity(error: &Error) -> u8 {
    if error.kind() == ErrorKind::Disabled { 0 } else { failure::code(error.kind()) }
}

fn row_value(name: &str, verified: &Result<Verified>) -> Value {
    let (reached, error) = match verified {
        Ok(verified) => (reached_value(&verified.reached), Value::Null),
        Err(error) => (json!([]), failure::error_value(error)["error"].clone()),
    };
    json!({ "connector": name, "status": status(verified), "reached": reached, "error": error })
}

fn status(verified: &Result<Verified>) -> &'static str {
    verified.as_ref().map_or_else(|error| failed(error), |_| "works")
}

fn failed(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Disabled => "disabled",
        ErrorKind::Expired => "ended",
        ErrorKind::Refused => "not allowed",
        ErrorKind::Unreachable => "unreachable",
        _ => "failed",
    }
}

/// What is reached in numbers, and where that cannot be told; or what stands in the way.
fn summary(verified: &Result<Verified>) -> String {
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => return error.to_string(),
    };
    let parts = verified.reached.iter().filter_map(|row| match row.listing.as_ref().map(|it| it.ids.len()) {
        Ok(0) => None,
        Ok(count) => Some(format!("{count} {}", row.resource_type)),
        Err(error) => Some(format!("<{} {}>", failed(error), row.resource_type)),
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(", ") }
}
