//! Tests of connection strings.

use connector_core::{ErrorKind, format_time};

use super::*;

const KEY: &str = "aHVudGVyMi1rZXktb2YtYW4tYWNjb3VudA==";

fn read(text: &str) -> Result<ConnectionString> {
    ConnectionString::parse(&text.into())
}

/// What is said, in one line.
fn told(said: &ConnectionString) -> String {
    let cloud = said.cloud().map_or("-", Cloud::name);
    match said {
        ConnectionString::StorageKey { account, blob, .. } => {
            format!("key {account} {} {cloud}", blob.as_deref().unwrap_or("-"))
        }
        ConnectionString::StorageSignature { account, signature, end, blob, .. } => {
            let end = end.map_or("-".to_owned(), format_time);
            format!(
                "signature {account} {} {cloud} {end} {}",
                blob.as_deref().unwrap_or("-"),
                signature.expose()
            )
        }
        ConnectionString::Cosmos { account, endpoint, .. } => {
            format!("cosmos {} {endpoint} {cloud}", account.as_ref().map_or("-", CosmosAccount::as_str))
        }
    }
}

#[test]
fn every_form_is_read() {
    let named = |more: &str| format!("{more}AccountName=zenfiles;AccountKey={KEY}");
    for (text, expected) in [
        (named(""), "key zenfiles - -"),
        (named("DefaultEndpointsProtocol=https;") + ";EndpointSuffix=core.windows.net;", "key zenfiles - public"),
        (named("") + ";EndpointSuffix=core.usgovcloudapi.net", "key zenfiles - government"),
        (named("") + ";EndpointSuffix=core.chinacloudapi.cn", "key zenfiles - china"),
        (named("") + ";EndpointSuffix=storage.example.org", "key zenfiles https://zenfiles.blob.storage.example.org -"),
        (
            named("BlobEndpoint=https://zenfiles.blob.core.windows.net/;QueueEndpoint=https://x/;"),
            "key zenfiles https://zenfiles.blob.core.windows.net public",
        ),
        (
            named("BlobEndpoint=http://127.0.0.1:10000/zenfiles;"),
            "key zenfiles http://127.0.0.1:10000/zenfiles -",
        ),
        (named(" accountkind = x ; "), "key zenfiles - -"),
        (format!("ACCOUNTNAME=zenfiles; accountkey={KEY} ;"), "key zenfiles - -"),
        (
            "UseDevelopmentStorage=true".into(),
            "key devstoreaccount1 http://127.0.0.1:10000/devstoreaccount1 -",
        ),
        (
            "BlobEndpoint=https://zenfiles.blob.core.windows.net;SharedAccessSignature=sv=1&se=2026-01-01T01%3A00%3A00Z&sig=x%3D".into(),
            "signature zenfiles https://zenfiles.blob.core.windows.net public 2026-01-01T01:00:00Z \
             sv=1&se=2026-01-01T01%3A00%3A00Z&sig=x%3D",
        ),
        (
            "AccountName=zenfiles;SharedAccessSignature=?se=2026-01-01&sig=x".into(),
            "signature zenfiles - - 2026-01-01T00:00:00Z se=2026-01-01&sig=x",
        ),
        (
            "AccountName=zenfiles;SharedAccessSignature=se=2026-01-01T01%3A00Z&sig=x".into(),
            "signature zenfiles - - 2026-01-01T01:00:00Z se=2026-01-01T01%3A00Z&sig=x",
        ),
        (
            "AccountName=zenfiles;SharedAccessSignature=si=policy&sig=x".into(),
            "signature zenfiles - - - si=policy&sig=x",
        ),
        (
            "BlobEndpoint=https://127.0.0.1:10000/zenfiles;SharedAccessSignature=si=policy&sig=x".into(),
            "signature zenfiles https://127.0.0.1:10000/zenfiles - - si=policy&sig=x",
        ),
        (
            format!("AccountEndpoint=https://zen-docs.documents.azure.com:443/;AccountKey={KEY};"),
            "cosmos zen-docs https://zen-docs.documents.azure.com:443 public",
        ),
        (
            format!("AccountKey={KEY};AccountEndpoint=https://ZEN.Documents.Azure.cn/"),
            "cosmos zen https://ZEN.Documents.Azure.cn china",
        ),
        (
            format!("AccountEndpoint=https://127.0.0.1:8081/;AccountKey={KEY}"),
            "cosmos - https://127.0.0.1:8081 -",
        ),
    ] {
        let said = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(told(&said), expected, "{text}");
    }
}

