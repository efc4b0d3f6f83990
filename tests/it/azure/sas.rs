//! Shared access signatures beside those of azure-storage-blob: the same strings to sign, and so the same signatures.

use std::collections::BTreeMap;

use connector_core::{Secret, parse_time};
use connector_tests::{install, process, skip};
use connectors::azure::names::{ContainerName, KeyPrefix, StorageAccount};
use connectors::azure::sas::{
    AccountKey, AccountTerms, DelegationKey, Kind, Part, Permissions, Protocol, Terms, Version,
};
use serde_json::{Value, json};

const VERSIONS: [Version; 2] = [Version::V2025_01_05, Version::V2026_10_06];

/// Containers, parts of them with their letters in no order, starts and ends.
const CASES: [(&str, &str, &str, Option<&str>, &str); 14] = [
    ("container", "", "r", None, "2026-01-01T01:00:00Z"),
    ("container", "", "lr", Some("2026-01-01T00:00:00Z"), "2026-01-01T01:00:00Z"),
    ("container", "", "ldwcar", None, "2026-01-01T12:34:56Z"),
    ("container", "", "iemftlyxdwcar", None, "2026-01-02T00:00:00Z"),
    ("blob", "a", "r", None, "2026-01-01T01:00:00Z"),
    ("blob", "a/b.txt", "wcr", Some("2025-12-31T23:45:00Z"), "2026-01-01T01:00:00Z"),
    ("blob", "with blank + plus & and/100%", "r", None, "2026-01-01T01:00:00Z"),
    ("blob", "日本/é😀?#=", "rd", None, "2026-01-01T01:00:00Z"),
    ("blob", "%2F%41", "imeytlxdwcar", None, "2026-01-01T01:00:00Z"),
    ("directory", "a", "rl", None, "2026-01-01T01:00:00Z"),
    ("directory", "a/b/c", "racwdl", Some("2026-01-01T00:00:00Z"), "2026-01-01T01:00:00Z"),
    ("directory", "with blank/日本", "racwdlme", None, "2026-01-01T01:00:00Z"),
    ("directory", "a%2Fb/'\"\\", "racwdlmeop", None, "2026-01-01T01:00:00Z"),
    ("directory", "x/..y/z", "r", None, "2026-01-01T01:00:00Z"),
];

const ACCOUNT_CASES: [(&str, &str); 4] =
    [("s", "l"), ("c", "lr"), ("sco", "rwdxylacupfti"), ("o", "ifptucalyxdwr")];

fn keys() -> (DelegationKey, AccountKey, Value) {
    let value = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
    let key = DelegationKey {
        oid: "11111111-2222-3333-4444-555555555555".into(),
        tid: "66666666-7777-8888-9999-aaaaaaaaaaaa".into(),
        start: "2025-12-31T00:00:00Z".into(),
        expiry: "2026-01-02T00:00:00Z".into(),
        service: "b".into(),
        version: "2025-01-05".into(),
        value: value.into(),
    };
    let said = json!({
        "signed_oid": key.oid,
        "signed_tid": key.tid,
        "signed_start": key.start,
        "signed_expiry": key.expiry,
        "signed_service": key.service,
        "signed_version": key.version,
        "value": value,
    });
    (key, AccountKey::parse(ACCOUNT_KEY.into()).expect("a key"), said)
}

const ACCOUNT_KEY: &str =
    "vL4SdGhlIGtleSBvZiBhbiBhY2NvdW50LCA2NCBieXRlcyBvZiBpdCBhcyBBenVyZSBtYWtlcyB0aGVtPz8/";

