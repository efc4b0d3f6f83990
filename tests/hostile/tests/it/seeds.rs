//! Every target over every seed, as it is and spoiled in ways that are always the same.

use std::panic::catch_unwind;
use std::path::Path;

use connector_hostile::{TARGETS, Target};

use crate::mutate::Mutations;

/// How many inputs each target gets, its seeds apart; fewer where each costs files.
fn mutations(target: &str) -> usize {
    match target {
        "store" => 300,
        // Each is a signature or more.
        "credentials" => 1000,
        // As many, for each of its six methods twice.
        "logins" => 500,
        // Three providers.
        "answers" => 5000,
        _ => 3000,
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let read = |path: std::path::PathBuf| {
        let content = std::fs::read(&path).expect("a seed reads");
        (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), content)
    };
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = entries.map(|it| read(it.expect("an entry").path())).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "no seeds for {target}");
    seeds
}

/// Runs a target, and says by which input it failed in a form that can be kept as a seed.
fn run(name: &str, target: Target, input: &[u8], from: &str) {
    if catch_unwind(|| target(input)).is_err() {
        let shown: String =
            input.iter().flat_map(|it| std::ascii::escape_default(*it)).map(char::from).collect();
        panic!("target {name} failed on an input from {from}: b\"{shown}\"");
    }
}

fn check(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(it, _)| *it == name).expect("a target");
    let seeds = seeds(name);
    for (file, seed) in &seeds {
        run(name, target, seed, file);
    }
    let contents: Vec<Vec<u8>> = seeds.iter().map(|(_, content)| content.clone()).collect();
    let mut spoiled = Mutations::of(contents);
    for _ in 0..mutations(name) {
        let (input, from) = spoiled.next_input();
        run(name, target, &input, &seeds[from].0);
    }
}

macro_rules! checked {
    ($($test:ident: $target:literal,)*) => {
        $(#[test] fn $test() { check($target); })*

        #[test]
        fn every_target_is_run() {
            let run = [$($target),*];
            let all: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(run.as_slice(), all, "a target that nobody runs rots");
        }
    };
}

checked! {
    c28_answers: "answers",
    c28_boundaries: "boundaries",
    c28_credentials: "credentials",
    c28_documents: "documents",
    c28_envelopes: "envelopes",
    c28_ids: "ids",
    c28_kubeconfigs: "kubeconfigs",
    c28_logins: "logins",
    c28_policies: "policies",
    c28_profiles: "profiles",
    c28_store: "store",
    c28_tokens: "tokens",
}

/// The programs of the fuzzer are these targets, no more and no less.
#[test]
fn every_target_has_its_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("the fuzzer's manifest");
    let programs =
        manifest.lines().filter_map(|it| it.strip_prefix("path = \"targets/")?.strip_suffix(".rs\""));
    let all: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(programs.collect::<Vec<_>>(), all);
    for name in all {
        let program = std::fs::read_to_string(folder.join("targets").join(format!("{name}.rs")));
        assert!(program.is_ok_and(|it| it.contains(&format!("connector_hostile::{name}(input)"))), "{name}");
    }
}
