//! The strict Azure is proved with Microsoft's own Python libraries: what they send it takes, and what it refuses they
//! tell.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use connector_tests::install::{self, Python};
use connector_tests::strict_aws::Issuer;
use connector_tests::strict_azure::{Block, DOMAIN, SUBSCRIPTION, StrictAzure, TENANT};
use connector_tests::{process, skip};
use serde_json::{Value, json};
use tempfile::TempDir;

const ROBOT: &str = "99999999-8888-4777-8666-555555555555";
const PROGRAM: &str = "77777777-8888-4777-8666-555555555555";
const ALICE: &str = "alice@strict.onmicrosoft.com";
const ARM: &str = "https://management.azure.com";
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A server with a program that has a secret, and Microsoft's Python libraries.
struct Setting {
    azure: StrictAzure,
    oid: String,
    secret: String,
    group: String,
    python: Python,
    home: TempDir,
}

impl Setting {
    fn new(test: &str) -> Option<Self> {
        let python = match install::python() {
            Ok(python) => python,
            Err(reason) => {
                skip::skip(test, reason);
                return None;
            }
        };
        let azure = StrictAzure::start();
        let oid = azure.add_app(TENANT, ROBOT);
        let secret = azure.add_secret(ROBOT);
        let group = azure.add_group(SUBSCRIPTION, "lab");
        Some(Self { azure, oid, secret, group, python, home: tempfile::tempdir().expect("a folder") })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path that is text").to_owned()
    }

    fn command(&self, more: &[(&str, &str)], arguments: &[&str]) -> Command {
        let ca = self.write("ca.pem", self.azure.ca());
        let mut command = self.python.python(self.home.path());
        command
            .args(["-c", include_str!("client.py")])
            .args(arguments)
            .env("TWIN", self.azure.url())
            .env("TENANT", TENANT)
            .env("CLIENT", ROBOT)
            .env("REQUESTS_CA_BUNDLE", ca)
            .envs(more.iter().copied());
        command
    }

    fn run(&self, more: &[(&str, &str)], arguments: &[&str]) -> Value {
        process::run(&mut self.command(more, arguments)).expect_success().json()
    }

    /// With the secret of the program, for one account.
    fn by_secret(&self, account: &str, arguments: &[&str]) -> Value {
        let more = [("CREDENTIAL", "secret"), ("VALUE", &*self.secret), ("ACCOUNT", account)];
        self.run(&more, arguments)
    }

    /// Whose tokens these are, and for what.
    fn owners(&self, told: &Value) -> Vec<(String, String)> {
        let tokens = told["result"].as_array().unwrap_or_else(|| panic!("no tokens: {told}"));
        let owner = |token: &Value| self.azure.owner(token.as_str().unwrap_or_default());
        tokens.iter().map(|token| owner(token).unwrap_or_else(|| panic!("not of this server"))).collect()
    }

    fn mints(&self) -> usize {
        self.azure.calls().matching(|call| call.path.ends_with("/oauth2/v2.0/token")).len()
    }
}

/// What came of it.
#[track_caller]
fn result(told: &Value) -> Value {
    assert!(told.get("refused").is_none(), "{told}");
    told["result"].clone()
}

#[track_caller]
fn refused(told: &Value, words: &str) {
    assert!(told["refused"].as_str().is_some_and(|text| text.contains(words)), "{told}");
}

const SCOPE: &str = "https://management.azure.com/.default";

