//! The chapter on AWS: a role that opens two buckets, credentials that open one, and programs that outlive them.

use std::fs;
use std::path::Path;

use connector_tests::ministack::{REGION, World};

use super::stage::Stage;
use crate::shell::Result;

const GRANT: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "bkt-one"];

/// Tells what it is given and what it finds it with; boto3 is as it always was.
const ASKED: &str = r#"import boto3, os
session = boto3.Session()
given = [name for name in os.environ if name.startswith("AWS_")]
print("keys in the environment:", [name for name in given if "KEY" in name or name.endswith("SESSION_TOKEN")])
print("asked for by:", session.get_credentials().method)
print("boto3 sees:", ", ".join(it.key for it in session.resource("s3").Bucket("bkt-one").objects.all()))
"#;
const SCRIPT: &str = "ask.py";

/// Tells it.
pub(super) fn tell(stage: &Stage, world: &World) -> Result {
    write_profiles(stage, world)?;
    stage.chapter("AWS: a role that opens two buckets, and credentials that open one");
    println!(
        "\nThe server listens on {} with authentication on. It knows a user, alice,",
        world.server().url()
    );
    println!("a role that she may assume, and two buckets: bkt-one and bkt-two.");

    look_around(stage)?;
    register(stage)?;
    issue(stage)?;
    use_it(stage)?;
    go_on(stage)?;
    stage.says("What the credential is, and why it looks as it does:");
    stage.connector(&[&["explain", "data"], &GRANT[..]].concat())?.holds("bkt-one")?;
    stage.says("And is all well with the connector, and as safe as it could be?");
    stage.connector(&["doctor", "data"])?.holds("reach")
}

/// Alice's key in one file, a profile that assumes the role with it in the other: what people have on their machines.
fn write_profiles(stage: &Stage, world: &World) -> Result {
    let alice = &world.alice;
    let credentials = format!(
        "[alice]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        alice.access_key_id, alice.secret_access_key
    );
    let config = format!(
        "[profile data]\nrole_arn = {}\nsource_profile = alice\nregion = {REGION}\nendpoint_url = {}\n",
        world.data_role,
        world.server().url()
    );
    write(&stage.credentials_file(), &credentials)?;
    write(&stage.config_file(), &config)
}

fn look_around(stage: &Stage) -> Result {
    stage.says("What can be connected to?");
    stage.connector(&["list-types"])?.holds("aws")?;
    stage.says("What is an S3 bucket to it, and which rights does each access level need?");
    stage.connector(&["describe-type", "aws", "--resource-type", "s3-bucket"])?.holds("s3:GetObject")
}

fn register(stage: &Stage) -> Result {
    stage.says("The usual AWS files hold a profile that assumes a role with alice's long-lived key:");
    stage.shows("cat ~/.aws/config", &fs::read_to_string(stage.config_file()).unwrap_or_default());
    stage.says(
        "Register it as a connector. Everything is found, tried and only then stored, the key encrypted:",
    );
    let found = ["register", "data", "--type", "aws", "--auto-configure", "--profile", "data"];
    stage.connector(&found)?.holds("bkt-one")?;
    stage.says("The profile files are not needed any more; this demo deletes them.");
    for file in [stage.credentials_file(), stage.config_file()] {
        fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    stage.says("Does it still work, and what does it reach?");
    stage.connector(&["verify", "data"])?.holds("data")?;
    stage.connector(&["list-resources", "--resource-type", "s3-bucket"])?.holds("bkt-two")
}

fn issue(stage: &Stage) -> Result {
    stage.says(
        "Issue a credential for one bucket: short-lived, and narrowed to it by a session policy.\n\
         (The credential's own secrets are left out of what you see here.)",
    );
    stage.issue(&[&["data"], &GRANT[..]].concat())
}

fn use_it(stage: &Stage) -> Result {
    stage.says("Programs that already exist get it through AWS's own hook, `credential_process`:");
    let helper = stage.helper(&[&["helper", "aws", "data"], &GRANT[..]].concat());
    let config = format!("[profile one]\nregion = {REGION}\ncredential_process = {helper}\n");
    write(&stage.config_file(), &config)?;
    stage.shows("cat ~/.aws/config", &config);
    stage.says("The real `aws` program reads the bucket:");
    stage.aws(&["--profile", "one", "s3", "ls", "s3://bkt-one"])?.holds("hello.txt")?;
    stage
        .aws(&["--profile", "one", "s3", "cp", "s3://bkt-one/hello.txt", "-"])?
        .holds("bkt-one/hello.txt")?;
    stage.says("So does boto3:");
    let script = "import boto3\nbucket = boto3.Session(profile_name='one').resource('s3').Bucket('bkt-one')\n\
                  print('boto3 sees:', ', '.join(o.key for o in bucket.objects.all()))";
    stage.python(script)?.holds("boto3 sees: hello.txt")?;
    stage.says("The bucket next to it is refused by the server, though the role itself may read it:");
    stage.aws(&["--profile", "one", "s3", "ls", "s3://bkt-two"])?.refused_with("AccessDenied")
}

/// Programs that are given an endpoint outlive what it gives.
fn go_on(stage: &Stage) -> Result {
    stage.says(
        "A program that holds a copy of a credential stops when that ends. One that is given an endpoint asks again, by\n\
         itself: every SDK of AWS can. No key is in its environment, and none in a file:",
    );
    stage.write(SCRIPT, ASKED)?;
    stage.shows(&format!("cat {SCRIPT}"), ASKED);
    let exec = [&["exec", "data"], &GRANT[..], &["--agent", "--", "python", SCRIPT]].concat();
    let told = stage.connector(&exec)?;
    told.holds("keys in the environment: []\nasked for by: container-role\nboto3 sees: hello.txt")?;
    stage.says("`connector agent data=s3-bucket:bkt-one` does the same for programs that run already; and for containers:");
    let export =
        [&["export", "compose", "data"], &GRANT[..], &["--service", "web", "--target", "linux", "--dry-run"]];
    stage.connector(&export.concat())?.holds("169.254.170.2")
}

fn write(path: &Path, text: &str) -> Result {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
