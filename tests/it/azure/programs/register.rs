//! Applications and logins: taken over, changed, refused.

use std::fs;

use connector_tests::cli::Cli;
use connector_tests::process;
use connector_tests::strict_azure::{SUBSCRIPTION, TENANT};
use serde_json::{Value, json};

use super::{CLIENT, GENERIC, MANAGEMENT, Stage, WHOLE};

/// The application that az is, and a person who is logged in with it.
const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const ALICE: &str = "alice@strict.onmicrosoft.com";

impl Stage {
    /// Whose tokens a connector issues.
    fn issues_as(&self, name: &str) -> String {
        let issued = self.cli.json(&[&["issue", name][..], &GENERIC].concat());
        assert_eq!((&issued["narrowed"], &issued["long_lived"]), (&false.into(), &false.into()), "{issued}");
        let (owner, audience) = self.owner(issued["secret"]["access_token"].as_str().expect("a token"));
        assert_eq!(audience, MANAGEMENT);
        owner
    }
}

/// S45: what `az ad sp create-for-rbac` prints is registered as it is, in both of its forms and with a certificate; its
/// files are not needed afterwards.
#[test]
fn s45_what_az_prints_of_an_application_is_registered() {
    let stage = Stage::empty(Cli::new());
    let certificate = stage.azure.add_certificate(CLIENT);
    let pem = stage.write("cert.pem", &format!("{}{}", certificate.certificate, certificate.key));
    let secret = || stage.azure.add_secret(CLIENT);
    let place = stage.place();
    for (name, printed) in [
        ("plain", json!({ "appId": CLIENT, "displayName": "lab", "password": secret(), "tenant": TENANT })),
        (
            "kept",
            json!({
                "clientId": CLIENT, "clientSecret": secret(), "tenantId": TENANT, "subscriptionId": SUBSCRIPTION,
                "activeDirectoryEndpointUrl": "https://login.microsoftonline.com",
            }),
        ),
        (
            "certified",
            json!({ "appId": CLIENT, "fileWithCertAndPrivateKey": pem, "password": null, "tenant": TENANT }),
        ),
    ] {
        let file = stage.write("printed.json", &printed.to_string());
        let told = stage.cli.json(&["register", name, "--from-file", &file, &place[0], &place[1]]);
        assert_eq!(told["connector"]["method"], "service-principal", "{told}");
        fs::remove_file(file).expect("there");
        if name == "certified" {
            fs::remove_file(&pem).expect("there");
        }
        assert_eq!(stage.issues_as(name), stage.robot, "{name}");
    }
    let sent: Vec<_> =
        stage.azure.calls().take().iter().flat_map(connector_tests::loopback::Call::form).collect();
    assert!(sent.iter().any(|(name, _)| name == "client_assertion"), "the certificate signs");
    stage.assert_no_secret();
}

/// S41, S45: an application of the environment, and a person's login of az, chosen by its subscription; where nothing is
/// found it is told where was looked, and what Azure has no word for is refused.
#[test]
fn s41_s45_what_is_set_up_is_taken_over() {
    let stage = Stage::empty(Cli::new());
    let place = stage.place();
    let words =
        ["register", "mine", "--type", "azure", "--auto-configure", &place[0], &place[1], "-o", "json"];
    let register = |more: &[&str]| stage.cli.run(&[&words[..], more].concat());
    let nothing = register(&[]);
    for says in ["found no way", "CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS"] {
        assert!(!nothing.success() && nothing.stderr_text().contains(says), "{says}: {nothing:?}");
    }
    for option in ["region", "context"] {
        let refused = register(&[&format!("--{option}"), "x"]);
        assert!(refused.stderr_text().contains(&format!("knows no {option}")), "{refused:?}");
    }
    let mut command = stage.cli.command(&[&words[..], &["--project", SUBSCRIPTION]].concat());
    command.env("AZURE_TENANT_ID", TENANT).env("AZURE_CLIENT_ID", CLIENT);
    command.env("AZURE_CLIENT_SECRET", stage.azure.add_secret(CLIENT));
    let told = process::run(&mut command).expect_success().json();
    assert_eq!(
        (&told["found"]["method"], &told["connector"]["config"]["subscription_id"]),
        (&"service-principal".into(), &SUBSCRIPTION.into()),
        "{told}"
    );
    assert_eq!(stage.issues_as("mine"), stage.robot);
    stage.cli.ok(&["delete", "mine"]);

    let alice = stage.azure.add_person(TENANT, ALICE);
    stage.azure.grant(&alice, "Reader", WHOLE);
    write_login_of_az(&stage);
    let missing = register(&["--profile", "other"]);
    assert!(!missing.success() && missing.stderr_text().contains("knows no subscription"), "{missing:?}");
    let told = register(&["--profile", "Strict Subscription"]).expect_success().json();
    assert_eq!(told["found"]["method"], "user-account", "{told}");
    fs::remove_dir_all(stage.cli.home().join(".azure")).expect("there");
    assert_eq!(stage.issues_as("mine"), alice);
    stage.assert_no_secret();
}

/// What az leaves behind when Alice has logged in.
fn write_login_of_az(stage: &Stage) {
    let profile = json!({ "installationId": "x", "subscriptions": [{
        "id": SUBSCRIPTION, "name": "Strict Subscription", "state": "Enabled", "isDefault": true,
        "user": { "name": ALICE, "type": "user" }, "tenantId": TENANT, "environmentName": "AzureCloud",
    }]});
    stage.write(".azure/azureProfile.json", &format!("\u{feff}{profile}"));
    let (home, host) = (format!("alice.{TENANT}"), "login.microsoftonline.com");
    let known = json!({
        "home_account_id": home, "environment": host, "realm": TENANT, "local_account_id": "alice",
        "username": ALICE, "authority_type": "MSSTS",
    });
    let refresh = json!({
        "credential_type": "RefreshToken", "secret": stage.azure.add_refresh_token(AZ, ALICE), "client_id": AZ,
        "home_account_id": home, "environment": host, "family_id": "1",
    });
    let cache: Value = json!({ "Account": { "a": known }, "RefreshToken": { "r": refresh } });
    stage.write(".azure/msal_token_cache.json", &cache.to_string());
}
