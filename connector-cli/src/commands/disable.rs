//! `connector disable`: switches a connector off.

use connector_core::Result;

use crate::app::App;
use crate::args::NameArgs;
use crate::output::document_value;

pub(crate) fn run(app: &App, args: &NameArgs) -> Result<()> {
    let registry = app.registry()?;
    let document = app.with_hub(async |hub| hub.set_enabled(&args.name, false).await)?;
    let value = document_value(&document, &registry, app.now());
    app.output.show(&value, || format!("disabled `{}`", document.name))
}
