//! `cargo xtask demo`: the story of this project, told by its own program against an AWS API server on loopback
//! that checks signatures and policies. Every step must behave as told, or the demo fails.

mod stage;

use std::fs;
use std::path::Path;

use connector_tests::ministack::{REGION, World};
use serde_json::Value;
use stage::Stage;

use crate::generate;
use crate::shell::Result;

const GRANT: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "bkt-one"];

/// Tells the story; cleans up whatever happens.
pub(crate) fn run() -> Result {
    println!(
        "Preparing: the `connector` program is built, and a local AWS API server with the real `aws` program"
    );
    println!(
        "and boto3 comes from the Python package index into target/tools. The first time takes minutes.\n"
    );
    let program = generate::built_program()?;
    tell(&program)?;
    farewell(&program);
    Ok(())
}

/// The story. The server and all files go when it ends.
fn tell(program: &Path) -> Result {
    let world = World::try_start().map_err(|reason| reason.to_string())?;
    let stage = Stage::new(program, &world)?;
    write_profiles(&stage, &world)?;

    println!(
        "The server listens on {} with authentication on. It knows a user, alice,",
        world.server().url()
    );
    println!("a role that she may assume, and two buckets: bkt-one and bkt-two.");

    look_around(&stage)?;
    register(&stage)?;
    issue(&stage)?;
    use_it(&stage)?;
    search(&stage)?;

    stage.says("What the credential is, and why it looks as it does:");
    stage.connector(&[&["explain", "data"], &GRANT[..]].concat())?.holds("bkt-one")?;
    no_occurrence(&stage)
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
    let arguments = [&["issue", "data"], &GRANT[..], &["-o", "json"]].concat();
    let issued = stage.connector_quietly(&arguments)?;
    let envelope: Value = serde_json::from_slice(&issued.stdout)
        .map_err(|error| format!("`connector issue` prints no JSON: {error}"))?;
    let public = stage::without_secrets(&envelope);
    let shown = serde_json::to_string_pretty(&public).map_err(|error| error.to_string())?;
    stage.shows(&stage::typed("connector", &arguments), &shown);
    if envelope["narrowed"] != true {
        return Err("the issued credential does not say `narrowed: true`".to_owned());
    }
    if envelope["expires_at"].is_null() {
        return Err("the issued credential has no end".to_owned());
    }
    Ok(())
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

fn search(stage: &Stage) -> Result {
    stage.says(
        "Is alice's long-lived key in any output of any command so far, or in any file that was left behind,\n\
         raw, in base64, in hex, URL-encoded or JSON-escaped?",
    );
    let found = stage.occurrences();
    println!("\n  {} occurrences in {} outputs and {} files", found.len(), stage.outputs(), stage.files());
    no_occurrence(stage)
}

fn no_occurrence(stage: &Stage) -> Result {
    match stage.occurrences().first() {
        None => Ok(()),
        Some(first) => Err(format!("the long-lived key shows: {first:?}")),
    }
}

fn farewell(program: &Path) {
    println!("\nDone: the server is stopped and everything that the demo wrote is deleted.\n");
    println!("Next, with your own account:\n");
    println!("  cargo install --path connector-cli");
    println!("  connector register mine --type aws --auto-configure --profile YOUR-PROFILE");
    println!("  connector list-resources");
    println!(
        "  connector exec mine --resource-type s3-bucket --resource-id YOUR-BUCKET -- aws s3 ls s3://YOUR-BUCKET"
    );
    println!(
        "  connector explain mine --trust-policy     the identity, and the trust policy that lets it in"
    );
    println!("\n(The program built for this demo: {})", program.display());
}

fn write(path: &Path, text: &str) -> Result {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
