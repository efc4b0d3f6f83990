//! The form in which `kubectl` takes a credential: what its exec plugins print.

use std::time::Duration;

use connector_core::{Error, Expiry, Issued, Result, Secret, format_time};
use serde::Deserialize;
use serde_json::json;

use crate::{Certificate, KubernetesCredential, Login};

/// The version that is written; see [`exec_credential_as`] for the other one.
const API_VERSION: &str = "client.authentication.k8s.io/v1";
const API_VERSION_BETA: &str = "client.authentication.k8s.io/v1beta1";

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

/// The same in the version that the caller wants: `exec_info` is what kubectl said in `KUBERNETES_EXEC_INFO`, and
/// its plugins' answers have to name the version that stands there. Without it the version is `v1`.
///
/// # Errors
/// Invalid input when `exec_info` is no `ExecCredential`, or of a version that is not known here.
pub fn exec_credential_as(rendered: &Secret, exec_info: Option<&str>) -> Result<Secret> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Info {
        api_version: String,
    }
    let Some(info) = exec_info.filter(|it| !it.trim().is_empty()) else { return Ok(rendered.clone()) };
    let info: Info = serde_json::from_str(info)
        .map_err(|_| Error::invalid("KUBERNETES_EXEC_INFO is not what kubectl writes there"))?;
    match &*info.api_version {
        API_VERSION => Ok(rendered.clone()),
        API_VERSION_BETA => {
            let (from, to) = (format!("{API_VERSION:?}"), format!("{API_VERSION_BETA:?}"));
            // The keys are sorted, so the version comes before everything that could look like it.
            Ok(Secret::new(rendered.expose().replacen(&from, &to, 1)))
        }
        _ => {
            Err(Error::invalid("KUBERNETES_EXEC_INFO asks for a version of ExecCredential that is not known")
                .with_hint(format!("write {API_VERSION} or {API_VERSION_BETA} in the kubeconfig")))
        }
    }
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

    /// S32: a plugin has to answer in the version that it was asked in.
    #[test]
    fn s32_the_version_that_kubectl_asks_for() {
        let rendered =
            exec_credential(&issued(Login::Token(Secret::new("t")), Expiry::Never("an example".into())))
                .expect("a form");
        let version = |info: Option<&str>| {
            let text = exec_credential_as(&rendered, info)?;
            let value: Value = serde_json::from_str(text.expose()).expect("JSON");
            assert_eq!(value["status"]["token"], "t");
            Ok::<_, Error>(value["apiVersion"].as_str().unwrap_or_default().to_owned())
        };
        let info = |version: &str| {
            json!({ "kind": "ExecCredential", "apiVersion": version, "spec": { "interactive": false } })
                .to_string()
        };
        assert_eq!(version(None).ok().as_deref(), Some(API_VERSION));
        for known in [API_VERSION, API_VERSION_BETA] {
            assert_eq!(version(Some(&info(known))).ok().as_deref(), Some(known));
        }
        for bad in ["{", "{}", &info("client.authentication.k8s.io/v1alpha1")] {
            assert!(version(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_has_no_form() {
        let password = crate::Password { username: "alice".into(), password: Secret::new("hunter2") };
        let error = exec_credential(&issued(Login::Password(password), Expiry::Never("its own".into())));
        assert!(!format!("{:?}", error.expect_err("no form")).contains("hunter2"));
    }
}
