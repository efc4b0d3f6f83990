//! Docker's own servers, started for a test: a real registry, a strict token service in front of it, a real engine.

mod engine;
mod registry;
#[cfg(feature = "servers")]
mod token_service;

pub use engine::Engine;
pub use registry::{Guard, Registry};
#[cfg(feature = "servers")]
pub use token_service::{TokenService, User};

/// A user that every registry with a password file knows.
pub const USER: &str = "alice";
/// The password of that user: with every character that is a trap on its way to an engine.
pub const PASSWORD: &str = "correct>>>horse???~~~1";
