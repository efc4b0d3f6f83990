//! The credential kind `docker`: a login to one registry.

use connector_core::{Clients, Credential, Error, Fields, Problem, Result, Secret, Source, Tool};

use serde_json::Value;

use crate::tool;

/// A login to one registry.
#[derive(Clone, Debug)]
pub struct DockerCredential {
    /// The registry's host, with its port where it has one; Docker Hub is `docker.io`.
    pub registry: String,
    /// How to log in.
    pub login: Login,
}

/// How a client logs in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Login {
    /// By a user name and a password, or an access token in its place.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// By an identity token: the registry's own refresh token.
    IdentityToken(Secret),
    /// Not at all: it takes what the registry shows everybody.
    Anonymous,
}

/// The name under which docker knows Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";

impl DockerCredential {
    /// The registry as docker names it in its own files and calls.
    #[must_use]
    pub fn server(&self) -> &str {
        if self.registry == "docker.io" { HUB } else { &self.registry }
    }
}

impl Credential for DockerCredential {
    const KIND: &'static str = "docker";

    fn export(&self, out: &mut Fields) {
        out.public("registry", self.registry.as_str());
        match &self.login {
            Login::Password { username, password } => {
                out.public("username", username.as_str());
                out.secret("password", password);
            }
            Login::IdentityToken(token) => out.secret("identity_token", token),
            Login::Anonymous => out.public("anonymous", true),
        }
    }

    fn import(fields: &Fields) -> Result<Self> {
        let login = match (fields.secret_field("identity_token"), fields.secret_field("password")) {
            (Some(token), _) => Login::IdentityToken(token.clone()),
            (None, Some(password)) => {
                Login::Password { username: fields.text("username")?.to_owned(), password: password.clone() }
            }
            (None, None) if fields.value("anonymous").and_then(Value::as_bool) == Some(true) => {
                Login::Anonymous
            }
            (None, None) => {
                let problem = Problem::new(
                    "password",
                    "missing, with neither an identity_token nor `anonymous` in its place",
                );
                return Err(Error::problems("the envelope does not fit its kind", vec![problem]));
            }
        };
        Ok(Self { registry: fields.text("registry")?.to_owned(), login })
    }

    fn clients() -> Clients<Source<Self>> {
        let clients = Clients::none();
        #[cfg(feature = "native")]
        let clients = clients.with::<crate::Engine>().with::<bollard::auth::DockerCredentials>();
        #[cfg(feature = "oci")]
        let clients = clients.with::<oci_client::secrets::RegistryAuth>();
        clients
    }

    fn tools() -> &'static [Tool<Self>] {
        &[Tool { name: "docker", render: tool::helper_answer }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields_of(login: Login) -> Fields {
        let mut fields = Fields::default();
        DockerCredential { registry: "127.0.0.1:5000".into(), login }.export(&mut fields);
        fields
    }

    /// Both forms come back as they left, and only the secrets are secret.
    #[test]
    fn what_leaves_comes_back() {
        let fields = fields_of(Login::Password { username: "AWS".into(), password: Secret::new("hunter2") });
        assert_eq!(fields.secret_names().collect::<Vec<_>>(), ["password"]);
        let again = DockerCredential::import(&fields).expect("its own fields");
        assert_eq!(again.registry, "127.0.0.1:5000");
        assert!(!format!("{again:?}{fields:?}").contains("hunter2"));
        let Login::Password { username, password } = again.login else { panic!("another form") };
        assert_eq!((username.as_str(), password.expose()), ("AWS", "hunter2"));

        let fields = fields_of(Login::IdentityToken(Secret::new("hunter2")));
        assert_eq!(fields.secret_names().collect::<Vec<_>>(), ["identity_token"]);
        let again = DockerCredential::import(&fields).expect("its own fields");
        assert!(matches!(again.login, Login::IdentityToken(token) if token.expose() == "hunter2"));

        let fields = fields_of(Login::Anonymous);
        assert_eq!(fields.secret_names().count(), 0);
        let again = DockerCredential::import(&fields).expect("its own fields");
        assert!(matches!(again.login, Login::Anonymous));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_field() {
        let (mut no_secret, mut no_user, mut no_host) =
            (Fields::default(), Fields::default(), Fields::default());
        no_secret.public("registry", "docker.io");
        no_user.public("registry", "docker.io");
        no_user.secret("password", &Secret::new("p"));
        no_host.secret("identity_token", &Secret::new("t"));
        for (fields, field) in [(no_secret, "password"), (no_user, "username"), (no_host, "registry")] {
            let error = DockerCredential::import(&fields).expect_err(field);
            assert_eq!(error.field_problems()[0].field, field);
        }
    }
}
