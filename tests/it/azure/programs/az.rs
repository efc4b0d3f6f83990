//! az, and Azure's libraries that ask az: with a folder of their own, and with the variables of one command.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use connector_tests::{install, process, skip};
use serde_json::Value;

use super::{GENERIC, MANAGEMENT, SUBSCRIPTION, Stage, TENANT, WHOLE, is_there};

const LOGIN: [&str; 6] = ["login", "prod", GENERIC[0], GENERIC[1], GENERIC[2], GENERIC[3]];

impl Stage {
    /// The folder of the login of that name.
    fn folder(&self, name: &str) -> PathBuf {
        self.cli.connector_home().join("az").join(name)
    }

    /// The tokens that MSAL finds in a folder for these scopes, as az would.
    fn found(&self, tools: &install::Python, folder: &Path, scopes: &[&str]) -> Value {
        let mut command = self.trusting(tools.python(&self.cli.home()));
        command.args(["-c", include_str!("msal.py")]).arg(folder).args(scopes);
        process::run(&mut command).expect_success().json()
    }
}

/// S47, C30: `login` gives az a folder of its own, with an access token and nothing that lives longer; the library that az
/// is built on takes it, by the scopes that az asks for and by no other. What is the user's is not touched, and `logout`
/// leaves no trace.
#[test]
fn s47_az_has_a_folder_of_its_own_with_a_token_alone() {
    let test = "s47_az_has_a_folder_of_its_own_with_a_token_alone";
    let tools = match install::python() {
        Ok(tools) => tools,
        Err(why) => return skip::skip(test, why),
    };
    let stage = Stage::new();
    let mine = stage.write(".azure/msal_token_cache.json", "{\"RefreshToken\": {\"mine\": {}}}");
    let told = stage.cli.json(&LOGIN);
    assert_eq!(
        (&told["name"], &told["kind"], &told["static"]),
        (&"prod".into(), &"azure".into(), &true.into())
    );
    assert!(told["expires_at"].is_string(), "{told}");
    let folder = stage.folder("prod");
    let usage = told["use"].as_str().unwrap_or_default();
    let start = format!("AZURE_CONFIG_DIR={} REQUESTS_CA_BUNDLE=", folder.display());
    assert!(usage.starts_with(&start) && usage.ends_with(" az group list"), "{usage}");
    #[cfg(unix)]
    for name in ["msal_token_cache.json", "config", "azureProfile.json", "clouds.config"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.join(name)).expect("it was written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let cache: Value =
        serde_json::from_slice(&fs::read(folder.join("msal_token_cache.json")).expect("written"))
            .expect("JSON");
    let kinds: Vec<_> = cache.as_object().expect("a map").keys().cloned().collect();
    assert_eq!(kinds, ["AccessToken", "Account"], "nothing that could be made another token of");

    // As az asks: with the name that the cloud has for the service, and with a slash that must not be lost.
    let asked = [
        "https://management.core.windows.net//.default",
        "https://management.azure.com/.default",
        "https://management.azure.com//.default",
        "https://vault.azure.net/.default",
    ];
    let found = stage.found(&tools, &folder, &asked);
    assert_eq!(found["subscription"], SUBSCRIPTION);
    let [one, two, three, other] = &found["tokens"].as_array().expect("a list")[..] else {
        panic!("{found}")
    };
    assert_eq!((one, one), (two, three));
    assert_eq!(stage.owner(one.as_str().expect("a token")), (stage.robot.clone(), MANAGEMENT.to_owned()));
    assert_eq!(*other, Value::Null);

    stage.cli.ok(&LOGIN);
    stage.cli.ok(&["logout", "prod"]);
    assert!(!stage.cli.connector_home().join("az").exists());
    assert_eq!(fs::read_to_string(mine).expect("there"), "{\"RefreshToken\": {\"mine\": {}}}");
    stage.assert_no_secret();
}

/// S47: the real az works in its folder, and says to log in where it has no token. What it puts there goes at `logout`.
#[test]
fn s47_az_works_in_its_folder() {
    if !is_there("az") {
        return skip::skip("s47_az_works_in_its_folder", "az is not installed");
    }
    let stage = Stage::new();
    stage.cli.ok(&LOGIN);
    let folder = stage.folder("prod");
    let listed = stage.az(&folder, &["group", "list", "-o", "tsv", "--query", "[].name"]).expect_success();
    assert_eq!(listed.stdout_text(), "things\n");
    let shown = stage.az(&folder, &["account", "show"]).expect_success().json();
    assert_eq!(
        (&shown["id"], &shown["tenantId"], &shown["user"]["name"]),
        (&SUBSCRIPTION.into(), &TENANT.into(), &"prod".into())
    );
    let vault = ["account", "get-access-token", "--resource", "https://vault.azure.net"];
    let other = stage.az(&folder, &vault);
    assert!(!other.success() && other.stderr_text().contains("az login"), "{other:?}");
    // az writes its list of subscriptions and of clouds anew.
    stage.az(&folder, &["account", "set", "--subscription", SUBSCRIPTION]).expect_success();
    assert!(!stage.cli.home().join(".azure").exists());
    let ended = stage.cli.ok(&["logout", "prod"]);
    assert!(!folder.exists() && !ended.stderr_text().contains("changed"), "{ended:?}");
    stage.assert_no_secret();
}

/// S47: Azure's libraries ask az, and so have the same token where they are told the same folder.
#[test]
fn s47_libraries_that_ask_az_have_the_same_token() {
    const SCRIPT: &str = "
from azure.identity import AzureCliCredential
credential = AzureCliCredential(process_timeout=120)
print(credential.get_token('https://management.azure.com/.default').token)
";
    let test = "s47_libraries_that_ask_az_have_the_same_token";
    let tools = match install::python() {
        Ok(_) if !is_there("az") => return skip::skip(test, "az is not installed"),
        Ok(tools) => tools,
        Err(why) => return skip::skip(test, why),
    };
    let stage = Stage::new();
    stage.cli.ok(&LOGIN);
    let mut command = stage.trusting(tools.python(&stage.cli.home()));
    command.args(["-c", SCRIPT]).env("AZURE_CONFIG_DIR", stage.folder("prod"));
    let token = process::run(&mut command).expect_success().stdout_text();
    assert_eq!(stage.owner(&token), (stage.robot.clone(), MANAGEMENT.to_owned()));
}

/// az takes a token for ended five minutes early: one that it would not take is no login, and a second one for another
/// service has a folder of its own.
#[test]
fn s47_a_token_that_az_would_not_take_is_refused() {
    let stage = Stage::new();
    let left = || fs::read_dir(stage.cli.connector_home().join("az")).into_iter().flatten().count();
    stage.azure.set_life(Some(Duration::from_secs(290)));
    let error = stage.cli.error(2, &LOGIN);
    assert!(error["message"].to_string().contains("five minutes"), "{error}");
    assert!(error["hint"].to_string().contains("--duration"), "{error}");
    assert_eq!(left(), 0);
    stage.azure.set_life(None);
    stage.cli.ok(&["cache", "clear"]);

    let first = stage.cli.json(&LOGIN);
    let second = stage.cli.json(&[&LOGIN[..], &["--within", "https://vault.azure.net"]].concat());
    let second_name = format!("prod-{SUBSCRIPTION}");
    assert_eq!((&first["name"], &second["name"]), (&"prod".into(), &Value::from(second_name.as_str())));
    let usage = second["use"].as_str().unwrap_or_default();
    assert!(usage.ends_with("az account get-access-token --resource https://vault.azure.net"), "{usage}");
    let third = stage.cli.error(2, &[&LOGIN[..], &["--within", "https://storage.azure.com"]].concat());
    assert!(third["hint"].to_string().contains("connector logout prod"), "{third}");
    assert_eq!(left(), 2);
    stage.cli.ok(&["undo"]);
    assert_eq!(left(), 1);
    stage.cli.ok(&["logout", "prod"]);
    assert_eq!(left(), 0);
}

/// Whatever keeps a login from being written, nothing of it is left, and the token least of all; what somebody has in the
/// folder stays.
#[test]
fn a_login_for_az_that_cannot_be_written_leaves_nothing() {
    let stage = Stage::new();
    let folder = stage.folder("prod");
    fs::create_dir_all(&folder).expect("the home is ours");
    let token = folder.join("msal_token_cache.json");
    for (name, somebodys, says) in [
        ("config", "[core\n", "without its `]`"),
        ("azureProfile.json", "{\"subscriptions\": [", "the JSON ends too early"),
        ("msal_token_cache.json", "{\"AccessToken\": 7}", "another form than expected"),
        (
            "msal_token_cache.json",
            "{\"Account\": {\"connector\": {\"username\": \"me\"}}}",
            "not from this connector",
        ),
    ] {
        fs::write(folder.join(name), somebodys).expect("the home is ours");
        let ended = stage.cli.fails(2, &LOGIN);
        assert!(ended.stderr_text().contains(says), "{ended:?}");
        assert_eq!(fs::read_to_string(folder.join(name)).expect("there"), somebodys);
        assert!(name == "msal_token_cache.json" || !token.exists());
        fs::remove_file(folder.join(name)).expect("there");
        assert_eq!(fs::read_dir(&folder).expect("there").count(), 0, "nothing else was written");
    }
    stage.cli.ok(&LOGIN);
    stage.cli.ok(&["logout", "prod"]);
    assert!(!folder.exists());
}

/// S45, S53: one command has a token in its environment, whoever else's is there, and who asks for a person's or a
/// machine's identity finds none. az would go on with its own login, and is not run.
#[test]
fn s45_s53_a_command_has_a_token_and_nobody_elses_identity() {
    const SCRIPT: &str = "
import os
from azure.identity import DefaultAzureCredential
try:
    DefaultAzureCredential().get_token('https://management.azure.com/.default')
    print('somebody')
except Exception as error:
    print('nobody' if 'EnvironmentCredential authentication unavailable' in str(error) else error)
print(os.environ['AZURE_ACCESS_TOKEN_AUDIENCE'], os.environ['AZURE_ACCESS_TOKEN'])
";
    let test = "s45_s53_a_command_has_a_token_and_nobody_elses_identity";
    let tools = match install::python() {
        Ok(tools) => tools,
        Err(why) => return skip::skip(test, why),
    };
    let stage = Stage::new();
    let machine = stage.azure.set_system_identity();
    stage.azure.grant(&machine.object_id, "Reader", WHOLE);
    let (endpoint, header) = stage.azure.set_app_service();
    let python = tools.program("python").display().to_string();
    let exec = |words: &[&str]| {
        let mut command = stage.cli.command(&[&["exec", "prod"], &GENERIC[..], &["--"], words].concat());
        command.env("AZURE_CLIENT_ID", "99999999-0000-4000-8000-000000000000");
        command.env("AZURE_CLIENT_SECRET", "of somebody else").env("AZURE_TENANT_ID", TENANT);
        command.env("IDENTITY_ENDPOINT", &endpoint).env("IDENTITY_HEADER", &header);
        process::run(&mut command)
    };
    let said = exec(&[&python, "-c", SCRIPT]).expect_success().stdout_text();
    let (nobody, told) = said.split_once('\n').expect("two lines");
    assert_eq!(nobody, "nobody", "{said}");
    let (audience, token) = told.split_once(' ').expect("two words");
    assert_eq!((audience, stage.owner(token)), (MANAGEMENT, (stage.robot.clone(), MANAGEMENT.to_owned())));

    let refused = exec(&["az", "group", "list"]).expect_code(125);
    assert!(refused.stderr_text().contains("connector login prod"), "{refused:?}");
}
