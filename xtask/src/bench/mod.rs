//! `cargo xtask bench`: whole processes, from start to end, beside programs that people know, and what a program
//! that links the library pays. Nothing here passes or fails: the figures are read by people.

mod report;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use connector_tests::cli::Cli;
use connector_tests::ministack::{REGION, World};
use connector_tests::{paths, process};

use report::{kept, library, report, weights};

use crate::shell::{self, Result};

const GRANT: &str = "--resource-type s3-bucket --resource-id bkt-one";
const BUCKETS: usize = 200;
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const CLUSTER_TYPE: &str = "kubernetes-cluster";
const REGISTRY_TYPE: &str = "docker-registry";
const KUBECTL: &str = "`connector helper kubectl`, from cache";
const DOCKER: &str = "`docker-credential-connector get`, from cache";
/// What kubectl tells its plugins.
const EXEC_INFO: &str = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}"#;
/// Programs of another cloud for the same jobs, measured where they are installed. Without an account they answer no
/// more than this, which is their start and nothing else.
const OTHERS: [[&str; 2]; 2] =
    [["gke-gcloud-auth-plugin", "--version"], ["docker-credential-gcloud", "list"]];
/// Runs of what takes milliseconds.
const FAST: usize = 300;
/// Runs of what talks to a server or starts Python.
const SLOW: usize = 30;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    All,
    /// Whole processes; what is told of the library stays as it was.
    Programs,
}

/// Measures, and writes BENCHMARKS.md.
pub(crate) fn run(what: What) -> Result {
    let path = paths::workspace().join("BENCHMARKS.md");
    // The whole workspace, so that both builds share what they link.
    let release = |command, what| [command, "--profile", "release", "--workspace", what];
    shell::run(shell::cargo(&release("build", "--bin")).arg("connector"))?;
    let library = match what {
        What::All => library(&shell::read(shell::cargo(&release("bench", "--bench")).arg("bars"))?)?,
        What::Programs => {
            kept(&fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)?
        }
    };
    let program = paths::target().join("release").join("connector");
    let world = World::try_start().map_err(|reason| reason.to_string())?;
    let bench =
        Bench { cli: Cli::of(program.with_extension(std::env::consts::EXE_EXTENSION)), world: &world };
    bench.prepare()?;

    let helper = format!("helper aws data {GRANT}");
    let issue = format!("issue data {GRANT} -o json");
    let exec = format!("exec data {GRANT} -- true");
    must_succeed(bench.connector(&helper))?;
    let mut rows = vec![
        measure("`/bin/true`", FAST, || Ok(Command::new("true")))?,
        measure("`aws --version`", SLOW, || Ok(bench.aws("--version")))?,
        measure("`aws sts get-caller-identity`", SLOW, || Ok(bench.aws("sts get-caller-identity")))?,
        measure("`aws eks get-token`", SLOW, || Ok(bench.aws(&bench.get_token())))?,
    ];
    rows.extend(bench.others()?);
    rows.extend([
        measure("`connector list-types`", FAST, || Ok(bench.connector("list-types")))?,
        measure("`connector describe-type aws`", FAST, || Ok(bench.connector("describe-type aws")))?,
        measure("`connector helper aws`, from cache", FAST, || Ok(bench.connector(&helper)))?,
        measure(KUBECTL, FAST, || Ok(bench.kubectl_helper()))?,
        measure(DOCKER, FAST, || bench.docker_helper())?,
        measure("`connector issue`, from cache", FAST, || Ok(bench.connector(&issue)))?,
        measure("`connector exec … -- true`, from cache", FAST, || Ok(bench.connector(&exec)))?,
        measure("`connector issue`, one AssumeRole", SLOW, || {
            must_succeed(bench.connector("cache clear"))?;
            Ok(bench.connector(&issue))
        })?,
        bench.register()?,
    ]);
    // The last two have emptied and filled the cache again and again.
    bench.log_in()?;
    let quick = [
        bench.weigh("`connector list-types`", &bench.connector("list-types"))?,
        bench.weigh("`connector helper aws`, from cache", &bench.connector(&helper))?,
        bench.weigh(KUBECTL, &bench.kubectl_helper())?,
        bench.weigh(DOCKER, &bench.docker_helper()?)?,
        bench.weigh("`connector issue`, from cache", &bench.connector(&issue))?,
    ];
    let text = [report(&rows), weights(&quick), library].concat();
    fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("\n{text}");
    Ok(())
}

