//! `cargo xtask bench`: whole processes, from start to end, beside programs that people know, and what a program
//! that links the library pays. Nothing here passes or fails: the figures are read by people.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use connector_tests::cli::Cli;
use connector_tests::ministack::{REGION, World};
use connector_tests::{paths, process};

use crate::shell::{self, Result};

const GRANT: &str = "--resource-type s3-bucket --resource-id bkt-one";
const BUCKETS: usize = 200;
/// Runs of what takes milliseconds.
const FAST: usize = 300;
/// Runs of what talks to a server or starts Python.
const SLOW: usize = 30;

/// Measures everything and writes BENCHMARKS.md.
pub(crate) fn run() -> Result {
    // The whole workspace, so that both builds share what they link.
    let release = |command, what| [command, "--profile", "release", "--workspace", what];
    shell::run(shell::cargo(&release("build", "--bin")).arg("connector"))?;
    let bars = shell::read(shell::cargo(&release("bench", "--bench")).arg("bars"))?;
    let program = paths::target().join("release").join("connector");
    let world = World::try_start().map_err(|reason| reason.to_string())?;
    let bench =
        Bench { cli: Cli::of(program.with_extension(std::env::consts::EXE_EXTENSION)), world: &world };
    bench.prepare()?;

    let helper = format!("helper aws data {GRANT}");
    let issue = format!("issue data {GRANT} -o json");
    must_succeed(bench.connector(&helper))?;
    let rows = [
        measure("`/bin/true`", FAST, || Ok(Command::new("true")))?,
        measure("`aws --version`", SLOW, || Ok(bench.aws("--version")))?,
        measure("`aws sts get-caller-identity`", SLOW, || Ok(bench.aws("sts get-caller-identity")))?,
        measure("`connector list-types`", FAST, || Ok(bench.connector("list-types")))?,
        measure("`connector describe-type aws`", FAST, || Ok(bench.connector("describe-type aws")))?,
        measure("`connector helper aws`, from cache", FAST, || Ok(bench.connector(&helper)))?,
        measure("`connector issue`, from cache", FAST, || Ok(bench.connector(&issue)))?,
        measure("`connector issue`, one AssumeRole", SLOW, || {
            must_succeed(bench.connector("cache clear"))?;
            Ok(bench.connector(&issue))
        })?,
        bench.register()?,
    ];
    let path = paths::workspace().join("BENCHMARKS.md");
    let quick = [
        bench.weigh("`connector list-types`", "list-types")?,
        bench.weigh("`connector helper aws`, from cache", &helper)?,
        bench.weigh("`connector issue`, from cache", &issue)?,
    ];
    let text = [report(&rows), weights(&quick), library(&bars)?].concat();
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
        must_succeed(self.registering("data"))
    }

    fn registering(&self, name: &str) -> Command {
        self.connector(&format!(
            "register {name} --type aws --auth-method iam-role --resource-type s3-bucket region={REGION} \
             endpoint_url={} aws_access_key_id={} aws_secret_access_key=@secret role_arn={}",
            self.world.server().url(),
            self.world.alice.access_key_id,
            self.world.data_role
        ))
    }

    fn register(&self) -> Result<Row> {
        let mut run = 0;
        measure(&format!("`connector register`, {BUCKETS} buckets listed"), SLOW, || {
            run += 1;
            Ok(self.registering(&format!("run-{run}")))
        })
    }

    /// The memory and, where valgrind is at hand, the instructions of one run.
    fn weigh(&self, what: &str, line: &str) -> Result<Weight> {
        println!("weighing {what}");
        let python = paths::target().join("tools").join("venv").join("bin").join("python");
        let peak = shell::read(&mut self.under(&python, &["-c", PEAK], line))?;
        let peak = peak.trim().parse().map_err(|_| format!("no memory was told for {what}"))?;
        let counting = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let mut valgrind = self.under(Path::new("valgrind"), &counting, line);
        let counted = valgrind.output().ok().filter(|out| out.status.success()).and_then(|out| {
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        });
        Ok(Weight { what: what.to_owned(), peak, instructions: counted })
    }

    /// Another program that runs ours.
    fn under(&self, program: &Path, arguments: &[&str], line: &str) -> Command {
        let mut command = process::isolated(program, &self.cli.home());
        command.env("CONNECTOR_HOME", self.cli.connector_home());
        command.args(arguments).arg(self.cli.binary()).args(line.split(' '));
        command
    }

    fn connector(&self, line: &str) -> Command {
        self.cli.command(&line.split(' ').collect::<Vec<_>>())
    }

    fn aws(&self, line: &str) -> Command {
        let mut command = self.world.server().aws_command(&self.cli.home());
        self.world.alice.apply(&mut command).args(line.split(' '));
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

/// Times `runs` runs of what `prepare` makes; making it is not timed.
fn measure(what: &str, runs: usize, mut prepare: impl FnMut() -> Result<Command>) -> Result<Row> {
    println!("measuring {what}, {runs} times");
    must_succeed(prepare()?)?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let mut command = prepare()?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
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

fn report(rows: &[Row]) -> String {
    let p50_of = |name: &str| rows.iter().find(|row| row.what.contains(name)).map_or(f64::NAN, |row| row.p50);
    let (empty, aws) = (p50_of("/bin/true"), p50_of("get-caller-identity"));
    let mut text = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`: whole processes from start to end, release profile, one after \
         the other.\nThe AWS API server is MiniStack on loopback, so that its own time is in the figures that call it.\n\
         \n{}\n\n| command | runs | p50 ms | p99 ms | times `/bin/true` | part of `aws sts get-caller-identity` |\n\
         |---|--:|--:|--:|--:|--:|\n",
        machine()
    );
    for row in rows {
        let Row { what, runs, p50, p99 } = row;
        let (times, part) = (p50 / empty, p50 / aws);
        text.push_str(&format!("| {what} | {runs} | {p50:.2} | {p99:.2} | {times:.1} | {part:.3} |\n"));
    }
    text
}

fn weights(rows: &[Weight]) -> String {
    let mut text =
        "\n## Weight of one run\n\n| command | most memory MiB | instructions, millions |\n|---|--:|--:|\n"
            .to_owned();
    for Weight { what, peak, instructions } in rows {
        let counted = instructions.map_or_else(|| "-".to_owned(), |it| format!("{:.1}", it as f64 / 1e6));
        text.push_str(&format!("| {what} | {:.1} | {counted} |\n", *peak as f64 / 1024.0));
    }
    text
}

/// The lines of `benches/bars.rs` as a table.
fn library(lines: &str) -> Result<String> {
    let mut text =
        "\n## In a program that links the library\n\nOne process; the provider is a strict server on \
                    loopback in the same process.\n\n| what | value | bar |\n|---|--:|--:|\n"
            .to_owned();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let [what, value, unit, bar] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("a line of the bars is not understood: {line}"));
        };
        let bar = if bar.is_empty() { String::new() } else { format!("{bar} {unit}") };
        text.push_str(&format!("| {what} | {value} {unit} | {bar} |\n"));
    }
    Ok(text)
}

/// Date, processor, cores and system, as far as this machine tells them.
fn machine() -> String {
    let line_after = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(key).map(str::to_owned));
        value.map(|value| value.trim_matches(['\t', ' ', ':', '=', '"']).to_owned())
    };
    let unknown = || "unknown".to_owned();
    let told = |program: &str, argument: &str| {
        shell::read(Command::new(program).arg(argument))
            .map_or_else(|_| unknown(), |text| text.trim().to_owned())
    };
    let processor = line_after("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system =
        line_after("/etc/os-release", "PRETTY_NAME").unwrap_or_else(|| std::env::consts::OS.to_owned());
    format!(
        "- date: {}\n- processor: {processor}, {cores} cores\n- system: {system}, kernel {}",
        told("date", "+%Y-%m-%d"),
        told("uname", "-r")
    )
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
    fn the_report_compares() {
        let row = |what: &str, p50| Row { what: what.to_owned(), runs: 3, p50, p99: p50 * 2.0 };
        let rows = [row("`/bin/true`", 0.5), row("`aws sts get-caller-identity`", 500.0), row("`ours`", 2.5)];
        assert!(report(&rows).contains("| `ours` | 3 | 2.50 | 5.00 | 5.0 | 0.005 |\n"), "{}", report(&rows));
    }

    #[test]
    fn bars_become_a_table() {
        let text = library("cached issue\t0.031\tµs\t0.1\nsomething else\t2.000\tms\t\n").expect("two lines");
        assert!(
            text.ends_with("| cached issue | 0.031 µs | 0.1 µs |\n| something else | 2.000 ms |  |\n"),
            "{text}"
        );
        assert!(library("no tabs").is_err());
    }

    #[test]
    fn measuring_fails_when_the_command_does() {
        let fast = measure("`true`", 3, || Ok(Command::new("true"))).map(|row| row.p50 <= row.p99);
        assert_eq!(fast, Ok(true));
        assert!(measure("`false`", 3, || Ok(Command::new("false"))).is_err());
    }
}
