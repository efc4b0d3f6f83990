//! What a boundary lets through, judged by the text that is sent.

use connector_core::{Error, Result};
use serde::Deserialize;

use super::{Boundary, expression, roles};

/// Something that somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The permission that it needs.
    pub permission: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The object; `None` for what attaches to the bucket.
    pub object: Option<&'a str>,
    /// The prefix of a list of objects; empty for a list of all.
    pub list_prefix: &'a str,
}

/// The `options` of an exchange, as the service reads them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    access_boundary: Rules,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    access_boundary_rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    available_resource: String,
    available_permissions: Vec<String>,
    availability_condition: Option<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    expression: String,
}

impl Boundary {
    /// Whether a token with this boundary may do it, if its account may.
    ///
    /// # Errors
    /// Invalid input when the boundary holds something that is not understood.
    pub fn allows(&self, request: Request<'_>) -> Result<bool> {
        let options: Options = serde_json::from_str(&self.to_json())
            .map_err(|_| Error::invalid("not the options of an exchange"))?;
        let bucket = format!("projects/_/buckets/{}", request.bucket);
        let (name, kind) = match request.object {
            Some(object) => (format!("{bucket}/objects/{object}"), "storage.googleapis.com/Object"),
            None => (bucket.clone(), "storage.googleapis.com/Bucket"),
        };
        let facts = expression::Facts { name: &name, kind, list_prefix: request.list_prefix };
        let mut allowed = false;
        for rule in &options.access_boundary.access_boundary_rules {
            let of_bucket = rule.available_resource == format!("//storage.googleapis.com/{bucket}");
            let named: Vec<_> =
                rule.available_permissions.iter().filter_map(|it| it.strip_prefix("inRole:")).collect();
            let holds = match &rule.availability_condition {
                Some(condition) => expression::holds(&condition.expression, facts)?,
                None => true,
            };
            allowed |= of_bucket && holds && roles::hold(&named, request.permission);
        }
        Ok(allowed)
    }
}
