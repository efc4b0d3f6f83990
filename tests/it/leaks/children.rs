//! Arguments and environments of child processes, as they recorded them themselves.

use connector_tests::keys::Keys;
use connector_tests::strict_aws::Role;
use serde_json::json;

use super::watch::{Class, Watch};

fn printed(keys: &Keys) -> String {
    json!({"Version": 1, "AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key})
        .to_string()
}

/// A profile that names a recorder as its `credential_process`, which prints `output`; and a connector of it.
fn by_process(watch: &Watch, output: &str, code: u8) -> connector_tests::process::Finished {
    let program = watch.recorder("process", output, code);
    let folder = watch.cli.home().join(".aws");
    std::fs::create_dir_all(&folder).expect("the home is ours");
    let config =
        format!("[default]\nregion = us-east-1\ncredential_process = {} --flag\n", program.display());
    std::fs::write(folder.join("config"), config).expect("the home is ours");
    let role = watch.server.add_role(Role::named("reader").trusting_user("alice"));
    let config =
        [watch.place(), vec!["profile_name=default".to_owned(), format!("role_arn={role}")]].concat();
    watch.register("process", "implicit", &config, &["--allow", "exec", "--resource-type", "aws-generic"])
}

fn implicit(master_key: &str) -> Watch {
    Watch::with(|cli| {
        let cli = cli.with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true");
        cli.with_env("CONNECTOR_MASTER_KEY", master_key).with_env("AN_UNRELATED_VARIABLE", "seen")
    })
}

/// C20, C10: a `credential_process` gets its own words and nothing of what opens the store, and what it prints
/// shows nowhere.
#[test]
fn c20_c10_a_credential_process_gets_no_secret_and_its_output_shows_nowhere() {
    let key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=";
    let watch = implicit(key);
    let alice = watch.user("alice");
    by_process(&watch, &printed(&alice), 0).expect_success();
    let generic = ["--resource-type", "aws-generic"];
    watch.cli.json(&["issue", "process", generic[0], generic[1]]);
    watch.cli.ok(&["explain", "process", generic[0], generic[1]]);
    watch.cli.ok(&["helper", "aws", "process", generic[0], generic[1]]);

    assert!(watch.recorded("process.own.cmdline").ends_with("--flag\n"), "it ran, with its own words");
    let environment = watch.recorded("process.own.environ");
    assert!(environment.contains("HOME=") && !environment.contains("AN_UNRELATED_VARIABLE"), "{environment}");
    let parent = watch.recorded("process.parent.environ");
    assert!(parent.contains("AN_UNRELATED_VARIABLE"), "the parent is the program itself");
    std::fs::remove_file(watch.cli.home().join("recorded/process.parent.environ")).expect("it was just read");
    watch.watch_master_key(key);
    watch.assert_clean();
}

/// C20, C11: what a `credential_process` prints when it fails is quoted nowhere.
#[test]
fn c20_c11_the_output_of_a_failing_process_is_not_quoted() {
    for (output, code) in [
        ("Version 1 but SECRET is no JSON", 0),
        (r#"{"Version": 2, "SecretAccessKey": "SECRET"}"#, 0),
        (r#"{"Version": 1, "AccessKeyId": "SECRET"}"#, 0),
        (r#"{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "SECRET", "Expiration": "SECRET"}"#, 0),
        ("SECRET", 3),
    ] {
        let watch = implicit("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=");
        let alice = watch.user("alice");
        let failed = by_process(&watch, &output.replace("SECRET", &alice.secret_access_key), code);
        assert!(!failed.success(), "{output}: {failed:?}");
        let asked = ["register", "x", "--type", "aws", "--auto-configure", "-o", "json"];
        watch.cli.run(&asked);
        watch.assert_clean();
    }
}

/// C10: neither the arguments nor the environment of what `exec` becomes hold what the connector keeps.
#[test]
fn c10_exec_gives_its_program_the_issued_credential_alone() {
    let watch = Watch::new();
    let alice = watch.user("alice");
    watch.role_connector(&alice);
    let target = watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    let bucket = ["--resource-type", "s3-bucket", "--resource-id", "data"];
    watch.cli.ok(&[&["exec", "data"][..], &bucket, &["--", target, "word"]].concat());
    assert!(watch.recorded("exec-target.own.cmdline").ends_with("word\n"));
    let environment = watch.recorded("exec-target.own.environ");
    let issued = watch.server.issued();
    let given =
        |keys: &Keys| environment.contains(&format!("AWS_SECRET_ACCESS_KEY={}\n", keys.secret_access_key));
    assert_eq!(issued.iter().filter(|keys| given(keys)).count(), 1, "one of all that were issued");
    watch.assert_clean();
    // One that may not be there is found.
    watch.watch_keys(Class::Kept, "nobody", issued.iter().find(|keys| given(keys)).expect("counted above"));
    assert!(watch.leaks().iter().all(|it| it.place.ends_with("exec-target.own.environ")));
    assert!(!watch.leaks().is_empty());
}

/// C10, S31: beside an agent, the program's environment holds nothing that was issued either.
#[test]
fn c10_exec_with_an_agent_gives_its_program_no_credential() {
    let watch = Watch::new();
    let alice = watch.user("alice");
    watch.role_connector(&alice);
    let target = watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    let bucket = ["--resource-type", "s3-bucket", "--resource-id", "data"];
    watch.cli.ok(&[&["exec", "--agent", "data"][..], &bucket, &["--", target, "word"]].concat());
    assert!(watch.recorded("exec-target.own.cmdline").ends_with("word\n"));
    let environment = watch.recorded("exec-target.own.environ");
    assert!(environment.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI="), "{environment}");
    let issued = watch.server.issued();
    assert!(!issued.is_empty());
    for keys in &issued {
        assert!(!environment.contains(&keys.secret_access_key) && !environment.contains(&keys.access_key_id));
    }
    watch.assert_clean();
}
