//! A Docker engine, and the login that it is given.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bollard::auth::DockerCredentials;
use bollard::errors::Error as BollardError;
use bollard::query_parameters::{CreateImageOptionsBuilder, PushImageOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, body_try_stream};
use connector_core::{Context, Error, Result, Secret, Source};
use futures_util::stream::{self, Stream, StreamExt};

use crate::credential::{DockerCredential, Login};
use crate::names::{Place, RegistryHost, is_loopback, read_host};

/// Where engines listen when nobody says.
#[cfg(unix)]
const USUAL: &str = "unix:///var/run/docker.sock";
#[cfg(not(unix))]
const USUAL: &str = "npipe:////./pipe/docker_engine";

/// How long an engine may take for one answer, in seconds; a push or a pull goes on as long as it says something.
const PATIENCE: u64 = 120;

/// A Docker engine that is logged in to one registry for as long as this lives: every push and pull asks the source
/// for the login as of then. Nothing is stored in the engine or in docker's own configuration.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    source: Source<DockerCredential>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// The engine that the context's `DOCKER_HOST` names, else the one at the usual socket of this machine.
    ///
    /// # Errors
    /// An address that is none, or at which no engine answers.
    pub async fn connect(source: Source<DockerCredential>) -> Result<Self> {
        let host = source.context().var("DOCKER_HOST");
        Self::at(host.as_deref().unwrap_or(USUAL), source).await
    }

    /// The engine at an address in the form of `DOCKER_HOST`: `unix://`, `npipe://`, or `tcp://` without TLS, which
    /// is spoken on loopback only, and not where the context's `DOCKER_TLS_VERIFY` asks for TLS.
    ///
    /// # Errors
    /// An address that is none, that would be called in clear, or at which no engine answers.
    pub async fn at(host: &str, source: Source<DockerCredential>) -> Result<Self> {
        let docker = open(host, &source.context())?;
        let docker = docker.negotiate_version().await.map_err(|error| no_engine(host, &error))?;
        Ok(Self::over(docker, source))
    }

    /// An engine of the caller's own making, over TLS or SSH for example.
    #[must_use]
    pub fn over(docker: Docker, source: Source<DockerCredential>) -> Self {
        Self { docker: docker.with_request_modifier(mend), source }
    }

    /// The engine, for everything that needs no login.
    #[must_use]
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The login as of now, for one call of [`Engine::docker`].
    ///
    /// # Errors
    /// Those of issuing.
    pub async fn credentials(&self) -> Result<DockerCredentials> {
        Ok(credentials(&self.source.issue().await?.credential))
    }

    /// Lets the engine try the login at the registry.
    ///
    /// # Errors
    /// A login that is not taken; a registry that the engine cannot reach.
    pub async fn log_in(&self) -> Result<()> {
        let login = self.credentials().await?;
        let body = Secret::new(serde_json::to_string(&login).unwrap_or_default());
        // The crate has no call for it: one that it has is made into it.
        let docker = self.docker.clone().with_request_modifier(move |request| to_login(request, &body));
        let answer = docker.ping().await;
        answer.map(|_| ()).map_err(|error| of_engine("log in to the registry", &error))
    }

    /// Pulls `image`, `HOST/REPOSITORY[:TAG]` of the registry of the login.
    ///
    /// # Errors
    /// An image of another registry, which must not see the login; what the engine says.
    pub async fn pull(&self, image: &str) -> Result<()> {
        let login = self.login_for(image).await?;
        let (name, tag) = split_tag(image);
        let options = CreateImageOptionsBuilder::default().from_image(name).tag(tag).build();
        run("pull the image", self.docker.create_image(Some(options), None, Some(login))).await
    }

    /// Pushes `image`, `HOST/REPOSITORY[:TAG]` of the registry of the login.
    ///
    /// # Errors
    /// An image of another registry, which must not see the login; what the engine says.
    pub async fn push(&self, image: &str) -> Result<()> {
        let login = self.login_for(image).await?;
        let (name, tag) = split_tag(image);
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        run("push the image", self.docker.push_image(name, Some(options), Some(login))).await
    }

    /// The engine sends the login that it is given to whatever registry the image is of.
    async fn login_for(&self, image: &str) -> Result<DockerCredentials> {
        let issued = self.source.issue().await?;
        let place: Place = split_tag(image).0.parse().map_err(|error: Error| {
            error.context(
                "expected an image's name with its registry, such as `registry.example.org/team/app:1`",
            )
        })?;
        let ours: RegistryHost = issued.credential.registry.parse()?;
        if place.repository.is_none() || place.registry != ours {
            return Err(Error::invalid(format!("the login is for `{ours}`, and the image is not of it"))
                .with_hint(format!("name the image `{ours}/REPOSITORY[:TAG]`")));
        }
        Ok(credentials(&issued.credential))
    }
}

