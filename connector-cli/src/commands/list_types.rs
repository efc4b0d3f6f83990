//! `connector list-types`: what can be connected to.

use connector_core::{Error, Registry, Result};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::ListTypesArgs;
use crate::output::Table;

pub(crate) fn run(app: &App, args: &ListTypesArgs) -> Result<()> {
    let registry = app.registry()?;
    let rows = rows(&registry, args)?;
    app.output.show(&rows, || {
        let mut table = Table::new(["NAME", "TYPE", "RESOURCE TYPES", "AUTH METHODS", "LOCAL", "REMOTE"]);
        for row in &rows {
            let list = |key: &str| {
                let items = row[key].as_array().into_iter().flatten();
                items.filter_map(Value::as_str).collect::<Vec<_>>()
            };
            let word = |key: &str| row[key].as_str().unwrap_or("-");
            let at_hand = |place: &str| if row["available"][place] == true { "yes" } else { "no" };
            if let Some(hint) = row["hint"].as_str() {
                table.row([
                    "-".into(),
                    word("type").into(),
                    hint.into(),
                    "-".into(),
                    "no".into(),
                    "no".into(),
                ]);
            } else {
                table.row([
                    word("name").into(),
                    word("type").into(),
                    list("resource_types").into(),
                    list("auth_methods").into(),
                    at_hand("local").into(),
                    at_hand("remote").into(),
                ]);
            }
        }
        table.render(&app.output)
    })
}

/// The rows for programs: what is compiled in, and after it what is known but not compiled in.
fn rows(registry: &Registry, args: &ListTypesArgs) -> Result<Vec<Value>> {
    let has =
        |all: &[&str], wanted: &Option<String>| wanted.as_deref().is_none_or(|wanted| all.contains(&wanted));
    let mut rows = Vec::new();
    for row in registry.overview() {
        if has(&row.resource_types, &args.resource_type) && has(&row.auth_methods, &args.auth_method) {
            rows.push(serde_json::to_value(row).map_err(|_| Error::unexpected("a row is not JSON"))?);
        }
    }
    if args.resource_type.is_none() && args.auth_method.is_none() {
        let absent = registry.absent().map(
            |(id, how)| json!({"type": id, "available": {"local": false, "remote": false}, "hint": how}),
        );
        rows.extend(absent);
    } else if rows.is_empty() {
        return Err(nothing_fits(registry, args));
    }
    Ok(rows)
}

fn nothing_fits(registry: &Registry, args: &ListTypesArgs) -> Error {
    let mut resource_types: Vec<_> = registry.overview().flat_map(|it| it.resource_types).collect();
    let mut methods: Vec<_> = registry.overview().flat_map(|it| it.auth_methods).collect();
    for list in [&mut resource_types, &mut methods] {
        list.sort_unstable();
        list.dedup();
    }
    let hint = match (&args.resource_type, &args.auth_method) {
        (Some(_), None) => format!("resource types: {}", resource_types.join(" ")),
        (None, _) => format!("auth methods: {}", methods.join(" ")),
        _ => format!("resource types: {}; auth methods: {}", resource_types.join(" "), methods.join(" ")),
    };
    Error::invalid("no connector type offers that").with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(resource_type: Option<&str>) -> ListTypesArgs {
        ListTypesArgs { resource_type: resource_type.map(str::to_owned), auth_method: None }
    }

    #[test]
    fn s54_a_type_that_is_not_compiled_in_has_a_row_with_what_brings_it() {
        let registry = Registry::of([]).expect("nothing contradicts nothing");
        let registry = registry.with_absent([("aws", "build with the feature `aws`")]);
        let rows = rows(&registry, &args(None)).expect("rows");
        assert_eq!(
            rows,
            [
                json!({"type": "aws", "available": {"local": false, "remote": false}, "hint": "build with the feature `aws`"})
            ]
        );
    }

    #[test]
    fn a_filter_that_fits_nothing_is_an_error() {
        let registry = Registry::of([]).expect("nothing contradicts nothing");
        assert!(rows(&registry, &args(Some("s3-bucket"))).is_err());
    }
}
