//! `connector export compose`: an override file and a `.env` by which services of a compose project have credentials.
//!
//! Values stand in the override as they are, and again in `.env`: what the shell has set would win over a reference
//! to that, and the shell's paths are this machine's.

mod agent;
mod files;
mod host;
mod project;

use std::path::{Path, PathBuf};

use connector_core::{Error, Grant, Result};
use connectors::agent::GATEWAY;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::args::{ComposeArgs, Mode, Target};
use crate::commands::agent::proxies::Proxies;
use crate::edit::{self, Format, Step};
use crate::logins::{self, FileWish, Touched, Turn, Wanted, Wish};
use crate::output::Table;
use host::Host;
use project::Project;

/// What services need.
#[derive(Debug, Default)]
struct HandOff {
    environment: Vec<(String, String)>,
    mounts: Vec<Mount>,
    /// A file of this machine whose variables are secrets.
    env_file: Option<String>,
    /// Whether services join the agent's network.
    is_networked: bool,
    /// Variables that programs would take before what is handed on.
    shadows: Vec<String>,
    /// How the agent is started.
    command: Option<String>,
    /// What it speaks, and who asks in that.
    protocol: Option<(&'static str, &'static str)>,
    /// What the agent fills.
    directory: Option<PathBuf>,
    notes: Vec<String>,
    warnings: Vec<String>,
}

impl HandOff {
    fn set(&mut self, name: &str, value: String) {
        self.environment.push((name.to_owned(), value));
    }
}

/// A file or folder of this machine in containers.
#[derive(Clone, Debug)]
struct Mount {
    source: String,
    target: String,
    read_only: bool,
}

pub(crate) fn run(app: &App, args: &ComposeArgs) -> Result<()> {
    refuse_misfits(args)?;
    let project = Project::find(args.file.as_deref())?;
    let mut services = args.services.clone();
    services.sort();
    services.dedup();
    project.check(&services)?;
    let target = args.target.unwrap_or_else(Target::here);
    let (mut hand_off, grant) = hand_off(app, args, &project, target)?;
    if hand_off.is_networked {
        refuse_shared_network(&project, &services)?;
    }
    hand_off.warnings.extend(warnings(args, &project, &services, &hand_off));
    let wish = wish(args, &project, (&services, grant), &hand_off)?;
    agent::make(app.home())?;
    let turn = Turn::wait(app.home())?;
    if args.dry_run {
        let mut files = logins::preview(&turn, &wish)?;
        drop(turn);
        // What else stands in a `.env` may be a secret.
        if let (Some((_, text)), Some(file)) = (files.last_mut(), wish.files.last()) {
            *text = alone(file)?;
        }
        preview(app, &files, &hand_off)?;
    } else {
        if let Some(directory) = &hand_off.directory {
            agent::make(directory)?;
        }
        let touched = match logins::is_written(&turn, &wish)? {
            true => Vec::new(),
            false => logins::log_in(&turn, &wish)?,
        };
        drop(turn);
        report(app, args, (&services, &touched), &hand_off)?;
    }
    hand_off.warnings.iter().for_each(|it| app.output.warn(it));
    hand_off.notes.iter().for_each(|it| app.output.note(it));
    if let Some(command) = &hand_off.command {
        app.output.hint(&format!("once on this machine: {}", agent::network()));
        app.output.hint(&format!("while the services run: {command}"));
    }
    Ok(())
}

