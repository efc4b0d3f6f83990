//! What is a name, what is none, and that nothing is quoted.

mod config;
mod hostile;
mod resource;
mod service;

use connector_conformance::{assert_names as check, field_schema as schema_of};
