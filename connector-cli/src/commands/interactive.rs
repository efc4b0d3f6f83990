//! `register -i`: the walk through type, resource type, method, fields and resource.

mod answers;
mod fields;

use std::collections::BTreeSet;
use std::io::IsTerminal;

use connector_core::{ConnectorEntry, Context, Error, MethodEntry, Registry, Result};
use connector_store::Filter;

use super::register::Wish;
use crate::app::App;
use answers::{Answers, Choice, Terminal, choose};

/// Asks the person at the terminal for everything that is not said yet.
///
/// # Errors
/// [`Refused`](connector_core::ErrorKind::Refused) when nobody is at a terminal, or leaves it.
pub(crate) fn complete(app: &App, registry: &Registry, wish: &mut Wish, finds_method: bool) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::refused("`-i` asks questions, and standard input is no terminal").with_hint(
            "give everything as options and KEY=VALUE; `connector describe-type TYPE` lists the keys",
        ));
    }
    let all = app.with_hub(async |hub| hub.list(&Filter::default()).await)?;
    let taken = all.into_iter().map(|it| it.name).collect();
    let cx = app.context();
    Walk { registry, cx: &cx, taken, who: &mut Terminal }.through(wish, finds_method)
}

/// What is at hand while asking. Every answer is checked at once, and asked for again when it does not fit.
struct Walk<'a, W> {
    registry: &'a Registry,
    cx: &'a Context,
    /// Names that other connectors have.
    taken: BTreeSet<String>,
    who: &'a mut W,
}

impl<W: Answers> Walk<'_, W> {
    fn through(&mut self, wish: &mut Wish, finds_method: bool) -> Result<()> {
        if wish.name.is_none() {
            wish.name = Some(self.name()?);
        }
        if wish.connector_type.is_none() {
            let types: Vec<Choice> =
                self.registry.overview().map(|it| (it.id.to_owned(), it.name.to_owned())).collect();
            wish.connector_type = choose(self.who, "Connector type", &types, None)?;
        }
        wish.read_words(self.registry);
        wish.check()?;
        let connector_type = wish.connector_type.clone().unwrap_or_default();
        let entry = self.registry.describe(&connector_type)?;
        if wish.resource_type.is_none() {
            let types: Vec<Choice> =
                entry.resource_types.iter().map(|it| (it.id.clone(), it.name.clone())).collect();
            wish.resource_type = choose(self.who, "Resource type", &types, Some("all of them"))?;
        }
        if wish.method.is_none() && !finds_method {
            let methods = self.methods(&entry, wish.resource_type.as_deref());
            wish.method = choose(self.who, "Auth method, the safest first", &methods, None)?;
        }
        if let Some(method) = wish.method.clone() {
            self.fields(wish, &connector_type, &method)?;
        }
        self.resource(wish, &entry)
    }

    fn name(&mut self) -> Result<String> {
        loop {
            let Some(name) = self.who.text("Name")? else { continue };
            match connector_core::check_name(&name) {
                Ok(()) if self.taken.contains(&name) => self.who.say(&format!("`{name}` is taken.")),
                Ok(()) => return Ok(name),
                Err(error) => self.who.say(error.message()),
            }
        }
    }

    /// The methods that work for a resource type, the safest first.
    fn methods(&self, entry: &ConnectorEntry, resource_type: Option<&str>) -> Vec<Choice> {
        let resource = entry.resource_types.iter().find(|it| Some(&*it.id) == resource_type);
        let methods =
            entry.auth_methods.iter().filter(|it| resource.is_none_or(|of| of.auth_methods.contains(&it.id)));
        let mut methods: Vec<&MethodEntry> = methods.collect();
        methods.sort_by_key(|it| self.risk(it));
        methods.into_iter().map(|it| (it.id.clone(), it.name.clone())).collect()
    }

    /// How much is at stake with a method: one that is switched off is of no use at all; then what does not
    /// end, what cannot be narrowed, and what a person's identity or a stored long-lived secret is behind.
    fn risk(&self, method: &MethodEntry) -> (bool, bool, bool, bool, bool, bool) {
        (
            method.implicit && !self.cx.implicit(),
            !method.temporary,
            method.narrows.is_none(),
            method.warning.is_some(),
            method.identity == "user",
            method.life.contains("long"),
        )
    }

    fn resource(&mut self, wish: &mut Wish, entry: &ConnectorEntry) -> Result<()> {
        let resource = entry.resource_types.iter().find(|it| Some(&it.id) == wish.resource_type.as_ref());
        let Some(resource) = resource.filter(|it| it.instances && wish.resource_id.is_none()) else {
            return Ok(());
        };
        loop {
            let Some(id) = self.who.text("Resource (empty for all that can be reached)")? else {
                return Ok(());
            };
            match self.registry.parse(&entry.id, &resource.id, &id) {
                Ok(_) => {
                    wish.resource_id = Some(id);
                    return Ok(());
                }
                Err(error) => self.who.say(&error.to_string()),
            }
        }
    }
}

#[cfg(all(test, feature = "aws"))]
mod tests;
