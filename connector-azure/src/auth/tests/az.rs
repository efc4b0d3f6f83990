//! S41: the login of `az`, in every form in which it keeps one.

use std::time::Duration;

use connector_conformance::assert_silent;
use connector_core::{Allow, AuthMethod, Call, Context, ErrorKind, Expiry, OriginState, Terms};
use serde_json::{Value, json};

use super::implicit::implicit;
use super::managed_identity::on;
use super::user_account::login;
use super::*;

const OTHER: &str = "99999999-7777-8888-9999-000000000000";

fn away(world: World) -> World {
    no_metadata(world)
}

/// Changes a part of what `az` keeps of alice's login.
fn tokens(at: &str, more: Value) -> Value {
    let mut tokens = az_tokens();
    let found = tokens.pointer_mut(at).expect("a part");
    *found = with(found.take(), more);
    tokens
}

async fn fails(world: &World, config: Value, cx: &Context) -> connector_core::Error {
    let error = authenticate(&implicit(config), cx, None).await.expect_err("no login");
    assert_silent(&error);
    assert!(world.forms().iter().all(|it| field(it, "refresh_token").is_none()), "{:?}", world.lines());
    error
}

/// A person's refresh token is used in its place: with az's own program, in the directory of the subscription.
#[tokio::test]
async fn a_persons_login() {
    let mut two_homes = az_tokens();
    let home = format!("{OTHER}.{OTHER}");
    two_homes["Account"]["0"] =
        with(two_homes["Account"]["a"].clone(), json!({ "home_account_id": home, "realm": OTHER }));
    two_homes["RefreshToken"]["0"] = with(
        two_homes["RefreshToken"]["r"].clone(),
        json!({ "home_account_id": home, "secret": "1.hunter2-of-another-home" }),
    );
    let mut family = tokens("/RefreshToken/r", json!({ "client_id": CLIENT }));
    family["RefreshToken"]["q"] = with(
        family["RefreshToken"]["r"].clone(),
        json!({ "family_id": null, "secret": "1.hunter2-of-no-family" }),
    );
    for tokens in [
        az_tokens(),
        two_homes,
        family,
        tokens("/Account/a", json!({ "environment": "login.windows.net" })),
        tokens("/Account/a", json!({ "realm": OTHER })),
    ] {
        let world = away(az_tokens_in(az_profile(World::new(), &[az_subscription(json!({}))]), &tokens));
        let world = world.answers(login("eyJ.t.1", "1.next"));
        authenticate(&implicit(json!({})), &on(&world), None).await.expect("a session");
        assert_eq!(world.sent()[1].url(), TOKEN_URL);
        assert_eq!(field(&form(&world, 1), "refresh_token"), Some("1.hunter2-of-az"));
        assert_eq!(field(&form(&world, 1), "client_id"), Some(super::user_account::AZ));
    }
}

/// The login of another cloud, of somebody else, or of a program that is not of the family is not alice's.
#[tokio::test]
async fn another_login_is_not_used() {
    let none = json!({ "Account": {}, "RefreshToken": {} });
    for tokens in [
        none,
        json!({}),
        tokens("/Account/a", json!({ "username": "bob@example.org" })),
        tokens("/Account/a", json!({ "environment": "login.microsoftonline.us" })),
        tokens("/RefreshToken/r", json!({ "environment": "login.microsoftonline.us" })),
        tokens("/RefreshToken/r", json!({ "home_account_id": "x" })),
        tokens("/RefreshToken/r", json!({ "client_id": CLIENT, "family_id": null })),
        tokens("/RefreshToken/r", json!({ "client_id": CLIENT, "family_id": "" })),
        tokens("/RefreshToken/r", json!({ "secret": null })),
    ] {
        let world = away(az_tokens_in(az_profile(World::new(), &[az_subscription(json!({}))]), &tokens));
        let error = fails(&world, json!({}), &on(&world)).await;
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
        assert!(
            error.causes().concat().contains("az has no login (any more) of alice@example.org"),
            "{error:?}"
        );
        assert_eq!(error.hint(), Some("log in: az login"));
    }
}

