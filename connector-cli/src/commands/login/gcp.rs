//! gcloud: a configuration of its own, whose token stands in a file.
//!
//! gcloud has no helper that it would ask for a token, so this one ends; the next login gives another, and
//! `connector exec --agent` an endpoint that gcloud does ask.

use connector_core::{Envelope, EnvironmentForm, Error, Grant, Result};
use serde_json::{Map, Value};

use super::{Asked, Plan, escaped, free_name, user_home};
use crate::app::App;
use crate::edit::{Format, Step, TEXT};
use crate::logins::{FileWish, Journal, Wanted, Wish};

/// The sections of gcloud's settings that are filled from variables. That of the credential is none of them: a token
/// has a file of its own.
const SECTIONS: [&str; 3] = ["core", "billing", "api_endpoint_overrides"];

/// `variables` are those by which gcloud takes the same credential.
pub(super) fn plan(
    app: &App,
    asked: &Asked<'_>,
    (envelope, variables): (&Envelope, &EnvironmentForm),
    journal: &Journal,
) -> Result<Plan> {
    let name = free_name("gcp", "configurations", asked, &journal.logins, configuration)?;
    let home = std::path::absolute(app.home()).unwrap_or_else(|_| app.home().to_owned());
    let token = home.join("gcloud").join(format!("{name}.token"));
    let token_text = token.to_str().filter(|it| !it.contains(char::is_control));
    let token_text = token_text
        .ok_or_else(|| Error::invalid("the path of CONNECTOR_HOME is no text, so no file can name it"))?;
    let settings = FileWish {
        path: folder()?.join("configurations").join(format!("config_{name}")),
        format: Format::Ini,
        is_secret: false,
        values: sections(envelope.fields.text_if("account"), variables, token_text)
            .into_iter()
            .map(|(section, values)| Wanted {
                place: vec![Step::Key(section.to_owned())],
                value: Value::Object(values),
                replaces: false,
                what: format!("[{section}]"),
            })
            .collect(),
    };
    let secret = Wanted {
        place: vec![Step::Key(TEXT.to_owned())],
        value: envelope.fields.expect_secret("access_token")?.expose().into(),
        replaces: false,
        what: "access token".to_owned(),
    };
    let token = FileWish { path: token, format: Format::Text, is_secret: true, values: vec![secret] };
    Ok(Plan {
        wish: Wish {
            connector: asked.name.to_owned(),
            kind: "gcp",
            name: name.clone(),
            grant: asked.grant.clone(),
            is_static: true,
            username: None,
            files: vec![token, settings],
        },
        tool: "gcloud",
        usage: format!(
            "gcloud --configuration {name} {} (or CLOUDSDK_ACTIVE_CONFIG_NAME={name})",
            example(&asked.grant)
        ),
        renewed: super::RENEWED,
        notes: vec![
            "gcloud asks nobody for a new token: log in again when this one ends, or run it with `connector exec --agent`, \
             where it asks an endpoint"
                .to_owned(),
        ],
    })
}

/// What gcloud is used for then. A part of a bucket is listed by a pattern: of a folder's name alone gcloud makes a look
/// at what lies beside it, which a token for the part is not for.
fn example(grant: &Grant) -> String {
    let bucket =
        grant.resource_type.as_deref().filter(|it| *it == "gcs-bucket").and(grant.resource_id.as_deref());
    match (bucket, grant.within.as_deref()) {
        (Some(bucket), None) => format!("storage ls {bucket}"),
        (Some(bucket), Some(part)) => format!("storage ls '{bucket}/{}/**'", part.trim_end_matches('/')),
        (None, _) => "…".to_owned(),
    }
}

/// gcloud's names for configurations have lower-case letters, digits and hyphens.
fn configuration(connector: &str) -> String {
    let safe = |it: char| if it.is_ascii_alphanumeric() { it } else { '-' };
    format!("connector-{}", connector.chars().map(safe).collect::<String>().trim_end_matches('-'))
}

