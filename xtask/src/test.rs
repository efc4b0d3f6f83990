//! `cargo xtask test`: everything that must hold before a change lands, in the order in which it fails fastest.

use std::process::Command;
use std::time::Instant;

use connector_tests::{install, skip};

/// What tells the tests to start a real Kubernetes API server: `connector_tests::cluster::REAL`.
const REAL_KUBERNETES: &str = "CONNECTOR_TEST_REAL_KUBERNETES";

use crate::shell::{self, Result};
use crate::{generate, licences, one_stack, packages};

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(Clusters) -> Result,
}

/// Against which Kubernetes clusters the tests run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clusters {
    /// The strict local one.
    Strict,
    /// A real API server too.
    Real,
}

const STEPS: [Step; 10] = [
    Step { name: "fmt", what: "format", run: |_| cargo(&["fmt", "--all", "--check"]) },
    Step {
        name: "build",
        what: "everything builds, the program included",
        run: |_| cargo(&["build", "--workspace", "--all-targets"]),
    },
    Step {
        name: "clippy",
        what: "no lint speaks up",
        run: |_| cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "doc", what: "the documentation builds without a warning", run: |_| doc() },
    Step { name: "gen", what: "schemas and reference pages are those of the program", run: |_| generated() },
    Step { name: "features", what: "every feature builds alone", run: |_| features() },
    Step {
        name: "one-stack",
        what: "one TLS stack, one HTTP stack, no foreign provider",
        run: |_| one_stack::check(),
    },
    Step { name: "licences", what: "what is linked may be given on", run: |_| licences::check() },
    Step { name: "tools", what: "real clients and servers for the tests", run: |_| tools() },
    Step { name: "test", what: "all tests and doctests", run: tests },
];

/// Runs the steps, all or as `--only` and `--skip` choose; stops at the first that fails. With `--real-kubernetes` the
/// tests that run against clusters run against a real API server too.
pub(crate) fn run(options: &[&str]) -> Result {
    let (real, options): (Vec<&str>, Vec<&str>) =
        options.iter().partition(|option| **option == "--real-kubernetes");
    let clusters = if real.is_empty() { Clusters::Strict } else { Clusters::Real };
    let chosen = chosen(&options)?;
    skip::forget();
    if clusters == Clusters::Real {
        println!("\n==> a real Kubernetes API server, built once from its source (some 11 minutes)");
        install::kube_apiserver().map_err(|reason| reason.to_string())?;
    }
    let left_out: Vec<_> = STEPS.iter().map(|step| step.name).filter(|name| !chosen.contains(name)).collect();
    if !left_out.is_empty() {
        skip::skip(&format!("steps {}", left_out.join(" ")), "left out by --only or --skip");
    }
    let start = Instant::now();
    let mut times = Vec::new();
    for step in &STEPS {
        if !chosen.contains(&step.name) {
            continue;
        }
        println!("\n==> {}: {}", step.name, step.what);
        let begin = Instant::now();
        (step.run)(clusters).map_err(|reason| {
            let seconds = begin.elapsed().as_secs_f32();
            format!("step `{}` failed after {seconds:.1} s: {reason}\nhint: `cargo xtask test --only {}` runs it alone", step.name, step.name)
        })?;
        times.push((step.name, begin.elapsed().as_secs_f32()));
        println!("    {} holds ({:.1} s)", step.name, begin.elapsed().as_secs_f32());
    }
    summarise(&times, start.elapsed().as_secs_f32());
    Ok(())
}

fn chosen(options: &[&str]) -> Result<Vec<&'static str>> {
    let (mut only, mut without) = (Vec::new(), Vec::new());
    let mut words = options.iter();
    while let Some(option) = words.next() {
        let list = match *option {
            "--only" => &mut only,
            "--skip" => &mut without,
            other => {
                return Err(format!(
                    "unknown option `{other}`; there are --only STEP, --skip STEP and --real-kubernetes"
                ));
            }
        };
        let name = words.next().ok_or_else(|| format!("{option} wants a step"))?;
        let step = STEPS.iter().find(|step| step.name == *name).ok_or_else(|| {
            let all: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            format!("unknown step `{name}`; the steps are: {}", all.join(" "))
        })?;
        list.push(step.name);
    }
    let wanted = |name: &&str| (only.is_empty() || only.contains(name)) && !without.contains(name);
    Ok(STEPS.iter().map(|step| step.name).filter(wanted).collect())
}

fn summarise(times: &[(&str, f32)], total: f32) {
    println!("\n==> all steps hold ({total:.0} s)");
    for (name, seconds) in times {
        println!("    {name:<10} {seconds:>7.1} s");
    }
    let skips = skip::recorded();
    println!("    {} skipped", skips.len());
    for skip in skips {
        println!("    SKIPPED {}: {}", skip.what, skip.reason);
    }
}

