//! `connector explain`: why a credential is what it is.

use connector_core::{Origin, OriginState, Result, Right, Step, Trust, format_duration, format_time};
use connectors::hub::{CacheState, Explanation, LifetimeBound};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::ExplainArgs;
use crate::output::{time_left, wrap};

pub(crate) fn run(app: &App, args: &ExplainArgs) -> Result<()> {
    if args.trust_policy {
        let progress = app.output.progress("asking who it is");
        let trust = app.with_hub(async |hub| hub.trust(&args.name).await)?;
        drop(progress);
        return app.output.show(&trust_value(&trust), || trust_text(&trust));
    }
    let explanation = app.with_hub(async |hub| hub.explain(&args.name, args.grant.grant()).await)?;
    let narrows = explanation.method_narrows;
    app.output.show(&value(&explanation, narrows), || text(app, &explanation, narrows))
}

/// Everything as data; parameters stand as they are sent, byte for byte, in the order in which they are.
fn value(it: &Explanation, method_narrows: Option<&str>) -> Value {
    let step = |step: &Step| {
        let parameters = step.parameters.iter().map(|(name, value)| json!({ "name": name, "value": value }));
        json!({
            "call": step.call,
            "parameters": parameters.collect::<Vec<_>>(),
            "rights": step.rights,
        })
    };
    let bound = |it: &LifetimeBound| {
        json!({
            "by": it.by,
            "duration": it.duration.map(|it| it.as_secs()),
            "until": it.until.map(format_time),
            "decides": it.decides,
        })
    };
    let cache = match &it.cache {
        CacheState::Held { envelope, refresh_at, expires_at } => json!({
            "state": "held",
            "refresh_at": format_time(*refresh_at),
            "expires_at": format_time(*expires_at),
            "credential": envelope.to_hidden(),
        }),
        _ => json!({ "state": "empty" }),
    };
    json!({
        "connector": it.connector,
        "type": it.connector_type,
        "method": it.method,
        "grant": it.grant,
        "sent": it.steps.iter().map(step).collect::<Vec<_>>(),
        "carries": it.permissions,
        "withheld": it.withheld,
        "narrows": { "resource_type": it.narrows, "method": method_narrows },
        "lifetime": it.lifetime.iter().map(bound).collect::<Vec<_>>(),
        "sources": it.sources,
        "origins": it.origins,
        "cache": cache,
        "clients": it.clients,
    })
}

fn text(app: &App, it: &Explanation, method_narrows: Option<&str>) -> String {
    let mut parts = vec![part(app, "ASKED FOR", &asked(it))];
    if it.steps.is_empty() {
        let from = if it.origins.is_empty() { "what the connector holds" } else { "what is found below" };
        parts.push(part(app, "SENT", &format!("nothing: the credential is made from {from}")));
    }
    parts.extend(it.steps.iter().map(|step| part(app, &format!("SENT: {}", step.call), &sent(step))));
    parts.push(part(app, "IDENTITY FROM", &origins(it)));
    parts.push(part(app, "MAY", &rights(it, method_narrows)));
    if !it.withheld.is_empty() {
        parts.push(part(app, "TAKEN AWAY", &withheld(it)));
    }
    let resource_type = it.grant.resource_type.as_deref().unwrap_or("the resource type");
    let narrowing =
        [(resource_type, it.narrows.clone()), (&*it.method, method_narrows.unwrap_or("nothing").to_owned())];
    parts.push(part(app, "NARROWED BY", &prose(app, &narrowing)));
    parts.push(part(app, "LIVES", &lifetime(app, it)));
    parts.push(part(app, "IN THE CACHE", &cache(app, &it.cache)));
    if !it.clients.is_empty() {
        parts.push(part(app, "CLIENTS IN RUST", &it.clients.join("\n")));
    }
    parts.join("\n\n")
}

/// Which place the identity comes from, what that hides, and why the others are passed over.
fn origins(it: &Explanation) -> String {
    if !it.sources.is_empty() {
        return format!("connector {}", it.sources.join(", connector "));
    }
    if it.origins.is_empty() {
        return "what the connector holds; nothing else is looked at".to_owned();
    }
    let state = |origin: &Origin| match origin.state {
        OriginState::Used => "used",
        OriginState::Hidden => "hidden by the one before",
        OriginState::Broken => "broken",
        OriginState::Asked => "asked when a credential is made",
        _ => "not set up",
    };
    let rows =
        it.origins.iter().map(|origin| (&*origin.place, format!("{}: {}", state(origin), origin.detail)));
    aligned(&rows.collect::<Vec<_>>())
}

