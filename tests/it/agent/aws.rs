//! An AWS connector, asked as ECS is: by boto3 and the `aws` program as they are, in front of an emulator that checks
//! policies and of a strict endpoint that moves its clock.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use connector_core::{Access, Document, Request, VirtualClock};
use connector_tests::install::{self, Python};
use connector_tests::keys::Keys;
use connector_tests::strict_aws::{Role, StrictAws};
use connector_tests::{process, skip};
use connectors::agent::{Binding, Options};
use connectors::aws::aws_sdk_s3;
use connectors::hub::{self, Draft, Registration};
use connectors::system::{SystemHttp, Timeouts};
use connectors::{Context, Grant, Hub};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Rounds, Running};
use crate::stage::Stage;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A strict endpoint, and a hub on a clock of its own with the connector `data`, a role that reads the bucket `data`.
struct Setting {
    server: StrictAws,
    clock: VirtualClock,
    hub: Hub,
    home: TempDir,
}

impl Setting {
    async fn new() -> Self {
        let server = StrictAws::start();
        server.tolerate_skew();
        server.add_bucket("data", "us-east-1", &[("a.txt", "a")]);
        let alice = server.add_user("alice");
        let clock = VirtualClock::at(SystemTime::now());
        let home = tempfile::tempdir().expect("a folder");
        let context = Context::detached(clock.clone()).with_http(SystemHttp::new(Timeouts::default()));
        let options = hub::Options::new(home.path().join("state")).with_context(context);
        let hub = Hub::open(options).await.expect("a fresh store");
        let setting = Self { server, clock, hub, home };
        setting.register("data", &alice).await;
        setting
    }

    async fn register(&self, name: &str, keys: &Keys) {
        let config = json!({
            "region": "us-east-1",
            "endpoint_url": self.server.url(),
            "role_arn": self.server.add_role(Role::named("reader").trusting_user("alice")),
            "aws_access_key_id": keys.access_key_id,
            "aws_secret_access_key": keys.secret_access_key,
        });
        let Value::Object(config) = config else { unreachable!("an object") };
        let draft = Draft::new(Document::draft(name, "aws", "iam-role", config));
        self.hub.register(draft, Registration::Unverified).await.expect("registered");
    }

    fn binding(&self) -> Vec<Binding> {
        vec!["data=s3-bucket:s3://data@read".parse().expect("a binding")]
    }

    /// All clocks move: this one's, the server's, and that of the programs that follow a file.
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.server.advance(by);
    }

    fn mints(&self) -> usize {
        self.server.calls().of("AssumeRole").len()
    }

    /// boto3 with what the agent says alone.
    fn boto3(&self, tools: &Python, agent: &Running) -> Command {
        let mut command = bare(tools.python(self.home.path()));
        command.args(["-c", include_str!("client.py")]);
        agent.lead(&mut command);
        command
    }
}

/// The agent says the region, and that is enough.
fn bare(mut command: Command) -> Command {
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        command.env_remove(name);
    }
    command
}

/// S32, C26: one boto3 client works through three lives of its credentials, and each of them is asked for once. It finds
/// the agent by the variables, and passes over the keys of somebody else's files.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s32_boto3_outlives_its_credentials_through_the_agent() {
    let test = "s32_boto3_outlives_its_credentials_through_the_agent";
    let (tools, faketime) = match (install::python(), install::faketime()) {
        (Ok(tools), Ok(faketime)) => (tools, faketime),
        (Err(why), _) | (_, Err(why)) => return skip::skip(test, why),
    };
    let setting = Setting::new().await;
    let home = setting.home.path();
    std::fs::create_dir(home.join(".aws")).expect("the home is ours");
    let somebody = "[default]\naws_access_key_id = AKIASOMEBODYELSE0000\naws_secret_access_key = x\n";
    std::fs::write(home.join(".aws/credentials"), somebody).expect("the home is ours");
    // Where older programs of Python's looked, and its library still does.
    let somebody = somebody.replace("[default]", "[Credentials]");
    std::fs::write(home.join(".boto"), somebody).expect("the home is ours");
    let agent = Running::start(&setting.hub, setting.binding()).await;
    let clock = home.join("clock");
    let ahead =
        |hours: usize| std::fs::write(&clock, format!("+{}", 3600 * hours)).expect("the home is ours");
    ahead(0);
    let mut command = setting.boto3(&tools, &agent);
    let mut job = Rounds::start(faketime.follow(&mut command, &clock));
    for round in 1..=4 {
        for _ in 0..3 {
            assert_eq!(job.next("data"), json!({ "count": 1 }));
        }
        assert_eq!(setting.mints(), round, "one credential per life");
        ahead(round);
        setting.advance(HOUR);
    }
    job.end();
    let calls = setting.server.calls().matching(|call| call.service().as_deref() == Some("s3"));
    let mut signers: Vec<_> = calls.iter().filter_map(|call| call.access_key_id()).collect();
    signers.dedup();
    assert_eq!(signers.len(), 4);
    assert!(signers.iter().all(|it| setting.server.session(it).is_some()), "nobody else's: {signers:?}");
    agent.stop().await;
}

