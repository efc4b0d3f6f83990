//! `connector update`: changes a connector, if it still works afterwards.

use connector_core::{Error, ErrorKind, Result};
use connectors::hub::Changes;
use serde_json::json;

use crate::app::App;
use crate::args::{OrNone, UpdateArgs};
use crate::commands::register::exposed_hint;
use crate::faults::Faults;
use crate::output::{self, document_value};
use crate::values::{self, Shapes};

pub(crate) fn run(app: &App, args: UpdateArgs) -> Result<()> {
    let registry = app.registry()?;
    let (name, verify, force) = (args.name.clone(), !args.no_verify, args.force);
    let ((document, reached, warnings), hint) = app.with_hub(async |hub| {
        let old = hub.get(&name).await?;
        let shapes = Shapes::of(&registry, &old.connector_type, Some(&old.method))?;
        let mut faults = Faults::default();
        let given = values::read(&args.values, &shapes, &mut faults);
        let hint = exposed_hint(&given.exposed);
        if let Some(hint) = &hint {
            app.output.hint(hint);
        }
        let mut changes = changes(args, &mut faults);
        changes.config = given.changes_of(&old.config);
        if !faults.is_empty() {
            // Nothing will be changed: what else is wrong is to be known now.
            if let Err(error) = registry.check(&changes.clone().applied_to(old), hub.context()) {
                faults.add_check(&error);
            }
        }
        faults.check()?;
        let _progress = verify.then(|| app.output.progress(&format!("Verifying `{name}`")));
        Ok((hub.update(&name, changes, verify, force).await.map_err(with_the_way_out)?, hint))
    })?;
    let answer = json!({
        "connector": document_value(&document, &registry, app.now()),
        "reached": output::reached_value(&reached),
        "warnings": warnings,
        "hints": hint.into_iter().collect::<Vec<_>>(),
    });
    warnings.iter().for_each(|warning| app.output.warn(warning));
    app.output.show(&answer, || {
        let mut text = format!("updated `{}` to version {}", document.name, document.version);
        if !reached.is_empty() {
            text.push_str(&format!("; it reaches:\n{}", output::reached_table(&reached, false, &app.output)));
        }
        text
    })
}

/// Also says that nothing was changed, and what would change it all the same, where that is a way out.
fn with_the_way_out(error: Error) -> Error {
    let way_out = "nothing was changed; `--force` stores it all the same";
    if !matches!(error.kind(), ErrorKind::Refused | ErrorKind::Unreachable | ErrorKind::Expired) {
        return error;
    }
    match error.hint().map(str::to_owned) {
        Some(hint) if hint.contains("--force") => error,
        Some(hint) => error.with_hint(format!("{hint}; {way_out}")),
        None => error.with_hint(way_out),
    }
}

fn changes(args: UpdateArgs, faults: &mut Faults) -> Changes {
    let value = |it: OrNone<String>| it.0;
    let mut changes = Changes::default();
    changes.visibility = args.visibility.chosen();
    changes.resource_type = args.resource_type.map(value);
    changes.resource_id = args.resource_id.map(value);
    changes.duration = args.duration.and_then(|it| it.take("duration", faults)).map(|it| it.0);
    changes.expires_at = args.expires_at.and_then(|it| it.take("expires_at", faults)).map(|it| it.0);
    changes.allow = (!args.allow.is_empty())
        .then(|| args.allow.into_iter().filter_map(|it| it.take("allow", faults)?.0).collect());
    let labels = args.labels.into_iter().filter_map(|it| it.take("labels", faults));
    changes.labels = labels.map(|it| (it.key, Some(it.value).filter(|value| !value.is_empty()))).collect();
    changes.description = args.description;
    changes
}
