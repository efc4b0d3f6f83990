//! Credential Access Boundaries: what a downscoped token may still do, on Cloud Storage alone.

use serde_json::Value;

use super::cel::{Expression, Subject};
use super::error::OauthError;
use super::roles;

/// The most rules that a boundary may have.
const MOST_RULES: usize = 10;

/// A boundary that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Boundary(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    bucket: String,
    roles: Vec<String>,
    condition: Option<Expression>,
}

impl Boundary {
    /// Reads the options of an exchange.
    ///
    /// # Errors
    /// What a real exchange refuses: too many rules, permissions that are no role of Cloud Storage, resources that are
    /// no bucket, conditions that are none, and fields that do not exist.
    pub(super) fn parse(options: &Value) -> Result<Self, OauthError> {
        only(options, &["accessBoundary"])?;
        let boundary = &options["accessBoundary"];
        only(boundary, &["accessBoundaryRules"])?;
        let rules = boundary["accessBoundaryRules"].as_array();
        let rules = rules.filter(|rules| !rules.is_empty()).ok_or_else(|| refused("it has no rules"))?;
        if rules.len() > MOST_RULES {
            return Err(refused("it has more than 10 rules"));
        }
        rules.iter().map(Rule::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether something may still be done. `subject` says to what, which lies in `bucket`.
    pub(super) fn allows(&self, permission: &str, bucket: &str, subject: &Subject<'_>) -> bool {
        self.0.iter().any(|rule| {
            rule.bucket == bucket
                && rule.roles.iter().any(|role| roles::allows(role, permission))
                && rule.condition.as_ref().is_none_or(|condition| condition.holds(subject))
        })
    }
}

impl Rule {
    fn parse(rule: &Value) -> Result<Self, OauthError> {
        only(rule, &["availableResource", "availablePermissions", "availabilityCondition"])?;
        let bucket = rule["availableResource"]
            .as_str()
            .and_then(|resource| resource.strip_prefix("//storage.googleapis.com/projects/_/buckets/"))
            .filter(|bucket| !bucket.is_empty() && !bucket.contains('/'))
            .ok_or_else(|| refused("a resource is no bucket"))?;
        let permissions = rule["availablePermissions"].as_array().filter(|all| !all.is_empty());
        let permissions = permissions.ok_or_else(|| refused("a rule has no permissions"))?;
        let role = |permission: &Value| {
            let role = permission.as_str().and_then(|permission| permission.strip_prefix("inRole:"));
            let role = role.filter(|role| role.starts_with("roles/storage.") && roles::is_known(role));
            role.map(str::to_owned).ok_or_else(|| refused("a permission is no role of Cloud Storage"))
        };
        let roles = permissions.iter().map(role).collect::<Result<_, _>>()?;
        let condition = match &rule["availabilityCondition"] {
            Value::Null => None,
            condition => {
                only(condition, &["expression", "title", "description"])?;
                let text = condition["expression"].as_str().unwrap_or_default();
                Some(Expression::parse(text).map_err(|error| refused(&format!("a condition: {error}")))?)
            }
        };
        Ok(Self { bucket: bucket.to_owned(), roles, condition })
    }
}

fn only(object: &Value, known: &[&str]) -> Result<(), OauthError> {
    let fields = object.as_object().ok_or_else(|| refused("an object is missing"))?;
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        None => Ok(()),
        Some(_) => Err(refused("a field is not known")),
    }
}

fn refused(why: &str) -> OauthError {
    OauthError::request(format!("Invalid value for \"options\": the access boundary is not valid: {why}."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(resource: &str, permission: &str) -> Value {
        json!({ "availableResource": resource, "availablePermissions": [permission] })
    }

    fn parse(rules: &Value) -> Result<Boundary, OauthError> {
        Boundary::parse(&json!({ "accessBoundary": { "accessBoundaryRules": rules } }))
    }

    #[test]
    fn a_boundary_allows_its_bucket_and_roles_only() {
        const BUCKET: &str = "//storage.googleapis.com/projects/_/buckets/b";
        let subject = Subject {
            name: "projects/_/buckets/b",
            kind: "storage.googleapis.com/Bucket",
            list_prefix: None,
        };
        let good = rule(BUCKET, "inRole:roles/storage.objectViewer");
        let boundary = parse(&json!([good])).expect("a boundary");
        assert!(boundary.allows("storage.objects.get", "b", &subject));
        assert!(!boundary.allows("storage.objects.create", "b", &subject));
        assert!(!boundary.allows("storage.objects.get", "other", &subject));

        assert!(parse(&json!(vec![good.clone(); 10])).is_ok());
        let mut with_bad_condition = good.clone();
        with_bad_condition["availabilityCondition"] = json!({ "expression": "true" });
        let mut with_more = good.clone();
        with_more["availableThings"] = json!([]);
        for refused in [
            json!([]),
            json!(vec![good; 11]),
            json!([rule(
                "//storage.googleapis.com/projects/p/buckets/b",
                "inRole:roles/storage.objectViewer"
            )]),
            json!([rule(
                "//storage.googleapis.com/projects/_/buckets/b/objects/o",
                "inRole:roles/storage.admin"
            )]),
            json!([rule("gs://b", "inRole:roles/storage.objectViewer")]),
            json!([rule(BUCKET, "storage.objects.get")]),
            json!([rule(BUCKET, "inRole:roles/viewer")]),
            json!([rule(BUCKET, "inRole:roles/storage.everything")]),
            json!([{ "availableResource": BUCKET, "availablePermissions": [] }]),
            json!([with_bad_condition]),
            json!([with_more]),
        ] {
            assert!(parse(&refused).is_err(), "{refused}");
        }
    }
}
