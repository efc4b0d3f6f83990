//! The built program, in a world of its own: fresh homes, no network.
#![allow(clippy::disallowed_methods, reason = "tests arrange the surroundings of the program")]

mod agent;
mod bad_input;
mod catalogue;
mod containers;
mod doctor;
mod exec;
mod export;
mod give;
mod kubernetes;
mod lifecycle;
mod login;
mod output;
mod programs;
mod reach;
mod running;
mod secrets;
mod settings;
mod store;
mod upkeep;

use connector_tests::cli::Cli;

/// A key id in the shape of AWS's own; it is the documentation's.
const KEY_ID: &str = "aws_access_key_id=AKIAIOSFODNN7EXAMPLE";

/// The program of this build, freshly installed.
fn cli() -> Cli {
    Cli::of(env!("CARGO_BIN_EXE_connector").into())
}

/// Stores a connector without any call.
fn register(cli: &Cli, name: &str, more: &[&str]) {
    let base = ["register", name, "--type", "aws", "--auth-method", "session-token", "--no-verify"];
    let config = ["region=us-east-1", KEY_ID, "aws_secret_access_key=env:SECRET"];
    cli.ok(&[&base[..], &config, more].concat());
}

/// The program with a secret in `SECRET`, as users who take care give them.
fn cli_with_secret() -> Cli {
    cli().with_env("SECRET", "not-much-of-a-secret")
}

/// The names of the stored connectors.
fn names(cli: &Cli) -> Vec<String> {
    let rows = cli.json(&["list"]);
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}
