//! `connector rename`: another name for a connector.

use connector_core::Result;

use crate::app::App;
use crate::args::RenameArgs;
use crate::logins;
use crate::output::document_value;

pub(crate) fn run(app: &App, args: &RenameArgs) -> Result<()> {
    let registry = app.registry()?;
    let document = app.with_hub(async |hub| hub.rename(&args.name, &args.new_name).await)?;
    logins::remind(app, &args.name);
    let value = document_value(&document, &registry, app.now());
    app.output.show(&value, || format!("renamed `{}` to `{}`", args.name, document.name))
}
