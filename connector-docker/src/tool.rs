//! The form in which `docker` takes a login: what its credential helpers answer to `get`.

use connector_core::{Error, Issued, Result, Secret};
use serde_json::json;

use crate::{DockerCredential, Login};

/// The user name that tells docker that the secret is an identity token.
const IDENTITY_TOKEN: &str = "<token>";

/// What a helper says in place of a login, word for word: docker then asks without one.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// A helper's answer. It has no end: docker asks anew for every pull.
pub(crate) fn helper_answer(issued: &Issued<DockerCredential>) -> Result<Secret> {
    let server = issued.credential.server();
    let (username, secret) = match &issued.credential.login {
        Login::Password { username, password } => (username.as_str(), password),
        Login::IdentityToken(token) => (IDENTITY_TOKEN, token),
        Login::Anonymous => return Err(Error::not_found(NOT_FOUND)),
    };
    let answer = json!({ "ServerURL": server, "Username": username, "Secret": secret.expose() });
    Ok(Secret::new(answer.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use connector_core::{ErrorKind, Expiry};

    use super::*;

    fn answer(registry: &str, login: Login) -> BTreeMap<String, String> {
        let credential = DockerCredential { registry: registry.into(), login };
        let issued = Issued::new(credential, Expiry::Never("docker asks anew".into()));
        serde_json::from_str(helper_answer(&issued).expect("a form").expose()).expect("an object of texts")
    }

    #[test]
    fn a_helper_answers_with_the_three_keys() {
        let password = || Login::Password { username: "AWS".into(), password: Secret::new("a:b\"c") };
        for (registry, login, expected) in [
            ("127.0.0.1:5000", password(), ["127.0.0.1:5000", "AWS", "a:b\"c"]),
            ("docker.io", password(), ["https://index.docker.io/v1/", "AWS", "a:b\"c"]),
            ("r.example.org", Login::IdentityToken(Secret::new("t")), ["r.example.org", "<token>", "t"]),
        ] {
            let answer = answer(registry, login);
            let values: Vec<_> =
                ["ServerURL", "Username", "Secret"].iter().map(|key| answer[*key].as_str()).collect();
            assert_eq!((values.as_slice(), answer.len()), (expected.as_slice(), 3));
        }
    }

    /// E2: docker goes on without a login when it reads exactly this.
    #[test]
    fn without_a_login_a_helper_says_that_there_is_none() {
        let credential = DockerCredential { registry: "docker.io".into(), login: Login::Anonymous };
        let issued = Issued::new(credential, Expiry::Never("there is none".into()));
        let error = helper_answer(&issued).expect_err("no login");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "credentials not found in native keychain");
    }
}
