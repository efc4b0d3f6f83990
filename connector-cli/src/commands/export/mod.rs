//! `connector export`: connectors for other programs, in files of their form.

mod compose;

use connector_core::Result;

use crate::app::App;
use crate::args::{ExportAction, ExportArgs};

pub(crate) fn run(app: &App, args: ExportArgs) -> Result<()> {
    match args.action {
        ExportAction::Compose(args) => compose::run(app, &args),
    }
}
