//! The rules that only the program can judge: its files, its variables, and the logins of the user's programs.

use connectors::hub::doctor::{Rule, Severity};

/// Variables win over what is handed out.
pub(super) static SHADOWING: Rule = Rule::new(
    "shadowing-variable",
    Severity::Warning,
    "A variable of this environment makes programs pass over what is handed out to them.",
    "unset it",
);

/// Others may read it.
pub(super) static READABLE: Rule = Rule::new(
    "readable-by-others",
    Severity::Warning,
    "A file or directory that holds credentials can be read, or written, by other users of this machine.",
    "take the rights away: `chmod go= FILE`",
);

/// docker keeps a login in clear.
pub(super) static PLAIN_LOGIN: Rule = Rule::new(
    "plain-login",
    Severity::Warning,
    "A registry's login lies in docker's settings in clear.",
    "register the login and let docker ask for it: `connector register NAME --type docker`, `connector login NAME`",
);

/// Nothing is cached.
pub(super) static CACHE: Rule = Rule::new(
    "cache-not-writable",
    Severity::Warning,
    "The cache cannot be written: everything works, and each call fetches a credential of its own.",
    "give yourself the right to write there",
);

/// A helper is not there.
pub(super) static HELPER: Rule = Rule::new(
    "helper-not-found",
    Severity::Error,
    "A file of one of the user's programs names a helper that is not found.",
    "log in again",
);

/// The program that a login is for is not there.
pub(super) static TOOL: Rule = Rule::new(
    "tool-not-found",
    Severity::Note,
    "A program that was logged in is not on PATH.",
    "install it, or take the login back with `connector logout NAME`",
);

/// Somebody changed it.
pub(super) static CHANGED: Rule = Rule::new(
    "login-changed",
    Severity::Note,
    "What a login wrote into a file of the user's was changed since.",
    "log in again, or take the login back with `connector logout NAME`",
);

/// It is for nobody.
pub(super) static ORPHAN: Rule = Rule::new(
    "login-without-connector",
    Severity::Warning,
    "A file of one of the user's programs asks for a connector that is not there.",
    "take the login back with `connector logout NAME`",
);

/// The journal of logins cannot be read.
pub(super) static JOURNAL: Rule = Rule::new(
    "logins-unreadable",
    Severity::Error,
    "The journal of logins cannot be read: docker's helper answers for no registry, and no login is taken back.",
    "see what is wrong with the file",
);

/// All of them, for the table of SARIF.
pub(super) static RULES: &[&Rule] =
    &[&SHADOWING, &READABLE, &PLAIN_LOGIN, &CACHE, &HELPER, &TOOL, &CHANGED, &ORPHAN, &JOURNAL];