/// A login as `bollard` takes it.
pub(super) fn credentials(credential: &DockerCredential) -> DockerCredentials {
    let mut login =
        DockerCredentials { serveraddress: Some(credential.server().to_owned()), ..Default::default() };
    match &credential.login {
        Login::Password { username, password } => {
            login.username = Some(username.clone());
            login.password = Some(password.expose().to_owned());
        }
        Login::IdentityToken(token) => login.identitytoken = Some(token.expose().to_owned()),
        Login::Anonymous => {}
    }
    login
}

/// Whether an engine can read what `bollard` sends: it writes the login in another alphabet of base64 than engines
/// read, which differ in two characters. An engine that reads nothing goes on without a login, silently.
pub(super) fn is_readable(login: &DockerCredentials) -> bool {
    let text = Secret::new(serde_json::to_string(login).unwrap_or_default());
    Secret::new(STANDARD.encode(text.expose())).expose()
        == Secret::new(URL_SAFE.encode(text.expose())).expose()
}

/// Writes logins in the alphabet that engines read.
fn mend(mut request: BollardRequest) -> BollardRequest {
    for name in ["x-registry-auth", "x-registry-config"] {
        let Some(value) = request.headers_mut().get_mut(name) else { continue };
        let text = value.to_str().unwrap_or_default().replace('+', "-").replace('/', "_");
        if let Ok(mut mended) = <_ as std::str::FromStr>::from_str(&text) {
            std::mem::swap(value, &mut mended);
            value.set_sensitive(true);
        }
    }
    request
}

/// `POST /auth`, with the body as a stream: the crate writes other bodies into its log.
fn to_login(mut request: BollardRequest, body: &Secret) -> BollardRequest {
    let uri = request.uri().to_string().replace("/_ping", "/auth");
    if let (Ok(uri), Ok(method)) = (uri.parse(), "POST".parse()) {
        *request.uri_mut() = uri;
        *request.method_mut() = method;
        let body = body.expose().as_bytes().to_vec();
        *request.body_mut() = body_try_stream(stream::once(async { Ok::<_, std::io::Error>(body.into()) }));
    }
    request
}

/// Where an engine that is called in another way comes from.
const BY_HAND: &str = "open an engine over TLS or SSH with `bollard`, and hand it to `Engine::over`";

fn open(host: &str, cx: &Context) -> Result<Docker> {
    let opened = match host {
        #[cfg(unix)]
        host if host.starts_with("unix://") => Docker::connect_with_unix(host, PATIENCE, API_DEFAULT_VERSION),
        #[cfg(windows)]
        host if host.starts_with("npipe://") => {
            Docker::connect_with_named_pipe(host, PATIENCE, API_DEFAULT_VERSION)
        }
        host => match host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
            Some(rest) => {
                check_clear(rest, cx)?;
                Docker::connect_with_http(host, PATIENCE, API_DEFAULT_VERSION)
            }
            None => {
                return Err(
                    Error::field("DOCKER_HOST", "expected unix://, npipe:// or tcp://").with_hint(BY_HAND)
                );
            }
        },
    };
    opened.map_err(|error| no_engine(host, &error))
}

/// C17: an engine is sent the login with every push and pull, so it is called in clear on loopback only.
fn check_clear(rest: &str, cx: &Context) -> Result<()> {
    if cx.var("DOCKER_TLS_VERIFY").is_some() {
        return Err(Error::field(
            "DOCKER_TLS_VERIFY",
            "asks for TLS, and an engine at tcp:// or http:// is called in clear here",
        )
        .with_hint(format!("{BY_HAND}; or unset DOCKER_TLS_VERIFY for an engine on loopback")));
    }
    match read_host(rest.strip_suffix('/').unwrap_or(rest)) {
        Ok(host) if is_loopback(&host) => Ok(()),
        Ok(_) => Err(Error::field(
            "DOCKER_HOST",
            "an engine is called in clear on loopback only: anywhere else everybody on the way could read the login",
        )
        .with_hint(BY_HAND)),
        Err(_) => Err(Error::field("DOCKER_HOST", "expected a host and a port after tcp://").with_hint(BY_HAND)),
    }
}

fn no_engine(host: &str, error: &BollardError) -> Error {
    let what = match error {
        BollardError::SocketNotFoundError(_) => "there is no such socket",
        BollardError::RequestTimeoutError => "it does not answer",
        _ => "it cannot be reached, or is no Docker engine",
    };
    Error::unreachable(format!("the Docker engine at {host}: {what}"))
        .with_hint("start the engine, or set DOCKER_HOST; may this user open its socket?")
}

