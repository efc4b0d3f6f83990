use crate::loopback::{Call, decoded};

/// What a call asks for, as Kubernetes reads a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// `get`, `list`, `watch`, `create`, …; for a path that is no resource the method in lower case.
    pub(super) verb: String,
    /// `None` for a path that is no resource.
    pub(super) target: Option<Target>,
    pub(super) path: String,
}

/// A resource, or one object of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) resource: String,
    pub(super) subresource: String,
    /// Empty for all of them.
    pub(super) namespace: String,
    /// Empty for all of them.
    pub(super) name: String,
}

impl Target {
    /// `serviceaccounts/token`, or the resource alone.
    pub(super) fn with_subresource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            sub => format!("{}/{sub}", self.resource),
        }
    }
}

impl Request {
    pub(super) fn of(call: &Call) -> Self {
        let path = decoded(&call.path);
        let mut target = target(&path);
        let mut verb = verb(call, target.as_ref());
        if let Some(target) = target.as_mut().filter(|target| target.name.is_empty() && call.method == "GET")
        {
            // Who may read one object by name may also watch that one.
            target.name = selected_name(call).unwrap_or_default();
        }
        if target.is_none() {
            verb = call.method.to_lowercase();
        }
        Self { verb, target, path }
    }
}

/// The object that a field selector names.
pub(super) fn selected_name(call: &Call) -> Option<String> {
    let selector = call.query_pairs().into_iter().find(|(name, _)| name == "fieldSelector")?.1;
    selector.split(',').find_map(|part| part.strip_prefix("metadata.name=")).map(str::to_owned)
}

fn target(path: &str) -> Option<Target> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        [] => return None,
        ["namespaces", name, tail @ ..] if !matches!(tail, [] | ["status" | "finalize", ..]) => (*name, tail),
        // A namespace lies in itself.
        ["namespaces", name, ..] => (*name, rest),
        _ => ("", rest),
    };
    let part = |index: usize| rest.get(index).map(|part| (*part).to_owned()).unwrap_or_default();
    Some(Target {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: part(0),
        name: part(1),
        subresource: part(2),
        namespace: namespace.to_owned(),
    })
}

fn verb(call: &Call, target: Option<&Target>) -> String {
    let has_name = target.is_some_and(|target| !target.name.is_empty());
    let watches = call
        .query_pairs()
        .iter()
        .any(|(name, value)| name == "watch" && matches!(value.as_str(), "" | "1" | "true"));
    match (call.method.as_str(), has_name) {
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) if watches => "watch",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        (_, _) => "",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, path: &str, query: &str) -> Request {
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Request::of(&Call { method, path, query, ..Call::default() })
    }

    #[test]
    fn paths_are_read_as_kubernetes_reads_them() {
        for (method, path, query, wanted) in [
            ("GET", "/api/v1/pods", "", "list /pods/ in  named "),
            ("GET", "/api/v1/namespaces/a/pods", "watch=true", "watch /pods/ in a named "),
            (
                "GET",
                "/api/v1/namespaces/a/pods",
                "fieldSelector=metadata.name%3Dp&watch=1",
                "watch /pods/ in a named p",
            ),
            ("GET", "/api/v1/namespaces/a/pods/p", "", "get /pods/ in a named p"),
            ("GET", "/api/v1/namespaces", "", "list /namespaces/ in  named "),
            ("GET", "/api/v1/namespaces/a", "", "get /namespaces/ in a named a"),
            (
                "POST",
                "/api/v1/namespaces/a/serviceaccounts/s/token",
                "",
                "create /serviceaccounts/token in a named s",
            ),
            (
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                "",
                "create authorization.k8s.io/selfsubjectaccessreviews/ in  named ",
            ),
        ] {
            let request = read(method, path, query);
            let target = request.target.expect("a resource");
            let told = format!(
                "{} {}/{}/{} in {} named {}",
                request.verb,
                target.group,
                target.resource,
                target.subresource,
                target.namespace,
                target.name
            );
            assert_eq!(told, wanted, "{path}");
        }
        for path in ["/", "/version", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/livez"] {
            let request = read("GET", path, "");
            assert_eq!((request.verb.as_str(), request.target), ("get", None), "{path}");
        }
    }
}