/// An application's secret, certificate or token of elsewhere.
#[tokio::test]
async fn an_applications_login() {
    let (certificate, key) = certificate_and_key();
    let stranger = json!({ "client_id": OTHER, "tenant": TENANT, "client_secret": "hunter2-of-another" });
    let elsewhere = json!({ "client_id": CLIENT, "tenant": OTHER, "client_secret": "hunter2-of-elsewhere" });
    for (entry, proof, sent) in [
        (json!({ "client_secret": "hunter2-secret" }), "client_secret", Some("hunter2-secret")),
        (json!({ "certificate": "/home/u/app.pem" }), "client_assertion", None),
        (json!({ "client_assertion": "eyJ.hunter2.x" }), "client_assertion", Some("eyJ.hunter2.x")),
        (
            json!({ "tenant": "example.org", "client_secret": "hunter2-secret" }),
            "client_secret",
            Some("hunter2-secret"),
        ),
    ] {
        let entry = with(json!({ "client_id": CLIENT.to_uppercase(), "tenant": TENANT }), entry);
        // One of the very directory goes before others; one whose directory is told by a domain stands alone.
        let entries = match entry["tenant"] == TENANT {
            true => json!([stranger, elsewhere, entry]),
            false => json!([stranger, entry]),
        };
        let world = az_entries(az_profile(World::new(), &[az_application()]), &entries);
        let world = away(world.file("/home/u/app.pem", &format!("{certificate}{key}")))
            .answers(token("eyJ.t.1", 3599));
        authenticate(&implicit(json!({})), &on(&world), None).await.expect("a session");
        let form = form(&world, 1);
        assert_eq!((field(&form, "client_id"), world.sent()[1].url()), (Some(CLIENT), TOKEN_URL));
        let proof = field(&form, proof).expect("a proof");
        match sent {
            Some(sent) => assert_eq!(proof, sent),
            None => drop(verified(proof)),
        }
    }
    for entries in [json!([]), json!([stranger]), json!([{ "client_id": CLIENT, "tenant": TENANT }])] {
        let world = away(az_entries(az_profile(World::new(), &[az_application()]), &entries));
        let error = fails(&world, json!({}), &on(&world)).await;
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
    }
}

