//! What the program takes from its surroundings before it does anything. The fast path and the full
//! program share this, so that both look in the same place and speak for the same person.

use std::path::PathBuf;

use connector_core::{Error, Result};
use etcetera::BaseStrategy;

/// The directory of store, settings and cache: `CONNECTOR_HOME`, or `connector` in the platform's data
/// directory.
///
/// # Errors
/// When there is neither.
pub(crate) fn home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CONNECTOR_HOME").filter(|home| !home.is_empty()) {
        return Ok(home.into());
    }
    usual_home()
}

/// The directory where everything lies when no variable says otherwise.
///
/// # Errors
/// When the platform has no place for it.
pub(crate) fn usual_home() -> Result<PathBuf> {
    let platform = etcetera::base_strategy::choose_native_strategy().map_err(|_| {
        Error::not_configured("found no home directory to keep connectors in")
            .with_hint("set `CONNECTOR_HOME` to a directory of your own")
    })?;
    Ok(platform.data_dir().join("connector"))
}

/// Keeps what this process holds out of core dumps, and from other processes of the same user. A program that it
/// becomes or starts is not bound by it. Best effort: where the system has no such thing, nothing changes.
pub(crate) fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// For whom credentials are asked: part of every cache key and of every audit record.
pub(crate) fn caller() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(unnamed)
}

/// Without a name, as in a container or under cron, the number of the user still tells people apart.
#[cfg(unix)]
fn unnamed() -> String {
    format!("uid-{}", rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn unnamed() -> String {
    "unknown".to_owned()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    use super::*;

    /// C9: no core dump holds a secret, and nobody but root attaches to the process.
    #[test]
    fn c9_the_memory_of_the_process_is_kept_private() {
        keep_memory_private();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
