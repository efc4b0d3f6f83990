//! The SQLite file: opening it, bringing its schema up to date, and its errors in the family's words.

use std::path::Path;
use std::time::Duration;

use connector_core::{Error, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use crate::{error, file};

/// What each version of the schema adds, from the first one on. A published step never changes.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/0001_store.sql"),
    include_str!("migrations/0002_times.sql"),
    include_str!("migrations/0003_audit.sql"),
];

/// The version of the schema that this program writes.
pub(crate) const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks the file as ours, in SQLite's header: "cnct".
const APPLICATION_ID: u32 = 0x636e_6374;

/// Readers of one process at the same time; there is only ever one writer.
const MOST_CONNECTIONS: u32 = 8;

/// How a database file is opened.
///
/// The journal is a write-ahead log, set once when the file is made: readers of other processes go on
/// while one writes, and a commit is one flush (`synchronous = FULL`: it survives a power cut). Freed
/// pages are overwritten.
fn options(path: &Path, wait: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(wait)
        .pragma("secure_delete", "ON")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// Opens the database of a store and brings it up to date; the caller holds the store's lock if it may
/// have to be made or changed.
pub(crate) async fn open(path: &Path, wait: Duration) -> Result<SqlitePool> {
    if file::is_link(path) {
        return Err(Error::store(format!("{} is a link", path.display()))
            .with_hint("put the file itself there: a store does not follow links"));
    }
    let pool = SqlitePoolOptions::new()
        .max_connections(MOST_CONNECTIONS)
        .acquire_timeout(wait.max(Duration::from_secs(1)) * 2)
        // The file is local: a connection does not go stale.
        .test_before_acquire(false)
        // SQLite ends a transaction by itself when the disk is full; the driver does not notice, and such a
        // connection begins none any more. What is still to be rolled back is done at the ping, which who only
        // read is spared: it costs as much as a read.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options(path, wait))
        .await
        .map_err(|it| fault(path, it))?;
    Ok(pool)
}

/// One connection apart from any pool.
pub(crate) async fn connect(path: &Path, wait: Duration) -> Result<SqliteConnection> {
    connect_copy(path, path, wait).await
}

/// One connection to a copy of a file; errors name the file that it is of.
pub(crate) async fn connect_copy(copy: &Path, of: &Path, wait: Duration) -> Result<SqliteConnection> {
    options(copy, wait).connect().await.map_err(|it| fault(of, it))
}

/// Ends a connection, so that its journal is folded into the file if nobody else has it open.
pub(crate) async fn close(connection: SqliteConnection, path: &Path) -> Result<()> {
    connection.close().await.map_err(|it| fault(path, it))
}

/// The version of the schema in the file: 0 when it is still empty.
///
/// # Errors
/// When it is no database, somebody else's, or of a newer program.
pub(crate) async fn version(connection: &mut SqliteConnection, path: &Path) -> Result<u32> {
    let found: (u32, u32, bool) = sqlx::query_as(
        "SELECT (SELECT user_version FROM pragma_user_version), \
                (SELECT application_id FROM pragma_application_id), \
                EXISTS (SELECT 1 FROM sqlite_schema)",
    )
    .fetch_one(connection)
    .await
    .map_err(|it| fault(path, it))?;
    match found {
        (0, 0, false) => Ok(0),
        (version, APPLICATION_ID, true) if version > SCHEMA_VERSION => Err(Error::store(format!(
            "the store at {} has schema version {version}, this program knows versions up to {SCHEMA_VERSION}",
            path.display()
        ))
        .with_hint(NEWER)),
        (version, APPLICATION_ID, true) if version > 0 => Ok(version),
        _ => Err(Error::store(format!("the database at {} is not a connector store", path.display()))
            .with_hint("choose another directory with CONNECTOR_HOME")),
    }
}

/// What to do about a file of a newer program.
pub(crate) const NEWER: &str = "install the newer version of `connector` that wrote it";

/// Applies what the file lacks; the caller holds the store's lock.
pub(crate) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<()> {
    let found = version(connection, path).await? as usize;
    let steps = MIGRATIONS.get(found..).unwrap_or_default();
    let apply = async {
        if found == 0 {
            sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await?;
        }
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        for step in steps {
            sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        }
        let mark =
            format!("PRAGMA user_version = {SCHEMA_VERSION}; PRAGMA application_id = {APPLICATION_ID}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(mark)).execute(&mut *transaction).await?;
        transaction.commit().await
    };
    if steps.is_empty() { Ok(()) } else { apply.await.map_err(|it| fault(path, it)) }
}

/// Looks for damage in the whole file: `ok`, or what was found.
pub(crate) async fn integrity(connection: &mut SqliteConnection) -> sqlx::Result<String> {
    let mut found: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(10)").fetch_all(&mut *connection).await?;
    let orphans: Vec<String> = sqlx::query_scalar("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check")
        .fetch_all(connection)
        .await?;
    if !orphans.is_empty() {
        found.retain(|it| it != "ok");
        found.extend(orphans.iter().map(|table| format!("rows of no connector in {table}")));
    }
    Ok(found.join("; "))
}

/// An error of SQLite or its driver. The text of SQLite is left out, its code is kept: the text may quote
/// what is stored.
pub(crate) fn fault(path: &Path, error: sqlx::Error) -> Error {
    let shown = path.display();
    let code = code(&error);
    let out = match (code.map(|it| it & 0xff), &error) {
        (Some(BUSY | LOCKED), _) | (None, sqlx::Error::PoolTimedOut) => {
            error::locked(path.parent().unwrap_or(path))
        }
        // Our statements are fixed: what makes one fail is what is stored.
        (Some(CORRUPT | ERROR), _) => error::damaged(format!("the store at {shown} is damaged")),
        (Some(NOT_A_DATABASE), _) => error::damaged(format!("the file at {shown} is not a database")),
        (Some(FULL), _) => error::disk_full("the store", path),
        (Some(READ_ONLY | CANNOT_OPEN | PERMISSION), _) => error::not_writable("the store", path),
        (None, sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound) => {
            error::damaged(format!("the store at {shown} holds a row that does not read"))
        }
        _ => Error::store(format!("the store at {shown} failed"))
            .with_hint("look at it with `connector store status`, and restore a backup if it is damaged"),
    };
    let out = match code {
        Some(code) => out.with_cause(format!("SQLite code {code}")),
        None => out,
    };
    out.with_source(error)
}

/// Whether the file is beyond reading, so that only a backup helps.
pub(crate) fn is_damage(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|it| it.downcast_ref::<sqlx::Error>());
    matches!(source.and_then(code).map(|it| it & 0xff), Some(CORRUPT | NOT_A_DATABASE | ERROR))
}

/// Whether a row was refused because its key is taken.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// SQLite's extended result code.
fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

// Primary result codes: https://www.sqlite.org/rescode.html
const ERROR: u32 = 1;
const PERMISSION: u32 = 3;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READ_ONLY: u32 = 8;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANNOT_OPEN: u32 = 14;
const NOT_A_DATABASE: u32 = 26;

#[cfg(test)]
mod tests {
    use connector_core::ErrorKind;

    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_named_and_the_step_is_undone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("store.db");
        file::create_new(&path).expect("made");
        let mut connection = connect(&path, Duration::ZERO).await.expect("connected");
        // SQLite's own bound fails with the same code as a disk without space.
        sqlx::raw_sql("PRAGMA max_page_count = 5").execute(&mut connection).await.expect("bounded");
        let error = migrate(&mut connection, &path).await.expect_err("it needs more pages");
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.message().contains("no space is left"), "{error:?}");
        assert!(error.hint().is_some() && error.causes() == ["SQLite code 13"], "{error:?}");

        assert_eq!(version(&mut connection, &path).await.expect("still readable"), 0);
        sqlx::raw_sql("PRAGMA max_page_count = 1000").execute(&mut connection).await.expect("freed");
        migrate(&mut connection, &path).await.expect("there is space now");
        assert_eq!(version(&mut connection, &path).await.expect("readable"), SCHEMA_VERSION);
        assert_eq!(integrity(&mut connection).await.expect("readable"), "ok");
    }
}