/// Cargo as every step runs it.
fn command(arguments: &[&str]) -> Command {
    let mut command = shell::cargo(arguments);
    if std::env::var_os("CI").is_some() {
        // A machine that builds once gains nothing from incremental files, and writes gigabytes of them.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

fn cargo(arguments: &[&str]) -> Result {
    shell::run(&mut command(arguments))
}

fn doc() -> Result {
    shell::run(command(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The build step has made the program; building it again here, with the features of fewer packages, would build
/// half the tree twice.
fn generated() -> Result {
    let program = connector_tests::paths::target().join("debug").join("connector");
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    generate::check(&|| match program.is_file() {
        true => Ok(program.clone()),
        false => Err("the program is not built; run the step `build` first".to_owned()),
    })
}

/// Features that leave the version of the types of Kubernetes to the program; these checks choose one.
const LEAVES_VERSION: [&str; 2] = ["k8s-any", "native"];

fn features() -> Result {
    let packages = [
        "connector-aws",
        "connector-gcp",
        "connector-azure",
        "connector-k8s",
        "connector-docker",
        "connectors",
        "connector-cli",
    ];
    for package in packages {
        let check = ["check", "--quiet", "--package", package, "--no-default-features"];
        cargo(&check)?;
        for feature in packages::features(package)? {
            let mut command = command(&[&check[..], &["--features", &feature]].concat());
            if LEAVES_VERSION.contains(&&*feature) {
                command.env("K8S_OPENAPI_ENABLED_VERSION", "1.37");
            }
            shell::run(&mut command)?;
        }
    }
    Ok(())
}

fn tests(clusters: Clusters) -> Result {
    let mut tests = command(&["test", "--workspace"]);
    if clusters == Clusters::Real {
        tests.env(REAL_KUBERNETES, "1");
    }
    shell::run(&mut tests)
}

fn tools() -> Result {
    install::python().map_err(|reason| reason.to_string())?;
    println!(
        "    Python: MiniStack, the aws program, boto3, Google's and Azure's libraries, fake-gcs-server"
    );
    match install::kubectl() {
        Ok(kubectl) => println!("    kubectl 1.{}", kubectl.minor()),
        Err(reason) => skip::skip("step tools: kubectl", reason),
    }
    match install::faketime() {
        Ok(_) => println!("    Debian: libfaketime"),
        Err(reason) => skip::skip("step tools: Python clients on a shifted clock", reason),
    }
    match install::azurite() {
        Ok(_) => println!("    npm: Azurite"),
        Err(reason) => skip::skip("step tools: Azurite", reason),
    }
    for package in ["docker-registry", "docker.io", "containerd", "runc"] {
        match install::debian(package) {
            Ok(_) => println!("    Debian: {package}"),
            Err(reason) => skip::skip("step tools: a real registry, a real Docker engine", reason),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// C35: the threat model is published, and each line of what is held to names tests that there are.
    #[test]
    fn c35_every_line_of_the_threat_model_is_shown_by_a_test() {
        let root = connector_tests::paths::workspace();
        let security = std::fs::read_to_string(root.join("SECURITY.md")).expect("SECURITY.md");
        let (_, held) = security.split_once("## What is held to").expect("what is in scope");
        let (held, _) = held.split_once("## Out of scope").expect("what is not");
        let mut sources = String::new();
        read_rust(&root, &mut sources);
        let lines: Vec<&str> = held.split("\n- ").skip(1).collect();
        assert!(lines.len() > 10);
        for line in lines {
            let quoted = line.split('`').skip(1).step_by(2);
            let names: Vec<&str> = quoted.filter(|it| is_a_row(it)).collect();
            assert!(!names.is_empty(), "no test is named by: {line}");
            for name in names {
                assert!(sources.contains(&format!("fn {name}()")), "there is no test {name}");
            }
        }
    }

    /// Whether a word is the name of a test that shows a row: a letter, a number, and what it shows.
    fn is_a_row(word: &str) -> bool {
        let number = word.strip_prefix(['c', 's']).map(|rest| rest.split('_').next().unwrap_or_default());
        number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn read_rust(folder: &Path, out: &mut String) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
                read_rust(&path, out);
            } else if path.extension().is_some_and(|it| it == "rs") {
                out.push_str(&std::fs::read_to_string(&path).expect("a source"));
            }
        }
    }

    #[test]
    fn steps_are_chosen_by_name() {
        let count = |options: &[&str]| chosen(options).map(|steps| steps.len());
        assert_eq!(count(&[]), Ok(STEPS.len()));
        assert_eq!(chosen(&["--only", "fmt", "--only", "doc"]), Ok(vec!["fmt", "doc"]));
        assert_eq!(count(&["--skip", "test"]), Ok(STEPS.len() - 1));
        assert!(chosen(&["--only", "nosuch"]).is_err_and(|text| text.contains("one-stack")));
        assert!(chosen(&["--only"]).is_err());
        assert!(chosen(&["fmt"]).is_err());
    }
}
