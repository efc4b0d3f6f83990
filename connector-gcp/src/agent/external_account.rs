//! An application-default file of the type `external_account`, whose token endpoint is this machine's.
//!
//! It comes before everything else that Google's libraries look for, and each request shows the session's token. gcloud
//! asks Google whose token it was given, unless the file says that it is a service account's: it has a file of its
//! own, by which it comes to the same token in two steps.

use std::time::SystemTime;

use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use connector_core::{Error, Issued, Result, Secret, format_time};
use serde::Serialize;
use serde_json::json;

use super::{account, end, environment, left};
use crate::credential::GcpCredential;
use crate::names::UniverseDomain;

/// Where libraries exchange the session's token for the connector's.
const TOKEN: &str = "/v1/token";
/// Where gcloud begins: it is given the session's token again, to show in its second step.
const BEGIN: &str = "/v1/gcloud/token";
/// Where gcloud's second step is, before the account's address and [`GENERATE`].
const ACCOUNTS: &str = "/v1/projects/-/serviceAccounts/";
const GENERATE: &str = ":generateAccessToken";

/// A pool that there is not. Were it one of workloads, it would have a project's number, and Python's libraries would
/// ask Google what the project's name is.
const AUDIENCE: &str = "//iam.googleapis.com/locations/global/workforcePools/connector/providers/agent";

/// The names of the session's files.
const GOOGLE: &str = "google.json";
const GCLOUD: &str = "gcloud.json";

/// The protocol.
#[derive(Debug)]
pub(crate) struct ExternalAccount;

/// A file, key for key.
#[derive(Serialize)]
struct File<'a> {
    r#type: &'static str,
    audience: &'static str,
    subject_token_type: &'static str,
    token_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation_url: Option<String>,
    credential_source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota_project_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    universe_domain: Option<&'a str>,
}

#[derive(Serialize)]
struct Source {
    file: String,
}

/// An answer of a token service, key for key.
#[derive(Serialize)]
struct Exchanged<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: u64,
}

/// An answer for a service account, key for key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Generated<'a> {
    access_token: &'a str,
    expire_time: String,
}

impl Protocol<GcpCredential> for ExternalAccount {
    fn id(&self) -> &'static str {
        "external-account"
    }

    fn about(&self) -> &'static str {
        "an application-default file, which Google's libraries and gcloud read; Java's takes no endpoint without TLS"
    }

    fn proof(&self, path: &str) -> Proof {
        match path.starts_with(ACCOUNTS) {
            true => Proof::Bearer,
            false => Proof::Form("subject_token"),
        }
    }

    fn method(&self, _: &str) -> &'static str {
        "POST"
    }

    fn claims(&self, path: &str) -> bool {
        matches!(path, TOKEN | BEGIN) || path.starts_with(ACCOUNTS) && path.ends_with(GENERATE)
    }

    fn set_up(&self, site: &Site, issued: &Issued<GcpCredential>) -> Result<SetUp> {
        end(issued)?;
        let credential = &issued.credential;
        let file = |path: &str, impersonation: Option<String>| -> Result<String> {
            let file = File {
                r#type: "external_account",
                audience: AUDIENCE,
                subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
                token_url: site.url(path),
                service_account_impersonation_url: impersonation,
                credential_source: Source { file: site.file(Site::TOKEN_FILE) },
                quota_project_id: credential.quota_project_id.as_deref(),
                universe_domain: Some(credential.universe_domain.as_str())
                    .filter(|it| *it != UniverseDomain::default().as_str()),
            };
            serde_json::to_string_pretty(&file).map_err(|_| Error::unexpected("the file has no JSON form"))
        };
        let generate = site.url(&format!("{ACCOUNTS}{}{GENERATE}", account(credential)));
        let set = [
            ("GOOGLE_APPLICATION_CREDENTIALS", site.file(GOOGLE)),
            ("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", site.file(GCLOUD)),
        ];
        Ok(SetUp::new(environment(site, issued, &set, &[]))
            .with_file(GOOGLE, file(TOKEN, None)?)
            .with_file(GCLOUD, file(BEGIN, Some(generate))?))
    }

    fn answer(&self, asked: &Asked, issued: &Issued<GcpCredential>, now: SystemTime) -> Answer {
        let answer = left(issued, now).and_then(|left| match asked.path() {
            TOKEN => exchanged(issued.credential.access_token.expose(), left),
            BEGIN => {
                let session = asked.form("subject_token").unwrap_or_default();
                exchanged(&session, left)
            }
            _ => secret(&Generated {
                access_token: issued.credential.access_token.expose(),
                expire_time: format_time(end(issued)?),
            }),
        });
        match answer {
            Ok(json) => Answer::json(200, json),
            Err(error) => self.refuse(&Refusal::from(&error)),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        let body = json!({ "error": refusal.code, "error_description": refusal.message });
        Answer::json(refusal.status, body.to_string())
    }
}

fn exchanged(token: &str, left: u64) -> Result<Secret> {
    secret(&Exchanged {
        access_token: token,
        issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        token_type: "Bearer",
        expires_in: left,
    })
}

fn secret(answer: &impl Serialize) -> Result<Secret> {
    let json = serde_json::to_string(answer).map_err(|_| Error::unexpected("the token has no JSON form"))?;
    Ok(Secret::new(json))
}
