//! `connector list`: the connectors there are.

use connector_core::{Document, Registry, Result};
use connector_store::{Filter, Page, Store};
use serde_json::Value;

use crate::app::App;
use crate::args::ListArgs;
use crate::commands::offering::offering;
use crate::output::{self, Cell, Table};

pub(crate) fn run(app: &App, args: &ListArgs) -> Result<()> {
    let registry = app.registry()?;
    let now = app.now();
    let mut filter = args.filter.filter(now);
    filter.connector_type.clone_from(&args.connector_type);
    filter.resource_type.clone_from(&args.resource_type);
    let page = Page { after: args.after.clone(), limit: args.limit };
    let documents = app.with_hub(async |hub| serving(hub.store(), &registry, &filter, page).await)?;
    if documents.is_empty() {
        say_why(app, &registry, args)?;
    }
    let rows: Vec<Value> = documents.iter().map(|it| output::document_value(it, &registry, now)).collect();
    app.output.show(&rows, || {
        let mut table = Table::new([
            "NAME",
            "TYPE",
            "METHOD",
            "RESOURCE TYPES",
            "RESOURCE",
            "EXPIRES IN",
            "OWNER",
            "LABELS",
            "STATE",
        ])
        .dropping(&["OWNER", "LABELS", "METHOD", "EXPIRES IN", "RESOURCE TYPES"]);
        for document in &documents {
            let labels = output::labels(document);
            table.row([
                document.name.as_str().into(),
                document.connector_type.as_str().into(),
                document.method.as_str().into(),
                types(document, &registry),
                output::resource_name(document, &registry).into(),
                output::expires_in(document.expires_at, now).into(),
                document.owner.as_str().into(),
                if labels.is_empty() { "-".into() } else { labels.into() },
                output::state(document, now).into(),
            ]);
        }
        if table.is_empty() { String::new() } else { table.render(&app.output) }
    })?;
    if let (Some(limit), Some(last)) = (args.limit, documents.last())
        && documents.len() == limit as usize
    {
        app.output.hint(&format!("`--after {}` shows what comes behind these, if anything", last.name));
    }
    Ok(())
}

/// A page of the connectors that can serve the wanted resource type; the store does not know what a method
/// is good for.
async fn serving(
    store: &Store,
    registry: &Registry,
    filter: &Filter,
    mut page: Page,
) -> Result<Vec<Document>> {
    let wanted = page.limit.map_or(usize::MAX, |it| it as usize);
    let serves = |document: &Document| {
        let serves = |wanted| output::resource_types(document, registry).contains(wanted);
        filter.resource_type.as_ref().is_none_or(serves)
    };
    let mut documents = Vec::new();
    loop {
        let found = store.list(filter, &page).await?;
        let is_last = found.len() < wanted;
        page.after = found.last().map(|it| it.name.clone());
        documents.extend(found.into_iter().filter(serves));
        if is_last || documents.len() >= wanted {
            documents.truncate(wanted);
            return Ok(documents);
        }
    }
}

/// The one resource type, or how many: describing the connector lists them.
fn types(document: &Document, registry: &Registry) -> Cell {
    match output::resource_types(document, registry).as_slice() {
        [] => "-".into(),
        [only] => only.as_str().into(),
        several => format!("{} types", several.len()).into(),
    }
}

/// Nothing to list may mean a type that there is none of: that is wrong input, and no empty list.
fn say_why(app: &App, registry: &Registry, args: &ListArgs) -> Result<()> {
    if let Some(connector_type) = &args.connector_type {
        registry.resource_types(connector_type)?;
    }
    if let Some(resource_type) = &args.resource_type {
        offering(registry, resource_type)?;
    }
    let words = [&args.connector_type, &args.resource_type, &args.after];
    if words.into_iter().all(Option::is_none) && args.filter.is_empty() {
        app.output.hint("no connectors yet; `connector register NAME --type aws --auto-configure` makes one");
    } else {
        app.output.note("no connector is like that");
    }
    Ok(())
}
