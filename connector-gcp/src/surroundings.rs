//! What the surroundings say, read through the ports only: Google's variables, and the files of gcloud. Shared by the
//! method that uses them and by auto-configuration, which lifts from them.

use std::path::PathBuf;

use connector_core::{Context, Error, ErrorKind, Result, Secret};

use crate::names::{Email, ProjectId};

/// The variable that names a credential file.
pub(crate) const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// A credential file that was found.
pub(crate) struct FoundFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Secret,
}

/// The file that the variable names; `None` when it is not set.
///
/// # Errors
/// The variable names a file that cannot be read: it is meant, so nothing else is looked at.
pub(crate) fn named_file(cx: &Context) -> Result<Option<FoundFile>> {
    let Some(path) = cx.var(CREDENTIALS).map(PathBuf::from) else { return Ok(None) };
    let text = cx.read_text(&path).map_err(|error| {
        error
            .context(format!("{CREDENTIALS} names a file that cannot be read"))
            .with_hint(format!("unset {CREDENTIALS}, or mend it"))
    })?;
    Ok(Some(FoundFile { path, text: Secret::new(text) }))
}

/// What `gcloud auth application-default login` wrote; `None` when it did not.
///
/// # Errors
/// A file that is there and cannot be read.
pub(crate) fn default_file(cx: &Context) -> Result<Option<FoundFile>> {
    let Some(path) = gcloud_folder(cx).map(|it| it.join("application_default_credentials.json")) else {
        return Ok(None);
    };
    read_if_there(cx, path)
}

/// Where gcloud keeps its files.
pub(crate) fn gcloud_folder(cx: &Context) -> Option<PathBuf> {
    if let Some(folder) = cx.var("CLOUDSDK_CONFIG") {
        return Some(folder.into());
    }
    if cfg!(windows)
        && let Some(roaming) = cx.var("APPDATA")
    {
        return Some(PathBuf::from(roaming).join("gcloud"));
    }
    Some(cx.home()?.join(".config").join("gcloud"))
}

fn read_if_there(cx: &Context, path: PathBuf) -> Result<Option<FoundFile>> {
    match cx.read_text(&path) {
        Ok(text) => Ok(Some(FoundFile { path, text: Secret::new(text) })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What gcloud is set to.
#[derive(Debug, Default)]
pub(crate) struct Gcloud {
    pub(crate) configuration: String,
    pub(crate) account: Option<String>,
    pub(crate) project: Option<ProjectId>,
    /// The service account that gcloud stands in for with the account.
    pub(crate) stands_in_for: Option<Email>,
}

impl Gcloud {
    /// Reads the configuration of this name, or the active one; `None` when there is none.
    ///
    /// # Errors
    /// Not found, when a named configuration is not there.
    pub(crate) fn read(cx: &Context, named: Option<&str>) -> Result<Option<Self>> {
        let Some(folder) = gcloud_folder(cx) else { return Ok(None) };
        let chosen = named.map(str::to_owned).or_else(|| cx.var("CLOUDSDK_ACTIVE_CONFIG_NAME"));
        let active = match chosen {
            Some(name) => name,
            None => match read_if_there(cx, folder.join("active_config"))? {
                Some(file) => file.text.expose().trim().to_owned(),
                None => return Ok(None),
            },
        };
        let is_name = !active.is_empty() && active.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
        let file = match is_name {
            true => read_if_there(cx, folder.join("configurations").join(format!("config_{active}")))?,
            false => None,
        };
        let Some(file) = file else {
            return match named {
                Some(_) => Err(Error::not_found("gcloud has no configuration of this name")
                    .with_hint("see what there is: gcloud config configurations list")),
                None => Ok(None),
            };
        };
        let core = |key: &str| property(file.text.expose(), "core", key);
        let account = cx.var("CLOUDSDK_CORE_ACCOUNT").filter(|_| named.is_none()).or_else(|| core("account"));
        let project = core("project").and_then(|it| ProjectId::parse(it).ok());
        let stands_in_for = cx.var("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT").filter(|_| named.is_none());
        let stands_in_for = stands_in_for
            .or_else(|| property(file.text.expose(), "auth", "impersonate_service_account"))
            // With several, the last is whose tokens are made.
            .and_then(|it| Email::parse(it.rsplit(',').next()?.trim()).ok());
        Ok(Some(Self { configuration: active, account, project, stands_in_for }))
    }

    /// The login of the account, as gcloud keeps it for other programs.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub(crate) fn login(&self, cx: &Context) -> Result<Option<FoundFile>> {
        let account =
            self.account.as_deref().filter(|it| !it.is_empty() && !it.contains(['/', '\\']) && *it != "..");
        let (Some(account), Some(folder)) = (account, gcloud_folder(cx)) else { return Ok(None) };
        read_if_there(cx, folder.join("legacy_credentials").join(account).join("adc.json"))
    }
}

/// A property of a section of gcloud's INI.
fn property(text: &str, of: &str, key: &str) -> Option<String> {
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = name;
        } else if section == of
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim().to_owned()).filter(|it| !it.is_empty());
        }
    }
    None
}

/// The project that the variables name.
///
/// # Errors
/// A variable that holds no project id.
pub(crate) fn named_project(cx: &Context) -> Result<Option<ProjectId>> {
    let names = ["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"];
    first_project(cx, &names)
}

/// The project that calls are counted for, as its variable says.
///
/// # Errors
/// A variable that holds no project id.
pub(crate) fn named_quota_project(cx: &Context) -> Result<Option<ProjectId>> {
    first_project(cx, &["GOOGLE_CLOUD_QUOTA_PROJECT"])
}

fn first_project(cx: &Context, names: &[&str]) -> Result<Option<ProjectId>> {
    let Some((name, value)) = names.iter().find_map(|name| Some((name, cx.var(name)?))) else {
        return Ok(None);
    };
    ProjectId::parse(value).map(Some).map_err(|error| Error::invalid(format!("{name}: {}", error.message())))
}

/// The host of the metadata service, with its port where it has one.
pub(crate) fn metadata_host(cx: &Context) -> String {
    cx.var("GCE_METADATA_HOST").unwrap_or_else(|| "metadata.google.internal".to_owned())
}
