//! `connector doctor`: the first hop that fails, what is found beside that, and the forms in which it is told.

#[cfg(unix)]
use std::path::Path;

use connector_tests::canary::Canary;
use connector_tests::cli::Cli;
use connector_tests::process::Finished;
use serde_json::{Value, json};

#[cfg(unix)]
use super::login::{CLUSTER, REGISTRIES, World};
use super::reach::{DATA, DENIED, OK, register, server};

const HOPS: [&str; 9] =
    ["store", "document", "secrets", "state", "switch", "source", "identity", "authenticate", "reach"];

/// A fresh installation whose directory is closed to others, as the program makes it.
fn cli() -> Cli {
    let cli = super::cli();
    #[cfg(unix)]
    chmod(&cli.connector_home(), 0o700);
    cli
}

fn cli_with_secret() -> Cli {
    cli().with_env("SECRET", "not-much-of-a-secret")
}

/// What `doctor` says as data, whatever its exit code, which is given back too.
#[track_caller]
fn doctor(cli: &Cli, code: i32, arguments: &[&str]) -> Value {
    let finished = cli.fails(code, &[&["doctor"][..], arguments, &["-o", "json"]].concat());
    check_error(&finished, code);
    let report: Value = finished.json();
    check_shape(&report);
    report
}

/// Whenever the exit code is not 0 there is one error, and else nothing beside the data.
#[track_caller]
fn check_error(finished: &Finished, code: i32) {
    let told = finished.stderr_text();
    if code == 0 {
        assert_eq!(told, "");
        return;
    }
    let error: Value = serde_json::from_str(&told).expect("one object");
    assert!(error["error"]["message"].is_string(), "{told}");
}

/// Every key is always there, and the chain breaks once.
#[track_caller]
fn check_shape(report: &Value) {
    let keys = |value: &Value| {
        let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(report), ["connectors", "findings", "store", "summary"]);
    assert_eq!(keys(&report["summary"]), ["connectors", "errors", "failures", "notes", "warnings"]);
    for it in report["connectors"].as_array().expect("a list") {
        assert_eq!(keys(it), ["connector", "fails_at", "hops", "method", "status", "type"]);
        let hops = it["hops"].as_array().expect("a list");
        assert_eq!(hops.iter().map(|hop| hop["hop"].as_str().expect("a word")).collect::<Vec<_>>(), HOPS);
        let mut failed = Value::Null;
        for hop in hops {
            assert_eq!(keys(hop), ["detail", "error", "hop", "origins", "state"]);
            match hop["state"].as_str() {
                Some("failed") => {
                    assert!(failed.is_null() && hop["error"]["hint"].is_string(), "{it:#}");
                    failed = hop["hop"].clone();
                }
                Some("not-reached") => assert!(!failed.is_null() && hop["error"].is_null(), "{it:#}"),
                Some("good" | "not-needed") => assert!(failed.is_null() && hop["error"].is_null(), "{it:#}"),
                _ => panic!("{hop:#}"),
            }
        }
        assert_eq!(it["fails_at"], failed);
    }
    for it in report["findings"].as_array().expect("a list") {
        assert_eq!(keys(it), ["connector", "file", "fix", "message", "rule", "severity"]);
        assert!(["error", "warning", "note"].contains(&it["severity"].as_str().expect("a word")), "{it:#}");
    }
}

/// The rules that found something, with how much that weighs.
fn found(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().map(|it| format!("{} {}", it["severity"], it["rule"]).replace('"', "")).collect()
}

fn finding<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().find(|it| it["rule"] == rule).unwrap_or_else(|| panic!("no {rule} in {report:#}"))
}

/// What came of a connector: its status, and where it fails.
fn outcome(report: &Value, at: usize) -> (&str, &str) {
    let it = &report["connectors"][at];
    (it["status"].as_str().unwrap_or_default(), it["fails_at"].as_str().unwrap_or_default())
}

