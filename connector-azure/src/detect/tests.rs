//! What auto-configuration finds in a world of variables and files.

use connector_conformance::assert_silent;
use connector_core::{AuthMethod, Candidate, Context, Error, ErrorKind, Hints, Response};
use serde_json::{Map, Value, json};

use super::detect;
use crate::auth;
use crate::connector::Azure;
use crate::testing::*;

const OTHER: &str = "99999999-7777-8888-9999-000000000000";

fn hints(profile: Option<&str>, project: Option<&str>, method: Option<&str>) -> Hints {
    let mut hints = Hints::default();
    hints.profile = profile.map(str::to_owned);
    hints.project = project.map(str::to_owned);
    hints.method = method.map(str::to_owned);
    hints
}

async fn all(cx: &Context, hints: &Hints) -> Vec<Candidate> {
    let found = detect(cx, hints).await.expect("finds");
    for candidate in &found {
        let shown = format!("{candidate:?} {} {:?}", candidate.found, candidate.notes);
        assert!(!shown.contains(CANARY) && !shown.contains("PRIVATE KEY"), "{shown}");
        // What is found is a config of its method.
        let fields = match candidate.method {
            "service-principal" => check::<auth::ServicePrincipal>(&candidate.config),
            "workload-identity" => check::<auth::WorkloadIdentity>(&candidate.config),
            "user-account" => check::<auth::UserAccount>(&candidate.config),
            "managed-identity" => check::<auth::ManagedIdentity>(&candidate.config),
            "connection-string" => check::<auth::ConnectionString>(&candidate.config),
            _ => check::<auth::Implicit>(&candidate.config),
        };
        assert_eq!(fields, Vec::<String>::new());
    }
    found
}

fn check<M: AuthMethod<Connector = Azure>>(config: &Map<String, Value>) -> Vec<String> {
    let method: M = serde_json::from_value(Value::Object(config.clone())).expect("a config");
    method.check().into_iter().map(|it| it.field).collect()
}

/// The one that is found, without a call.
async fn only(world: &World, hints: &Hints) -> Candidate {
    let mut found = all(&world.context(), hints).await;
    assert_eq!((found.len(), world.sent().len()), (1, 0), "{found:?}");
    found.remove(0)
}

async fn fails(world: &World, hints: &Hints) -> Error {
    let error = detect(&world.context(), hints).await.expect_err("an error");
    assert_silent(&error);
    assert_eq!(world.sent().len(), 0);
    error
}

fn application() -> World {
    World::new()
        .var("AZURE_TENANT_ID", TENANT)
        .var("AZURE_CLIENT_ID", CLIENT)
        .var("AZURE_CLIENT_SECRET", "hunter2-secret")
}

fn terraform() -> World {
    World::new()
        .var("ARM_TENANT_ID", TENANT)
        .var("ARM_CLIENT_ID", CLIENT)
        .var("ARM_SUBSCRIPTION_ID", SUBSCRIPTION)
}

fn of(candidate: &Candidate) -> (&'static str, Value) {
    (candidate.method, Value::Object(candidate.config.clone()))
}

