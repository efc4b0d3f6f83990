//! docker and podman: one registry whose logins come from our helper.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Envelope, Error, Result, Secret};
use serde_json::{Value, json};

use super::{Asked, Plan, expanded, other_home, user_file};
use crate::app::App;
use crate::docker::{self, HELPER, SUFFIX};
use crate::edit::{self, Format, Place, Step};
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
    let own = folder.join("config.json");
    let podman = std::env::var_os("REGISTRY_AUTH_FILE").filter(|it| !it.is_empty());
    let podman = podman.map(|it| expanded(it.into()));
    let mut files = Vec::new();
    if let Some(path) = podman
        && edit::real_path(&path)? != edit::real_path(&own)?
    {
        if static_auth.is_some() {
            refuse_helper(&path, &registry)?;
        }
        files.push(file(path, &registry, static_auth.as_ref()));
    }
    let mut docker = file(own, docker::key(&registry), static_auth.as_ref());
    if static_auth.is_some() {
        docker.values.extend(no_helper(&docker.path, docker::key(&registry))?);
    }
    files.insert(0, docker);
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
fn file(path: PathBuf, key: &str, static_auth: Option<&Value>) -> FileWish {
    let value = match static_auth {
        None => helper(SUFFIX, key, format!("credHelpers `{key}`")),
        Some(auth) => Wanted {
            place: place("auths", key),
            value: auth.clone(),
            replaces: false,
            what: format!("auths `{key}`"),
        },
    };
    FileWish { path, format: Format::Json, is_secret: static_auth.is_some(), values: vec![value] }
}

fn place(list: &str, key: &str) -> Place {
    vec![Step::Key(list.to_owned()), Step::Key(key.to_owned())]
}

fn helper(value: &str, key: &str, what: String) -> Wanted {
    Wanted { place: place("credHelpers", key), value: value.into(), replaces: true, what }
}

/// A helper, for this registry or for all, would keep docker from looking into its file.
fn no_helper(path: &Path, key: &str) -> Result<Option<Wanted>> {
    let is_asked =
        has(path, &place("credHelpers", key))? || has(path, &[Step::Key("credsStore".to_owned())])?;
    Ok(is_asked.then(|| helper("", key, format!("credHelpers `{key}` (none, so that the file is read)"))))
}

/// podman knows no helper that is none: it would look for a program without a name.
fn refuse_helper(path: &Path, key: &str) -> Result<()> {
    if has(path, &place("credHelpers", key))? {
        return Err(Error::invalid(format!(
            "{} names a helper for `{key}`, which podman would ask instead of reading the login",
            path.display()
        ))
        .with_hint(format!(
            "remove `{key}` from `credHelpers` there, by `connector logout` if a login wrote it, or leave `--static` out"
        )));
    }
    Ok(())
}

/// Whether something stands there. A file with a fault has nothing: it is told when it is edited.
fn has(path: &Path, place: &[Step]) -> Result<bool> {
    let text = edit::read_if_there(path)?.unwrap_or_default();
    let root = if text.trim().is_empty() { None } else { Format::Json.parse(&text).ok() };
    Ok(root.is_some_and(|it| it.find(place).is_ok_and(|it| it.is_some())))
}
