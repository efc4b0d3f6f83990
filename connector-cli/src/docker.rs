//! docker's credential helper: this program under the name `docker-credential-connector`.
//!
//! It answers for registries that somebody logged in to with `connector login`, from the cache where it can.
//! docker reads faults from standard output, and shows people what is on standard error.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use connector_core::Error;
use serde_json::{Map, Value};

use crate::app::App;
use crate::args::{GlobalArgs, OutputFormat};
use crate::logins::{Route, routes};
use crate::output::clean;
use crate::{failure, fast, log, surroundings};

/// The helper's name as a program.
pub(crate) const HELPER: &str = "docker-credential-connector";
/// Its name in docker's settings.
pub(crate) const SUFFIX: &str = "connector";

/// The name under which docker knows Docker Hub, and everybody else.
const HUB_KEY: &str = "https://index.docker.io/v1/";
const HUB: &str = "docker.io";

/// To the letter: docker and podman compare it.
const NOT_FOUND: &str = "credentials not found in native keychain";
const NO_SERVER: &str = "no credentials server URL";
/// Nothing that docker sends is longer.
const LIMIT: u64 = 64 * 1024;

/// Answers docker, if this process was called by its helper's name.
pub(crate) fn answer() -> Option<ExitCode> {
    let mut words = std::env::args_os();
    let name = words.next()?;
    let name = Path::new(&name).file_stem()?.to_str()?;
    if name != HELPER {
        return None;
    }
    let verb = words.next().and_then(|it| it.into_string().ok()).unwrap_or_default();
    let more = words.next().is_some();
    Some(match verb.as_str() {
        "get" if !more => get(),
        "list" if !more => list(),
        "store" if !more => store(),
        "erase" if !more => erase(),
        "version" | "--version" => say(&format!("{HELPER} {}", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS),
        "" => say(&format!("usage: {HELPER} <store|get|erase|list|version>"), ExitCode::FAILURE),
        other => say(&format!("unknown credential action `{}`", clean(other)), ExitCode::FAILURE),
    })
}

/// The registry that a spelling of docker's, podman's or a person's means.
pub(crate) fn host(server: &str) -> String {
    let server = server.trim();
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => HUB.to_owned(),
        _ => host,
    }
}

/// The name of a registry in docker's settings.
pub(crate) fn key(host: &str) -> &str {
    if host == HUB { HUB_KEY } else { host }
}

fn get() -> ExitCode {
    let Some(server) = read() else { return say("the server's name is no text", ExitCode::FAILURE) };
    if server.trim().is_empty() {
        return say(NO_SERVER, ExitCode::FAILURE);
    }
    let home = match surroundings::home() {
        Ok(home) => home,
        Err(error) => return fail(&error),
    };
    let host = host(&server);
    // Docker Desktop keeps tokens of its own below this address; they are not ours.
    let is_token = server.trim().ends_with("-token");
    // What cannot be read is not "no login": docker would go on without one.
    let mut routes = match routes(&home) {
        Ok(routes) => routes,
        Err(error) => return fail(&error),
    };
    let Some(route) = routes.remove(&host).filter(|_| !is_token) else {
        return say(NOT_FOUND, ExitCode::FAILURE);
    };
    let target = fast::target("docker", &surroundings::caller(), &route.grant);
    if !fast::may_have_broker(&home)
        && let Some(form) = fast::from_cache(&home, &route.connector, &target, SystemTime::now())
    {
        return fast::print(&form);
    }
    let Route { connector, grant, .. } = route;
    let issued = log::start(0)
        .and_then(|()| App::new(&GlobalArgs::default()))
        .and_then(|app| app.with_hub_alone(async |hub| hub.tool(&connector, grant, "docker", &target).await));
    match issued {
        Ok(form) => fast::print(&form),
        Err(error) => fail(&error),
    }
}

/// Who is logged in where; nothing is issued for that.
fn list() -> ExitCode {
    let routes = match surroundings::home().and_then(|home| routes(&home)) {
        Ok(routes) => routes,
        Err(error) => return fail(&error),
    };
    let known = routes.into_iter().map(|(host, route)| {
        let server = if host == HUB { HUB_KEY.to_owned() } else { format!("https://{host}") };
        (server, Value::from(route.username))
    });
    say(&Value::Object(known.collect::<Map<_, _>>()).to_string(), ExitCode::SUCCESS)
}

/// docker stores again what it has just been given, which needs no keeping. What somebody typed for another
/// registry would be lost, so that is refused.
fn store() -> ExitCode {
    let text = read().unwrap_or_default();
    let server = serde_json::from_str::<Value>(&text).ok();
    let Some(server) = server.and_then(|it| it["ServerURL"].as_str().map(host)).filter(|it| !it.is_empty())
    else {
        return say(NO_SERVER, ExitCode::FAILURE);
    };
    match surroundings::home().and_then(|home| routes(&home)) {
        Ok(routes) if routes.contains_key(&server) => return ExitCode::SUCCESS,
        Ok(_) => {}
        Err(error) => return fail(&error),
    }
    say(
        "connector keeps no passwords: register one with `connector register`, then `connector login`",
        ExitCode::FAILURE,
    )
}

/// There is nothing to erase; `connector logout` takes a login back.
fn erase() -> ExitCode {
    let server = read().unwrap_or_default();
    let known = surroundings::home().and_then(|home| routes(&home)).ok();
    let known = known.and_then(|mut it| it.remove(&host(&server)));
    if let Some(route) = known {
        let _ = writeln!(
            std::io::stderr(),
            "hint: this login is from a connector; `connector logout {}` takes it back",
            route.connector
        );
    }
    ExitCode::SUCCESS
}

fn read() -> Option<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A fault in one line for docker, and whole for people.
fn fail(error: &Error) -> ExitCode {
    failure::report(error, OutputFormat::Table);
    say(&clean(error.message()).replace('\n', " "), ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_registry_means_the_same() {
        for (spelling, expected) in [
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("https://127.0.0.1:5000/v2/\n", "127.0.0.1:5000"),
            ("http://R.example.org/", "r.example.org"),
            ("r.example.org/team/app", "r.example.org"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("", ""),
        ] {
            assert_eq!(host(spelling), expected, "{spelling}");
        }
        assert_eq!((key("docker.io"), key("r.example.org")), (HUB_KEY, "r.example.org"));
    }
}
