//! gcloud: a configuration of its own, whose token stands in a file.
//!
//! gcloud has no helper that it would ask for a token, so this one ends; `connector exec` and the next login give
//! another.

use connector_core::{Envelope, Error, Grant, Result};
use serde_json::{Map, Value};

use super::{Asked, Plan, user_home};
use crate::app::App;
use crate::edit::{Format, Step, TEXT};
use crate::logins::{FileWish, Wanted, Wish};

/// The services whose endpoints gcloud takes from its settings, each with the path that has to follow.
const OVERRIDABLE: [(&str, &str); 6] = [
    ("storage", "/storage/v1/"),
    ("container", "/"),
    ("artifactregistry", "/"),
    ("cloudresourcemanager", "/"),
    ("secretmanager", "/"),
    ("iamcredentials", "/"),
];

pub(super) fn plan(app: &App, asked: &Asked<'_>, envelope: &Envelope) -> Result<Plan> {
    let name = configuration(asked.name);
    let home = std::path::absolute(app.home()).unwrap_or_else(|_| app.home().to_owned());
    let token = home.join("gcloud").join(format!("{}.token", asked.name));
    let token_text = token.to_str().filter(|it| !it.contains(char::is_control));
    let token_text = token_text
        .ok_or_else(|| Error::invalid("the path of CONNECTOR_HOME is no text, so no file can name it"))?;
    let settings = FileWish {
        path: folder()?.join("configurations").join(format!("config_{name}")),
        format: Format::Ini,
        is_secret: false,
        values: sections(envelope, token_text)
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
            "gcloud asks nobody for a new token: log in again when this one ends, or give a command one of its own with \
             `connector exec`"
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

fn sections(envelope: &Envelope, token: &str) -> Vec<(&'static str, Map<String, Value>)> {
    let fields = &envelope.fields;
    let section = |pairs: &[(&str, Option<&str>)]| {
        let given = pairs.iter().filter_map(|(key, value)| Some((*key, (*value)?)));
        given
            .filter(|(_, it)| !it.contains(char::is_control))
            .map(|(key, it)| (key.to_owned(), it.into()))
            .collect::<Map<_, _>>()
    };
    let universe = fields.text_if("universe_domain").filter(|it| *it != "googleapis.com");
    let core = section(&[
        ("account", fields.text_if("account")),
        ("project", fields.text_if("project_id")),
        ("universe_domain", universe),
        // A bundle that is given as text has no path.
        ("custom_ca_certs_file", fields.text_if("ca_bundle")),
    ]);
    let every = fields.text_if("endpoint_url");
    let own = fields.value("endpoints").and_then(Value::as_object);
    let endpoint = |service: &str| own.and_then(|it| it.get(service)).and_then(Value::as_str).or(every);
    let overrides: Map<_, _> = OVERRIDABLE
        .iter()
        .filter_map(|(service, path)| {
            let url = endpoint(service)?;
            Some(((*service).to_owned(), format!("{}{path}", url.trim_end_matches('/')).into()))
        })
        .collect();
    let all = [
        ("core", core),
        ("auth", section(&[("access_token_file", Some(token))])),
        ("billing", section(&[("quota_project", fields.text_if("quota_project_id"))])),
        ("api_endpoint_overrides", overrides),
    ];
    all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_a_name_that_gcloud_takes() {
        for (name, expected) in
            [("prod", "connector-prod"), ("a.b_c-", "connector-a-b-c"), ("0", "connector-0")]
        {
            assert_eq!(configuration(name), expected);
        }
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