struct Bench<'a> {
    cli: Cli,
    world: &'a World,
}

impl Bench<'_> {
    /// Many buckets on the server, and the connector `data`, which reaches them by a role.
    fn prepare(&self) -> Result {
        let server = self.world.server();
        let missing = BUCKETS - self.world.buckets.len();
        let script = format!(
            "import boto3\ns3 = boto3.client('s3')\nfor n in range({missing}): s3.create_bucket(Bucket=f'many-{{n:03}}')"
        );
        let filled = server.python(server.root(), &script);
        if !filled.success() {
            return Err(format!("the buckets cannot be made: {filled:?}"));
        }
        let secret = self.cli.home().join("secret");
        fs::write(&secret, &self.world.alice.secret_access_key).map_err(|error| error.to_string())?;
        must_succeed(self.registering("data --resource-type s3-bucket"))?;
        must_succeed(self.registering("cloud"))?;
        fs::write(self.registry(), REGISTRY).map_err(|error| error.to_string())?;
        let program = self.docker_program();
        #[cfg(unix)]
        let linked = std::os::unix::fs::symlink(self.cli.binary(), program);
        #[cfg(not(unix))]
        let linked = fs::copy(self.cli.binary(), program).map(|_| ());
        linked.map_err(|error| format!("docker's helper: {error}"))?;
        self.log_in()
    }

    /// kubectl and docker, so that the cache has what their helpers answer.
    fn log_in(&self) -> Result {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(self.cli.home()).chain(std::env::split_paths(&path)))
            .map_err(|error| format!("PATH: {error}"))?;
        for (resource_type, id) in [(CLUSTER_TYPE, &*self.world.cluster), (REGISTRY_TYPE, REGISTRY)] {
            let line = format!("login cloud --resource-type {resource_type} --resource-id {id}");
            let mut login = self.connector(&line);
            login.env("PATH", &path);
            must_succeed(login)?;
        }
        must_succeed(self.kubectl_helper())?;
        must_succeed(self.docker_helper()?)
    }

    fn registering(&self, name: &str) -> Command {
        self.connector(&format!(
            "register {name} --type aws --auth-method iam-role region={REGION} endpoint_url={} \
             aws_access_key_id={} aws_secret_access_key=@secret role_arn={}",
            self.world.server().url(),
            self.world.alice.access_key_id,
            self.world.data_role
        ))
    }

    /// As kubectl calls it for what `login` wrote.
    fn kubectl_helper(&self) -> Command {
        let (kind, id) = (CLUSTER_TYPE, &self.world.cluster);
        let line = format!("helper kubectl cloud --resource-type {kind} --resource-id {id}");
        let mut command = self.connector(&line);
        command.env("KUBERNETES_EXEC_INFO", EXEC_INFO);
        command
    }

    /// As docker calls it, with the registry's name to read.
    fn docker_helper(&self) -> Result<Command> {
        let mut command = process::isolated(self.docker_program(), &self.cli.home());
        let input = File::open(self.registry()).map_err(|error| error.to_string())?;
        command.env("CONNECTOR_HOME", self.cli.connector_home()).arg("get").stdin(input);
        Ok(command)
    }

    fn docker_program(&self) -> PathBuf {
        self.cli.home().join("docker-credential-connector").with_extension(std::env::consts::EXE_EXTENSION)
    }

    /// The file that docker's helper reads in docker's place.
    fn registry(&self) -> PathBuf {
        self.cli.home().join("registry")
    }

    fn get_token(&self) -> String {
        format!("eks get-token --cluster-name {}", self.world.cluster)
    }

    /// The rows of [`OTHERS`] that this machine has.
    fn others(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for [program, word] in OTHERS {
            let command = || {
                let mut command = process::isolated(program, &self.cli.home());
                command.arg(word).stdin(Stdio::null());
                command
            };
            match command().output() {
                Ok(_) => {
                    rows.push(measure(&format!("`{program} {word}`, without an account"), SLOW, || {
                        Ok(command())
                    })?)
                }
                Err(_) => println!("no `{program}` on PATH: it is not measured"),
            }
        }
        Ok(rows)
    }

    fn register(&self) -> Result<Row> {
        let mut run = 0;
        measure(&format!("`connector register`, {BUCKETS} buckets listed"), SLOW, || {
            run += 1;
            Ok(self.registering(&format!("run-{run} --resource-type s3-bucket")))
        })
    }

    /// The memory and, where valgrind is at hand, the instructions of one run.
    fn weigh(&self, what: &str, command: &Command) -> Result<Weight> {
        println!("weighing {what}");
        let python = paths::target().join("tools").join("venv").join("bin").join("python");
        let peak = shell::read(&mut self.under(&python, &["-c", PEAK], command)?)?;
        let peak = peak.trim().parse().map_err(|_| format!("no memory was told for {what}"))?;
        let counting = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let mut valgrind = self.under(Path::new("valgrind"), &counting, command)?;
        let counted = valgrind.output().ok().filter(|out| out.status.success()).and_then(|out| {
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        });
        Ok(Weight { what: what.to_owned(), peak, instructions: counted })
    }

    /// Another program that runs `inner`. What docker's helper reads is there for all.
    fn under(&self, program: &Path, arguments: &[&str], inner: &Command) -> Result<Command> {
        let mut command = process::isolated(program, &self.cli.home());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(arguments).arg(inner.get_program()).args(inner.get_args());
        command.stdin(File::open(self.registry()).map_err(|error| error.to_string())?);
        Ok(command)
    }

    fn connector(&self, line: &str) -> Command {
        let mut command = self.cli.command(&line.split(' ').collect::<Vec<_>>());
        command.stdin(Stdio::null());
        command
    }

    fn aws(&self, line: &str) -> Command {
        let mut command = self.world.server().aws_command(&self.cli.home());
        self.world.alice.apply(&mut command).args(line.split(' ')).stdin(Stdio::null());
        command
    }
}