/// The default subscription tells cloud, directory and subscription, unless the config does; a login to a directory alone
/// has none.
#[tokio::test]
async fn the_default_subscription_is_meant() {
    let mut government = az_tokens();
    for at in ["/Account/a", "/RefreshToken/r"] {
        government.pointer_mut(at).expect("a part")["environment"] = json!("login.microsoftonline.us");
    }
    let other = |more: Value| {
        with(az_subscription(json!({ "id": OTHER, "name": "Other", "isDefault": false })), more)
    };
    let first = az_subscription(json!({}));
    let in_government = az_subscription(json!({ "environmentName": "AzureUSGovernment" }));
    let bare = az_subscription(json!({ "id": TENANT, "name": "N/A(tenant level account)" }));
    let public = "https://login.microsoftonline.com";
    for (subscriptions, tokens, config, authority, tenant, subscription) in [
        (vec![other(json!({})), first.clone()], az_tokens(), json!({}), public, TENANT, Some(SUBSCRIPTION)),
        (
            vec![in_government],
            government,
            json!({}),
            "https://login.microsoftonline.us",
            TENANT,
            Some(SUBSCRIPTION),
        ),
        (vec![bare], az_tokens(), json!({}), public, TENANT, None),
        (
            vec![first.clone(), other(json!({ "tenantId": CLIENT }))],
            az_tokens(),
            json!({ "subscription_id": OTHER }),
            public,
            CLIENT,
            Some(OTHER),
        ),
        // One that az does not list may be there all the same.
        (vec![first.clone()], az_tokens(), json!({ "subscription_id": OTHER }), public, TENANT, Some(OTHER)),
        (vec![first.clone()], az_tokens(), json!({ "tenant_id": OTHER }), public, OTHER, Some(SUBSCRIPTION)),
    ] {
        let world = away(az_tokens_in(az_profile(World::new(), &subscriptions), &tokens));
        let world = world.answers(login("eyJ.t.1", "1.next"));
        let out = authenticate(&implicit(config), &on(&world), None).await.expect("a session");
        assert_eq!(world.sent()[1].url(), format!("{authority}/{tenant}/oauth2/v2.0/token"));
        assert_eq!(out.session.place.subscription.as_ref().map(|it| it.as_str()), subscription);
    }
    // Nobody is logged in to these.
    let disabled = az_subscription(json!({ "state": "Disabled" }));
    let no_default = az_subscription(json!({ "isDefault": false }));
    for subscription in
        [disabled, no_default, az_subscription(json!({ "user": { "name": "x", "type": "hunter2" } }))]
    {
        let world = away(az_tokens_in(az_profile(World::new(), &[subscription]), &az_tokens()));
        let error = fails(&world, json!({}), &on(&world)).await;
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
    }
    let own = az_subscription(json!({ "environmentName": "MyStack" }));
    let world = away(az_tokens_in(az_profile(World::new(), &[own]), &az_tokens()));
    let error = fails(&world, json!({}), &on(&world)).await;
    assert!(error.hint().is_some_and(|it| it.contains("authority_url")), "{error:?}");
}

/// The folder may be elsewhere.
#[tokio::test]
async fn the_folder_of_a_variable_is_read() {
    let profile = json!({ "subscriptions": [az_subscription(json!({}))] });
    let world = az_profile(World::new(), &[]).var("AZURE_CONFIG_DIR", "/etc/az");
    let world = world
        .file("/etc/az/azureProfile.json", &profile.to_string())
        .file("/etc/az/msal_token_cache.json", &az_tokens().to_string());
    let world = away(world).answers(login("eyJ.t.1", "1.next"));
    authenticate(&implicit(json!({})), &on(&world), None).await.expect("a session");
}

/// A login as the machine itself is the machine's, which was asked before.
#[tokio::test]
async fn a_login_as_the_machine_is_no_login() {
    for info in ["MSI", "MSIClient-66666666-7777-8888-9999-000000000000"] {
        let user = json!({ "name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": info });
        let world = away(az_profile(World::new(), &[az_subscription(json!({ "user": user }))]));
        let error = fails(&world, json!({}), &on(&world)).await;
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        assert!(error.causes().concat().contains("logged in as this machine"), "{error:?}");
    }
}

/// A login that is over says how it is made anew, for the service that wanted it.
#[tokio::test]
async fn a_login_that_is_over_says_so() {
    for (word, number) in [("invalid_grant", 700_082), ("interaction_required", 50_076)] {
        let world = away(az_login(World::new())).answers(aadsts(400, word, number));
        let error = authenticate(&implicit(json!({})), &on(&world), None).await.expect_err("over");
        assert_eq!(error.kind(), ErrorKind::Refused);
        let fix = format!("az login --tenant {TENANT} --scope https://management.azure.com/.default");
        assert!(error.hint().is_some_and(|it| it.contains(&fix)), "{error:?}");
        assert_silent(&error);
    }
}