/// Options that say nothing in the mode that is asked for.
fn refuse_misfits(args: &ComposeArgs) -> Result<()> {
    let is_agent = args.mode == Mode::Agent;
    let misfit = [
        ("type", is_agent && args.r#type.is_some(), "files"),
        ("mount", is_agent && args.mount.is_some(), "files"),
        ("container-home", is_agent && args.container_home.is_some(), "files"),
        ("port", !is_agent && args.port.is_some(), "agent"),
        ("resource-type", !is_agent && !args.grant.is_empty(), "agent"),
    ];
    match misfit.into_iter().find(|(_, is_misfit, _)| *is_misfit) {
        Some((field, _, mode)) => {
            let what = if field == "resource-type" { "what to ask for is" } else { "this is" };
            Err(Error::field(field, format!("{what} said with `--mode {mode}` only"))
                .with_hint(format!("add `--mode {mode}`, or leave it out")))
        }
        None => Ok(()),
    }
}

fn hand_off(app: &App, args: &ComposeArgs, project: &Project, target: Target) -> Result<(HandOff, Grant)> {
    let name = args.name.as_deref();
    if let (Mode::Agent, Some(name)) = (args.mode, name) {
        let progress = app.output.progress("issuing");
        let given = app.with_hub(async |hub| agent::hand_off(app, hub, args, (name, target)).await);
        drop(progress);
        return given;
    }
    let connector_type = match (&args.r#type, name) {
        (Some(it), _) => it.clone(),
        (None, name) => app
            .with_hub(async |hub| Ok(hub.get(name.unwrap_or_default()).await?.connector_type))
            .map(|it| it.to_string())?,
    };
    let variable = |name: &str| std::env::var(name).ok();
    let host = Host { target, variable: &variable };
    let usual = if project.is_astro() { "/home/astro" } else { "/root" };
    let wanted = files::Wanted {
        container_home: args.container_home.as_deref().unwrap_or(usual),
        mount: args.mount.unwrap_or_default(),
    };
    Ok((files::hand_off(&host, &connector_type, &wanted)?, Grant::default()))
}

/// A service that shares another network can join none.
fn refuse_shared_network(project: &Project, services: &[String]) -> Result<()> {
    for service in services {
        if let Some(mode) = project.network_mode(service) {
            let advice = match mode {
                "host" => {
                    "on the host's own network it asks an agent on loopback: run it with `connector exec --agent`"
                }
                _ => "take `network_mode` out, or use `--mode files`",
            };
            return Err(Error::field(
                "service",
                format!("`{service}` has `network_mode: {mode}`, so it cannot join the agent's network"),
            )
            .with_hint(advice));
        }
    }
    Ok(())
}

/// What would keep services from what is handed on.
fn warnings(args: &ComposeArgs, project: &Project, services: &[String], hand_off: &HandOff) -> Vec<String> {
    let mut warnings = Vec::new();
    for service in services {
        let set = project.sets(service, &hand_off.shadows);
        if !set.is_empty() {
            warnings.push(format!(
                "service `{service}` sets {}, which programs take before what is handed on: remove it there",
                set.join(" ")
            ));
        }
    }
    for service in services.iter().filter(|_| hand_off.is_networked) {
        let variable = |name: &str| project.variable(service, name);
        if let Some(proxy) = Proxies::of(&variable).in_the_way(&GATEWAY.to_string()) {
            warnings.push(format!(
                "service `{service}` sets {proxy}, and some programs would show that proxy the session's token: add {} \
                 to its NO_PROXY and no_proxy",
                GATEWAY
            ));
        }
    }
    if let Some(file) = project.unread() {
        warnings.push(format!("{} cannot be read, so its services are not checked", file.display()));
    }
    if args.file.is_none() && std::env::var_os("COMPOSE_FILE").is_some_and(|it| !it.is_empty()) {
        warnings.push(
            "COMPOSE_FILE is set, so compose reads the override file only if it is named there".to_owned(),
        );
    }
    warnings
}

/// What to write.
fn wish(
    args: &ComposeArgs,
    project: &Project,
    (services, grant): (&[String], Grant),
    hand_off: &HandOff,
) -> Result<Wish> {
    // No connector can be called so.
    let own = || format!("own-files:{}", args.r#type.as_deref().unwrap_or_default());
    let connector = args.name.clone().unwrap_or_else(own);
    let path = std::path::absolute(&project.override_file).unwrap_or_else(|_| project.override_file.clone());
    let env_path = args.env_file.clone().unwrap_or_else(|| path.with_file_name(".env"));
    let wanted = |place: &[Step], value: Value, what: String| Wanted {
        place: place.to_vec(),
        value,
        replaces: args.force,
        what,
    };
    let mut values = Vec::new();
    for service in services {
        let at = |more: &[Step]| {
            let base = [Step::Key("services".into()), Step::Key(service.clone())];
            [&base[..], more].concat()
        };
        for (name, value) in &hand_off.environment {
            let place = at(&[Step::Key("environment".into()), Step::Key(name.clone())]);
            values.push(wanted(&place, literal(value), format!("variable {name} of `{service}`")));
        }
        if let Some(file) = &hand_off.env_file {
            // Not required: what is there only while an agent runs must not keep anybody from `docker compose down`.
            let value = json!([{ "path": literal(file), "required": false }]);
            values.push(wanted(
                &at(&[Step::Key("env_file".into())]),
                value,
                format!("env_file of `{service}`"),
            ));
        }
        for mount in &hand_off.mounts {
            let place = at(&[Step::Key("volumes".into()), Step::Target(literal_text(&mount.target))]);
            values.push(wanted(&place, volume(mount), format!("mount at {} of `{service}`", mount.target)));
        }
        if hand_off.is_networked {
            let mut join = |network: &str| {
                let place = at(&[Step::Key("networks".into()), Step::Key(network.into())]);
                values.push(wanted(&place, json!({}), format!("network {network} of `{service}`")));
            };
            // A service that names networks has left the default one.
            if !project.names_networks(service) {
                join("default");
            }
            join(agent::NETWORK);
        }
    }
    if hand_off.is_networked {
        let place = [Step::Key("networks".into()), Step::Key(agent::NETWORK.into())];
        values.push(wanted(&place, json!({ "external": true }), format!("network {}", agent::NETWORK)));
    }
    if let Some(command) = &hand_off.command {
        // compose leaves keys that begin so to others.
        let place = [Step::Key("x-connector".into()), Step::Key(connector.clone())];
        let how = json!({ "network": agent::network(), "agent": literal(command) });
        values.push(wanted(&place, how, format!("x-connector {connector}")));
    }
    let lines = hand_off.environment.iter().map(|(name, value)| {
        wanted(&[Step::Key(name.clone())], value.as_str().into(), format!("variable {name}"))
    });
    let lines: Vec<Wanted> = lines.collect();
    Ok(Wish {
        connector,
        kind: logins::COMPOSE,
        name: path.to_string_lossy().into_owned(),
        grant,
        is_static: false,
        username: None,
        files: vec![
            FileWish { path, format: Format::Compose, is_secret: false, values },
            FileWish { path: env_path, format: Format::Dotenv, is_secret: false, values: lines },
        ],
    })
}

/// A text that compose takes as it is, and does not fill in.
fn literal(text: &str) -> Value {
    literal_text(text).into()
}

fn literal_text(text: &str) -> String {
    text.replace('$', "$$")
}

/// The long form, in which no colon of a drive is taken for the end of a path. What is not there is an error of
/// compose, and not made as an empty folder.
fn volume(mount: &Mount) -> Value {
    let mut volume = Map::new();
    volume.insert("type".into(), "bind".into());
    volume.insert("source".into(), literal(&mount.source));
    volume.insert("target".into(), literal(&mount.target));
    if mount.read_only {
        volume.insert("read_only".into(), true.into());
    }
    volume.insert("bind".into(), json!({ "create_host_path": false }));
    volume.into()
}

/// The lines of a file that are ours.
fn alone(file: &FileWish) -> Result<String> {
    let mut text = file.format.skeleton().to_owned();
    for it in &file.values {
        let edited = edit::set(file.format, &text, &it.place, &it.value);
        text = edited.map_err(|fault| edit::refuse(&file.path, &text, &fault))?.text;
    }
    Ok(text)
}

fn preview(app: &App, files: &[(PathBuf, String)], hand_off: &HandOff) -> Result<()> {
    let data = files.iter().map(|(path, text)| json!({ "path": path.to_string_lossy(), "text": text }));
    let data = json!({ "files": data.collect::<Vec<_>>(), "agent": agent_value(hand_off) });
    app.output.show(&data, || {
        let parts = files.iter().map(|(path, text)| format!("# {}\n{}", shown(path), text.trim_end()));
        crate::output::clean(&parts.collect::<Vec<_>>().join("\n\n"))
    })
}

fn agent_value(hand_off: &HandOff) -> Value {
    match &hand_off.command {
        Some(command) => json!({
            "network": agent::network(),
            "command": command,
            "protocol": hand_off.protocol.map(|(id, _)| id),
            "directory": hand_off.directory.as_ref().map(|it| it.to_string_lossy()),
        }),
        None => Value::Null,
    }
}

fn report(
    app: &App,
    args: &ComposeArgs,
    (services, touched): (&[String], &[Touched]),
    hand_off: &HandOff,
) -> Result<()> {
    let written = touched
        .iter()
        .map(|it| json!({ "path": it.path.to_string_lossy(), "created": it.whole, "wrote": it.what }));
    let mounts = hand_off
        .mounts
        .iter()
        .map(|it| json!({ "source": it.source, "target": it.target, "read_only": it.read_only }));
    let environment: Map<String, Value> =
        hand_off.environment.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mode = if args.mode == Mode::Agent { "agent" } else { "files" };
    let data = json!({
        "connector": args.name,
        "mode": mode,
        "services": services,
        "changed": !touched.is_empty(),
        "files": written.collect::<Vec<_>>(),
        "mounts": mounts.collect::<Vec<_>>(),
        "environment": environment,
        "agent": agent_value(hand_off),
        "take_back": "connector undo",
    });
    app.output.show(&data, || {
        let mut table = Table::properties();
        table.property("SERVICES", services.join(", "));
        for it in touched {
            let made = if it.whole { " (new)" } else { "" };
            table.property("WROTE", format!("{}{made}", shown(&it.path)));
        }
        if touched.is_empty() {
            table.property("WROTE", "nothing: the files say this already");
        }
        for it in &hand_off.mounts {
            let how = if it.read_only { "read-only" } else { "to be changed too" };
            table.property("MOUNTS", format!("{} at {}, {how}", it.source, it.target));
        }
        for (name, value) in &hand_off.environment {
            table.property("SETS", format!("{name}={value}"));
        }
        if let Some((id, about)) = hand_off.protocol {
            table.property("PROTOCOL", format!("{id}: {about}"));
        }
        table.property("TAKE BACK", "connector undo");
        table.render(&app.output)
    })
}

fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.as_deref().and_then(|it| path.strip_prefix(it).ok());
    below.unwrap_or(path).display().to_string()
}
