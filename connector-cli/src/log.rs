//! What `-v` tells: the calls that are made, and how they end. Never what is in them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Starts telling, when the command line or `CONNECTOR_LOG` wants it.
///
/// Only what this family of crates says is told: others write requests into their logs, with what is
/// secret in them.
pub(crate) fn start(verbose: u8) {
    let named = std::env::var("CONNECTOR_LOG").ok().and_then(|level| level.parse::<LevelFilter>().ok());
    let level = match verbose {
        0 => named.unwrap_or(LevelFilter::OFF),
        1 => named.unwrap_or(LevelFilter::DEBUG).max(LevelFilter::DEBUG),
        _ => LevelFilter::TRACE,
    };
    if level == LevelFilter::OFF {
        return;
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time();
    let ours = Targets::new().with_target("connector", level);
    // The only subscriber of this process: nothing set one before.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}
