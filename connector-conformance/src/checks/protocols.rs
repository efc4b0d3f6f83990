//! How programs ask an endpoint of their machine for a credential.

use std::time::SystemTime;

use connector_core::agent::{Asked, Refusal, SetUp, Site};
use connector_core::{AnyProtocol, Envelope, Error, Grant, Result};

use super::{is_kebab, is_variable};
use crate::bench::Case;
use crate::drive::{is_panic, survive};
use crate::hostile::hostile_texts;
use crate::report::Findings;
use crate::rule::Rule;

const AUTHORITY: &str = "127.0.0.1:4711";
const DIRECTORY: &str = "/run/agent";
/// What shows who may ask. Some protocols have no other place for it than a variable.
const TOKEN: &str = "the-token-of-the-session";

pub(super) fn check(case: &Case<'_>, envelope: &Envelope, grant: &Grant, findings: &mut Findings) {
    let protocols = case.registry.protocols(&envelope.kind).unwrap_or_default();
    let mut ids = Vec::new();
    for protocol in &protocols {
        let place = format!("kind {}, protocol {}, {}", envelope.kind, protocol.id(), case.place());
        let has_name = is_kebab(protocol.id()) && !ids.contains(&protocol.id());
        ids.push(protocol.id());
        let fault = match (has_name, protocol.about().trim()) {
            (false, _) => Some("it has no id of its own in kebab-case".to_owned()),
            (true, "") => Some("it does not say who speaks it".to_owned()),
            (true, about) if about.contains('\n') => {
                Some("who speaks it is told in more than a line".to_owned())
            }
            _ => set_up(case, protocol, envelope).or_else(|| requests(protocol, envelope, grant)),
        };
        findings.require(fault.is_none(), Rule::PROTOCOLS_ARE_SOUND, &place, || fault.unwrap_or_default());
    }
}

fn site() -> Site {
    Site::new(AUTHORITY, DIRECTORY, TOKEN.into())
}

/// What is wrong with what a program is told. A credential that cannot be given in a protocol is refused.
fn set_up(case: &Case<'_>, protocol: &AnyProtocol, envelope: &Envelope) -> Option<String> {
    let set_up = match survive(|| protocol.set_up(&site(), envelope)) {
        Ok(set_up) => set_up,
        Err(error) => return is_panic(&error).then(|| error.to_string()),
    };
    let secrets = case.secrets.with_envelope(envelope);
    let SetUp { environment, files, .. } = &set_up;
    let names = || environment.set.iter().map(|(name, _)| name).chain(&environment.unset);
    for name in names() {
        if !is_variable(name) {
            return Some(format!("`{name}` is no name of an environment variable"));
        }
        if names().filter(|it| *it == name).count() > 1 {
            return Some(format!("the variable `{name}` is set or taken away more than once"));
        }
    }
    for (name, value) in &environment.set {
        if value.expose().contains(['\0', '\n', '\r']) {
            return Some(format!("the variable `{name}` holds a line end or NUL"));
        }
        if let Some(secret) = secrets.find(value.expose()) {
            return Some(format!("{secret} in the variable `{name}`, where it ends and is not renewed"));
        }
    }
    for (name, content) in files {
        let is_plain = name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
        if !is_plain || name.starts_with('.') || *name == Site::TOKEN_FILE {
            return Some(format!("`{name}` is no name of a file beside the token"));
        }
        if let Some(secret) = secrets.find(content.expose()) {
            return Some(format!("{secret} in the file `{name}`, where it ends and is not renewed"));
        }
    }
    None
}

/// What is wrong with how it takes requests, whatever they ask.
fn requests(protocol: &AnyProtocol, envelope: &Envelope, grant: &Grant) -> Option<String> {
    let refused = survive(|| Ok(protocol.refuse(&Refusal::new(403, "refused", "the connector may not"))));
    match refused {
        Err(error) => return Some(error.to_string()),
        Ok(answer) if answer.status() < 400 => return Some("it refuses with a status of success".to_owned()),
        Ok(_) => {}
    }
    // A server lets nothing longer in.
    let texts: Vec<_> = hostile_texts().into_iter().filter(|it| it.len() <= 256).collect();
    let paths = texts.iter().map(|it| format!("/{it}")).chain(paths(protocol, envelope));
    for path in paths {
        if let Err(error) = ask(protocol, (envelope, grant), &path, &texts) {
            return Some(error.to_string());
        }
    }
    None
}

/// The paths that a program is told of.
fn paths(protocol: &AnyProtocol, envelope: &Envelope) -> Vec<String> {
    let Ok(SetUp { environment, files, .. }) = survive(|| protocol.set_up(&site(), envelope)) else {
        return Vec::new();
    };
    let values =
        environment.set.iter().map(|(_, value)| value).chain(files.iter().map(|(_, content)| content));
    let after = |text: &str| -> Vec<String> {
        let parts = text.split(AUTHORITY).skip(1);
        parts.map(|it| it.split(['"', '?', '\n', ' ']).next().unwrap_or_default().to_owned()).collect()
    };
    values.flat_map(|value| after(value.expose())).collect()
}

fn ask(
    protocol: &AnyProtocol,
    (envelope, grant): (&Envelope, &Grant),
    path: &str,
    texts: &[String],
) -> Result<()> {
    let of = |path: &str| (protocol.claims(path), protocol.proof(path), protocol.method(path));
    let (first, again) = survive(|| Ok((of(path), of(path))))?;
    if first != again {
        return Err(Error::unexpected("the same path is not taken in the same way twice"));
    }
    let (true, _, method) = first else { return Ok(()) };
    for text in texts {
        let query = format!("{path}?resource={text}&recursive={text}&alt={text}&api-version={text}");
        let asked = Asked::new(method, &query).with_body(text.as_bytes()).with_header("x-any", text.as_str());
        // What it wants may be refused; what it is given is of no matter here.
        survive(|| Ok(protocol.wants(&asked, grant).is_ok()))?;
        let answer = survive(|| protocol.answer(&asked, envelope, SystemTime::UNIX_EPOCH))?;
        let breaks = |(_, value): &(&str, String)| value.contains(['\r', '\n', '\0']);
        if answer.headers().iter().any(breaks) {
            return Err(Error::unexpected("a header of an answer holds a line end or NUL"));
        }
    }
    Ok(())
}
