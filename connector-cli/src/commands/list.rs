//! `connector list`: the connectors there are.

use connector_core::Result;
use connector_store::Filter;
use serde_json::Value;

use crate::app::App;
use crate::args::ListArgs;
use crate::output::{self, Cell, Table};

pub(crate) fn run(app: &App, args: ListArgs) -> Result<()> {
    let unfiltered = !args.filters();
    let filter = Filter {
        connector_type: args.connector_type,
        resource_type: args.resource_type,
        owner: args.owner,
        workspace: args.workspace,
        labels: args.labels.into_iter().map(|it| (it.key, it.value)).collect(),
        ..Filter::default()
    };
    let registry = app.registry()?;
    let documents = app.with_hub(async |hub| hub.list(&filter).await)?;
    let now = app.now();
    let rows: Vec<Value> = documents.iter().map(|it| output::document_value(it, &registry, now)).collect();
    if documents.is_empty() && unfiltered {
        app.output.hint("no connectors yet; `connector register NAME --type aws --auto-configure` makes one");
    }
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
        ]);
        for document in &documents {
            let list = |items: Vec<String>| if items.is_empty() { Cell::from("-") } else { items.into() };
            table.row([
                document.name.as_str().into(),
                document.connector_type.as_str().into(),
                document.method.as_str().into(),
                list(output::resource_types(document, &registry)),
                output::resource_name(document).into(),
                output::expires_in(document.expires_at, now).into(),
                document.owner.as_str().into(),
                list(output::labels(document)),
                output::state(document, now).into(),
            ]);
        }
        if table.is_empty() { String::new() } else { table.render(&app.output) }
    })
}
