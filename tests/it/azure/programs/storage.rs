//! Signatures of containers, as `az storage` and Azure's library take them: from az's folder, and from variables.

use connector_tests::cli::Cli;
use connector_tests::{install, process, skip};

use super::{Stage, is_there};

const CONTAINER: [&str; 4] = ["--resource-type", "blob-container", "--resource-id", "az://zenfiles/data"];

/// What stands in az's settings, by the rules of the library that az reads them with, and what comes of it. So the
/// percent signs of a signature must have been written as that library wants them.
const SETTINGS: &str = "
import configparser, os
settings = configparser.ConfigParser()
settings.read(os.path.join(os.environ['AZURE_CONFIG_DIR'], 'config'))
os.environ['AZURE_STORAGE_CONNECTION_STRING'] = settings['storage']['connection_string']
";
const READ: &str = "
import os
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient
service = BlobServiceClient.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING'])
def tried(container, name, write=False):
    blob = service.get_blob_client(container, name)
    try:
        return blob.upload_blob(b'x', overwrite=True) and 'written' if write else blob.download_blob().readall().decode()
    except HttpResponseError as error:
        return getattr(error.error_code, 'value', error.error_code)
print(tried('data', 'a/1.txt'), tried('data2', 'a/1.txt'), tried('data', 'a/1.txt', True))
";
/// It reads what it may, and neither the container beside it nor, without being asked for, writes.
const AS_ASKED: &str = "one AuthenticationFailed AuthorizationPermissionMismatch\n";

/// A stage with two containers, in which the application may do everything.
fn stage() -> Stage {
    let stage = Stage::with(Cli::new());
    let azure = &stage.azure;
    azure.add_storage_account(&stage.group, "zenfiles");
    for container in ["data", "data2"] {
        azure.add_container("zenfiles", container);
        azure.put_blob("zenfiles", container, "a/1.txt", "one");
    }
    azure.grant(&stage.robot, "Storage Blob Data Owner", &stage.group);
    stage
}

/// S47, C30: az's folder holds a signature for the container alone, with the place that it is for.
#[test]
fn s47_az_storage_has_a_signature_in_its_folder() {
    let test = "s47_az_storage_has_a_signature_in_its_folder";
    let tools = match install::python() {
        Ok(tools) => tools,
        Err(why) => return skip::skip(test, why),
    };
    let stage = stage();
    let login = [&["login", "prod"][..], &CONTAINER].concat();
    let told = stage.cli.json(&login);
    let usage = told["use"].as_str().unwrap_or_default();
    assert!(usage.ends_with(" az storage blob list --container-name data"), "{usage}");
    let folder = stage.cli.connector_home().join("az/prod");
    let written: Vec<_> =
        std::fs::read_dir(&folder).expect("there").flatten().map(|it| it.file_name()).collect();
    assert_eq!(written, ["config"], "az is not logged in there");
    let mut command = stage.trusting(tools.python(&stage.cli.home()));
    command.args(["-c", &format!("{SETTINGS}{READ}")]).env("AZURE_CONFIG_DIR", &folder);
    assert_eq!(process::run(&mut command).expect_success().stdout_text(), AS_ASKED);
    stage.cli.ok(&login);
    stage.cli.ok(&["undo"]);
    assert!(!stage.cli.connector_home().join("az").exists());
    stage.assert_no_secret();
}

/// S47: the real `az storage` reads the container of its folder, whichever account a command names, and nothing beside it;
/// all else of az is not logged in.
#[test]
fn s47_az_storage_reads_the_container_and_nothing_beside_it() {
    if !is_there("az") {
        return skip::skip("s47_az_storage_reads_the_container_and_nothing_beside_it", "az is not installed");
    }
    let stage = stage();
    stage.cli.ok(&[&["login", "prod"][..], &CONTAINER].concat());
    let folder = stage.cli.connector_home().join("az/prod");
    let list = |more: &[&str]| {
        let words = ["storage", "blob", "list", "-o", "tsv", "--query", "[].name", "--container-name"];
        stage.az(&folder, &[&words[..], more].concat())
    };
    assert_eq!(list(&["data"]).expect_success().stdout_text(), "a/1.txt\n");
    assert_eq!(list(&["data", "--account-name", "elsewhere"]).expect_success().stdout_text(), "a/1.txt\n");
    assert!(!list(&["data2"]).success());
    let other = stage.az(&folder, &["group", "list"]);
    assert!(!other.success() && other.stderr_text().contains("az login"), "{other:?}");
    stage.cli.ok(&["logout", "prod"]);
    assert!(!folder.exists());
    stage.assert_no_secret();
}

/// S45, S53: one command has the signature in its environment, whoever else's keys are there.
#[test]
fn s45_s53_a_command_has_a_signature_and_nobody_elses_key() {
    let test = "s45_s53_a_command_has_a_signature_and_nobody_elses_key";
    let tools = match install::python() {
        Ok(tools) => tools,
        Err(why) => return skip::skip(test, why),
    };
    let stage = stage();
    let python = tools.program("python").display().to_string();
    let exec = |words: &[&str]| {
        let command = stage.cli.command(&[&["exec", "prod"], &CONTAINER[..], &["--"], words].concat());
        let mut command = stage.trusting(command);
        command.env("AZURE_STORAGE_KEY", stage.azure.account_key("zenfiles"));
        command.env("AZURE_STORAGE_AUTH_MODE", "login").env("AZURE_STORAGE_ACCOUNT", "elsewhere");
        command.env("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true");
        process::run(&mut command)
    };
    assert_eq!(exec(&[&python, "-c", READ]).expect_success().stdout_text(), AS_ASKED);
    if is_there("az") {
        let words = ["az", "storage", "blob", "list", "-o", "tsv", "--query", "[].name", "--container-name"];
        assert_eq!(exec(&[&words[..], &["data"]].concat()).expect_success().stdout_text(), "a/1.txt\n");
        assert!(!exec(&[&words[..], &["data2"]].concat()).success());
    }
    stage.assert_no_secret();
}
