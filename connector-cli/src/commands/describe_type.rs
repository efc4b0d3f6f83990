//! `connector describe-type`: a connector type, one of its resource types, or one of its auth methods.

use std::time::Duration;

use connector_core::{ConnectorEntry, MethodEntry, ResourceEntry, Result, format_duration};

use crate::app::App;
use crate::args::DescribeTypeArgs;
use crate::output::{Output, wrap};

pub(crate) fn run(app: &App, args: &DescribeTypeArgs) -> Result<()> {
    let registry = app.registry()?;
    let (connector_type, output) = (args.connector_type.as_str(), &app.output);
    if let Some(resource_type) = &args.resource_type {
        let entry = registry.describe_resource(connector_type, resource_type)?;
        return output.show(&entry, || resource_text(&entry, connector_type, output));
    }
    if let Some(method) = &args.auth_method {
        let entry = registry.describe_method(connector_type, method)?;
        return output.show(&entry, || method_text(&entry, connector_type, output));
    }
    let entry = registry.describe(connector_type)?;
    output.show(&entry, || type_text(&entry, output))
}

fn type_text(entry: &ConnectorEntry, output: &Output) -> String {
    let mut page = Page::new(output);
    page.title(&format!("{} (connector type: {})", entry.name, entry.id));
    page.prose(&entry.description);
    let methods = entry.auth_methods.iter().map(|it| (it.id.as_str(), it.name.as_str()));
    page.pairs("Auth methods", methods);
    let resources = entry.resource_types.iter().map(|it| (it.id.as_str(), it.name.as_str()));
    page.pairs("Resource types", resources);
    page.facts(&[
        ("Supports auto-configuration", yes(entry.auto_configures)),
        ("Available locally", yes(entry.available.local)),
        ("Available remotely", yes(entry.available.remote)),
    ]);
    page.items("Prerequisites", entry.prerequisites.iter().map(String::as_str));
    page.section("More");
    for option in ["--auth-method METHOD", "--resource-type TYPE"] {
        page.text.push_str(&format!("  connector describe-type {} {option}\n", entry.id));
    }
    page.text
}

fn resource_text(entry: &ResourceEntry, connector_type: &str, output: &Output) -> String {
    let mut page = Page::new(output);
    page.title(&format!("{} (resource type: {} of {connector_type})", entry.name, entry.id));
    page.prose(&entry.description);
    page.facts(&[
        ("Supports resource instances", yes(entry.instances)),
        ("Credential", entry.credential.as_str()),
        ("Part of it to ask for", entry.within.as_deref().unwrap_or("none")),
    ]);
    page.items("Auth methods", entry.auth_methods.iter().map(String::as_str));
    page.pairs(
        "Does not work with",
        entry.without.iter().map(|(method, why)| (method.as_str(), why.as_str())),
    );
    page.pairs("Accepted forms of an id (the first is canonical)", strings(&entry.forms));
    let levels = [
        ("read", &entry.permissions.read),
        ("write", &entry.permissions.write),
        ("admin", &entry.permissions.admin),
    ];
    let mut before: &[String] = &[];
    let mut lines = Vec::new();
    for (level, permissions) in levels {
        let more: Vec<&str> =
            permissions.iter().filter(|it| !before.contains(it)).map(String::as_str).collect();
        let text = match (before.is_empty(), more.is_empty()) {
            (true, true) => "none of the provider's".to_owned(),
            (false, true) => "the same".to_owned(),
            (true, false) => more.join(", "),
            (false, false) => format!("also {}", more.join(", ")),
        };
        lines.push((level, text));
        before = permissions;
    }
    page.pairs("Permissions that each access level needs", lines.iter().map(|(a, b)| (*a, b.as_str())));
    if !entry.permission_targets.is_empty() {
        page.section("They attach to");
        page.indented(&entry.permission_targets);
    }
    page.section("What narrows a credential");
    page.indented(&entry.narrows);
    page.text
}

