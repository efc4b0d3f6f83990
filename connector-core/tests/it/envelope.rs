//! The form in which a credential travels.

use connector_core::{Envelope, ErrorKind, Expiry, Handle, Issued, Result, Secret};
use serde_json::{Value, json};

use crate::acme::{Bucket, CANARY, Keys, Login, World, assert_clean, shown};
use crate::third_party::Ticket;

/// The wire form, with `change` put over it.
fn wire(change: Value) -> Value {
    let mut wire = json!({
        "version": 1, "kind": "acme-keys", "connector": "it",
        "resource": {"type": "bucket", "id": "acme://data"}, "within": null, "access": "read",
        "expires_at": "2026-01-01T01:00:00Z", "provider_expiry": "2026-01-01T12:00:00Z",
        "narrowed": false, "reason": "auth method `login` narrows nothing", "long_lived": false,
        "public": {"user": "ada"}, "secret": {"token": format!("{CANARY}-token")},
    });
    for (key, value) in change.as_object().expect("an object") {
        wire[key] = value.clone();
    }
    wire
}

fn read(change: Value) -> Result<Envelope> {
    Envelope::from_json(&wire(change).to_string())
}

fn written(envelope: &Envelope) -> Value {
    serde_json::from_str(envelope.to_json().expose()).expect("it is JSON")
}

#[tokio::test]
async fn s31_an_envelope_holds_what_is_true_of_a_credential_and_shows_no_secret() -> Result<()> {
    let world = World::default();
    let handle: Handle<Bucket> = world.connector(Login::new()).resource("acme://data").await?;
    let envelope = handle.envelope().await?;
    let expected = json!({
        "connector": "", "expires_at": "2026-01-01T12:00:00Z", "secret": {"token": format!("{CANARY}-token-1")},
    });
    assert_eq!(written(&envelope), wire(expected));
    let hidden = envelope.to_hidden();
    assert_eq!(hidden["secret"], json!({"token": "[HIDDEN]"}));
    assert_clean(&format!("{hidden} {envelope:?} {:?} {:?}", envelope.to_json(), envelope.fields));
    Ok(())
}

#[test]
fn hostile_values_survive_the_round_trip() -> Result<()> {
    for hostile in [
        "\"},\"version\":2,\"x\":{\"",
        "line\nbreak\r\t\u{0}",
        "\u{202e}\u{feff}ü🦀",
        "{{.key}}",
        "[HIDDEN]",
        "",
    ] {
        let change = json!({
            "connector": hostile, "within": hostile, "reason": hostile,
            "resource": {"type": hostile, "id": hostile}, "public": {hostile: hostile, "user": hostile},
            "secret": {hostile: hostile, "token": hostile},
        });
        let envelope = read(change.clone())?;
        assert_eq!(written(&envelope), wire(change));
        let issued: Issued<Keys> = envelope.open()?;
        assert_eq!((issued.credential.token.expose(), issued.credential.user.as_str()), (hostile, hostile));
    }
    Ok(())
}

#[test]
fn what_never_ends_says_why() -> Result<()> {
    let change = json!({"expires_at": null, "provider_expiry": null, "never": "by hand", "long_lived": true});
    let envelope = read(change.clone())?;
    assert_eq!(envelope.expiry, Expiry::Never("by hand".into()));
    assert_eq!(written(&envelope), wire(change));
    let issued: Issued<Keys> = envelope.open()?;
    assert!(issued.long_lived && !issued.narrowing().is_narrowed());
    // Advertised shorter than the provider makes it: the reason is that of the provider's.
    let change = json!({"provider_expiry": null, "never": "by hand"});
    let envelope = read(change.clone())?;
    assert_eq!(envelope.provider_expiry, Expiry::Never("by hand".into()));
    assert_eq!(written(&envelope), wire(change));
    Ok(())
}

#[test]
fn an_unknown_kind_passes_through_unopened() -> Result<()> {
    let change = json!({"kind": "from-the-future", "public": {"a": [1, {"b": null}]}, "secret": {"s": "t"}});
    let envelope = read(change.clone())?;
    assert_eq!(written(&envelope), wire(change));
    assert!(envelope.open::<Keys>().is_err());
    Ok(())
}

#[test]
fn fields_that_a_kind_does_not_know_are_ignored_and_missing_ones_are_named() -> Result<()> {
    read(json!({"public": {"user": "ada", "colour": "red"}}))?.open::<Keys>()?;
    for (change, field) in [
        (json!({"public": {}}), "user"),
        (json!({"secret": {}}), "token"),
        (json!({"public": {"user": 1}}), "user"),
    ] {
        let error = read(change)?.open::<Keys>().expect_err("it is missing");
        assert_eq!(error.field_problems()[0].field, field);
        shown(&error);
    }
    Ok(())
}

#[test]
fn another_kind_another_version_or_another_shape_is_refused_and_nothing_is_quoted() -> Result<()> {
    let error = read(json!({}))?.open::<Ticket>().map(drop).expect_err("it is of another kind");
    assert_eq!(error.message(), "the envelope holds a credential of kind `acme-keys`, not `forge-ticket`");
    for (change, message) in [
        (
            json!({"version": 2, "quantum": true}),
            "the credential envelope has version 2; this program reads 1",
        ),
        (json!({"quantum": CANARY}), "not a credential envelope"),
        (json!({"resource": {"type": "a", "id": "b", "more": CANARY}}), "not a credential envelope"),
        (json!({"secret": {"token": [CANARY]}}), "not a credential envelope"),
        (json!({"access": CANARY}), "not a credential envelope"),
        (json!({"narrowed": CANARY}), "not a credential envelope"),
        (json!({"expires_at": CANARY}), "not a time: expected RFC 3339 such as 2026-11-22T03:36:43Z"),
    ] {
        let error = read(change).expect_err(message);
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, message));
        shown(&error);
    }
    for garbage in ["", "null", "[]", "{}", CANARY, "{\"version\":1}", &"[".repeat(65_536)] {
        shown(&Envelope::from_json(garbage).expect_err("it is garbage"));
    }
    Ok(())
}

#[test]
fn tools_and_environment_come_from_the_kind_by_name() -> Result<()> {
    let registry = World::default().registry;
    let envelope = read(json!({}))?;
    assert_eq!(registry.tools("acme-keys")?, ["acmectl"]);
    let token: Secret = registry.tool(&envelope, "acmectl")?;
    assert_eq!(token.expose(), format!("{CANARY}-token"));
    let error = registry.tool(&envelope, "kubectl").expect_err("there is none");
    assert_eq!(
        error.message(),
        "a credential of kind `acme-keys` has no form for `kubectl`; possible: acmectl"
    );
    let environment = registry.environment(&envelope)?;
    let names: Vec<_> = environment.set.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        (names, environment.unset.clone()),
        (vec!["ACME_TOKEN", "ACME_USER"], vec!["ACME_PROFILE".into()])
    );
    assert_clean(&format!("{environment:?}"));
    let error = registry.tool(&read(json!({"kind": "unknown"}))?, "acmectl").expect_err("it is unknown");
    assert_eq!(error.message(), "unknown credential kind `unknown`; compiled in: acme-keys");
    Ok(())
}
