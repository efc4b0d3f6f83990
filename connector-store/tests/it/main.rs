//! The store as its users see it, and as an attacker with its files does.

#![expect(clippy::disallowed_methods, reason = "a second process is a part of what is tested")]

mod cache;
mod concurrent;
mod documents;
mod failure;
mod keys;
mod restore;
mod tamper;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_core::{Document, Secret};
use connector_store::{KeySource, Options, Store};
use sqlx::{ConnectOptions, SqliteConnection};

/// A secret that is looked for everywhere.
const CANARY: &str = "canary+secret/7f3a91c2d4";

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn options(directory: &Path) -> Options {
    // Long, so that a busy machine is no failure; who tests waiting says how long.
    Options::new(directory).with_wait(Duration::from_secs(60))
}

async fn open(directory: &Path) -> Store {
    Store::open(options(directory)).await.expect("the store opens")
}

/// A key that is cheap to use.
fn literal(byte: u8) -> KeySource {
    use base64::Engine;
    KeySource::Literal(base64::engine::general_purpose::STANDARD.encode([byte; 32]).into())
}

fn draft(name: &str) -> Document {
    let config = serde_json::json!({ "region": "eu-central-1", "key": "{{.key}}" });
    Document::draft(name, "aws", "secret-key", config.as_object().expect("an object").clone())
}

fn secrets(value: &str) -> BTreeMap<String, Secret> {
    BTreeMap::from([("key".to_owned(), value.into()), ("other".to_owned(), "second".into())])
}

async fn put(store: &Store, name: &str) -> Document {
    store.put_new(draft(name), secrets(CANARY), at(1_000)).await.expect("stored")
}

async fn read(store: &Store, document: &Document) -> connector_core::Result<String> {
    store.secrets(document).await.map(|it| it["key"].expose().to_owned())
}

/// The database, as somebody who found the file sees it.
async fn raw(directory: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.join("store.db"));
    options.foreign_keys(false).connect().await.expect("a database")
}

async fn run(directory: &Path, sql: &'static str) {
    let mut connection = raw(directory).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statement runs");
    sqlx::Connection::close(connection).await.expect("closed");
}