fn method_text(entry: &MethodEntry, connector_type: &str, output: &Output) -> String {
    let mut page = Page::new(output);
    page.title(&format!("{} (auth method: {} of {connector_type})", entry.name, entry.id));
    page.prose(&entry.description);
    if let Some(warning) = &entry.warning {
        page.prose(&format!("Warning: {warning}"));
    }
    let bounds = match &entry.lifetime {
        None => "as its source has it".to_owned(),
        Some(it) => {
            let [min, default, max] = [it.min, it.default, it.max].map(lifetime);
            let note = it.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!("default {default}, minimum {min}, maximum {max}{note}")
        }
    };
    page.facts(&[
        ("Issues temporary credentials", yes(entry.temporary)),
        ("Lifetime", bounds.as_str()),
        ("Narrows", entry.narrows.as_deref().unwrap_or("no")),
        ("Identity", entry.identity.as_str()),
        ("Stored secret", entry.life.as_str()),
        ("Off until switched on", yes(entry.implicit)),
    ]);
    let attributes: Vec<(String, &str)> = entry
        .attributes
        .iter()
        .map(|it| {
            let secret = if it.secret { ", secret" } else { "" };
            let required = if it.required { "required" } else { "optional" };
            (format!("{} {{{}{secret}, {required}}}:", it.name, it.kind), it.description.as_str())
        })
        .collect();
    page.section("Attributes");
    for (attribute, description) in &attributes {
        page.item(&format!("{attribute} {}", description.replace('\n', " ")));
    }
    page.text
}

/// A bound as providers write it: in whole hours, also beyond a day.
fn lifetime(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600) {
        (hours @ 1.., 0) => format!("{hours}h"),
        _ => format_duration(Duration::from_secs(seconds)),
    }
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn strings(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(a, b)| (a.as_str(), b.as_str()))
}

/// A page of text that grows section by section.
struct Page<'a> {
    output: &'a Output,
    text: String,
}

impl<'a> Page<'a> {
    fn new(output: &'a Output) -> Self {
        Self { output, text: String::new() }
    }

    fn title(&mut self, title: &str) {
        self.text.push_str(&self.output.bold(title));
        self.text.push('\n');
    }

    fn section(&mut self, heading: &str) {
        self.text.push_str(&format!("\n{}:\n", self.output.bold(heading)));
    }

    /// Paragraphs, set to the width.
    fn prose(&mut self, prose: &str) {
        self.text.push_str(&format!("\n{}\n", wrap(prose, self.output.prose_width(), "")));
    }

    fn indented(&mut self, prose: &str) {
        self.text.push_str(&format!("{}\n", wrap(prose, self.output.prose_width(), "  ")));
    }

    /// One item of a list, its further lines below its text.
    fn item(&mut self, item: &str) {
        let text = wrap(item, self.output.prose_width(), "    ");
        self.text.push_str(&format!("  - {}\n", text.trim_start()));
    }

    /// A list under a heading; nothing without items.
    fn items<'t>(&mut self, heading: &str, items: impl Iterator<Item = &'t str>) {
        let mut items = items.peekable();
        if items.peek().is_some() {
            self.section(heading);
            items.for_each(|item| self.item(item));
        }
    }

    /// Short facts, one a line.
    fn facts(&mut self, facts: &[(&str, &str)]) {
        self.text.push('\n');
        for (name, value) in facts {
            let text = wrap(&format!("{name}: {value}"), self.output.prose_width(), "  ");
            self.text.push_str(&format!("{}\n", text.trim_start()));
        }
    }

    /// Words and what they mean, aligned; nothing without any.
    fn pairs<'t>(&mut self, heading: &str, pairs: impl Iterator<Item = (&'t str, &'t str)>) {
        let pairs: Vec<_> = pairs.collect();
        if pairs.is_empty() {
            return;
        }
        self.section(heading);
        let column = pairs.iter().map(|(word, _)| word.chars().count()).max().unwrap_or(0).min(40);
        let indent = " ".repeat(column + 6);
        for (word, meaning) in pairs {
            let meaning = wrap(meaning, self.output.prose_width(), &indent);
            if word.chars().count() > column {
                self.text.push_str(&format!("  - {word}\n{meaning}\n"));
            } else {
                self.text.push_str(format!("  - {word:column$}  {}", meaning.trim_start()).trim_end());
                self.text.push('\n');
            }
        }
    }
}
