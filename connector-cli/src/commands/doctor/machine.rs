//! What is found on this machine, beside the connectors themselves.

use std::collections::BTreeMap;

use connector_core::{Document, Registry, Result};
use connectors::hub::doctor::{Finding, Severity, rule};

use super::{files, logins, rules, variables};
use crate::app::App;
use crate::logins::Journal;
use crate::output::resource_types;

/// The kinds of credentials that connectors issue; for each, whether one of them takes the identity of this machine, and
/// so from the very variables that would shadow others.
pub(super) type Kinds = BTreeMap<String, bool>;

/// Everything that is found; for one connector what matters for it. `is_known` says whether the connectors could be
/// listed.
pub(super) fn judge(
    app: &App,
    name: Option<&str>,
    documents: &[Document],
    is_known: bool,
) -> Result<Vec<Finding>> {
    let registry = app.registry()?;
    let kinds = kinds(&registry, documents, app.settings().implicit);
    let mut found = Vec::new();
    found.extend(switch(app, &registry, documents).filter(|_| name.is_none()));
    found.extend(files::of_home(app)?);
    let journal = match Journal::read(app.home()) {
        Ok(journal) => Some(journal),
        Err(error) => {
            let finding = Finding::new(&rules::JOURNAL, error.to_string());
            let finding = finding.in_file(&app.home().join("logins.json"));
            found.push(match error.hint() {
                Some(hint) => finding.mended_by(hint),
                None => finding,
            });
            None
        }
    };
    let logins = journal.map(|it| it.logins).unwrap_or_default();
    let is_meant = |kind: &str| name.is_none() || kinds.contains_key(kind);
    found.extend(files::of_user(&is_meant, &logins));
    found.extend(variables::judge(&registry, &kinds, &logins, name));
    found.extend(logins::judge(&logins, name, documents, is_known));
    Ok(found)
}

fn kinds(registry: &Registry, documents: &[Document], implicit: bool) -> Kinds {
    let mut kinds = Kinds::new();
    for document in documents {
        let method = registry.describe_method(&document.connector_type, &document.method);
        let is_implicit = implicit && method.is_ok_and(|it| it.implicit);
        for resource_type in resource_types(document, registry) {
            if let Ok(entry) = registry.describe_resource(&document.connector_type, &resource_type) {
                *kinds.entry(entry.credential).or_default() |= is_implicit;
            }
        }
    }
    kinds
}

/// The switch is on, and nobody needs it.
fn switch(app: &App, registry: &Registry, documents: &[Document]) -> Option<Finding> {
    let is_implicit = |it: &Document| {
        registry.describe_method(&it.connector_type, &it.method).is_ok_and(|method| method.implicit)
    };
    (app.settings().implicit && !documents.iter().any(is_implicit)).then(|| {
        Finding::new(
            &rule::IMPLICIT,
            "methods that use the identity of this machine are switched on, and no connector needs them",
        )
        .weighing(Severity::Note)
        .mended_by("take `implicit` out of config.toml, and unset CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")
    })
}
