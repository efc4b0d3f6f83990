//! `connector register`: from what a person says to a stored connector.

mod auto;
mod file;
mod principal;
mod unique;
mod wish;

use connector_core::{Candidate, Document, Registry, Result};
use connectors::hub::{Draft, Reached, Registered, Registration};
use serde_json::json;

use crate::app::App;
use crate::args::RegisterArgs;
use crate::commands::interactive;
use crate::output::{self, Table, document_table, document_value};

pub(crate) use wish::Wish;

pub(crate) fn run(app: &App, args: RegisterArgs) -> Result<()> {
    let registry = app.registry()?;
    let how = match (args.no_verify, args.dry_run) {
        (false, false) => Registration::Verified,
        (true, false) => Registration::Unverified,
        (false, true) => Registration::DryRun,
        (true, true) => Registration::UnverifiedDryRun,
    };
    let mut auto = args.auto_configure.then(|| auto::hints(&args));
    if let (Some(hints), Some(connector_type)) = (&auto, &args.connector_type) {
        auto::check(&registry, connector_type, hints)?;
    }
    let (interactive, verify) = (args.interactive, !args.no_verify);
    let mut wish = Wish::new(args, &registry)?;
    if interactive {
        // What is wrong already is not mended by answers.
        wish.check()?;
        interactive::complete(app, &registry, &mut wish, auto.is_some())?;
    }
    if let Some(hints) = &mut auto {
        hints.method.clone_from(&wish.method);
    }
    let hint = exposed_hint(&wish.exposed);
    let document = wish.into_document(&registry, auto.is_some(), &app.context())?;
    if let Some(hint) = &hint {
        app.output.hint(hint);
    }
    let name = document.name.clone();
    let (registered, found) = app.with_hub(async |hub| {
        let (draft, found) = match auto {
            None => (Draft::new(document), None),
            Some(hints) => {
                let (draft, candidate) = auto::detect(hub, document, &hints).await?;
                auto::tell(app, &candidate);
                (draft, Some(candidate))
            }
        };
        let _progress =
            verify.then(|| app.output.progress(&format!("Registering `{name}`: authenticating and listing")));
        Ok((hub.register(draft, how).await?, found))
    })?;
    show(app, &registry, &registered, found.as_ref(), hint, stores(how))
}

/// What to say when secrets stood on the command line in clear.
pub(crate) fn exposed_hint(keys: &[String]) -> Option<String> {
    let key = keys.first()?;
    Some(format!(
        "{} stood on the command line, where other users can read it in the process list; \
         `{key}=@FILE`, `{key}=env:NAME` and `{key}=-` keep it out of there",
        keys.join(", ")
    ))
}

fn stores(how: Registration) -> bool {
    matches!(how, Registration::Verified | Registration::Unverified)
}

fn show(
    app: &App,
    registry: &Registry,
    registered: &Registered,
    found: Option<&Candidate>,
    hint: Option<String>,
    stored: bool,
) -> Result<()> {
    let (document, reached) = (&registered.document, &registered.reached);
    let mut warnings = registered.warnings.clone();
    if document.expires_at.is_some_and(|end| end <= app.now()) {
        warnings.push("its end date is past: it issues nothing".to_owned());
    }
    let answer = json!({
        "connector": document_value(document, registry, app.now()),
        "stored": stored,
        "found": found.map(|it| json!({"method": it.method, "where": it.found, "notes": it.notes})),
        "reached": output::reached_value(reached),
        "warnings": warnings,
        "hints": hint.into_iter().collect::<Vec<_>>(),
    });
    warnings.iter().for_each(|warning| app.output.warn(warning));
    app.output.show(&answer, || {
        let mut parts = Vec::new();
        if stored {
            parts.push(format!("registered `{}`", document.name));
        }
        if !reached.is_empty() {
            parts.push(output::reached_table(reached, false, &app.output));
        }
        parts.push(match stored {
            true => summary(app, registry, document),
            false => document_table(document, registry, app.now(), &app.output),
        });
        parts.join("\n\n")
    })?;
    app.output.hint(&match (stored, reached.is_empty()) {
        (false, _) => "nothing was stored: this was a dry run".to_owned(),
        (true, true) => format!("`connector verify {}` checks that it works", document.name),
        (true, false) => format!("`{}` issues a credential", next(document, reached, registry)),
    });
    Ok(())
}

fn summary(app: &App, registry: &Registry, document: &Document) -> String {
    let mut table = Table::properties();
    table
        .property("NAME", document.name.as_str())
        .property("TYPE", document.connector_type.as_str())
        .property("AUTH METHOD", document.method.as_str())
        .property("RESOURCE TYPES", output::resource_types(document, registry))
        .property("RESOURCE NAME", output::resource_name(document, registry))
        .property("EXPIRES IN", output::expires_in(document.expires_at, app.now()));
    table.render(&app.output)
}

/// The command that issues something, with what it needs to know.
fn next(document: &Document, reached: &[Reached], registry: &Registry) -> String {
    let mut command = format!("connector issue {}", document.name);
    if document.resource_id.is_some() {
        return command;
    }
    let has_instances =
        |row: &&Reached| registry.has_instances(&row.connector_type, &row.resource_type).is_ok_and(|it| it);
    let one_of_many = reached.iter().filter(has_instances).find_map(|row| {
        let id = row.listing.as_ref().ok()?.ids.first()?;
        Some((row.resource_type.as_str(), format!(" --resource-id {id}")))
    });
    let only_one = reached.iter().find(|row| row.listing.is_ok() && !has_instances(row));
    let only_one = only_one.map(|row| (row.resource_type.as_str(), String::new()));
    let (resource_type, id) = one_of_many.or(only_one).unwrap_or(("TYPE", " --resource-id ID".to_owned()));
    if document.resource_type.is_none() {
        command.push_str(&format!(" --resource-type {resource_type}"));
    }
    command + &id
}
