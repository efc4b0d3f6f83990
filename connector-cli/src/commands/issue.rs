//! `connector issue`: a credential, for people with its secrets hidden, for programs whole.

use connector_core::{Envelope, Error, Expiry, Narrowed, Result, format_time};
use serde_json::Value;

use crate::app::App;
use crate::args::{IssueArgs, OutputFormat};
use crate::output::{Table, expires_in};

pub(crate) fn run(app: &App, args: &IssueArgs) -> Result<()> {
    let progress = app.output.progress("issuing");
    let envelope = app.with_hub(async |hub| hub.issue(&args.name, args.grant.grant()).await)?;
    drop(progress);
    if app.output.format == OutputFormat::Table {
        app.output.print(&table(app, &envelope))?;
        app.output
            .hint("`-o json` prints the secrets too; `connector env` and `connector exec` hand them on");
        return Ok(());
    }
    // This is what was asked for: the text is a secret, and goes to standard output only.
    let whole: Value = serde_json::from_str(envelope.to_json().expose())
        .map_err(|_| Error::unexpected("the credential cannot be written in this form"))?;
    app.output.show(&whole, String::new)
}

/// A credential without its secrets.
fn table(app: &App, envelope: &Envelope) -> String {
    let mut table = Table::properties();
    table.property("CONNECTOR", envelope.connector.as_str());
    table.property("KIND", envelope.kind.as_str());
    table.property("RESOURCE TYPE", envelope.resource_type.as_str());
    table.property("RESOURCE", envelope.resource_id.as_str());
    if let Some(within) = &envelope.within {
        table.property("WITHIN", within.as_str());
    }
    table.property("ACCESS", envelope.access.as_str());
    table.property("NARROWED", narrowed(&envelope.narrowed));
    table.property("EXPIRES IN", ends(app, &envelope.expiry));
    if envelope.provider_expiry != envelope.expiry {
        table.property("PROVIDER ENDS IT IN", ends(app, &envelope.provider_expiry));
    }
    if envelope.long_lived {
        table.property("LONG-LIVED", "yes: it is the stored secret itself");
    }
    for (name, value) in envelope.fields.public_fields() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.property(name, value);
    }
    for name in envelope.fields.secret_names() {
        table.property(name, "[HIDDEN]");
    }
    table.render(&app.output)
}

fn narrowed(narrowed: &Narrowed) -> String {
    match narrowed {
        Narrowed::By(means) => format!("yes: {means}"),
        Narrowed::No(reason) => format!("no: {reason}"),
    }
}

fn ends(app: &App, expiry: &Expiry) -> String {
    match expiry {
        Expiry::At(end) => format!("{} ({})", expires_in(Some(*end), app.now()), format_time(*end)),
        Expiry::Never(reason) => format!("never: {reason}"),
    }
}