/// All cases as they are told to the library, each with our own signature.
fn cases() -> Vec<(Value, Secret)> {
    let (delegated, own, said) = keys();
    let account = StorageAccount::parse("zen4files").expect("an account");
    let container = ContainerName::parse("my-container").expect("a container");
    let mut all = Vec::new();
    for (number, (name, path, letters, start, end)) in CASES.into_iter().enumerate() {
        let part = match (name, KeyPrefix::parse(path)) {
            ("blob", path) => Part::blob(&path.expect("a path")).expect("a blob"),
            ("directory", path) => Part::directory(&path.expect("a path")).expect("a directory"),
            _ => Part::Whole,
        };
        for version in VERSIONS {
            let protocol = if number % 2 == 0 { Protocol::Https } else { Protocol::HttpsAndHttp };
            let terms = Terms {
                account: &account,
                container: &container,
                permissions: Permissions::parse(part.kind(), letters).expect("permissions"),
                part: part.clone(),
                start: start.map(|it| parse_time(it).expect("a time")),
                end: parse_time(end).expect("a time"),
                protocol,
                version,
            };
            let mut case = json!({
                "account": "zen4files",
                "container": "my-container",
                "part": name,
                "path": path,
                "permissions": letters,
                "start": start,
                "end": end,
                "protocol": if number % 2 == 0 { "https" } else { "https,http" },
                "version": version.as_str(),
            });
            let mut by_account = case.clone();
            case["delegation_key"] = said.clone();
            by_account["account_key"] = ACCOUNT_KEY.into();
            all.push((case, delegated.sign(&terms).expect("a signature")));
            all.push((by_account, own.sign(&terms).expect("a signature")));
        }
    }
    for (reaches, letters) in ACCOUNT_CASES {
        let terms = AccountTerms {
            account: &account,
            reaches,
            permissions: Permissions::parse(Kind::Account, letters).expect("permissions"),
            end: parse_time("2026-01-01T01:00:00Z").expect("a time"),
            protocol: Protocol::Https,
            version: Version::default(),
        };
        let case = json!({
            "account": "zen4files",
            "account_key": ACCOUNT_KEY,
            "part": "account",
            "reaches": reaches,
            "permissions": letters,
            "end": "2026-01-01T01:00:00Z",
            "protocol": "https",
            "version": Version::default().as_str(),
        });
        all.push((case, own.sign_account(&terms).expect("a signature")));
    }
    all
}

/// Names and decoded values of a query.
fn pairs(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| connector_tests::loopback::decoded(text);
    query
        .split('&')
        .filter_map(|it| it.split_once('='))
        .map(|(name, value)| (name.into(), decoded(value)))
        .collect()
}

/// 60 signatures, each with the same fields and the same bytes as Microsoft's library makes them.
#[test]
fn signatures_are_those_of_microsofts_library() {
    let python = match install::python() {
        Ok(python) => python,
        Err(reason) => return skip::skip("signatures_are_those_of_microsofts_library", reason),
    };
    let cases = cases();
    let told: Vec<_> = cases.iter().map(|(case, _)| case).collect();
    let told = serde_json::to_vec(&told).expect("JSON");
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = python.python(home.path());
    let theirs = process::run_with_input(command.args(["-c", include_str!("sas.py")]), &told);
    let theirs = theirs.expect_success().json();
    let theirs = theirs.as_array().expect("a list");
    assert_eq!((cases.len(), theirs.len()), (60, 60));
    for ((case, ours), theirs) in cases.iter().zip(theirs) {
        let mut expected = pairs(theirs["query"].as_str().expect("a query"));
        let signature = match &theirs["signature"] {
            Value::String(signature) => signature.clone(),
            _ => connector_tests::loopback::decoded(theirs["encoded"].as_str().expect("a signature")),
        };
        expected.insert("sig".into(), signature);
        assert_eq!(pairs(ours.expose()), expected, "{case}");
        let lines = match (case["part"] == "account", case.get("delegation_key")) {
            (true, _) => 11,
            (_, None) => 16,
            (_, Some(_)) if case["version"] == "2025-01-05" => 24,
            _ => 28,
        };
        assert_eq!(theirs["lines"], lines, "{case}");
    }
}
