use connector_core::{Access, ErrorKind, Expiry, Visibility};
use connector_store::{Filter, Page, Period, audit};

use super::*;

#[tokio::test]
async fn s75_documents_and_secrets_are_stored_apart_and_come_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let mut wanted = draft("one");
    wanted.expires_at = Some(at(5_000) + Duration::from_millis(700));
    wanted.labels.insert("team".into(), "data".into());
    let stored = store.put_new(wanted, secrets(CANARY), at(1_000)).await.expect("stored");
    assert_eq!((stored.version, stored.created, stored.updated), (1, at(1_000), at(1_000)));
    assert_eq!(stored.expires_at, Some(at(5_000)), "whole seconds, as they are read back");
    assert!(
        !stored.id.is_empty() && stored.secret_id.is_some() && stored.secret_id.as_ref() != Some(&stored.id)
    );

    let again = open(dir.path()).await;
    assert_eq!(again.get("one").await.expect("read").as_ref(), Some(&stored));
    assert_eq!(again.get_by_id(&stored.id).await.expect("read").as_ref(), Some(&stored));
    assert_eq!(again.get("two").await.expect("read"), None);
    let opened = again.secrets(&stored).await.expect("opens");
    assert_eq!(opened["key"].expose(), CANARY);
    assert_eq!(opened["other"].expose(), "second");
    assert!(!serde_json::to_string(&stored).expect("JSON").contains(CANARY));

    let bare = again.put_new(draft("bare"), BTreeMap::new(), at(1)).await.expect("stored");
    assert_eq!(bare.secret_id, None);
    assert!(again.secrets(&bare).await.expect("opens").is_empty());
}

#[tokio::test]
async fn s78_an_update_replaces_secrets_and_an_older_reader_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let first = put(&store, "one").await;
    let mut changed = first.clone();
    changed.description = Some("new".into());
    changed.owner = "thief".into();
    changed.created = at(9);
    let second = store.update(changed.clone(), None, at(2_000)).await.expect("updated");
    assert_eq!((second.version, second.created, second.updated), (2, at(1_000), at(2_000)));
    assert_eq!((&*second.owner, &second.secret_id), ("", &first.secret_id));
    assert_eq!(read(&store, &second).await.expect("kept"), CANARY);

    let error = store.update(changed.clone(), None, at(3_000)).await.expect_err("it was changed meanwhile");
    assert_eq!((error.kind(), error.connector()), (ErrorKind::InvalidInput, Some("one")));
    assert_eq!(error.field_problems()[0].field, "version");
    let error = read(&store, &first).await.expect_err("an old document has no secrets any more");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    let third = store.update(second.clone(), Some(secrets("fresh")), at(4_000)).await.expect("updated");
    assert_eq!(read(&store, &third).await.expect("opens"), "fresh");
    let fourth = store.update(third, Some(BTreeMap::new()), at(5_000)).await.expect("updated");
    assert_eq!((fourth.version, &fourth.secret_id), (4, &None));
    assert_eq!(store.status().await.expect("status").secrets, 0, "the old ones are gone");

    let mut renamed = fourth;
    renamed.name = "two".into();
    let error = store.update(renamed, None, at(6_000)).await.expect_err("that is a rename");
    assert_eq!(error.field_problems()[0].field, "name");
}

#[tokio::test]
async fn names_are_unique_and_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    let two = put(&store, "two").await;
    for error in [
        store.put_new(draft("one"), secrets("x"), at(0)).await.expect_err("taken"),
        store.rename("two", "one", at(0)).await.expect_err("taken"),
        store.put_new(draft("Not A Name"), secrets("x"), at(0)).await.expect_err("no name"),
        store.rename("two", "", at(0)).await.expect_err("no name"),
    ] {
        assert_eq!((error.kind(), &*error.field_problems()[0].field), (ErrorKind::InvalidInput, "name"));
    }
    assert_eq!(store.get("one").await.expect("read"), Some(one));
    let three = store.rename("two", "three", at(7_000)).await.expect("renamed");
    assert_eq!((&*three.id, three.version), (&*two.id, 2));
    assert_eq!(store.get("two").await.expect("read"), None);
    assert_eq!(read(&store, &three).await.expect("opens"), CANARY);

    store.delete("three").await.expect("deleted");
    for error in [
        store.delete("three").await.expect_err("gone"),
        store.rename("three", "four", at(0)).await.expect_err("gone"),
        store.update(three.clone(), None, at(0)).await.expect_err("gone"),
        store.secrets(&three).await.expect_err("gone"),
        store.kept(&three.id, "x").await.expect_err("gone"),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let status = store.status().await.expect("status");
    assert_eq!((status.connectors, status.secrets), (1, 2));
}

