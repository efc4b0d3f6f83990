//! Native clients go on across an expiry without being rebuilt.

use std::time::{Duration, SystemTime};

use connector_core::VirtualClock;
use connector_tests::strict_aws::Role;
use connectors::aws::{Aws, auth::IamRole, aws_sdk_s3, resource::S3Bucket};
use connectors::{Connector, Context, system};
use serde_json::json;

use crate::stage::{register, strict};

/// The keys that signed the server's S3 calls, in their order, without repetition.
fn signers(server: &connector_tests::strict_aws::StrictAws) -> Vec<String> {
    let calls = server.calls().matching(|call| call.service().as_deref() == Some("s3"));
    let mut keys: Vec<String> = calls.iter().filter_map(|call| call.access_key_id()).collect();
    keys.dedup();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn s32_s51_an_s3_client_outlives_its_credentials() {
    let (server, alice, _) = strict();
    server.tolerate_skew();
    server.add_bucket("data", "us-east-1", &[("a.txt", "a")]);
    let role: IamRole = serde_json::from_value(json!({
        "region": "us-east-1",
        "endpoint_url": server.url(),
        "role_arn": server.add_role(Role::named("reader").trusting_user("alice")),
        "aws_access_key_id": alice.access_key_id,
        "aws_secret_access_key": alice.secret_access_key,
    }))
    .expect("the config of a role");
    let clock = VirtualClock::at(SystemTime::now());
    let cx = Context::detached(clock.clone()).with_http(system::SystemHttp::new(system::Timeouts::default()));
    let bucket = Connector::<Aws>::new(cx, role).resource::<S3Bucket>("data").await.expect("a complete id");
    let s3: aws_sdk_s3::Client = bucket.client().await.expect("built");
    for round in 1..=3 {
        for _ in 0..3 {
            let listed = s3.list_objects_v2().bucket("data").send().await.expect("the credential is good");
            assert_eq!(listed.contents().len(), 1);
        }
        assert_eq!(server.calls().of("AssumeRole").len(), round, "one credential per life");
        assert_eq!(signers(&server).len(), round);
        clock.advance(Duration::from_secs(3600));
        server.advance(Duration::from_secs(3600));
    }
}

/// With the profile that `login` wrote. The script moves its own clock past the end of its credentials between two calls, and never rebuilds its
/// client. botocore then runs the helper again, on the same clock.
const SCRIPT: &str = r#"
import os, sys, boto3
clock, bucket = sys.argv[1], sys.argv[2]
s3 = boto3.Session(profile_name="data").client("s3")
for ahead in ("+0", "+3600", "+7200"):
    with open(clock, "w") as f:
        f.write(ahead)
    print(s3.list_objects_v2(Bucket=bucket)["KeyCount"])
"#;

#[test]
fn s32_boto3_outlives_its_credentials_through_credential_process() {
    let test = "s32_boto3_outlives_its_credentials_through_credential_process";
    let tools = connector_tests::install::python();
    let faketime = connector_tests::install::faketime();
    let (tools, faketime) = match (tools, faketime) {
        (Ok(tools), Ok(faketime)) => (tools, faketime),
        (Err(why), _) | (_, Err(why)) => return connector_tests::skip::skip(test, why),
    };
    let (server, alice, cli) = strict();
    server.tolerate_skew();
    server.add_bucket("data", "us-east-1", &[("a.txt", "a")]);
    let role = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    register(&cli, "data", "iam-role", &server.url(), &alice, &[&role, "--no-verify"]);
    server.calls().take();
    let home = cli.home();
    cli.ok(&["login", "data", "--resource-type", "s3-bucket", "--resource-id", "data"]);
    assert!(
        std::fs::read_to_string(home.join(".aws/config")).is_ok_and(|it| it.contains("credential_process"))
    );
    let (script, clock) = (home.join("script.py"), home.join("clock"));
    std::fs::write(&script, SCRIPT).expect("the home is ours");
    std::fs::write(&clock, "+0").expect("the home is ours");
    let mut python = tools.python(&home);
    python.env("CONNECTOR_HOME", cli.connector_home()).arg(&script).arg(&clock).arg("data");
    let finished = cli.keep(connector_tests::process::run(faketime.follow(&mut python, &clock)));
    assert_eq!(finished.expect_success().stdout_text(), "1\n1\n1\n");
    assert_eq!(server.calls().of("AssumeRole").len(), 3, "one credential per life");
    assert_eq!(signers(&server).len(), 3);
}

const ONE_LOOK: &str = r#"
import sys, boto3
clock, bucket, ahead = sys.argv[1:]
with open(clock, "w") as f:
    f.write(ahead)
print(boto3.Session(profile_name="data").client("s3").list_objects_v2(Bucket=bucket)["KeyCount"])
"#;

/// S32: the role may not be assumed any more while what was issued is good: boto3 works on with that until its end,
/// whatever its helper says on standard error. Then it is told why.
#[test]
fn s32_boto3_works_on_with_what_cannot_be_renewed_until_it_ends() {
    let test = "s32_boto3_works_on_with_what_cannot_be_renewed_until_it_ends";
    let tools = connector_tests::install::python();
    let faketime = connector_tests::install::faketime();
    let (tools, faketime) = match (tools, faketime) {
        (Ok(tools), Ok(faketime)) => (tools, faketime),
        (Err(why), _) | (_, Err(why)) => return connector_tests::skip::skip(test, why),
    };
    let (server, alice, cli) = strict();
    server.tolerate_skew();
    server.add_bucket("data", "us-east-1", &[("a.txt", "a")]);
    let role = format!("role_arn={}", server.add_role(Role::named("reader").trusting_user("alice")));
    register(&cli, "data", "iam-role", &server.url(), &alice, &[&role, "--no-verify"]);
    server.calls().take();
    let home = cli.home();
    cli.ok(&["login", "data", "--resource-type", "s3-bucket", "--resource-id", "data"]);
    server.deny("sts:AssumeRole");
    let (script, clock) = (home.join("script.py"), home.join("clock"));
    std::fs::write(&script, ONE_LOOK).expect("the home is ours");
    let look = |ahead: &str| {
        std::fs::write(&clock, "+0").expect("the home is ours");
        let mut python = tools.python(&home);
        python.env("CONNECTOR_HOME", cli.connector_home()).arg(&script).arg(&clock).args(["data", ahead]);
        cli.keep(connector_tests::process::run(faketime.follow(&mut python, &clock)))
    };
    for ahead in ["+0", "+2700", "+3480"] {
        assert_eq!(look(ahead).expect_success().stdout_text(), "1\n", "{ahead}");
    }
    assert_eq!(server.calls().of("AssumeRole").len(), 3, "one that was let, and two attempts");
    let ended = look("+3700");
    assert!(!ended.success() && ended.stderr_text().contains("the credential ended at"), "{ended:?}");
}
