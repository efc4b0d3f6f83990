//! Environment variables.

use std::collections::HashMap;

/// Environment variables, read only.
pub trait Environment: Send + Sync {
    /// The value of a variable; `None` when unset or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;
}

/// A fixed environment, for tests and for hosts that choose what a connector sees.
impl Environment for HashMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}
