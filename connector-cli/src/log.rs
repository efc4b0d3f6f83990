//! What `-v` tells: what is done, and, said twice, the calls that are made and how they end. Never what is in
//! them.

use connector_core::{Error, Result};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Starts telling, when the command line or `CONNECTOR_LOG` wants it.
///
/// Only what this family of crates says is told: others write requests into their logs, with what is
/// secret in them.
///
/// # Errors
/// A `CONNECTOR_LOG` that names no level.
pub(crate) fn start(verbose: u8) -> Result<()> {
    let named = named()?;
    let level = match verbose {
        0 => named,
        1 => named.max(LevelFilter::INFO),
        2 => named.max(LevelFilter::DEBUG),
        _ => LevelFilter::TRACE,
    };
    if level == LevelFilter::OFF {
        return Ok(());
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time();
    let ours = Targets::new().with_target("connector", level);
    // The only subscriber of this process: nothing set one before.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
    Ok(())
}

fn named() -> Result<LevelFilter> {
    match std::env::var("CONNECTOR_LOG") {
        Ok(level) if !level.is_empty() => level.parse().map_err(|_| {
            Error::invalid("CONNECTOR_LOG names no level")
                .with_hint("set it to off, error, warn, info, debug or trace")
        }),
        _ => Ok(LevelFilter::OFF),
    }
}