/// S45: an application in the environment, by Azure's names or by Terraform's, with its cloud and its subscription.
#[tokio::test]
async fn s45_an_application_of_the_environment() {
    let (certificate, key) = certificate_and_key();
    let pem = format!("{certificate}{key}");
    let base = json!({ "tenant_id": TENANT, "client_id": CLIENT });
    let secret = with(base.clone(), json!({ "client_secret": "hunter2-secret" }));
    let in_government = json!({ "subscription_id": SUBSCRIPTION, "cloud": "government" });
    let by_certificate = World::new()
        .var("AZURE_TENANT_ID", TENANT)
        .var("AZURE_CLIENT_ID", CLIENT)
        .var("AZURE_CLIENT_CERTIFICATE_PATH", "/run/app.pem")
        .file("/run/app.pem", &pem);
    for (world, config, found) in [
        (application(), secret.clone(), "AZURE_CLIENT_SECRET"),
        (
            application()
                .var("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
                .var("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us"),
            with(secret.clone(), in_government.clone()),
            "AZURE_CLIENT_SECRET",
        ),
        (
            application().var("AZURE_AUTHORITY_HOST", "https://login.corp.example/"),
            with(secret.clone(), json!({ "authority_url": "https://login.corp.example" })),
            "AZURE_CLIENT_SECRET",
        ),
        (
            by_certificate,
            with(base.clone(), json!({ "client_certificate": pem })),
            "AZURE_CLIENT_CERTIFICATE_PATH",
        ),
        (
            terraform().var("ARM_CLIENT_SECRET", "hunter2-secret").var("ARM_ENVIRONMENT", "usgovernment"),
            with(secret.clone(), in_government),
            "ARM_CLIENT_SECRET",
        ),
    ] {
        let candidate = only(&world, &Hints::default()).await;
        assert_eq!(of(&candidate), ("service-principal", config));
        assert!(candidate.found.contains(found), "{}", candidate.found);
        assert_eq!(candidate.notes, Vec::<String>::new());
    }
}

/// S41, S45: tokens of elsewhere: the file that Kubernetes set up, and what Terraform takes. One that ended is told.
#[tokio::test]
async fn s41_s45_a_token_of_elsewhere() {
    let base = json!({ "tenant_id": TENANT, "client_id": CLIENT });
    let world = World::new()
        .var("AZURE_TENANT_ID", TENANT)
        .var("AZURE_CLIENT_ID", CLIENT)
        .var("AZURE_FEDERATED_TOKEN_FILE", "/run/token");
    let candidate = only(&world, &Hints::default()).await;
    let file = json!({ "federated_token_file": "/run/token" });
    assert_eq!(of(&candidate), ("workload-identity", with(base.clone(), file.clone())));

    let base = with(base, json!({ "subscription_id": SUBSCRIPTION }));
    let oidc = || terraform().var("ARM_USE_OIDC", "true");
    let candidate = only(&oidc().var("ARM_OIDC_TOKEN_FILE_PATH", "/run/token"), &Hints::default()).await;
    assert_eq!(of(&candidate), ("workload-identity", with(base.clone(), file)));
    let seconds = |time: std::time::SystemTime| {
        time.duration_since(std::time::SystemTime::UNIX_EPOCH).expect("a time").as_secs()
    };
    let good = jwt(&json!({ "iss": CANARY, "exp": seconds(World::after(300)) }));
    let candidate = only(&oidc().var("ARM_OIDC_TOKEN", &good), &Hints::default()).await;
    assert_eq!(of(&candidate), ("workload-identity", with(base, json!({ "federated_token": good }))));
    assert_eq!(candidate.expires_at, Some(World::after(300)));
    let over = jwt(&json!({ "iss": CANARY, "exp": seconds(World::start()) }));
    let error = fails(&oidc().var("ARM_OIDC_TOKEN", &over), &Hints::default()).await;
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(error.message().contains("ARM_OIDC_TOKEN") && error.hint().is_some(), "{error:?}");
    // In a pipeline it is asked for by whoever runs there.
    assert!(all(&oidc().context(), &Hints::default()).await.is_empty());
}

/// S45: a person's login of az is taken over, with the directory, the cloud and the subscription that az is set to.
#[tokio::test]
async fn s45_a_persons_login_of_az() {
    let taken =
        json!({ "tenant_id": TENANT, "refresh_token": "1.hunter2-of-az", "subscription_id": SUBSCRIPTION });
    let candidate = only(&az_login(World::new()), &Hints::default()).await;
    assert_eq!(of(&candidate), ("user-account", taken.clone()));
    assert!(
        candidate.found.contains("alice@example.org") && candidate.found.contains(AZ_FOLDER),
        "{}",
        candidate.found
    );
    assert!(candidate.notes.iter().any(|it| it.contains("taken over")), "{:?}", candidate.notes);

    let mut tokens = az_tokens();
    for at in ["/Account/a", "/RefreshToken/r"] {
        tokens.pointer_mut(at).expect("a part")["environment"] = json!("login.chinacloudapi.cn");
    }
    let china = az_subscription(json!({ "environmentName": "AzureChinaCloud" }));
    let candidate = only(&az_tokens_in(az_profile(World::new(), &[china]), &tokens), &Hints::default()).await;
    assert_eq!(of(&candidate).1, with(taken, json!({ "cloud": "china" })));

    let bare = az_subscription(json!({ "id": TENANT, "name": "N/A(tenant level account)" }));
    let candidate =
        only(&az_tokens_in(az_profile(World::new(), &[bare]), &az_tokens()), &Hints::default()).await;
    assert_eq!(of(&candidate).1, json!({ "tenant_id": TENANT, "refresh_token": "1.hunter2-of-az" }));
    assert!(candidate.notes.iter().any(|it| it.contains("--project ID")), "{:?}", candidate.notes);
    // Nobody is logged in.
    for world in [World::new(), az_profile(World::new(), &[])] {
        assert!(all(&world.context(), &Hints::default()).await.is_empty());
    }
}

/// Where only az can read its files, or has lost the login, a person logs in anew; an application is registered by hand.
#[tokio::test]
async fn a_login_that_cannot_be_lifted() {
    let sealed = |world: World, name: &str| world.file(&format!("{AZ_FOLDER}/{name}.bin"), CANARY);
    let alice = || az_profile(World::new(), &[az_subscription(json!({}))]);
    for (world, why) in
        [(alice(), "no login (any more)"), (sealed(alice(), "msal_token_cache"), "sealed by the platform")]
    {
        let candidate = only(&world, &Hints::default()).await;
        let config = json!({ "tenant_id": TENANT, "subscription_id": SUBSCRIPTION });
        assert_eq!(of(&candidate), ("user-account", config));
        let told = |it: &String| it.contains(why) && it.contains("log in anew");
        assert!(candidate.notes.iter().any(told), "{:?}", candidate.notes);
    }
    let app = || az_profile(World::new(), &[az_application()]);
    for world in [app(), sealed(app(), "service_principal_entries")] {
        let error = fails(&world, &Hints::default()).await;
        assert!(error.hint().is_some_and(|it| it.contains("service-principal")), "{error:?}");
    }
    let own = az_subscription(json!({ "environmentName": "MyStack" }));
    let world = az_tokens_in(az_profile(World::new(), &[own]), &az_tokens());
    let error = fails(&world, &Hints::default()).await;
    assert!(error.hint().is_some_and(|it| it.contains("authority_url")), "{error:?}");
}

/// S45: an application that logged in with az: by its secret, its certificate, a token of elsewhere.
#[tokio::test]
async fn s45_an_applications_login_of_az() {
    let (certificate, key) = certificate_and_key();
    let pem = format!("{certificate}{key}");
    let token = jwt(&json!({ "exp": 1_767_225_600 + 300 }));
    let base = json!({ "tenant_id": TENANT, "client_id": CLIENT, "subscription_id": SUBSCRIPTION });
    for (entry, method, field, value) in [
        (
            json!({ "client_secret": "hunter2-secret" }),
            "service-principal",
            "client_secret",
            "hunter2-secret",
        ),
        (json!({ "certificate": "/home/u/app.pem" }), "service-principal", "client_certificate", &*pem),
        (json!({ "client_assertion": token }), "workload-identity", "federated_token", &*token),
    ] {
        let entry = with(json!({ "client_id": CLIENT, "tenant": TENANT }), entry);
        let world = az_entries(az_profile(World::new(), &[az_application()]), &json!([entry]));
        let candidate = only(&world.file("/home/u/app.pem", &pem), &Hints::default()).await;
        assert_eq!(of(&candidate), (method, with(base.clone(), json!({ field: value }))));
        let end = (method == "workload-identity").then(|| World::after(300));
        assert_eq!(candidate.expires_at, end);
    }
}

/// S45: the connection string of a storage account comes behind all else; what is none is told, and not shown.
#[tokio::test]
async fn s45_a_connection_string_comes_last() {
    const NAME: &str = "AZURE_STORAGE_CONNECTION_STRING";
    let text = "AccountName=mystorage;AccountKey=aHVudGVyMi1hLWtleQ==";
    let candidate = only(&World::new().var(NAME, text), &Hints::default()).await;
    assert_eq!(of(&candidate), ("connection-string", json!({ "connection_string": text })));
    assert!(candidate.found.contains(NAME) && candidate.notes.len() == 1, "{candidate:?}");
    let world = az_login(World::new()).var(NAME, text);
    let found = all(&world.context(), &Hints::default()).await;
    let methods: Vec<_> = found.iter().map(|it| it.method).collect();
    assert_eq!(methods, ["user-account", "connection-string"]);
    assert!(
        all(&world.context(), &hints(Some("Production"), None, None)).await.len() == 1,
        "a profile is az's"
    );
    let error = fails(&World::new().var(NAME, CANARY), &Hints::default()).await;
    assert!(error.message().contains(NAME), "{error}");
    let candidate = only(&application().var(NAME, CANARY), &Hints::default()).await;
    assert!(candidate.notes.iter().any(|it| it.contains(NAME)), "{:?}", candidate.notes);
}

/// The subscription is chosen by its name or its id: of az, with who is logged in to it; else by its id alone.
#[tokio::test]
async fn a_subscription_is_chosen_by_name_or_id() {
    let staging = json!({ "id": OTHER, "name": "Staging", "isDefault": false, "tenantId": CLIENT });
    let az = |world: World| {
        let both = [az_subscription(json!({})), az_subscription(staging.clone())];
        az_tokens_in(az_profile(world, &both), &az_tokens())
    };
    for (profile, project) in
        [(Some("staging"), None), (Some(OTHER), None), (None, Some("STAGING")), (None, Some(OTHER))]
    {
        let candidate = only(&az(World::new()), &hints(profile, project, None)).await;
        let (method, config) = of(&candidate);
        assert_eq!(
            (method, &config["tenant_id"], &config["subscription_id"]),
            ("user-account", &json!(CLIENT), &json!(OTHER))
        );
    }
    // A profile is az's: nothing else is looked at. A project is one for whatever is found.
    let both = || az(application());
    let candidate = only(&both(), &hints(Some("Staging"), None, None)).await;
    assert_eq!(candidate.method, "user-account");
    let found = all(&both().context(), &hints(None, Some("Staging"), None)).await;
    let chosen: Vec<_> = found.iter().map(|it| (it.method, it.config["subscription_id"].clone())).collect();
    assert_eq!(chosen, [("service-principal", json!(OTHER)), ("user-account", json!(OTHER))]);
    // An id need not be one that az lists.
    let unknown = "12345678-7777-8888-9999-000000000000";
    let candidate = only(&application(), &hints(None, Some(unknown), None)).await;
    assert_eq!(candidate.config["subscription_id"], unknown);
    let candidate = only(&az(World::new()), &hints(None, Some(unknown), None)).await;
    assert_eq!(
        (candidate.config["subscription_id"].clone(), candidate.config["tenant_id"].clone()),
        (json!(unknown), json!(TENANT))
    );
    for (world, hints, says) in [
        (az(World::new()), hints(Some("hunter2"), None, None), "no subscription of this name"),
        (az(World::new()), hints(Some(unknown), None, None), "no subscription of this name"),
        (az(World::new()), hints(None, Some("hunter2"), None), "no subscription of this name"),
        (az(application()), hints(None, Some("hunter2"), None), "no subscription of this name"),
        (application(), hints(None, Some("hunter2"), None), "no id of a subscription"),
        (World::new(), hints(Some("x"), None, None), "nobody is logged in"),
        (
            az_profile(World::new(), &[az_subscription(json!({})), az_subscription(json!({ "id": OTHER }))]),
            hints(Some("production"), None, None),
            "several subscriptions",
        ),
    ] {
        let error = fails(&world, &hints).await;
        assert!(error.message().contains(says) && error.hint().is_some(), "{says}: {error:?}");
    }
}

/// S40, C19: the machine's identity is looked for only behind its switch, by one call; what asks for it without the switch
/// is told of that.
#[tokio::test]
async fn s40_c19_the_machine_is_asked_only_behind_the_switch() {
    let machine = || World::new().var("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION);
    let given = json!({ "access_token": "eyJ.hunter2.x", "expires_in": "3600" });
    let app = || machine().var("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi").var("IDENTITY_HEADER", CANARY);
    assert!(all(&machine().context(), &Hints::default()).await.is_empty());
    for method in ["implicit", "managed-identity"] {
        let error = fails(&machine(), &hints(None, None, Some(method))).await;
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(
            error.hint().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")),
            "{error:?}"
        );
    }
    for (world, more, calls, place) in [
        (machine().answers(json_answer(200, &given)), json!({}), 1, "http://169.254.169.254"),
        (
            machine().var("AZURE_CLIENT_ID", CLIENT).answers(json_answer(200, &given)),
            json!({ "client_id": CLIENT }),
            1,
            "http://169.254.169.254",
        ),
        (app(), json!({}), 0, "App Service"),
        (
            terraform().var("ARM_USE_MSI", "true").fails(Error::unreachable("no")),
            json!({ "client_id": CLIENT }),
            1,
            "ARM_USE_MSI",
        ),
    ] {
        let cx = world.context().with_implicit(true);
        let found = all(&cx, &Hints::default()).await;
        let config = with(json!({ "subscription_id": SUBSCRIPTION }), more);
        assert_eq!((found.len(), world.sent().len()), (1, calls), "{found:?}");
        assert_eq!(of(&found[0]), ("managed-identity", config));
        assert!(found[0].found.contains(place), "{}", found[0].found);
    }
    // Nobody is there, or nobody of this machine's own: az's login is behind it.
    let nobody =
        json_answer(400, &json!({ "error": "invalid_request", "error_description": "Identity not found" }));
    let stranger = Response::new(404, vec![("server".to_owned(), "EC2ws".to_owned())], Vec::new());
    for world in [no_metadata(World::new()), World::new().answers(nobody), World::new().answers(stranger)] {
        let world = az_login(world);
        let found = all(&world.context().with_implicit(true), &Hints::default()).await;
        assert_eq!((found.len(), found[0].method, found[0].notes.len()), (1, "user-account", 1), "{found:?}");
    }
    // What stands in the way is told with what is found, and is the error where nothing is.
    let several = || {
        json_answer(
            400,
            &json!({ "error": "x", "error_description": "Multiple user assigned identities exist" }),
        )
    };
    let world = az_login(World::new().answers(several()));
    let found = all(&world.context().with_implicit(true), &Hints::default()).await;
    assert!(found[0].notes.iter().any(|it| it.contains("several identities")), "{:?}", found[0].notes);
    let world = World::new().answers(several());
    let error = detect(&world.context().with_implicit(true), &Hints::default()).await.expect_err("several");
    assert!(error.hint().is_some_and(|it| it.contains("client_id")), "{error:?}");

    // az logged in as the machine: by its own identity, or by one of others in each way in which it keeps them.
    let identity = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
    );
    let logged_in = |info: &str| {
        let user = json!({ "name": "userAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": info });
        az_profile(World::new(), &[az_subscription(json!({ "user": user }))])
    };
    let error = fails(&logged_in("MSI"), &Hints::default()).await;
    assert!(
        error.hint().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")),
        "{error:?}"
    );
    for (info, more) in [
        ("MSI".to_owned(), json!({})),
        (format!("MSIClient-{CLIENT}"), json!({ "client_id": CLIENT })),
        (format!("MSIResource-{identity}"), json!({ "identity_resource_id": identity })),
    ] {
        let world = no_metadata(logged_in(&info));
        let found = all(&world.context().with_implicit(true), &Hints::default()).await;
        assert_eq!(
            of(&found[0]),
            ("managed-identity", with(json!({ "subscription_id": SUBSCRIPTION }), more))
        );
    }
    let world = no_metadata(logged_in(&format!("MSIObject-{CLIENT}")));
    let error =
        detect(&world.context().with_implicit(true), &Hints::default()).await.expect_err("an object id");
    assert!(error.hint().is_some_and(|it| it.contains("client_id")), "{error:?}");
}

/// What is found first is chosen, and tells what else there is; a method that is asked for has those that it can use.
#[tokio::test]
async fn the_first_tells_of_the_others() {
    let world = || az_login(application().var("AZURE_FEDERATED_TOKEN_FILE", "/run/token"));
    let found = all(&world().context(), &Hints::default()).await;
    let methods: Vec<_> = found.iter().map(|it| it.method).collect();
    assert_eq!(methods, ["service-principal", "workload-identity", "user-account"]);
    assert_eq!(found[0].notes.len(), 2, "{:?}", found[0].notes);
    assert!(found[0].notes[1].contains("alice@example.org"), "{:?}", found[0].notes);
    for method in methods {
        let candidate = only(&world(), &hints(None, None, Some(method))).await;
        assert_eq!(candidate.method, method);
    }
    assert!(all(&world().context(), &hints(None, None, Some("access-token"))).await.is_empty());
    // Used in its place, it is not lifted; what Azure's libraries do not look at is none of it.
    let asked = hints(None, None, Some("implicit"));
    let cx = |world: &World| world.context().with_implicit(true);
    let world = no_metadata(world());
    let found = all(&cx(&world), &asked).await;
    assert_eq!((found.len(), of(&found[0])), (1, ("implicit", json!({}))));
    assert!(found[0].notes[0].contains("stays with this machine"), "{:?}", found[0].notes);
    let world = no_metadata(terraform().var("ARM_CLIENT_SECRET", CANARY));
    assert!(all(&cx(&world), &asked).await.is_empty());
}

/// What is there and broken is an error, which shows nothing of it; a broken file of az's is one where nothing else is.
#[tokio::test]
async fn c28_what_is_broken_is_told_and_not_shown() {
    let profile =
        |world: World| world.var("HOME", "/home/u").file(&format!("{AZ_FOLDER}/azureProfile.json"), CANARY);
    let pfx = "/run/app.pfx";
    let certificate = |name: &str| terraform().var(name, pfx).file(pfx, "MIIKAwIBAzCCCc\u{0}hunter2");
    for (world, says) in [
        (World::new().var("AZURE_CLIENT_SECRET", CANARY), "AZURE_TENANT_ID"),
        (application().var("AZURE_CLIENT_ID", CANARY), "AZURE_CLIENT_ID"),
        (application().var("AZURE_AUTHORITY_HOST", "http://hunter2.example"), "AZURE_AUTHORITY_HOST"),
        (application().var("AZURE_SUBSCRIPTION_ID", CANARY), "AZURE_SUBSCRIPTION_ID"),
        (World::new().var("AZURE_FEDERATED_TOKEN_FILE", "/x"), "AZURE_TENANT_ID"),
        (World::new().var("ARM_CLIENT_SECRET", CANARY), "ARM_TENANT_ID"),
        (terraform().var("ARM_CLIENT_SECRET", CANARY).var("ARM_ENVIRONMENT", CANARY), "ARM_ENVIRONMENT"),
        (World::new().var("ARM_USE_OIDC", "1").var("ARM_OIDC_TOKEN", CANARY), "ARM_TENANT_ID"),
        (certificate("ARM_CLIENT_CERTIFICATE_PATH"), "ARM_CLIENT_CERTIFICATE_PATH"),
        (
            certificate("ARM_CLIENT_CERTIFICATE_PATH").var("ARM_CLIENT_CERTIFICATE_PASSWORD", CANARY),
            "certificates with a passphrase are not taken",
        ),
        (profile(World::new()), "azureProfile.json"),
    ] {
        let error = fails(&world, &Hints::default()).await;
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    let found = all(&profile(application()).context(), &Hints::default()).await;
    assert_eq!((found.len(), found[0].method), (1, "service-principal"));
    assert!(found[0].notes.iter().any(|it| it.contains("azureProfile.json")), "{:?}", found[0].notes);
}
