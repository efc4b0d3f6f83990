//! The kit that every connector passes.

mod conformance;