fn hop<'a>(report: &'a Value, name: &str) -> &'a Value {
    let at = HOPS.iter().position(|it| *it == name).expect("a hop");
    &report["connectors"][0]["hops"][at]
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let cli = cli();
    let report = doctor(&cli, 0, &[]);
    assert_eq!((&report["connectors"], found(&report)), (&json!([]), Vec::new()));
    let error = cli.error(3, &["doctor", "prod"]);
    assert_eq!((&error["kind"], &error["connector"]), (&json!("not-found"), &json!("prod")));
    assert_eq!(std::fs::read_dir(cli.connector_home()).expect("there").count(), 0);
    let said = cli.ok(&["doctor"]);
    assert_eq!(said.stdout_text(), "nothing was found\n");
    assert!(said.stderr_text().contains("connector register NAME"), "{said:?}");
}

#[test]
fn a_connector_that_works_is_walked_to_its_end() {
    let cli = cli_with_secret();
    register(&cli, "full", &server(OK, DATA));
    let report = doctor(&cli, 0, &["full"]);
    assert_eq!(outcome(&report, 0), ("works", ""));
    assert_eq!(hop(&report, "reach")["detail"], "s3-bucket s3://data");
    assert_eq!(hop(&report, "secrets")["detail"], "3 open with the master key");
    assert_eq!(found(&report), ["warning not-narrowed"], "{report:#}");
    assert!(finding(&report, "not-narrowed")["fix"].as_str().is_some_and(|it| it.contains("iam-role")));
    let text = cli.ok(&["doctor", "full"]).stdout_text();
    for part in [
        "full (aws sts-token)\n",
        "good         reach         s3-bucket s3://data",
        "`full` works, 1 warning",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

/// The exit code is that of the failing hop's error; of several connectors that of the worst.
#[test]
fn the_first_hop_that_fails_decides_the_exit_code() {
    let cli = cli_with_secret();
    register(&cli, "denied", &server("403 Forbidden", DENIED));
    register(&cli, "down", "http://127.0.0.1:1");
    register(&cli, "full", &server(OK, DATA));
    assert_eq!(outcome(&doctor(&cli, 4, &["denied"]), 0), ("fails", "reach"));
    assert_eq!(outcome(&doctor(&cli, 6, &["down"]), 0), ("fails", "reach"));
    let unknown = doctor(&cli, 3, &["nosuch"]);
    assert_eq!(
        (outcome(&unknown, 0), &unknown["connectors"][0]["type"]),
        (("fails", "document"), &Value::Null)
    );
    let all = doctor(&cli, 6, &[]);
    let outcomes: Vec<_> = (0..3).map(|at| outcome(&all, at)).collect();
    assert_eq!(outcomes, [("fails", "reach"), ("fails", "reach"), ("works", "")]);
    assert_eq!((&all["summary"]["connectors"], &all["summary"]["failures"]), (&json!(3), &json!(2)));
    let text = cli.fails(6, &["doctor"]).stdout_text();
    for part in [
        "denied     aws   sts-token  fails at reach",
        "FAILED       reach",
        "fix: ",
        "1 of 3 connectors work",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("full (aws"), "what works has one line:\n{text}");
}

/// What a person can still read: of many that fail only the hop that did.
#[test]
fn of_many_that_fail_the_failing_hop_is_shown() {
    let cli = cli_with_secret();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        register(&cli, name, "http://127.0.0.1:1");
    }
    let whole = cli.fails(6, &["doctor"]).stdout_text();
    assert_eq!((whole.matches("  good ").count(), whole.matches("  FAILED ").count()), (8 * 5, 8), "{whole}");
    register(&cli, "i", "http://127.0.0.1:1");
    let brief = cli.fails(6, &["doctor"]).stdout_text();
    assert_eq!((brief.matches("  good ").count(), brief.matches("  FAILED ").count()), (0, 9), "{brief}");
    assert!(brief.contains("`connector doctor a` shows all hops"), "{brief}");
}

/// S68, S37: who switched it off wants it so; who asks for just that one is told.
#[test]
fn what_its_owner_switched_off_is_no_failure_of_the_whole() {
    let cli = cli_with_secret();
    register(&cli, "off", "http://127.0.0.1:1");
    register(&cli, "past", "http://127.0.0.1:1");
    cli.ok(&["disable", "off"]);
    cli.ok(&[
        "update",
        "past",
        "--no-verify",
        "expires_at=2020-01-01T00:00:00Z",
        "--expires-at",
        "2020-01-01T00:00:00Z",
    ]);
    let all = doctor(&cli, 0, &[]);
    assert_eq!((outcome(&all, 0), outcome(&all, 1)), (("disabled", "state"), ("expired", "state")));
    assert_eq!(finding(&all, "has-ended")["connector"], "past");
    assert_eq!(all["summary"]["failures"], 0);
    let error = cli.error(5, &["doctor", "off"]);
    assert!(error["hint"].as_str().is_some_and(|it| it.contains("connector enable off")), "{error}");
    assert_eq!(outcome(&doctor(&cli, 5, &["past"]), 0), ("expired", "state"));
}

#[test]
fn another_master_key_or_none_fails_at_the_secrets() {
    let cli = cli_with_secret();
    register(&cli, "full", "http://127.0.0.1:1");
    let key = cli.connector_home().join("master.key");
    let kept = std::fs::read(&key).expect("there");
    std::fs::remove_file(&key).expect("removed");
    assert_eq!(outcome(&doctor(&cli, 7, &["full"]), 0), ("fails", "secrets"));
    assert!(!key.exists(), "no key is made");
    std::fs::write(&key, kept).expect("written");
    let other = cli.with_env("CONNECTOR_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let report = doctor(&other, 4, &["full"]);
    assert_eq!(outcome(&report, 0), ("fails", "secrets"));
    let hint = hop(&report, "secrets")["error"]["hint"].clone();
    assert!(hint.as_str().is_some_and(|it| it.contains("key")), "{hint}");
}

#[test]
fn a_store_that_does_not_open_is_the_first_hop() {
    let cli = cli_with_secret();
    register(&cli, "full", "http://127.0.0.1:1");
    for file in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(cli.connector_home().join(file));
    }
    std::fs::write(cli.connector_home().join("store.db"), vec![b'x'; 8192]).expect("written");
    assert_eq!(outcome(&doctor(&cli, 7, &["full"]), 0), ("fails", "store"));
    let all = doctor(&cli, 7, &[]);
    assert_eq!((&all["connectors"], &all["store"]["kind"]), (&json!([]), &json!("store")));
    let text = cli.fails(7, &["doctor"]).stdout_text();
    assert!(text.starts_with("STORE\n") && text.trim_end().ends_with("\nthe store does not open"), "{text}");
    let sarif = sarif(&cli, 7, &[]);
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "failed-store");
}

