//! Keys and logins: taken over, changed, refused.

use std::fs;
use std::time::Duration;

use connector_tests::cli::Cli;
use connector_tests::strict_aws::Issuer;
use connector_tests::strict_google::{PROJECT, PROJECT_NUMBER};
use connector_tests::{process, skip};
use serde_json::{Value, json};

use super::{BUCKET, QUIET, Stage, WHOLE, is_there};

/// Whose token the connector issues for the bucket.
fn owner(stage: &Stage, name: &str) -> String {
    let issued = stage.cli.json(&[&["issue", name][..], &BUCKET].concat());
    assert_eq!((&issued["narrowed"], &issued["long_lived"]), (&true.into(), &false.into()), "{issued}");
    stage.owner(issued["secret"]["access_token"].as_str().expect("a token"))
}

/// S45: the variable names a file of any kind; each becomes the method for it, and is not needed afterwards.
#[test]
fn s45_files_of_every_kind_are_taken_over_from_the_variable() {
    let stage = Stage::empty(Cli::new());
    let google = &stage.google;
    let client = google.add_client();
    let issuer = Issuer::rs256("https://issuer.test");
    let audience = google.add_provider("pool", "oidc", &issuer);
    let of_elsewhere = google.token_of(&issuer, "me", &audience, Duration::from_secs(3600));
    let of_elsewhere = json!({ "file": stage.write("token", &of_elsewhere) });
    let alice = google.authorized_user_json(&client, "alice@example.com");
    for who in ["alice@example.com", "principalSet://*"] {
        google.grant(who, "roles/storage.admin", WHOLE);
    }
    for (name, text, method) in [
        ("key", google.key_json(&stage.robot), "service-account"),
        ("person", alice, "user-account"),
        ("elsewhere", google.external_account_json(&audience, &of_elsewhere, None), "external-account"),
    ] {
        let (file, url) = (stage.write("credentials.json", &text), stage.endpoint());
        let words = ["register", name, "--type", "gcp", "--auto-configure", "--project", "strict-project"];
        let words = [&words[..], &[&url, "--resource-type", "gcs-bucket", "-o", "json"]].concat();
        let mut command = stage.cli.command(&words);
        let told = process::run(command.env("GOOGLE_APPLICATION_CREDENTIALS", &file)).expect_success().json();
        assert_eq!(told["found"]["method"], method, "{told}");
        assert!(told["found"]["where"].to_string().contains("GOOGLE_APPLICATION_CREDENTIALS"), "{told}");
        fs::remove_file(file).expect("there");
        let expected = match name {
            "key" => stage.robot.clone(),
            "person" => "alice@example.com".to_owned(),
            _ => format!("{}/subject/me", pool(&audience)),
        };
        assert_eq!(owner(&stage, name), expected);
    }
    stage.assert_no_key();
}

fn pool(audience: &str) -> String {
    let (pool, _) = audience.split_once("/providers/").expect("an audience");
    format!("principal:{pool}")
}

/// S41: gcloud's own login, as the real gcloud has left it, is lifted into the connector: gcloud may go.
#[test]
fn s41_the_login_of_gcloud_is_taken_over() {
    let test = "s41_the_login_of_gcloud_is_taken_over";
    if !is_there("gcloud") {
        return skip::skip(test, "gcloud is not installed");
    }
    let stage = Stage::empty(Cli::new());
    let key = stage.write("key.json", &stage.google.key_json(&stage.robot));
    let mut gcloud = process::isolated("gcloud", &stage.cli.home());
    gcloud.args(["auth", "activate-service-account", "--key-file", &key, "--project", PROJECT]).envs(QUIET);
    process::run(&mut gcloud).expect_success();
    fs::remove_file(key).expect("there");
    let (url, words) = (stage.endpoint(), ["register", "mine", "--type", "gcp", "--auto-configure"]);
    let told = stage.cli.json(&[&words[..], &[&url]].concat());
    // gcloud's file names no project; its configuration does.
    assert_eq!(told["connector"]["config"]["project_id"], PROJECT, "{told}");
    let found = &told["found"];
    assert_eq!(found["method"], "service-account", "{told}");
    assert!(found["where"].to_string().contains("gcloud's configuration `default`"), "{told}");
    fs::remove_dir_all(stage.cli.home().join(".config")).expect("gcloud's folder");
    assert_eq!(owner(&stage, "mine"), stage.robot);
    stage.assert_no_key();
}

