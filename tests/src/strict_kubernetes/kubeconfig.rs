use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ClientCertificate;

/// How a client shows who it is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// Not at all.
    Nobody,
    /// By a bearer token.
    Token(String),
    /// By a client certificate.
    Certificate(ClientCertificate),
    /// By user name and password.
    Password(String, String),
}

/// What a login holds is not shown.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Token(_) => "Token",
            Self::Certificate(_) => "Certificate",
            Self::Password(..) => "Password",
        })
    }
}

/// A kubeconfig as `kubectl` writes it.
pub(crate) fn text(url: &str, ca: &str, namespace: &str, login: &Login) -> String {
    let data = |pem: &str| STANDARD.encode(pem);
    let user = match login {
        Login::Nobody => " {}".to_owned(),
        Login::Token(token) => format!("\n    token: {token}"),
        Login::Certificate(ClientCertificate { certificate, key }) => format!(
            "\n    client-certificate-data: {}\n    client-key-data: {}",
            data(certificate),
            data(key)
        ),
        Login::Password(user, password) => format!("\n    username: {user}\n    password: {password}"),
    };
    format!(
        "apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: {}
    server: {url}
  name: strict
contexts:
- context:
    cluster: strict
    namespace: {namespace}
    user: strict
  name: strict
current-context: strict
preferences: {{}}
users:
- name: strict
  user:{user}
",
        data(ca)
    )
}