/// A connector that takes the machine's identity, in a program whose switch is `on`.
fn implicit(on: bool) -> Cli {
    let cli = cli();
    let settings = cli.connector_home().join("config.toml");
    std::fs::write(&settings, "implicit = true\n").expect("written");
    let here = ["register", "here", "--type", "aws", "--auth-method", "implicit", "--no-verify"];
    let endpoint = format!("endpoint_url={}", server(OK, DATA));
    cli.ok(&[&here[..], &["region=us-east-1", &endpoint, "--resource-type", "s3-bucket"]].concat());
    std::fs::write(&settings, format!("implicit = {on}\n")).expect("written");
    cli
}

/// S40: while the switch is off nothing of the surroundings is looked at.
#[test]
fn s40_a_switch_that_is_off_is_named() {
    let report = doctor(&implicit(false), 4, &["here"]);
    assert_eq!(outcome(&report, 0), ("fails", "switch"));
    let hint = &hop(&report, "switch")["error"]["hint"];
    assert!(hint.as_str().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")), "{hint}");
    assert_eq!(
        (hop(&report, "identity")["origins"].clone(), found(&report)),
        (json!([]), vec!["warning not-narrowed".to_owned()])
    );
}

/// S59: which place the identity came from, and what it hides.
#[test]
fn s59_the_place_that_won_is_named() {
    let secret = Canary::generate("environment");
    let cli = implicit(true).with_env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    let cli = cli.with_env("AWS_SECRET_ACCESS_KEY", secret.secret());
    let report = doctor(&cli, 0, &["here"]);
    let identity = hop(&report, "identity");
    let used: Vec<_> =
        identity["origins"].as_array().expect("places").iter().filter(|it| it["state"] == "used").collect();
    assert_eq!(used.len(), 1, "{identity:#}");
    let detail = identity["detail"].as_str().expect("text");
    assert!(detail.starts_with(used[0]["place"].as_str().expect("text")), "{identity:#}");
    assert_eq!(hop(&report, "switch")["state"], "good");
    assert!(finding(&report, "implicit-auth")["fix"].is_string());
    // It is where this very connector takes its identity from.
    assert_eq!(finding(&report, "shadowing-variable")["severity"], "note");
    let text = cli.ok(&["doctor", "here"]).stdout_text();
    assert!(text.contains(": used: "), "{text}");
    cli.assert_no_canary(&[secret]);
}

/// Nothing is set up where the method looks: that is the hop, and no call is made.
#[test]
fn without_any_identity_the_chain_ends_there() {
    let report = doctor(&implicit(true), 3, &["here"]);
    assert_eq!(outcome(&report, 0), ("fails", "identity"));
    assert!(hop(&report, "identity")["origins"].as_array().is_some_and(|it| it.len() > 1), "{report:#}");
}

#[test]
fn a_switch_that_nobody_needs_is_told() {
    let cli = cli_with_secret();
    register(&cli, "full", &server(OK, DATA));
    std::fs::write(cli.connector_home().join("config.toml"), "implicit = true\n").expect("written");
    assert_eq!(finding(&doctor(&cli, 0, &[]), "implicit-auth")["connector"], Value::Null);
    assert!(!found(&doctor(&cli, 0, &["full"])).contains(&"note implicit-auth".to_owned()));
    std::fs::write(cli.connector_home().join("config.toml"), "").expect("written");
    assert!(!found(&doctor(&cli, 0, &[])).contains(&"note implicit-auth".to_owned()));
}

#[test]
fn variables_that_shadow_are_named_where_they_matter() {
    let cli = cli_with_secret()
        .with_env("AWS_PROFILE", "other")
        .with_env("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere");
    assert_eq!(found(&doctor(&cli, 0, &[])), Vec::<String>::new(), "nobody issues anything");
    register(&cli, "full", &server(OK, DATA));
    let cli = cli.with_env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").with_env("AWS_REGION", "eu-west-1");
    let report = doctor(&cli, 0, &[]);
    let shadowing = finding(&report, "shadowing-variable");
    assert_eq!(
        shadowing["message"],
        "AWS_ACCESS_KEY_ID, AWS_PROFILE are set: programs take that in place of a credential of kind `aws` that they are given"
    );
    assert_eq!(
        found(&report).iter().filter(|it| it.ends_with("shadowing-variable")).count(),
        1,
        "not Google's"
    );
    // Within `connector exec`, the keys are ours.
    let within = cli.with_env("CONNECTOR_EXPIRES_AT", "2099-01-01T00:00:00Z");
    let message = finding(&doctor(&within, 0, &[]), "shadowing-variable")["message"].clone();
    assert!(message.as_str().is_some_and(|it| it.starts_with("AWS_PROFILE is set")), "{message}");
}

#[test]
fn a_docker_login_in_the_environment_shadows_registries() {
    let cli = cli_with_secret().with_env("DOCKER_AUTH_CONFIG", "{}");
    let words = ["register", "hub", "--type", "docker", "--auth-method", "password", "--no-verify"];
    cli.ok(&[&words[..], &["username=me", "password=env:SECRET", "registry=127.0.0.1:1"]].concat());
    let report = doctor(&cli, 6, &["hub"]);
    let message = &finding(&report, "shadowing-variable")["message"];
    assert!(message.as_str().is_some_and(|it| it.starts_with("DOCKER_AUTH_CONFIG is set")), "{message}");
    let password = finding(&report, "password-method");
    assert!(password["message"].as_str().is_some_and(|it| it.contains("access token")), "S22: {password}");
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
}

#[cfg(unix)]
fn write(path: &Path, text: &str, mode: u32) {
    std::fs::create_dir_all(path.parent().expect("in the home")).expect("made");
    std::fs::write(path, text).expect("written");
    chmod(path, mode);
}

/// The files of which something is said, by their names.
#[cfg(unix)]
fn files(report: &Value, rule: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("a list").iter().filter(|it| it["rule"] == rule);
    let names = findings
        .map(|it| Path::new(it["file"].as_str().expect("a path")).file_name().expect("a name").to_owned());
    names.map(|it| it.into_string().expect("text")).collect()
}

/// C30: files of ours and of the user's programs that others may read.
#[cfg(unix)]
#[test]
fn c30_files_that_others_may_read_are_named() {
    let cli = cli_with_secret();
    register(&cli, "full", &server(OK, DATA));
    let (home, own) = (cli.home(), cli.connector_home());
    chmod(&own, 0o700);
    let others = [
        (home.join(".aws/credentials"), "[default]\n"),
        (home.join(".kube/config"), "apiVersion: v1\n"),
        (home.join(".config/gcloud/application_default_credentials.json"), "{}"),
        (home.join(".azure/msal_token_cache.json"), "{}"),
        (
            home.join(".docker/config.json"),
            r#"{"auths":{"r.example.org":{"auth":"eDp5"},"s.example.org":{}}}"#,
        ),
    ];
    for (path, text) in &others {
        write(path, text, 0o600);
    }
    let closed = doctor(&cli, 0, &[]);
    assert_eq!(files(&closed, "readable-by-others"), Vec::<String>::new(), "{closed:#}");
    let plain = finding(&closed, "plain-login");
    assert_eq!(plain["message"], "the login of r.example.org lies in docker's settings in clear");

    others.iter().for_each(|(path, _)| chmod(path, 0o644));
    chmod(&own.join("store.db"), 0o640);
    chmod(&own.join("master.key"), 0o604);
    chmod(&own, 0o755);
    let open = doctor(&cli, 0, &[]);
    let names =
        ["master.key", "state", "store.db", "credentials", "config", "application_default_credentials.json"];
    let more = ["msal_token_cache.json", "config.json"];
    assert_eq!(files(&open, "readable-by-others"), [&names[..], &more].concat(), "{open:#}");
    assert_eq!(finding(&open, "readable-by-others")["severity"], "error", "the master key");
    // Of one connector what matters for it.
    let aws = doctor(&cli, 0, &["full"]);
    assert_eq!(files(&aws, "readable-by-others"), ["master.key", "state", "store.db", "credentials"]);
    // Who may only enter a directory sees nothing of it.
    chmod(&own, 0o711);
    assert!(!files(&doctor(&cli, 0, &[]), "readable-by-others").contains(&"state".to_owned()));
}

#[cfg(unix)]
#[test]
fn docker_settings_without_a_login_are_nobody_s_secret() {
    let cli = cli();
    let settings = r#"{"auths":{"r.example.org":{}},"credsStore":"desktop"}"#;
    write(&cli.home().join(".docker/config.json"), settings, 0o644);
    assert_eq!(found(&doctor(&cli, 0, &[])), Vec::<String>::new());
}

#[test]
fn a_cache_that_cannot_be_written_is_told() {
    let cli = cli_with_secret();
    register(&cli, "full", &server(OK, DATA));
    assert!(!found(&doctor(&cli, 0, &[])).contains(&"warning cache-not-writable".to_owned()));
    let cache = cli.connector_home().join("cache");
    let _ = std::fs::remove_dir_all(&cache);
    std::fs::write(&cache, "").expect("written");
    let report = doctor(&cli, 0, &[]);
    assert!(finding(&report, "cache-not-writable")["file"].as_str().is_some_and(|it| it.ends_with("cache")));
}

/// Findings about logins, but for programs that this machine may not have.
#[cfg(unix)]
fn of_logins(report: &Value) -> Vec<String> {
    let rules = ["login-", "helper-", "shadowing-", "logins-"];
    found(report).into_iter().filter(|it| rules.iter().any(|rule| it.contains(&format!(" {rule}")))).collect()
}

/// Whatever the provider says to this connector: a little AWS that knows no STS answers here.
#[cfg(unix)]
#[track_caller]
fn look(world: &World, arguments: &[&str]) -> Value {
    let finished = world.cli.run(&[&["doctor"][..], arguments, &["-o", "json"]].concat());
    let report = finished.json();
    check_shape(&report);
    report
}

#[cfg(unix)]
#[test]
fn logins_that_do_not_stand_any_more_are_told() {
    let world = World::new().with_helper();
    world.login("prod", &CLUSTER, &[]);
    world.login("prod", &REGISTRIES, &[]);
    assert_eq!(of_logins(&look(&world, &[])), Vec::<String>::new());

    // Choosing another context is what people do all day.
    let config = world.text(".kube/config");
    world.write(
        ".kube/config",
        &config.replace("\"current-context\": \"prod-demo\"", "\"current-context\": \"x\""),
    );
    world.write(".kube/config", &config.replace("current-context: prod-demo", "current-context: x"));
    assert_eq!(of_logins(&look(&world, &[])), Vec::<String>::new());

    world.write(".kube/config", &config.replace("https://demo.test", "https://other.test"));
    let report = look(&world, &["prod"]);
    assert_eq!(of_logins(&report), ["note login-changed"]);
    assert!(finding(&report, "login-changed")["message"].as_str().is_some_and(|it| it.contains("prod-demo")));
    world.write(".kube/config", "apiVersion: v1\n");
    assert!(of_logins(&look(&world, &[])).contains(&"warning login-changed".to_owned()));
    world.write(".kube/config", "a: [\n");
    assert!(of_logins(&look(&world, &[])).contains(&"warning login-changed".to_owned()));

    // The program was moved.
    let binary = world.cli.binary().display().to_string();
    world.write(".kube/config", &config.replace(&binary, "/nowhere/connector"));
    let report = look(&world, &[]);
    let missing = finding(&report, "helper-not-found");
    assert!(missing["message"].as_str().is_some_and(|it| it.contains("/nowhere/connector")), "{missing}");
    world.write(".kube/config", &config);

    std::fs::remove_file(world.file("bin/docker-credential-connector")).expect("removed");
    let report = look(&world, &[]);
    let missing = finding(&report, "helper-not-found");
    assert!(missing["fix"].as_str().is_some_and(|it| it.contains("ln -s")), "{missing}");
}

#[cfg(unix)]
#[test]
fn logins_that_their_programs_do_not_see_are_told() {
    let world = World::new().with_helper();
    world.login("prod", &CLUSTER, &[]);
    world.login("prod", &REGISTRIES, &[]);
    world.write("other/config", "apiVersion: v1\n");
    let (config, other) = (world.file(".kube/config"), world.file("other/config"));
    let list = |paths: &[&Path]| std::env::join_paths(paths).expect("a list");
    let World { server, cli } = world;
    let world = World { server, cli: cli.with_env("KUBECONFIG", list(&[&other, &config])) };
    assert_eq!(of_logins(&look(&world, &[])), Vec::<String>::new(), "it is among them");
    let World { server, cli } = world;
    let cli = cli.with_env("KUBECONFIG", list(&[&other])).with_env("DOCKER_CONFIG", "/nowhere");
    let world = World { server, cli };
    let report = look(&world, &["prod"]);
    assert_eq!(of_logins(&report), ["warning shadowing-variable", "warning shadowing-variable"]);
    let text = report["findings"].to_string();
    assert!(
        text.contains("KUBECONFIG names another file") && text.contains("DOCKER_CONFIG names another file")
    );
}

#[cfg(unix)]
#[test]
fn logins_of_nobody_and_a_journal_of_nothing_are_told() {
    let world = World::new().with_helper();
    world.login("prod", &CLUSTER, &[]);
    world.cli.ok(&["delete", "prod"]);
    let report = look(&world, &[]);
    assert_eq!(of_logins(&report), ["warning login-without-connector"]);
    let fix = &finding(&report, "login-without-connector")["fix"];
    assert!(fix.as_str().is_some_and(|it| it.contains("connector logout prod")), "{fix}");
    std::fs::write(world.cli.connector_home().join("logins.json"), "{").expect("written");
    assert_eq!(of_logins(&look(&world, &[])), ["error logins-unreadable"]);
}

#[test]
fn strict_fails_for_findings_when_nothing_else_failed() {
    let cli = cli_with_secret();
    register(&cli, "full", &server(OK, DATA));
    let error = cli.error(1, &["doctor", "--strict"]);
    assert_eq!(error["message"], "there are findings: 1 warning");
    cli.ok(&["disable", "full"]);
    assert_eq!(doctor(&cli, 1, &["--strict"])["summary"]["failures"], 0, "the finding is still there");
    register(&cli, "down", "http://127.0.0.1:1");
    doctor(&cli, 6, &["--strict"]);
    // Notes are none of its business.
    let quiet = super::cli();
    std::fs::write(quiet.connector_home().join("config.toml"), "implicit = true\n").expect("written");
    assert_eq!(found(&doctor(&quiet, 0, &["--strict"])), ["note implicit-auth"]);
}

#[test]
fn the_policy_on_lives_is_an_option() {
    let cli = cli_with_secret();
    super::register(&cli, "prod", &["--duration", "2h", "endpoint_url=http://127.0.0.1:1"]);
    let long =
        |more: &[&str]| found(&doctor(&cli, 6, more)).contains(&"warning lifetime-over-policy".to_owned());
    assert!(!long(&[]) && !long(&["--max-lifetime", "2h"]) && long(&["--max-lifetime", "119m"]));
    cli.fails(2, &["doctor", "--max-lifetime", "0"]);
    cli.fails(2, &["doctor", "--max-lifetime", "soon"]);
}

/// A file that is meant to be seen by all is still written by nobody: what is found is told, and nothing is mended.
#[cfg(unix)]
#[test]
fn nothing_is_changed_and_nothing_is_issued() {
    let cli = cli_with_secret();
    register(&cli, "full", &server(OK, DATA));
    let key = cli.connector_home().join("master.key");
    chmod(&key, 0o644);
    let before = (cli.json(&["describe", "full"]), cli.json(&["audit"]));
    doctor(&cli, 0, &[]);
    doctor(&cli, 0, &["full"]);
    assert_eq!((cli.json(&["describe", "full"]), cli.json(&["audit"])), before);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o644);
}

