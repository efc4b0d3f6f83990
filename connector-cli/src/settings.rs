//! What the program is set up with: `config.toml` in its home, and environment variables, which win.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use connector_core::{Error, Result, Secret, parse_duration};
use connector_store::KeySource;
use serde::Deserialize;

use crate::args::OutputFormat;
use crate::{passphrase, surroundings, values};

/// The variable that switches methods on that use the identity of the machine.
const IMPLICIT: &str = "CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS";

/// What the program is set up with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The directory of store, settings and cache.
    pub(crate) home: PathBuf,
    /// Whether methods may use the identity of this machine.
    pub(crate) implicit: bool,
    /// The form of output when no option says.
    pub(crate) output: Option<OutputFormat>,
    /// How long one call to a provider may take, when no option says.
    pub(crate) timeout: Option<Duration>,
    server: Option<String>,
    key: KeyTable,
}

/// `config.toml` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    implicit: Option<bool>,
    server: Option<String>,
    default_output: Option<OutputName>,
    timeout: Option<DurationText>,
    key: KeyTable,
}

/// Where the master key comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct KeyTable {
    source: KeyName,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeyName {
    #[default]
    File,
    Passphrase,
    Keyring,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutputName {
    Table,
    Json,
    Yaml,
}

/// `30` or `"30s"`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
struct DurationText(Duration);

impl TryFrom<toml::Value> for DurationText {
    type Error = Error;

    fn try_from(value: toml::Value) -> Result<Self> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        timeout(&text).map(Self)
    }
}

/// Reads a time-out: with none at all, every call would fail.
///
/// # Errors
/// What is no duration, or none at all.
pub(crate) fn timeout(text: &str) -> Result<Duration> {
    let timeout = parse_duration(text)?;
    if timeout.is_zero() { Err(Error::invalid("no time at all: expected 1s or more")) } else { Ok(timeout) }
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A file or a variable that says something impossible; it names the file and the line.
    pub(crate) fn load() -> Result<Self> {
        let home = surroundings::home()?;
        let file = read(&home.join("config.toml"))?;
        let implicit = match variable(IMPLICIT) {
            Some(text) => yes_or_no(&text)?,
            None => file.implicit.unwrap_or(false),
        };
        Ok(Self {
            home,
            implicit,
            output: file.default_output.map(|it| match it {
                OutputName::Table => OutputFormat::Table,
                OutputName::Json => OutputFormat::Json,
                OutputName::Yaml => OutputFormat::Yaml,
            }),
            timeout: file.timeout.map(|it| it.0),
            server: variable("CONNECTOR_SERVER").or(file.server),
            key: file.key,
        })
    }

    /// Refuses to work on the local store when a broker is set up: what is meant for many must not end up
    /// on one machine.
    ///
    /// # Errors
    /// When a broker is set up.
    pub(crate) fn check_local(&self) -> Result<()> {
        match &self.server {
            None => Ok(()),
            Some(_) => {
                Err(Error::invalid("a broker is set up, and this version works on a local store only")
                    .with_hint("unset `CONNECTOR_SERVER`, or take `server` out of config.toml"))
            }
        }
    }

    /// Where the master key comes from: the environment first, then the file, then a key file in the home.
    /// A passphrase is asked for only where `attended`.
    ///
    /// # Errors
    /// Two variables that contradict each other.
    pub(crate) fn key_source(&self, attended: bool) -> Result<KeySource> {
        match (variable("CONNECTOR_MASTER_KEY"), variable("CONNECTOR_MASTER_KEY_FILE")) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "both CONNECTOR_MASTER_KEY and CONNECTOR_MASTER_KEY_FILE are set",
                )
                .with_hint("keep the one that holds the key of this store"));
            }
            (Some(key), None) => return Ok(KeySource::Literal(Secret::new(key))),
            (None, Some(path)) => return Ok(KeySource::File(path.into())),
            (None, None) => {}
        }
        let given = variable("CONNECTOR_PASSPHRASE").map(Secret::new);
        Ok(match (self.key.source, given) {
            (_, Some(given)) => passphrase::given(given),
            (KeyName::Passphrase, None) => passphrase::asked_for(attended),
            (KeyName::Keyring, None) => KeySource::Keyring,
            (KeyName::File, None) => {
                let file = self.key.file.clone().unwrap_or_else(|| "master.key".into());
                // A relative path is meant from where it stands.
                KeySource::File(self.home.join(file))
            }
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn yes_or_no(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Error::invalid(format!("{IMPLICIT} is neither true nor false"))),
    }
}

