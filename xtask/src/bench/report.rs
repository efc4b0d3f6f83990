//! BENCHMARKS.md: what was measured, as tables.

use std::fs;
use std::process::Command;

use super::{Row, Weight};
use crate::shell::{self, Result};

pub(super) fn report(rows: &[Row]) -> String {
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

pub(super) fn weights(rows: &[Weight]) -> String {
    let mut text =
        "\n## Weight of one run\n\n| command | most memory MiB | instructions, millions |\n|---|--:|--:|\n"
            .to_owned();
    for Weight { what, peak, instructions } in rows {
        let counted = instructions.map_or_else(|| "-".to_owned(), |it| format!("{:.1}", it as f64 / 1e6));
        text.push_str(&format!("| {what} | {:.1} | {counted} |\n", *peak as f64 / 1024.0));
    }
    text
}

/// How the part on the library begins.
const LIBRARY: &str = "\n## In a program that links the library\n";

/// The part on the library of an earlier report.
pub(super) fn kept(report: &str) -> Result<String> {
    let at = report.find(LIBRARY).ok_or("BENCHMARKS.md has no part on the library: measure all")?;
    Ok(report[at..].to_owned())
}

/// The lines of `benches/bars.rs` as a table.
pub(super) fn library(lines: &str) -> Result<String> {
    let mut text = format!(
        "{LIBRARY}\nOne process; the provider is a strict server on loopback in the same process. Measured on {}.\n\n\
         | what | value | bar |\n|---|--:|--:|\n",
        today()
    );
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
    let processor = line_after("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system =
        line_after("/etc/os-release", "PRETTY_NAME").unwrap_or_else(|| std::env::consts::OS.to_owned());
    // The number alone: what stands behind it names a build, or a host.
    let kernel = told("uname", "-r");
    let kernel = kernel.split('-').next().unwrap_or_default();
    format!(
        "- date: {}\n- processor: {processor}, {cores} cores\n- system: {system}, kernel {kernel}",
        today(),
    )
}

fn today() -> String {
    told("date", "+%Y-%m-%d")
}

/// What a program says in one line.
fn told(program: &str, argument: &str) -> String {
    shell::read(Command::new(program).arg(argument)).map_or_else(|_| unknown(), |text| text.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(kept(&format!("# Benchmarks\n{text}")), Ok(text));
        assert!(kept("# Benchmarks\n").is_err());
    }
}
