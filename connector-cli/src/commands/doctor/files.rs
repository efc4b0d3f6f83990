//! Files that others may read: this program's own, and those in which the user's programs keep credentials.

use std::path::{Path, PathBuf};

use connector_core::Result;
use connector_store::KeySource;
use connectors::hub::doctor::{Finding, Severity};
use serde_json::Value;

use super::rules;
use crate::app::App;
use crate::commands::login::{user_file, user_home};
use crate::docker;
use crate::edit;
use crate::logins::Login;

/// This program's own.
pub(super) fn of_home(app: &App) -> Result<Vec<Finding>> {
    let home = app.home();
    let mut found = Vec::new();
    if let KeySource::File(key) = app.settings().key_source(false)? {
        found.extend(open_to_others(&key, "the master key").map(|it| it.weighing(Severity::Error)));
    }
    if home.join("store.db").exists() {
        found.extend(open_to_others(home, "the directory of this program"));
    }
    for (name, what) in
        [("store.db", "the store"), ("cache", "the cache"), ("logins.json", "the journal of logins")]
    {
        found.extend(open_to_others(&home.join(name), what));
    }
    found.extend(cache(home));
    Ok(found)
}

/// Those of the user's programs, of the kinds that are meant.
pub(super) fn of_user(is_meant: &impl Fn(&str) -> bool, logins: &[Login]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (_, path, what) in credentials().into_iter().filter(|(kind, ..)| is_meant(kind)) {
        found.extend(open_to_others(&path, what));
    }
    if is_meant("docker") {
        found.extend(docker_settings().into_iter().flat_map(|path| docker_logins(&path, logins)));
    }
    found
}

/// Where the user's programs keep credentials, by kind.
fn credentials() -> Vec<(&'static str, PathBuf, &'static str)> {
    let mut all: Vec<(&'static str, PathBuf, &'static str)> = Vec::new();
    let mut add = |kind, path: Option<PathBuf>, what| all.extend(path.map(|path| (kind, path, what)));
    add(
        "aws",
        user_file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials").ok(),
        "the keys of the aws program",
    );
    for path in kubeconfigs() {
        add("kubernetes", Some(path), "the kubeconfig");
    }
    add("gcp", application_default(), "Google's application-default credentials");
    let azure = user_file("AZURE_CONFIG_DIR", ".azure").ok();
    for name in ["msal_token_cache.json", "service_principal_entries.json"] {
        add("azure", azure.as_ref().map(|it| it.join(name)), "what az is logged in with");
    }
    all
}

/// The files that kubectl reads.
pub(super) fn kubeconfigs() -> Vec<PathBuf> {
    let list = std::env::var_os("KUBECONFIG").filter(|it| !it.is_empty());
    let named: Vec<PathBuf> = list.iter().flat_map(std::env::split_paths).collect();
    let named: Vec<PathBuf> = named.into_iter().filter(|it| !it.as_os_str().is_empty()).collect();
    if named.is_empty() { user_home().map(|it| it.join(".kube/config")).into_iter().collect() } else { named }
}

/// The files in which docker and podman look for logins.
pub(super) fn docker_settings() -> Vec<PathBuf> {
    let own = user_file("DOCKER_CONFIG", ".docker").map(|it| it.join("config.json"));
    let podman = std::env::var_os("REGISTRY_AUTH_FILE").filter(|it| !it.is_empty()).map(PathBuf::from);
    own.into_iter().chain(podman).collect()
}

fn application_default() -> Option<PathBuf> {
    let usual = if cfg!(windows) { "AppData/Roaming/gcloud" } else { ".config/gcloud" };
    let folder = user_file("CLOUDSDK_CONFIG", usual).ok()?;
    let usual = folder.join("application_default_credentials.json");
    let named = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").filter(|it| !it.is_empty());
    Some(named.map_or(usual, PathBuf::from))
}

/// Logins that lie in docker's settings in clear. One that this program wrote with `--static` ends by itself.
fn docker_logins(path: &Path, logins: &[Login]) -> Vec<Finding> {
    let text = edit::read_if_there(path).ok().flatten().unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let is_said = |login: &Value, key: &str| login[key].as_str().is_some_and(|it| !it.is_empty());
    let auths = value["auths"].as_object().into_iter().flatten();
    let plain = auths
        .filter(|(_, login)| ["auth", "identitytoken", "password"].iter().any(|key| is_said(login, key)));
    let is_ours = |host: &str| logins.iter().any(|it| it.kind == "docker" && it.is_static && it.name == host);
    let others: Vec<String> =
        plain.map(|(server, _)| docker::host(server)).filter(|it| !is_ours(it)).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let mut found = vec![
        Finding::new(
            &rules::PLAIN_LOGIN,
            format!("the login of {} lies in docker's settings in clear", others.join(", ")),
        )
        .in_file(path),
    ];
    found.extend(open_to_others(path, "the file with a registry's login in clear"));
    found
}

#[cfg(unix)]
fn open_to_others(path: &Path, what: &str) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    let others = mode & 0o077;
    // To enter a directory alone shows nothing of it.
    let shows = if path.is_dir() { others & 0o066 } else { others };
    (shows != 0).then(|| {
        let verb = if others & 0o044 == 0 { "written" } else { "read" };
        Finding::new(
            &rules::READABLE,
            format!("{what} can be {verb} by others: {} has mode {mode:04o}", path.display()),
        )
        .mended_by(format!("`chmod go= '{}'` keeps them out", path.display()))
        .in_file(path)
    })
}

/// Who may read what is said by access lists here, which this program does not read.
#[cfg(not(unix))]
fn open_to_others(_: &Path, _: &str) -> Option<Finding> {
    None
}

/// The cache, or the place where it would be made, can be written. Nothing is written to see that.
#[cfg(unix)]
fn cache(home: &Path) -> Option<Finding> {
    use rustix::fs::{Access, access};
    let path = home.join("cache");
    let place = if path.exists() { &path } else { home };
    if !place.exists() {
        return None;
    }
    let why = match access(place, Access::WRITE_OK | Access::EXEC_OK) {
        _ if !place.is_dir() => "it is no directory".to_owned(),
        Ok(()) => return None,
        Err(error) => error.kind().to_string(),
    };
    let message =
        format!("the cache cannot be written, so that each call fetches a credential of its own: {why}");
    Some(Finding::new(&rules::CACHE, message).in_file(place))
}

#[cfg(not(unix))]
fn cache(home: &Path) -> Option<Finding> {
    let path = home.join("cache");
    let is_bad =
        path.exists() && (!path.is_dir() || path.metadata().is_ok_and(|it| it.permissions().readonly()));
    is_bad.then(|| {
        Finding::new(
            &rules::CACHE,
            "the cache cannot be written, so that each call fetches a credential of its own",
        )
        .in_file(&path)
    })
}
