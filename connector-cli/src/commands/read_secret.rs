//! `connector read-secret`: the value of a secret that a provider keeps.

use connector_core::{Result, Secret};
use serde_json::json;

use crate::app::App;
use crate::args::{OutputFormat, ReadSecretArgs};

pub(crate) fn run(app: &App, args: &ReadSecretArgs) -> Result<()> {
    let progress = app.output.progress("reading");
    let value = read(app, args)?;
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

#[cfg(feature = "aws")]
fn read(app: &App, args: &ReadSecretArgs) -> Result<Secret> {
    app.with_hub(async |hub| hub.read_secret(&args.name, &args.id).await)
}

#[cfg(not(feature = "aws"))]
fn read(_: &App, _: &ReadSecretArgs) -> Result<Secret> {
    Err(connector_core::Error::invalid("no provider that keeps secrets is compiled in")
        .with_hint("build `connector-cli` with the feature `aws`"))
}
