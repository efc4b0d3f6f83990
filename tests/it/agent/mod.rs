//! The agent, asked by the vendors' own programs and libraries as they are. Those of Google and Azure are asked beside
//! their other tests.

mod aws;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use connectors::agent::{Agent, Binding, Options, Served};
use connectors::{Hub, Result};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// An agent that answers until it is stopped.
pub(crate) struct Running {
    served: Vec<Served>,
    stop: oneshot::Sender<()>,
    done: JoinHandle<Result<()>>,
}

impl Running {
    /// Serves these bindings of a hub.
    pub(crate) async fn start(hub: &Hub, bindings: Vec<Binding>) -> Self {
        Self::start_as(hub, bindings, Options::new(hub.home().join("agent"))).await
    }

    pub(crate) async fn start_as(hub: &Hub, bindings: Vec<Binding>, options: Options) -> Self {
        let agent = Agent::start(hub, bindings, options).await.expect("it starts");
        let served = agent.served().to_vec();
        let (stop, stopped) = oneshot::channel();
        let until = async move {
            let _ = stopped.await;
        };
        Self { served, stop, done: tokio::spawn(agent.run(until)) }
    }

    /// The one binding.
    pub(crate) fn served(&self) -> &Served {
        &self.served[0]
    }

    /// The value of a variable of the set-up.
    #[track_caller]
    pub(crate) fn variable(&self, name: &str) -> String {
        let found = self.served().set_up().set.iter().find(|(it, _)| it == name);
        found.unwrap_or_else(|| panic!("{name} is not set")).1.expose().to_owned()
    }

    /// Sets and takes away what the set-up says.
    pub(crate) fn lead<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let form = self.served().set_up();
        for name in &form.unset {
            command.env_remove(name);
        }
        command.envs(form.set.iter().map(|(name, value)| (name, value.expose())))
    }

    pub(crate) async fn stop(self) {
        let directories: Vec<_> = self.served.iter().map(|it| it.directory().to_owned()).collect();
        self.stop.send(()).expect("it runs");
        self.done.await.expect("it does not panic").expect("it ends well");
        assert!(directories.iter().all(|it| !it.exists()), "nothing is left: {directories:?}");
    }
}

/// A program that does something for each line it is told, and answers with one line of JSON.
pub(crate) struct Rounds {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Rounds {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("it starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, input, output }
    }

    /// One more round.
    #[track_caller]
    pub(crate) fn next(&mut self, line: &str) -> Value {
        let mut answer = String::new();
        tokio::task::block_in_place(|| {
            writeln!(self.input, "{line}").expect("it listens");
            self.output.read_line(&mut answer).expect("it answers");
        });
        serde_json::from_str(&answer).unwrap_or_else(|_| {
            let mut said = String::new();
            if let Some(mut errors) = self.child.stderr.take() {
                let _ = errors.read_to_string(&mut said);
            }
            panic!("no JSON: {answer}\n{said}")
        })
    }

    /// One more round of a program that is a test: what the harness says before is passed over.
    #[track_caller]
    pub(crate) fn next_of_test(&mut self, line: &str) -> Value {
        tokio::task::block_in_place(|| {
            writeln!(self.input, "{line}").expect("it listens");
            loop {
                let mut answer = String::new();
                let read = self.output.read_line(&mut answer).expect("it answers");
                assert!(read > 0, "it has ended");
                if let Some(answer) =
                    answer.find('{').and_then(|start| serde_json::from_str(&answer[start..]).ok())
                {
                    return answer;
                }
            }
        })
    }

    /// No more rounds.
    pub(crate) fn end(self) {
        let Self { mut child, input, mut output } = self;
        drop(input);
        // A test still says how it went.
        let _ = output.read_to_end(&mut Vec::new());
        assert!(child.wait().expect("it was started").success());
    }
}
