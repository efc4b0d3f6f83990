//! The rules by which things are found: a table, so that every finding has a stable id, a weight and a way to mend it.

use std::path::{Path, PathBuf};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth mending.
    Warning,
    /// Open to others, or not working.
    Error,
}

impl Severity {
    /// The word for it, which is also SARIF's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its id: kebab-case, never changed.
    pub id: &'static str,
    /// How much what it finds weighs, unless the finding says otherwise.
    pub severity: Severity,
    /// What it finds, in one sentence.
    pub about: &'static str,
    /// How that is mended.
    pub fix: &'static str,
}

impl Rule {
    /// A rule.
    #[must_use]
    pub const fn new(id: &'static str, severity: Severity, about: &'static str, fix: &'static str) -> Self {
        Self { id, severity, about, fix }
    }
}

/// Something that a rule found. No secret is in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How much it weighs here.
    pub severity: Severity,
    /// The connector that it is about; none for the machine.
    pub connector: Option<String>,
    /// What was found, in lower case without a full stop.
    pub message: String,
    /// What to do about it.
    pub fix: String,
    /// The file at fault.
    pub file: Option<PathBuf>,
}

impl Finding {
    /// Something found by a rule, with the rule's own weight and fix.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            connector: None,
            message: message.into(),
            fix: rule.fix.to_owned(),
            file: None,
        }
    }

    /// It is about this connector.
    #[must_use]
    pub fn of(mut self, connector: impl Into<String>) -> Self {
        self.connector = Some(connector.into());
        self
    }

    /// It weighs this much here.
    #[must_use]
    pub fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// This mends it here.
    #[must_use]
    pub fn mended_by(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// This file is at fault.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }
}

/// A long-lived secret may be handed out.
pub static LONG_LIVED: Rule = Rule::new(
    "long-lived-handed-out",
    Severity::Warning,
    "The connector allows that a secret which does not end by itself is handed to whoever may use it.",
    "choose a method that issues temporary credentials, and take the leave away: `connector update NAME --allow ''`",
);

/// There is nothing that may be handed out.
pub static NOTHING: Rule = Rule::new(
    "nothing-to-issue",
    Severity::Warning,
    "The connector issues nothing: it has nothing to give but its stored secret, which may not be handed out.",
    "choose a method that issues what ends, or give the leave: `connector update NAME --allow long-lived`",
);

/// An administrator's credential may be handed out.
pub static ADMIN: Rule = Rule::new(
    "admin-allowed",
    Severity::Warning,
    "The connector allows that an administrator's credential is handed out.",
    "give the connector's identity the rights that it needs, and take the leave away: `connector update NAME --allow ''`",
);

/// Programs may be run.
pub static EXEC: Rule = Rule::new(
    "programs-allowed",
    Severity::Warning,
    "The connector allows that programs which its configuration names are run.",
    "choose a method that needs no program, and take the leave away: `connector update NAME --allow ''`",
);

/// The identity is the machine's.
pub static IMPLICIT: Rule = Rule::new(
    "implicit-auth",
    Severity::Warning,
    "Methods that use the identity of the machine are switched on.",
    "register a connector that holds an identity of its own, and switch them off: CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=false",
);

/// What is issued may do all that the identity may.
pub static NOT_NARROWED: Rule = Rule::new(
    "not-narrowed",
    Severity::Warning,
    "What the connector issues may do all that its identity may, and not only what is asked for.",
    "choose a method that narrows; `connector describe-type TYPE` shows which do",
);

/// The connector is for everything.
pub static ANY_RESOURCE: Rule = Rule::new(
    "any-resource",
    Severity::Note,
    "The connector is for no one type of resource: who may use it chooses among all that its identity reaches.",
    "fix what it is for: `connector update NAME --resource-type TYPE`",
);

/// What is issued lives for too long.
pub static LIFETIME: Rule = Rule::new(
    "lifetime-over-policy",
    Severity::Warning,
    "What the connector issues may live for longer than the policy allows (`--max-lifetime`).",
    "give it a shorter life: `connector update NAME --duration DURATION`",
);

/// Somebody's identity is lent to everybody (S23).
pub static USER_ON_SHARED: Rule = Rule::new(
    "user-on-shared",
    Severity::Warning,
    "A person's identity is lent to everybody in the workspace by a shared connector.",
    "choose a method with a service identity, or keep the connector to yourself: `connector update NAME --private`",
);

/// Nobody knows with whom is spoken.
pub static TLS_OFF: Rule = Rule::new(
    "tls-not-verified",
    Severity::Error,
    "The server's certificate is not verified: whoever is on the way can read and change everything.",
    "take `insecure` away and name the server's authority: `connector update NAME insecure= certificate_authority=@FILE`",
);

/// It ends soon.
pub static ENDS_SOON: Rule = Rule::new(
    "ends-soon",
    Severity::Warning,
    "The connector, or the credential that it holds, ends soon.",
    "give it a later end, or a new credential, in time",
);

/// It has ended.
pub static HAS_ENDED: Rule = Rule::new(
    "has-ended",
    Severity::Warning,
    "The connector, or the credential that it holds, has ended.",
    "give it a later end or a new credential, or delete it",
);

/// A password where a token is usual (S22).
pub static PASSWORD: Rule = Rule::new(
    "password-method",
    Severity::Note,
    "A password is stored where a token with fewer rights is usual.",
    "make a token with no more rights than are needed, and give that",
);

/// The clocks differ.
pub static CLOCK: Rule = Rule::new(
    "clock-skew",
    Severity::Warning,
    "The clock of this machine and the provider's differ.",
    "set the clock of this machine, by NTP for example",
);

/// Every rule about connectors, in the order in which they are judged.
pub static RULES: &[&Rule] = &[
    &LONG_LIVED,
    &NOTHING,
    &ADMIN,
    &EXEC,
    &IMPLICIT,
    &NOT_NARROWED,
    &ANY_RESOURCE,
    &LIFETIME,
    &USER_ON_SHARED,
    &TLS_OFF,
    &ENDS_SOON,
    &HAS_ENDED,
    &PASSWORD,
    &CLOCK,
];
