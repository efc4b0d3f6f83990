//! `connector read-secret`: the value of a secret that a provider keeps.

use connector_core::Result;
use serde_json::json;

use crate::app::App;
use crate::args::{OutputFormat, ReadSecretArgs};

pub(crate) fn run(app: &App, args: &ReadSecretArgs) -> Result<()> {
    let progress = app.output.progress("reading");
    let value = app.with_hub(async |hub| hub.read_secret(&args.name, &args.id).await)?;
    drop(progress);
    if app.output.format != OutputFormat::Table {
        return app
            .output
            .show(&json!({ "connector": args.name, "id": args.id, "value": value.expose() }), String::new);
    }
    // A person wants the prompt on a line of its own; a program wants the value and nothing else.
    let end = if app.output.terminal.is_some() { "\n" } else { "" };
    app.output.raw(value.expose())?;
    app.output.raw(end)
}
