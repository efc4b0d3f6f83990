//! The strict Google Cloud as a program of its own, for who must build without it: it prints one line of JSON, and
//! when its standard input ends a second one, and ends.
//!
//! The first line has `url` (of every service), `project`, `account` and `key`: the key file of that service account,
//! which may read and write the buckets `lab-data` (objects `reports/…` and `drafts/…`) and `payroll`, see the project,
//! its cluster and its repository. `cluster` is the id of the cluster, where it may read pods in the namespace `apps`;
//! there are two, `web` and `worker`. `repository` is where it may push images to.
//!
//! The second line is what must not have been seen outside: `tokens` are all that were issued, `key` is what the private
//! key is made of.

use std::io::{self, Read, Write};

use connector_tests::strict_google::{Cluster, PROJECT, StrictGoogle};
use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};
use serde_json::json;

const LOCATION: &str = "europe-west1";

fn main() -> io::Result<()> {
    let google = StrictGoogle::start();
    let account = google.add_service_account("lab");
    google.add_bucket(
        "lab-data",
        &[
            ("drafts/2027.csv", "nobody,knows\n"),
            ("reports/2025.csv", "cats,9\n"),
            ("reports/2026.csv", "cats,10\n"),
        ],
    );
    google.add_bucket("payroll", &[("salaries.csv", "everybody,1\n")]);
    google.add_repository(LOCATION, "images");
    let whole = format!("projects/{PROJECT}");
    for role in ["storage.admin", "browser", "container.viewer", "artifactregistry.writer"] {
        google.grant(&account, &format!("roles/{role}"), &whole);
    }
    let kubernetes = StrictKubernetes::start();
    kubernetes.accept_gke(google.webhook());
    kubernetes.add_namespace("apps");
    for pod in ["web", "worker"] {
        kubernetes.add_pod("apps", pod);
    }
    let rule = Rule::for_user(&account).in_namespace("apps");
    kubernetes.allow(rule.may(&["get", "list", "watch"], &["pods"]));
    google.add_cluster(LOCATION, "demo", Cluster::of(&kubernetes));

    say(&json!({
        "url": google.url(),
        "project": PROJECT,
        "account": account,
        "key": google.key_json(&account),
        "cluster": format!("{LOCATION}/demo"),
        "repository": format!("{LOCATION}-docker.pkg.dev/{PROJECT}/images"),
    }))?;
    io::stdin().read_to_end(&mut Vec::new())?;
    let tokens = google.issued();
    let key: Vec<_> = google.confidential().into_iter().filter(|it| !tokens.contains(it)).collect();
    say(&json!({ "tokens": tokens, "key": key }))
}

fn say(line: &serde_json::Value) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}
