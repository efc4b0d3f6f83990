//! The connector type.

use connector_core::{ConnectorAbout, ConnectorType};

use crate::session::Session;

/// Container registries that speak the registry's v2 protocol: Docker Hub and everybody else's.
#[derive(Clone, Copy, Debug)]
pub struct Docker;

impl ConnectorType for Docker {
    const ID: &'static str = "docker";
    const ABOUT: ConnectorAbout = ConnectorAbout::new(
        "Docker",
        "Logs in to one container registry: Docker Hub, or any other that speaks the v2 protocol.\n\n\
         Docker logs in with a user name and a password, or an access token in its place, and has nothing \
         shorter: the short tokens of a registry are what it fetches with that login by itself. So the stored \
         login goes to docker's own credential helper, and nowhere else unless the connector says \
         `allow: [long-lived]`. It is neither narrowed nor does it end, and every answer says so.\n\n\
         Registries of a cloud are better reached by a connector of that cloud: an `aws` connector issues logins \
         to ECR that end by themselves.",
    )
    .with_prerequisites(&[
        "an account of the registry, best with an access token made for this connector alone; no engine and no docker program has to be installed",
        "for logged-in engines: one that listens at DOCKER_HOST or at its usual socket",
    ]);
    type Session = Session;
    type Narrowing = ();
}