/// S41: a configuration of gcloud is named by `--profile`, whichever is active; one that is not there is an error, and
/// where nothing is found it is told where was looked.
#[test]
fn s41_a_configuration_of_gcloud_is_named_by_its_profile() {
    let stage = Stage::empty(Cli::new());
    let url = stage.endpoint();
    let register = |more: &[&str]| {
        let words = ["register", "mine", "--type", "gcp", "--auto-configure", &url, "-o", "json"];
        stage.cli.run(&[&words[..], more].concat())
    };
    let nothing = register(&[]);
    for says in
        ["found no way", "nothing in the environment variables", "CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS"]
    {
        assert!(!nothing.success() && nothing.stderr_text().contains(says), "{says}: {nothing:?}");
    }
    let folder = ".config/gcloud";
    stage.write(&format!("{folder}/active_config"), "default");
    stage.write(&format!("{folder}/configurations/config_default"), "[core]\naccount = me@example.com\n");
    let named = format!("[core]\naccount = {}\nproject = {PROJECT}\n", stage.robot);
    stage.write(&format!("{folder}/configurations/config_work"), &named);
    let key = stage.google.key_json(&stage.robot);
    let login = stage.write(&format!("{folder}/legacy_credentials/{}/adc.json", stage.robot), &key);
    assert!(!register(&[]).success(), "nobody is logged in as who is active");
    let missing = register(&["--profile", "other"]);
    assert!(missing.stderr_text().contains("no configuration of this name"), "{missing:?}");
    let told = register(&["--profile", "work"]).expect_success().json();
    assert!(told["found"]["where"].to_string().contains("gcloud's configuration `work`"), "{told}");
    fs::remove_file(login).expect("there");
    assert_eq!(owner(&stage, "mine"), stage.robot);
    stage.assert_no_key();
}

