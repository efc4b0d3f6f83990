//! The current context of a kubeconfig that a cloud hands out for one of its clusters: read, and nothing of it run.

use std::fmt;
use std::path::PathBuf;

use connector_core::{Error, Expiry, Result, Secret};

use super::file::{Exec, Kubeconfig};
use super::{Chosen, UserLogin};
use crate::credential::{KubernetesCredential, Login, Trust};
use crate::session::end_of;

/// What the current context of a kubeconfig says: where its cluster is, and how its user logs in. For connectors of
/// clouds that describe their clusters so. Programs that it names are not run, files that it names are not read.
#[derive(Clone, Debug)]
pub struct CurrentContext {
    chosen: Chosen,
}

/// How the user of a context logs in.
#[derive(Debug)]
#[non_exhaustive]
pub enum ContextLogin<'a> {
    /// With what stands in the kubeconfig itself, and when that ends, as far as it says so.
    Stored(&'a Login, Expiry),
    /// With what a program prints.
    Plugin(Plugin<'a>),
}

/// A program that prints a credential. Its arguments may hold secrets, so that they are asked for one by one.
#[derive(Clone, Copy)]
pub struct Plugin<'a>(&'a Exec);

impl fmt::Debug for Plugin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plugin([HIDDEN])")
    }
}

impl<'a> Plugin<'a> {
    /// The value of an option among the program's arguments, such as `--server-id`: what follows it, or stands behind
    /// `=`. The first one counts.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&'a str> {
        let mut arguments = self.0.args.iter().flatten().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix(name) {
                Some("") => return arguments.next(),
                Some(rest) if rest.starts_with('=') => return rest.get(1..),
                _ => {}
            }
        }
        None
    }
}

impl CurrentContext {
    /// Reads a kubeconfig that holds everything itself.
    ///
    /// # Errors
    /// Invalid input that says what is missing, contradictory or not supported, and quotes no secret; a server that
    /// would be sent a login in clear.
    pub fn read(text: &Secret) -> Result<Self> {
        let no_files = |_: &str, _: Option<&PathBuf>| Err(Error::invalid("names a file"));
        let file = Kubeconfig::parse(text.expose(), "the kubeconfig", None)?;
        Ok(Self { chosen: file.choose(None, &no_files)? })
    }

    /// How its user logs in.
    #[must_use]
    pub fn login(&self) -> ContextLogin<'_> {
        match &self.chosen.user {
            UserLogin::Login(login) => ContextLogin::Stored(login, end_of(login)),
            UserLogin::Exec(exec) => ContextLogin::Plugin(Plugin(exec)),
        }
    }

    /// Whom to trust as its server.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.chosen.cluster.trust
    }

    /// A credential that logs in so where the context says. Its cluster is named as the kubeconfig does.
    #[must_use]
    pub fn credential(&self, login: Login) -> KubernetesCredential {
        self.chosen.cluster.credential(login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CA: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

    fn read(user: &str) -> Result<CurrentContext> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: demo\n\
             clusters: [{{name: demo, cluster: {{server: 'https://demo.example.org:443', \
             certificate-authority-data: {CA}}}}}]\n\
             contexts: [{{name: demo, context: {{cluster: demo, user: u}}}}]\n\
             users: [{{name: u, user: {user}}}]\n"
        );
        CurrentContext::read(&Secret::new(text))
    }

    /// A program is told of, and what it is called with is found by name and shown to nobody.
    #[test]
    fn a_plugin_is_read_and_not_run() {
        let user = "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: /bin/false, \
                    args: [get-token, --server-id, first, --tenant-id=second, --server-idx, third, --last]}}";
        let context = read(user).expect("a context");
        let ContextLogin::Plugin(plugin) = context.login() else { panic!("a plugin") };
        assert_eq!(plugin.option("--server-id"), Some("first"));
        assert_eq!(plugin.option("--tenant-id"), Some("second"));
        assert_eq!(plugin.option("--last"), None);
        assert_eq!(plugin.option("--client-id"), None);
        let shown = format!("{context:?} {plugin:?} {:?}", context.login());
        assert!(!shown.contains("first") && !shown.contains("second"), "{shown}");

        let credential = context.credential(Login::Token(Secret::new("hunter2")));
        assert_eq!((&*credential.server, &*credential.cluster), ("https://demo.example.org", "demo"));
        assert_eq!(&credential.trust, context.trust());
        assert!(matches!(credential.trust, Trust::Authority(_)));
    }

    #[test]
    fn what_stands_in_it_is_told_and_files_are_not_read() {
        let context = read("{token: hunter2}").expect("a context");
        assert!(matches!(context.login(), ContextLogin::Stored(Login::Token(_), Expiry::Never(_))));
        assert!(!format!("{context:?}").contains("hunter2"));
        for user in ["{tokenFile: /etc/hostname}", "{client-certificate: a, client-key: b}", "{}"] {
            let error = read(user).expect_err(user);
            assert_eq!(error.kind(), connector_core::ErrorKind::InvalidInput, "{user}");
        }
        assert!(CurrentContext::read(&Secret::new("")).is_err());
        assert!(
            CurrentContext::read(&Secret::new("[hunter2"))
                .is_err_and(|it| !it.to_string().contains("hunter2"))
        );
    }
}
