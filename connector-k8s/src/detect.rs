//! Auto-configuration: the kubeconfig that kubectl would use, as the config of the safest method that works with
//! it. Reads only; what it finds is lifted into the candidate, files and all.

use std::path::{Path, PathBuf};

use connector_core::{Candidate, Context, Error, ErrorKind, Hints, Result, Secret};
use serde_json::{Map, Value};

use crate::credential::{Login, Trust};
use crate::kubeconfig::{Chosen, Kubeconfig, UserLogin};
use crate::session::end_of;

/// Looks at the context that is asked for, else at the current one; without any kubeconfig, under the switch, at the
/// pod that this runs in.
///
/// # Errors
/// What is there but broken, and a context that does not exist.
pub(crate) fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
    let (config, found) = read(cx)?;
    let wants_pod = hints.method.as_deref() == Some("in-cluster");
    if config.is_empty() || wants_pod {
        return in_cluster(cx, hints, wants_pod);
    }
    let read_file = |path: &str, directory: Option<&PathBuf>| {
        let path = directory.map_or_else(|| PathBuf::from(path), |it| it.join(path));
        cx.read(&path)
    };
    let chosen = config
        .choose(hints.context.as_deref(), &read_file)
        .map_err(|error| error.context(format!("{found} cannot be used")))?;
    let found = format!("context `{}` of {found}", chosen.context);
    let mut candidates = candidates(&chosen, &found);
    match hints.method.as_deref() {
        Some(method) => candidates.retain(|it| it.method == method),
        // One method for one find: to fall back from a safer one to another is not for us to decide.
        None => candidates.truncate(1),
    }
    if candidates.is_empty() {
        let method = hints.method.as_deref().unwrap_or_default();
        return Err(Error::not_found(format!("method `{method}` cannot use what was found: {found}"))
            .with_hint("leave the method out, or choose another context"));
    }
    Ok(candidates)
}

/// All kubeconfigs that count, merged, and where they were.
fn read(cx: &Context) -> Result<(Kubeconfig, String)> {
    let mut config = Kubeconfig::default();
    let mut places = Vec::new();
    for path in paths(cx) {
        let text = match cx.read_text(&path) {
            Ok(text) => Secret::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.context("a kubeconfig cannot be read")),
        };
        let place = path.display().to_string();
        config.merge(Kubeconfig::parse(text.expose(), &place, path.parent())?);
        places.push(place);
    }
    Ok((config, places.join(", ")))
}

/// The files that KUBECONFIG lists, else the one below the home directory.
fn paths(cx: &Context) -> Vec<PathBuf> {
    match cx.var("KUBECONFIG") {
        Some(list) => std::env::split_paths(&list).filter(|it| it != Path::new("")).collect(),
        None => cx.home().map(|home| home.join(".kube").join("config")).into_iter().collect(),
    }
}

fn in_cluster(cx: &Context, hints: &Hints, is_wanted: bool) -> Result<Vec<Candidate>> {
    if is_wanted && !cx.implicit() {
        return Err(Error::refused(
            "method `in-cluster` uses the identity of this machine and is switched off",
        )
        .with_hint("set CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true if you want that"));
    }
    if hints.context.is_some() && !is_wanted {
        return Err(Error::not_found("there is no kubeconfig to choose a context of")
            .with_hint("name the file in KUBECONFIG; ~/.kube/config is read without that"));
    }
    let is_method = hints.method.as_deref().is_none_or(|it| it == "in-cluster");
    if !is_method || !cx.implicit() || !crate::auth::is_in_cluster(cx) {
        return Ok(Vec::new());
    }
    let mut candidate = Candidate::new("in-cluster", Map::new(), "the service account of this pod");
    candidate.notes.push("stays with this pod: its identity is used in its place, not lifted".to_owned());
    Ok(vec![candidate])
}

/// The methods that can use a context, safest first.
fn candidates(chosen: &Chosen, found: &str) -> Vec<Candidate> {
    let mut whole = Candidate::new("kubeconfig", Map::new(), found);
    put(&mut whole.config, "kubeconfig", chosen.to_text().expose());
    let login = match &chosen.user {
        UserLogin::Exec(exec) => {
            whole.notes.push(format!(
                "the kubeconfig's exec plugin `{}` runs only with `--allow exec`; what it gives is handed on with \
                 its end",
                exec.program()
            ));
            return vec![whole];
        }
        UserLogin::Login(login) => login,
    };
    let mut config = Map::new();
    put(&mut config, "server", chosen.cluster.server.as_str());
    put(&mut config, "cluster_name", chosen.cluster.name.as_str());
    match &chosen.cluster.trust {
        Trust::System => {}
        Trust::Authority(pem) => put(&mut config, "certificate_authority", pem.as_str()),
        Trust::Anybody => put(&mut config, "insecure", true),
    }
    let server_name = chosen.cluster.tls_server_name.as_ref();
    let method = match login {
        Login::Token(token) => {
            put(&mut config, "token", token.expose());
            "token"
        }
        Login::Certificate(it) => {
            put(&mut config, "client_certificate", it.certificate.as_str());
            put(&mut config, "client_key", it.key.expose());
            "token"
        }
        // That method has no field for the server's other name.
        Login::Password(_) if server_name.is_some() => return vec![whole],
        Login::Password(it) => {
            put(&mut config, "username", it.username.as_str());
            put(&mut config, "password", it.password.expose());
            "password"
        }
    };
    if let Some(name) = server_name {
        put(&mut config, "tls_server_name", name.as_str());
    }
    let mut all = vec![Candidate::new(method, config, found), whole];
    all.iter_mut().for_each(|it| it.expires_at = end_of(login).at());
    all
}

fn put(config: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    config.insert(key.to_owned(), value.into());
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
