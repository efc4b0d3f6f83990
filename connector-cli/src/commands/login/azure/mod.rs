//! az: a folder of settings of its own, in which a token or a signature stands where az itself would have kept it.
//!
//! az has no helper that it would ask, and no variable for a token. What it takes is its own cache: an access token
//! alone, without the refresh token that a login of its own leaves there, so that this one ends (tried with az 2.61 and
//! 2.91). Azure's libraries ask az, and so have the same token where they are told the same folder.

mod signature;
mod token;

use std::path::{Path, PathBuf};

use connector_core::{Envelope, EnvironmentForm, Error, Result};
use serde_json::{Map, Value};

use super::{Asked, Plan, escaped, free_name};
use crate::app::App;
use crate::edit::{Format, Step};
use crate::logins::{self, FileWish, Journal, Wanted, Wish};
use crate::shell::quoted;

/// What az knows of a cloud.
struct Cloud {
    /// In the fields of a credential.
    name: &'static str,
    az_name: &'static str,
    authority: &'static str,
    resource_manager: &'static str,
    /// What az asks a token for, when it is to call Resource Manager.
    resource: &'static str,
}

const CLOUDS: [Cloud; 3] = [
    Cloud {
        name: "public",
        az_name: "AzureCloud",
        authority: "https://login.microsoftonline.com",
        resource_manager: "https://management.azure.com",
        resource: "https://management.core.windows.net/",
    },
    Cloud {
        name: "government",
        az_name: "AzureUSGovernment",
        authority: "https://login.microsoftonline.us",
        resource_manager: "https://management.usgovcloudapi.net",
        resource: "https://management.core.usgovcloudapi.net/",
    },
    Cloud {
        name: "china",
        az_name: "AzureChinaCloud",
        authority: "https://login.chinacloudapi.cn",
        resource_manager: "https://management.chinacloudapi.cn",
        resource: "https://management.core.chinacloudapi.cn/",
    },
];

/// `variables` are those by which az takes the same credential, where there are any.
pub(super) fn plan(
    app: &App,
    asked: &Asked<'_>,
    (envelope, variables): (&Envelope, &EnvironmentForm),
    journal: &Journal,
) -> Result<Plan> {
    let name = free_name("azure", "folders", asked, &journal.logins, str::to_owned)?;
    let home = std::path::absolute(app.home()).unwrap_or_else(|_| app.home().to_owned());
    let folder = logins::folder_of_az(&home, &name);
    let cloud = envelope.fields.text_if("cloud").unwrap_or(CLOUDS[0].name);
    let cloud = CLOUDS.iter().find(|it| it.name == cloud);
    let cloud =
        cloud.ok_or_else(|| Error::invalid("the credential is for a cloud that is not known here"))?;
    let made = match envelope.fields.secret_field("sas_token") {
        Some(_) => signature::made(&folder, cloud, envelope, variables)?,
        None => token::made(&folder, cloud, asked, envelope, app.now())?,
    };
    Ok(Plan {
        wish: Wish {
            connector: asked.name.to_owned(),
            kind: "azure",
            name,
            grant: asked.grant.clone(),
            is_static: true,
            username: None,
            files: made.files,
        },
        tool: "az",
        usage: format!("{} az {}", started_with(&folder, envelope), made.example),
        renewed: super::RENEWED,
        notes: [made.note].into_iter().chain(in_the_way(&made.read_first)).collect(),
    })
}

/// What is written, and what is said of it.
struct Made {
    files: Vec<FileWish>,
    example: String,
    note: String,
    /// Variables that az reads before its settings.
    read_first: Vec<&'static str>,
}

fn file(folder: &Path, name: &str, format: Format, is_secret: bool, values: Vec<Wanted>) -> FileWish {
    FileWish { path: folder.join(name), format, is_secret, values }
}

/// A setting in the login's own folder. az may have changed an earlier login's.
fn setting(key: &str, value: Value) -> Wanted {
    Wanted { place: vec![Step::Key(key.to_owned())], value, replaces: true, what: key.to_owned() }
}

/// A section of a file of settings. One with a secret gives way to none that somebody wrote: that would be kept.
fn section(name: &str, values: &[(&str, &str)]) -> Result<Wanted> {
    if values.iter().any(|(_, it)| it.contains(char::is_control)) {
        return Err(Error::invalid("the credential holds a text that az's files have no form for"));
    }
    let values = values.iter().map(|(key, it)| ((*key).to_owned(), escaped(it).into()));
    let wanted = setting(name, Value::Object(values.collect::<Map<_, _>>()));
    Ok(Wanted { replaces: name != "storage", what: format!("[{name}]"), ..wanted })
}

/// The variables that az has to be started with.
fn started_with(folder: &Path, envelope: &Envelope) -> String {
    // Certificates that are given as text have no path; az has no setting for either.
    let bundle = envelope.fields.text_if("ca_bundle").filter(|it| !it.contains('\n')).map(PathBuf::from);
    let all = [("AZURE_CONFIG_DIR", Some(folder.to_owned())), ("REQUESTS_CA_BUNDLE", bundle)];
    let all = all.into_iter().filter_map(|(name, path)| Some((name, quoted(&path?.to_string_lossy()))));
    match cfg!(windows) {
        true => all.map(|(name, path)| format!("$env:{name}={path};")).collect::<Vec<_>>().join(" "),
        false => all.map(|(name, path)| format!("{name}={path}")).collect::<Vec<_>>().join(" "),
    }
}

/// Says which of the user's variables az would read first.
fn in_the_way(names: &[&'static str]) -> Option<String> {
    let set: Vec<_> = names.iter().filter(|it| std::env::var_os(it).is_some()).copied().collect();
    let verb = if set.len() == 1 { "is" } else { "are" };
    (!set.is_empty()).then(|| format!("{} {verb} set, which az reads before its settings", set.join(" and ")))
}