/// S41: the identity of the machine is used where that is switched on, and not looked at where it is not.
#[test]
fn s41_the_identity_of_the_machine_is_taken_where_it_is_switched_on() {
    let stage = Stage::empty(Cli::new());
    stage.google.set_machine_account(&stage.robot);
    let host = stage.google.metadata_host();
    let run = |on: &str, words: &[&str]| {
        let mut command = stage.cli.command(words);
        command.env("GCE_METADATA_HOST", &host).env("GCE_METADATA_IP", &host);
        process::run(command.env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", on))
    };
    let url = stage.endpoint();
    let register =
        ["register", "vm", "--type", "gcp", "--auto-configure", "--resource-type", "gcs-bucket", &url];
    let off = run("false", &register);
    assert!(!off.success() && off.stderr_text().contains("found no way to authenticate"), "{off:?}");
    assert_eq!(stage.google.calls().count(), 0, "switched off, nobody is asked");
    run("true", &register).expect_success();
    let issue = [&["issue", "vm", "-o", "json"][..], &BUCKET].concat();
    let issued = run("true", &issue).expect_success().json();
    assert_eq!(stage.owner(issued["secret"]["access_token"].as_str().expect("a token")), stage.robot);
    assert!(!run("false", &issue).success(), "switched off again");
}

/// Invariant 9: with a key that does not work nothing is stored; what is wrong is told, and quoted nowhere.
#[test]
fn a_wrong_key_leaves_nothing_stored() {
    let stage = Stage::empty(Cli::new());
    let other = stage.google.add_service_account("other");
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let good = stage.google.key_json(&stage.robot);
    let with = |field: &str, value: Value| {
        let mut key = parsed(&good);
        key[field] = value;
        key.to_string()
    };
    let pem = parsed(&good)["private_key"].as_str().expect("a key").to_owned();
    for (key, says) in [
        (with("private_key", parsed(&stage.google.key_json(&other))["private_key"].clone()), "private key"),
        (with("private_key", pem[..pem.len() / 2].into()), "the key was cut off"),
        (with("private_key", Value::Null), "private_key"),
        (
            with("client_email", "nobody@strict-project.iam.gserviceaccount.com".into()),
            "no such service account",
        ),
        (with("type", "authorized_user".into()), "service account"),
        (good[..good.len() / 2].to_owned(), "JSON"),
        (String::new(), "service_account_json"),
    ] {
        let ended = stage.register("wrong", &key);
        assert!(!ended.success() && ended.stderr_text().contains(says), "{says}: {ended:?}");
        assert_eq!(stage.cli.json(&["list"]), json!([]), "{says}");
    }
    stage.assert_no_key();
}

/// A key is exchanged for the next one: at once, and not for one that does not work.
#[test]
fn a_key_is_exchanged_for_the_next_one() {
    let stage = Stage::new();
    let issue = || stage.cli.run(&[&["issue", "prod"][..], &BUCKET].concat());
    assert_eq!(owner(&stage, "prod"), stage.robot);
    stage.google.remove_keys(&stage.robot);
    let (next, other) = (stage.google.key_json(&stage.robot), stage.google.add_service_account("other"));
    let mut wrong: Value = serde_json::from_str(&next).expect("JSON");
    let of_other: Value = serde_json::from_str(&stage.google.key_json(&other)).expect("JSON");
    wrong["private_key"] = of_other["private_key"].clone();
    let update = |text: &str| {
        let file = stage.write("next.json", text);
        let ended = stage.cli.run(&["update", "prod", &format!("service_account_json=@{file}")]);
        fs::remove_file(file).expect("there");
        ended
    };
    let refused = update(&wrong.to_string());
    assert!(!refused.success() && refused.stderr_text().contains("private key"), "{refused:?}");
    assert_eq!(stage.cli.json(&["describe", "prod"])["version"], 1);
    stage.mints();
    issue().expect_success();
    assert_eq!(stage.mints(), 0, "the old version's token is still good, and cached");
    update(&next).expect_success();
    assert_eq!(stage.cli.json(&["describe", "prod"])["version"], 2);
    stage.mints();
    issue().expect_success();
    assert_eq!(stage.mints(), 1, "nothing of the old version is used");
    stage.assert_no_key();
}

/// S9: who has to get a file first is told how.
#[test]
fn s9_the_catalogue_tells_how_to_get_the_files() {
    let cli = Cli::new();
    let text = cli.ok(&["describe-type", "gcp", "--auth-method", "user-account"]).stdout_text();
    // It is wrapped for the terminal.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in ["client_secrets_json", "Credentials > OAuth client ID (Desktop app", "Download JSON"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// A secret's value is read by who may, as it is; who may not is told which permission is missing.
#[test]
fn a_secret_is_read_and_its_value_shown_nowhere_else() {
    let stage = Stage::new();
    let secret = stage.google.add_secret("db", "hunter2-hunter2\n");
    let ended = stage.cli.fails(4, &["read-secret", "prod", "db"]);
    assert!(ended.stderr_text().contains("secretmanager.versions.access"), "{ended:?}");
    stage.google.grant(&stage.robot, "roles/secretmanager.secretAccessor", &secret);
    let read = process::run(&mut stage.cli.command(&["read-secret", "prod", "db"])).expect_success();
    assert_eq!(read.stdout_text(), "hunter2-hunter2\n");
    // As the console shows it: by the project's number, which the account may look at.
    let numbered = format!("projects/{PROJECT_NUMBER}/secrets/db");
    let by_number =
        process::run(&mut stage.cli.command(&["read-secret", "prod", &numbered])).expect_success();
    assert_eq!(by_number.stdout_text(), read.stdout_text());
    let elsewhere = stage.cli.fails(2, &["read-secret", "prod", "projects/999999999999/secrets/db"]);
    assert!(elsewhere.stderr_text().contains("another project than the connector"), "{elsewhere:?}");
    let missing = stage.cli.run(&["read-secret", "prod", "nothing"]);
    assert!(!missing.success() && missing.stderr_text().contains("nothing"), "{missing:?}");
    stage.cli.ok(&["audit"]);
    stage.assert_no_key();
}
