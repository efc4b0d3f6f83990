//! docker and podman: one registry whose logins come from our helper.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Envelope, Error, Result, Secret};
use serde_json::{Value, json};

use super::{Asked, Plan, expanded, other_home, user_file};
use crate::app::App;
use crate::docker::{self, HELPER, SUFFIX};
use crate::edit::{self, Format, Step};
use crate::logins::{FileWish, Wanted, Wish};
use crate::programs;

pub(super) fn plan(
    app: &App,
    asked: &Asked<'_>,
    envelope: Option<&Envelope>,
    form: Option<&Secret>,
) -> Result<Plan> {
    let (registry, username, static_auth) = match (envelope, form) {
        (Some(envelope), None) => {
            let (username, auth) = auth(envelope)?;
            (docker::host(envelope.fields.text("registry")?), username, Some(auth))
        }
        (_, Some(form)) => {
            let (server, username) = said(form)?;
            (docker::host(&server), username, None)
        }
        (None, None) => return Err(Error::unexpected("there is no login to write")),
    };
    let mut notes = Vec::new();
    if static_auth.is_none() && other_home(app)?.is_some() {
        notes.push(
            "docker has to run with the same CONNECTOR_HOME, since its settings cannot name it".to_owned(),
        );
    }
    let folder = user_file("DOCKER_CONFIG", ".docker")?;
    let mut files = vec![file(folder.join("config.json"), docker::key(&registry), static_auth.as_ref())?];
    if let Some(path) = std::env::var_os("REGISTRY_AUTH_FILE").filter(|it| !it.is_empty()) {
        files.push(file(expanded(path.into()), &registry, static_auth.as_ref())?);
    }
    if edit::real_path(&files[0].path)? == edit::real_path(&files[files.len() - 1].path)? {
        files.truncate(1);
    }
    Ok(Plan {
        wish: Wish {
            connector: asked.name.to_owned(),
            kind: "docker",
            name: registry.clone(),
            grant: asked.grant.clone(),
            is_static: asked.is_static,
            username: Some(username),
            files,
        },
        tool: "docker",
        usage: format!("docker pull {registry}/…"),
        renewed: super::RENEWED,
        notes,
    })
}

/// docker finds its helper by name on `PATH`, and goes on without a login when it does not.
pub(super) fn find_helper() -> Result<()> {
    if programs::find(HELPER).is_some() {
        return Ok(());
    }
    let own = programs::own()?;
    let link = programs::place_for_link(&own).join(HELPER);
    Err(Error::not_configured(format!("docker would not find its helper: there is no `{HELPER}` on PATH"))
        .with_hint(format!("link it to this program: ln -s '{own}' '{}'", link.display())))
}

/// Server and user of what the helper answers.
fn said(form: &Secret) -> Result<(String, String)> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Said {
        #[serde(rename = "ServerURL")]
        server: String,
        username: String,
    }
    let said: Said = serde_json::from_str(form.expose())
        .map_err(|_| Error::unexpected("the login has no form that docker reads"))?;
    Ok((said.server, said.username))
}

/// A login as docker keeps it in its file.
fn auth(envelope: &Envelope) -> Result<(String, Value)> {
    let fields = &envelope.fields;
    if let Some(token) = fields.secret_field("identity_token") {
        let none = STANDARD.encode("<token>:");
        return Ok(("<token>".to_owned(), json!({ "auth": none, "identitytoken": token.expose() })));
    }
    let (username, password) = (fields.text("username")?, fields.expect_secret("password")?);
    Ok((username.to_owned(), json!({ "auth": STANDARD.encode(format!("{username}:{}", password.expose())) })))
}

/// What is written into one file, under the name by which its program knows the registry.
fn file(path: std::path::PathBuf, key: &str, static_auth: Option<&Value>) -> Result<FileWish> {
    let place = |list: &str| vec![Step::Key(list.to_owned()), Step::Key(key.to_owned())];
    let helper = |value: &str, what: String| Wanted {
        place: place("credHelpers"),
        value: value.into(),
        replaces: true,
        what,
    };
    let values = match static_auth {
        None => vec![helper(SUFFIX, format!("credHelpers `{key}`"))],
        Some(auth) => {
            let mut values = vec![Wanted {
                place: place("auths"),
                value: auth.clone(),
                replaces: false,
                what: format!("auths `{key}`"),
            }];
            // A helper, for this registry or for all, would keep docker from looking into the file.
            let text = edit::read_if_there(&path)?.unwrap_or_default();
            let root = if text.trim().is_empty() { None } else { Format::Json.parse(&text).ok() };
            let is_there =
                |place: &[Step]| root.as_ref().is_some_and(|it| it.find(place).is_ok_and(|it| it.is_some()));
            if is_there(&place("credHelpers")) || is_there(&[Step::Key("credsStore".to_owned())]) {
                values.push(helper("", format!("credHelpers `{key}` (none, so that the file is read)")));
            }
            values
        }
    };
    Ok(FileWish { path, format: Format::Json, values })
}
