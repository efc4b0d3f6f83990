//! The chapter on Azure: an application's secret, signatures for one container, a cluster and a registry.

use std::path::Path;

use connector_tests::skip::skip;
use serde_json::{Value, json};

use super::server::Server;
use super::stage::{self, AZ, DOCKER_HELPER, Stage, texts};
use crate::shell::Result;

const CONTAINER: [&str; 4] =
    ["--resource-type", "blob-container", "--resource-id", "az://strictlab/lab-data"];
const PRINTED: &str = "application.json";
const CA: &str = "azure-ca.pem";
const SCRIPT: &str = "read-blobs.py";

/// Azure's library takes a signature as a part of a connection string.
const PYTHON: &str = r#"import os
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

service = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
for container, name in [("lab-data", "reports/2026.csv"), ("payroll", "salaries.csv")]:
    blob = service.get_blob_client(container, name)
    try:
        print(name, "says", blob.download_blob().readall().decode().strip())
        blob.upload_blob(b"", overwrite=True)
    except HttpResponseError as refusal:
        print(name, "is refused:", refusal.status_code)
"#;

/// The kubeconfig before us.
const KUBECONFIG: &str = "# mine\napiVersion: v1\nkind: Config\ncurrent-context: old\n";
const KUBECONFIG_FILE: &str = ".kube/config";

/// Tells it.
pub(super) fn tell(stage: &mut Stage, program: &Path) -> Result {
    stage.chapter("Azure: the secret of an application, and signatures for one container");
    let server = Server::start(program)?;
    let url = server.text("url")?.to_owned();
    println!("\nThe server listens on {url} with TLS and is Entra ID, Resource Manager, Blob Storage,");
    println!(
        "AKS, container registries, key vaults and Cosmos DB in one. It checks signatures, audiences and"
    );
    println!(
        "roles. It knows an application that may use two containers of the account strictlab, lab-data and"
    );
    println!("payroll, a cluster and a registry.");

    register(stage, &server)?;
    issue(stage)?;
    az(stage)?;
    kubectl(stage, server.text("cluster")?)?;
    docker(stage, server.text("registry")?)?;
    stage.says("What was asked of Azure for the signature, and why it looks as it does:");
    stage.connector(&[&["explain", "team"], &CONTAINER[..]].concat())?.holds("user-delegation SAS")?;
    stage.connector(&["logout", "team"])?.holds("team")?;
    and_back(stage)?;

    // What is to be searched for is what the server has issued until now.
    let secrets = server.last_words()?;
    stage.watch_all("the application's secret", &texts(&secrets, "secrets")?, None);
    stage.watch_all(
        "Azure's tokens and keys",
        &texts(&secrets, "tokens")?,
        Some(&format!("{DOCKER_HELPER} get")),
    );
    Ok(())
}

fn register(stage: &Stage, server: &Server) -> Result {
    let printed = json!({
        "appId": server.text("client")?, "displayName": "lab", "password": server.text("secret")?,
        "tenant": server.text("tenant")?,
    });
    stage.write(PRINTED, &printed.to_string())?;
    stage.write(CA, server.text("ca")?)?;
    stage.says(
        "What people have is what `az ad sp create-for-rbac` printed. Register it as it is; it is tried, and the\n\
         secret is stored encrypted. (Azure's own endpoints and authorities need not be named.)",
    );
    let endpoint = format!("endpoint_url={}", server.text("url")?);
    let bundle = format!("ca_bundle={}", stage.file(CA).display());
    let subscription = format!("subscription_id={}", server.text("subscription")?);
    let words = ["register", "team", "--from-file", PRINTED, &subscription, &endpoint, &bundle];
    stage.connector(&words)?.holds("az://strictlab/lab-data")?;
    stage.says(
        "The file is not needed any more; this demo deletes it. Does it still work, and what does it reach?",
    );
    let path = stage.file(PRINTED);
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    stage.connector(&["list-resources", "--connector", "team"])?.holds("az://strictlab/payroll")
}

