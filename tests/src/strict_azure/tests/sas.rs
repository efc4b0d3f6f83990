//! Shared access signatures, made here by the documented rules and not by the twin's own code.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::blob::{ACCOUNT, with_data};
use super::*;
use crate::clock::iso;

const VERSION: &str = "2022-11-02";

/// A key that the program has got, good for that many seconds.
fn key_for(server: &StrictAzure, token: &str, seconds: i64) -> Reply {
    let now = server.now();
    let body = format!(
        "<?xml version='1.0' encoding='utf-8'?><KeyInfo><Start>{}</Start><Expiry>{}</Expiry></KeyInfo>",
        iso(now - 60),
        iso(now - 60 + seconds)
    );
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("x-ms-version", VERSION)];
    ask(server, "POST /blob/strictdata?restype=service&comp=userdelegationkey", &headers, &body)
}

fn field(reply: &Reply, name: &str) -> String {
    let (_, rest) =
        reply.body.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name} in {reply:?}"));
    rest.split_once('<').map(|(value, _)| value.to_owned()).unwrap_or_default()
}

fn signature(key: &str, parts: &[&str]) -> String {
    signature_of(key, &parts.join("\n"))
}

fn signature_of(key: &str, text: &str) -> String {
    let key = STANDARD.decode(key).expect("base64");
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes()))
}

fn query(fields: &[(&str, &str)]) -> String {
    let given = fields.iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// What is signed; the rest comes from the key.
struct Wanted<'a> {
    permissions: &'a str,
    start: String,
    expiry: String,
    path: &'a str,
    kind: &'a str,
    depth: &'a str,
    version: &'a str,
}

impl Wanted<'_> {
    fn container(server: &StrictAzure, permissions: &'static str) -> Self {
        let now = server.now();
        Wanted {
            permissions,
            start: iso(now - 30),
            expiry: iso(now + 600),
            path: "/blob/strictdata/data",
            kind: "c",
            depth: "",
            version: VERSION,
        }
    }

    fn sign(&self, key: &Reply) -> String {
        let (oid, tenant) = (field(key, "SignedOid"), field(key, "SignedTid"));
        let (skt, ske) = (field(key, "SignedStart"), field(key, "SignedExpiry"));
        let (sks, skv) = (field(key, "SignedService"), field(key, "SignedVersion"));
        let Self { permissions: sp, start: st, expiry: se, path, kind: sr, depth, version: sv } = self;
        let mut parts = vec![*sp, st, se, *path, &oid, &tenant, &skt, &ske, &sks, &skv, "", "", ""];
        if *sv >= "2025-07-05" {
            parts.extend(["", ""]);
        }
        parts.extend(["", "https", sv, sr, "", ""]);
        if *sv >= "2026-04-06" {
            parts.extend(["", ""]);
        }
        parts.extend([""; 5]);
        let sig = signature(&field(key, "Value"), &parts);
        query(&[
            ("sp", sp),
            ("st", st),
            ("se", se),
            ("skoid", &oid),
            ("sktid", &tenant),
            ("skt", &skt),
            ("ske", &ske),
            ("sks", &sks),
            ("skv", &skv),
            ("spr", "https"),
            ("sv", sv),
            ("sr", sr),
            ("sdd", depth),
            ("sig", &sig),
        ])
    }
}

/// A call with nothing but the signature.
fn with(server: &StrictAzure, method: &str, path: &str, query: &str) -> Reply {
    let sign = if path.contains('?') { '&' } else { '?' };
    let headers = [("x-ms-blob-type", "BlockBlob")];
    ask(server, &format!("{method} {path}{sign}{query}"), &headers, if method == "PUT" { "new" } else { "" })
}

const LIST: &str = "/blob/strictdata/data?restype=container&comp=list";
const BLOB: &str = "/blob/strictdata/data/b.txt";

#[test]
fn a_key_is_for_who_may_and_for_a_week() {
    let (server, oid, token) = with_data();
    key_for(&server, &token, 3600).kept_out(403, "AuthorizationPermissionMismatch");
    server.grant(&oid, "Storage Blob Delegator", ACCOUNT);
    let key = key_for(&server, &token, 3600);
    assert_eq!((field(&key, "SignedOid"), field(&key, "SignedTid")), (oid, TENANT.to_owned()));
    assert_eq!(
        (field(&key, "SignedService"), field(&key, "SignedVersion")),
        ("b".to_owned(), VERSION.to_owned())
    );
    key_for(&server, &token, 7 * 24 * 3600).good();
    key_for(&server, &token, 7 * 24 * 3600 + 1).kept_out(400, "InvalidXmlNodeValue");
    key_for(&server, &token, 10).kept_out(400, "InvalidXmlNodeValue");
    let shared = server.account_key("strictdata");
    assert!(server.issued().contains(&field(&key, "Value")) && !server.issued().contains(&shared));
    assert!(server.confidential().contains(&shared));
}

