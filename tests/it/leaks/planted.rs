//! The harness fails when a leak is put in: one for each class of place.

use std::process::Command;

use connector_core::Error;
use connector_tests::canary::Canary;
use connector_tests::process;

use super::shown;
use super::watch::{Class, Watch};

/// A harness that watches for one secret, and that secret.
fn planted() -> (Watch, String) {
    let watch = Watch::new();
    let canary = Canary::generate("planted");
    let secret = canary.secret().to_owned();
    watch.watch(Class::Kept, canary);
    watch.assert_clean();
    (watch, secret)
}

/// The place of the only leak.
#[track_caller]
fn only_leak(watch: &Watch) -> String {
    let leaks = watch.leaks();
    assert_eq!(leaks.len(), 1, "{leaks:?}");
    leaks[0].place.clone()
}

fn shell(watch: &Watch, script: &str, secret: &str) -> process::Finished {
    let mut shell = process::isolated("/bin/sh", &watch.cli.home());
    watch.cli.keep(process::run(shell.args(["-c", script]).env("PLANTED", secret)))
}

#[test]
fn a_leak_into_an_output_is_found() {
    for (stream, script) in [("output", "echo \"$PLANTED\""), ("error", "echo \"TRACE key=$PLANTED\" >&2")] {
        let (watch, secret) = planted();
        shell(&watch, script, &secret);
        assert!(only_leak(&watch).starts_with(&format!("standard {stream} of ")));
    }
}

#[test]
fn a_leak_into_a_file_is_found() {
    for folder in ["home", "home/tmp", "state", "state/cache"] {
        let (watch, secret) = planted();
        let folder = watch.cli.home().join("..").join(folder);
        std::fs::create_dir_all(&folder).expect("the home is ours");
        std::fs::write(folder.join("leak"), [b"\0\xff", secret.as_bytes(), b"\xfe"].concat()).expect("ours");
        assert!(only_leak(&watch).ends_with("/leak"));
    }
}

#[test]
fn a_leak_into_the_database_or_its_journal_is_found() {
    use connector_core::Document;
    let (watch, secret) = planted();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = connectors::hub::Options::new(watch.cli.connector_home());
        let hub = connectors::Hub::open(options).await.expect("a new store");
        let config = serde_json::json!({
            "region": "us-east-1", "aws_access_key_id": "AKIAX", "aws_secret_access_key": "one-that-is-not-watched",
        });
        let config = config.as_object().cloned().expect("an object");
        let mut document = Document::draft("leaky", "aws", "session-token", config);
        // A description is stored in clear: whoever writes a secret there is found out.
        document.description = Some(secret);
        let draft = connectors::hub::Draft::new(document);
        hub.register(draft, connectors::hub::Registration::Unverified).await.expect("a config in order");
        let places: Vec<String> = watch.leaks().into_iter().map(|it| it.place).collect();
        assert!(places.iter().any(|it| it.ends_with("store.db-wal")), "the journal: {places:?}");
        hub.store().close().await;
    });
    let places: Vec<String> = watch.leaks().into_iter().map(|it| it.place).collect();
    assert!(places.iter().any(|it| it.ends_with("store.db")), "the database: {places:?}");
}

#[test]
fn a_leak_into_a_child_is_found() {
    for (part, script) in
        [("cmdline", "RECORDER --key=\"$PLANTED\""), ("environ", "LEAK=\"$PLANTED\" RECORDER")]
    {
        let (watch, secret) = planted();
        let recorder = watch.recorder("child", "", 0);
        // The shell that starts it has the secret in its environment by right; the recorder has not.
        let script = format!("LEAKED=$PLANTED; unset PLANTED; PLANTED=$LEAKED; unset LEAKED; {script}");
        let script = script.replace("RECORDER", recorder.to_str().expect("a temporary path is text"));
        shell(&watch, &script, &secret);
        let found: Vec<String> = watch.leaks().into_iter().map(|it| it.place).collect();
        assert!(found.iter().any(|it| it.ends_with(&format!("child.own.{part}"))), "{part}: {found:?}");
    }
}

/// What may stand in one sink may not stand in another place, nor another class of secret in that sink.
#[test]
fn a_secret_in_another_ones_sink_is_found() {
    let watch = Watch::new();
    let alice = watch.user("alice");
    watch.role_connector(&alice);
    let bucket = ["--resource-type", "s3-bucket", "--resource-id", "data"];
    let issued = crate::stage::keys_of(&watch.cli.json(&[&["issue", "data"][..], &bucket].concat()));
    watch.assert_clean();
    let answer = |command: &str, text: &str| {
        let mut echo = Command::new("/bin/echo");
        let mut finished = process::run(echo.arg(text));
        finished.command = format!("connector {command}");
        watch.cli.keep(finished);
        watch.leaks().len()
    };
    let token = issued.session_token.as_deref().expect("a session has one");
    assert_eq!(answer("env data ", token), 0, "a sink");
    let in_audit = answer("audit -o json", token);
    assert!(in_audit > 0, "an issued token in the audit");
    let in_explain = answer("explain data -o json", &issued.secret_access_key);
    assert!(in_explain > in_audit, "an issued key in what is explained");
    let kept = answer("issue data -o json", &alice.secret_access_key);
    assert!(kept > in_explain, "a kept key in what is issued");
}

#[test]
fn a_leak_into_an_error_is_found_wherever_it_stands_in_it() {
    let canary = Canary::generate("planted");
    let secret = canary.secret();
    let io = std::io::Error::other(secret.to_owned());
    let errors = [
        Error::invalid(format!("wrong: {secret}")),
        Error::invalid("wrong").with_hint(secret),
        Error::invalid("wrong").with_cause(secret),
        Error::field("key", format!("not a key: {secret}")),
        Error::invalid("wrong").with_source(io),
    ];
    for error in errors {
        assert_ne!(shown::of_error("an error", &error, std::slice::from_ref(&canary)), []);
    }
    let fine = Error::invalid("wrong").with_hint("mend it").with_cause("it is");
    assert_eq!(shown::of_error("an error", &fine, &[canary]), []);
}

#[test]
fn a_leak_into_debug_is_found() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "it is only shown")]
    struct Careless {
        key: String,
    }
    let canary = Canary::generate("planted");
    let careless = Careless { key: canary.secret().to_owned() };
    assert_ne!(shown::of_debug("careless", &careless, &[canary]), []);
}

#[test]
fn a_leak_in_another_form_is_found() {
    use base64::Engine as _;
    let (_, secret) = planted();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let inside = base64::engine::general_purpose::STANDARD.encode(format!("user:{secret}"));
    let url: String = secret.replace('+', "%2B").replace('/', "%2F");
    let json = secret.replace('/', "\\/");
    for form in [hex, inside, url, json] {
        let watch = Watch::new();
        watch.watch(Class::Kept, Canary::of("planted", &secret));
        std::fs::write(watch.cli.connector_home().join("leak"), form).expect("ours");
        assert_ne!(watch.leaks(), []);
    }
}
