//! `connector logout` and `connector undo`: take back what logins wrote.

use connector_core::{Error, Result};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{LogoutArgs, UndoArgs};
use crate::logins::{self, TakenBack};
use crate::output::Table;

pub(crate) fn run(app: &App, args: &LogoutArgs) -> Result<()> {
    let done = logins::log_out(app.home(), |all| {
        (0..all.len()).filter(|at| all[*at].connector == args.name).collect()
    })?;
    if done.is_empty() {
        return Err(Error::not_found(format!("no login of connector `{}` was written", args.name))
            .with_hint("`connector login` writes one")
            .with_connector(&*args.name));
    }
    show(app, &done)
}

pub(crate) fn undo(app: &App, _: &UndoArgs) -> Result<()> {
    let done = logins::log_out(app.home(), |all| all.len().checked_sub(1).into_iter().collect())?;
    if done.is_empty() {
        return Err(Error::not_found("no login is left that could be taken back"));
    }
    show(app, &done)
}

fn show(app: &App, done: &[TakenBack]) -> Result<()> {
    let rows = done.iter().map(|TakenBack { login, files }| {
        let files: Vec<Value> = files
            .iter()
            .map(|it| json!({ "path": it.path.to_string_lossy(), "removed": it.whole, "left": it.what, "under": it.under }))
            .collect();
        json!({ "connector": login.connector, "kind": login.kind, "name": login.name, "static": login.is_static, "files": files })
    });
    app.output.show(&json!({ "taken_back": rows.collect::<Vec<_>>() }), || {
        let mut table = Table::new(["KIND", "NAME", "FILE", "NOW"]);
        for TakenBack { login, files } in done {
            for it in files {
                let now = match (&it.under, it.what.as_slice()) {
                    _ if it.whole => "removed: nothing else was in it".to_owned(),
                    (Some(other), []) => format!("without it; a later login of `{other}` stays"),
                    (None, []) => "as it was before".to_owned(),
                    (_, left) => format!("left, changed since: {}", left.join(", ")),
                };
                table.row([
                    login.kind.as_str().into(),
                    login.name.as_str().into(),
                    it.path.to_string_lossy().as_ref().into(),
                    now.into(),
                ]);
            }
        }
        table.render(&app.output)
    })?;
    for it in done.iter().flat_map(|it| &it.files).filter(|it| !it.what.is_empty()) {
        app.output.warn(&format!(
            "{}: somebody changed {} since the login; it is left as it is",
            it.path.display(),
            it.what.join(", ")
        ));
    }
    Ok(())
}