#[test]
fn a_signature_gives_what_it_says_and_what_its_signer_may() {
    let (server, oid, token) = with_data();
    server.grant(&oid, "Storage Blob Delegator", ACCOUNT);
    let key = key_for(&server, &token, 3600);
    for version in ["2020-12-06", VERSION, "2025-05-05", "2025-07-05", "2026-04-06", "2026-10-06"] {
        let sas = Wanted { version, ..Wanted::container(&server, "rl") }.sign(&key);
        // The signer may sign, but has no role by which to read.
        with(&server, "GET", BLOB, &sas).kept_out(403, "AuthorizationPermissionMismatch");
        server.grant(&oid, "Storage Blob Data Reader", ACCOUNT);
        assert_eq!(with(&server, "GET", BLOB, &sas).body, "b.txt", "{version}");
        with(&server, "GET", LIST, &sas).good();
        server.take_back(&oid, "Storage Blob Data Reader", ACCOUNT);
    }
    server.grant(&oid, "Storage Blob Data Contributor", ACCOUNT);
    let sas = Wanted::container(&server, "rl").sign(&key);
    with(&server, "PUT", BLOB, &sas).kept_out(403, "AuthorizationPermissionMismatch");
    with(&server, "DELETE", BLOB, &sas).kept_out(403, "AuthorizationPermissionMismatch");
    with(&server, "GET", "/blob/strictdata/other/b.txt", &sas).kept_out(403, "AuthenticationFailed");
    with(&server, "GET", "/blob/strictdata?comp=list", &sas).kept_out(403, "AuthenticationFailed");
    with(&server, "DELETE", "/blob/strictdata/data?restype=container", &sas)
        .kept_out(403, "AuthorizationFailure");
    let create = Wanted::container(&server, "c").sign(&key);
    assert_eq!(with(&server, "PUT", "/blob/strictdata/data/fresh", &create).status, 201);
    with(&server, "PUT", BLOB, &create).kept_out(403, "AuthorizationPermissionMismatch");
    let write = Wanted::container(&server, "w").sign(&key);
    assert_eq!(with(&server, "PUT", BLOB, &write).status, 201);

    let one = Wanted { path: BLOB, kind: "b", ..Wanted::container(&server, "r") }.sign(&key);
    assert_eq!(with(&server, "GET", BLOB, &one).body, "new");
    with(&server, "GET", "/blob/strictdata/data/a/1.txt", &one).kept_out(403, "AuthenticationFailed");
    with(&server, "GET", LIST, &one).kept_out(403, "AuthenticationFailed");
    server.revoke_delegation_keys("strictdata");
    with(&server, "GET", BLOB, &one).kept_out(403, "AuthenticationFailed");
}

#[test]
fn a_signature_that_does_not_fit_is_refused() {
    let (server, oid, token) = with_data();
    server.grant(&oid, "Storage Blob Data Owner", ACCOUNT);
    let key = key_for(&server, &token, 3600);
    let refused = |wanted: &Wanted<'_>| {
        let reply = with(&server, "GET", BLOB, &wanted.sign(&key));
        reply.kept_out(403, "AuthenticationFailed");
        reply.body
    };
    let usual = || Wanted::container(&server, "rl");
    with(&server, "GET", BLOB, &usual().sign(&key)).good();
    let now = server.now();
    assert!(refused(&Wanted { expiry: iso(now), ..usual() }).contains("time frame"));
    assert!(refused(&Wanted { start: iso(now + 60), ..usual() }).contains("time frame"));
    assert!(refused(&Wanted { expiry: iso(now + 3600), ..usual() }).contains("within the user delegation"));
    assert!(refused(&Wanted { permissions: "lr", ..usual() }).contains("order"));
    assert!(refused(&Wanted { permissions: "", ..usual() }).contains("order"));
    assert!(refused(&Wanted { version: "2015-04-05", ..usual() }).contains("sv"));
    assert!(refused(&Wanted { kind: "d", depth: "1", ..usual() }).contains("hierarchical"));
    assert!(refused(&Wanted { path: "/blob/strictdata/other", ..usual() }).contains("did not match"));
    let good = usual().sign(&key);
    for (from, to) in [("sp=rl", "sp=rwl"), ("sr=c", "sr=b"), ("spr=https", "spr=https&spr=https")] {
        with(&server, "GET", BLOB, &good.replace(from, to)).kept_out(403, "AuthenticationFailed");
    }
    server.advance(Duration::from_secs(3600));
    with(&server, "GET", BLOB, &good).kept_out(403, "AuthenticationFailed");
    server.set_back(Duration::from_secs(3600));
    server.delete(&oid);
    with(&server, "GET", BLOB, &good).kept_out(403, "AuthenticationFailed");
}