#[tokio::test]
async fn listing_filters_and_pages() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let mut write = store.write().await.expect("begun");
    for (name, owner, label, shared) in [
        ("a", "ann", "x", false),
        ("b", "bob", "x", true),
        ("c", "bob", "it's \"y\"", false),
        ("d", "ann", "x", true),
    ] {
        let mut document = draft(name);
        document.owner = owner.into();
        document.workspace = if name == "d" { "other".into() } else { "default".into() };
        document.labels.insert("team \"q\"".into(), label.into());
        document.visibility = if shared { Visibility::Shared } else { Visibility::Private };
        document.enabled = name != "b";
        document.resource_type = (name == "c").then(|| "s3-bucket".into());
        document.connector_type = if name == "a" { "gcp".into() } else { "aws".into() };
        let registered = if name == "a" { at(1_000) } else { at(2_000) };
        write.put_new(document, BTreeMap::new(), registered).await.expect("stored");
    }
    let c = write.get("c").await.expect("read").expect("there");
    write.update(c, None, at(3_000)).await.expect("changed");
    write.commit().await.expect("committed");

    let label = |value: &str| BTreeMap::from([("team \"q\"".to_owned(), value.to_owned())]);
    let text = |it: &str| Some(it.to_owned());
    let cases = [
        (Filter::default(), "abcd"),
        (Filter { connector_type: text("aws"), ..Filter::default() }, "bcd"),
        (Filter { resource_type: text("s3-bucket"), ..Filter::default() }, "abcd"),
        (Filter { resource_type: text("secret"), ..Filter::default() }, "abd"),
        (Filter { owner: text("ann"), ..Filter::default() }, "ad"),
        (Filter { workspace: text("other"), ..Filter::default() }, "d"),
        (Filter { labels: label("it's \"y\""), ..Filter::default() }, "c"),
        (Filter { labels: label("x"), owner: text("bob"), ..Filter::default() }, "b"),
        (Filter { enabled: Some(false), ..Filter::default() }, "b"),
        (Filter { enabled: Some(true), ..Filter::default() }, "acd"),
        (Filter { visible_to: text("ann"), ..Filter::default() }, "abd"),
        (Filter { owner: text("' OR 1 --"), ..Filter::default() }, ""),
        (Filter { created: Period { from: Some(at(2_000)), before: None }, ..Filter::default() }, "bcd"),
        (Filter { created: Period { from: None, before: Some(at(2_000)) }, ..Filter::default() }, "a"),
        (Filter { updated: Period { from: Some(at(2_001)), before: None }, ..Filter::default() }, "c"),
        (
            Filter {
                updated: Period { from: Some(at(1_500)), before: Some(at(2_500)) },
                ..Filter::default()
            },
            "bd",
        ),
    ];
    for (filter, expected) in cases {
        let found = store.list(&filter, &Page::all()).await.expect("listed");
        assert_eq!(found.iter().map(|it| &*it.name).collect::<String>(), expected, "{filter:?}");
    }
    let mut page = Page::first(3);
    let names = |found: Vec<Document>| found.into_iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!(names(store.list(&Filter::default(), &page).await.expect("listed")), ["a", "b", "c"]);
    page.after = text("c");
    assert_eq!(names(store.list(&Filter::default(), &page).await.expect("listed")), ["d"]);
}

#[tokio::test]
async fn a_change_that_is_not_committed_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    let mut write = store.write().await.expect("begun");
    write.update(one.clone(), Some(secrets("other")), at(9)).await.expect("in the making");
    write.put_new(draft("two"), secrets("x"), at(9)).await.expect("in the making");
    write.delete("one").await.expect("in the making");
    assert_eq!(write.get("one").await.expect("read"), None);
    assert_eq!(write.list(&Filter::default(), &Page::all()).await.expect("listed").len(), 1);
    drop(write);
    assert_eq!(store.list(&Filter::default(), &Page::all()).await.expect("listed").len(), 1);
    assert_eq!(store.get("one").await.expect("read").as_ref(), Some(&one));
    assert_eq!(read(&store, &one).await.expect("opens"), CANARY);
}

