//! A policy as data, and its shortest JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use connector_core::{Error, Result, Right};

use crate::names::PolicyArn;

/// How many characters STS takes: the inline policy and the ARNs of managed ones together.
pub const SESSION_POLICY_LIMIT: usize = 2048;

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Which edition of the language it is written in.
    pub version: Version,
    /// What it says, in order; the order has no meaning.
    pub statements: Vec<Statement>,
}

/// The edition of the policy language. It decides whether `${…}` is a variable or plain text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// `2008-10-17`, which is also meant by a document that names none: `${…}` is plain text.
    V2008,
    /// `2012-10-17`: `${…}` is a variable.
    #[default]
    V2012,
}

/// One statement: an effect on the actions and resources selected, under conditions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statement {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// `Action` or `NotAction`.
    pub actions: Selection,
    /// `Resource` or `NotResource`.
    pub resources: Selection,
    /// All of these must hold; none means always.
    pub conditions: Conditions,
    /// It holds something that this program does not understand (`Principal`, unknown elements), so
    /// nothing may be concluded from it.
    pub opaque: bool,
}

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Grants, unless another statement denies.
    Allow,
    /// Takes away, whatever other statements grant.
    Deny,
}

/// What a list of patterns selects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// What matches any of them.
    Only(Vec<String>),
    /// What matches none of them.
    AllBut(Vec<String>),
}

/// Operator → key → values, as in the document. Any value will do; all keys and operators must.
pub type Conditions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

impl Policy {
    /// A policy of these statements, in the present edition.
    #[must_use]
    pub fn new(statements: Vec<Statement>) -> Self {
        Self { version: Version::V2012, statements }
    }

    /// Allows everything. As a session policy it takes nothing away; a federation token without any
    /// policy would have no rights at all.
    #[must_use]
    pub fn everything() -> Self {
        Self::new(vec![Statement::allow(["*"], ["*"])])
    }

    /// This policy and the `Deny` statements of `other`, so that what `other` denies stays denied when
    /// this one is sent in its place. Changes nothing where the editions differ and a variable might
    /// change its meaning.
    #[must_use]
    pub fn with_denials_of(mut self, other: &Self) -> Self {
        if self.version == other.version {
            let denials = other.statements.iter().filter(|it| it.effect == Effect::Deny && !it.opaque);
            let new: Vec<_> = denials.filter(|it| !self.statements.contains(it)).cloned().collect();
            self.statements.extend(new);
        }
        self
    }

    /// What it says, statement by statement, for those who read.
    #[must_use]
    pub fn rights(&self) -> Vec<Right> {
        self.statements.iter().map(Statement::right).collect()
    }

    /// The document without a superfluous blank, always the same for the same policy, and in characters
    /// that STS takes. What an opaque statement did not understand is not written: send the text that
    /// it was read from instead.
    #[must_use]
    pub fn to_json(&self) -> String {
        let version = match self.version {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        };
        let statements: Vec<String> = self.statements.iter().map(Statement::to_json).collect();
        format!(r#"{{"Version":"{version}","Statement":[{}]}}"#, statements.join(","))
    }
}

impl Statement {
    /// Allows `actions` on `resources`, both patterns.
    #[must_use]
    pub fn allow<A: Into<String>, R: Into<String>>(
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = R>,
    ) -> Self {
        Self {
            effect: Effect::Allow,
            actions: Selection::Only(actions.into_iter().map(Into::into).collect()),
            resources: Selection::Only(resources.into_iter().map(Into::into).collect()),
            conditions: Conditions::new(),
            opaque: false,
        }
    }

    /// Denies what it allowed.
    #[must_use]
    pub fn denying(mut self) -> Self {
        self.effect = Effect::Deny;
        self
    }

    /// Adds a condition.
    #[must_use]
    pub fn when<V: Into<String>>(
        mut self,
        operator: impl Into<String>,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.conditions.entry(operator.into()).or_default().insert(key.into(), values);
        self
    }

    /// The statement for those who read.
    fn right(&self) -> Right {
        let shown = |selection: &Selection| match selection {
            Selection::Only(patterns) => patterns.clone(),
            Selection::AllBut(patterns) => vec![format!("all but {}", patterns.join(", "))],
        };
        let bare = Right::new(shown(&self.actions), shown(&self.resources));
        let mut right = if self.effect == Effect::Deny { bare.denied() } else { bare };
        for (operator, keys) in &self.conditions {
            for (key, values) in keys {
                right = right.when(format!("{operator} {key}: {}", values.join(" or ")));
            }
        }
        match self.opaque {
            true => right.when("as its other elements say, which are not read here"),
            false => right,
        }
    }

    fn to_json(&self) -> String {
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        let mut out = format!(r#"{{"Effect":"{effect}""#);
        self.actions.write("Action", &mut out);
        self.resources.write("Resource", &mut out);
        if !self.conditions.is_empty() {
            let operators = self.conditions.iter().map(|(operator, keys)| {
                let keys =
                    keys.iter().map(|(key, values)| format!("{}:{}", quoted(key), one_or_list(values)));
                format!("{}:{{{}}}", quoted(operator), keys.collect::<Vec<_>>().join(","))
            });
            let _ = write!(out, r#","Condition":{{{}}}"#, operators.collect::<Vec<_>>().join(","));
        }
        out.push('}');
        out
    }
}

impl Selection {
    /// The patterns, whatever they select.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        match self {
            Self::Only(patterns) | Self::AllBut(patterns) => patterns,
        }
    }

    fn write(&self, element: &str, out: &mut String) {
        let not = if matches!(self, Self::AllBut(_)) { "Not" } else { "" };
        let _ = write!(out, r#","{not}{element}":{}"#, one_or_list(self.patterns()));
    }
}

fn one_or_list(values: &[String]) -> String {
    match values {
        [one] => quoted(one),
        list => format!("[{}]", list.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(",")),
    }
}

fn quoted(text: &str) -> String {
    within_alphabet(&serde_json::Value::from(text).to_string())
}

/// STS takes U+0020 to U+00FF beside tab and line ends. What lies above can only stand inside of JSON's
/// strings, where an escape means the same.
pub(super) fn within_alphabet(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for it in json.chars() {
        if u32::from(it) <= 0xff {
            out.push(it);
        } else {
            for unit in it.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// Checks that STS will take an inline policy together with managed ones, counted as it does.
///
/// # Errors
/// Invalid input with the size, the limit and what to do about it.
pub fn check_size(json: Option<&str>, managed: &[PolicyArn]) -> Result<()> {
    let size = json.map_or(0, |it| it.chars().count())
        + managed.iter().map(|it| it.as_str().chars().count()).sum::<usize>();
    if size <= SESSION_POLICY_LIMIT {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the session policy is too large: {size} characters with the ARNs of managed ones, and STS takes \
         {SESSION_POLICY_LIMIT}"
    ))
    .with_hint(
        "ask for a shorter part of the resource or a lower access level, shorten the connector's policy, \
         or put it into a managed policy and name that in policy_arns",
    ))
}
