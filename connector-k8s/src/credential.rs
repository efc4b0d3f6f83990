//! The credential kind `kubernetes`: where a cluster is, whom to trust there, and how to log in.

use std::time::Duration;

use connector_core::{Credential, Error, Fields, Problem, Result, Secret, Tool};

use crate::tool;

/// What a client needs to talk to one cluster.
#[derive(Clone, Debug)]
pub struct KubernetesCredential {
    /// The URL of the API server.
    pub server: String,
    /// The cluster's name, for people and for kubeconfig files.
    pub cluster: String,
    /// Whom to trust as the server.
    pub trust: Trust,
    /// The name that the server's certificate has to bear, where that is not the host of `server`.
    pub tls_server_name: Option<String>,
    /// How to log in.
    pub login: Login,
}

/// Whom a client takes for the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whom the system trusts.
    System,
    /// Who shows a certificate signed by one of these, in PEM.
    Authority(String),
    /// Anybody who answers.
    Anybody,
}

/// How a client logs in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Login {
    /// By a bearer token.
    Token(Secret),
    /// By a client certificate.
    Certificate(Certificate),
    /// By a name and a password. Kubernetes itself dropped this in 1.19; proxies in front of it may take it.
    Password(Password),
}

/// A client certificate and its key, both in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, with the chain that belongs to it.
    pub certificate: String,
    /// Its private key.
    pub key: Secret,
}

/// A name and its password.
#[derive(Clone, Debug)]
pub struct Password {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

impl Credential for KubernetesCredential {
    const KIND: &'static str = "kubernetes";
    // kubectl is told an end one minute before the real one; by then the next one has to be there.
    const EARLY: Duration = Duration::from_secs(120);

    fn export(&self, out: &mut Fields) {
        out.public("server", self.server.as_str());
        out.public("cluster", self.cluster.as_str());
        match &self.trust {
            Trust::System => {}
            Trust::Authority(pem) => out.public("certificate_authority", pem.as_str()),
            Trust::Anybody => out.public("insecure", true),
        }
        out.public_if("tls_server_name", self.tls_server_name.as_deref());
        match &self.login {
            Login::Token(token) => out.secret("token", token),
            Login::Certificate(Certificate { certificate, key }) => {
                out.public("client_certificate", certificate.as_str());
                out.secret("client_key", key);
            }
            Login::Password(Password { username, password }) => {
                out.public("username", username.as_str());
                out.secret("password", password);
            }
        }
    }

    fn import(fields: &Fields) -> Result<Self> {
        let insecure = fields.value("insecure").and_then(serde_json::Value::as_bool).unwrap_or(false);
        let trust = match fields.text_if("certificate_authority") {
            Some(_) if insecure => {
                return Err(wrong("insecure", "says the opposite of certificate_authority"));
            }
            Some(pem) => Trust::Authority(pem.to_owned()),
            None if insecure => Trust::Anybody,
            None => Trust::System,
        };
        let login = if let Some(token) = fields.secret_field("token") {
            Login::Token(token.clone())
        } else if let Some(key) = fields.secret_field("client_key") {
            let certificate = fields.text("client_certificate")?.to_owned();
            Login::Certificate(Certificate { certificate, key: key.clone() })
        } else if let Some(password) = fields.secret_field("password") {
            Login::Password(Password {
                username: fields.text("username")?.to_owned(),
                password: password.clone(),
            })
        } else {
            return Err(wrong("token", "missing, and neither client_key nor password in its place"));
        };
        Ok(Self {
            server: fields.text("server")?.to_owned(),
            cluster: fields.text("cluster")?.to_owned(),
            trust,
            tls_server_name: fields.text_if("tls_server_name").map(str::to_owned),
            login,
        })
    }

    #[cfg(feature = "native")]
    fn clients() -> connector_core::Clients<connector_core::Source<Self>> {
        connector_core::Clients::none().with::<kube::Client>().with::<kube::Config>()
    }

    fn tools() -> &'static [Tool<Self>] {
        &[Tool { name: "kubectl", render: tool::exec_credential }]
    }
}

fn wrong(field: &str, message: &str) -> Error {
    Error::problems("the envelope does not fit its kind", vec![Problem::new(field, message)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(trust: Trust, login: Login) -> KubernetesCredential {
        KubernetesCredential {
            server: "https://demo.example.org".into(),
            cluster: "demo".into(),
            trust,
            tls_server_name: Some("kubernetes".into()),
            login,
        }
    }

    fn fields_of(credential: &KubernetesCredential) -> Fields {
        let mut fields = Fields::default();
        credential.export(&mut fields);
        fields
    }

    /// Every form comes back as it left, and only the secrets are secret.
    #[test]
    fn what_leaves_comes_back() {
        let token = || Login::Token(Secret::new("hunter2"));
        let certificate =
            Login::Certificate(Certificate { certificate: "CERT".into(), key: Secret::new("hunter2") });
        let password =
            Login::Password(Password { username: "alice".into(), password: Secret::new("hunter2") });
        for (credential, secrets) in [
            (with(Trust::System, token()), ["token"]),
            (with(Trust::Authority("PEM".into()), token()), ["token"]),
            (with(Trust::Anybody, certificate), ["client_key"]),
            (with(Trust::System, password), ["password"]),
        ] {
            let fields = fields_of(&credential);
            assert_eq!(fields.secret_names().collect::<Vec<_>>(), secrets);
            let again = KubernetesCredential::import(&fields).expect("its own fields");
            assert_eq!((&again.server, &again.cluster), (&credential.server, &credential.cluster));
            assert_eq!(
                (&again.trust, &again.tls_server_name),
                (&credential.trust, &credential.tls_server_name)
            );
            let secret = match (&again.login, &credential.login) {
                (Login::Token(secret), Login::Token(_)) => secret,
                (Login::Certificate(again), Login::Certificate(first)) => {
                    assert_eq!(again.certificate, first.certificate);
                    &again.key
                }
                (Login::Password(again), Login::Password(first)) => {
                    assert_eq!(again.username, first.username);
                    &again.password
                }
                (again, first) => panic!("{first:?} came back as {again:?}"),
            };
            assert_eq!(secret.expose(), "hunter2");
            assert!(!format!("{again:?}{fields:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_field() {
        let whole = fields_of(&with(Trust::Authority("PEM".into()), Login::Token(Secret::new("t"))));
        let without = |name: &str| {
            let mut fields = Fields::default();
            whole
                .public_fields()
                .filter(|(it, _)| *it != name)
                .for_each(|(it, value)| fields.public(it, value.clone()));
            if name != "token" {
                fields.secret("token", &Secret::new("t"));
            }
            fields
        };
        for name in ["server", "cluster", "token"] {
            let error = KubernetesCredential::import(&without(name)).expect_err(name);
            assert_eq!(error.field_problems()[0].field, name);
        }
        let mut both = whole.clone();
        both.public("insecure", true);
        assert!(KubernetesCredential::import(&both).is_err(), "trusts somebody and anybody");
        let mut newer = whole.clone();
        newer.public("proxy_url", "http://127.0.0.1");
        assert!(KubernetesCredential::import(&newer).is_ok(), "a field that is not known");
    }
}
