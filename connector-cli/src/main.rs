//! The `connector` program. See the README, and `connector --help`.
#![expect(clippy::disallowed_methods, reason = "the program is where the machine comes in, for all below it")]

mod app;
mod args;
mod commands;
mod docker;
mod edit;
mod failure;
mod fast;
mod faults;
mod kubectl;
mod log;
mod logins;
mod output;
mod passphrase;
mod person;
mod programs;
mod settings;
mod shell;
#[cfg(unix)]
mod signals;
mod surroundings;
#[cfg(feature = "http")]
mod told;
mod values;

use std::process::ExitCode;

use app::App;
use args::{Cli, OutputFormat};
use settings::Settings;

fn main() -> ExitCode {
    surroundings::keep_memory_private();
    if let Some(code) = docker::answer().or_else(fast::answer) {
        return code;
    }
    let (cli, name) = match Cli::read() {
        Ok(read) => read,
        Err(error) => return failure::report_usage(&error, wanted_format()),
    };
    let started = log::start(cli.global.verbose).and_then(|()| App::new(&cli.global));
    let app = match started {
        Ok(app) => app,
        Err(error) => return failure::report(&error, cli.global.output.unwrap_or_default()),
    };
    tracing::info!("{name}, in {}", app.home().display());
    match commands::run(&app, cli.command) {
        Ok(code) => code,
        Err(error) => failure::report(&error, app.output.format),
    }
}

/// The form of output that a command line asks for which is wrong elsewhere.
fn wanted_format() -> OutputFormat {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.take_while(|word| word != "--").collect();
    let asks = |word: &str, next: Option<&String>| match word {
        "-o" | "--output" => next.is_some_and(|next| next == "json"),
        _ => ["-ojson", "-o=json", "--output=json"].contains(&word),
    };
    let json = words.iter().enumerate().any(|(at, word)| asks(word, words.get(at + 1)));
    if json {
        return OutputFormat::Json;
    }
    Settings::load().ok().and_then(|settings| settings.output).unwrap_or_default()
}
