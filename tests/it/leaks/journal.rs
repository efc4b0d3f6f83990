//! The database while it is open, with its journal.

use connector_core::{Document, Secret};
use connector_tests::canary::Canary;
use connectors::Hub;
use connectors::hub::{self, Draft, Registration};
use serde_json::json;

use super::watch::{Class, Watch};

/// C1: while the store is open, its journal lies beside it and holds as little as the database.
#[tokio::test]
async fn c1_the_open_database_and_its_journal_hold_no_secret() {
    let watch = Watch::new();
    let (key, id) = (Canary::generate("the key"), Canary::of("the key id", "AKIAJOURNALJOURNAL00"));
    let hub = Hub::open(hub::Options::new(watch.cli.connector_home())).await.expect("a new store");
    let config = json!({
        "region": "us-east-1", "aws_access_key_id": "AKIAJOURNALJOURNAL00", "aws_secret_access_key": key.secret(),
    });
    let config = config.as_object().cloned().expect("an object");
    let document = Document::draft("open", "aws", "session-token", config);
    hub.register(Draft::new(document), Registration::Unverified).await.expect("a config in order");
    let stored = hub.get("open").await.expect("stored");
    let read = hub.store().secrets(&stored).await.expect("readable");
    assert_eq!(read.get("aws_secret_access_key").map(Secret::expose), Some(key.secret()), "it is in there");

    watch.watch(Class::Kept, key);
    watch.watch(Class::Kept, id);
    watch.watch_key_file();
    let names = std::fs::read_dir(watch.cli.connector_home()).expect("the store").flatten();
    let names: Vec<String> = names.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    for journal in ["store.db", "store.db-wal", "store.db-shm"] {
        assert!(names.iter().any(|name| name == journal), "{journal} is not there: {names:?}");
    }
    watch.assert_clean();
    hub.delete("open", false).await.expect("nobody needs it");
    watch.assert_clean();
    hub.store().clone().close().await;
    watch.assert_clean();
}