fn read(path: &Path) -> Result<File> {
    let text = match read_bounded(path) {
        Ok(text) if text.len() as u64 > LARGEST => {
            return Err(Error::invalid(format!("{} is larger than 1 MiB", path.display())));
        }
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(Error::invalid(format!("{} is not UTF-8 text", path.display()))
                .with_hint("save it in UTF-8, as editors do by default"));
        }
        // A home that is no directory is the store's to complain about.
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(File::default());
        }
        Err(error) => {
            return Err(Error::store(format!("cannot read {}: {}", path.display(), error.kind()))
                .with_hint("give yourself the right to read it, or choose another CONNECTOR_HOME"));
        }
    };
    parse(&text, path)
}

/// The most that is read of the settings, in bytes.
const LARGEST: u64 = 1 << 20;

/// A file's text, cut one byte behind the limit.
fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str, path: &Path) -> Result<File> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| values::line_at(text, span.start));
        Error::invalid(format!("{}, line {line}: {}", path.display(), without_values(error.message())))
            .with_hint("keys: implicit, server, default_output, timeout, and [key] source and file")
    })
}

/// A fault of the file without what stands there, which may be a secret in the wrong place.
fn without_values(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, wanted)) => format!("expected {wanted}"),
        None if message.contains(['`', '"', '\'']) => "not a valid setting".to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<File> {
        parse(text, Path::new("config.toml"))
    }

    #[test]
    fn settings_read() {
        let file =
            of("implicit = true\ntimeout = \"10s\"\ndefault_output = 'json'\n[key]\nsource = 'passphrase'\n")
                .expect("settings");
        assert_eq!(file.implicit, Some(true));
        assert_eq!(file.timeout.map(|it| it.0), Some(Duration::from_secs(10)));
        assert_eq!(file.key.source, KeyName::Passphrase);
        assert_eq!(of("timeout = 7").expect("seconds").timeout.map(|it| it.0), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_wrong_file_is_named_with_its_line() {
        for (text, line) in [
            ("implicit = maybe", 1),
            ("implicit = true\nbogus = 1", 2),
            ("\n\ntimeout = 'soon'", 3),
            ("[key]\nsource = 'hat'", 2),
            ("timeout = 0", 1),
            ("\ntimeout = '0s'", 2),
        ] {
            let message = of(text).expect_err(text).message().to_owned();
            assert!(message.starts_with(&format!("config.toml, line {line}: ")), "{text}: {message}");
        }
    }

    #[test]
    fn what_stands_in_a_wrong_file_is_not_quoted() {
        let said = |text| of(text).expect_err(text).message().to_owned();
        assert_eq!(said("implicit = 'hunter2'"), "config.toml, line 1: expected a boolean");
        assert_eq!(
            said("[key]\nsource = 'hunter2'"),
            "config.toml, line 2: expected one of `file`, `passphrase`, `keyring`"
        );
        for text in ["hunter2 = 1", "hunter2", "key = 'hunter2'", "implicit = hunter2", "[key]\nhunter2 = 1"]
        {
            assert!(!said(text).contains("hunter2"), "{}", said(text));
        }
    }

    /// C28: settings of any text are settings, or an error with a line; a file beyond all measure is not read.
    #[test]
    fn c28_hostile_settings_are_answered() {
        let pieces =
            ["[", "a.", "[a.", "[[a]]\n", "\"", "''", "{", "{a=", "timeout = ", "\\", "#", "\n", "\0", "é"];
        for piece in pieces {
            let run = piece.repeat((1 << 17) / piece.len());
            for text in [run.clone(), format!("server = {run}"), format!("key = {run}")] {
                if let Err(error) = of(&text) {
                    assert!(error.message().len() < 1024, "{piece}: {} bytes", error.message().len());
                }
            }
        }
        for text in ["timeout = 18446744073709551615", "timeout = -1", "timeout = 1e309", "timeout = [[[]]]"]
        {
            let _ = of(text);
        }
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("config.toml");
        std::fs::File::create(&path).and_then(|it| it.set_len(1 << 40)).expect("a file with a hole");
        let error = read(&path).expect_err("too large");
        assert!(error.message().contains("larger than 1 MiB"), "{error}");
    }
}
