//! Auto-configuration: what of Google Cloud is set up in the surroundings, best first.
//!
//! Files are lifted into the connector, so that it works without them from then on. Nothing is written, and the only call
//! is one to the metadata service, where the methods that use the machine's identity are switched on.

use connector_core::{AuthMethod, Candidate, Context, Error, Hints, Result, Secret};
use serde_json::{Map, Value, json};

use crate::auth::{self, metadata_answers};
use crate::file::{CredentialFile, FileUrl, STRANGE, unpacked};
use crate::names::{ProjectId, Service};
use crate::surroundings::{
    CREDENTIALS, FoundFile, Gcloud, default_file, named_file, named_project, named_quota_project,
};

/// What is found, in the order in which Google's libraries look, gcloud's own login behind them.
pub(crate) async fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
    if hints.method.as_deref() == Some(auth::Implicit::ID) && !cx.implicit() {
        return Err(Error::refused(
            "method `implicit` uses the identity of this machine and is switched off",
        )
        .with_hint("set CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true if you want that"));
    }
    let gcloud = Gcloud::read(cx, hints.profile.as_deref())?;
    let project = match &hints.project {
        Some(project) => Some(
            ProjectId::parse(project.as_str())
                .map_err(|error| error.context("`--project` names no project"))?,
        ),
        None => {
            let of_gcloud = gcloud.as_ref().and_then(|it| it.project.clone());
            match hints.profile {
                Some(_) => of_gcloud.or(named_project(cx)?),
                None => named_project(cx)?.or(of_gcloud),
            }
        }
    };
    let finder = Finder { project, quota_project: named_quota_project(cx)? };
    let mut found = Vec::new();
    // A configuration of gcloud that is named is meant: nothing else is looked at.
    if hints.profile.is_none() {
        found.extend(finder.of_file(named_file(cx)?, &format!("the file that {CREDENTIALS} names"))?);
        found.extend(finder.of_file(default_file(cx)?, "the application-default credentials of gcloud")?);
    }
    if let Some(gcloud) = &gcloud {
        let place = format!("gcloud's configuration `{}`", gcloud.configuration);
        let mut login = finder.of_file(gcloud.login(cx)?, &place)?;
        if let (Some(login), Some(target)) = (&mut login, &gcloud.stands_in_for) {
            login.notes.push(format!(
                "gcloud itself stands in for {target} with it, and this login does not: register it, and a connector of \
                 method `impersonation` with `source` and target_principal={target} after it"
            ));
        }
        found.extend(login);
    }
    if hints.profile.is_none() && cx.implicit() && metadata_answers(cx).await {
        found.push(finder.implicit("the metadata service of this machine"));
    }
    if let Some(method) = hints.method.as_deref() {
        found.retain(|it| it.method == method);
    }
    Ok(found)
}

struct Finder {
    project: Option<ProjectId>,
    /// That of the variable, which goes before a file's.
    quota_project: Option<ProjectId>,
}

impl Finder {
    /// The method for a file, chosen by its type.
    fn of_file(&self, file: Option<FoundFile>, place: &str) -> Result<Option<Candidate>> {
        let Some(FoundFile { path, text }) = file else { return Ok(None) };
        let read = CredentialFile::parse(&text);
        let read = read
            .map_err(|error| error.context(format!("{} is no credential that is taken", path.display())))?;
        let found = format!("{place}: {}", path.display());
        // What this machine is set up with may be of any universe; its secrets stay below that.
        if let Some(strange) = read.urls().into_iter().find(|it| !it.is_of(read.universe())) {
            let FileUrl { field, service, .. } = strange;
            return Err(Error::invalid(format!("{}: `{field}` {STRANGE}", path.display()))
                .with_hint(format!("register it with endpoints.{} if that host is meant", service.name())));
        }
        let universe = read.universe().filter(|it| !it.is_default()).cloned();
        let (method, field) = match &read {
            CredentialFile::ServiceAccount(_) => (auth::ServiceAccount::ID, "service_account_json"),
            CredentialFile::User(_) => (auth::UserAccount::ID, "user_account_json"),
            CredentialFile::External(_) => (auth::ExternalAccount::ID, "external_account_json"),
            CredentialFile::Impersonated(file) => {
                let CredentialFile::ServiceAccount(key) = &file.source else {
                    return Ok(Some(self.impersonated_by_another(&found)));
                };
                let source = source_of(&text);
                let mut config = self.config(Some(("service_account_json", &source)), None);
                config.insert("target_principal".to_owned(), json!(file.target.email.as_str()));
                if !file.delegates.is_empty() {
                    let delegates: Vec<_> = file.delegates.iter().map(|it| it.as_str()).collect();
                    config.insert("delegates".to_owned(), json!(delegates));
                }
                if let Some(project) = self.quota_project.as_ref().or(file.quota_project.as_ref()) {
                    config.insert("quota_project_id".to_owned(), json!(project.as_str()));
                }
                let usual = Service::IamCredentials.usual_url(&universe.clone().unwrap_or_default());
                if file.target.endpoint.as_str() != usual {
                    let name = Service::IamCredentials.name();
                    config.insert("endpoints".to_owned(), json!({ name: file.target.endpoint.as_str() }));
                }
                config.extend(universe.map(|it| ("universe_domain".to_owned(), json!(it.as_str()))));
                let candidate = Candidate::new(auth::Impersonation::ID, config, found);
                return Ok(Some(self.with_note(candidate, key.project.as_ref())));
            }
        };
        let mut config = self.config(Some((field, &text)), read.project());
        config.extend(universe.map(|it| ("universe_domain".to_owned(), json!(it.as_str()))));
        Ok(Some(self.with_note(Candidate::new(method, config, found), read.project())))
    }

    /// Tells of a project that is missing.
    fn with_note(&self, mut candidate: Candidate, of_file: Option<&ProjectId>) -> Candidate {
        if self.project.is_none() && of_file.is_none() {
            candidate.notes.push("it names no project: say `--project PROJECT`".to_owned());
        }
        candidate
    }

    /// Somebody stands in for a service account who is no service account. The file itself can be used where it is.
    fn impersonated_by_another(&self, found: &str) -> Candidate {
        let mut candidate = self.implicit(found);
        candidate.notes.push(
            "a person or an identity of elsewhere stands in for a service account there: to lift it in, register that \
             identity first, and a connector of method `impersonation` with `source` after it"
                .to_owned(),
        );
        candidate
    }

    fn implicit(&self, found: &str) -> Candidate {
        Candidate::new(auth::Implicit::ID, self.config(None, None), found)
    }

    /// A config with its file, and the project unless the file names the same one.
    fn config(&self, file: Option<(&str, &Secret)>, of_file: Option<&ProjectId>) -> Map<String, Value> {
        let mut config = Map::new();
        if let Some((field, text)) = file {
            config.insert(field.to_owned(), json!(text.expose()));
        }
        if let Some(project) = self.project.as_ref().filter(|it| Some(*it) != of_file) {
            config.insert("project_id".to_owned(), json!(project.as_str()));
        }
        if let Some(project) = &self.quota_project {
            config.insert("quota_project_id".to_owned(), json!(project.as_str()));
        }
        config
    }
}

/// The credential within an impersonation, as a file of its own.
fn source_of(text: &Secret) -> Secret {
    let json: Option<Value> = unpacked(text).ok().and_then(|it| serde_json::from_str(it.expose()).ok());
    let source = json.as_ref().and_then(|it| it.get("source_credentials"));
    Secret::new(source.map(Value::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests;
