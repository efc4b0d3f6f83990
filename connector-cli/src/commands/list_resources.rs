//! `connector list-resources`: what the connectors reach.

use connector_core::{Document, Error, Registry, Result};
use connectors::Hub;
use connectors::hub::Reached;

use crate::app::App;
use crate::args::ListResourcesArgs;
use crate::commands::offering::offering;
use crate::failure;
use crate::output::{reached_table, reached_value};

pub(crate) fn run(app: &App, args: &ListResourcesArgs) -> Result<()> {
    let registry = app.registry()?;
    let (resource_type, id) = (args.resource_type.as_deref(), args.resource_id.as_deref());
    let offering = resource_type.map(|it| offering(&registry, it)).transpose()?;
    let progress = app.output.progress("listing resources");
    let (documents, rows) = app.with_hub(async |hub| {
        let documents = asked(app, hub, args).await?;
        let rows = hub.list_resources_of(&documents, resource_type, id).await?;
        Ok((documents, rows))
    })?;
    drop(progress);
    if let ([only], [], Some(_)) = (documents.as_slice(), rows.as_slice(), &args.connector) {
        return Err(not_for(&registry, only, args));
    }
    app.output.show(&reached_value(&rows), || {
        if rows.is_empty() { String::new() } else { reached_table(&rows, true, &app.output) }
    })?;
    let reaches = |row: &Reached| row.listing.as_ref().is_ok_and(|listing| !listing.ids.is_empty());
    if rows.iter().any(reaches) {
        return Ok(());
    }
    let types = offering.unwrap_or_else(|| registry.connector_types().collect());
    let hint = way_out(args, &types);
    let what = nothing(&documents, args);
    let failures: Vec<(&str, &Error)> =
        rows.iter().filter_map(|row| Some((&*row.connector, row.listing.as_ref().err()?))).collect();
    match (failures.len() == rows.len() && !rows.is_empty(), id) {
        // Some answers are an answer. When there is none at all, the exit code says why.
        (true, _) => Err(failure::sum_up(&what, &failures).or_hint(hint)),
        (false, Some(_)) => Err(Error::not_found(what).with_hint(hint)),
        (false, None) => {
            app.output.hint(&format!("{what}; {hint}"));
            Ok(())
        }
    }
}

/// The connectors that are asked.
async fn asked(app: &App, hub: &Hub, args: &ListResourcesArgs) -> Result<Vec<Document>> {
    let mut documents = hub.list(&args.filter.filter(app.now())).await?;
    if let Some(name) = &args.connector {
        hub.get(name).await?;
        documents.retain(|it| it.name == *name);
    }
    Ok(documents)
}

/// Why the one connector that was named is not even asked.
fn not_for(registry: &Registry, document: &Document, args: &ListResourcesArgs) -> Error {
    let name = &document.name;
    let only =
        |field: &str, what: &str| Error::field(field, format!("connector `{name}` serves `{what}` only"));
    let asked = args.resource_type.as_deref().unwrap_or_default();
    let error = match (&document.resource_type, &document.resource_id) {
        (Some(fixed), _) if fixed != asked => only("resource_type", fixed),
        _ => match (registry.supports(document, asked), &document.resource_id) {
            (Err(error), _) => error,
            (Ok(()), Some(fixed)) => only("resource_id", fixed),
            (Ok(()), None) => Error::field("resource_id", format!("none that connector `{name}` reads")),
        },
    };
    error.with_connector(name)
}

/// What is true when nothing was reached.
fn nothing(documents: &[Document], args: &ListResourcesArgs) -> String {
    let who = match (&args.connector, documents.is_empty(), args.filter.is_empty()) {
        (Some(name), ..) => format!("connector `{name}` reaches no"),
        (None, true, true) => return "no connectors yet".to_owned(),
        (None, true, false) => return "no connector is like that".to_owned(),
        (None, false, true) => "no connector reaches".to_owned(),
        (None, false, false) => "no such connector reaches".to_owned(),
    };
    match (&args.resource_type, &args.resource_id, &args.connector) {
        (Some(resource_type), Some(id), _) => format!("{who} {resource_type} {id}"),
        (Some(resource_type), None, None) => format!("{who} any {resource_type}"),
        (Some(resource_type), None, Some(_)) => format!("{who} {resource_type}"),
        (None, _, None) => format!("{who} anything"),
        (None, _, Some(_)) => format!("{who} resource"),
    }
}

/// How to come by a connector that reaches what was looked for.
fn way_out(args: &ListResourcesArgs, types: &[&str]) -> String {
    if let Some(name) = &args.connector {
        return format!("`connector verify {name}` says whether it works");
    }
    let scope = args.resource_type.as_ref().map_or_else(String::new, |it| format!(" --resource-type {it}"));
    match types {
        [only] => format!("`connector register NAME --type {only}{scope} -i` makes one that does"),
        several => format!(
            "`connector register NAME --type TYPE{scope} -i` makes one that does, TYPE being one of {}",
            several.join(" ")
        ),
    }
}
