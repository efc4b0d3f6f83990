//! `cargo xtask demo`: the story of this project, told by its own program against servers on loopback that check what
//! real ones check: an AWS API, a Google Cloud, a Kubernetes API, a container registry, an Azure. Every step must behave as told, or
//! the demo fails.

mod aws;
mod azure;
mod docker;
mod google;
mod kubernetes;
mod server;
mod stage;

use std::path::{Path, PathBuf};

use connector_tests::ministack::World;
use connector_tests::paths;
use stage::{DOCKER_HELPER, Stage};

use crate::shell::{self, Result};

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
    aws::tell(&stage, &world)?;
    google::tell(&mut stage, &programs.google)?;
    kubernetes::tell(&mut stage, &programs.kubernetes)?;
    docker::tell(&mut stage)?;
    azure::tell(&mut stage, &programs.azure)?;
    search(&stage)
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
