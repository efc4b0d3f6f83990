//! What a metadata server knows, as folders.

use serde_json::{Map, Value};

use crate::credential::GcpCredential;

/// A folder, or what is in it.
#[derive(Debug)]
pub(super) enum Node {
    Folder(Vec<(String, Self)>),
    Text(String),
    Number(u64),
    List(Vec<&'static str>),
    /// What is asked for by its own path alone, and only named in a list.
    Apart,
}

/// The tree of a token.
pub(super) fn of(credential: &GcpCredential, account: &str) -> Node {
    let mut project = vec![
        // Nobody told the project's number. gcloud takes whoever does not answer with digits for no metadata server; no
        // project has this one.
        ("numeric-project-id", Node::Number(0)),
    ];
    // Without a project the path is not there: a program then says that it needs one.
    project.extend(credential.project_id.clone().map(|id| ("project-id", Node::Text(id))));
    let accounts = ["default", account].map(|name| (name.to_owned(), identity(account)));
    let v1 = folder([
        ("instance", folder([("service-accounts", Node::Folder(accounts.into()))])),
        ("project", folder(project)),
        ("universe", folder([("universe-domain", Node::Text(credential.universe_domain.clone()))])),
    ]);
    folder([("computeMetadata", folder([("v1", v1)]))])
}

fn identity(account: &str) -> Node {
    folder([
        ("aliases", Node::List(vec!["default"])),
        ("email", Node::Text(account.to_owned())),
        ("identity", Node::Apart),
        // What a token is really for is not known of every one; this is what most programs ask for, and they ask no
        // further when they see it.
        ("scopes", Node::List(vec!["https://www.googleapis.com/auth/cloud-platform"])),
        ("token", Node::Apart),
    ])
}

fn folder(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    Node::Folder(entries.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
}

impl Node {
    pub(super) fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// What is in a folder by that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        let Self::Folder(entries) = self else { return None };
        let (_, node) = entries.iter().find(|(it, _)| it == name)?;
        (!matches!(node, Self::Apart)).then_some(node)
    }

    /// The names in a folder, one a line; those of folders end with a slash.
    pub(super) fn names(&self) -> String {
        let Self::Folder(entries) = self else { return String::new() };
        let line =
            |(name, node): &(String, Self)| format!("{name}{}\n", if node.is_folder() { "/" } else { "" });
        entries.iter().map(line).collect()
    }

    /// With all that is below it.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Folder(entries) => {
                let entries = entries.iter().filter(|(_, node)| !matches!(node, Self::Apart));
                Value::Object(entries.map(|(name, node)| (camel(name), node.json())).collect::<Map<_, _>>())
            }
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::List(texts) => texts.clone().into(),
            Self::Apart => Value::Null,
        }
    }

    /// The same as text: a path and a value a line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Folder(_) => {
                let mut lines = String::new();
                self.lines("", &mut lines);
                lines
            }
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::List(texts) => texts.iter().map(|it| format!("{it}\n")).collect(),
            Self::Apart => String::new(),
        }
    }

    fn lines(&self, path: &str, lines: &mut String) {
        match self {
            Self::Folder(entries) => {
                for (name, node) in entries {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                    node.lines(&path, lines);
                }
            }
            Self::Apart => {}
            leaf => {
                for value in leaf.text().lines() {
                    lines.push_str(&format!("{path} {value}\n"));
                }
            }
        }
    }
}

/// `service-accounts` is `serviceAccounts` in JSON; an address is what it is.
fn camel(name: &str) -> String {
    if name.contains('@') {
        return name.to_owned();
    }
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let (head, tail) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{text}{}{tail}", head.to_ascii_uppercase())
    })
}
