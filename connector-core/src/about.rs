//! What connector types, auth methods and resource types say about themselves: the catalogue's source.

use std::time::Duration;

/// What a connector type says about itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConnectorAbout {
    /// Its name for people, such as `AWS`.
    pub name: &'static str,
    /// What it is for; one or more paragraphs.
    pub description: &'static str,
    /// Whether [`ConnectorType::detect`](crate::ConnectorType::detect) can find something.
    pub detects: bool,
    /// What has to be at hand before one is registered, and how to get it; one line each.
    pub prerequisites: &'static [&'static str],
}

impl ConnectorAbout {
    /// A name and a description.
    #[must_use]
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        Self { name, description, detects: false, prerequisites: &[] }
    }

    /// It can configure itself from what it finds.
    #[must_use]
    pub const fn detects(mut self) -> Self {
        self.detects = true;
        self
    }

    /// What has to be at hand, and how to get it.
    #[must_use]
    pub const fn with_prerequisites(mut self, prerequisites: &'static [&'static str]) -> Self {
        self.prerequisites = prerequisites;
        self
    }
}

/// How long the secret that a method holds is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Life {
    /// Until somebody revokes it.
    Long,
    /// Hours at most.
    Short,
    /// It holds none: the surroundings or a login provide it.
    None,
}

impl Life {
    /// The word for it in the catalogue.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Long => "long-lived",
            Self::Short => "short-lived",
            Self::None => "no stored secret",
        }
    }
}

/// Whose identity a method carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A person's.
    User,
    /// One made for programs.
    Service,
    /// The surroundings' of a running program.
    Workload,
}

impl Identity {
    /// The word for it in the catalogue.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Workload => "workload",
        }
    }
}

/// Bounds of the life that a method can ask its provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The shortest.
    pub min: Duration,
    /// What is asked for when nobody says.
    pub default: Duration,
    /// The longest.
    pub max: Duration,
}

impl Lifetime {
    /// Bounds in seconds.
    #[must_use]
    pub const fn seconds(min: u64, default: u64, max: u64) -> Self {
        Self {
            min: Duration::from_secs(min),
            default: Duration::from_secs(default),
            max: Duration::from_secs(max),
        }
    }
}

/// What an auth method says about itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MethodAbout {
    /// Its name for people, such as `IAM role`.
    pub name: &'static str,
    /// What it does; one or more paragraphs.
    pub description: &'static str,
    /// How long the secret it holds is good for.
    pub life: Life,
    /// Whose identity it carries.
    pub identity: Identity,
    /// Whether what it issues ends by itself and is not the stored secret.
    pub temporary: bool,
    /// What it can narrow, in words; `None` when nothing.
    pub narrows: Option<&'static str>,
    /// The bounds of the life it can ask for; `None` when it has no say.
    pub lifetime: Option<Lifetime>,
    /// A restriction of the bounds that only the provider's answer shows, in words.
    pub lifetime_note: Option<&'static str>,
    /// It uses the identity of the machine it runs on: off unless the host switches it on.
    pub implicit: bool,
    /// What to know before choosing it.
    pub warning: Option<&'static str>,
}

impl MethodAbout {
    /// A method that holds a secret of `life` and carries `identity`; it issues nothing temporary until
    /// told otherwise.
    #[must_use]
    pub const fn new(name: &'static str, description: &'static str, life: Life, identity: Identity) -> Self {
        Self {
            name,
            description,
            life,
            identity,
            temporary: false,
            narrows: None,
            lifetime: None,
            lifetime_note: None,
            implicit: false,
            warning: None,
        }
    }

    /// What it issues ends by itself.
    #[must_use]
    pub const fn temporary(mut self) -> Self {
        self.temporary = true;
        self
    }

    /// It can narrow what it issues, by this means.
    #[must_use]
    pub const fn narrows(mut self, by: &'static str) -> Self {
        self.narrows = Some(by);
        self
    }

    /// It can ask for a life within these bounds.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// A restriction of the bounds in words.
    #[must_use]
    pub const fn lifetime_note(mut self, note: &'static str) -> Self {
        self.lifetime_note = Some(note);
        self
    }

    /// It uses the identity of the machine it runs on.
    #[must_use]
    pub const fn implicit(mut self) -> Self {
        self.implicit = true;
        self
    }

    /// What to know before choosing it.
    #[must_use]
    pub const fn warning(mut self, warning: &'static str) -> Self {
        self.warning = Some(warning);
        self
    }
}

/// What a resource type says about itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ResourceAbout {
    /// Its name for people, such as `S3 bucket`.
    pub name: &'static str,
    /// What it is; one or more paragraphs.
    pub description: &'static str,
    /// Whether one connector reaches many of it, told apart by id.
    pub instances: bool,
    /// The accepted forms of an id, canonical first, each with a word on it.
    pub forms: &'static [(&'static str, &'static str)],
    /// What `within` means, if it means anything.
    pub within: Option<&'static str>,
    /// What the permissions attach to.
    pub targets: &'static str,
    /// What narrows a credential for it, in words.
    pub narrows: &'static str,
    /// The longest that a credential for it lives, whatever the method could give.
    pub lives: Option<Duration>,
    /// What is issued for it is the session's own credential as it is.
    pub hands_on: bool,
    /// The one tool form that may carry a stored secret without the owner's leave.
    pub passes_to: Option<&'static str>,
    /// Auth methods of its connector type that do not work for it, each with the reason.
    pub without: &'static [(&'static str, &'static str)],
}

impl ResourceAbout {
    /// A resource type with many instances.
    #[must_use]
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            instances: true,
            forms: &[],
            within: None,
            targets: "",
            narrows: "nothing",
            lives: None,
            hands_on: false,
            passes_to: None,
            without: &[],
        }
    }

    /// There is one of it per connector.
    #[must_use]
    pub const fn single(mut self) -> Self {
        self.instances = false;
        self
    }

    /// The accepted forms of an id, canonical first, each with a word on it.
    #[must_use]
    pub const fn forms(mut self, forms: &'static [(&'static str, &'static str)]) -> Self {
        self.forms = forms;
        self
    }

    /// What `within` means.
    #[must_use]
    pub const fn within(mut self, within: &'static str) -> Self {
        self.within = Some(within);
        self
    }

    /// What the permissions attach to.
    #[must_use]
    pub const fn targets(mut self, targets: &'static str) -> Self {
        self.targets = targets;
        self
    }

    /// What narrows a credential for it.
    #[must_use]
    pub const fn narrows(mut self, narrows: &'static str) -> Self {
        self.narrows = narrows;
        self
    }

    /// The longest that a credential for it lives, whatever the method could give.
    #[must_use]
    pub const fn lives(mut self, longest: Duration) -> Self {
        self.lives = Some(longest);
        self
    }

    /// What is issued for it is the session's own credential as it is: of a method that issues nothing
    /// temporary, the stored secret.
    #[must_use]
    pub const fn hands_on(mut self) -> Self {
        self.hands_on = true;
        self
    }

    /// What is issued for it may be the stored secret itself, and then goes to this tool form of its kind, and
    /// nowhere else, also when the connector does not allow long-lived secrets: for protocols in which that form
    /// is how one logs in, and that have nothing shorter. Every other way out needs the owner's leave.
    #[must_use]
    pub const fn passes_to(mut self, tool: &'static str) -> Self {
        self.passes_to = Some(tool);
        self
    }

    /// Auth methods that do not work for it, each with the reason.
    #[must_use]
    pub const fn without(mut self, without: &'static [(&'static str, &'static str)]) -> Self {
        self.without = without;
        self
    }
}