/// S32: `aws` asks at every start, and is given what is left of a life until that ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s32_the_aws_program_goes_on_through_the_agent() {
    let test = "s32_the_aws_program_goes_on_through_the_agent";
    let (tools, faketime) = match (install::python(), install::faketime()) {
        (Ok(tools), Ok(faketime)) => (tools, faketime),
        (Err(why), _) | (_, Err(why)) => return skip::skip(test, why),
    };
    let setting = Setting::new().await;
    let agent = Running::start(&setting.hub, setting.binding()).await;
    for round in 0..4 {
        for _ in 0..2 {
            let mut command = bare(tools.aws(setting.home.path()));
            agent.lead(command.args(["s3", "ls", "s3://data"]));
            let listed = process::run(faketime.shift(&mut command, 3600 * round)).expect_success();
            assert!(listed.stdout_text().contains("a.txt"), "{listed:?}");
        }
        setting.advance(HOUR);
    }
    assert_eq!(setting.mints(), 4, "one credential per life");
    agent.stop().await;
}

/// S33, S59: through the agent a program reaches the bucket that was bound, and neither another one nor more than was
/// asked for. Its other keys are taken away.
#[test]
fn s33_s59_a_program_reaches_what_is_bound() {
    let test = "s33_s59_a_program_reaches_what_is_bound";
    let Some(stage) = Stage::new(test) else { return };
    stage.register_role("data", &[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (hub, agent) = runtime.block_on(async {
        let hub = Hub::open(hub::Options::new(stage.cli.connector_home())).await.expect("the same store");
        let grant = Grant::new("s3-bucket", "s3://bkt-one").with_access(Access::Read);
        let agent = Running::start(&hub, vec![Binding::new("data", grant)]).await;
        (hub, agent)
    });
    let aws = |arguments: &[&str]| {
        let mut command = bare(stage.world.server().tools().aws(&stage.cli.home()));
        stage.world.mallory.apply(&mut command);
        command.env("AWS_PROFILE", "somebody").env("AWS_ROLE_ARN", "arn:aws:iam::1:role/x");
        agent.lead(&mut command);
        stage.cli.keep(process::run(command.args(arguments)))
    };
    let read = aws(&["s3", "cp", "s3://bkt-one/hello.txt", "-"]).expect_success();
    assert!(!read.stdout.is_empty());
    for refused in [&["s3", "ls", "s3://bkt-two"][..], &["s3", "rm", "s3://bkt-one/hello.txt"]] {
        let refused = aws(refused);
        assert!(!refused.success() && refused.text().contains("AccessDenied"), "{refused:?}");
    }
    // What the program sees is where to ask, and which file to read.
    let told = aws(&["configure", "list"]).expect_success();
    assert!(told.stdout_text().contains("container-role"), "{told:?}");

    runtime.block_on(hub.set_enabled("data", false)).expect("disabled");
    let refused = aws(&["s3", "ls", "s3://bkt-one"]);
    assert!(!refused.success() && refused.stderr_text().contains("container-role"), "{refused:?}");
    runtime.block_on(agent.stop());
}

/// C21: who shows another token gets the error of its own library, and nothing is issued for it; a token that is renewed
/// in its file is read when the next credential is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c21_boto3_shows_the_token_of_the_session_and_reads_a_new_one() {
    let test = "c21_boto3_shows_the_token_of_the_session_and_reads_a_new_one";
    let (tools, faketime) = match (install::python(), install::faketime()) {
        (Ok(tools), Ok(faketime)) => (tools, faketime),
        (Err(why), _) | (_, Err(why)) => return skip::skip(test, why),
    };
    let setting = Setting::new().await;
    let agent = Running::start(&setting.hub, setting.binding()).await;
    let address = agent.served().authority().parse().expect("an address");
    let token_file = setting.home.path().join("token");
    let copy = |agent: &Running| {
        let text = std::fs::read(agent.served().directory().join("token")).expect("there");
        std::fs::write(&token_file, &text).expect("the home is ours");
        text
    };
    let with_file = |command: &mut Command| {
        command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token_file);
    };
    std::fs::write(&token_file, "0".repeat(64)).expect("the home is ours");
    let mut command = setting.boto3(&tools, &agent);
    with_file(&mut command);
    let mut wrong = Rounds::start(&mut command);
    let failed = wrong.next("data");
    let failed = failed["failed"].as_str().unwrap_or_else(|| panic!("{failed}"));
    assert!(failed.contains("container-role") && failed.contains("401"), "{failed}");
    wrong.end();
    assert_eq!(setting.mints(), 1, "the one that the agent was started with");

    let first = copy(&agent);
    let clock = setting.home.path().join("clock");
    std::fs::write(&clock, "+0").expect("the home is ours");
    let mut command = setting.boto3(&tools, &agent);
    with_file(&mut command);
    let mut job = Rounds::start(faketime.follow(&mut command, &clock));
    assert_eq!(job.next("data"), json!({ "count": 1 }));
    agent.stop().await;
    setting.advance(HOUR);
    let options = Options::new(setting.hub.home().join("agent")).with_listen(address);
    let agent = Running::start_as(&setting.hub, setting.binding(), options).await;
    assert_ne!(copy(&agent), first, "every session has its own");
    std::fs::write(&clock, "+3600").expect("the home is ours");
    assert_eq!(job.next("data"), json!({ "count": 1 }));
    job.end();
    assert_eq!(setting.mints(), 2);
    agent.stop().await;
}

