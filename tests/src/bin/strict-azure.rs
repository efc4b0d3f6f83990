//! The strict Azure as a program of its own, for who must build without it: it prints one line of JSON, and when its
//! standard input ends a second one, and ends.
//!
//! The first line has `url` (of every service), `identity` (the managed identity endpoint, in clear), `ca` (PEM of the
//! authority that has to be trusted), `tenant`, `subscription`, `group`, and `client` and `secret` of a program that may
//! see the whole subscription, read and write the containers `lab-data` (blobs `reports/…` and `drafts/…`) and `payroll`
//! of the storage account `account`, read the secrets of `vault`, pull from and push to `registry` (its host is
//! `registry_host`), and read and write in `cosmos`. `cluster` is the id of a cluster, where it may read pods in the
//! namespace `apps`; there are two, `web` and `worker`. The machine's own identity may read the storage account.
//!
//! The second line is what must not have been seen outside: `tokens` are all that were issued, `secrets` all that was
//! there before.

use std::io::{self, Read, Write};

use connector_tests::strict_azure::{Cluster, SUBSCRIPTION, StrictAzure, TENANT};
use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};
use serde_json::json;

const CLIENT: &str = "99999999-8888-4777-8666-555555555555";

fn main() -> io::Result<()> {
    let azure = StrictAzure::start();
    let robot = azure.add_app(TENANT, CLIENT);
    let secret = azure.add_secret(CLIENT);
    let machine = azure.set_system_identity();
    let whole = format!("/subscriptions/{SUBSCRIPTION}");
    let group = azure.add_group(SUBSCRIPTION, "lab");

    let account = azure.add_storage_account(&group, "strictlab");
    let blobs = [
        ("drafts/2027.csv", "nobody,knows\n"),
        ("reports/2025.csv", "cats,9\n"),
        ("reports/2026.csv", "cats,10\n"),
    ];
    azure.add_container("strictlab", "lab-data");
    for (name, content) in blobs {
        azure.put_blob("strictlab", "lab-data", name, content);
    }
    azure.add_container("strictlab", "payroll");
    azure.put_blob("strictlab", "payroll", "salaries.csv", "everybody,1\n");
    azure.grant(&machine.object_id, "Storage Blob Data Reader", &account);
    azure.grant(&machine.object_id, "Reader", &whole);

    azure.add_registry(&group, "strictimages");
    azure.add_image("strictimages", "app", "v1");
    let registry = azure.open_registry("strictimages");
    azure.add_vault(&group, "strict-vault");
    azure.put_secret("strict-vault", "database", "correct horse battery staple");
    let cosmos = azure.add_cosmos(&group, "strictdb");
    azure.add_cosmos_container("strictdb", "shop", "orders", "/customer");

    let kubernetes = StrictKubernetes::start();
    kubernetes.accept_aks(azure.webhook());
    kubernetes.add_namespace("apps");
    for pod in ["web", "worker"] {
        kubernetes.add_pod("apps", pod);
    }
    kubernetes.allow(Rule::for_user(&robot).in_namespace("apps").may(&["get", "list", "watch"], &["pods"]));
    azure.add_cluster(&group, "demo", Cluster::of(&kubernetes));
    for role in [
        "Reader",
        "Storage Blob Data Contributor",
        "AcrPush",
        "Key Vault Secrets User",
        "Azure Kubernetes Service Cluster User Role",
    ] {
        azure.grant(&robot, role, &whole);
    }
    azure.grant(&robot, "Cosmos DB Built-in Data Contributor", &cosmos);

    say(&json!({
        "url": azure.url(),
        "identity": azure.identity().url(),
        "ca": azure.ca(),
        "tenant": TENANT,
        "subscription": SUBSCRIPTION,
        "group": "lab",
        "client": CLIENT,
        "secret": secret,
        "account": "strictlab",
        "vault": "strict-vault",
        "registry": "strictimages",
        "registry_host": registry.address().to_string(),
        "cosmos": "strictdb",
        "cluster": format!("{SUBSCRIPTION}/lab/demo"),
    }))?;
    io::stdin().read_to_end(&mut Vec::new())?;
    let tokens = azure.issued();
    let secrets: Vec<_> = azure.confidential().into_iter().filter(|it| !tokens.contains(it)).collect();
    say(&json!({ "tokens": tokens, "secrets": secrets }))
}

fn say(line: &serde_json::Value) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}