#[test]
fn azure_identity_shows_secrets_certificates_and_identities_from_elsewhere() {
    let Some(setting) =
        Setting::new("azure_identity_shows_secrets_certificates_and_identities_from_elsewhere")
    else {
        return;
    };
    let (azure, oid) = (&setting.azure, &setting.oid);
    let own = (oid.clone(), ARM.to_owned());
    let by = |kind: &str, value: &str| {
        setting.run(&[("CREDENTIAL", kind), ("VALUE", value)], &["tokens", SCOPE, SCOPE])
    };
    // It keeps what it has got.
    assert_eq!(setting.owners(&by("secret", &setting.secret)), [own.clone(), own.clone()]);
    assert_eq!(setting.mints(), 1);
    refused(&by("secret", "wrong"), "AADSTS7000215");
    let made = azure.add_certificate(ROBOT);
    let file = setting.write("client.pem", &format!("{}{}", made.key, made.certificate));
    assert_eq!(setting.owners(&by("certificate", &file)), [own.clone(), own.clone()]);
    let other = azure.add_app(TENANT, "other");
    let foreign = azure.add_certificate("other");
    let file = setting.write("foreign.pem", &format!("{}{}", foreign.key, foreign.certificate));
    refused(&by("certificate", &file), "AADSTS700027");
    assert_ne!(&other, oid);

    let issuer = Issuer::rs256("https://issuer.test");
    azure.add_federated(ROBOT, &issuer, "system:serviceaccount:a:b", AUDIENCE);
    let token = |subject: &str| azure.token_of(&issuer, subject, AUDIENCE, Duration::from_secs(600));
    let good = token("system:serviceaccount:a:b");
    assert_eq!(setting.owners(&by("assertion", &good)), [own.clone(), own.clone()]);
    refused(&by("assertion", &token("system:serviceaccount:a:c")), "AADSTS700213");
    let file = setting.write("token", &good);
    let workload = [
        ("CREDENTIAL", "workload"),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", ROBOT),
        ("AZURE_FEDERATED_TOKEN_FILE", &file),
    ];
    assert_eq!(setting.owners(&setting.run(&workload, &["tokens", SCOPE])), [own]);

    let tenant = |name: &str| {
        let more = [("CREDENTIAL", "secret"), ("VALUE", &*setting.secret), ("TENANT", name)];
        setting.run(&more, &["tokens", SCOPE])
    };
    setting.owners(&tenant(DOMAIN));
    refused(&tenant("example.com"), "example.com");
    azure.block(oid, Block::ConditionalAccess);
    refused(&by("secret", &setting.secret), "AADSTS53003");
    azure.unblock(oid);
    // A busy server is asked again.
    azure.throttle_tokens(1, 0);
    setting.owners(&by("secret", &setting.secret));
}

#[test]
fn azure_identity_finds_managed_identities() {
    let Some(setting) = Setting::new("azure_identity_finds_managed_identities") else { return };
    let azure = &setting.azure;
    let own = azure.set_system_identity();
    let other = azure.assign_identity(&setting.group, "other");
    let machine = azure.identity().url();
    let run = |more: &[(&str, &str)], client: &str| {
        let mut command = setting.command(&[&[("CREDENTIAL", "managed")], more].concat(), &["tokens", SCOPE]);
        if client.is_empty() {
            command.env_remove("CLIENT");
        } else {
            command.env("CLIENT", client);
        }
        process::run(&mut command).expect_success().json()
    };
    let imds = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", &*machine)];
    let owner = |oid: &str| [(oid.to_owned(), ARM.to_owned())];
    assert_eq!(setting.owners(&run(&imds, "")), owner(&own.object_id));
    assert_eq!(setting.owners(&run(&imds, &other.client_id)), owner(&other.object_id));
    refused(&run(&imds, ROBOT), "Identity not found");
    let (endpoint, header) = azure.set_app_service();
    let service = |header| [("IDENTITY_ENDPOINT", &*endpoint), ("IDENTITY_HEADER", header)];
    assert_eq!(setting.owners(&run(&service(&header), "")), owner(&own.object_id));
    assert_eq!(setting.owners(&run(&service(&header), &other.client_id)), owner(&other.object_id));
    refused(&run(&service("wrong"), ""), "401");
    let default = [&service(&header)[..], &[("CREDENTIAL", "default")]].concat();
    assert_eq!(setting.owners(&setting.run(&default, &["tokens", SCOPE])), owner(&own.object_id));
}

