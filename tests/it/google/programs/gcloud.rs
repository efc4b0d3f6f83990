//! gcloud: with a configuration of its own, and with the variables of one command.

use std::fs;

use connector_tests::cli::Cli;
use connector_tests::fault::Fault;
use connector_tests::{process, skip};

use super::{BUCKET, QUIET, Stage, is_there};

/// A stage whose program is started with what keeps gcloud quiet, or a loud skip.
fn stage(test: &str) -> Option<Stage> {
    if !is_there("gcloud") {
        skip::skip(test, "gcloud is not installed");
        return None;
    }
    let cli = QUIET.into_iter().fold(Cli::new(), |cli, (name, value)| cli.with_env(name, value));
    Some(Stage::with(cli))
}

/// S47: `login` gives gcloud a configuration of its own, in which the real gcloud works; nothing that was there is
/// touched, and `logout` leaves no trace.
#[test]
fn s47_gcloud_works_in_a_configuration_of_its_own() {
    let test = "s47_gcloud_works_in_a_configuration_of_its_own";
    let Some(stage) = stage(test) else { return };
    let folder = stage.cli.home().join(".config/gcloud");
    fs::create_dir_all(folder.join("configurations")).expect("the home is ours");
    let mine = "[core]\naccount = me@example.com\nproject = mine-project\n";
    for (name, text) in [("configurations/config_default", mine), ("active_config", "default")] {
        fs::write(folder.join(name), text).expect("the home is ours");
    }
    let login = ["login", "prod", "--resource-type", "gcs-bucket", "--resource-id", "data"];
    let told = stage.cli.json(&login);
    assert_eq!((&told["name"], &told["kind"]), (&"connector-prod".into(), &"gcp".into()), "{told}");
    assert!(told["expires_at"].is_string(), "{told}");
    let path = told["files"][0]["path"].as_str().expect("a file").to_owned();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).expect("the token's file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let listed = stage.gcloud(&["--configuration", "connector-prod", "storage", "ls", "gs://data/a/"]);
    assert!(listed.expect_success().stdout_text().contains("gs://data/a/1.txt"));
    let beside = stage.gcloud(&["--configuration", "connector-prod", "storage", "ls", "gs://data2/"]);
    assert!(!beside.success() && beside.stderr_text().contains("does not have permission"), "{beside:?}");
    assert_eq!(fs::read_to_string(folder.join("active_config")).expect("there"), "default");
    stage.cli.ok(&login);
    stage.cli.ok(&["logout", "prod"]);
    assert!(
        !std::path::Path::new(&path).exists()
            && !folder.join("configurations/config_connector-prod").exists()
    );
    assert_eq!(fs::read_to_string(folder.join("configurations/config_default")).expect("there"), mine);
}

/// A part of a bucket is listed by the pattern that the login tells, and nothing beside it; of the folder's name alone
/// gcloud makes a look at what lies beside, which the token is not for.
#[test]
fn s53_gcloud_lists_a_part_of_a_bucket_as_the_login_tells() {
    let test = "s53_gcloud_lists_a_part_of_a_bucket_as_the_login_tells";
    let Some(stage) = stage(test) else { return };
    let told =
        stage.cli.json(&["login", "prod", "--resource-type", "gcs-bucket", "--resource-id", "gs://data/a/"]);
    let usage = told["use"].as_str().unwrap_or_default();
    assert!(usage.starts_with("gcloud --configuration connector-prod storage ls 'gs://data/a/**'"), "{told}");
    let ls = |what| stage.gcloud(&["--configuration", "connector-prod", "storage", "ls", what]);
    assert_eq!(ls("gs://data/a/**").expect_success().stdout_text(), "gs://data/a/1.txt\n");
    for beside in ["gs://data/ab/**", "gs://data/a/", "gs://data", "gs://data2/**", "gs://"] {
        assert!(!ls(beside).success(), "{beside}");
    }
}

/// S45, S53: one command gets a token, whoever else is logged in; it is narrowed, and ends.
#[test]
fn s45_s53_gcloud_runs_with_the_variables_of_exec_and_env() {
    let test = "s45_s53_gcloud_runs_with_the_variables_of_exec_and_env";
    let Some(stage) = stage(test) else { return };
    let other = stage.google.add_service_account("other");
    let key = stage.write("other.json", &stage.google.key_json(&other));
    let exec = |words: &[&str]| {
        let mut command = stage.cli.command(&[&["exec", "prod"], &BUCKET[..], &["--"], words].concat());
        command.env("GOOGLE_APPLICATION_CREDENTIALS", &key);
        command.env("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", &key);
        process::run(&mut command)
    };
    let token = exec(&["gcloud", "auth", "print-access-token"]).expect_success().stdout_text();
    assert_eq!(stage.owner(&token), stage.robot);
    assert!(stage.google.is_narrowed(token.trim()));
    let listed = exec(&["gcloud", "storage", "ls", "gs://data"]).expect_success();
    assert!(listed.stdout_text().contains("gs://data/a/"), "{listed:?}");
    let beside = exec(&["gcloud", "storage", "ls", "gs://data2"]);
    assert!(!beside.success() && beside.stderr_text().contains("does not have permission"), "{beside:?}");

    let set = stage.cli.ok(&[&["env", "prod"][..], &BUCKET].concat()).stdout_text();
    let mut shell = process::isolated("sh", &stage.cli.home());
    shell.envs(QUIET).env("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", &key);
    shell.args(["-c", &format!("{set}\ngcloud auth print-access-token")]);
    assert_eq!(process::run(&mut shell).expect_success().stdout_text(), token, "from the cache");
}

