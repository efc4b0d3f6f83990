//! `cargo xtask fuzz`: the bodies of `tests/hostile` under libFuzzer.
//!
//! Without a sanitizer, so that the stable compiler will do: what is looked for is panics, hangs and memory without
//! bounds, and `unsafe` is forbidden here. What is found is left in `tests/hostile/fuzz/artifacts`; kept as a seed, it
//! is run by every `cargo xtask test`.

use std::path::PathBuf;
use std::process::Command;

use connector_tests::paths;

use crate::shell::{self, Result};

/// How long each target runs unless told.
const SECONDS: u32 = 60;

/// What a target may take: a longer input shows nothing more, and takes time from others.
const LONGEST_INPUT: &str = "-max_len=16384";
const MOST_MEMORY: &str = "-rss_limit_mb=2048";
const LONGEST_RUN: &str = "-timeout=30";

/// Runs one target, or all of them one after another; stops at the first finding.
pub(crate) fn run(options: &[&str]) -> Result {
    let wish = wish(options, &targets()?)?;
    check_installed()?;
    for target in &wish.targets {
        println!("\n==> {target}: {} s", wish.seconds);
        let seeds = folder().join("seeds").join(target);
        let corpus = paths::target().join("fuzz-corpus").join(target);
        std::fs::create_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
        let mut command = fuzz(&["run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--target-dir"]);
        command.arg(paths::target().join("fuzz")).arg(target).arg(&corpus).arg(&seeds);
        command.args(["--", &format!("-max_total_time={}", wish.seconds)]);
        command.args([LONGEST_INPUT, MOST_MEMORY, LONGEST_RUN, "-print_final_stats=1"]);
        shell::run(&mut command).map_err(|reason| {
            format!(
                "{reason}\nhint: mend it, and keep the input that is named above in tests/hostile/seeds/{target}"
            )
        })?;
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Wish {
    targets: Vec<String>,
    seconds: u32,
}

fn wish(options: &[&str], all: &[String]) -> Result<Wish> {
    let mut wish = Wish { targets: Vec::new(), seconds: SECONDS };
    let mut words = options.iter();
    while let Some(word) = words.next() {
        if *word == "--seconds" {
            let seconds = words.next().and_then(|it| it.parse().ok()).filter(|it| *it > 0);
            wish.seconds = seconds.ok_or("--seconds wants a number")?;
        } else if all.iter().any(|it| it == word) {
            wish.targets.push((*word).to_owned());
        } else {
            return Err(format!("unknown target `{word}`; the targets are: {}", all.join(" ")));
        }
    }
    if wish.targets.is_empty() {
        wish.targets = all.to_vec();
    }
    Ok(wish)
}

fn folder() -> PathBuf {
    paths::workspace().join("tests").join("hostile")
}

/// The targets, by their folders of seeds; a test there holds these to the programs.
fn targets() -> Result<Vec<String>> {
    let seeds = folder().join("seeds");
    let entries = std::fs::read_dir(&seeds).map_err(|error| format!("{}: {error}", seeds.display()))?;
    let names = entries.filter_map(|it| it.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// `cargo fuzz`, from the path or from where this workspace keeps its tools.
fn fuzz(arguments: &[&str]) -> Command {
    let mut command = shell::cargo(&["fuzz"]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([paths::tools().join("bin")]);
    if let Ok(path) = std::env::join_paths(places) {
        command.env("PATH", path);
    }
    command.args(arguments).current_dir(folder());
    command
}

fn check_installed() -> Result {
    shell::read(&mut fuzz(&["--version"])).map(drop).map_err(|_| {
        "cargo-fuzz is not installed\nhint: `cargo install cargo-fuzz --locked`; it also needs a C++ compiler".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_targets_and_seconds() {
        let all = ["ids".to_owned(), "store".to_owned()];
        let wish = |options: &[&str]| wish(options, &all);
        assert_eq!(wish(&[]), Ok(Wish { targets: all.to_vec(), seconds: 60 }));
        let one = Wish { targets: vec!["ids".to_owned()], seconds: 5 };
        assert_eq!(wish(&["ids", "--seconds", "5"]), Ok(one));
        assert!(wish(&["nosuch"]).is_err_and(|it| it.contains("ids store")));
        assert!(wish(&["--seconds"]).is_err() && wish(&["--seconds", "0"]).is_err());
    }

    #[test]
    fn every_folder_of_seeds_is_a_target() {
        let targets = targets().expect("the folder");
        assert!(targets.contains(&"ids".to_owned()), "{targets:?}");
        for target in targets {
            assert!(folder().join("fuzz/targets").join(format!("{target}.rs")).is_file(), "{target}");
        }
    }
}