/// What the credential may do, by what is sent for it; else by what its resource type needs.
fn rights(it: &Explanation, method_narrows: Option<&str>) -> String {
    let rights: Vec<&Right> = it.steps.iter().flat_map(|step| &step.rights).collect();
    if rights.is_empty() {
        return carried(it, method_narrows);
    }
    let blocks = rights.iter().map(|right| {
        let not = if right.denied { "not: " } else { "" };
        let mut lines = vec![format!("{not}{}", right.actions.join("\n"))];
        lines.extend(right.resources.iter().map(|resource| format!("  on {resource}")));
        lines.extend(right.when.iter().map(|condition| format!("  when {condition}")));
        lines.join("\n")
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// What is kept back of the resource type's permissions, and why, above all what the identity itself may beyond it.
fn withheld(it: &Explanation) -> String {
    let blocks = it.withheld.iter().map(|kept| format!("{}\n  {}", kept.actions.join("\n"), kept.why));
    let rest = "everything else that the identity may\n  what is sent names all that is allowed";
    blocks.chain([rest.to_owned()]).collect::<Vec<_>>().join("\n")
}

/// What a credential of which nothing is sent may do; a method that narrows nothing hands on more than that.
fn carried(it: &Explanation, method_narrows: Option<&str>) -> String {
    let permissions = it.permissions.join("\n");
    match (it.permissions.is_empty(), method_narrows) {
        (true, _) => "everything that the connector's own credential may".to_owned(),
        (false, Some(_)) => permissions,
        (false, None) => {
            format!("everything that the connector's own credential may; used for this:\n{permissions}")
        }
    }
}

fn part(app: &App, title: &str, body: &str) -> String {
    let lines: Vec<String> = crate::output::clean(body).lines().map(|line| format!("  {line}")).collect();
    format!("{}\n{}", app.output.bold(title), lines.join("\n"))
}

fn asked(it: &Explanation) -> String {
    let or_dash = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![
        ("connector", format!("{} ({}, {})", it.connector, it.connector_type, it.method)),
        ("resource type", or_dash(&it.grant.resource_type)),
        ("resource", or_dash(&it.grant.resource_id)),
    ];
    if it.grant.within.is_some() {
        rows.push(("within", or_dash(&it.grant.within)));
    }
    rows.push(("access", it.grant.access.unwrap_or_default().to_string()));
    aligned(&rows)
}

/// The parameters of a request; JSON in them is set for reading.
fn sent(step: &Step) -> String {
    let rows = step
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), pretty(value).unwrap_or_else(|| value.clone())));
    aligned(&rows.collect::<Vec<_>>())
}

/// Names and what stands for them, below each other; several lines stand below their name.
fn aligned(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, text)| match text.contains('\n') {
        true => format!("{name}\n  {}", text.replace('\n', "\n  ")),
        false => format!("{name:width$}  {text}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Names and sentences, set to the width of the terminal.
fn prose(app: &App, rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let indent = " ".repeat(width + 2);
    let lines = rows.iter().map(|(name, text)| {
        let text = wrap(text, app.output.prose_width() - 2, &indent);
        format!("{name:width$}  {}", text.trim_start())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// JSON documents on several lines; `None` for everything else.
fn pretty(value: &str) -> Option<String> {
    let document: Value = serde_json::from_str(value).ok().filter(Value::is_object)?;
    serde_json::to_string_pretty(&document).ok()
}

fn lifetime(app: &App, it: &Explanation) -> String {
    if it.lifetime.is_empty() {
        let whose = if it.steps.is_empty() { "the stored credential" } else { "the provider says" };
        return format!("as long as {whose}");
    }
    let rows = it.lifetime.iter().map(|it| {
        let limit = match (it.duration, it.until) {
            (Some(duration), _) => format_duration(duration),
            (None, Some(until)) => {
                format!("until {} (in {})", format_time(until), time_left(until, app.now()))
            }
            (None, None) => "-".to_owned(),
        };
        (it.by, if it.decides { format!("{limit}  ← decides") } else { limit })
    });
    aligned(&rows.collect::<Vec<_>>())
}

fn cache(app: &App, state: &CacheState) -> String {
    match state {
        CacheState::Held { envelope, refresh_at, expires_at } => {
            let (renewed, ends) = (time_left(*refresh_at, app.now()), time_left(*expires_at, app.now()));
            let when = |text: &str, done: &str| {
                if text == "expired" { done.to_owned() } else { format!("in {text}") }
            };
            let renewed = when(&renewed, "at the next use");
            let narrowed = if envelope.narrowed.is_narrowed() { "narrowed" } else { "not narrowed" };
            let rows = [
                ("renewed", renewed),
                ("ends", when(&ends, "now")),
                (narrowed, envelope.narrowed.reason().to_owned()),
            ];
            aligned(&rows)
        }
        _ => "nothing: the next request fetches one".to_owned(),
    }
}

fn trust_value(trust: &Trust) -> Value {
    json!({ "identity": trust.identity, "attach_to": trust.target, "policy": trust.policy })
}

/// The policy stands by itself, ready to be copied.
fn trust_text(trust: &Trust) -> String {
    let policy = serde_json::to_string_pretty(&trust.policy).unwrap_or_default();
    format!("identity   {}\nattach to  {}\n\n{policy}", trust.identity, trust.target)
}
