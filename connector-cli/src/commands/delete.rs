//! `connector delete`: removes a connector and its secrets.

use connector_core::Result;

use crate::app::App;
use crate::args::DeleteArgs;
use crate::logins;
use crate::output::document_value;

pub(crate) fn run(app: &App, args: &DeleteArgs) -> Result<()> {
    let registry = app.registry()?;
    let deleted = app.with_hub(async |hub| hub.delete(&args.name, args.force).await)?;
    if !deleted.dependents.is_empty() {
        let names = deleted.dependents.join(", ");
        app.output.warn(&format!("these connectors referred to it and do not work any more: {names}"));
    }
    logins::remind(app, &args.name);
    let mut value = document_value(&deleted.document, &registry, app.now());
    value["dependents"] = deleted.dependents.clone().into();
    app.output.show(&value, || format!("deleted `{}`", deleted.document.name))
}
