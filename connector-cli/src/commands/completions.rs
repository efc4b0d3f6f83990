//! `connector completions`: what a shell needs to complete this command line.

use clap::CommandFactory;
use connector_core::Result;

use crate::app::App;
use crate::args::{Cli, CompletionsArgs};

pub(crate) fn run(app: &App, args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "connector", &mut script);
    app.output.print(&String::from_utf8_lossy(&script))
}
