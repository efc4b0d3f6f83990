//! What kubectl asks of its exec plugins: an answer in the version that the kubeconfig names.

use connector_core::{Error, Result, Secret};
use serde::Deserialize;

/// Where kubectl says what it wants.
const VARIABLE: &str = "KUBERNETES_EXEC_INFO";

/// The version that the credential's own form has.
const V1: &str = "client.authentication.k8s.io/v1";
const V1_BETA: &str = "client.authentication.k8s.io/v1beta1";

/// A version of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V1Beta,
}

impl Version {
    /// The version that the caller of this process wants.
    ///
    /// # Errors
    /// A wish that makes no sense, or for a version that is not spoken here.
    pub(crate) fn wanted() -> Result<Self> {
        match std::env::var_os(VARIABLE).filter(|it| !it.is_empty()) {
            Some(text) => Self::read(&text.to_string_lossy()),
            None => Ok(Self::V1),
        }
    }

    fn read(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Info {
            kind: String,
            api_version: String,
        }
        let wrong = |what: &str| {
            Error::invalid(format!("{VARIABLE} {what}"))
                .with_hint(format!("kubectl sets it; the kubeconfig's `exec` names {V1} or {V1_BETA}"))
        };
        let info: Info =
            serde_json::from_str(text).map_err(|_| wrong("is not what kubectl says to plugins"))?;
        match (info.kind.as_str(), info.api_version.as_str()) {
            ("ExecCredential", V1) => Ok(Self::V1),
            ("ExecCredential", V1_BETA) => Ok(Self::V1Beta),
            ("ExecCredential", _) => Err(wrong("asks for a version that is not spoken here")),
            _ => Err(wrong("asks for something else than an ExecCredential")),
        }
    }

    /// The answer in this version.
    pub(crate) fn of(self, form: Secret) -> Secret {
        match self {
            Self::V1 => form,
            // The first key of the form, before anything that comes from elsewhere.
            Self::V1Beta => {
                Secret::new(form.expose().replacen(&format!("\"{V1}\""), &format!("\"{V1_BETA}\""), 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_of_kubectl_is_read() {
        let info = |version: &str| {
            format!(
                r#"{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":false,"cluster":{{"server":"https://x"}}}}}}"#
            )
        };
        assert_eq!(Version::read(&info(V1)).ok(), Some(Version::V1));
        assert_eq!(Version::read(&info(V1_BETA)).ok(), Some(Version::V1Beta));
        for text in [
            "hunter2",
            "{",
            "[]",
            "{\"kind\":\"ExecCredential\"}",
            &info("client.authentication.k8s.io/v1alpha1"),
            "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}",
        ] {
            let error = Version::read(text).expect_err(text);
            assert!(error.message().starts_with(VARIABLE) && error.hint().is_some(), "{error}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn only_the_version_differs() {
        let form = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"client.authentication.k8s.io/v1"}}"#;
        assert_eq!(Version::V1.of(Secret::new(form)).expose(), form);
        let beta = Version::V1Beta.of(Secret::new(form));
        let value: serde_json::Value = serde_json::from_str(beta.expose()).expect("JSON");
        assert_eq!((&value["apiVersion"], &value["status"]["token"]), (&V1_BETA.into(), &V1.into()));
    }
}