/// Runs a program and tells the most memory it had, in KiB.
const PEAK: &str = "import resource, subprocess, sys; \
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); \
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

struct Weight {
    what: String,
    /// KiB.
    peak: u64,
    instructions: Option<u64>,
}

struct Row {
    what: String,
    runs: usize,
    p50: f64,
    p99: f64,
}

/// Times `runs` runs of what `prepare` makes, with what it is to read; making it is not timed.
fn measure(what: &str, runs: usize, mut prepare: impl FnMut() -> Result<Command>) -> Result<Row> {
    println!("measuring {what}, {runs} times");
    must_succeed(prepare()?)?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let mut command = prepare()?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().map_err(|error| format!("{what}: {error}"))?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if !status.success() {
            return Err(format!("{what} failed ({status})"));
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(Row { what: what.to_owned(), runs, p50: percentile(&times, 50), p99: percentile(&times, 99) })
}

/// The nearest rank of a sorted list that is not empty.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted[rank.saturating_sub(1)]
}

fn must_succeed(mut command: Command) -> Result {
    shell::read(&mut command).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Vec<_> = (1..=200).map(f64::from).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 99)), (100.0, 198.0));
        assert_eq!(percentile(&[7.0], 99), 7.0);
    }

    #[test]
    fn measuring_fails_when_the_command_does() {
        let fast = measure("`true`", 3, || Ok(Command::new("true"))).map(|row| row.p50 <= row.p99);
        assert_eq!(fast, Ok(true));
        assert!(measure("`false`", 3, || Ok(Command::new("false"))).is_err());
    }
}
