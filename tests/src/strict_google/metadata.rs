//! The metadata server of a machine.

use std::time::Duration;

use serde_json::json;

use super::identity::{CLOUD, EMAIL};
use super::jwt::ISSUER;
use super::state::State;
use crate::loopback::{Answer, Call};

const ROOT: &str = "/computeMetadata/v1/";
const ZONE: &str = "europe-west1-b";

/// What the machine is told of itself.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// The account of the machine, with its scopes; without one there is no metadata server here.
    pub(super) account: Option<(String, Vec<String>)>,
    pub(super) project: String,
}

impl Metadata {
    /// The scopes that a machine has unless told otherwise.
    pub(super) fn usual_scopes() -> Vec<String> {
        vec![CLOUD.to_owned(), EMAIL.to_owned()]
    }
}

pub(super) fn is_for(call: &Call) -> bool {
    matches!(call.path.as_str(), "/" | "/computeMetadata" | "/computeMetadata/v1")
        || call.path.starts_with("/computeMetadata/")
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    if state.metadata.account.is_none() {
        // A server that is no metadata server does not say that it is one.
        return not_found();
    }
    respond(state, call)
        .with_header("metadata-flavor", "Google")
        .with_header("server", "Metadata Server for VM")
}

fn respond(state: &mut State, call: &Call) -> Answer {
    if call.method != "GET" {
        return Answer::empty(405);
    }
    let refuse = |text: &str| Answer::new(403, "text/html; charset=UTF-8", format!("<p>{text}</p>"));
    if call.header("x-forwarded-for").is_some() {
        return refuse(
            "Your client does not have permission to get this URL: X-Forwarded-For is not allowed.",
        );
    }
    // The root is the one thing that may be asked for without the header: that is how programs look for the server.
    if call.path == "/" {
        return text("computeMetadata/\n".to_owned());
    }
    let is_meant = call.header("metadata-flavor") == Some("Google")
        || call.header("x-google-metadata-request") == Some("True");
    if !is_meant {
        return refuse("Missing Metadata-Flavor:Google header.");
    }
    let Some(path) = call.path.strip_prefix(ROOT) else {
        return moved(&format!("{}/", call.path.trim_end_matches('/')));
    };
    let Some((email, scopes)) = state.metadata.account.clone() else { return not_found() };
    let project = state.metadata.project.clone();
    let number = state.project_number(&project);
    match path {
        "" => text("instance/\nproject/\nuniverse/\n".to_owned()),
        "instance" | "project" | "universe" | "instance/service-accounts" => {
            moved(&format!("{}/", call.path))
        }
        "project/project-id" => text(project),
        "project/numeric-project-id" => text(number.to_string()),
        "universe/universe-domain" => text("googleapis.com".to_owned()),
        "instance/zone" => text(format!("projects/{number}/zones/{ZONE}")),
        "instance/id" => text("1234567890123456789".to_owned()),
        "instance/name" => text("strict".to_owned()),
        "instance/service-accounts/" => text(format!("default/\n{email}/\n")),
        _ => match path.strip_prefix("instance/service-accounts/").and_then(|rest| rest.split_once('/')) {
            Some((name, what)) if name == "default" || name == email => {
                account(state, call, &email, &scopes, what)
            }
            None if path == "instance/service-accounts/default" => moved(&format!("{}/", call.path)),
            _ => not_found(),
        },
    }
}

fn account(state: &mut State, call: &Call, email: &str, scopes: &[String], what: &str) -> Answer {
    if !state.is_active(email) {
        return not_found();
    }
    match what {
        "" if call.parameter("recursive").as_deref() == Some("true") => {
            json_of(&json!({ "aliases": ["default"], "email": email, "scopes": scopes }))
        }
        "" => text("aliases\nemail\nidentity\nscopes\ntoken\n".to_owned()),
        "aliases" => text("default\n".to_owned()),
        "email" => text(email.to_owned()),
        "scopes" => text(scopes.iter().map(|scope| format!("{scope}\n")).collect()),
        "token" => {
            // A machine cannot have more than it was given, and with everything it may have anything.
            let asked = call.parameter("scopes").unwrap_or_default();
            let asked: Vec<String> =
                asked.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect();
            let has_all = scopes.iter().any(|scope| scope == CLOUD);
            let chosen = match asked.is_empty() {
                true => scopes.to_vec(),
                false => asked.into_iter().filter(|it| has_all || scopes.contains(it)).collect(),
            };
            let (token, seconds) = state.mint("ya29.c.", email, chosen, Duration::from_secs(3599));
            json_of(&json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" }))
        }
        "identity" => match call.parameter("audience").filter(|audience| !audience.is_empty()) {
            None => Answer::new(400, "text/html; charset=UTF-8", "non-empty audience parameter required"),
            Some(audience) => text(identity(state, email, &audience)),
        },
        _ => not_found(),
    }
}

/// An identity token of an account.
pub(super) fn identity(state: &mut State, email: &str, audience: &str) -> String {
    let (now, id) = (state.clock.now(), state.unique_id(email));
    state.sign(&json!({
        "iss": ISSUER, "aud": audience, "azp": id, "sub": id, "email": email, "email_verified": true,
        "iat": now, "exp": now + 3600,
    }))
}

fn text(body: String) -> Answer {
    Answer::new(200, "application/text", body).with_header("etag", "0")
}

fn json_of(value: &serde_json::Value) -> Answer {
    Answer::json(200, value).with_header("etag", "0")
}

fn moved(to: &str) -> Answer {
    Answer::new(301, "text/html; charset=UTF-8", "<p>moved</p>").with_header("location", to)
}

fn not_found() -> Answer {
    Answer::new(404, "text/html; charset=UTF-8", "<p>The requested URL was not found on this server.</p>")
}