/// C30: the token of a login lies in a closed file in a folder of the user's own, made anew each time and never open in
/// between; the settings hold its path alone. After `logout` it is gone.
#[cfg(unix)]
#[test]
fn c30_the_token_of_a_login_is_in_a_closed_file_until_logout() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let stage = Stage::new();
    let login = [&["login", "prod"][..], &BUCKET, &["-o", "json"]].concat();
    let told = stage.cli.ok(&login).json();
    let path = std::path::PathBuf::from(told["files"][0]["path"].as_str().expect("a file"));
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let folder = path.parent().expect("a folder");
    assert!(path.starts_with(stage.cli.connector_home()));
    assert_eq!((mode(&path), mode(folder)), (0o600, 0o700));
    let token = fs::read_to_string(&path).expect("there");
    assert_eq!(stage.owner(&token), stage.robot);
    let settings = stage.cli.home().join(".config/gcloud/configurations/config_connector-prod");
    let text = fs::read_to_string(&settings).expect("there");
    assert!(text.contains(path.to_str().expect("text")) && !text.contains(token.trim()), "{text}");

    // Somebody opened it: what is written next is closed again, and no one who holds the old one reads it.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
    let before = fs::metadata(&path).expect("there").ino();
    stage.cli.ok(&["cache", "clear"]);
    stage.cli.ok(&login);
    assert_eq!(mode(&path), 0o600);
    assert_ne!(fs::metadata(&path).expect("there").ino(), before, "a new file in place of the old one");
    assert_ne!(fs::read_to_string(&path).expect("there"), token);
    stage.cli.ok(&["logout", "prod"]);
    assert!(!path.exists() && !settings.exists());
    assert_eq!(fs::read_dir(folder).map(Iterator::count).unwrap_or_default(), 0, "nothing is left beside it");
}

/// Whatever keeps a login from being written, nothing of it is left, and the token's file least of all.
#[test]
fn a_login_for_gcloud_that_cannot_be_written_leaves_nothing() {
    let stage = Stage::new();
    let login = [&["login", "prod"][..], &BUCKET].concat();
    let left = || fs::read_dir(stage.cli.connector_home().join("gcloud")).into_iter().flatten().count();

    let file = ".config/gcloud/configurations/config_connector-prod";
    for (somebodys, says) in [
        ("[core]\naccount = me@example.com\n", "has a [core] that is not from this connector"),
        ("[core\n", "without its `]`"),
    ] {
        let path = stage.write(file, somebodys);
        let ended = stage.cli.fails(2, &login);
        assert!(ended.stderr_text().contains(says), "{ended:?}");
        assert_eq!((fs::read_to_string(path).expect("there"), left()), (somebodys.to_owned(), 0));
    }
    fs::remove_file(stage.cli.home().join(file)).expect("there");

    let no_folder = stage.write("no-folder", "");
    let ended = process::run(stage.cli.command(&login).env("CLOUDSDK_CONFIG", format!("{no_folder}/gcloud")));
    assert!(!ended.success() && ended.stderr_text().contains("nothing was changed"), "{ended:?}");
    assert_eq!(left(), 0);

    let elsewhere = stage.cli.home().join("elsewhere");
    process::run(stage.cli.command(&login).env("CLOUDSDK_CONFIG", &elsewhere)).expect_success();
    assert!(elsewhere.join("configurations/config_connector-prod").is_file());
    assert_eq!(left(), 1);
    stage.cli.ok(&["logout", "prod"]);
    assert_eq!(left(), 0);
}

/// A token of which nobody knows the end, as at a server that tells nothing of tokens, is written into no file; the hint
/// says what helps.
#[test]
fn a_token_without_an_end_is_no_login() {
    let stage = Stage::new();
    stage.google.faults().on(None, Fault::Status(404, None), |call| call.path == "/tokeninfo");
    let cloud = "https://www.googleapis.com/auth/cloud-platform";
    let token = stage.write("token", &stage.google.token_for(&stage.robot, &[cloud]));
    let (given, url) = (format!("token=@{token}"), stage.endpoint());
    let words =
        ["register", "given", "--type", "gcp", "--auth-method", "oauth2-token", "project_id=strict-project"];
    stage.cli.ok(&[&words[..], &[&given, &url, "--allow", "long-lived"]].concat());
    fs::remove_file(token).expect("there");
    let login = ["login", "given", "--resource-type", "gcp-generic"];
    let error = stage.cli.error(4, &login);
    assert!(error["message"].to_string().contains("does not end"), "{error}");
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("`connector update given expires_at=TIME`"), "{error}");
    let end =
        connectors::core::format_time(std::time::SystemTime::now() + std::time::Duration::from_secs(1800));
    stage.cli.ok(&["update", "given", &format!("expires_at={end}")]);
    assert_eq!(stage.cli.json(&login)["expires_at"], end);
}