#[test]
fn azure_identity_signs_people_in_by_device_and_by_browser() {
    let Some(setting) = Setting::new("azure_identity_signs_people_in_by_device_and_by_browser") else {
        return;
    };
    let azure = &setting.azure;
    let alice = azure.add_person(TENANT, ALICE);
    azure.add_public_app(TENANT, PROGRAM);
    let storage = "https://storage.azure.com";
    let scopes = ["tokens", SCOPE, "https://storage.azure.com/.default"];
    let both = [(alice.clone(), ARM.to_owned()), (alice.clone(), storage.to_owned())];
    let mut device = setting.command(&[("CREDENTIAL", "device"), ("CLIENT", PROGRAM)], &scopes);
    let mut child = device.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("its output"));
    let mut code = String::new();
    out.read_line(&mut code).expect("a code");
    assert_eq!(azure.approve_devices(Some(code.trim()), ALICE), 1);
    child.stdin.take().expect("its input").write_all(b"\n").expect("it waits");
    let mut text = String::new();
    out.read_to_string(&mut text).expect("an answer");
    child.wait().expect("it ends");
    // The second token is had by the refresh token of the first.
    assert_eq!(setting.owners(&serde_json::from_str(&text).expect("JSON")), both);
    let grants = |kind: &str| {
        azure.calls().matching(|call| call.parameter("grant_type").is_some_and(|it| it == kind)).len()
    };
    assert_eq!(grants("refresh_token"), 1);

    azure.sign_in_as(ALICE);
    let browser = [("CREDENTIAL", "browser"), ("CLIENT", PROGRAM)];
    assert_eq!(setting.owners(&setting.run(&browser, &scopes)), both);
    assert_eq!((grants("authorization_code"), grants("refresh_token")), (1, 2));
    azure.refuse_sign_in();
    refused(&setting.run(&browser, &scopes), "AADSTS65004");
}

#[test]
fn azure_storage_blob_reads_and_writes_by_role_and_by_signature() {
    let Some(setting) = Setting::new("azure_storage_blob_reads_and_writes_by_role_and_by_signature") else {
        return;
    };
    let azure = &setting.azure;
    let account = azure.add_storage_account(&setting.group, "strictdata");
    azure.add_container("strictdata", "data");
    azure.add_container("strictdata", "more");
    azure.put_blob("strictdata", "data", "team-a/1.txt", "one");
    azure.put_blob("strictdata", "data", "team-b/2.txt", "two");
    let run = |arguments: &[&str]| setting.by_secret("strictdata", arguments);
    refused(&run(&["containers"]), "AuthorizationPermissionMismatch");
    azure.grant(&setting.oid, "Storage Blob Data Reader", &account);
    assert_eq!(result(&run(&["containers"])), json!(["data", "more"]));
    assert_eq!(result(&run(&["list", "data", "team-a/"])), json!(["team-a/1.txt"]));
    assert_eq!(result(&run(&["read", "data", "team-a/1.txt"])), "one");
    refused(&run(&["write", "data", "x", "y"]), "AuthorizationPermissionMismatch");
    refused(&run(&["read", "data", "none"]), "BlobNotFound");
    refused(&run(&["read", "none", "none"]), "ContainerNotFound");
    assert_eq!(result(&run(&["signed-list", "data", "rl"])), json!(["team-a/1.txt", "team-b/2.txt"]));
    refused(&run(&["signed-list", "data", "r"]), "AuthorizationPermissionMismatch");
    // What the signer may not, the signature does not either.
    refused(&run(&["signed-write", "data", "w", "x"]), "AuthorizationPermissionMismatch");
    azure.grant(&setting.oid, "Storage Blob Data Contributor", &account);
    assert_eq!(run(&["write", "data", "dir/a b", "hello"]), json!({ "result": null }));
    assert_eq!(azure.blob("strictdata", "data", "dir/a b").as_deref(), Some(b"hello".as_slice()));
    assert_eq!(result(&run(&["write-in-blocks", "data", "big", "200000"])), 200_000);
    assert_eq!(run(&["signed-write", "data", "cw", "x"]), json!({ "result": null }));
    assert_eq!(run(&["delete", "data", "x"]), json!({ "result": null }));
    assert_eq!(run(&["create", "fresh"]), json!({ "result": null }));

    let key = azure.account_key("strictdata");
    let by_key = |arguments: &[&str]| {
        setting.run(&[("CREDENTIAL", "key"), ("VALUE", &key), ("ACCOUNT", "strictdata")], arguments)
    };
    assert_eq!(result(&by_key(&["signed-list", "more", "rl"])), json!([]));
    assert_eq!(result(&by_key(&["read", "data", "dir/a b"])), "hello");
    assert_eq!(result(&by_key(&["write", "data", "dir/ü", "x"])), Value::Null);
    azure.refuse_shared_keys("strictdata");
    refused(&by_key(&["containers"]), "KeyBasedAuthenticationNotPermitted");
    refused(&by_key(&["signed-list", "more", "rl"]), "KeyBasedAuthenticationNotPermitted");
}

