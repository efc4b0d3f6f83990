//! What Docker clients for Rust take: logins, and an engine that is given a fresh one for every push and pull.

#[cfg(feature = "native")]
mod engine;

use connector_core::{Builds, Error, Result, Source};

use crate::credential::DockerCredential;
#[cfg(feature = "oci")]
use crate::credential::Login;

#[cfg(feature = "native")]
pub use engine::Engine;

/// The login as of now, for an engine of one's own. [`Engine`] asks for a new one each time.
///
/// # Errors
/// Those of issuing; a login that `bollard` itself would send so that no engine can read it.
#[cfg(feature = "native")]
impl Builds<bollard::auth::DockerCredentials> for DockerCredential {
    async fn build(source: Source<Self>) -> Result<bollard::auth::DockerCredentials> {
        let credentials = engine::credentials(&source.issue().await?.credential);
        if engine::is_readable(&credentials) {
            return Ok(credentials);
        }
        Err(Error::invalid("this login cannot be handed to `bollard`: its characters would reach the engine garbled, and it would go on without a login")
            .with_hint("use `connector_docker::Engine`, which mends that, or a password without `>`, `?`, `~` and letters beyond ASCII"))
    }
}

#[cfg(feature = "native")]
impl Builds<Engine> for DockerCredential {
    async fn build(source: Source<Self>) -> Result<Engine> {
        // A login that may not be handed out is refused before an engine is looked for.
        source.issue().await?;
        Engine::connect(source).await
    }
}

/// The login as of now, as `oci-client` takes it.
///
/// # Errors
/// Those of issuing; an identity token, for which that client has no form.
#[cfg(feature = "oci")]
impl Builds<oci_client::secrets::RegistryAuth> for DockerCredential {
    async fn build(source: Source<Self>) -> Result<oci_client::secrets::RegistryAuth> {
        use oci_client::secrets::RegistryAuth;

        match &source.issue().await?.credential.login {
            Login::Password { username, password } => {
                Ok(RegistryAuth::Basic(username.clone(), password.expose().to_owned()))
            }
            Login::Anonymous => Ok(RegistryAuth::Anonymous),
            Login::IdentityToken(_) => Err(Error::invalid("`oci-client` has no form for an identity token")
                .with_hint("use method `password`, or another client")),
        }
    }
}

#[cfg(all(test, feature = "native"))]
#[path = "native_tests.rs"]
mod tests;
