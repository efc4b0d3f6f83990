//! `connector helper`: answers programs in their own protocols, where the cache could not.

use std::process::ExitCode;

use connector_core::{Result, Secret};

use crate::app::App;
use crate::args::{HelperArgs, OutputFormat};
use crate::kubectl::Version;
use crate::{failure, fast};

/// A failure is text on standard error whatever the settings say: programs show that to people.
pub(crate) fn run(app: &App, args: &HelperArgs) -> Result<ExitCode> {
    match answer(app, args) {
        Ok(form) => Ok(fast::print(&form)),
        Err(error) => Ok(failure::report(&error, OutputFormat::Table)),
    }
}

fn answer(app: &App, args: &HelperArgs) -> Result<Secret> {
    let version = if args.tool == "kubectl" { Version::wanted()? } else { Version::V1 };
    let grant = args.grant.grant();
    let target = fast::target(&args.tool, &app.caller(), &grant);
    // Nobody is asked: whoever sits at the terminal talks to another program.
    let form = app.with_hub_alone(async |hub| hub.tool(&args.name, grant, &args.tool, &target).await)?;
    Ok(version.of(form))
}
