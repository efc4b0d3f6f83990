//! The machine that runs compose, which need not be this one: its paths, and the user's home on it.

use connector_core::{Error, Result};

use crate::args::Target;

/// A machine.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) target: Target,
    /// The user's variables.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Host<'_> {
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|it| !it.is_empty())
    }

    /// The user's home.
    ///
    /// # Errors
    /// When no variable names it.
    pub(super) fn home(&self) -> Result<String> {
        let names: &[&str] = match self.target {
            Target::Windows => &["USERPROFILE"],
            Target::Linux | Target::Macos => &["HOME"],
        };
        let found = names.iter().find_map(|it| self.variable(it));
        found.ok_or_else(|| {
            Error::not_configured("found no home directory of yours").with_hint(format!("set `{}`", names[0]))
        })
    }

    /// A path below another one, as this system writes it.
    pub(super) fn below(&self, folder: &str, names: &[&str]) -> String {
        let separator = if self.target == Target::Windows { "\\" } else { "/" };
        let folder =
            folder.trim_end_matches(if self.target == Target::Windows { &['\\', '/'][..] } else { &['/'] });
        let parts = std::iter::once(folder).chain(names.iter().copied());
        parts.collect::<Vec<_>>().join(separator)
    }

    /// The path that a variable names.
    ///
    /// # Errors
    /// One that leads from a folder which nobody knows.
    pub(super) fn path(&self, name: &str) -> Result<Option<String>> {
        self.variable(name).map(|path| self.whole(name, &path)).transpose()
    }

    /// A path from the root; `~` is the home, as programs read it in their variables.
    pub(super) fn whole(&self, name: &str, path: &str) -> Result<String> {
        if path == "~"
            || path.starts_with("~/")
            || (self.target == Target::Windows && path.starts_with("~\\"))
        {
            let rest: Vec<&str> = path[1..].split(['/', '\\']).filter(|it| !it.is_empty()).collect();
            return Ok(self.below(&self.home()?, &rest));
        }
        if self.is_absolute(path) {
            return Ok(path.to_owned());
        }
        if self.is_here() {
            let absolute =
                std::path::absolute(path).ok().and_then(|it| it.into_os_string().into_string().ok());
            return absolute.ok_or_else(|| Error::invalid(format!("the path in {name} is no text")));
        }
        Err(Error::invalid(format!("the path in {name} is not a whole one"))
            .with_hint("let it begin at the root"))
    }

    fn is_absolute(&self, path: &str) -> bool {
        let bytes = path.as_bytes();
        match self.target {
            Target::Linux | Target::Macos => path.starts_with('/'),
            Target::Windows => {
                path.starts_with(r"\\")
                    || matches!(bytes, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
            }
        }
    }

    /// Whether it is this machine, on which files can be looked for.
    pub(super) fn is_here(&self) -> bool {
        self.target == Target::here()
    }

    /// Whether there is something at a path, as far as that can be known.
    pub(super) fn has(&self, path: &str) -> bool {
        !self.is_here() || std::path::Path::new(path).exists()
    }

    /// Whether Docker Desktop shows a path to containers as it comes.
    pub(super) fn is_shared(&self, path: &str) -> bool {
        let shared = ["/Users/", "/Volumes/", "/private/", "/tmp/", "/var/folders/"];
        self.target != Target::Macos || shared.iter().any(|it| path.starts_with(it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(target: Target, path: &str) -> Option<String> {
        let variable = |name: &str| match name {
            "HOME" => Some("/Users/ada".to_owned()),
            "USERPROFILE" => Some(r"C:\Users\ada".to_owned()),
            "P" => Some(path.to_owned()),
            _ => None,
        };
        Host { target, variable: &variable }.path("P").ok().flatten()
    }

    /// S56.
    #[test]
    fn s56_paths_are_those_of_the_system_that_runs_compose() {
        for (target, given, expected) in [
            (Target::Macos, "~/.aws/config", Some("/Users/ada/.aws/config")),
            (Target::Macos, "/etc/aws", Some("/etc/aws")),
            (Target::Windows, r"~\.aws\config", Some(r"C:\Users\ada\.aws\config")),
            (Target::Windows, "~/.aws/config", Some(r"C:\Users\ada\.aws\config")),
            (Target::Windows, r"D:\aws", Some(r"D:\aws")),
            (Target::Windows, "D:/aws", Some("D:/aws")),
            (Target::Windows, r"\\server\share\aws", Some(r"\\server\share\aws")),
        ] {
            assert_eq!(path(target, given).as_deref(), expected, "{given}");
        }
        let elsewhere = if cfg!(windows) { Target::Linux } else { Target::Windows };
        assert_eq!(path(elsewhere, "aws"), None, "a folder there is not known here");
    }
}
