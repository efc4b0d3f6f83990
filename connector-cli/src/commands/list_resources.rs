//! `connector list-resources`: what the connectors reach.

use std::process::ExitCode;

use connector_core::{Error, Registry, Result};
use connectors::hub::Reached;

use crate::app::App;
use crate::args::ListResourcesArgs;
use crate::failure;
use crate::output::{reached_table, reached_value};

pub(crate) fn run(app: &App, args: &ListResourcesArgs) -> Result<ExitCode> {
    let registry = app.registry()?;
    let (resource_type, id) = (args.resource_type.as_deref(), args.resource_id.as_deref());
    let offering = resource_type.map(|it| offering(&registry, it)).transpose()?;
    let progress = app.output.progress("listing resources");
    let rows =
        app.with_hub(async |hub| hub.list_resources(resource_type, args.connector.as_deref(), id).await)?;
    drop(progress);
    app.output.show(&reached_value(&rows), || {
        if rows.is_empty() { String::new() } else { reached_table(&rows, true, &app.output) }
    })?;
    let reaches = |row: &Reached| row.listing.as_ref().is_ok_and(|listing| !listing.ids.is_empty());
    if !rows.iter().any(reaches) {
        app.output.hint(&hint(args, &offering.unwrap_or_else(|| registry.connector_types().collect())));
    }
    // Some answers are an answer. When there is none at all, the exit code says why.
    let failures = rows.iter().map(|row| row.listing.as_ref().err().map(|error| failure::code(error.kind())));
    let worst = failures.collect::<Option<Vec<u8>>>().and_then(|codes| codes.into_iter().max());
    Ok(ExitCode::from(worst.unwrap_or(0)))
}

/// The connector types that offer a resource type.
fn offering(registry: &Registry, resource_type: &str) -> Result<Vec<&'static str>> {
    let types: Vec<_> = registry.overview().filter(|it| it.resource_types.contains(&resource_type)).collect();
    if types.is_empty() {
        let mut known: Vec<_> = registry.overview().flat_map(|it| it.resource_types).collect();
        known.sort_unstable();
        known.dedup();
        return Err(Error::field(
            "resource_type",
            format!("no connector type offers `{resource_type}`; known: {}", known.join(" ")),
        ));
    }
    Ok(types.into_iter().map(|it| it.id).collect())
}

/// How to come by a connector that reaches what was looked for.
fn hint(args: &ListResourcesArgs, types: &[&str]) -> String {
    let what = match (&args.resource_type, &args.resource_id) {
        (Some(resource_type), Some(id)) => format!("no connector reaches {resource_type} {id}"),
        (Some(resource_type), None) => format!("no connector reaches any {resource_type}"),
        _ => "no connector reaches anything".to_owned(),
    };
    let scope = args.resource_type.as_ref().map_or_else(String::new, |it| format!(" --resource-type {it}"));
    match types {
        [] => what,
        [only] => format!("{what}; `connector register NAME --type {only}{scope} -i` makes one that does"),
        several => format!(
            "{what}; `connector register NAME --type TYPE{scope} -i` makes one that does, TYPE being one of {}",
            several.join(" ")
        ),
    }
}
