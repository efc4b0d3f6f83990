//! Placeholder for the crate's integration tests.