#[tokio::test]
async fn what_a_method_keeps_is_sealed_beside_its_connector() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    assert!(store.kept(&one.id, "token").await.expect("read").is_none());
    store.keep(&one.id, "token", &"first".into()).await.expect("kept");
    store.keep(&one.id, "client", &"id".into()).await.expect("kept");
    store.keep(&one.id, "token", &"second".into()).await.expect("kept");
    let one = store.update(one, Some(secrets("new")), at(2)).await.expect("an update leaves it");
    let again = open(dir.path()).await;
    let kept = async |key| again.kept(&one.id, key).await.expect("read").map(|it| it.expose().to_owned());
    assert_eq!((kept("token").await, kept("client").await), (Some("second".into()), Some("id".into())));
    again.forget(&one.id, "token").await.expect("forgotten");
    assert_eq!((kept("token").await, kept("client").await), (None, Some("id".into())));
    assert_eq!(read(&again, &one).await.expect("the version stays"), "new");
    again.delete("one").await.expect("deleted");
    assert_eq!(again.status().await.expect("status").kept, 0);
}

#[tokio::test]
async fn c22_audit_records_are_numbered_durable_and_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    let one = put(&store, "one").await;
    let mut mint =
        audit::Record::new(at(100), audit::Action::Mint, "ann\n\"; DROP TABLE audit; --").about(&one);
    mint.resource_type = Some("s3-bucket".into());
    mint.resource_id = Some("s3://data".into());
    mint.within = Some("in/".into());
    mint.access = Some(Access::Write);
    mint.narrowed = Some(true);
    mint.narrowing = Some("session policy".into());
    mint.expires = Some(Expiry::At(at(3_700)));
    mint.process = Some(42);
    mint.host = Some("here".into());
    mint.seq = store.audit(&mint).await.expect("written");
    let mut second = audit::Record::new(at(200), audit::Action::ReadSecret, "bob");
    second.long_lived = true;
    second.expires = Some(Expiry::Never("a password has no end".into()));
    second.seq = store.audit(&second).await.expect("written");
    let mut write = store.write().await.expect("begun");
    write.audit(&audit::Record::new(at(300), audit::Action::Delete, "bob")).await.expect("in the making");
    drop(write);

    let again = open(dir.path()).await;
    let list = async |filter: audit::Filter| again.audit_list(&filter, 10).await.expect("listed");
    assert_eq!(list(audit::Filter::default()).await, [second.clone(), mint.clone()]);
    let filter = || audit::Filter::default();
    assert_eq!(list(audit::Filter { connector: Some("one".into()), ..filter() }).await, [mint.clone()]);
    assert_eq!(list(audit::Filter { connector: Some(one.id.clone()), ..filter() }).await, [mint.clone()]);
    assert_eq!(list(audit::Filter { caller: Some("bob".into()), ..filter() }).await, [second.clone()]);
    assert_eq!(list(audit::Filter { action: Some(audit::Action::Mint), ..filter() }).await, [mint.clone()]);
    assert_eq!(list(audit::Filter { since: Some(at(150)), ..filter() }).await, [second.clone()]);
    assert_eq!(list(audit::Filter { before: Some(second.seq), ..filter() }).await, [mint.clone()]);
    let json = serde_json::to_value([&mint, &second]).expect("JSON");
    assert_eq!(json[0]["expires"], "1970-01-01T01:01:40Z");
    assert_eq!(json[1]["expires"]["never"], "a password has no end");
    again.delete("one").await.expect("deleted");
    assert_eq!(list(audit::Filter::default()).await.len(), 2, "the audit outlives the connector");

    run(dir.path(), "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)").await;
    let error = again.audit(&mint).await.expect_err("the anchor knows of it");
    assert!(error.message().contains("rolled back"), "{error:?}");
    std::fs::remove_file(dir.path().join("master.key.anchor")).expect("removed");
    let next = again.audit(&mint).await.expect("written");
    assert!(next > second.seq, "a number is not used twice: a removed record leaves a gap");
}
