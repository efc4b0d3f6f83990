//! `connector agent`: endpoints of this machine that SDKs ask for credentials.

mod manager;
pub(super) mod proxies;

use std::collections::BTreeSet;
use std::path::PathBuf;

use connector_core::{Error, Result};
use connectors::agent::{Agent, Binding, Options, Served};
use serde_json::{Map, Value, json};

use self::proxies::Proxies;
use super::env::{format, usual};
use super::helped::{self, Form};
use crate::app::App;
use crate::args::{AgentArgs, EnvFormat, OutputFormat};

pub(crate) fn run(app: &App, args: &AgentArgs) -> Result<()> {
    let mut bindings: Vec<Binding> = args.bindings.iter().map(|it| it.parse()).collect::<Result<_>>()?;
    for it in &mut bindings {
        it.grant.duration = args.duration;
    }
    refuse_twice(&bindings)?;
    let mut options = Options::new(directory(app));
    options.protocols.clone_from(&args.protocol);
    options.sockets = manager::sockets()?;
    if let Some(listen) = args.listen {
        if !options.sockets.is_empty() {
            let error = Error::field("listen", "the service manager has opened the ports already");
            return Err(error.with_hint("leave it out, and say the address in the socket unit"));
        }
        options.listen = listen;
    }
    if let Some(directory) = &args.directory {
        options.session = Some(std::path::absolute(directory).unwrap_or_else(|_| directory.clone()));
    }
    app.with_hub_while_asked(async |hub, person| {
        let progress = app.output.progress("issuing");
        for it in &bindings {
            helped::refuse(hub, &it.connector, &it.grant, Form::Endpoint).await?;
        }
        let agent = Agent::start(hub, bindings, options).await?;
        drop(progress);
        person.leave();
        // Before anybody is told that there is something to end.
        let end = end()?;
        if args.directory.is_some() {
            agent.served().iter().try_for_each(write_variables)?;
        }
        tell(app, args, agent.served())?;
        manager::notify("READY=1");
        let until = async {
            tokio::select! {
                () = end => {}
                never = app.tell_news(hub) => match never {},
            }
            manager::notify("STOPPING=1");
        };
        agent.run(until).await
    })
}

/// The name of the file, in a session's directory that was said beforehand, by which containers get variables that hold
/// the session's token.
pub(super) const VARIABLES: &str = "env";

/// Writes the variables into the session's directory, with which they go.
fn write_variables(served: &Served) -> Result<()> {
    let text = format::render(EnvFormat::Dotenv, served.set_up(), &remark(served));
    crate::edit::replace_private(&served.directory().join(VARIABLES), text.expose().as_bytes())
}

/// The same twice is a slip: both ports would be the same identity.
fn refuse_twice(bindings: &[Binding]) -> Result<()> {
    for (at, one) in bindings.iter().enumerate() {
        if bindings.iter().take(at).any(|it| it == one) {
            let error = Error::field("binding", format!("`{one}` stands there twice"));
            return Err(error.with_hint("leave one out: any number of programs may ask one endpoint"));
        }
    }
    Ok(())
}

/// Where the files of agents are.
pub(super) fn directory(app: &App) -> PathBuf {
    let home = std::path::absolute(app.home()).unwrap_or_else(|_| app.home().to_owned());
    home.join("agent")
}

/// Says which endpoints answer without a secret.
pub(super) fn warn_of_open(app: &App, served: &Served) {
    for protocol in served.protocols().iter().filter(|it| !it.has_secret) {
        let who = if cfg!(target_os = "linux") { "runs as you" } else { "runs" };
        let (id, name, authority) = (protocol.id, &served.binding().connector, served.authority());
        app.output.warn(&format!(
            "`{id}` knows no secret: whatever {who} on this machine is answered for `{name}` at {authority}"
        ));
    }
}

/// When this process is told to end.
#[cfg(unix)]
fn end() -> Result<impl Future<Output = ()> + Send> {
    use crate::signals::{ENDS, Signals};

    let mut signals = Signals::catch(&ENDS)
        .map_err(|error| Error::unexpected(format!("cannot catch signals: {}", error.kind())))?;
    Ok(async move {
        signals.next().await;
    })
}

#[cfg(not(unix))]
fn end() -> Result<impl Future<Output = ()> + Send> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Says where programs find what is served: the moment this is out, they may ask.
fn tell(app: &App, args: &AgentArgs, served: &[Served]) -> Result<()> {
    match args.format {
        None if app.output.format != OutputFormat::Table => app.output.show(&value(served), String::new)?,
        Some(EnvFormat::Json) => app.output.print(&format!("{:#}", value(served)))?,
        format => {
            let format = format.unwrap_or_else(|| usual(app));
            let scripts: Vec<_> =
                served.iter().map(|it| format::render(format, it.set_up(), &remark(it))).collect();
            app.output.print(&scripts.iter().map(|it| it.expose()).collect::<Vec<_>>().join("\n"))?;
        }
    }
    served.iter().for_each(|it| warn_of_open(app, it));
    let variable = |name: &str| std::env::var(name).ok();
    let hosts = served.iter().map(|it| proxies::host(it.authority()));
    let first = hosts.filter_map(|host| Some((host, Proxies::of(&variable).in_the_way(host)?))).next();
    if let Some((host, proxy)) = first {
        app.output.warn(&format!(
            "{proxy} is set, and some programs would ask that proxy in place of the endpoint: give them {host} in \
             NO_PROXY and no_proxy"
        ));
    }
    for (one, other) in alike(served) {
        app.output.warn(&format!(
            "`{one}` and `{other}` set the same variables: a program takes one of them, so give each its own"
        ));
    }
    app.output.note("answering until this is stopped");
    Ok(())
}

/// What is served, on one line.
fn remark(served: &Served) -> String {
    let Binding { connector, grant } = served.binding();
    let (resource_type, id) = served.resource();
    let access = grant.access.unwrap_or_default();
    let protocols: Vec<_> = served.protocols().iter().map(|it| it.id).collect();
    format!("{connector}: {resource_type} {id} {access}; {} at {}", protocols.join(", "), served.authority())
}

/// What is served, for programs. Of secrets there is only what has to stand in a variable itself.
fn value(served: &[Served]) -> Value {
    let one = |it: &Served| {
        let Binding { connector, grant } = it.binding();
        let (resource_type, id) = it.resource();
        let protocols = it.protocols().iter();
        let protocols = protocols
            .map(|it| json!({ "id": it.id, "about": it.about, "has_secret": it.has_secret }))
            .collect::<Vec<_>>();
        let form = it.set_up();
        let set = form.set.iter().map(|(name, value)| (name.clone(), value.expose().into()));
        let unset = form.unset.iter().map(|name| (name.clone(), Value::Null));
        json!({
            "connector": connector,
            "resource": { "type": resource_type, "id": id },
            "access": grant.access.unwrap_or_default().as_str(),
            "protocols": protocols,
            "url": format!("http://{}", it.authority()),
            "directory": it.directory().to_string_lossy(),
            "variables": set.chain(unset).collect::<Map<_, _>>(),
        })
    };
    json!({ "bindings": served.iter().map(one).collect::<Vec<_>>() })
}

/// Connectors of which one program can be given one only.
fn alike(served: &[Served]) -> Vec<(&str, &str)> {
    let names = |it: &Served| it.set_up().set.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    let mut pairs = Vec::new();
    for (at, one) in served.iter().enumerate() {
        let other = served.iter().skip(at + 1).find(|other| !names(one).is_disjoint(&names(other)));
        pairs.extend(other.map(|it| (&*one.binding().connector, &*it.binding().connector)));
    }
    pairs
}
