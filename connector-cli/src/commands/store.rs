//! `connector store`: looks after the store.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use connector_core::{Error, Result, Secret};
use connector_store::audit::{Action, Record};
use connector_store::{KeySource, Status, Store};
use serde_json::json;

use crate::app::App;
use crate::args::{RestoreArgs, RotateKeyArgs, StoreAction, StoreArgs};
use crate::output::Table;
use crate::{passphrase, person};

pub(crate) fn run(app: &App, args: &StoreArgs) -> Result<()> {
    match &args.action {
        StoreAction::Status => status(app),
        StoreAction::RotateKey(args) => rotate_key(app, args),
        StoreAction::Backup { file } => backup(app, file),
        StoreAction::Restore(args) => restore(app, args),
    }
}

fn status(app: &App) -> Result<()> {
    let status = app.with_store(async |store| store.status().await)?;
    app.output.show(&status, || status_table(app, &status))
}

fn status_table(app: &App, status: &Status) -> String {
    let key = match (&status.key_source, &status.key_location) {
        (Some(source), Some(place)) => format!("{source} {place}"),
        (Some(source), None) if source == "literal" => "from CONNECTOR_MASTER_KEY".to_owned(),
        (Some(source), None) => format!("from the {source}"),
        (None, _) => "none yet: it is made with the first secret".to_owned(),
    };
    let mut table = Table::properties();
    table
        .property("DIRECTORY", status.directory.display().to_string())
        .property("DATABASE", status.database.display().to_string())
        .property("SIZE", size(status.size))
        .property("SCHEMA VERSION", status.schema_version.to_string())
        .property("JOURNAL MODE", status.journal_mode.as_str())
        .property("CONNECTORS", status.connectors.to_string())
        .property("SECRETS", status.secrets.to_string())
        .property("KEPT BY METHODS", status.kept.to_string())
        .property("AUDIT RECORDS", status.audit_records.to_string())
        .property("MASTER KEY", key)
        .property("INTEGRITY", status.integrity.as_str());
    table.render(&app.output)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn rotate_key(app: &App, args: &RotateKeyArgs) -> Result<()> {
    let (source, remark) = new_source(app, args)?;
    let kind = source.kind();
    if args.keep_old.is_none() {
        confirm(
            "copies that were made before need the old key, and it is replaced for good; \
                 `--keep-old FILE` keeps it",
        )?;
    }
    app.with_store(async |store| {
        if let Some(file) = &args.keep_old {
            store.keep_key(&absolute(file)?).await?;
        }
        store.rotate_key(source, app.now()).await?;
        store.audit(&note(app, Action::RotateKey, kind)).await.map(drop)
    })?;
    app.output.show(&json!({ "rotated": true, "key_source": kind }), || {
        format!("everything is sealed under a new master key ({kind})")
    })?;
    if let Some(file) = &args.keep_old {
        app.output.hint(&format!("copies that were made before need the old key, in {}", file.display()));
    }
    if let Some(remark) = remark {
        app.output.warn(&remark);
    }
    Ok(())
}

/// Says what cannot be undone, and asks for leave where somebody is there to give it.
fn confirm(text: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Ok(());
    }
    let answer = person::ask_plain(&format!("{text}. Go on? [y/N]"))?;
    if answer.is_some_and(|answer| answer.to_lowercase().starts_with('y')) {
        return Ok(());
    }
    Err(Error::refused("left as it is"))
}

/// Where the new key comes from, and what has to be set up so that it is found there from now on.
fn new_source(app: &App, args: &RotateKeyArgs) -> Result<(KeySource, Option<String>)> {
    if let Some(file) = &args.to_file {
        let file = absolute(file)?;
        if let Some(parent) = file.parent().filter(|it| !it.is_dir()) {
            return Err(Error::not_found(format!("no directory {}", parent.display()))
                .with_hint("make it first: it is going to hold a secret"));
        }
        let shown = file.display();
        let remark = format!(
            "from now on, set `CONNECTOR_MASTER_KEY_FILE={shown}`, or `file = \"{shown}\"` under `[key]` in config.toml"
        );
        return Ok((KeySource::File(file), Some(remark)));
    }
    if let Some(name) = &args.to_env {
        let key = variable(name).ok_or_else(|| {
            Error::invalid(format!("the environment variable `{name}` is not set"))
                .with_hint("make a key with `openssl rand -base64 32`")
        })?;
        let remark = format!("from now on, give the value of `{name}` in `CONNECTOR_MASTER_KEY`");
        return Ok((KeySource::Literal(key), Some(remark)));
    }
    if args.to_keyring {
        return Ok((KeySource::Keyring, Some(remark_on_source("keyring"))));
    }
    let present = app.settings().key_source(true)?;
    match present {
        _ if args.to_passphrase => Ok((passphrase::replacement()?, Some(remark_on_source("passphrase")))),
        KeySource::Passphrase(_) => Ok((passphrase::replacement()?, None)),
        KeySource::Literal(_) => Err(Error::invalid("the master key comes from CONNECTOR_MASTER_KEY")
            .with_hint("put a new one into another variable, and name it: `--to-env NAME`")),
        other => Ok((other, None)),
    }
}

fn remark_on_source(source: &str) -> String {
    format!("from now on, have `source = \"{source}\"` under `[key]` in config.toml")
}

fn backup(app: &App, file: &Path) -> Result<()> {
    if file == Path::new("-") {
        return Err(Error::invalid("a backup goes to a file, not to standard output")
            .with_hint("name a file; `./-` is one of that name"));
    }
    app.with_store(async |store| {
        store.backup(file).await?;
        store.audit(&note(app, Action::Backup, &file.display().to_string())).await.map(drop)
    })?;
    app.output.show(&json!({ "backup": file }), || format!("wrote {}", file.display()))?;
    app.output.hint("it does not hold the master key: keep that too, apart from it");
    Ok(())
}

fn restore(app: &App, args: &RestoreArgs) -> Result<()> {
    Store::check_backup(&args.file)?;
    if !args.force {
        check_empty(app)?;
    }
    let options = app.store_options()?;
    let status = app.block_on(async {
        let note = note(app, Action::Restore, &args.file.display().to_string());
        let store = Store::restore(options, &args.file, &note).await?;
        let status = store.status().await?;
        store.close().await;
        Ok(status)
    })?;
    app.output.show(&status, || format!("restored {} connectors", status.connectors))
}

/// What is there is not replaced unasked; what cannot be read may still be worth saving.
fn check_empty(app: &App) -> Result<()> {
    let options = app.store_options()?;
    if !options.directory.join("store.db").exists() {
        return Ok(());
    }
    let hint = "`--force` replaces the store; what was there stays beside it as store.db.before-restore";
    let status = app.with_store(async |store| store.status().await).map_err(|error| error.with_hint(hint))?;
    match status.connectors {
        0 => Ok(()),
        one_or_more => {
            Err(Error::invalid(format!("the store holds {one_or_more} connectors already")).with_hint(hint))
        }
    }
}

/// An audit record of what was done with the store.
fn note(app: &App, action: Action, detail: &str) -> Record {
    let mut record = Record::of(&app.context(), action);
    record.detail = Some(detail.to_owned());
    record
}

/// A path that means the same wherever the program is started next.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::invalid(format!("not a path: {}", error.kind())))
}

fn variable(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new)
}
