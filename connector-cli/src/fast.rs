//! The fast path: `helper TOOL NAME GRANT`, answered from the sealed cache before anything else starts.
//!
//! Tools call their helpers at every start, so an answer must not cost more than a process does. No parser
//! of command lines, no runtime, no TLS, no database and no master key come before it or in it. Whatever is
//! unusual is left to the full program, which knows how to complain.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use connector_core::{Grant, Secret, parse_duration};
use connector_store::fast::{self, Kept};
use connector_store::{Digest, Lookup};
use connectors::hub::Notice;

use crate::kubectl::Version;
use crate::output::clean;
use crate::surroundings;

/// Answers the helper call that this process is, if it is one and the cache has what it asks for.
pub(crate) fn answer() -> Option<ExitCode> {
    let call = HelperCall::read(std::env::args_os().skip(1))?;
    let home = surroundings::home().ok()?;
    if may_have_broker(&home) {
        return None;
    }
    // What kubectl wants of its plugins is a part of the question, and not of what is cached.
    let version = if call.tool == "kubectl" { Version::wanted().ok()? } else { Version::V1 };
    let target = target(&call.tool, &surroundings::caller(), &call.grant);
    let form = from_cache(&home, &call.name, &target, SystemTime::now())?;
    Some(print(&version.of(form)))
}

/// What the cache answers a target with. What should be renewed soon is left to who can renew it, unless that is
/// another process just now, or failed a moment ago: the failure is told on standard error.
pub(crate) fn from_cache(home: &Path, connector: &str, target: &Digest, now: SystemTime) -> Option<Secret> {
    let entry = match fast::lookup(home, connector, target, now) {
        Lookup::Hit(entry) => entry,
        Lookup::Stale(entry) => {
            if let Kept::Failed(fault) = fast::kept(home, &entry, now)? {
                warn(&Notice::overdue(connector, &fault, entry.expires_at));
            }
            entry
        }
        Lookup::Miss => return None,
    };
    Some(entry.body)
}

/// Tells on standard error what a helper's caller should know, and shows to people.
pub(crate) fn warn(notice: &Notice) {
    // Nobody is left to be told when this fails.
    let _ = writeln!(std::io::stderr(), "warning: {}", clean(&notice.to_string()));
    if let Some(hint) = &notice.hint {
        let _ = writeln!(std::io::stderr(), "hint: {}", clean(hint));
    }
}

/// Whether a broker might have to answer, not this machine's store. Settings are not parsed here: that they
/// name a server anywhere, or cannot be read, is enough for the full program to have a look.
pub(crate) fn may_have_broker(home: &Path) -> bool {
    if std::env::var_os("CONNECTOR_SERVER").is_some_and(|server| !server.is_empty()) {
        return true;
    }
    match std::fs::read_to_string(home.join("config.toml")) {
        Ok(settings) => settings.contains("server"),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Under which name the cache finds the answer to a helper call: everything that was asked, and by whom.
/// The connector is not part of it, since each has targets of its own.
pub(crate) fn target(tool: &str, caller: &str, grant: &Grant) -> Digest {
    // Absent and present differ, also from present and empty.
    let text = |it: &Option<String>| it.as_ref().map_or_else(String::new, |it| format!("={it}"));
    let access = grant.access.map_or("", |it| it.as_str());
    let duration = grant.duration.map_or_else(String::new, |it| it.as_secs().to_string());
    let (resource_type, id, within) =
        (text(&grant.resource_type), text(&grant.resource_id), text(&grant.within));
    Digest::of(["helper", tool, caller, &resource_type, &id, &within, access, &duration])
}

/// Prints a tool form as tools expect it: itself, and the end of the line.
pub(crate) fn print(form: &Secret) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(form.expose().as_bytes()).and_then(|()| out.write_all(b"\n"));
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A helper call in the exact form in which users' files name it.
#[derive(Debug, PartialEq, Eq)]
struct HelperCall {
    tool: String,
    name: String,
    grant: Grant,
}

impl HelperCall {
    /// Reads the words after the program's name; `None` when anything about them is unusual.
    fn read(words: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut words = words.map(|word| word.into_string().ok());
        let mut next = || words.next().flatten();
        if next()? != "helper" {
            return None;
        }
        let mut call = Self { tool: plain(next()?)?, name: plain(next()?)?, grant: Grant::default() };
        let mut rest = words;
        while let Some(word) = rest.next() {
            let word = word?;
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, value.to_owned()),
                None => (word.as_str(), rest.next()??),
            };
            call.take(option, plain(value)?)?;
        }
        Some(call)
    }

    fn take(&mut self, option: &str, value: String) -> Option<()> {
        let grant = &mut self.grant;
        match option {
            "--resource-type" => once(&mut grant.resource_type, value),
            "--resource-id" => once(&mut grant.resource_id, value),
            "--within" => once(&mut grant.within, value),
            "--access" => once(&mut grant.access, value.parse().ok()?),
            "--duration" => once(&mut grant.duration, parse_duration(&value).ok()?),
            _ => None,
        }
    }
}

/// A word that cannot be mistaken for an option.
fn plain(word: String) -> Option<String> {
    (!word.is_empty() && !word.starts_with('-')).then_some(word)
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests;
