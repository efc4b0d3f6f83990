//! The chapter on Google Cloud: the key of a service account, tokens for a part of one bucket, and a cluster.

use std::path::Path;

use connector_tests::skip::skip;

use super::server::Server;
use super::stage::{self, GCLOUD, Stage, texts, typed};
use crate::shell::Result;

const PART: [&str; 4] = ["--resource-type", "gcs-bucket", "--resource-id", "gs://lab-data/reports/"];
const KEY: &str = "lab-key.json";
const SCRIPT: &str = "read.py";

/// As it always was, but for the address of Cloud Storage.
const PYTHON: &str = r#"import os
from google.api_core.exceptions import Forbidden
from google.cloud import storage

client = storage.Client(client_options={"api_endpoint": os.environ["STORAGE"]})
for bucket, name in [("lab-data", "reports/2026.csv"), ("lab-data", "drafts/2027.csv"), ("payroll", "salaries.csv")]:
    try:
        print(name, "says", client.bucket(bucket).blob(name).download_as_text().strip())
    except Forbidden as refusal:
        print(name, "is refused:", refusal.code.value)
"#;

/// gcloud's settings before us.
const OWN: &str = "[core]\naccount = me@example.com\nproject = my-own\n";
const GCLOUD_FILE: &str = ".config/gcloud/configurations/config_default";

/// The kubeconfig before us.
const KUBECONFIG: &str = "# mine\napiVersion: v1\nkind: Config\ncurrent-context: old\n";
const KUBECONFIG_FILE: &str = ".kube/config";

/// Tells it.
pub(super) fn tell(stage: &mut Stage, program: &Path) -> Result {
    stage.chapter("Google Cloud: the key of a service account, and tokens for a part of one bucket");
    let server = Server::start(program)?;
    let url = server.text("url")?.to_owned();
    println!(
        "\nThe server listens on {url} and is the token services, Cloud Storage, GKE and Artifact Registry in"
    );
    println!(
        "one. It checks signatures, roles and access boundaries. It knows a service account, lab, that may use"
    );
    println!("two buckets, lab-data and payroll, a cluster and a repository of the project strict-project.");

    register(stage, &server)?;
    issue(stage, &url)?;
    let logged_in = [gcloud(stage)?, kubectl(stage, server.text("cluster")?)?];
    if logged_in.contains(&true) {
        and_back(stage, logged_in)?;
    }
    stage.says("What was asked of Google for it, and why the token looks as it does:");
    stage.connector(&[&["explain", "lab"], &PART[..]].concat())?.holds("accessBoundaryRules")?;

    // What is to be searched for is what the server has issued until now.
    let secrets = server.last_words()?;
    let issued = typed("connector", &[&["issue", "lab"], &PART[..], &["-o", "json"]].concat());
    stage.watch_all("lab's private key", &texts(&secrets, "key")?, None);
    stage.watch_all("lab's access tokens", &texts(&secrets, "tokens")?, Some(&issued));
    Ok(())
}

fn register(stage: &Stage, server: &Server) -> Result {
    stage.write(KEY, server.text("key")?)?;
    stage.says(
        "What people have is the key file, and the variable that names it. Take that over; it is tried, and the key\n\
         is stored encrypted. (Google's own endpoints need not be named.)",
    );
    let endpoint = format!("endpoint_url={}", server.text("url")?);
    let found = ["register", "lab", "--type", "gcp", "--auto-configure", &endpoint];
    stage.connector_with(&[("GOOGLE_APPLICATION_CREDENTIALS", KEY)], &found)?.holds("gs://lab-data")?;
    stage.says("The key file is not needed any more; this demo deletes it. Does it still work, and what does it reach?");
    let path = stage.file(KEY);
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    stage.connector(&["list-resources", "--connector", "lab"])?.holds("gs://payroll")
}

fn issue(stage: &Stage, url: &str) -> Result {
    stage.says("Issue a token for what lies under reports/ in one bucket, narrowed by an access boundary:");
    stage.issue(&[&["lab"], &PART[..]].concat())?;
    stage.says(
        "google-cloud-storage asks an endpoint for such tokens, as long as it runs; it reads what it may and is refused\n\
         all beside it:",
    );
    stage.write(SCRIPT, PYTHON)?;
    stage.shows(&format!("cat {SCRIPT}"), PYTHON);
    let exec = [&["exec", "lab"], &PART[..], &["--agent", "--", "python", SCRIPT]].concat();
    let told = stage.connector_with(&[("STORAGE", url)], &exec)?;
    told.holds(
        "reports/2026.csv says cats,10\ndrafts/2027.csv is refused: 403\nsalaries.csv is refused: 403\n",
    )
}

/// Whether there is a gcloud that was logged in.
fn gcloud(stage: &Stage) -> Result<bool> {
    if !stage::is_there(GCLOUD) {
        skip("demo: gcloud with a login", "gcloud is not installed");
        return Ok(false);
    }
    stage.says("gcloud gets a configuration of its own, beside those that are there:");
    stage.write(GCLOUD_FILE, OWN)?;
    stage.write(".config/gcloud/active_config", "default")?;
    stage.connector(&[&["login", "lab"], &PART[..]].concat())?.holds("connector-lab")?;
    stage.says("The real gcloud lists what the token is for, and nothing else:");
    let ls = |what| ["--configuration", "connector-lab", "storage", "ls", what];
    stage.gcloud(&ls("gs://lab-data/reports/**"))?.holds("gs://lab-data/reports/2026.csv")?;
    stage.gcloud(&ls("gs://payroll/"))?.refused_with("does not have permission")?;
    Ok(true)
}

/// The same of kubectl.
fn kubectl(stage: &Stage, cluster: &str) -> Result<bool> {
    let kubectl = match stage::kubectl() {
        Ok(kubectl) => kubectl,
        Err(reason) => {
            skip("demo: kubectl with a GKE cluster", reason);
            return Ok(false);
        }
    };
    stage.write(KUBECONFIG_FILE, KUBECONFIG)?;
    stage.says(
        "The cluster is reached by the same connector: kubectl asks it for a token, and no file has one.",
    );
    let grant = ["login", "lab", "--resource-type", "kubernetes-cluster", "--resource-id", cluster];
    stage.connector(&grant)?.holds("kubectl")?;
    stage.kubectl(&kubectl, &["get", "pods", "--namespace", "apps"])?.holds("worker")?;
    Ok(true)
}

fn and_back(stage: &Stage, logged_in: [bool; 2]) -> Result {
    stage.says("And back: every file is as it was, byte for byte, and the token's own file is gone.");
    stage.connector(&["logout", "lab"])?.holds("lab")?;
    let files = [(GCLOUD_FILE, OWN), (KUBECONFIG_FILE, KUBECONFIG)];
    for ((file, own), _) in files.into_iter().zip(logged_in).filter(|(_, touched)| *touched) {
        if std::fs::read_to_string(stage.file(file)).ok().as_deref() != Some(own) {
            return Err(format!("{file} is not what it was before the login"));
        }
    }
    match stage.file(".config/gcloud/configurations/config_connector-lab").exists() {
        true => Err("gcloud still has the configuration of the login".to_owned()),
        false => Ok(()),
    }
}
