//! Whether one policy stays within another.

use super::conditions;
use super::model::{Effect, Policy, Selection, Statement, Version};
use super::pattern::{Pattern, Resource, Truth};

/// The answer to whether one policy stays within another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Subset {
    /// Whatever the narrow one allows, the wide one allows.
    Yes,
    /// It goes beyond: no single statement of the wide one covers it, or one denies it. Says what.
    No(String),
    /// It may or may not, for something could not be compared. Says what.
    Unknown(String),
}

/// Whether whatever `narrow` allows is allowed by `wide`, for every request there may be.
///
/// `Yes` is never wrong. The rest may be too careful: coverage by several statements together is not
/// seen, nor is what the `Deny` statements of `narrow` take away, but for those that `wide` has too.
pub fn is_subset(narrow: &Policy, wide: &Policy) -> Subset {
    let wide = Wide::new(narrow, wide);
    let mut unknown = None;
    for statement in narrow.statements.iter().filter(|it| it.effect == Effect::Allow) {
        let conditions = (&statement.conditions, narrow.version);
        // What a statement does not select by patterns, or this program does not understand, may be anything.
        let (actions, resources) = (widest(&statement.actions), widest(&statement.resources));
        for resource_text in &resources {
            let resource = Resource::new(resource_text, narrow.version);
            for action_text in &actions {
                let action = Pattern::action(action_text, narrow.version);
                let what = format!("{action_text} on {resource_text}");
                match wide.takes(&Atom { action, resource: &resource, conditions }) {
                    Verdict::Covered => {}
                    Verdict::Beyond(why) => return Subset::No(format!("{what}: {why}")),
                    Verdict::Unclear(why) => {
                        unknown.get_or_insert(format!("{what}: {why}"));
                    }
                }
            }
        }
    }
    unknown.map_or(Subset::Yes, Subset::Unknown)
}

/// One action pattern on one resource pattern under conditions.
struct Atom<'a> {
    action: Pattern,
    resource: &'a Resource,
    conditions: (&'a super::Conditions, Version),
}

enum Verdict {
    Covered,
    Beyond(&'static str),
    Unclear(&'static str),
}

/// The statements of the wide policy, compiled once.
struct Wide<'a> {
    allow: Vec<Compiled<'a>>,
    deny: Vec<Compiled<'a>>,
}

struct Compiled<'a> {
    statement: &'a Statement,
    version: Version,
    actions: Vec<Pattern>,
    resources: Vec<Resource>,
}

impl<'a> Wide<'a> {
    fn new(narrow: &Policy, wide: &'a Policy) -> Self {
        let version = wide.version;
        let compile = |statement: &'a Statement| Compiled {
            statement,
            version,
            actions: statement.actions.patterns().iter().map(|it| Pattern::action(it, version)).collect(),
            resources: statement.resources.patterns().iter().map(|it| Resource::new(it, version)).collect(),
        };
        // A denial that the narrow policy has too takes away the same from both.
        let shared =
            |it: &Statement| narrow.version == version && !it.opaque && narrow.statements.contains(it);
        let (allow, deny): (Vec<_>, Vec<_>) =
            wide.statements.iter().partition(|it| it.effect == Effect::Allow);
        Self {
            allow: allow.into_iter().map(compile).collect(),
            deny: deny.into_iter().filter(|it| !shared(it)).map(compile).collect(),
        }
    }

    fn takes(&self, atom: &Atom<'_>) -> Verdict {
        let denied = self.deny.iter().map(|it| it.denies(atom)).fold(Truth::No, Truth::or);
        let covered = self.allow.iter().map(|it| it.covers(atom)).fold(Truth::No, Truth::or);
        match (covered, denied) {
            (Truth::No, _) => Verdict::Beyond("no statement of the wider policy allows it"),
            (_, Truth::Yes) => Verdict::Beyond("a statement of the wider policy denies some of it"),
            (Truth::Maybe, _) => {
                Verdict::Unclear("the wider policy may allow it only in part or under conditions")
            }
            (_, Truth::Maybe) => Verdict::Unclear("a statement of the wider policy may deny some of it"),
            (Truth::Yes, Truth::No) => Verdict::Covered,
        }
    }
}

impl Compiled<'_> {
    /// Whether this `Allow` statement allows all of the atom.
    fn covers(&self, atom: &Atom<'_>) -> Truth {
        let implied = conditions::imply(atom.conditions, (&self.statement.conditions, self.version));
        let sure = if implied && !self.statement.opaque { Truth::Yes } else { Truth::Maybe };
        self.actions(atom)
            .takes(&self.statement.actions)
            .and(self.resources(atom).takes(&self.statement.resources))
            .and(sure)
    }

    /// Whether this `Deny` statement takes away some of the atom.
    fn denies(&self, atom: &Atom<'_>) -> Truth {
        let apart = self.actions(atom).spares(&self.statement.actions)
            || self.resources(atom).spares(&self.statement.resources)
            || conditions::exclude(atom.conditions, (&self.statement.conditions, self.version));
        match (apart, self.statement.conditions.is_empty() && !self.statement.opaque) {
            (true, _) => Truth::No,
            (false, true) => Truth::Yes,
            (false, false) => Truth::Maybe,
        }
    }

    fn actions(&self, atom: &Atom<'_>) -> Relation {
        let contained = self.actions.iter().any(|it| it.contains(&atom.action));
        Relation { contained, touched: contained || self.actions.iter().any(|it| it.overlaps(&atom.action)) }
    }

    fn resources(&self, atom: &Atom<'_>) -> Relation {
        let contained = self.resources.iter().any(|it| it.contains(atom.resource));
        Relation {
            contained,
            touched: contained || self.resources.iter().any(|it| it.overlaps(atom.resource)),
        }
    }
}

/// How a list of patterns lies to one pattern: one of them holds all of it, or some hold some of it.
/// `contained` is never wrong when true, `touched` never when false.
#[derive(Clone, Copy)]
struct Relation {
    contained: bool,
    touched: bool,
}

impl Relation {
    /// Whether the selection takes in all of it; `Maybe` when it takes in some.
    fn takes(self, selection: &Selection) -> Truth {
        match (selection, self) {
            (Selection::Only(_), Self { contained: true, .. })
            | (Selection::AllBut(_), Self { touched: false, .. }) => Truth::Yes,
            (Selection::Only(_), Self { touched: false, .. })
            | (Selection::AllBut(_), Self { contained: true, .. }) => Truth::No,
            _ => Truth::Maybe,
        }
    }

    /// Whether the selection takes in nothing of it. Never says so wrongly.
    fn spares(self, selection: &Selection) -> bool {
        self.takes(selection) == Truth::No
    }
}

fn widest(selection: &Selection) -> Vec<String> {
    match selection {
        Selection::Only(patterns) => patterns.clone(),
        Selection::AllBut(_) => vec!["*".to_owned()],
    }
}
