use connector_core::{Error, ErrorKind};

use super::*;

#[tokio::test]
async fn c1_no_file_of_the_store_holds_a_secret_in_any_encoding() {
    use base64::Engine;
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    store.keep(&one.id, "token", &CANARY.into()).await.expect("kept");
    store.update(one, Some(secrets(CANARY)), at(2)).await.expect("updated");
    store.backup(&dir.path().join("copy.db")).await.expect("copied");
    let entry = connector_store::Entry {
        body: CANARY.into(),
        origin: connector_store::Digest::of(["x"]),
        born: at(0),
        refresh_at: at(50),
        wait_at: at(90),
        expires_at: at(100),
    };
    store.cache().put(&connector_store::Digest::of(["x"]), &[], &entry, at(0)).expect("cached");

    let hex: String = CANARY.bytes().map(|it| format!("{it:02x}")).collect();
    let mut forms = vec![CANARY.to_owned(), hex.to_uppercase(), hex];
    for skipped in 0..3 {
        // A canary inside a longer text: three alignments, without the ends that depend on neighbours.
        for engine in [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE] {
            let text = engine.encode(&CANARY.as_bytes()[skipped..]);
            forms.push(text[..20].to_owned());
        }
    }
    let mut seen = 0;
    let mut directories = vec![dir.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for found in std::fs::read_dir(directory).expect("listed") {
            let path = found.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let content = std::fs::read(&path).expect("read");
            seen += 1;
            for form in &forms {
                let found = content.windows(form.len()).any(|it| it == form.as_bytes());
                assert!(!found, "{form} in {}", path.display());
            }
        }
    }
    assert!(seen >= 6, "database, journal, copy, keys, index and entry were searched: {seen}");
}

/// A store with two connectors that are alike, closed.
async fn victims(directory: &Path) -> [Document; 2] {
    let store = open(directory).await;
    let one = put(&store, "one").await;
    let two = store.put_new(draft("two"), secrets("of two"), at(1_000)).await.expect("stored");
    for document in [&one, &two] {
        store.keep(&document.id, "token", &"kept".into()).await.expect("kept");
    }
    store.close().await;
    [one, two]
}

fn assert_caught<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Store, "{what}: {error:?}");
    assert!(error.message().contains("does not match its seal"), "{what}: {error:?}");
    assert!(error.hint().is_some() && !format!("{error:?}").contains(CANARY), "{what}: {error:?}");
}

#[tokio::test]
async fn c2_c3_rows_that_were_changed_moved_or_taken_away_are_refused() {
    let attacks = [
        (
            "a flipped byte",
            // Another one, whatever it was.
            "UPDATE secrets SET sealed = CAST(substr(sealed, 1, 20)
                || iif(substr(sealed, 21, 1) = x'00', x'01', x'00') || substr(sealed, 22) AS BLOB)",
        ),
        ("a cut value", "UPDATE secrets SET sealed = substr(sealed, 1, length(sealed) - 1)"),
        ("an empty value", "UPDATE secrets SET sealed = x''"),
        (
            "a flipped data key",
            "UPDATE seals SET wrapped = CAST(iif(substr(wrapped, 1, 1) = x'00', x'01', x'00')
                || substr(wrapped, 2) AS BLOB)",
        ),
        ("no data key", "DELETE FROM seals"),
        (
            "values of two connectors exchanged",
            "CREATE TEMP TABLE t AS SELECT * FROM secrets;
             UPDATE secrets SET sealed = (SELECT sealed FROM t WHERE t.field = secrets.field
                AND t.connector_id <> secrets.connector_id)",
        ),
        (
            "values of two fields exchanged",
            "CREATE TEMP TABLE t AS SELECT * FROM secrets;
             UPDATE secrets SET sealed = (SELECT sealed FROM t WHERE t.field <> secrets.field
                AND t.connector_id = secrets.connector_id)",
        ),
        (
            "names of two fields exchanged",
            "UPDATE secrets SET field = 'x' WHERE field = 'key';
             UPDATE secrets SET field = 'key' WHERE field = 'other';
             UPDATE secrets SET field = 'other' WHERE field = 'x'",
        ),
        (
            "data keys exchanged",
            "CREATE TEMP TABLE t AS SELECT * FROM seals;
             UPDATE seals SET wrapped = (SELECT wrapped FROM t WHERE t.connector_id <> seals.connector_id)",
        ),
        ("a field taken away", "DELETE FROM secrets WHERE field = 'other'"),
        ("all secrets taken away", "DELETE FROM secrets"),
        (
            "a field added",
            "INSERT INTO secrets SELECT secret_id, 'third', connector_id, edition, sealed FROM secrets
             WHERE field = 'key'",
        ),
        (
            "a secret of another connector",
            "UPDATE secrets SET connector_id = (SELECT min(id) FROM connectors)",
        ),
        ("a kept value taken away", "DELETE FROM kept"),
        ("another edition", "UPDATE seals SET edition = edition + 1"),
        ("another method", "UPDATE connectors SET document = json_set(document, '$.method', 'iam-role')"),
        (
            "an endpoint of the attacker's",
            "UPDATE connectors SET document = json_set(document, '$.config.endpoint_url', 'https://evil.example')",
        ),
        ("switched off", "UPDATE connectors SET document = json_set(document, '$.enabled', json('false'))"),
        (
            "more allowed",
            "UPDATE connectors SET document = json_set(document, '$.allow', json('[\"exec\"]'))",
        ),
        ("the same, written otherwise", "UPDATE connectors SET document = document || ' '"),
    ];
    for (what, sql) in attacks {
        let dir = tempfile::tempdir().expect("a directory");
        let victims = victims(dir.path()).await;
        run(dir.path(), sql).await;
        let store = open(dir.path()).await;
        let mut caught = 0;
        for victim in &victims {
            // What a caller has in hand is what he reads.
            let document =
                store.get(&victim.name).await.expect("documents read without a key").expect("there");
            let result = store.secrets(&document).await;
            caught += usize::from(result.is_err());
            if result.is_err() {
                assert_caught(result, what);
                assert_caught(store.kept(&document.id, "token").await, what);
                assert_caught(store.update(document, None, at(9)).await, what);
            }
        }
        let least = if what.starts_with("a secret of") { 1 } else { 2 };
        assert!(caught >= least, "{what}: {caught}");
    }
}

