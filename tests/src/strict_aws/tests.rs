//! The endpoint is proved with the vendor's own client: what the real `aws` program accepts and reports.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::install::{self, Python};
use crate::process::{self, Finished};

/// A server, and the real `aws` program with a home of its own.
struct Setting {
    server: StrictAws,
    python: Python,
    home: TempDir,
}

impl Setting {
    fn new() -> Self {
        let python = install::python().expect("the Python tools");
        Self { server: StrictAws::start(), python, home: tempfile::tempdir().expect("a temporary folder") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.python.aws(self.home.path());
        command.env("AWS_ENDPOINT_URL", self.server.url()).env("AWS_MAX_ATTEMPTS", "1").args(arguments);
        command
    }

    fn aws(&self, keys: &Keys, arguments: &[&str]) -> Finished {
        process::run(keys.apply(&mut self.command(arguments)))
    }

    fn assume(&self, keys: &Keys, role: &str, more: &[&str]) -> Finished {
        let arguments = ["sts", "assume-role", "--role-session-name", "test", "--role-arn", role];
        self.aws(keys, &[&arguments, more].concat())
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
}

/// The client must have failed with this code and these words.
#[track_caller]
fn refused(finished: &Finished, code: &str, words: &str) {
    let text = finished.stderr_text();
    assert_eq!(finished.code, Some(255), "{finished:?}");
    assert!(text.contains(&format!("({code})")) && text.contains(words), "{finished:?}");
}

fn keys_of(finished: Finished) -> Keys {
    Keys::from_json(&finished.expect_success().json()["Credentials"])
}

const WHO: [&str; 2] = ["sts", "get-caller-identity"];

#[test]
fn signatures_are_checked() {
    let setting = Setting::new();
    let alice = setting.server.add_user("alice");
    let told = setting.aws(&alice, &WHO).expect_success().json();
    assert_eq!(told["Arn"], "arn:aws:iam::123456789012:user/alice");
    assert_eq!(told["Account"], ACCOUNT);

    let wrong = Keys::new(&alice.access_key_id, "wrong");
    refused(&setting.aws(&wrong, &WHO), "SignatureDoesNotMatch", "does not match the signature you provided");
    let unknown = Keys::new("AKIAUNKNOWN", "secret");
    refused(
        &setting.aws(&unknown, &WHO),
        "InvalidClientTokenId",
        "security token included in the request is invalid",
    );

    setting.server.advance(Duration::from_secs(3600));
    refused(&setting.aws(&alice, &WHO), "SignatureDoesNotMatch", "Signature expired: ");
    setting.server.set_back(Duration::from_secs(7200));
    refused(&setting.aws(&alice, &WHO), "SignatureDoesNotMatch", "Signature not yet current: ");
    setting.server.tolerate_skew();
    setting.aws(&alice, &WHO).expect_success();
    setting.server.throttle(1);
    refused(&setting.aws(&alice, &WHO), "Throttling", "Rate exceeded");
    assert_eq!(setting.server.calls().of("GetCallerIdentity").len(), 7);
}

#[test]
fn roles_are_assumed_within_their_bounds() {
    let setting = Setting::new();
    let server = &setting.server;
    let alice = server.add_user("alice");
    let role = Role::named("reader").trusting_user("alice").with_max_session(Duration::from_secs(7200));
    let reader = server.add_role(role.with_tags().with_source_identity());
    let chained = server.add_role(
        Role::named("chained").trusting_role("reader").with_max_session(Duration::from_secs(43200)),
    );

    let more = ["--duration-seconds", "7200", "--tags", "Key=team,Value=a b", "--source-identity", "alice"];
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let issued = setting.assume(&alice, &reader, &[&more[..], &["--policy", policy]].concat());
    let session = keys_of(issued);
    let facts = server.session(&session.access_key_id).expect("a session");
    assert_eq!(facts.policy.as_deref(), Some(policy));
    assert_eq!(facts.tags, [("team".to_owned(), "a b".to_owned())]);
    assert_eq!(facts.source_identity.as_deref(), Some("alice"));
    assert_eq!(facts.asked_seconds, 7200);

    let told = setting.aws(&session, &WHO).expect_success().json();
    assert_eq!(told["Arn"], "arn:aws:sts::123456789012:assumed-role/reader/test");
    let too_long = setting.assume(&alice, &reader, &["--duration-seconds", "7201"]);
    refused(&too_long, "ValidationError", "exceeds the MaxSessionDuration set for this role");
    let too_long = setting.assume(&session, &chained, &["--duration-seconds", "3601"]);
    refused(
        &too_long,
        "ValidationError",
        "exceeds the 1 hour session limit for roles assumed by role chaining",
    );
    let inherited = keys_of(setting.assume(&session, &chained, &[]));
    let facts = server.session(&inherited.access_key_id).expect("a session");
    assert_eq!(facts.source_identity.as_deref(), Some("alice"));

    refused(
        &setting.assume(&alice, &chained, &[]),
        "AccessDenied",
        "not authorized to perform: sts:AssumeRole",
    );
    let root = server.add_root();
    refused(&setting.assume(&root, &reader, &[]), "AccessDenied", "may not be assumed by root accounts");

    server.tolerate_skew();
    server.advance(Duration::from_secs(7200));
    refused(
        &setting.aws(&session, &WHO),
        "ExpiredToken",
        "security token included in the request is expired",
    );
}

#[test]
fn external_ids_codes_and_policy_sizes_are_checked() {
    let setting = Setting::new();
    let server = &setting.server;
    let alice = server.add_user("alice");
    let outer = server.add_role(Role::named("outer").trusting_user("alice").with_external_id("ext-1"));
    refused(&setting.assume(&alice, &outer, &[]), "AccessDenied", "sts:AssumeRole");
    refused(&setting.assume(&alice, &outer, &["--external-id", "ext-2"]), "AccessDenied", "sts:AssumeRole");
    setting.assume(&alice, &outer, &["--external-id", "ext-1"]).expect_success();

    let guarded = server.add_role(Role::named("guarded").trusting_user("alice").with_mfa());
    let serial = server.add_device("alice", "123456");
    let code = |code: &'static str| ["--serial-number", serial.as_str(), "--token-code", code];
    refused(&setting.assume(&alice, &guarded, &[]), "AccessDenied", "sts:AssumeRole");
    let wrong = setting.assume(&alice, &guarded, &code("000000"));
    refused(&wrong, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code");
    setting.assume(&alice, &guarded, &code("123456")).expect_success();

    let plain = server.add_role(Role::named("plain").trusting_user("alice"));
    let sized = |length: usize| {
        let frame = json!({ "Version": "2012-10-17", "Statement": [], "Id": "" }).to_string().len();
        json!({ "Version": "2012-10-17", "Statement": [], "Id": "x".repeat(length - frame) }).to_string()
    };
    setting.assume(&alice, &plain, &["--policy", &sized(2048)]).expect_success();
    let too_large = setting.assume(&alice, &plain, &["--policy", &sized(2049)]);
    refused(&too_large, "ValidationError", "'policy' failed to satisfy constraint");
    server.set_packed_limit(100);
    let packed = setting.assume(&alice, &plain, &["--policy", &sized(150)]);
    refused(&packed, "PackedPolicyTooLarge", "Packed policy consumes 150% of allotted space");
    let malformed = setting.assume(&alice, &plain, &["--policy", "{"]);
    refused(&malformed, "MalformedPolicyDocument", "invalid Json");
    server.deny("sts:AssumeRole");
    refused(&setting.assume(&alice, &plain, &[]), "AccessDenied", "no identity-based policy allows");
}

#[test]
fn session_and_federation_tokens_are_for_long_lived_keys() {
    let setting = Setting::new();
    let server = &setting.server;
    let (alice, root) = (server.add_user("alice"), server.add_root());
    server.limit_life(Some(Duration::from_secs(600)));
    let issued = setting.aws(&alice, &["sts", "get-session-token"]).expect_success().json();
    let ends = super::clock::iso(server.now() + 600);
    let told = issued["Credentials"]["Expiration"].as_str().unwrap_or_default();
    assert_eq!(told.get(..16), ends.get(..16), "the life is cut to ten minutes");
    let session = Keys::from_json(&issued["Credentials"]);
    server.limit_life(None);

    let again = setting.aws(&session, &["sts", "get-session-token"]);
    refused(&again, "AccessDenied", "Cannot call GetSessionToken with session credentials");
    let federation = ["sts", "get-federation-token", "--name", "bob"];
    refused(
        &setting.aws(&session, &federation),
        "AccessDenied",
        "Cannot call GetFederationToken with session credentials",
    );
    let federated = keys_of(setting.aws(&alice, &federation));
    let told = setting.aws(&federated, &WHO).expect_success().json();
    assert_eq!(told["Arn"], "arn:aws:sts::123456789012:federated-user/bob");
    let of_root = keys_of(setting.aws(&root, &["sts", "get-session-token", "--duration-seconds", "43200"]));
    assert_eq!(server.session(&of_root.access_key_id).map(|facts| facts.asked_seconds), Some(3600));
    let too_long = setting.aws(&alice, &["sts", "get-session-token", "--duration-seconds", "129601"]);
    refused(&too_long, "ValidationError", "Member must have value less than or equal to 129600");
}

#[test]
fn web_identity_tokens_are_verified() {
    const AUDIENCE: &str = "sts.amazonaws.com";
    let setting = Setting::new();
    let server = &setting.server;
    let issuer = Issuer::rs256("https://oidc.eks.test/id/1");
    server.add_issuer(&issuer, AUDIENCE);
    let role = server
        .add_role(Role::named("irsa").trusting_issuer(issuer.url(), Some("system:serviceaccount:ns:app")));
    let who = |token: &str| {
        setting.write("token", token);
        // The client keeps what it was given: it must ask anew each time.
        let _ = std::fs::remove_dir_all(setting.home.path().join(".aws"));
        let mut command = setting.command(&WHO);
        command
            .env("AWS_ROLE_ARN", &role)
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", setting.home.path().join("token"));
        process::run(&mut command)
    };
    let token =
        |subject: &str, audience: &str| server.token_of(&issuer, subject, audience, Duration::from_secs(60));
    let good = token("system:serviceaccount:ns:app", AUDIENCE);
    let told = who(&good).expect_success().json();
    assert!(told["Arn"].as_str().is_some_and(|arn| arn.contains(":assumed-role/irsa/")), "{told}");
    assert_eq!(server.calls().of("AssumeRoleWithWebIdentity")[0].header("authorization"), None);

    let forged =
        Issuer::rs256(issuer.url()).token("system:serviceaccount:ns:app", AUDIENCE, server.now() + 60);
    refused(&who(&forged), "InvalidIdentityToken", "verification key");
    refused(
        &who(&token("system:serviceaccount:ns:app", "other")),
        "InvalidIdentityToken",
        "Incorrect token audience",
    );
    refused(
        &who(&token("system:serviceaccount:ns:other", AUDIENCE)),
        "AccessDenied",
        "Not authorized to perform",
    );
    server.advance(Duration::from_secs(60));
    refused(&who(&good), "ExpiredTokenException", "Token expired: ");
}

#[test]
fn buckets_are_listed_read_and_redirected() {
    let setting = Setting::new();
    let server = &setting.server;
    let alice = server.add_user("alice");
    server.add_bucket("near", "us-east-1", &[("a.txt", "one"), ("dir/b c.txt", "two")]);
    server.add_bucket("far", "eu-west-1", &[("d.txt", "three")]);
    let listed = setting.aws(&alice, &["s3api", "list-buckets"]).expect_success().json();
    assert_eq!(listed["Buckets"][0]["Name"], "far");
    assert_eq!(listed["Buckets"][1]["BucketRegion"], "us-east-1");
    let paged = ["s3api", "list-buckets", "--page-size", "1"];
    let paged = setting.aws(&alice, &paged).expect_success().json();
    assert_eq!(paged["Buckets"].as_array().map(Vec::len), Some(2));

    let shown = setting.aws(&alice, &["s3", "ls", "s3://near"]).expect_success().stdout_text();
    assert!(shown.contains("PRE dir/") && shown.contains("a.txt"), "{shown}");
    let read = setting.aws(&alice, &["s3", "cp", "s3://near/dir/b c.txt", "-"]).expect_success();
    assert_eq!(read.stdout, b"two");
    setting.write("up.txt", "four");
    setting.aws(&alice, &["s3", "cp", "up.txt", "s3://near/up.txt"]).expect_success();
    // The client is told the other region and signs again for it.
    let read = setting.aws(&alice, &["s3", "cp", "s3://far/d.txt", "-"]).expect_success();
    assert_eq!(read.stdout, b"three");
    assert!(server.calls().all().iter().any(|call| call.status == Some(301)));

    refused(&setting.aws(&alice, &["s3", "ls", "s3://none"]), "NoSuchBucket", "does not exist");
    let wrong = Keys::new(&alice.access_key_id, "wrong");
    refused(&setting.aws(&wrong, &["s3", "ls"]), "SignatureDoesNotMatch", "");
    server.deny("s3:ListAllMyBuckets");
    refused(&setting.aws(&alice, &["s3", "ls"]), "AccessDenied", "s3:ListAllMyBuckets");
}

#[test]
fn a_kept_login_is_refreshed_and_gives_role_credentials() {
    let setting = Setting::new();
    let server = &setting.server;
    server.add_assignment(ACCOUNT, "main", "Reader");
    let configuration = format!(
        "[profile corp]\nsso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = Reader\n\
         [sso-session corp]\nsso_region = us-east-1\nsso_start_url = {}\n\
         sso_registration_scopes = sso:account:access\n",
        server.start_url()
    );
    setting.write(".aws/config", &configuration);
    let client = rest(server, "/client/register", json!({ "clientName": "test", "clientType": "public" }));
    server.approve_devices_at_once();
    let device = rest(
        server,
        "/device_authorization",
        json!({
            "clientId": client["clientId"],
            "clientSecret": client["clientSecret"],
            "startUrl": server.start_url(),
        }),
    );
    let tokens = rest(
        server,
        "/token",
        json!({
            "clientId": client["clientId"],
            "clientSecret": client["clientSecret"],
            "grantType": "urn:ietf:params:oauth:grant-type:device_code",
            "deviceCode": device["deviceCode"],
        }),
    );
    // The kept access token has just ended: the client must use the refresh token.
    let kept = json!({
        "startUrl": server.start_url(),
        "region": "us-east-1",
        "accessToken": "ended",
        "expiresAt": super::clock::iso(server.now() - 60),
        "clientId": client["clientId"],
        "clientSecret": client["clientSecret"],
        "registrationExpiresAt": super::clock::iso(server.now() + 86_400),
        "refreshToken": tokens["refreshToken"],
    });
    // The file's name is the SHA-1 of `corp`.
    let cache = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
    setting.write(cache, &kept.to_string());
    let who = || process::run(setting.command(&WHO).args(["--profile", "corp"]));
    let told = who().expect_success().json();
    assert!(told["Arn"].as_str().is_some_and(|arn| arn.contains("AWSReservedSSO_Reader_")), "{told}");
    assert_eq!(server.calls().of("POST /token").len(), 2);

    // A refresh token that was used once is refused.
    setting.write(cache, &kept.to_string());
    let stale = who();
    assert!(!stale.success() && stale.stderr_text().contains("Token has expired"), "{stale:?}");
    server.log_out();
}

#[test]
fn the_device_flow_waits_slows_down_and_can_be_denied() {
    let server = StrictAws::start();
    let client = rest(&server, "/client/register", json!({ "clientName": "test", "clientType": "public" }));
    let start = || {
        rest(
            &server,
            "/device_authorization",
            json!({
                "clientId": client["clientId"],
                "clientSecret": client["clientSecret"],
                "startUrl": server.start_url(),
            }),
        )
    };
    let poll = |device: &Value| {
        rest(
            &server,
            "/token",
            json!({
                "clientId": client["clientId"],
                "clientSecret": client["clientSecret"],
                "grantType": "urn:ietf:params:oauth:grant-type:device_code",
                "deviceCode": device["deviceCode"],
            }),
        )
    };
    let device = start();
    assert_eq!(poll(&device)["__type"], "AuthorizationPendingException");
    server.slow_down(1);
    assert_eq!(poll(&device)["__type"], "SlowDownException");
    assert_eq!(server.approve_devices(device["userCode"].as_str()), 1);
    assert_eq!(poll(&device)["tokenType"], "Bearer");
    assert_eq!(poll(&device)["__type"], "InvalidGrantException", "a device code is good for one login");

    let device = start();
    assert_eq!(server.deny_devices(), 1);
    assert_eq!(poll(&device)["__type"], "AccessDeniedException");
    let device = start();
    server.advance(Duration::from_secs(600));
    assert_eq!(poll(&device)["__type"], "ExpiredTokenException");
}

#[test]
fn containers_and_instances_get_their_roles() {
    let setting = Setting::new();
    let server = &setting.server;
    let url = server.set_container_role("task", "container-token");
    let who = |token: &str| {
        let mut command = setting.command(&WHO);
        command
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
        process::run(&mut command)
    };
    let told = who("container-token").expect_success().json();
    assert!(told["Arn"].as_str().is_some_and(|arn| arn.contains(":assumed-role/task/")), "{told}");
    let wrong = who("wrong");
    assert!(!wrong.success() && wrong.stderr_text().contains("401"), "{wrong:?}");

    server.set_instance_role("instance");
    server.calls().take();
    let mut command = setting.command(&WHO);
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()).env_remove("AWS_EC2_METADATA_DISABLED");
    let told = process::run(&mut command).expect_success().json();
    assert!(told["Arn"].as_str().is_some_and(|arn| arn.contains(":assumed-role/instance/")), "{told}");
    assert!(server.calls().actions().contains(&"PUT /latest/api/token".to_owned()));

    // Without a session token there is nothing to be had.
    assert_eq!(get(server, "/latest/meta-data/iam/security-credentials/").0, 401);
}

fn rest(server: &StrictAws, path: &str, body: Value) -> Value {
    let text = exchange(server, &format!("POST {path}"), &body.to_string()).1;
    serde_json::from_str(&text).expect("a JSON answer")
}

fn get(server: &StrictAws, path: &str) -> (u16, String) {
    exchange(server, &format!("GET {path}"), "")
}

/// One plain HTTP exchange: status and body.
fn exchange(server: &StrictAws, line: &str, body: &str) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(server.address()).expect("a connection");
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default(), body.to_owned())
}
