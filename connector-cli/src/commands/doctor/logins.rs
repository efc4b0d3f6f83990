//! Logins of the user's programs: whether they still stand, and whether what they name is there.

use std::path::Path;

use connector_core::Document;
use connectors::hub::doctor::{Finding, Severity};
use serde_json::Value;

use super::rules;
use crate::docker::HELPER;
use crate::logins::{Left, Login, Standing, left};
use crate::programs;

/// Everything that is found; of one connector's logins only where `name` says so.
pub(super) fn judge(
    logins: &[Login],
    name: Option<&str>,
    documents: &[Document],
    is_known: bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, login) in logins.iter().enumerate() {
        if name.is_some_and(|name| login.connector != name) {
            continue;
        }
        let about = |finding: Finding| finding.of(&*login.connector);
        if is_known && !documents.iter().any(|it| it.name == login.connector) {
            let message = format!(
                "{} still asks for `{}`, by its login `{}`",
                tools(&login.kind).first().copied().unwrap_or("a program"),
                login.connector,
                login.name
            );
            let fix = format!("`connector logout {}` takes its logins back", login.connector);
            found.push(about(Finding::new(&rules::ORPHAN, message).mended_by(fix)));
        }
        found.extend(tool(login).map(about));
        // gcloud and az write into their files themselves.
        if matches!(login.kind.as_str(), "kubernetes" | "docker" | "aws") {
            let values = left(login, &logins[at + 1..]);
            found.extend(values.iter().filter_map(|it| changed(login, it)).map(about));
            found.extend(helper(login, &values).map(about));
        }
    }
    found
}

/// The programs that a kind's logins are for.
fn tools(kind: &str) -> &'static [&'static str] {
    match kind {
        "kubernetes" => &["kubectl"],
        "docker" => &["docker", "podman"],
        "aws" => &["aws"],
        "gcp" => &["gcloud"],
        "azure" => &["az"],
        _ => &[],
    }
}

fn tool(login: &Login) -> Option<Finding> {
    let tools = tools(&login.kind);
    let is_there = tools.is_empty() || tools.iter().any(|it| programs::find(it).is_some());
    (!is_there).then(|| {
        Finding::new(&rules::TOOL, format!("{} is logged in, and not on PATH", tools.join(" or ")))
            .mended_by(format!("install it, or take the login back: `connector logout {}`", login.connector))
    })
}

fn changed(login: &Login, it: &Left) -> Option<Finding> {
    let (what, severity) = match it.state {
        Standing::Same => return None,
        Standing::Changed => ("was changed since", Severity::Note),
        Standing::Gone => ("is gone", Severity::Warning),
        Standing::Unread => ("cannot be read: the file has a fault", Severity::Warning),
    };
    let message =
        format!("what the login `{}` wrote into {} {what}: {}", login.name, it.path.display(), it.what);
    let fix = format!("log in again, or `connector logout {}` leaves what is not its own", login.connector);
    Some(Finding::new(&rules::CHANGED, message).weighing(severity).mended_by(fix).in_file(&it.path))
}

/// The program that is called for a credential is there.
fn helper(login: &Login, values: &[Left]) -> Option<Finding> {
    if login.is_static {
        return None;
    }
    let named = |value: &Value| match login.kind.as_str() {
        "kubernetes" => value["user"]["exec"]["command"].as_str().map(str::to_owned),
        "aws" => value["credential_process"].as_str().and_then(program_of),
        "docker" => Some(HELPER.to_owned()),
        _ => None,
    };
    let (program, path) = values.iter().find_map(|it| Some((named(it.value.as_ref()?)?, &it.path)))?;
    let is_path = Path::new(&program).components().count() > 1;
    let is_there =
        if is_path { programs::is_program(Path::new(&program)) } else { programs::find(&program).is_some() };
    (!is_there).then(|| {
        let place = if is_path { "there is no such program" } else { "it is not on PATH" };
        let fix = match login.kind.as_str() {
            "docker" => {
                let own = programs::own().unwrap_or_else(|_| "connector".to_owned());
                let link = programs::place_for_link(&own).join(HELPER);
                format!("link it to this program: ln -s '{own}' '{}'", link.display())
            }
            _ => format!(
                "log in again: `connector login {}` names the program where it is now",
                login.connector
            ),
        };
        Finding::new(&rules::HELPER, format!("{} names the helper {program}: {place}", path.display()))
            .mended_by(fix)
            .in_file(path)
    })
}

/// The program of a command line: its first word, but for `env` and the variables that it sets.
fn program_of(line: &str) -> Option<String> {
    let mut rest = line.trim();
    loop {
        let (word, more) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        if word.is_empty() {
            return None;
        }
        if word != "env" && !word.contains('=') {
            return Some(word.to_owned());
        }
        rest = more.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::program_of;

    #[test]
    fn the_program_of_a_command_line() {
        for (line, expected) in [
            ("/usr/bin/connector helper aws prod", Some("/usr/bin/connector")),
            ("env CONNECTOR_HOME=/x /usr/bin/connector helper aws prod", Some("/usr/bin/connector")),
            ("\"/my programs/connector\" helper aws", Some("/my programs/connector")),
            (
                "env \"CONNECTOR_HOME=/my home\" \"/my programs/connector\" helper",
                Some("/my programs/connector"),
            ),
            ("connector", Some("connector")),
            ("", None),
            ("env A=b", None),
            ("\"open", None),
        ] {
            assert_eq!(program_of(line).as_deref(), expected, "{line}");
        }
    }
}
