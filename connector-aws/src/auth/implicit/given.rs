//! Credentials as JSON, in the forms that the container's endpoint, the instance's metadata and
//! `credential_process` give them.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use connector_core::{
    Authenticated, Call, Context, Error, Expiry, Patience, Request, Response, Result, Secret, parse_time,
};
use serde_json::Value;

use crate::names::AccountId;
use crate::session::{Keys, Place, Session};

/// What a source gave.
pub(super) struct Given {
    pub(super) keys: Keys,
    pub(super) ends: Option<SystemTime>,
    pub(super) account_id: Option<String>,
}

impl Given {
    /// Reads JSON whose keys may be in any case. `source` names who gave it.
    ///
    /// # Errors
    /// [`Unreachable`](connector_core::ErrorKind::Unreachable) when it is no credential; quotes nothing.
    pub(super) fn read(json: &[u8], source: &str) -> Result<Self> {
        let garbage = |what: &str| Error::unreachable(format!("{source} gave no credential: {what}"));
        let value = serde_json::from_slice(json).map_err(|_| garbage("not JSON"))?;
        let Value::Object(object) = value else { return Err(garbage("not a JSON object")) };
        let texts = object.into_iter().filter_map(|(key, value)| match value {
            Value::String(text) if !text.is_empty() => Some((key.to_ascii_lowercase(), Secret::new(text))),
            _ => None,
        });
        let mut texts: HashMap<String, Secret> = texts.collect();
        if texts.get("code").is_some_and(|code| code.expose() != "Success") {
            return Err(garbage("it says that it failed"));
        }
        let mut take = |name: &str| texts.remove(name);
        let (Some(access_key_id), Some(secret_access_key)) = (take("accesskeyid"), take("secretaccesskey"))
        else {
            return Err(garbage("AccessKeyId or SecretAccessKey is missing"));
        };
        let session_token = take("token").or_else(|| take("sessiontoken"));
        let ends = take("expiration").or_else(|| take("expiresat"));
        let ends = ends.map(|text| parse_time(text.expose())).transpose();
        Ok(Self {
            keys: Keys { access_key_id, secret_access_key, session_token },
            ends: ends.map_err(|_| garbage("Expiration is not a time"))?,
            // Told in errors that compare accounts, so it is nothing else than one.
            account_id: take("accountid")
                .and_then(|id| AccountId::parse(id.expose()).ok())
                .map(|id| id.to_string()),
        })
    }
}

/// The session that a metadata service gave: of a role, with an end.
pub(super) fn session(
    call: &Call<'_>,
    place: &Place,
    answer: &Response,
    source: &str,
) -> Result<Authenticated<Session>> {
    let given = Given::read(answer.body(), source)?;
    let (Some(_), Some(end)) = (&given.keys.session_token, given.ends) else {
        return Err(Error::unreachable(format!(
            "{source} gave no temporary credential: Token or Expiration is missing"
        )));
    };
    let mut session = Session::new(given.keys, place.clone());
    session.account_id = given.account_id;
    session.assumed_role = true;
    Ok(Authenticated::new(session, expiry(call, end, answer)))
}

/// When something ends by our clock, that ends at `end` by the clock of who answered.
fn expiry(call: &Call<'_>, end: SystemTime, answer: &Response) -> Expiry {
    match answer.date() {
        Some(now) => call.expires_at(end, now),
        None => Expiry::At(end),
    }
}

/// How long an answer on the own machine may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Makes a request one to a metadata service.
pub(super) fn local(request: Request) -> Request {
    request.with_timeout(TIMEOUT).to_metadata()
}

/// Asks a metadata service that is known to be there.
pub(super) async fn ask(cx: &Context, request: Request) -> Result<Response> {
    cx.send_patiently(request, Patience::default()).await
}

/// Host, and whether the scheme is `https`, of a URL that a metadata service is asked at.
pub(super) fn host_of(url: &str) -> Option<(&str, bool)> {
    let (rest, https) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return None,
    };
    if !url.bytes().all(|it| it.is_ascii_graphic() && it != b'\\') {
        return None;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?.0,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    (!host.is_empty() && !authority.contains('@')).then_some((host, https))
}

/// Whether a host is this machine: `localhost` or a loopback address.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