#[test]
fn azure_cosmos_reads_and_writes_by_key_and_by_role() {
    let Some(setting) = Setting::new("azure_cosmos_reads_and_writes_by_key_and_by_role") else { return };
    let azure = &setting.azure;
    let account = azure.add_cosmos(&setting.group, "strictdb");
    azure.add_cosmos_container("strictdb", "shop", "orders", "/customer");
    azure.add_cosmos_container("strictdb", "shop", "others", "/customer");
    let (key, readonly) = azure.cosmos_keys("strictdb");
    let by_key = |key: &str, arguments: &[&str]| {
        setting.run(&[("CREDENTIAL", "key"), ("VALUE", key), ("ACCOUNT", "strictdb")], arguments)
    };
    assert_eq!(result(&by_key(&key, &["databases"])), json!(["shop"]));
    assert_eq!(result(&by_key(&key, &["item", "shop", "orders"])), json!([7, 7, ["1"]]));
    assert_eq!(by_key(&readonly, &["item", "shop", "orders"])["code"], 403);
    assert_eq!(by_key("b3RoZXI=", &["databases"])["code"], 401);
    let by_role = |arguments: &[&str]| setting.by_secret("strictdb", arguments);
    assert_eq!(by_role(&["databases"])["code"], 403);
    azure.grant(&setting.oid, "Cosmos DB Built-in Data Reader", &account);
    assert_eq!(result(&by_role(&["databases"])), json!(["shop"]));
    assert_eq!(by_role(&["item", "shop", "others"])["code"], 403);
    azure.grant(&setting.oid, "Cosmos DB Built-in Data Contributor", &account);
    assert_eq!(result(&by_role(&["item", "shop", "others"])), json!([7, 7, ["1"]]));
}

#[test]
fn azure_keyvault_secrets_follows_the_challenge() {
    let Some(setting) = Setting::new("azure_keyvault_secrets_follows_the_challenge") else { return };
    let azure = &setting.azure;
    let vault = azure.add_vault(&setting.group, "strict-vault");
    azure.put_secret("strict-vault", "db", "one");
    azure.put_secret("strict-vault", "db", "s3cr3t");
    azure.put_secret("strict-vault", "mail", "other");
    let run = |arguments: &[&str]| setting.by_secret("strict-vault", arguments);
    refused(&run(&["secrets"]), "ForbiddenByRbac");
    azure.grant(&setting.oid, "Key Vault Secrets User", &vault);
    assert_eq!(result(&run(&["secrets"])), json!(["db", "mail"]));
    assert_eq!(result(&run(&["secret", "db"])), "s3cr3t");
    refused(&run(&["secret", "none"]), "SecretNotFound");
    assert_eq!(run(&["keep", "new", "three"])["code"], 403);
    azure.grant(&setting.oid, "Key Vault Secrets Officer", &vault);
    assert_eq!(result(&run(&["keep", "new", "three"])), "new");
    assert_eq!(azure.secret("strict-vault", "new").as_deref(), Some("three"));
}

#[test]
fn azure_containerregistry_exchanges_its_token() {
    let Some(setting) = Setting::new("azure_containerregistry_exchanges_its_token") else { return };
    let azure = &setting.azure;
    let registry = azure.add_registry(&setting.group, "strict");
    let digest = azure.add_image("strict", "app", "v1");
    azure.add_image("strict", "team/tool", "v1");
    let opened = azure.open_registry("strict");
    let host = opened.address().to_string();
    let run = |arguments: &[&str]| {
        let more = [("CREDENTIAL", "secret"), ("VALUE", &*setting.secret), ("REGISTRY", &*host)];
        setting.run(&more, arguments)
    };
    assert_eq!(run(&["repositories"])["code"], 401);
    azure.grant(&setting.oid, "AcrPull", &registry);
    assert_eq!(result(&run(&["repositories"])), json!(["app", "team/tool"]));
    assert_eq!(result(&run(&["tags", "app"])), json!(["v1"]));
    assert_eq!(result(&run(&["manifest", "app", "v1"])), digest.as_str());
    assert_eq!(run(&["push", "app", "hello"])["code"], 401);
    azure.grant(&setting.oid, "AcrPush", &registry);
    assert_eq!(result(&run(&["push", "app", "hello"])), json!(["hello"]));
}