/// Files that are none of az's are broken, and show nothing of themselves.
#[tokio::test]
async fn c28_broken_files_are_told_and_not_shown() {
    let profile = |text: &str| {
        World::new().var("HOME", "/home/u").file(&format!("{AZ_FOLDER}/azureProfile.json"), text)
    };
    for text in [CANARY, "", "{\"subscriptions\": \"hunter2\"}", "[1]", "{\"subscriptions\": [\"hunter2\"]}"]
    {
        let world = away(profile(text));
        let error = fails(&world, json!({}), &on(&world)).await;
        assert!(error.to_string().contains("azureProfile.json") && error.hint().is_some(), "{error}");
        let origins = implicit(json!({})).origins(&on(&world));
        assert_eq!(origins[3].state, OriginState::Broken, "{origins:?}");
    }
    for text in [CANARY, "", "{\"Account\": \"hunter2\"}", "[1]"] {
        let world = away(az_login(World::new()).file(&format!("{AZ_FOLDER}/msal_token_cache.json"), text));
        let error = fails(&world, json!({}), &on(&world)).await;
        assert!(error.to_string().contains("msal_token_cache.json"), "{error}");
    }
}

/// C20: where only `az` can read its files, it is run, without a shell, if the connector's owner allows that, and not
/// otherwise.
#[tokio::test]
async fn c20_az_is_run_only_where_that_is_allowed() {
    let sealed = || {
        let world = az_profile(World::new(), &[az_subscription(json!({}))]);
        away(world.file(&format!("{AZ_FOLDER}/msal_token_cache.bin"), "hunter2"))
            .var("AZURE_CONFIG_DIR", AZ_FOLDER)
    };
    let allowed = |world: &World| {
        let terms = Terms::default().with_allow(Allow::Exec);
        on(world).for_connector(std::sync::Arc::new(terms))
    };
    let world = sealed();
    let error = fails(&world, json!({}), &on(&world)).await;
    assert_eq!((error.kind(), world.commands().len()), (ErrorKind::NotConfigured, 0));
    assert!(error.causes().concat().contains("only az can read it"), "{error:?}");
    assert!(error.hint().is_some_and(|it| it.contains("--allow exec")), "{error:?}");

    let end = 1_767_225_600 + 1800_u64;
    let printed = json!({
        "accessToken": "eyJ.t.1", "expiresOn": "2026-01-01 00:30:00.000000", "expires_on": end,
        "subscription": SUBSCRIPTION, "tenant": TENANT, "tokenType": "Bearer",
    });
    for (config, only) in
        [(json!({}), ["--subscription", SUBSCRIPTION]), (json!({ "tenant_id": OTHER }), ["--tenant", OTHER])]
    {
        let world = sealed().prints(&printed);
        let cx = allowed(&world);
        let steps = implicit(config.clone()).plan(&Call::new(&cx, None), None).expect("a plan");
        assert_eq!(steps.last().map(|it| it.call), Some("az account get-access-token"));
        let out = authenticate(&implicit(config), &cx, None).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(World::after(1800)));
        let command = &world.commands()[0];
        let mut args = vec![
            "account",
            "get-access-token",
            "--output",
            "json",
            "--resource",
            "https://management.azure.com",
        ];
        args.extend(only);
        assert_eq!(
            (command.program(), command.args()),
            ("az", &*args.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        );
        assert!(command.timeout() <= Duration::from_secs(30));
        let env: Vec<_> = command.env().iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(env, [("AZURE_CONFIG_DIR", AZ_FOLDER)]);
    }
    for (text, says) in [
        (json!(CANARY).to_string(), "printed no token"),
        (json!({ "accessToken": "hun ter2", "expires_on": end }).to_string(), "printed no token"),
        (
            json!({ "accessToken": "hunter2", "expiresOn": "2026-01-01 00:30:00" }).to_string(),
            "does not say when",
        ),
    ] {
        let world = sealed().prints(text);
        let error = authenticate(&implicit(json!({})), &allowed(&world), None).await.expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
        assert_silent(&error);
    }
    // Where the files can be read, nothing is run.
    let world = away(az_login(World::new())).answers(login("eyJ.t.1", "1.next"));
    authenticate(&implicit(json!({})), &allowed(&world), None).await.expect("a session");
    assert_eq!(world.commands().len(), 0);
}