/// C10: whatever fails, no secret is in what is said, in any form.
#[test]
fn c10_no_secret_is_in_what_is_said() {
    let secret = Canary::generate("stored");
    let cli = cli().with_env("SECRET", secret.secret());
    register(&cli, "denied", &server("403 Forbidden", DENIED));
    register(&cli, "full", &server(OK, DATA));
    for arguments in
        [&["doctor"][..], &["doctor", "-o", "json"], &["doctor", "-o", "yaml"], &["doctor", "--sarif"]]
    {
        cli.fails(4, arguments);
        cli.fails(4, &[arguments, &["-vv"]].concat());
    }
    cli.assert_no_canary(&[secret]);
}

#[track_caller]
fn sarif(cli: &Cli, code: i32, arguments: &[&str]) -> Value {
    let log = cli.fails(code, &[&["doctor", "--sarif"][..], arguments].concat()).json();
    check_sarif(&log);
    log
}

/// What SARIF 2.1.0 asks of a log, as far as this one has it.
#[track_caller]
fn check_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().is_some_and(|it| it.contains("sarif") && it.contains("2.1.0")));
    assert_eq!(log.as_object().map(serde_json::Map::len), Some(3), "schema, version, runs");
    let [run] = log["runs"].as_array().expect("runs").as_slice() else { panic!("one run: {log:#}") };
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string() && driver["version"].is_string());
    let rules = driver["rules"].as_array().expect("rules");
    let levels = ["none", "note", "warning", "error"];
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(rule[text]["text"].as_str().is_some_and(|it| !it.is_empty()), "{rule:#}");
        }
        assert!(
            levels.contains(&rule["defaultConfiguration"]["level"].as_str().expect("a word")),
            "{rule:#}"
        );
        assert!(rule.get("helpUri").is_none());
    }
    let marks = |it: &Value| it["partialFingerprints"].to_string();
    let results = run["results"].as_array().expect("results");
    let distinct: std::collections::BTreeSet<String> = results.iter().map(marks).collect();
    assert_eq!(distinct.len(), results.len(), "each is another one: {distinct:#?}");
    for result in results {
        let at = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small");
        assert_eq!(result["ruleId"], rules[at]["id"], "{result:#}");
        assert!(levels.contains(&result["level"].as_str().expect("a word")), "{result:#}");
        assert!(result["message"]["text"].as_str().is_some_and(|it| !it.is_empty()), "{result:#}");
        for (_, fingerprint) in result["partialFingerprints"].as_object().expect("an object") {
            assert!(fingerprint.is_string(), "{result:#}");
        }
        // Code scanning refuses the whole log for one result without a place, or with one that is in no file.
        let locations = result["locations"].as_array().expect("places");
        assert_eq!(locations.len(), 1, "{result:#}");
        for location in locations {
            let logical = location["logicalLocations"].as_array();
            let uri = location["physicalLocation"]["artifactLocation"]["uri"].as_str();
            assert!(uri.is_some(), "{result:#}");
            for it in logical.into_iter().flatten() {
                let words = ["name", "fullyQualifiedName", "kind"];
                assert!(words.iter().all(|word| it[*word].is_string()), "{result:#}");
            }
            let is_plain = |it: u8| it.is_ascii_graphic() && !b"\"<>\\^`{|} ".contains(&it);
            assert!(uri.is_none_or(|it| !it.is_empty() && it.bytes().all(is_plain)), "{result:#}");
        }
    }
}

