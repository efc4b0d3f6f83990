//! What becomes of the audit when a copy is put in the place of a store.

use std::path::Path;

use connector_core::Result;
use sqlx::SqliteConnection;

use super::chain::{self, AuditKey};
use super::{Record, Written};
use crate::database;
use crate::key::MasterKey;

/// Settles which audit goes on, before the rows of `source` replace those of `main`; the caller is in a
/// transaction. Returns the note with what there is to say of it.
///
/// The audit that is there stays. Its key has to open with the master key of the copy from now on: it does
/// where that is the present one, and the copy's own key is the same where the copy is one of this store.
/// A key that is lost takes the seals with it: the links stay, and the seal of the note covers them.
pub(crate) async fn merge(
    connection: &mut SqliteConnection,
    master: Option<&MasterKey>,
    note: &Record,
    path: &Path,
) -> Result<Record> {
    let fault = |it| database::fault(path, it);
    let is_empty: bool = sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM main.audit)")
        .fetch_one(&mut *connection)
        .await
        .map_err(fault)?;
    if is_empty {
        sqlx::raw_sql(TAKE_OVER).execute(connection).await.map_err(fault)?;
        return Ok(note.clone());
    }
    let mut note = note.clone();
    let unknown: i64 = sqlx::query_scalar(UNKNOWN).fetch_one(&mut *connection).await.map_err(fault)?;
    if unknown > 0 {
        say(&mut note, &format!("{unknown} records of the copy are not in this audit"));
    }
    let present = chain::KeyRow::read(&mut *connection).await.map_err(fault)?;
    if present.zip(master).is_some_and(|(row, master)| AuditKey::open(&row, master).is_some()) {
        return Ok(note);
    }
    let copied = chain::KeyRow::read_copied(&mut *connection).await.map_err(fault)?;
    let copied = copied.zip(master).and_then(|(row, master)| AuditKey::open(&row, master));
    let fits = match &copied {
        Some(key) => chain::is_sealed_with(&mut *connection, key).await.map_err(fault)?,
        None => false,
    };
    if !fits && chain::sealed_head(&mut *connection).await.map_err(fault)?.is_some() {
        say(&mut note, "the audit before was sealed with another key");
        sqlx::raw_sql("UPDATE main.audit SET mac = NULL").execute(&mut *connection).await.map_err(fault)?;
    }
    sqlx::raw_sql(TAKE_KEY).execute(connection).await.map_err(fault)?;
    Ok(note)
}

/// Writes the note behind the last record, with the key that [`merge`] settled on. The caller commits.
pub(crate) async fn note(
    connection: &mut SqliteConnection,
    master: Option<&MasterKey>,
    note: &Record,
    path: &Path,
) -> Result<Written> {
    let key = match master {
        Some(master) => Some(chain::key(connection, master, path).await?),
        None => None,
    };
    let head = chain::append(connection, &[note], key.as_ref()).await;
    Ok(Written::new(head.map_err(|it| database::fault(path, it))?, key))
}

fn say(note: &mut Record, what: &str) {
    note.detail = Some(match note.detail.take() {
        Some(detail) => format!("{detail}; {what}"),
        None => what.to_owned(),
    });
}

/// Both have the same schema, so the same columns.
const TAKE_OVER: &str = "
    INSERT INTO main.audit SELECT * FROM source.audit;
    DELETE FROM main.audit_key;
    INSERT INTO main.audit_key SELECT * FROM source.audit_key;
";

const TAKE_KEY: &str = "
    DELETE FROM main.audit_key;
    INSERT INTO main.audit_key SELECT * FROM source.audit_key;
";

const UNKNOWN: &str = "
    SELECT count(*) FROM source.audit AS there WHERE NOT EXISTS (
        SELECT 1 FROM main.audit AS here
        WHERE here.seq = there.seq AND here.at = there.at AND here.link IS there.link)
";
