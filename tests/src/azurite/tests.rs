use super::*;
use crate::{process, skip};

#[test]
fn the_vendors_client_is_let_in_and_refused_as_told() {
    let server = match Azurite::try_start(&["files"]) {
        Ok(server) => server,
        Err(reason) => return skip::skip("the_vendors_client_is_let_in_and_refused_as_told", reason),
    };
    let home = tempfile::tempdir().expect("a temporary folder");
    let python = install::python().expect("the Python tools");
    let account = server.account("files");
    let mut command = python.python(home.path());
    command.args(["-c", include_str!("client.py")]).env("URL", server.url()).env("CA", server.ca_file());
    let told = process::run(command.env("ACCOUNT", &account.name).env("KEY", &account.key));
    let told = told.expect_success().json();
    let expected = serde_json::json!({
        "by key": ["one", "two"],
        // Azure says 403 here, and 401 below.
        "by a wrong key": 400,
        "by a signature": ["hello.txt"],
        "of another container": 403,
        "ended": 403,
        "by a token": ["one", "two"],
        "by a token for another service": 403,
        "a key for signatures": ["b", 32],
    });
    assert_eq!(told, expected);
}
