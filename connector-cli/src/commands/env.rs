//! `connector env`: a credential as environment variables.

pub(super) mod format;

use connector_core::{Envelope, EnvironmentForm, Expiry, Grant, Result, format_time};
use connectors::Hub;

use super::helped::{self, Form};
use crate::app::App;
use crate::args::{EnvArgs, EnvFormat, OutputFormat};
use crate::output::time_left;

pub(crate) fn run(app: &App, args: &EnvArgs) -> Result<()> {
    let progress = app.output.progress("issuing");
    let (envelope, form) = app.with_hub(async |hub| issue(hub, &args.name, args.grant.grant()).await)?;
    drop(progress);
    if args.format.is_none() && app.output.format == OutputFormat::Yaml {
        return app.output.print(format::yaml(&form)?.expose());
    }
    let format = args.format.unwrap_or(usual(app));
    app.output.print(format::render(format, &form, &remark(app, &envelope)).expose())
}

/// The format where none is asked for.
pub(super) fn usual(app: &App) -> EnvFormat {
    match app.output.format {
        OutputFormat::Json | OutputFormat::Yaml => EnvFormat::Json,
        OutputFormat::Table if cfg!(windows) => EnvFormat::Powershell,
        OutputFormat::Table => EnvFormat::Sh,
    }
}

/// Issues a credential as environment variables.
///
/// # Errors
/// Those of issuing; a kind that has no such form.
pub(super) async fn issue(hub: &Hub, name: &str, grant: Grant) -> Result<(Envelope, EnvironmentForm)> {
    helped::refuse(hub, name, &grant, Form::Variables).await?;
    hub.environment(name, grant).await
}

/// What the variables are good for, on one line.
fn remark(app: &App, envelope: &Envelope) -> String {
    let within = envelope.within.as_ref().map_or_else(String::new, |part| format!(" within {part}"));
    let end = match &envelope.expiry {
        Expiry::At(end) => format!("ends {} (in {})", format_time(*end), time_left(*end, app.now())),
        Expiry::Never(reason) => format!("does not end: {reason}"),
    };
    let Envelope { connector, resource_type, resource_id, access, .. } = envelope;
    format!("{connector}: {resource_type} {resource_id}{within}, {access}; {end}")
}
