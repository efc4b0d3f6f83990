//! The program on a terminal, with somebody before it who does what it shows.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc;

use connector_tests::process::{self, Finished};

use super::watch::Watch;

/// Runs the program on a terminal of its own (`script` of util-linux); somebody reads each line that it shows. What the
/// terminal shows is kept as standard error: it tells standard output not apart.
pub(super) fn run(watch: &Watch, words: &[&str], mut reads: impl FnMut(&str) + Send + 'static) -> Finished {
    let own = watch.cli.command(&[]);
    let quoted = |it: &str| format!("'{}'", it.replace('\'', "'\\''"));
    let program = watch.cli.binary().display().to_string();
    let line: Vec<_> = std::iter::once(program.as_str()).chain(words.iter().copied()).map(quoted).collect();
    let mut command = process::isolated("script", &watch.cli.home());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(["-qec", &line.join(" "), "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().expect("`script` is a part of every Linux");
    let shown = child.stdout.take().expect("it is piped");
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let mut lines = BufReader::new(shown);
        while lines.read_until(b'\n', &mut all).is_ok_and(|read| read > 0) {
            let last = String::from_utf8_lossy(&all);
            reads(last.trim_end().rsplit('\n').next().unwrap_or_default().trim());
        }
        let _ = sender.send(all);
    });
    let Ok(all) = ended.recv_timeout(process::LIMIT) else {
        let _ = child.kill();
        panic!("`connector {}` has not ended on its terminal", words.join(" "));
    };
    let status = child.wait().expect("a started child can be waited for");
    let command = format!("connector {}", words.join(" "));
    watch.cli.keep(Finished { command, code: status.code(), stdout: Vec::new(), stderr: all })
}
