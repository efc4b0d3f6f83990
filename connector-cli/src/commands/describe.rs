//! `connector describe`: a connector, or the credential that a client of it would get.

use std::time::SystemTime;

use connector_core::{Document, Envelope, Registry, Result, format_time};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::DescribeArgs;
use crate::output::{self, Output, Table, time_left};

pub(crate) fn run(app: &App, args: &DescribeArgs) -> Result<()> {
    let registry = app.registry()?;
    if args.grant.is_empty() {
        let document = app.with_hub(async |hub| hub.get(&args.name).await)?;
        let value = output::document_value(&document, &registry, app.now());
        warn_if_insecure(app, document.config.get("insecure"));
        return app
            .output
            .show(&value, || output::document_table(&document, &registry, app.now(), &app.output));
    }
    let (document, envelope) = app.with_hub(async |hub| {
        let envelope = hub.issue(&args.name, args.grant.grant()).await?;
        Ok((hub.get(&args.name).await?, envelope))
    })?;
    let client = client_value(&document, &envelope, &registry, app.now());
    warn_if_insecure(app, client["credential"]["public"].get("insecure"));
    app.output.show(&client, || client_table(&document, &envelope, &client, app.now(), &app.output))
}

/// Tells what nobody sees in a table: that the other side may be anybody.
fn warn_if_insecure(app: &App, insecure: Option<&Value>) {
    if insecure == Some(&Value::Bool(true)) {
        app.output
            .warn("TLS certificates are not verified: whoever is on the way can read and change everything");
    }
}

/// The connector as a client sees it: the document with the issued credential in the place of its own, and
/// no secret of either.
fn client_value(document: &Document, envelope: &Envelope, registry: &Registry, now: SystemTime) -> Value {
    let mut value = output::document_value(document, registry, now);
    let end = envelope.expiry.at();
    let left = end.map(|end| end.duration_since(now).unwrap_or_default().as_secs());
    value["name"] =
        format!("{} ({} | {} client)", document.name, envelope.resource_type, envelope.resource_id).into();
    value["method"] = client_method(envelope).into();
    value["secret_id"] = Value::Null;
    value["resource_type"] = envelope.resource_type.as_str().into();
    value["resource_types"] = json!([envelope.resource_type]);
    value["resource_id"] = envelope.resource_id.as_str().into();
    value["session_duration"] = Value::Null;
    value["duration"] = Value::Null;
    value["expires_at"] = json!(end.map(format_time));
    value["expires_in"] = json!(left);
    let credential = envelope.to_hidden();
    value["config"] = merged(&credential);
    value["credential"] = credential;
    value
}

/// The fields of a credential as one config.
fn merged(credential: &Value) -> Value {
    let parts = ["public", "secret"].into_iter().filter_map(|part| credential[part].as_object());
    Value::Object(parts.flatten().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// What a client holds, in the words of the auth methods.
fn client_method(envelope: &Envelope) -> &str {
    match envelope.kind.as_str() {
        "aws" if envelope.long_lived => "secret-key",
        "aws" => "sts-token",
        "kubernetes" => "token",
        "docker" => "password",
        other => other,
    }
}

fn client_table(
    document: &Document,
    envelope: &Envelope,
    client: &Value,
    now: SystemTime,
    output: &Output,
) -> String {
    let expires = match envelope.expiry.at() {
        Some(end) => format!("{} ({})", time_left(end, now), format_time(end)),
        None => format!("never: {}", client["credential"]["never"].as_str().unwrap_or("no reason is given")),
    };
    let narrowed = match (envelope.narrowed.is_narrowed(), envelope.narrowed.reason()) {
        (true, by) => format!("yes: {by}"),
        (false, why) => format!("no: {why}"),
    };
    let mut table = Table::properties();
    table
        .property("ID", document.id.as_str())
        .property("NAME", client["name"].as_str().unwrap_or_default())
        .property("TYPE", document.connector_type.as_str())
        .property("AUTH METHOD", client_method(envelope))
        .property("RESOURCE TYPES", envelope.resource_type.as_str())
        .property("RESOURCE NAME", envelope.resource_id.as_str());
    if let Some(within) = &envelope.within {
        table.property("WITHIN", within.as_str());
    }
    table
        .property("ACCESS", envelope.access.as_str())
        .property("SECRET ID", "")
        .property("EXPIRES IN", expires)
        .property("NARROWED", narrowed);
    if envelope.provider_expiry != envelope.expiry
        && let Some(end) = envelope.provider_expiry.at()
    {
        table.property("PROVIDER ENDS IT", format_time(end));
    }
    if envelope.long_lived {
        table.property("LONG-LIVED", "yes: it does not end by itself");
    }
    table.property("OWNER", document.owner.as_str()).property("WORKSPACE", document.workspace.as_str());
    let mut config = Table::new(["CONFIG", "VALUE"]);
    for (key, value) in client["config"].as_object().into_iter().flatten() {
        config.property(key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    format!("{}\n\n{}", table.render(output), config.render(output))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::args::OutputFormat;

    #[test]
    fn s26_a_client_sees_the_issued_credential_and_no_secret() {
        let envelope = json!({
            "version": 1, "kind": "aws", "connector": "prod", "resource": {"type": "s3-bucket", "id": "s3://data"},
            "within": null, "access": "read", "expires_at": "2026-11-22T12:00:00Z",
            "provider_expiry": "2026-11-22T13:00:00Z", "narrowed": true, "reason": "a session policy",
            "long_lived": false, "public": {"region": "eu-west-1"}, "secret": {"secret_access_key": "hunter2"},
        });
        let envelope = Envelope::from_json(&envelope.to_string()).expect("an envelope");
        let config = json!({"region": "eu-west-1", "aws_secret_access_key": "{{.aws_secret_access_key}}"});
        let config = config.as_object().cloned().expect("an object");
        let mut document = Document::draft("prod", "aws", "iam-role", config);
        document.secret_id = Some("the-id-of-the-secret".into());
        let registry = Registry::of([]).expect("nothing contradicts nothing");
        let now = envelope.expiry.at().expect("it ends") - Duration::from_secs(3590);

        let client = client_value(&document, &envelope, &registry, now);
        assert_eq!(client["method"], "sts-token");
        assert_eq!(client["name"], "prod (s3-bucket | s3://data client)");
        assert_eq!(client["secret_id"], Value::Null);
        assert_eq!(client["expires_in"], 3590);
        assert_eq!(client["config"], json!({"region": "eu-west-1", "secret_access_key": "[HIDDEN]"}));

        let text = client_table(&document, &envelope, &client, now, &Output::new(OutputFormat::Table));
        for part in ["sts-token", "59m 50s", "yes: a session policy", "PROVIDER ENDS IT", "[HIDDEN]"] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        for secret in ["hunter2", "the-id-of-the-secret"] {
            assert!(!text.contains(secret) && !client.to_string().contains(secret), "{text}");
        }
    }
}
