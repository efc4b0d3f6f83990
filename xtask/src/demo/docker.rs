//! The chapter on Docker: a password that goes to docker's own helper call, and to nothing else.

use connector_tests::docker::{Guard, PASSWORD, Registry, USER};
use connector_tests::skip::skip;
use serde_json::Value;

use super::stage::{DOCKER_HELPER, Stage};
use crate::shell::Result;

/// The user's own file before us.
const OWN: &str = "{\n\t\"detachKeys\": \"ctrl-x,x\"\n}\n";
const FILE: &str = ".docker/config.json";

/// Tells it, or says loudly why not.
pub(super) fn tell(stage: &mut Stage) -> Result {
    stage.chapter("Docker: a registry's password that docker gets and no file keeps");
    let registry = match Registry::try_start(&Guard::PasswordFile) {
        Ok(registry) => registry,
        Err(reason) => {
            skip("demo: the chapter on Docker", reason);
            return Ok(());
        }
    };
    let host = registry.host();
    println!(
        "\nThe registry is Debian's docker-registry on {host}, with a file of bcrypt passwords. It knows"
    );
    println!("one user, {USER}. No engine is needed, and no docker.");
    stage.watch("the registry's password", PASSWORD, Some(&format!("{DOCKER_HELPER} get")));

    stage.says("A wrong password is not stored, and the error says what is wrong:");
    stage.write("password", "a wrong password")?;
    let (at, user) = (format!("registry={host}"), format!("username={USER}"));
    let login = ["--type", "docker", "--auth-method", "password", &at, &user, "password=@password"];
    let register = [&["register", "images"], &login[..]].concat();
    stage.connector(&register)?.refused_with("does not take the user name and password")?;
    stage.says("The right one is tried by the registry's own flow, and stored encrypted:");
    stage.write("password", PASSWORD)?;
    stage.connector(&register)?.holds("images")?;
    let path = stage.file("password");
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    stage.connector(&["verify", "images"])?.holds("images")?;

    stage.says(
        "A registry has nothing shorter than this password. It goes where docker itself asks for it, and nowhere\n\
         else unless its owner says so:",
    );
    stage.connector(&["issue", "images", "-o", "json"])?.refused_with("--allow long-lived")?;

    stage.says("docker finds its helpers by name. Where it would not find ours, a login is refused:");
    stage.write(FILE, OWN)?;
    stage.connector(&["login", "images"])?.refused_with("ln -s")?;
    stage.link_docker_helper()?;
    stage.connector(&["login", "images"])?.holds(&host)?;
    stage.says("There is no password in docker's file, in clear or in base64: only who is to be asked.");
    let text = stage.cat(FILE)?;
    let config: Value = serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
    if config["credHelpers"][&host] != "connector" || !config["auths"].is_null() {
        return Err(format!("docker's file is not as told:\n{text}"));
    }

    stage.says("This is how docker asks. (The secret is left out of what you see here.)");
    let answer = stage.docker_helper(&host);
    let mut login: Value = serde_json::from_slice(&answer.stdout)
        .map_err(|error| format!("`{DOCKER_HELPER} get` prints no JSON: {error}"))?;
    if login["Username"] != USER || login["Secret"] != PASSWORD {
        return Err(format!("`{DOCKER_HELPER} get` does not answer with the login"));
    }
    login["Secret"] = "…".into();
    stage.shows(&format!("echo {host} | {DOCKER_HELPER} get"), &login.to_string());
    stage.says("Each time is in the audit:");
    stage.connector(&["audit", "--connector", "images"])?.holds("LONG-LIVED")?;

    stage.says("And back:");
    stage.connector(&["logout", "images"])?.holds("as it was before")?;
    match stage.cat(FILE)? == OWN {
        true => Ok(()),
        false => Err("docker's file is not what it was before the login".to_owned()),
    }
}
