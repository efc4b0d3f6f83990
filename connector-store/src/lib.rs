#![doc = include_str!("../README.md")]

pub mod audit;
pub mod fast;

mod database;
mod error;
mod file;
mod key;
mod list;
mod lock;
mod maintenance;
mod record;
mod restore;
mod rotate;
mod seal;
mod step;
mod store;
mod unlock;
mod write;

pub use fast::{Cache, Dependency, Digest, Entry, Fault, Flight, Lookup};
pub use key::{KeySource, Passphrase};
pub use list::{Filter, Page, Period};
pub use maintenance::Status;
pub use store::{Options, Store};
pub use write::Write;

/// How long to wait for another process by default.
const DEFAULT_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// The lock that every change of a store is made under.
fn lock_path(store: &std::path::Path) -> std::path::PathBuf {
    store.join("lock")
}
