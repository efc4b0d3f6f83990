//! `--mode agent`: containers ask an agent on this machine.

use std::path::{Path, PathBuf};

use connector_core::agent::{SetUp, Site};
use connector_core::{AnyProtocol, Envelope, Error, Grant, Result};
use connectors::Hub;
use connectors::agent::GATEWAY;

use super::{HandOff, Mount, files};
use crate::app::App;
use crate::args::{ComposeArgs, Target};
use crate::commands::agent::VARIABLES;
use crate::shell::quoted;

/// The network that containers and this machine share.
pub(super) const NETWORK: &str = "connector-agent";
const SUBNET: &str = "169.254.170.0/24";
/// The first port that is given.
const PORT: u16 = 4711;
/// In the place of a token that only the agent will know.
const UNKNOWN: &str = "connector-token-of-a-session";

/// How to make the network. It outlives projects, and several may share it: two of this subnet cannot be.
pub(super) fn network() -> String {
    format!("docker network create --subnet {SUBNET} --gateway {GATEWAY} {NETWORK}")
}

/// An agent's place, which has to be known before it runs.
#[derive(Debug)]
struct Place {
    port: u16,
    directory: PathBuf,
}

impl Place {
    /// The one of a connector: what it had before, or the first port that is free.
    fn of(home: &Path, name: &str, wanted: Option<u16>) -> Result<Self> {
        let folder = std::path::absolute(home).unwrap_or_else(|_| home.to_owned()).join("compose");
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let given: Vec<(String, u16)> = entries
            .filter_map(|it| {
                let entry = it.file_name().into_string().ok()?;
                let (name, port) = entry.rsplit_once('-')?;
                Some((name.to_owned(), port.parse().ok()?))
            })
            .collect();
        let own = given.iter().find(|(it, _)| it == name).map(|(_, port)| *port);
        let is_free = |port: u16| given.iter().all(|(it, taken)| *taken != port || it == name);
        let port = match wanted.or(own) {
            Some(port) => port,
            None => (PORT..).find(|it| is_free(*it)).unwrap_or(PORT),
        };
        if let Some((other, _)) = given.iter().find(|(it, taken)| *taken == port && it != name) {
            let taken = folder.join(format!("{other}-{port}"));
            return Err(Error::field("port", format!("{port} was given to connector `{other}`")).with_hint(
                format!("take another one, or remove {}, if that is not used any more", taken.display()),
            ));
        }
        Ok(Self { port, directory: folder.join(format!("{name}-{port}")) })
    }

    fn authority(&self) -> String {
        format!("{GATEWAY}:{}", self.port)
    }
}

/// What services need to ask an agent for this.
pub(super) async fn hand_off(
    app: &App,
    hub: &Hub,
    args: &ComposeArgs,
    (name, target): (&str, Target),
) -> Result<(HandOff, Grant)> {
    if target != Target::Linux {
        return Err(Error::invalid("containers reach an agent on Linux only").with_hint(
            "Docker Desktop runs them in a machine of its own, whose gateway is not this one, and under another name \
             SDKs do not ask over http, nor does the agent answer; `--mode files` mounts your own files",
        ));
    }
    refuse_unbindable(args)?;
    let grant = args.grant.grant();
    let handle = hub.handle(name, grant.clone()).await?;
    let mut complete = handle.grant();
    (complete.access, complete.duration) = (grant.access, grant.duration);
    drop(handle);
    let place = Place::of(app.home(), name, args.port)?;
    let directory = place
        .directory
        .to_str()
        .filter(|it| !it.contains(char::is_control))
        .ok_or_else(|| Error::invalid("the path of CONNECTOR_HOME is no text, so no file can name it"))?;
    let envelope = hub.issue(name, complete.clone()).await?;
    let site = Site::new(place.authority(), directory, UNKNOWN.into());
    let protocols = hub.registry().protocols(&envelope.kind)?;
    let (at, set_up) = choose(&protocols, &site, &envelope).map_err(|it| it.with_connector(name))?;
    let protocol = &protocols[at];
    let mut hand_off = HandOff { is_networked: true, ..HandOff::default() };
    for (variable, value) in &set_up.environment.set {
        let value = value.expose();
        if value.contains(UNKNOWN) {
            hand_off.env_file = Some(site.file(VARIABLES));
        } else if holds_secret(value, &envelope)? {
            return Err(Error::refused(format!(
                "variable `{variable}` would hold the credential, which stands in no file of a project"
            ))
            .with_connector(name));
        } else {
            hand_off.set(variable, value.to_owned());
        }
    }
    hand_off.shadows = set_up.environment.unset;
    // The same path on both sides: the agent's own files name each other.
    hand_off.mounts.push(Mount {
        source: directory.to_owned(),
        target: directory.to_owned(),
        read_only: true,
    });
    let mut command = vec!["connector".to_owned(), "agent".to_owned()];
    command.extend(["--listen".to_owned(), place.authority()]);
    command.extend(["--directory".to_owned(), directory.to_owned()]);
    if at > 0 {
        command.extend(["--protocol".to_owned(), protocol.id().to_owned()]);
    }
    if let Some(duration) = args.grant.duration {
        command.extend(["--duration".to_owned(), format!("{}s", duration.as_secs())]);
    }
    command.push(binding(name, &complete));
    hand_off.command = Some(command.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(" "));
    hand_off.protocol = Some((protocol.id(), protocol.about()));
    hand_off.directory = Some(place.directory);
    hand_off.warnings.push(files::readers());
    Ok((hand_off, complete))
}

/// Makes the directory that the agent fills, so that it is there, and nobody else's, when containers mount it.
pub(super) fn make(directory: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|error| Error::unexpected(format!("cannot make {}: {}", directory.display(), error.kind())))
}

/// The words of a binding cannot say everything.
fn refuse_unbindable(args: &ComposeArgs) -> Result<()> {
    match &args.grant.within {
        Some(_) => Err(Error::field("within", "not for an agent, which is bound to a whole resource")),
        None => Ok(()),
    }
}

fn binding(name: &str, grant: &Grant) -> String {
    let (Some(kind), Some(id)) = (&grant.resource_type, &grant.resource_id) else { return name.to_owned() };
    format!("{name}={kind}:{id}@{}", grant.access.unwrap_or_default())
}

/// The first protocol that shows a secret: others on the network could ask in one that does not.
fn choose(protocols: &[AnyProtocol], site: &Site, envelope: &Envelope) -> Result<(usize, SetUp)> {
    const FILES: &str = "`--mode files` mounts your own files";
    let mut failed = None;
    for (at, protocol) in protocols.iter().enumerate() {
        match protocol.set_up(site, envelope) {
            Ok(set_up) if protocol.shows_secret(site, &set_up) => return Ok((at, set_up)),
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let kind = &envelope.kind;
    Err(failed.unwrap_or_else(|| match protocols {
        [] => Error::invalid(format!("no program asks an agent for a credential of kind `{kind}`")).with_hint(FILES),
        _ => Error::refused(format!(
            "programs show no secret when they ask for a credential of kind `{kind}`, so every container could"
        ))
        .with_hint(FILES),
    }))
}

/// Whether a text holds one of the credential's secrets.
fn holds_secret(text: &str, envelope: &Envelope) -> Result<bool> {
    for name in envelope.fields.secret_names() {
        let secret = envelope.fields.expect_secret(name)?;
        if !secret.expose().is_empty() && text.contains(secret.expose()) {
            return Ok(true);
        }
    }
    Ok(false)
}