/// What a test of another process is told.
const IN_A_PROCESS: &str = "agent::aws::in_a_process_of_its_own";

/// S32, C21: AWS's SDK for Rust as it is, in a process with the variables alone, through three lives on shifted clocks; and
/// its own error where the token is another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s32_the_sdk_for_rust_goes_on_through_the_agent() {
    let test = "s32_the_sdk_for_rust_goes_on_through_the_agent";
    let faketime = match install::faketime() {
        Ok(faketime) => faketime,
        Err(why) => return skip::skip(test, why),
    };
    let setting = Setting::new().await;
    let agent = Running::start(&setting.hub, setting.binding()).await;
    let clock = setting.home.path().join("clock");
    let started = |clock: &Path| {
        let mut command =
            process::isolated(std::env::current_exe().expect("this program"), setting.home.path());
        command.args([IN_A_PROCESS, "--exact", "--ignored", "--nocapture"]);
        agent.lead(&mut command);
        faketime.follow(&mut command, clock);
        command
    };
    std::fs::write(&clock, "+0").expect("the home is ours");
    let mut job = Rounds::start(&mut started(&clock));
    for round in 1..=4 {
        for _ in 0..3 {
            assert_eq!(job.next_of_test("data"), json!({ "count": 1 }));
        }
        assert_eq!(setting.mints(), round, "one credential per life");
        std::fs::write(&clock, format!("+{}", 3600 * round)).expect("the home is ours");
        setting.advance(HOUR);
    }
    job.end();

    let other = setting.home.path().join("other-token");
    std::fs::write(&other, "0".repeat(64)).expect("the home is ours");
    let mut command = started(&clock);
    command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &other);
    let mut wrong = Rounds::start(&mut command);
    let failed = wrong.next_of_test("data")["failed"].to_string();
    assert!(failed.contains("Non-success status") && failed.contains("401"), "{failed}");
    wrong.end();
    agent.stop().await;
}

/// The other half of the test above: a bucket's name a line, and one line of JSON for each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "another test runs it, in a process of its own"]
async fn in_a_process_of_its_own() {
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
    let s3 = aws_sdk_s3::Client::new(&config);
    for line in std::io::stdin().lines() {
        let listed = s3.list_objects_v2().bucket(line.expect("text").trim()).send().await;
        let told = match listed {
            Ok(listed) => json!({ "count": listed.contents().len() }),
            Err(error) => json!({ "failed": format!("{error:?}") }),
        };
        println!("{told}");
    }
}

/// C26: a job of forty minutes on credentials of fifteen never meets one that has ended, nor does who asks the endpoint at
/// any of those minutes.
#[tokio::test(flavor = "multi_thread")]
async fn c26_a_job_of_forty_minutes_never_meets_a_credential_that_has_ended() {
    let setting = Setting::new().await;
    let grant = Grant::new("s3-bucket", "s3://data").with_duration(15 * MINUTE);
    let agent = Running::start(&setting.hub, vec![Binding::new("data", grant.clone())]).await;
    let client: aws_sdk_s3::Client = setting.hub.client("data", grant).await.expect("a client");
    let token = std::fs::read_to_string(Path::new(&agent.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")));
    let token = token.expect("the session's token");
    let mut keys = Vec::new();
    for minute in 0..=40 {
        let request = Request::get(agent.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        let answer = setting.hub.context().send(request.with_header("authorization", &*token)).await;
        let answer = answer.expect("it answers");
        let told: Value = serde_json::from_slice(answer.body()).expect("JSON");
        let text = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
        let end = connector_core::parse_time(&text("Expiration")).expect("a time");
        let left = end.duration_since(setting.hub.context().now()).expect("it is good");
        assert!(left >= MINUTE && left <= 15 * MINUTE, "minute {minute}: {left:?}");
        let id = text("AccessKeyId");
        assert!(setting.server.session(&id).is_some(), "minute {minute}");
        keys.push(id);
        let listed = client.list_objects_v2().bucket("data").send().await;
        assert_eq!(listed.expect("the credential is good").contents().len(), 1, "minute {minute}");
        setting.advance(MINUTE);
    }
    let ended = setting.server.calls().matching(|call| call.service().as_deref() == Some("s3"));
    assert_eq!(ended.len(), 41, "none was sent again");
    keys.dedup();
    assert!((3..=6).contains(&keys.len()), "each for most of its life: {}", keys.len());
    agent.stop().await;
}