#[test]
fn pipelines_are_given_sarif() {
    let cli = cli_with_secret();
    register(&cli, "down", "http://127.0.0.1:1");
    register(&cli, "off", "http://127.0.0.1:1");
    cli.ok(&["disable", "off"]);
    let docker = cli.home().join(".docker");
    std::fs::create_dir(&docker).expect("made");
    std::fs::write(docker.join("config.json"), r#"{"auths":{"r.example.org":{"auth":"eDp5"}}}"#)
        .expect("written");
    let log = sarif(&cli, 6, &[]);
    let results = log["runs"][0]["results"].as_array().expect("results").clone();
    let of = |rule: &str| results.iter().find(|it| it["ruleId"] == rule).cloned().unwrap_or_default();
    let reach = of("failed-reach");
    assert_eq!(reach["level"], "error");
    let place = &reach["locations"][0]["logicalLocations"][0];
    assert_eq!((&place["name"], &place["fullyQualifiedName"]), (&json!("down"), &json!("down/reach")));
    assert!(reach["message"]["text"].as_str().is_some_and(|it| it.contains("\nfix: ")), "{reach:#}");
    assert_eq!(of("failed-state")["level"], "note", "its owner wants it so");
    // The tests run in the user's home, so that a file there has a relative name, as in a checkout.
    let store = &reach["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(store.as_str().is_some_and(|it| it.ends_with("store.db")), "{store}");
    let file = &of("plain-login")["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(file, ".docker/config.json");
    assert_eq!(sarif(&cli, 5, &["off"])["runs"][0]["results"][0]["level"], "error", "it was asked for");
    // The data is SARIF whatever form is set up, and the error is beside it.
    let other = cli.fails(6, &["doctor", "--sarif", "-o", "json"]);
    check_sarif(&other.json());
    check_error(&other, 6);
}

#[test]
fn help_has_examples() {
    let help = cli().ok(&["doctor", "--help"]).stdout_text();
    for part in
        ["connector doctor prod", "--sarif", "--strict", "--max-lifetime", "[default: 12h]", "metadata"]
    {
        assert!(help.contains(part), "{part} in\n{help}");
    }
}