/// Where gcloud keeps its settings.
fn folder() -> Result<std::path::PathBuf> {
    if let Some(folder) = std::env::var_os("CLOUDSDK_CONFIG").filter(|it| !it.is_empty()) {
        return Ok(super::expanded(folder.into()));
    }
    // Only Windows has it.
    if let Some(roaming) = std::env::var_os("APPDATA").filter(|it| cfg!(windows) && !it.is_empty()) {
        return Ok(std::path::PathBuf::from(roaming).join("gcloud"));
    }
    Ok(user_home()?.join(".config").join("gcloud"))
}

/// What gcloud takes from `CLOUDSDK_SECTION_PROPERTY` it takes as well from its settings. Who it is about has no variable
/// of ours: gcloud would look for that account's own login.
fn sections(
    account: Option<&str>,
    variables: &EnvironmentForm,
    token: &str,
) -> Vec<(&'static str, Map<String, Value>)> {
    let mut all: Vec<_> = ["core", "auth", "billing", "api_endpoint_overrides"]
        .into_iter()
        .map(|section| (section, Map::new()))
        .collect();
    let mut put = |section: &str, property: String, value: &str| {
        let values = all.iter_mut().find(|it| it.0 == section).filter(|_| !value.contains(char::is_control));
        values.map(|it| it.1.insert(property, escaped(value).into()));
    };
    if let Some(account) = account {
        put("core", "account".to_owned(), account);
    }
    put("auth", "access_token_file".to_owned(), token);
    for (name, value) in &variables.set {
        let property = name.strip_prefix("CLOUDSDK_").map(str::to_lowercase).unwrap_or_default();
        let of = |section: &&str| property.strip_prefix(section)?.strip_prefix('_').map(str::to_owned);
        if let Some((section, property)) = SECTIONS.iter().find_map(|it| Some((*it, of(it)?))) {
            put(section, property, value.expose());
        }
    }
    all.retain(|(_, values)| !values.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_has_a_name_that_gcloud_takes() {
        for (name, expected) in
            [("prod", "connector-prod"), ("a.b_c-", "connector-a-b-c"), ("0", "connector-0")]
        {
            assert_eq!(configuration(name), expected);
        }
    }

    /// The settings say what the variables say, but for the token, of which they say the file.
    #[test]
    fn s53_the_settings_are_those_of_the_variables() {
        let variables = EnvironmentForm::default()
            .set("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.hunter2")
            .set("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.hunter2")
            .set("CLOUDSDK_CORE_PROJECT", "my-project")
            .set("GOOGLE_CLOUD_PROJECT", "my-project")
            .set("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "/etc/50%.pem")
            .set("CLOUDSDK_BILLING_QUOTA_PROJECT", "paying\n[core]")
            .set("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "http://127.0.0.1:9/storage/v1/")
            .set("CONNECTOR_EXPIRES_AT", "2026-11-22T04:36:43Z");
        let sections = sections(Some("me@example.com"), &variables, "/home/token");
        let expected = json!([
            ["core", {
                "account": "me@example.com", "project": "my-project", "custom_ca_certs_file": "/etc/50%%.pem",
            }],
            ["auth", { "access_token_file": "/home/token" }],
            ["api_endpoint_overrides", { "storage": "http://127.0.0.1:9/storage/v1/" }],
        ]);
        assert_eq!(json!(sections), expected);
    }

    #[test]
    fn a_bucket_is_listed_as_gcloud_can() {
        let bucket = |within: Option<&str>| {
            let mut grant = Grant::new("gcs-bucket", "gs://data");
            grant.within = within.map(str::to_owned);
            example(&grant)
        };
        assert_eq!(bucket(None), "storage ls gs://data");
        assert_eq!(bucket(Some("a/")), "storage ls 'gs://data/a/**'");
        assert_eq!(bucket(Some("a")), "storage ls 'gs://data/a/**'");
        assert_eq!(example(&Grant::new("gcp-generic", "my-project")), "…");
    }
}
