//! `cargo xtask demo`: the story of this project, told by its own program against servers on loopback that check what
//! real ones check: an AWS API, a Google Cloud, a Kubernetes API, a container registry, an Azure. Every step must behave as told, or
//! the demo fails.

mod azure;
mod docker;
mod google;
mod kubernetes;
mod server;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};

use connector_tests::ministack::{REGION, World};
use connector_tests::paths;
use stage::{DOCKER_HELPER, Stage};

use crate::shell::{self, Result};

const GRANT: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "bkt-one"];

/// Tells the story; cleans up whatever happens.
pub(crate) fn run() -> Result {
    println!(
        "Preparing: the `connector` program, a strict Google Cloud, a strict Azure and a strict Kubernetes API are"
    );
    println!(
        "built. A local AWS API, the real `aws`, boto3, google-cloud-storage and azure-storage-blob come from the"
    );
    println!(
        "Python package index, a registry and, where there is none, kubectl from Debian, all into target/tools and"
    );
    println!("without root. The first time takes minutes.\n");
    let programs = Programs::build()?;
    tell(&programs)?;
    farewell(&programs.connector);
    Ok(())
}

/// What is built for the demo.
struct Programs {
    connector: PathBuf,
    /// The Azure of the tests.
    azure: PathBuf,
    /// The Google Cloud of the tests.
    google: PathBuf,
    /// The Kubernetes API server of the tests.
    kubernetes: PathBuf,
}

impl Programs {
    /// All in one go, so that they share what they link.
    fn build() -> Result<Self> {
        let packages = ["--package", "connector-cli", "--package", "connector-tests"];
        shell::run(shell::cargo(&["build", "--quiet", "--bins"]).args(packages))?;
        let built = |name: &str| {
            let program = paths::target().join("debug").join(name);
            program.with_extension(std::env::consts::EXE_EXTENSION)
        };
        let given = std::env::var_os("CONNECTOR_BIN").is_some();
        let connector = if given { paths::connector() } else { built("connector") };
        let (azure, google) = (built("strict-azure"), built("strict-google"));
        Ok(Self { connector, azure, google, kubernetes: built("strict-kubernetes") })
    }
}

/// The story. The servers and all files go when it ends.
fn tell(programs: &Programs) -> Result {
    let world = World::try_start().map_err(|reason| reason.to_string())?;
    let mut stage = Stage::new(&programs.connector, &world)?;
    write_profiles(&stage, &world)?;

    stage.chapter("AWS: a role that opens two buckets, and credentials that open one");
    println!(
        "\nThe server listens on {} with authentication on. It knows a user, alice,",
        world.server().url()
    );
    println!("a role that she may assume, and two buckets: bkt-one and bkt-two.");

    look_around(&stage)?;
    register(&stage)?;
    issue(&stage)?;
    use_it(&stage)?;
    stage.says("What the credential is, and why it looks as it does:");
    stage.connector(&[&["explain", "data"], &GRANT[..]].concat())?.holds("bkt-one")?;

    google::tell(&mut stage, &programs.google)?;
    kubernetes::tell(&mut stage, &programs.kubernetes)?;
    docker::tell(&mut stage)?;
    azure::tell(&mut stage, &programs.azure)?;
    search(&stage)
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

fn search(stage: &Stage) -> Result {
    stage.chapter("Where are the secrets?");
    stage.says(
        "Does any of them show in any output of any command so far, or in any file that was left behind,\n\
         raw, in base64, in hex, URL-encoded or JSON-escaped?",
    );
    println!("\n  searched: {} outputs and {} files\n", stage.outputs(), stage.files());
    let mut first = None;
    for (what, told, leaked) in stage.occurrences() {
        let besides = match told.first() {
            None => "",
            Some(seen) if seen.place.contains(DOCKER_HELPER) => ", beside the helper's answer to docker",
            Some(_) => ", beside the answer of `issue`",
        };
        println!("  {:<28} {} occurrences{besides}", what, leaked.len());
        first = first.or_else(|| leaked.into_iter().next());
    }
    first.map_or(Ok(()), |leaked| Err(format!("a secret shows: {leaked:?}")))
}

fn farewell(program: &Path) {
    println!("\nDone: the servers are stopped and everything that the demo wrote is deleted.\n");
    println!("Next, with your own account:\n");
    println!("  cargo install --path connector-cli");
    println!("  connector register mine --type aws --auto-configure --profile YOUR-PROFILE");
    println!("  connector register other --type gcp --auto-configure");
    println!("  connector register third --type azure --auto-configure");
    println!("  connector list-resources");
    println!(
        "  connector exec mine --resource-type s3-bucket --resource-id YOUR-BUCKET -- aws s3 ls s3://YOUR-BUCKET"
    );
    println!("  connector login mine --resource-type kubernetes-cluster --resource-id YOUR-CLUSTER");
    println!("  connector login mine --resource-type docker-registry --resource-id YOUR-REGISTRY");
    println!(
        "  connector explain mine --trust-policy     the identity, and the trust policy that lets it in"
    );
    println!("\n(The program built for this demo: {})", program.display());
}

fn write(path: &Path, text: &str) -> Result {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
