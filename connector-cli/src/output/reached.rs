//! What connectors reach, as it is shown: ids, none there, not allowed, failed.

use connector_core::{Error, ErrorKind};
use connectors::hub::Reached;
use serde_json::{Value, json};

use super::{Cell, Output, Table};

/// What is reached, for programs: one object per connector and resource type.
pub(crate) fn reached_value(rows: &[Reached]) -> Value {
    rows.iter().map(row_value).collect()
}

fn row_value(row: &Reached) -> Value {
    let (ids, failures, error) = match &row.listing {
        Ok(listing) => {
            let failures = listing.failures.iter().map(|it| {
                json!({"place": it.place, "kind": it.error.kind().as_str(), "message": it.error.to_string()})
            });
            (listing.ids.clone(), failures.collect::<Vec<_>>(), Value::Null)
        }
        Err(error) => {
            let error = json!({
                "kind": error.kind().as_str(), "message": error.to_string(), "hint": error.hint(),
            });
            (Vec::new(), Vec::new(), error)
        }
    };
    json!({
        "connector": row.connector,
        "type": row.connector_type,
        "resource_type": row.resource_type,
        "status": status(row),
        "ids": ids,
        "failures": failures,
        "error": error,
    })
}

/// What is reached, for people; with the connectors' names where rows are of several.
pub(crate) fn reached_table(rows: &[Reached], with_names: bool, output: &Output) -> String {
    if with_names {
        let mut table = Table::new(["CONNECTOR", "TYPE", "RESOURCE TYPE", "RESOURCES"]);
        for row in rows {
            table.row([
                row.connector.as_str().into(),
                row.connector_type.as_str().into(),
                row.resource_type.as_str().into(),
                resources(row),
            ]);
        }
        return table.render(output);
    }
    let mut table = Table::new(["RESOURCE TYPE", "RESOURCES"]);
    for row in rows {
        table.row([row.resource_type.as_str().into(), resources(row)]);
    }
    table.render(output)
}

/// One word on what came of it: `reached`, `none`, `incomplete`, `not-allowed` or `failed`.
fn status(row: &Reached) -> &'static str {
    match &row.listing {
        Ok(listing) if !listing.ids.is_empty() => "reached",
        Ok(listing) if listing.failures.is_empty() => "none",
        Ok(_) => "incomplete",
        Err(error) => failed(error),
    }
}

fn failed(error: &Error) -> &'static str {
    if error.kind() == ErrorKind::Refused { "not-allowed" } else { "failed" }
}

fn resources(row: &Reached) -> Cell {
    match &row.listing {
        Ok(listing) => {
            let mut lines = listing.ids.clone();
            let of = |it: &connector_core::Failure| {
                format!("<{} in {}: {}>", spoken(failed(&it.error)), it.place, it.error.message())
            };
            lines.extend(listing.failures.iter().map(of));
            if lines.is_empty() { "<none>".into() } else { lines.into() }
        }
        Err(error) => format!("<{}: {}>", spoken(failed(error)), error.message()).into(),
    }
}

fn spoken(status: &'static str) -> &'static str {
    if status == "not-allowed" { "not allowed" } else { status }
}
