//! Connectors for clusters, as far as they need none.

use serde_json::{Value, json};

use super::cli;

const TOKEN: &str = "not-much-of-a-secret";

fn kubeconfig(name: &str, user: Value) -> String {
    json!({
        "current-context": name,
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "clusters": [{ "name": name, "cluster": { "server": format!("https://{name}.example.org") } }],
        "users": [{ "name": name, "user": user }],
    })
    .to_string()
}

/// S39: a list of kubeconfigs, a context by option, a plugin that needs to be allowed.
#[test]
fn s39_auto_configuring_from_kubeconfigs() {
    let cli = cli();
    let home = cli.home();
    let (one, two) = (home.join("one"), home.join("two"));
    std::fs::write(&one, kubeconfig("one", json!({ "token": TOKEN }))).expect("written");
    let exec = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "plugin" } });
    std::fs::write(&two, kubeconfig("two", exec)).expect("written");
    let list = std::env::join_paths([one, home.join("missing"), two]).expect("a list");
    let cli = cli.with_env("KUBECONFIG", list);
    let register = |more: &[&str]| {
        let words =
            ["register", "demo", "--type", "kubernetes", "--auto-configure", "--no-verify", "--dry-run"];
        cli.json(&[&words[..], more].concat())
    };
    let one = register(&[]);
    assert_eq!(
        (&one["connector"]["method"], &one["connector"]["config"]["server"]),
        (&json!("token"), &json!("https://one.example.org")),
        "{one}"
    );
    let two = register(&["--context", "two"]);
    assert_eq!(two["connector"]["method"], "kubeconfig", "{two}");
    assert!(two["found"]["notes"].to_string().contains("--allow exec"), "{two}");
    assert!(!format!("{one}{two}").contains(TOKEN));
    let words = ["register", "demo", "--type", "kubernetes", "--auto-configure", "--context", "three"];
    let error = cli.error(3, &words);
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("one, two")), "{error}");
    for option in ["--profile", "--region"] {
        let words = ["register", "x", "--type", "kubernetes", "--auto-configure", option, "some"];
        assert!(cli.error(2, &words)["message"].as_str().is_some_and(|it| it.contains("kubernetes")));
    }
}

/// What is not checked is told when it is registered, and whenever it is looked at.
#[test]
fn insecure_warns() {
    let cli = cli();
    let words = ["register", "demo", "--type", "kubernetes", "--auth-method", "token", "--no-verify"];
    let config = ["server=https://demo.example.org", "cluster_name=demo", "insecure=true", "token=env:TOKEN"];
    let cli = cli.with_env("TOKEN", TOKEN);
    let registered = cli.ok(&[&words[..], &config].concat()).stderr_text();
    let described = cli.ok(&["describe", "demo"]).stderr_text();
    for text in [registered, described] {
        assert!(text.contains("not verified"), "{text}");
    }
}
