//! `--auto-configure`: what to look for, and what to say of it.

use std::collections::BTreeSet;

use connector_core::{Candidate, Document, Error, ErrorKind, Hints, Problem, Registry, Result};
use connectors::Hub;
use connectors::hub::Draft;

use crate::app::App;
use crate::args::RegisterArgs;

/// What the command line says of where to look.
pub(super) fn hints(args: &RegisterArgs) -> Hints {
    let mut hints = Hints::default();
    hints.profile.clone_from(&args.profile);
    hints.region.clone_from(&args.region);
    hints.context.clone_from(&args.context);
    hints.project.clone_from(&args.project);
    hints
}

/// Refuses what a connector type would pass over in silence: it has no field of that kind.
pub(super) fn check(registry: &Registry, connector_type: &str, hints: &Hints) -> Result<()> {
    let fields = fields(registry, connector_type)?;
    let given = [
        ("profile", &[PROFILE][..], &hints.profile),
        ("region", &["region"], &hints.region),
        ("context", &["context"], &hints.context),
        // Azure's projects are subscriptions.
        ("project", &["project_id", "subscription_id"], &hints.project),
    ];
    let knows = |of: &[&str]| {
        of.iter().any(|it| fields.contains(*it)) || (of == [PROFILE] && CONFIGURED.contains(&connector_type))
    };
    let unknown = given.into_iter().filter(|(_, of, hint)| hint.is_some() && !knows(of));
    let problems: Vec<Problem> = unknown
        .map(|(option, ..)| Problem::new(option, format!("`{connector_type}` knows no {option}")))
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => {
            Err(Error::problems(format!("not an option for connector type `{connector_type}`"), problems)
                .with_hint("leave it out"))
        }
    }
}

/// The field of those that have profiles.
const PROFILE: &str = "profile_name";
/// The types whose profiles are no field: configurations of gcloud, subscriptions of az.
const CONFIGURED: [&str; 2] = ["gcp", "azure"];
/// The method that is the machine's identity.
const IMPLICIT: &str = "implicit";

/// The names of all fields of all methods.
fn fields(registry: &Registry, connector_type: &str) -> Result<BTreeSet<String>> {
    let methods = registry.describe(connector_type)?.auth_methods.into_iter();
    Ok(methods.flat_map(|method| method.attributes).map(|attribute| attribute.name).collect())
}

/// Says what was found, and where.
pub(super) fn tell(app: &App, candidate: &Candidate) {
    app.output.note(&format!("found {}; using method `{}`", candidate.found, candidate.method));
    candidate.notes.iter().for_each(|note| app.output.note(note));
}

/// Looks for a way to authenticate. When there is none, the error says where was looked: a provider tells
/// that of a profile which was asked for, so the one that counts without being named is.
pub(super) async fn detect(hub: &Hub, document: Document, hints: &Hints) -> Result<(Draft, Candidate)> {
    let connector_type = document.connector_type.clone();
    let error = match hub.detect(document, hints).await {
        Err(error) if error.kind() == ErrorKind::NotConfigured && hints.profile.is_none() => error,
        done => return done,
    };
    let has_profiles = fields(hub.registry(), &connector_type)?.contains(PROFILE);
    let methods = hub.registry().describe(&connector_type)?.auth_methods;
    if !has_profiles && !methods.iter().any(|method| method.id == IMPLICIT) {
        return Err(error);
    }
    let mut error = error.with_cause("nothing in the environment variables");
    if has_profiles {
        let mut named = hints.clone();
        named.profile = Some("default".to_owned());
        if let Err(of_profiles) = hub.registry().detect(&connector_type, hub.context(), &named).await {
            error = error.with_cause(of_profiles.to_string());
        }
    }
    if !hub.context().implicit() {
        let switch = "CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS";
        error = error.with_cause(format!("the identity of this machine is not used: {switch} is not true"));
    }
    if !has_profiles {
        return Err(error);
    }
    let asks = error.hint().unwrap_or_default().to_owned();
    Err(error.with_hint(format!("choose a profile with `--profile NAME`; {asks}")))
}
