use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::parse_time;

use super::*;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const SUBSCRIPTION: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
const ARM: &str = "https://management.azure.com";
const VAULT: &str = "https://vault.azure.net";
const STORAGE: &str = "https://storage.azure.com";

fn jwt(claims: &serde_json::Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn issued_as(shown: Shown) -> Issued<AzureCredential> {
    let mut credential = AzureCredential::new(shown);
    credential.subscription_id = Some(SUBSCRIPTION.into());
    credential.tenant_id = Some("contoso.onmicrosoft.com".into());
    credential.endpoint = Some(ARM.into());
    credential.authority = Some("https://login.microsoftonline.com".into());
    Issued::new(credential, Expiry::At(parse_time("2026-11-22T04:36:43.9Z").expect("a time")))
}

fn issued(audience: &str) -> Issued<AzureCredential> {
    let token = jwt(&json!({ "tid": TENANT, "appid": "an-application" }));
    issued_as(Shown::Token { token: token.into(), audience: audience.into() })
}

fn site() -> Site {
    Site::new("127.0.0.1:4711", "/run/agent", "session".into())
}

fn asked(query: &str) -> Asked {
    Asked::new("GET", &format!("{PATH}?{query}"))
}

fn asked_for(resource: &str) -> Asked {
    asked(&format!("api-version=2019-08-01&resource={resource}"))
}

fn answer(asked: &Asked, issued: &Issued<AzureCredential>) -> Answer {
    AppService.answer(asked, issued, SystemTime::UNIX_EPOCH)
}

#[track_caller]
fn refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!((answer.status(), answer.content_type()), (status, "application/json"));
    let told: serde_json::Value = serde_json::from_str(answer.body().expose()).expect("JSON");
    assert_eq!((told.as_object().map(serde_json::Map::len), &told["statusCode"]), (Some(2), &status.into()));
    assert!(told["message"].as_str().is_some_and(|it| it.contains(words)), "{told}");
}

#[test]
fn the_answer_is_what_sdks_read() {
    let issued = issued(VAULT);
    let told = answer(&asked_for("https://vault.azure.net"), &issued);
    assert_eq!((told.status(), told.content_type()), (200, "application/json"));
    let (token, _) = issued.credential.token().expect("a token");
    assert_eq!(
        told.body().expose(),
        format!(
            r#"{{"access_token":"{}","expires_on":"1795322203","resource":"https://vault.azure.net","token_type":"Bearer","client_id":"an-application"}}"#,
            token.expose()
        )
    );
    let opaque = issued_as(Shown::Token { token: "opaque".into(), audience: VAULT.into() });
    assert_eq!(
        answer(&asked_for("https://vault.azure.net/"), &opaque).body().expose(),
        r#"{"access_token":"opaque","expires_on":"1795322203","resource":"https://vault.azure.net/","token_type":"Bearer"}"#
    );
}

