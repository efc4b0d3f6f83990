#![doc = include_str!("../README.md")]

// What is said: the rules, and what was found.
mod report;
mod rule;

// What an author calls.
pub mod ids;
mod kit;
mod names;
mod scripted;
mod world;

// What the checks are made of.
mod bench;
mod canary;
mod drive;
mod hostile;
mod shown;
mod wire;

mod checks;

pub use canary::canary;
pub use hostile::hostile_texts;
pub use kit::Kit;
pub use names::{assert_names, field_schema};
pub use report::{Failure, Report};
pub use rule::Rule;
pub use scripted::{CANARY, Scripted, assert_silent, decode_form, form_field, json_answer};
pub use world::World;
