//! What connectors reach, as it is shown: ids, none there, not allowed, failed.

use connector_core::{Error, ErrorKind};
use connectors::hub::Reached;
use serde_json::{Value, json};

use super::{Cell, Output, Table, clean};

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

/// What is reached, for people; with the connectors' names where rows are of several. What stands in the way
/// is a word in the table, and told whole below it.
pub(crate) fn reached_table(rows: &[Reached], with_names: bool, output: &Output) -> String {
    let mut table = match with_names {
        true => Table::new(["CONNECTOR", "TYPE", "RESOURCE TYPE", "RESOURCES"]).dropping(&["TYPE"]),
        false => Table::new(["RESOURCE TYPE", "RESOURCES"]),
    };
    for row in rows {
        let (resource_type, resources) = (row.resource_type.as_str().into(), resources(row));
        match with_names {
            true => table.row([
                row.connector.as_str().into(),
                row.connector_type.as_str().into(),
                resource_type,
                resources,
            ]),
            false => table.row([resource_type, resources]),
        };
    }
    let told = rows.iter().flat_map(|row| {
        let of = if with_names {
            format!("{} {}", row.connector, row.resource_type)
        } else {
            row.resource_type.clone()
        };
        in_the_way(row).into_iter().map(move |text| format!("{of}{text}"))
    });
    reasons(table.render(output), told)
}

/// A table, and below it what it has no room for.
pub(crate) fn reasons(table: String, told: impl Iterator<Item = String>) -> String {
    let told: Vec<String> = told.map(|text| clean(&text)).collect();
    if told.is_empty() { table } else { format!("{table}\n\n{}", told.join("\n")) }
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

/// That it is not there is an answer, and no failure to get one.
fn failed(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "none",
        ErrorKind::Refused => "not-allowed",
        _ => "failed",
    }
}

fn resources(row: &Reached) -> Cell {
    match &row.listing {
        Ok(listing) => {
            let mut lines = listing.ids.clone();
            let of =
                |it: &connector_core::Failure| format!("<{} in {}>", spoken(failed(&it.error)), it.place);
            lines.extend(listing.failures.iter().map(of));
            if lines.is_empty() { "<none>".into() } else { lines.into() }
        }
        Err(error) => format!("<{}>", spoken(failed(error))).into(),
    }
}

/// What stands in the way, place by place.
fn in_the_way(row: &Reached) -> Vec<String> {
    match &row.listing {
        Ok(listing) => listing.failures.iter().map(|it| format!(" in {}: {}", it.place, it.error)).collect(),
        Err(error) => vec![format!(": {error}")],
    }
}

fn spoken(status: &'static str) -> &'static str {
    if status == "not-allowed" { "not allowed" } else { status }
}
