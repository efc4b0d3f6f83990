//! The strict Kubernetes API server as a program of its own, for who must build without it: it prints one line of
//! JSON and ends when its standard input does.
//!
//! The line has `server` (the URL), `certificate_authority` (PEM) and `token`: the login of `broker`, who may do
//! nothing but create tokens of the service account `reader` in the namespace `apps`. `reader` may get, list and
//! watch pods there; there are two, `web` and `worker`.

use std::io::{self, Read, Write};

use connector_tests::strict_kubernetes::{Rule, StrictKubernetes};
use serde_json::json;

fn main() -> io::Result<()> {
    let server = StrictKubernetes::start();
    server.add_namespace("apps");
    server.add_service_account("apps", "reader");
    for pod in ["web", "worker"] {
        server.add_pod("apps", pod);
    }
    let reader = Rule::for_service_account("apps", "reader").in_namespace("apps");
    server.allow(reader.may(&["get", "list", "watch"], &["pods"]));
    let broker = Rule::for_user("broker").in_namespace("apps");
    server.allow(broker.may(&["create"], &["serviceaccounts/token"]).named(&["reader"]));

    let line = json!({
        "server": server.url(),
        "certificate_authority": server.ca(),
        "token": server.add_token("broker", &[]),
    });
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