/// C11: what is wrong is said, and nothing of the string is.
#[test]
fn c11_what_is_wrong_is_told_and_nothing_quoted() {
    for (text, says) in [
        ("", "no AccountName"),
        ("hunter2", "NAME=VALUE"),
        ("=hunter2", "no AccountName"),
        ("AccountName=hunter2-x;AccountKey=aGk=", "letters and digits"),
        ("AccountName=zenfiles", "neither AccountKey nor SharedAccessSignature"),
        ("AccountName=zenfiles;AccountKey=", "neither AccountKey nor SharedAccessSignature"),
        ("AccountName=zenfiles;AccountKey=hunter2!", "a key is base64"),
        ("AccountKey=aGk=", "no AccountName"),
        ("AccountName=zenfiles;AccountName=hunter2;AccountKey=aGk=", "stands twice"),
        ("AccountName=zenfiles;AccountKey=aGk=;BlobEndpoint=http://example.org", "BlobEndpoint is none"),
        ("AccountName=zenfiles;AccountKey=aGk=;BlobEndpoint=hunter2", "BlobEndpoint is none"),
        ("AccountName=zenfiles;AccountKey=aGk=;EndpointSuffix=a/../hunter2?", "EndpointSuffix is none"),
        (
            "AccountName=zenfiles;AccountKey=aGk=;BlobEndpoint=https://other.blob.core.windows.net",
            "another account",
        ),
        ("AccountName=zenfiles;SharedAccessSignature=hunter2", "SharedAccessSignature is none"),
        ("AccountName=zenfiles;SharedAccessSignature=sig=", "SharedAccessSignature is none"),
        ("AccountName=zenfiles;SharedAccessSignature=sig=a b", "SharedAccessSignature is none"),
        ("AccountName=zenfiles;SharedAccessSignature=sig=x&se=hunter2", "SharedAccessSignature is none"),
        ("AccountEndpoint=hunter2;AccountKey=aGk=", "AccountEndpoint is none"),
        ("AccountEndpoint=https://x.documents.azure.com/", "no AccountKey"),
        ("AccountEndpoint=https://x.documents.azure.com/;AccountKey=hunter2!", "a key is base64"),
    ] {
        let error = read(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(says), "{text}: {error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let key = format!("{:?}", read(&format!("AccountName=zenfiles;AccountKey={KEY}")).expect("one"));
    assert!(!key.contains(KEY), "{key}");
    let string = format!("AccountEndpoint=https://x.documents.azure.com/;AccountKey={KEY}");
    assert!(!format!("{:?}", read(&string).expect("one")).contains(KEY));
    let string = "AccountName=zenfiles;SharedAccessSignature=sig=hunter2";
    assert!(!format!("{:?}", read(string).expect("one")).contains("hunter2"));
}

#[test]
fn c28_hostile_strings_are_answered() {
    for part in [";", "=", "a=b;", "AccountName=", "&sig=", "%", "\u{0}", "日="] {
        for times in [1, 100, 100_000] {
            let _ = read(&part.repeat(times));
            let _ =
                read(&format!("AccountName=zenfiles;SharedAccessSignature=sig=x&se={}", part.repeat(times)));
        }
    }
    assert!(read(&"a=b;".repeat(10_000)).expect_err("too long").message().contains("longer"));
}
