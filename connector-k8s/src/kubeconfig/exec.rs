//! Exec plugins: programs that a kubeconfig names and that print a credential (`client.authentication.k8s.io`).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use connector_core::{Call, Command, Error, Result, Secret, parse_time};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Chosen;
pub(crate) use super::file::Exec;
use crate::credential::{Certificate, Login};
use crate::names::Certificates;
use crate::session::is_token;

/// What a plugin gave, and when it says that this ends.
pub(crate) struct Given {
    pub(crate) login: Login,
    pub(crate) end: Option<SystemTime>,
}

const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    api_version: String,
    kind: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<Secret>,
    expiration_timestamp: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<Secret>,
}

impl Exec {
    /// The program's name, for messages.
    pub(crate) fn program(&self) -> String {
        self.command
            .chars()
            .take(200)
            .map(|it| if it.is_ascii_graphic() || it == ' ' { it } else { '\u{fffd}' })
            .collect()
    }

    /// Checks what it says, and makes a relative path absolute.
    pub(super) fn settle(&mut self, directory: Option<&PathBuf>) -> Result<()> {
        if self.command.is_empty() {
            return Err(Error::invalid("its exec plugin has no `command`"));
        }
        if !self.api_version.as_deref().is_some_and(|it| VERSIONS.contains(&it)) {
            return Err(Error::invalid("its exec plugin's `apiVersion` is not known")
                .with_hint(format!("it has to be {}", VERSIONS.join(" or "))));
        }
        if self.interactive_mode.as_deref() == Some("Always") {
            return Err(Error::invalid("its exec plugin needs a terminal (`interactiveMode: Always`)"));
        }
        let path = Path::new(&self.command);
        if self.command.contains(['/', '\\']) && !path.is_absolute() {
            let Some(directory) = directory else {
                return Err(Error::invalid("its exec plugin's `command` is a relative path")
                    .with_hint("write the absolute path, or the bare name of a program in PATH"));
            };
            self.command = directory.join(path).to_string_lossy().into_owned();
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        let env = self.env.iter().flatten().map(|it| json!({ "name": it.name, "value": it.value.expose() }));
        json!({
            "apiVersion": self.api_version,
            "command": self.command,
            "args": self.args,
            "env": env.collect::<Vec<_>>(),
            "interactiveMode": "Never",
            "provideClusterInfo": self.provide_cluster_info,
        })
    }
}

/// Runs the plugin, where the connector allows that. What it prints is read and shown to nobody; what it says
/// on its standard error goes to the person who waits.
///
/// # Errors
/// Refused unless the connector allows programs; a program that fails, or prints no credential.
pub(crate) async fn run(exec: &Exec, chosen: &Chosen, cx: &Call<'_>) -> Result<Given> {
    let mut info = json!({
        "kind": "ExecCredential", "apiVersion": exec.api_version, "spec": { "interactive": false },
    });
    if exec.provide_cluster_info {
        info["spec"]["cluster"] = chosen.cluster_info();
    }
    let mut command = Command::new(&*exec.command).with_args(exec.args.iter().flatten());
    for variable in exec.env.iter().flatten() {
        command = command.with_env(&*variable.name, variable.value.clone());
    }
    // Last, so that no variable of the kubeconfig stands in its place.
    let command = command.with_env("KUBERNETES_EXEC_INFO", Secret::new(info.to_string()));
    let output = cx.run(command).await.map_err(|error| {
        error.context(format!("the exec plugin `{}` of the kubeconfig gave no credential", exec.program()))
    })?;
    read(exec, output.expose())
}

fn read(exec: &Exec, printed: &[u8]) -> Result<Given> {
    let wrong = |what: &str| Error::invalid(format!("the exec plugin `{}` {what}", exec.program()));
    let printed: Printed = serde_json::from_slice(printed)
        .map_err(|_| wrong("printed something else than an ExecCredential"))?;
    if printed.kind != "ExecCredential" || Some(&printed.api_version) != exec.api_version.as_ref() {
        return Err(wrong("printed another version than the kubeconfig names"));
    }
    let status = printed.status.ok_or_else(|| wrong("printed an ExecCredential without a status"))?;
    let end = status.expiration_timestamp.as_deref().filter(|it| !it.is_empty()).map(parse_time).transpose();
    let end = end.map_err(|_| wrong("printed an `expirationTimestamp` that is no time"))?;
    let some = |secret: Option<Secret>| secret.filter(|it| !it.is_empty());
    let certificate = status.client_certificate_data.filter(|it| !it.is_empty());
    let login = match (some(status.token), certificate, some(status.client_key_data)) {
        (Some(_), Some(_), _) => {
            return Err(wrong("printed a token and a certificate: one of them can be used"));
        }
        (None, Some(certificate), Some(key)) => {
            let certificate =
                Certificates::parse(&certificate).ok_or_else(|| wrong("printed no PEM certificate"))?;
            Login::Certificate(Certificate { certificate: certificate.as_str().to_owned(), key })
        }
        (Some(token), None, None) if is_token(token.expose()) => Login::Token(token),
        (Some(_), None, None) => return Err(wrong("printed a token that holds what no token has")),
        _ => return Err(wrong("printed neither a token nor a certificate with its key")),
    };
    Ok(Given { login, end })
}
