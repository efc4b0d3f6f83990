//! C26, C27: random schedules of several processes, what they ask, changes, and a provider that refuses, on one clock.

use std::time::Duration;

use connector_core::{Access, Clock, ErrorKind, Grant, VirtualClock};
use connector_store::Digest;
use connectors::hub::{Changes, Hub};
use proptest::prelude::{ProptestConfig as Config, *};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use crate::acme::{Cloud, cloud, hub_of, register};

#[derive(Clone, Debug)]
enum Step {
    /// All processes of this caller ask at once, through the tool's form or not.
    Ask {
        caller: usize,
        wanted: Wanted,
        tool: bool,
    },
    Wait(u64),
    /// The clock is set forward.
    Jump(u64),
    Refuse(bool),
    /// A new key of this length.
    Rotate(usize),
    Enable(bool),
    /// A process ends, and another one begins.
    Restart(usize),
}

#[derive(Clone, Debug)]
struct Wanted {
    name: &'static str,
    within: Option<&'static str>,
    access: Access,
    seconds: Option<u64>,
}

impl Wanted {
    fn grant(&self) -> Grant {
        let mut grant = Grant::new("acme-box", format!("box:{}", self.name)).with_access(self.access);
        grant.within = self.within.map(str::to_owned);
        grant.duration = self.seconds.map(Duration::from_secs);
        grant
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let within = prop_oneof![Just(None), Just(Some("drawer"))];
    let seconds = prop_oneof![Just(None), Just(Some(120_u64)), Just(Some(3600))];
    let access = prop_oneof![Just(Access::Read), Just(Access::Write)];
    let wanted = (prop_oneof![Just("one"), Just("two")], within, access, seconds)
        .prop_map(|(name, within, access, seconds)| Wanted { name, within, access, seconds });
    let step = prop_oneof![
        10 => (0..2_usize, wanted, any::<bool>()).prop_map(|(caller, wanted, tool)| Step::Ask { caller, wanted, tool }),
        6 => (0..1800_u64).prop_map(Step::Wait),
        1 => (0..300_u64).prop_map(Step::Jump),
        2 => any::<bool>().prop_map(Step::Refuse),
        1 => (1..30_usize).prop_map(Step::Rotate),
        1 => any::<bool>().prop_map(Step::Enable),
        2 => (0..3_usize).prop_map(Step::Restart),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Two processes of one caller, and one of another; with the same store.
const CALLERS: [&str; 3] = ["ann", "bob", "ann"];

struct World {
    home: tempfile::TempDir,
    clock: VirtualClock,
    hubs: Vec<Hub>,
    cloud: std::sync::Arc<Cloud>,
    key: usize,
    enabled: bool,
    /// When the provider last refused, or may have.
    refused_at: Option<Duration>,
    refuses: bool,
}

impl World {
    async fn new(account: &str) -> Self {
        let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
        let mut hubs = Vec::new();
        for caller in CALLERS {
            hubs.push(hub_of(home.path(), &clock, caller, &[]).await);
        }
        register(&hubs[0], "a", account).await;
        let (cloud, key) = (cloud(account), crate::acme::KEY.len());
        cloud.watch(&clock);
        Self { home, clock, hubs, cloud, key, enabled: true, refused_at: None, refuses: false }
    }

    fn passed(&self) -> Duration {
        self.clock.passed().expect("it counts")
    }

    /// Judges a token: whose it is, what for, of which version, and that it lives.
    fn judge(&self, token: &str, caller: &str, wanted: &Wanted) {
        let parts: Vec<&str> = token.split('/').collect();
        let [_, key, of, seconds, number, narrowing] = parts.as_slice() else { panic!("{token}") };
        let scope = format!("{}:{}:{}", wanted.name, wanted.within.unwrap_or_default(), wanted.access);
        assert_eq!((*of, *narrowing), (caller, &*scope), "C27: another caller, resource, part or access");
        assert_eq!(*key, self.key.to_string(), "C27: another version");
        assert_eq!(*seconds, wanted.seconds.unwrap_or(3600).to_string(), "C27: another life");
        let end = self.cloud.end_of(number.parse().expect("a number"));
        assert!(self.passed() < end, "C26: what has ended is handed out");
    }

    async fn ask(&self, caller: &str, wanted: &Wanted, tool: bool) {
        let before = self.cloud.logins();
        let hubs = || self.hubs.iter().zip(CALLERS).filter(|(_, of)| *of == caller).map(|(hub, _)| hub);
        let asking = hubs().map(async |hub| match tool {
            true => {
                let target = Digest::of(["acme", &format!("{wanted:?}")]);
                hub.tool("a", wanted.grant(), "acme", &target).await.map(|it| it.expose().to_owned())
            }
            false => hub.issue("a", wanted.grant()).await.map(|envelope| {
                let json: serde_json::Value =
                    serde_json::from_str(envelope.to_json().expose()).expect("an envelope is JSON");
                json["secret"]["token"].as_str().expect("a token").to_owned()
            }),
        });
        // Who waits for another process looks again and again, for which time has to pass.
        let time = async {
            loop {
                self.clock.advance(Duration::from_millis(1));
                tokio::task::yield_now().await;
            }
        };
        let answers = tokio::select! {
            answers = futures_util::future::join_all(asking) => answers,
            () = time => unreachable!("time does not end"),
        };
        let calls = self.cloud.logins() - before;
        assert!(calls <= 1, "{calls} calls for those who came together");
        for answer in answers {
            match answer {
                Ok(token) => {
                    assert!(self.enabled, "handed out by a disabled connector");
                    self.judge(&token, caller, wanted);
                }
                Err(error) if !self.enabled => assert_eq!(error.kind(), ErrorKind::Disabled, "{error:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
                    let moment = Duration::from_secs(15);
                    let lately = self.refused_at.is_some_and(|at| self.passed() < at + moment);
                    assert!(self.refuses || lately, "refused by nobody: {error:?}");
                }
            }
        }
    }

    async fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Ask { caller, wanted, tool } => {
                    self.ask(CALLERS[*caller], wanted, *tool).await;
                    if self.refuses {
                        self.refused_at = Some(self.passed());
                    }
                }
                Step::Wait(seconds) => self.clock.advance(Duration::from_secs(*seconds)),
                Step::Jump(seconds) => self.clock.set(self.clock.now() + Duration::from_secs(*seconds)),
                Step::Refuse(refuses) => {
                    self.refuses = *refuses;
                    self.cloud.refuse(*refuses);
                }
                Step::Rotate(length) => {
                    let mut changes = Changes::default();
                    changes.config.insert("key".into(), Some(json!("k".repeat(*length))));
                    self.hubs[1].update("a", changes, false, false).await.expect("stored");
                    self.key = *length;
                }
                Step::Enable(enabled) => {
                    self.hubs[2].set_enabled("a", *enabled).await.expect("stored");
                    self.enabled = *enabled;
                }
                Step::Restart(process) => {
                    let again = hub_of(self.home.path(), &self.clock, CALLERS[*process], &[]).await;
                    let before = std::mem::replace(&mut self.hubs[*process], again);
                    before.store().close().await;
                }
            }
        }
    }
}

#[test]
fn c26_c27_no_schedule_of_processes_hands_out_what_has_ended_or_is_somebody_elses() {
    let config = Config { cases: 24, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let number = std::cell::Cell::new(0);
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&steps(), |steps| {
            number.set(number.get() + 1);
            let account = format!("schedule-{}", number.get());
            runtime.block_on(async { World::new(&account).await.run(&steps).await });
            Ok(())
        })
        .expect("every schedule keeps the rules");
}
