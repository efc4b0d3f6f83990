//! Directories, applications, subscriptions, groups and accounts.

use super::super::*;
use super::check;

#[test]
fn directories() {
    let long = format!("{}.com", "a".repeat(63));
    let label = format!("{}.com", "a".repeat(64));
    check(
        TenantId::parse,
        &[
            "11111111-2222-3333-4444-555555555555",
            "contoso.onmicrosoft.com",
            "Contoso.com",
            "common",
            "organizations",
            &long,
        ],
        &[
            ("", "it is empty"),
            ("-contoso.com", "it begins with a hyphen"),
            ("contoso.com.", "it ends with a dot"),
            ("conto so", "it has a blank"),
            ("contoso/x", "it would be another path"),
            ("contoso?x", "it would be a query"),
            ("contoso_x.com", "a domain has no underscore"),
            ("contoso.com\n", "it has the end of a line"),
            ("{tenant}", "it is a placeholder"),
            ("кontoso.com", "its letters are none of ASCII"),
        ],
    );
    // These the pattern takes and the check refuses: a pattern cannot count labels.
    for text in [label.as_str(), "contoso..com", "a.-b.com"] {
        assert!(TenantId::parse(text).is_err(), "{text}");
    }
    for shared in ["common", "Organizations", "consumers"] {
        assert!(TenantId::parse(shared).expect("a directory").is_shared());
    }
    assert!(!TenantId::parse("contoso.com").expect("a directory").is_shared());
}

#[test]
fn ids() {
    let good = ["66666666-7777-8888-9999-000000000000", "ABCDEFAB-cdef-abcd-efAB-cdefABCDEFab"];
    let bad = [
        ("", "it is empty"),
        ("6666666f-7777-8888-9999-00000000000", "it is too short"),
        ("6666666f-7777-8888-9999-0000000000000", "it is too long"),
        ("6666666f777788889999000000000000", "it has no hyphens"),
        ("g6666666-7777-8888-9999-000000000000", "g is no digit"),
        ("{6666666-7777-8888-9999-00000000000}", "it stands in braces"),
        ("6666666f-7777-8888-99990-00000000000", "a hyphen is elsewhere"),
        ("my-app", "it is a name"),
    ];
    check(ClientId::parse, &good, &bad);
    check(SubscriptionId::parse, &good, &bad);
}

#[test]
fn groups() {
    let long = "a".repeat(90);
    let too_long = "a".repeat(91);
    check(
        ResourceGroup::parse,
        &["rg", "My-Group_1.(prod)", "(x)", "1", "MC_rg_cluster_westeurope", &long],
        &[
            ("", "it is empty"),
            ("group.", "it ends with a dot"),
            ("my group", "it has a blank"),
            ("a/b", "it has a slash"),
            ("a?b", "it has a question mark"),
            ("a%2fb", "it has a percent sign"),
            ("группа", "its letters are none of ASCII"),
            (&too_long, "it is too long"),
        ],
    );
}

#[test]
fn storage_accounts() {
    check(
        StorageAccount::parse,
        &["abc", "mystorage1", "000", "abcdefghijklmnopqrstuvwx"],
        &[
            ("", "it is empty"),
            ("ab", "it is too short"),
            ("abcdefghijklmnopqrstuvwxy", "it is too long"),
            ("My", "it is upper case, and too short"),
            ("MyStorage", "it has upper case"),
            ("my-storage", "it has a hyphen"),
            ("my.storage", "it would be another host"),
            ("my/storage", "it would be another path"),
        ],
    );
}

#[test]
fn identities_of_machines() {
    let id = |group: &str, name: &str| {
        format!(
            "/subscriptions/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/\
             userAssignedIdentities/{name}"
        )
    };
    let good = [id("prod", "worker"), id("(x)", "a_1"), id("g", &"a".repeat(128))];
    let lower = good[0].replace("resourceGroups", "resourcegroups").replace("Microsoft", "microsoft");
    let bare = good[0].trim_start_matches('/').to_owned();
    let elsewhere = good[0].replace("ManagedIdentity", "Compute");
    let longer = format!("{}/more", good[0]);
    let query = format!("{}?x", good[0]);
    let escaped = good[0].replace("prod", "pr%2fod");
    let broken = good[0].replace("worker", "worker\nx");
    check(
        IdentityId::parse,
        &[&good[0], &good[1], &good[2], &lower],
        &[
            ("", "it is empty"),
            ("worker", "it is a name"),
            ("66666666-7777-8888-9999-000000000000", "it is a client id"),
            (&bare, "it does not begin with a slash"),
            (&elsewhere, "it is of another provider"),
            (&longer, "it goes on"),
            (&query, "it has a query"),
            (&escaped, "it has a percent sign"),
            (&broken, "it has the end of a line"),
        ],
    );
    // The pattern cannot say it: the id of a subscription, the length of a name.
    for text in
        [good[0].replace("aaaaaaaa-", "aaaaaaaaa"), id("g", "ab"), id("g.", "abc"), id("g", &"a".repeat(129))]
    {
        assert!(IdentityId::parse(text.as_str()).is_err(), "{text}");
    }
}