/// C21: the token of the session is shown in the protocol's own header; what is set leads here alone, and holds no token
/// of Entra ID.
#[test]
fn c21_the_environment_leads_here_and_holds_no_token() {
    assert_eq!(AppService.proof(PATH), Proof::Header("x-identity-header"));
    assert!(AppService.proof(PATH).is_secret() && AppService.claims(PATH));
    for path in ["/", "/msi/token/", "/MSI/token", "/metadata/identity/oauth2/token"] {
        assert!(!AppService.claims(path), "{path}");
    }
    let form = AppService.set_up(&site(), &issued(ARM)).expect("a set-up").environment;
    let set: Vec<_> = form.set.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(
        set,
        [
            ("AZURE_TENANT_ID", "contoso.onmicrosoft.com"),
            ("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION),
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:4711/msi/token"),
            ("IDENTITY_HEADER", "session"),
            ("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential"),
            ("AZURE_CONFIG_DIR", "/run/agent"),
        ]
    );
    let others = tool::environment(&issued(ARM).credential, &issued(ARM).expiry);
    let others = others.set.into_iter().map(|(name, _)| name).chain(others.unset);
    for name in others.chain(["AZURE_CLOUD_NAME".to_owned()]) {
        let times = |list: &[String]| list.iter().filter(|it| **it == name).count();
        let names: Vec<_> = form.set.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(times(&form.unset) + times(&names), 1, "{name}");
    }
    // Each of these makes another protocol, or another identity, of what is set.
    for name in
        ["IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET", "AZURE_CLIENT_ID"]
    {
        assert!(form.unset.iter().any(|it| it == name), "{name}");
    }
}

/// S47: az is logged in as the machine's identity, in the cloud and the subscription of the credential, and has no token.
#[test]
fn s47_az_finds_itself_logged_in() {
    let files = |issued: &Issued<AzureCredential>| {
        let files = AppService.set_up(&site(), issued).expect("a set-up").files;
        files.into_iter().map(|(name, text)| (name, text.expose().to_owned())).collect::<Vec<_>>()
    };
    let profile = json!({ "subscriptions": [{
        "id": SUBSCRIPTION, "name": SUBSCRIPTION, "state": "Enabled", "isDefault": true, "tenantId": TENANT,
        "environmentName": "AzureCloud",
        "user": { "name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": "MSI" },
    }]});
    assert_eq!(
        files(&issued(ARM)),
        [
            ("config", "[core]\ncollect_telemetry = false\n[cloud]\nname = AzureCloud\n".to_owned()),
            ("clouds.config", format!("[AzureCloud]\nsubscription = {SUBSCRIPTION}\n")),
            ("azureProfile.json", profile.to_string()),
        ]
    );
    // The endpoint of a vault is not that of Resource Manager.
    let mut of_vault = issued(VAULT);
    of_vault.credential.endpoint = Some("https://zen.vault.azure.net".into());
    of_vault.credential.subscription_id = None;
    let told = files(&of_vault);
    assert!(told[0].1.ends_with("name = AzureCloud\n") && told[1].1 == "[AzureCloud]\n", "{told:?}");
    assert!(told[2].1.contains("N/A(tenant level account)"), "{told:?}");

    let mut elsewhere = issued(ARM);
    elsewhere.credential.endpoint = Some("https://127.0.0.1:9000/100%".into());
    let told = files(&elsewhere);
    assert!(told[0].1.ends_with("name = connector\n"), "{told:?}");
    assert_eq!(
        told[1].1,
        format!(
            "[connector]\nsubscription = {SUBSCRIPTION}\n\
             endpoint_active_directory = https://login.microsoftonline.com\n\
             endpoint_active_directory_resource_id = https://management.azure.com\n\
             endpoint_management = https://127.0.0.1:9000/100%%/\n\
             endpoint_resource_manager = https://127.0.0.1:9000/100%%/\n"
        )
    );
    // Nobody knows the directory's id: az says to log in.
    let opaque = issued_as(Shown::Token { token: "opaque".into(), audience: ARM.into() });
    assert_eq!(files(&opaque).len(), 2);
}

/// S49: one endpoint is asked for every service, and each gets a token of its own.
#[test]
fn s49_a_subscription_is_asked_for_every_service() {
    let open = Grant::new("azure-generic", SUBSCRIPTION);
    let within = |resource: &str| AppService.wants(&asked_for(resource), &open).map(|it| it.within);
    for (resource, service) in [
        ("https://vault.azure.net", Some(VAULT)),
        ("https%3A%2F%2Fvault.azure.net%2F", Some(VAULT)),
        ("https://storage.azure.com/.default", Some(STORAGE)),
        ("https://zen.blob.core.windows.net", Some("https://zen.blob.core.windows.net")),
        ("api://my-own", Some("api://my-own")),
        ("6dae42f8-4368-4678-94ff-3960e28e3630", Some("6dae42f8-4368-4678-94ff-3960e28e3630")),
        // Resource Manager by any of its names is what a grant without a part is for.
        ("https://management.azure.com", None),
        ("https://management.azure.com/", None),
        ("https://management.core.windows.net/", None),
        ("https://management.core.windows.net//.default", None),
        ("797f4846-ba00-4fd7-ba43-dac1f8f63013", None),
        ("https://management.usgovcloudapi.net", None),
    ] {
        assert_eq!(within(resource).expect("a service"), service.map(str::to_owned), "{resource}");
    }
    // A grant that is for one service stays for that one.
    for grant in
        [open.clone().with_within(STORAGE), Grant::new("secret", "https://zen.vault.azure.net/secrets/a")]
    {
        assert_eq!(AppService.wants(&asked_for(VAULT), &grant).expect("a service"), grant);
    }
}

#[test]
fn a_token_for_another_service_is_not_given() {
    for (ours, asked, is_given) in [
        (ARM, "https://management.core.windows.net/", true),
        (ARM, "https://management.azure.com/.default", true),
        // Registries exchange it.
        (ARM, "https://containerregistry.azure.net", true),
        (STORAGE, "https://zen.blob.core.windows.net", true),
        (STORAGE, "e406a681-f3d4-42a8-90b6-c2b029497af1", true),
        (VAULT, "HTTPS://vault.azure.net", false),
        (VAULT, ARM, false),
        (VAULT, "https://vault.usgovcloudapi.net", false),
        (ARM, "https://management.usgovcloudapi.net", false),
        ("https://zen.blob.core.windows.net", STORAGE, false),
    ] {
        let told = answer(&asked_for(asked), &issued(ours));
        assert_eq!(told.status() == 200, is_given, "{ours} {asked}");
    }
    let told = answer(&asked_for(ARM), &issued(VAULT));
    refused(
        &told,
        400,
        "gives tokens for https://vault.azure.net, and none for https://management.azure.com",
    );
    refused(&told, 400, "bind `azure-generic`");
}

#[test]
fn what_is_no_request_for_a_token_is_refused_before_anything_is_issued() {
    let open = Grant::new("azure-generic", SUBSCRIPTION);
    for (query, words) in [
        ("", "`api-version` has to be 2019-08-01"),
        ("resource=https://vault.azure.net", "`api-version`"),
        ("api-version=2017-09-01&resource=https://vault.azure.net", "MSI_ENDPOINT"),
        ("api-version=2018-02-01&resource=https://vault.azure.net", "`api-version`"),
        ("api-version=2019-08-01", "`resource`: expected the URL or the id of a service"),
        ("api-version=2019-08-01&resource=", "`resource`"),
        ("api-version=2019-08-01&resource=vault", "`resource`"),
        ("api-version=2019-08-01&resource=http://vault.azure.net", "`resource`"),
        ("api-version=2019-08-01&resource=https://vault.azure.net%20hunter2", "`resource`"),
    ] {
        let told = AppService.wants(&asked(query), &open).expect_err(query);
        refused(&told, 400, words);
        assert!(!told.body().expose().contains("hunter2"));
        refused(&answer(&asked(query), &issued(VAULT)), 400, words);
    }
    // Which identity is meant makes no difference: there is one.
    for more in ["client_id=x", "object_id=", "mi_res_id=/subscriptions/x", "msi_res_id=y&client_id=z"] {
        let query = format!("{more}&api-version=2019-08-01&resource=https://vault.azure.net");
        assert_eq!(answer(&asked(&query), &issued(VAULT)).status(), 200, "{more}");
    }
    refused(&AppService.refuse(&Refusal::new(401, "token", "no")), 401, "no");
}

/// What does not end, or is no token, is not given by an endpoint, and the fix is named.
#[test]
fn what_is_no_token_is_refused_when_it_is_set_up() {
    let mut endless = issued(ARM);
    endless.expiry = Expiry::Never("nobody said when this token ends".into());
    for (issued, says, fix) in [
        (endless, "whose end nobody knows", "service-principal"),
        (issued_as(Shown::Signature("sig=hunter2".into())), "a signature is no token", "azure-generic"),
        (issued_as(Shown::ConnectionString("AccountKey=hunter2".into())), "a connection string", "Entra ID"),
    ] {
        let error = AppService.set_up(&site(), &issued).expect_err(says);
        assert!(
            error.message().contains(says) && error.hint().is_some_and(|it| it.contains(fix)),
            "{error:?}"
        );
        let told = answer(&asked_for(ARM), &issued);
        refused(&told, 403, says);
        assert!(!told.body().expose().contains("hunter2"));
    }
}
