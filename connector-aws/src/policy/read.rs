//! Reads a policy document as people write it.

use connector_core::{Error, Result};
use serde_json::{Map, Value};

use super::model::{Conditions, Effect, Policy, Selection, Statement, Version};

/// Larger documents are refused unread; STS takes a 32nd of it.
const LONGEST: usize = 65_536;

impl Policy {
    /// Reads a document: a string or a list wherever IAM takes both, `Sid` and `Id` left aside.
    /// Statements with elements that this program does not know are kept as opaque ones.
    ///
    /// # Errors
    /// Invalid input that names the statement and the element, without quoting the document.
    pub fn parse(json: &str) -> Result<Self> {
        if json.len() > LONGEST {
            return Err(Error::invalid("the policy is longer than 64 KiB"));
        }
        let value: Value = serde_json::from_str(json).map_err(|error| {
            Error::invalid(format!(
                "the policy is not JSON: line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        Self::from_value(&value)
    }

    /// The same from JSON that has been read already.
    ///
    /// # Errors
    /// As for [`Policy::parse`].
    pub fn from_value(value: &Value) -> Result<Self> {
        let Value::Object(document) = value else {
            return Err(Error::invalid("the policy is not a JSON object"));
        };
        let unknown = document.keys().find(|it| !matches!(it.as_str(), "Version" | "Id" | "Statement"));
        if let Some(unknown) = unknown {
            let known = "expected Version, Id and Statement";
            return Err(Error::invalid(match unknown.bytes().all(|it| it.is_ascii_alphabetic()) {
                true if unknown.len() <= 20 => format!("the policy holds the element {unknown}, {known}"),
                _ => format!("the policy holds an element that no policy has, {known}"),
            }));
        }
        let version = match document.get("Version").map(Value::as_str) {
            None | Some(Some("2008-10-17")) => Version::V2008,
            Some(Some("2012-10-17")) => Version::V2012,
            Some(_) => return Err(Error::invalid("the policy's Version is not 2012-10-17")),
        };
        let statements = match document.get("Statement") {
            Some(one @ Value::Object(_)) => vec![statement(one, 1)?],
            Some(Value::Array(list)) if !list.is_empty() => {
                list.iter().zip(1..).map(|(it, number)| statement(it, number)).collect::<Result<_>>()?
            }
            None | Some(Value::Array(_)) => return Err(Error::invalid("the policy has no Statement")),
            Some(_) => {
                return Err(Error::invalid("the policy's Statement is neither an object nor a list of some"));
            }
        };
        Ok(Self { version, statements })
    }
}

fn statement(value: &Value, number: usize) -> Result<Statement> {
    let wrong = |what: &str| Error::invalid(format!("statement {number} of the policy: {what}"));
    let Value::Object(elements) = value else { return Err(wrong("not a JSON object")) };
    let effect = match elements.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(wrong("its Effect is neither Allow nor Deny")),
    };
    let select = |name: &str| selection(elements, name).map_err(|what| wrong(&what));
    let conditions = match elements.get("Condition") {
        None => Conditions::new(),
        Some(value) => conditions(value).ok_or_else(|| {
            wrong("its Condition is not made of operators, keys, and a value or a list of values")
        })?,
    };
    let known = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    Ok(Statement {
        effect,
        actions: select("Action")?,
        resources: select("Resource")?,
        conditions,
        opaque: elements.keys().any(|it| !known.contains(&it.as_str())),
    })
}

fn selection(elements: &Map<String, Value>, name: &str) -> Result<Selection, String> {
    let not = format!("Not{name}");
    let patterns = |value| {
        let list = one_or_list(value, |it| it.as_str().map(str::to_owned));
        list.filter(|it| !it.is_empty())
            .ok_or(format!("its {name} is neither a string nor a list of strings"))
    };
    match (elements.get(name), elements.get(&not)) {
        (Some(value), None) => patterns(value).map(Selection::Only),
        (None, Some(value)) => patterns(value).map(Selection::AllBut),
        _ => Err(format!("expected one of {name} and {not}")),
    }
}

fn conditions(value: &Value) -> Option<Conditions> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let values = |value: &Value| one_or_list(value, scalar).filter(|it| !it.is_empty());
    let mut conditions = Conditions::new();
    for (operator, keys) in value.as_object()? {
        let keys = keys.as_object()?.iter().map(|(key, value)| Some((key.clone(), values(value)?)));
        conditions.insert(operator.clone(), keys.collect::<Option<_>>()?);
    }
    Some(conditions)
}

fn one_or_list(value: &Value, read: impl Fn(&Value) -> Option<String>) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => list.iter().map(read).collect(),
        one => Some(vec![read(one)?]),
    }
}
