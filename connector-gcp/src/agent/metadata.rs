//! The metadata server of Google's virtual machines, which every one of Google's libraries asks when nothing comes
//! before it.
//!
//! Its requests have no place for a secret: that no web page asks is shown by a header that a page cannot set. What is
//! answered is what a program needs to take tokens; this is no virtual machine, and what only one would know is not
//! found.

mod tree;

use std::time::SystemTime;

use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use connector_core::{Error, Issued, Result, Secret};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::{account, end, environment, left};
use crate::credential::GcpCredential;

const ROOT: &str = "/computeMetadata/";
const VERSION: &str = "v1";

/// The header that a request has to have, and every answer has.
const FLAVOR: &str = "metadata-flavor";
const GOOGLE: &str = "Google";

/// Scalars, as Google names their type.
const TEXT: &str = "application/text";

/// What would lead past the endpoint, or keep programs from asking it.
const OTHERS: [&str; 4] = [
    "NO_GCE_CHECK",
    "CLOUDSDK_CORE_CHECK_GCE_METADATA",
    // `strict` asks for TLS with the machine's certificate.
    "GCE_METADATA_MTLS_MODE",
    "METADATA_SERVER_DETECTION",
];

/// The protocol.
#[derive(Debug)]
pub(crate) struct Metadata;

/// A token, key for key.
#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

impl Protocol<GcpCredential> for Metadata {
    fn id(&self) -> &'static str {
        "gce-metadata"
    }

    fn about(&self) -> &'static str {
        "the metadata server of virtual machines, which every library of Google's asks, and gcloud"
    }

    fn proof(&self, _: &str) -> Proof {
        Proof::Fixed(FLAVOR, GOOGLE)
    }

    fn claims(&self, path: &str) -> bool {
        path == "/" || path.starts_with(ROOT) || path == ROOT.trim_end_matches('/')
    }

    fn set_up(&self, site: &Site, issued: &Issued<GcpCredential>) -> Result<SetUp> {
        end(issued)?;
        // Libraries read the first, Python's sees by the second whether there is a server, and gcloud reads the third.
        let set = ["GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT"]
            .map(|name| (name, site.authority().to_owned()));
        Ok(SetUp::new(environment(site, issued, &set, &OTHERS)))
    }

    fn answer(&self, asked: &Asked, issued: &Issued<GcpCredential>, now: SystemTime) -> Answer {
        match find(asked, issued, now) {
            Ok(answer) => answer.with_header("etag", etag(issued)).with_header(FLAVOR, GOOGLE),
            Err(error) => self.refuse(&Refusal::from(&error)),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        Answer::new(refusal.status, TEXT, format!("{}\n", refusal.message)).with_header(FLAVOR, GOOGLE)
    }
}

/// What is at a path. Waiting for a change ends at once: a program that asks again is told the same.
fn find(asked: &Asked, issued: &Issued<GcpCredential>, now: SystemTime) -> Result<Answer> {
    let path = percent_decode_str(asked.path()).decode_utf8_lossy();
    let (segments, is_folder) = parts(&path);
    let account = account(&issued.credential);
    let known = |who: &str| who == "default" || who == account;
    if let [_, VERSION, "instance", "service-accounts", who, what] = segments[..]
        && known(who)
        && !is_folder
    {
        match what {
            "token" => return token(issued, now),
            "identity" => {
                return Err(Error::not_found("identity tokens are not given here").with_hint(
                    "ask with an access token, or make one by the service account's `generateIdToken`",
                ));
            }
            _ => {}
        }
    }
    let tree = tree::of(&issued.credential, account);
    let node = segments.iter().try_fold(&tree, |node, name| node.child(name));
    let node =
        node.ok_or_else(|| Error::not_found("there is nothing of this name: this is no virtual machine"))?;
    let is_recursive = asked.query("recursive").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let as_json = match asked.query("alt").as_deref() {
        Some("json") => true,
        Some("text") => false,
        _ => is_recursive,
    };
    if is_folder && !node.is_folder() {
        return Err(Error::not_found("this is no folder"));
    }
    Ok(match (node.is_folder() && !is_recursive, is_folder) {
        (true, false) => Answer::new(301, TEXT, "the name of a folder ends with a slash\n")
            .with_header("location", format!("{}/", asked.path())),
        (true, true) => Answer::new(200, TEXT, node.names()),
        (false, _) if as_json => Answer::json(200, node.json().to_string()),
        (false, _) => Answer::new(200, TEXT, node.text()),
    })
}

/// The names in a path, and whether a slash ends it.
fn parts(path: &str) -> (Vec<&str>, bool) {
    let inner = path.trim_start_matches('/');
    (inner.split('/').filter(|it| !it.is_empty()).collect(), inner.is_empty() || inner.ends_with('/'))
}

fn token(issued: &Issued<GcpCredential>, now: SystemTime) -> Result<Answer> {
    let token = Token {
        access_token: issued.credential.access_token.expose(),
        expires_in: left(issued, now)?,
        token_type: "Bearer",
    };
    let json = serde_json::to_string(&token).map_err(|_| Error::unexpected("the token has no JSON form"))?;
    Ok(Answer::json(200, Secret::new(json)))
}

/// It changes with the token.
fn etag(issued: &Issued<GcpCredential>) -> String {
    let end = issued.expiry.at().and_then(|it| it.duration_since(SystemTime::UNIX_EPOCH).ok());
    format!("{:016x}", end.map_or(0, |it| it.as_secs()))
}
