use serde_json::{Value, json};

use super::identity::User;
use super::request::{Request, Target};

/// A right. Nobody has any until a test gives it, but for those that every cluster gives to everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    subject: Subject,
    namespace: Option<String>,
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    paths: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    User(String),
    Group(String),
}

impl Rule {
    /// A right of the user of that name.
    pub fn for_user(name: &str) -> Self {
        Self::new(Subject::User(name.to_owned()))
    }

    /// A right of everybody in a group.
    pub fn for_group(name: &str) -> Self {
        Self::new(Subject::Group(name.to_owned()))
    }

    /// A right of a service account.
    pub fn for_service_account(namespace: &str, name: &str) -> Self {
        Self::for_user(&format!("system:serviceaccount:{namespace}:{name}"))
    }

    /// Only in this namespace; a rule without one holds in all, and for what lies in none.
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// To do this (`get`, `list`, `watch`, `create`, `*`) with these resources of the core group
    /// (`pods`, `serviceaccounts/token`, `*`).
    pub fn may(self, verbs: &[&str], resources: &[&str]) -> Self {
        self.may_in_group("", verbs, resources)
    }

    /// The same with resources of another API group.
    pub fn may_in_group(mut self, group: &str, verbs: &[&str], resources: &[&str]) -> Self {
        self.groups = owned(&[group]);
        self.verbs = owned(verbs);
        self.resources = owned(resources);
        self
    }

    /// Only with the objects of these names.
    pub fn named(mut self, names: &[&str]) -> Self {
        self.names = owned(names);
        self
    }

    /// To ask for these paths, which are no resources (`/metrics`, `/logs/*`).
    pub fn may_ask(mut self, verbs: &[&str], paths: &[&str]) -> Self {
        self.verbs = owned(verbs);
        self.paths = owned(paths);
        self
    }

    fn new(subject: Subject) -> Self {
        let none = Vec::new;
        let (verbs, groups, resources, names, paths) = (none(), none(), none(), none(), none());
        Self { subject, namespace: None, verbs, groups, resources, names, paths }
    }

    fn is_of(&self, user: &User) -> bool {
        match &self.subject {
            Subject::User(name) => *name == user.name,
            Subject::Group(name) => user.groups.contains(name),
        }
    }

    fn allows(&self, request: &Request) -> bool {
        let verb = has(&self.verbs, &request.verb);
        match &request.target {
            None => verb && self.paths.iter().any(|pattern| covers(pattern, &request.path)),
            Some(target) => verb && self.allows_target(target),
        }
    }

    fn allows_target(&self, target: &Target) -> bool {
        let in_namespace = self.namespace.as_ref().is_none_or(|namespace| *namespace == target.namespace);
        let by_name = self.names.is_empty() || self.names.contains(&target.name);
        in_namespace
            && by_name
            && has(&self.groups, &target.group)
            && has(&self.resources, &target.with_subresource())
    }

    fn in_review(&self) -> Value {
        if self.paths.is_empty() {
            let mut rule =
                json!({ "verbs": self.verbs, "apiGroups": self.groups, "resources": self.resources });
            if !self.names.is_empty() {
                rule["resourceNames"] = json!(self.names);
            }
            rule
        } else {
            json!({ "verbs": self.verbs, "nonResourceURLs": self.paths })
        }
    }
}

/// Whether one of the rules, or membership in `system:masters`, allows it.
pub(super) fn allows(rules: &[Rule], user: &User, request: &Request) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
        || rules.iter().any(|rule| rule.is_of(user) && rule.allows(request))
}

/// Resource rules and path rules of a user in a namespace, as a rules review tells them.
pub(super) fn review(rules: &[Rule], user: &User, namespace: &str) -> (Vec<Value>, Vec<Value>) {
    let masters = [
        Rule::for_group(MASTERS).may_in_group("*", &["*"], &["*"]),
        Rule::for_group(MASTERS).may_ask(&["*"], &["*"]),
    ];
    let fits = |rule: &&Rule| rule.namespace.as_ref().is_none_or(|one| one == namespace) && rule.is_of(user);
    let (paths, resources): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().chain(&masters).filter(fits).partition(|rule| !rule.paths.is_empty());
    let told = |rules: Vec<&Rule>| rules.into_iter().map(Rule::in_review).collect();
    (told(resources), told(paths))
}

/// What every cluster lets everybody do. Only a modern one knows reviews of the caller itself.
pub(super) fn of_everybody(is_modern: bool) -> Vec<Rule> {
    let public = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    let discovery = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"];
    let known = || Rule::for_group("system:authenticated");
    let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    let mut rules = vec![
        known().may_ask(&["get"], &[&public[..], &discovery].concat()),
        Rule::for_group("system:unauthenticated").may_ask(&["get"], &public),
        known().may_in_group("authorization.k8s.io", &["create"], &reviews),
    ];
    if is_modern {
        rules.push(known().may_in_group("authentication.k8s.io", &["create"], &["selfsubjectreviews"]));
    }
    rules
}

/// Who is in this group may do everything.
const MASTERS: &str = "system:masters";

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|one| (*one).to_owned()).collect()
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|one| one == wanted || one == "*")
}

fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => pattern == path,
    }
}
