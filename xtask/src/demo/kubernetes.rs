//! The chapter on Kubernetes: a login that may do nothing but create tokens, and kubectl with such tokens.

use std::path::Path;

use connector_tests::skip::skip;

use super::server::Server;
use super::stage::{self, Stage};
use crate::shell::Result;

/// The user's own file before us, with a comment that no program would write.
const OWN: &str = "\
# my clusters; do not lose this file
apiVersion: v1
kind: Config
clusters:
- {name: old, cluster: {server: https://old.example.org}}
contexts:
- {name: old, context: {cluster: old, user: me}}
users:
- {name: me, user: {}}
current-context: old
";
const FILE: &str = ".kube/config";

/// Tells it, or says loudly why not.
pub(super) fn tell(stage: &mut Stage, program: &Path) -> Result {
    stage.chapter("Kubernetes: a login that may only create tokens, and kubectl without one in its file");
    let kubectl = match stage::kubectl() {
        Ok(kubectl) => kubectl,
        Err(reason) => {
            skip("demo: the chapter on Kubernetes", reason);
            return Ok(());
        }
    };
    let server = Server::start(program)?;
    let (url, token) = (server.text("server")?, server.text("token")?);
    println!(
        "\nThe API server listens on {url} with TLS and rights of its own. It knows a long-lived login,"
    );
    println!(
        "broker, who may create tokens of one service account and nothing else, and that service account,"
    );
    println!("reader, who may read the pods in the namespace apps.");
    stage.watch("broker's token", token, None);
    stage.write("token", token)?;
    stage.write("ca.pem", server.text("certificate_authority")?)?;

    stage.says(
        "Register the login. It is tried, also whether it may create these tokens, and only then stored:",
    );
    let server_url = format!("server={url}");
    let cluster = ["--type", "kubernetes", "--auth-method", "token", &server_url, "cluster_name=demo"];
    let login = ["certificate_authority=@ca.pem", "token=@token", "namespace=apps"];
    let one = ["--resource-type", "kubernetes-cluster", "--resource-id", "demo"];
    let register = |name, account| [&["register", name], &cluster[..], &login, &[account], &one].concat();
    stage.connector(&register("cluster", "service_account=reader"))?.holds("demo")?;
    stage.says(
        "For another service account it may not, which shows now and not on the day that it is needed:",
    );
    stage.connector(&register("other", "service_account=admin"))?.refused_with("may not create tokens")?;
    for file in ["token", "ca.pem"] {
        let path = stage.file(file);
        std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    stage.says("Does it still work?");
    stage.connector(&["verify", "cluster"])?.holds("cluster")?;

    stage.says("What it issues is a token of the service account, which ends by itself:");
    stage.issue(&["cluster"])?;

    stage.write(FILE, OWN)?;
    stage.says("The kubeconfig that is there has a cluster of its own, and a comment:");
    stage.cat(FILE)?;
    stage.says("Let kubectl log in through the connector:");
    stage.connector(&["login", "cluster"])?.holds("demo")?;
    stage.says(
        "There is no credential in the file: its user is a call of this program, which answers kubectl.",
    );
    let text = stage.cat(FILE)?;
    if text.contains("token") || !text.contains("helper") || !text.starts_with("# my clusters") {
        return Err(format!("the kubeconfig is not as told:\n{text}"));
    }
    stage.says("The real kubectl reads pods. It is given such a token, and never broker's:");
    stage.kubectl(&kubectl, &["get", "pods", "--namespace", "apps"])?.holds("worker")?;
    stage.kubectl(&kubectl, &["auth", "can-i", "list", "pods", "--namespace", "apps"])?.holds("yes")?;
    stage.says("Who is it to the server? The refusal tells:");
    stage
        .kubectl(&kubectl, &["get", "secrets", "--namespace", "apps"])?
        .refused_with("system:serviceaccount:apps:reader")?;

    stage.says("And back: what the login wrote is taken out, and what was there comes back, byte for byte.");
    stage.connector(&["logout", "cluster"])?.holds("as it was before")?;
    let text = stage.cat(FILE)?;
    if text != OWN {
        return Err("the kubeconfig is not what it was before the login".to_owned());
    }
    Ok(())
}
