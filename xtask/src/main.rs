//! `cargo xtask`: the automation of this workspace, in Rust.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this runs programs and writes files: it is the surroundings that the crates are kept from"
)]

mod bench;
mod demo;
mod fuzz;
mod generate;
mod licences;
mod one_stack;
mod packages;
mod shell;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  demo                       the story of this project on your machine: no account, no root
  test [--only STEP]... [--skip STEP]... [--real-kubernetes]
                             format, clippy, docs, generated files, feature builds and every test;
                             against a real Kubernetes API server too, which is built once from source
  gen [--check]              write docs/reference and docs/schema from the program's own catalogue,
                             or fail when they are stale
  fuzz [TARGET] [--seconds N]
                             hostile input under libFuzzer, each target for a minute unless told
  bench [--programs]         measure whole commands and the library, and write BENCHMARKS.md; or the commands
                             alone, which spares a second build of everything

Programs and servers that these need are installed into target/tools on first use.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["demo"] => demo::run(),
        ["test", options @ ..] => test::run(options),
        ["gen"] => generate::write(),
        ["gen", "--check"] => generate::check(&generate::built_program),
        ["bench"] => bench::run(bench::What::All),
        ["bench", "--programs"] => bench::run(bench::What::Programs),
        ["fuzz", options @ ..] => fuzz::run(options),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("\nerror: {reason}");
            ExitCode::FAILURE
        }
    }
}