/// Follows a push or a pull to its end.
async fn run<T>(what: &str, steps: impl Stream<Item = Result<T, BollardError>>) -> Result<()> {
    let mut steps = std::pin::pin!(steps);
    while let Some(step) = steps.next().await {
        step.map_err(|error| of_engine(what, &error))?;
    }
    Ok(())
}

/// What an engine says is the registry's text for a good part, so it is read for known words and not repeated.
fn of_engine(what: &str, error: &BollardError) -> Error {
    let (status, text) = match error {
        BollardError::DockerResponseServerError { status_code, message } => (*status_code, message.as_str()),
        BollardError::DockerStreamError { error } => (0, error.as_str()),
        BollardError::RequestTimeoutError => (504, ""),
        _ => (0, ""),
    };
    let text = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|it| text.contains(it));
    let said = |why: &str| format!("the engine could not {what}: {why}");
    if matches!(status, 401 | 403)
        || has(&["unauthorized", "authentication required", "no basic auth", "denied", "insufficient_scope"])
    {
        Error::refused(said("the registry does not take the login, or not for this"))
            .with_hint("`connector verify` tells which of both")
    } else if has(&["no such image", "does not exist locally", "tag does not exist"]) {
        Error::not_found(said("it has no such image")).with_hint("build, import or tag it first")
    } else if has(&["not found", "manifest unknown", "name unknown"]) {
        Error::not_found(said("the registry has no such image"))
    } else if has(&["toomanyrequests", "too many requests"]) {
        Error::unreachable(said("the registry asks to slow down"))
    } else if matches!(status, 502..=504)
        || has(&["connection refused", "no such host", "timeout", "x509", "tls"])
    {
        Error::unreachable(said("it cannot reach the registry")).with_hint(
            "the engine, not this machine, calls the registry: can it, and does it trust its certificate?",
        )
    } else {
        Error::unreachable(said("it failed")).with_hint("the engine's own log says more")
    }
}

/// An image's name, and its tag: `latest` when none is said.
fn split_tag(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use connector_core::ErrorKind;
    use serde_json::json;

    use super::*;
    use crate::resource::DockerRegistry;
    use crate::testing::World;

    /// C17: the login is sent to an engine in clear on loopback only, and nowhere where TLS is asked for.
    #[tokio::test]
    async fn c17_an_engine_is_called_in_clear_on_loopback_only() {
        let cx = World::default().context();
        let tls = |value: &str| {
            let variable = ("DOCKER_TLS_VERIFY".to_owned(), value.to_owned());
            cx.with_environment(HashMap::from([variable]))
        };
        for here in ["tcp://127.0.0.1:2375", "http://localhost:2375/", "tcp://[::1]:2375"] {
            assert!(open(here, &cx).is_ok(), "{here}");
            assert!(open(here, &tls("")).is_ok(), "{here}: an empty variable is none");
            let error = open(here, &tls("1")).expect_err(here);
            assert_eq!(error.field_problems()[0].field, "DOCKER_TLS_VERIFY", "{here}");
            assert!(error.hint().is_some_and(|it| it.contains("`Engine::over`")), "{here}");
        }
        for far in [
            "tcp://10.0.0.1:2375",
            "http://engine.example.org:2375",
            "tcp://localhost.example.org:2375",
            "tcp://127.0.0.1@engine.example.org:2375",
            "tcp://http://engine.example.org:2375",
            "tcp://127.0.0.1:2375/@engine.example.org",
            "tcp://0.0.0.0:2375",
            "tcp://",
            "ssh://127.0.0.1",
        ] {
            let error = open(far, &cx).expect_err(far);
            assert_eq!((error.kind(), error.is_transient()), (ErrorKind::InvalidInput, false), "{far}");
            assert_eq!(error.field_problems()[0].field, "DOCKER_HOST", "{far}");
            assert!(error.hint().is_some_and(|it| it.contains("`Engine::over`")), "{far}");
        }
        // The ways in ask the context that the login is from.
        let anonymous = World::default().connector("anonymous", json!({}));
        let handle = anonymous.resource::<DockerRegistry>("").await.expect("the only one");
        let error = Engine::at("tcp://10.0.0.1:2375", handle.into_source()).await.expect_err("in clear");
        assert_eq!(error.field_problems()[0].field, "DOCKER_HOST");
    }

    #[test]
    fn tags_are_told_from_ports() {
        for (image, expected) in [
            ("a.org/app", ("a.org/app", "latest")),
            ("a.org:5000/app", ("a.org:5000/app", "latest")),
            ("a.org:5000/app:1.2", ("a.org:5000/app", "1.2")),
        ] {
            assert_eq!(split_tag(image), expected);
        }
    }
}
