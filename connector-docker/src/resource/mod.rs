//! What can be reached with a docker connector.

mod docker_registry;

pub use docker_registry::DockerRegistry;
