//! The form in which `kubectl` takes a credential: what its exec plugins print.

use std::time::Duration;

use connector_core::{Error, Expiry, Issued, Result, Secret, format_time};
use serde_json::json;

use crate::{Certificate, KubernetesCredential, Login};

/// The version that is written. An answer has to be in the version that kubectl asks for; whoever is asked knows it.
const API_VERSION: &str = "client.authentication.k8s.io/v1";

/// kubectl uses a credential to its last second, so it is told an earlier end.
const MARGIN: Duration = Duration::from_secs(60);

/// An `ExecCredential`, as client-go reads it: PEM as it is, not in base64; no end means "for the life of
/// the process".
pub(crate) fn exec_credential(issued: &Issued<KubernetesCredential>) -> Result<Secret> {
    let mut status = match &issued.credential.login {
        Login::Token(token) => json!({ "token": token.expose() }),
        Login::Certificate(Certificate { certificate, key }) => {
            json!({ "clientCertificateData": certificate, "clientKeyData": key.expose() })
        }
        Login::Password(_) => {
            return Err(Error::invalid(
                "kubectl takes no password from its plugins: they give tokens and certificates",
            )
            .with_hint("use a method that issues tokens, such as `token` with a `service_account`"));
        }
    };
    if let Expiry::At(end) = issued.expiry {
        status["expirationTimestamp"] = format_time(end - MARGIN).into();
    }
    let credential = json!({ "apiVersion": API_VERSION, "kind": "ExecCredential", "status": status });
    Ok(Secret::new(credential.to_string()))
}

#[cfg(test)]
mod tests {
    use connector_core::parse_time;
    use serde_json::Value;

    use super::*;
    use crate::Trust;

    fn issued(login: Login, expiry: Expiry) -> Issued<KubernetesCredential> {
        let credential = KubernetesCredential {
            server: "https://demo.example.org".into(),
            cluster: "demo".into(),
            trust: Trust::System,
            tls_server_name: None,
            login,
        };
        Issued::new(credential, expiry)
    }

    fn printed(login: Login, expiry: Expiry) -> Value {
        let text = exec_credential(&issued(login, expiry)).expect("a form");
        serde_json::from_str(text.expose()).expect("JSON")
    }

    /// S32: kubectl learns of an end, a minute early.
    #[test]
    fn s32_the_form_of_a_token() {
        let end = Expiry::At(parse_time("2026-11-22T03:50:46Z").expect("a time"));
        assert_eq!(
            printed(Login::Token(Secret::new("k8s-aws-v1.x")), end),
            json!({
                "apiVersion": "client.authentication.k8s.io/v1",
                "kind": "ExecCredential",
                "status": { "token": "k8s-aws-v1.x", "expirationTimestamp": "2026-11-22T03:49:46Z" },
            })
        );
    }

    #[test]
    fn the_form_of_a_certificate_without_an_end() {
        let login =
            Login::Certificate(Certificate { certificate: "CERT\n".into(), key: Secret::new("KEY\n") });
        assert_eq!(
            printed(login, Expiry::Never("the cluster's own".into())),
            json!({
                "apiVersion": "client.authentication.k8s.io/v1",
                "kind": "ExecCredential",
                "status": { "clientCertificateData": "CERT\n", "clientKeyData": "KEY\n" },
            })
        );
    }

    #[test]
    fn a_password_has_no_form() {
        let password = crate::Password { username: "alice".into(), password: Secret::new("hunter2") };
        let error = exec_credential(&issued(Login::Password(password), Expiry::Never("its own".into())));
        assert!(!format!("{:?}", error.expect_err("no form")).contains("hunter2"));
    }
}