#[tokio::test]
async fn c3_a_row_from_an_older_copy_of_the_store_is_refused() {
    let attacks = [
        (
            "an old value",
            "UPDATE secrets SET sealed = (SELECT sealed FROM old.secrets o WHERE o.field = secrets.field)",
        ),
        ("an old row", "DELETE FROM main.secrets; INSERT INTO main.secrets SELECT * FROM old.secrets"),
        ("an old data key", "DELETE FROM main.seals; INSERT INTO main.seals SELECT * FROM old.seals"),
        (
            "an old secret and its data key",
            "DELETE FROM main.secrets; INSERT INTO main.secrets SELECT * FROM old.secrets;
             DELETE FROM main.seals; INSERT INTO main.seals SELECT * FROM old.seals",
        ),
        ("an old document", "UPDATE connectors SET document = (SELECT document FROM old.connectors)"),
        ("an old kept value", "DELETE FROM main.kept; INSERT INTO main.kept SELECT * FROM old.kept"),
    ];
    for (what, sql) in attacks {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path()).await;
        let first = put(&store, "one").await;
        store.keep(&first.id, "token", &"old".into()).await.expect("kept");
        store.backup(&dir.path().join("old.db")).await.expect("copied");
        let second =
            store.update(first, Some(secrets("revoked the first")), at(2_000)).await.expect("updated");
        store.keep(&second.id, "token", &"new".into()).await.expect("kept");
        store.close().await;

        let mut connection = raw(dir.path()).await;
        let old = dir.path().join("old.db").to_string_lossy().into_owned();
        sqlx::query("ATTACH DATABASE ? AS old").bind(old).execute(&mut connection).await.expect("attached");
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statement runs");
        sqlx::Connection::close(connection).await.expect("closed");

        let store = open(dir.path()).await;
        let document = store.get("one").await.expect("read").expect("there");
        assert_caught(store.secrets(&document).await, what);
    }
}

#[tokio::test]
async fn a_key_of_the_attackers_own_opens_nothing_and_replaces_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, _] = victims(dir.path()).await;
    let other = tempfile::tempdir().expect("a directory");
    let foreign = open(other.path()).await;
    put(&foreign, "one").await;
    foreign.close().await;
    // The row of the key and its file from another store.
    std::fs::copy(other.path().join("master.key"), dir.path().join("master.key")).expect("copied");
    let mut connection = raw(dir.path()).await;
    let source = other.path().join("store.db").to_string_lossy().into_owned();
    sqlx::query("ATTACH DATABASE ? AS other").bind(source).execute(&mut connection).await.expect("attached");
    sqlx::raw_sql("DELETE FROM main.master_key; INSERT INTO main.master_key SELECT * FROM other.master_key")
        .execute(&mut connection)
        .await
        .expect("replaced");
    sqlx::Connection::close(connection).await.expect("closed");
    assert_caught(read(&open(dir.path()).await, &one).await, "a foreign key");

    run(dir.path(), "DELETE FROM master_key").await;
    let store = open(dir.path()).await;
    for error in [
        read(&store, &one).await.expect_err("no key"),
        store
            .put_new(draft("new"), secrets("x"), at(0))
            .await
            .expect_err("no new key beside the old secrets"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
    }
}

#[tokio::test]
async fn c2_any_byte_of_the_file_either_carried_nothing_or_is_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, two] = victims(dir.path()).await;
    let path = dir.path().join("store.db");
    let whole = std::fs::read(&path).expect("read");
    let (mut same, mut refused) = (0, 0);
    // A stride that meets every kind of page; all bytes would take minutes.
    for index in (0..whole.len()).step_by(101) {
        let mut flipped = whole.clone();
        flipped[index] ^= 0x10;
        std::fs::write(&path, flipped).expect("written");
        let _ = (
            std::fs::remove_file(dir.path().join("store.db-wal")),
            std::fs::remove_file(dir.path().join("store.db-shm")),
        );
        let answer = async {
            let store = Store::open(options(dir.path())).await?;
            let mut answers = Vec::new();
            for name in ["one", "two"] {
                let document = store.get(name).await?.ok_or_else(|| Error::store("not found"))?;
                let value = read(&store, &document).await?;
                answers.push((document, value));
            }
            store.close().await;
            Ok::<_, Error>(answers)
        };
        match answer.await {
            Ok(answers) => {
                assert_eq!(
                    answers,
                    [(one.clone(), CANARY.into()), (two.clone(), "of two".into())],
                    "byte {index}"
                );
                same += 1;
            }
            Err(error) => {
                // Not found, when it was the byte of an index.
                let closed =
                    [ErrorKind::Store, ErrorKind::Refused, ErrorKind::NotFound].contains(&error.kind());
                assert!(closed, "byte {index}: {error:?}");
                refused += 1;
            }
        }
    }
    assert!(same > 0 && refused > 0, "{same} the same, {refused} refused");
}