#[test]
fn a_folder_of_a_hierarchical_account_can_be_signed_for() {
    let (server, oid, token) = with_data();
    server.set_hierarchical("strictdata");
    server.grant(&oid, "Storage Blob Data Owner", ACCOUNT);
    let key = key_for(&server, &token, 3600);
    let folder =
        Wanted { path: "/blob/strictdata/data/a", kind: "d", depth: "1", ..Wanted::container(&server, "rl") };
    let sas = folder.sign(&key);
    assert_eq!(with(&server, "GET", "/blob/strictdata/data/a/1.txt", &sas).body, "a/1.txt");
    with(&server, "GET", &format!("{LIST}&prefix=a/"), &sas).good();
    for path in [BLOB, LIST, &format!("{LIST}&prefix=b/")] {
        with(&server, "GET", path, &sas).kept_out(403, "AuthenticationFailed");
    }
    // A folder has no versions, tags or policies of its own.
    let owning = |permissions| Wanted { permissions, ..Wanted::container(&server, "r") };
    for permissions in ["racwdlmeop", "rx", "ry", "rt", "rf", "ri"] {
        let folder = Wanted { path: "/blob/strictdata/data/a", kind: "d", depth: "1", ..owning(permissions) };
        let reply = with(&server, "GET", "/blob/strictdata/data/a/1.txt", &folder.sign(&key));
        if permissions.len() == 2 {
            reply.kept_out(403, "AuthenticationFailed");
        } else {
            assert_eq!(reply.status, 200, "{reply:?}");
        }
    }
    // The name of the folder alone is the beginning of other names.
    server.put_blob("strictdata", "data", "ab/3.txt", "3");
    with(&server, "GET", &format!("{LIST}&prefix=a"), &sas).kept_out(403, "AuthorizationFailure");
    with(&server, "GET", "/blob/strictdata/data/ab/3.txt", &sas).kept_out(403, "AuthenticationFailed");
}

#[test]
fn the_accounts_own_keys_sign_too_unless_they_are_refused() {
    let (server, _, _) = with_data();
    let key = server.account_key("strictdata");
    let (st, se) = (iso(server.now() - 60), iso(server.now() + 600));
    let path = "/blob/strictdata/data";
    let service = |sp: &str| {
        let parts = [sp, &st, &se, path, "", "", "https", VERSION, "c", "", "", "", "", "", "", ""];
        let sig = signature(&key, &parts);
        query(&[
            ("sp", sp),
            ("st", &st),
            ("se", &se),
            ("spr", "https"),
            ("sv", VERSION),
            ("sr", "c"),
            ("sig", &sig),
        ])
    };
    with(&server, "GET", BLOB, &service("r")).good();
    with(&server, "GET", LIST, &service("r")).kept_out(403, "AuthorizationPermissionMismatch");
    let account = |sp: &str, ss: &str, srt: &str| {
        let text = format!("strictdata\n{sp}\n{ss}\n{srt}\n{st}\n{se}\n\nhttps\n{VERSION}\n\n");
        let sig = signature_of(&key, &text);
        query(&[
            ("sp", sp),
            ("ss", ss),
            ("srt", srt),
            ("st", &st),
            ("se", &se),
            ("spr", "https"),
            ("sv", VERSION),
            ("sig", &sig),
        ])
    };
    with(&server, "GET", "/blob/strictdata?comp=list", &account("rl", "b", "s")).good();
    with(&server, "GET", BLOB, &account("rl", "b", "s")).kept_out(403, "AuthorizationResourceTypeMismatch");
    with(&server, "GET", BLOB, &account("rl", "bq", "co")).good();
    with(&server, "GET", BLOB, &account("rl", "q", "co")).kept_out(403, "AuthorizationServiceMismatch");
    with(&server, "GET", BLOB, &account("l", "b", "co")).kept_out(403, "AuthorizationPermissionMismatch");
    let created = with(&server, "PUT", "/blob/strictdata/fresh?restype=container", &account("c", "b", "c"));
    assert_eq!(created.status, 201, "{created:?}");

    let signed = |key: &str, date: &str| {
        let text = format!(
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{VERSION}\n/strictdata/data\ncomp:list\nrestype:container"
        );
        let sig = format!("SharedKey strictdata:{}", signature_of(key, &text));
        ask(
            &server,
            &format!("GET {LIST}"),
            &[("authorization", &sig), ("x-ms-date", date), ("x-ms-version", VERSION)],
            "",
        )
    };
    let date = clock::http_date(server.now());
    signed(&key, &date).good();
    signed(&STANDARD.encode("other"), &date).kept_out(403, "AuthenticationFailed");
    signed(&key, &clock::http_date(server.now() - 901)).kept_out(403, "AuthenticationFailed");
    server.refuse_shared_keys("strictdata");
    for reply in [
        signed(&key, &date),
        with(&server, "GET", BLOB, &service("r")),
        with(&server, "GET", BLOB, &account("rl", "b", "co")),
    ] {
        reply.kept_out(403, "KeyBasedAuthenticationNotPermitted");
    }
}