fn issue(stage: &Stage) -> Result {
    stage.says("Issue a signature for one container, made with a key that Entra ID's token delegates:");
    stage.issue(&[&["team"], &CONTAINER[..]].concat())?;
    stage.says(
        "azure-storage-blob, started with such a signature, reads what it may. It writes nothing, and is refused the\n\
         container beside it:",
    );
    stage.write(SCRIPT, PYTHON)?;
    stage.shows(&format!("cat {SCRIPT}"), PYTHON);
    let exec = [&["exec", "team"], &CONTAINER[..], &["--", "python", SCRIPT]].concat();
    stage.connector_with(&[("REQUESTS_CA_BUNDLE", CA)], &exec)?.holds(
        "reports/2026.csv says cats,10\nreports/2026.csv is refused: 403\nsalaries.csv is refused: 403\n",
    )
}

/// az with a folder of its own, where there is one.
fn az(stage: &Stage) -> Result {
    if !stage::is_there(AZ) {
        skip("demo: az with a login", "az is not installed");
        return Ok(());
    }
    stage.says("az gets a folder of settings of its own; the one that people have is not touched:");
    stage.connector(&[&["login", "team"], &CONTAINER[..]].concat())?.holds("AZURE_CONFIG_DIR")?;
    let list = |container| ["storage", "blob", "list", "--output", "table", "--container-name", container];
    stage.az("team", CA, &list("lab-data"))?.holds("reports/2026.csv")?;
    stage.az("team", CA, &list("payroll"))?.refused_with("ERROR")
}

fn kubectl(stage: &Stage, cluster: &str) -> Result {
    let kubectl = match stage::kubectl() {
        Ok(kubectl) => kubectl,
        Err(reason) => {
            skip("demo: kubectl with an AKS cluster", reason);
            return Ok(());
        }
    };
    stage.write(KUBECONFIG_FILE, KUBECONFIG)?;
    stage.says(
        "The cluster is reached by the same connector: kubectl asks it for a token, and no file has one.",
    );
    let grant = ["login", "team", "--resource-type", "kubernetes-cluster", "--resource-id", cluster];
    stage.connector(&grant)?.holds("kubectl")?;
    stage.kubectl(&kubectl, &["get", "pods", "--namespace", "apps"])?.holds("worker")
}

fn docker(stage: &Stage, registry: &str) -> Result {
    let host = format!("{registry}.azurecr.io");
    if !stage.has_docker_helper() {
        stage.link_docker_helper()?;
    }
    stage.says("So is the registry: docker asks for its own token, which ends. (It is left out of what you see here.)");
    let grant = ["login", "team", "--resource-type", "docker-registry", "--resource-id", &host];
    stage.connector(&grant)?.holds("docker pull")?;
    let answer = stage.docker_helper(&host);
    let mut login: Value = serde_json::from_slice(&answer.stdout)
        .map_err(|error| format!("`{DOCKER_HELPER} get` prints no JSON: {error}"))?;
    if login["Username"] != "00000000-0000-0000-0000-000000000000" || login["Secret"].is_null() {
        return Err(format!("`{DOCKER_HELPER} get` does not answer with the registry's login"));
    }
    login["Secret"] = "…".into();
    stage.shows(&format!("echo {host} | {DOCKER_HELPER} get"), &login.to_string());
    Ok(())
}

fn and_back(stage: &Stage) -> Result {
    let kubeconfig = std::fs::read_to_string(stage.file(KUBECONFIG_FILE)).ok();
    if kubeconfig.is_some_and(|it| it != KUBECONFIG) {
        return Err(format!("{KUBECONFIG_FILE} is not what it was before the login"));
    }
    match stage.state("az").exists() {
        true => Err("az still has the folder of the login".to_owned()),
        false => Ok(()),
    }
}
