//! A signature reaches what was asked for and nothing beside it: the strict server judges it, and where the key is at
//! hand the crate's own evaluator foretells each answer.

use std::collections::BTreeSet;
use std::time::Duration;

use connector_core::{Access, ErrorKind};
use connectors::azure::resource::BlobContainer;
use connectors::azure::sas::{self, AccountKey, Key};

use super::{Setting, Try, grant, signature, tried};

/// What is tried, and which access is needed for it in the container `data`, and within its directory `a`.
const TRIES: [(Try, Access, bool); 16] = [
    (tried('r', "data", Some("a/1.txt")), Access::Read, true),
    (tried('r', "data", Some("a/none")), Access::Read, true),
    (tried('r', "data", Some("ab/2.txt")), Access::Read, false),
    (tried('r', "data", Some("b/4.txt")), Access::Read, false),
    (tried('l', "data", None), Access::Read, false),
    (tried('l', "data", Some("a/")), Access::Read, true),
    (tried('l', "data", Some("a")), Access::Read, false),
    (tried('l', "data", Some("ab/")), Access::Read, false),
    (tried('w', "data", Some("a/new")), Access::Write, true),
    (tried('d', "data", Some("a/new")), Access::Write, true),
    (tried('w', "data", Some("ab/new")), Access::Write, false),
    (tried('d', "data", Some("b/none")), Access::Write, false),
    (tried('r', "data2", Some("a/1.txt")), Access::Admin, false),
    (tried('l', "data2", None), Access::Admin, false),
    (tried('w', "data2", Some("a/new")), Access::Admin, false),
    (tried('d', "data2", Some("a/1.txt")), Access::Admin, false),
];

/// S34, C24: the proof of narrowing, for each access level, for a container and for a directory in it, by a key that an
/// identity was given and by the account's own.
#[tokio::test(flavor = "multi_thread")]
async fn s34_c24_a_signature_is_let_do_what_was_asked() {
    let setting = Setting::owning();
    let cx = setting.context();
    let key = AccountKey::parse(setting.azure.account_key("zenlake").into()).expect("a key");
    let connectors = [(setting.connector(), None), (setting.with_key("zenlake"), Some(&key))];
    let mut seen = BTreeSet::new();
    let cells = connectors.iter().flat_map(|one| Access::ALL.map(|access| (one, access)));
    for ((connector, key), access) in cells {
        for within in [None, Some("a"), Some("a/")] {
            let mut wanted = grant("az://zenlake/data").with_access(access);
            wanted.within = within.map(str::to_owned);
            let issued = connector.resource::<BlobContainer>(wanted).await.expect("an id").issue().await;
            let issued = issued.expect("a signature");
            assert!(issued.narrowing().is_narrowed());
            let url = issued.credential.endpoint.clone().expect("an endpoint");
            assert_eq!(url, format!("{}/blob/zenlake", setting.azure.url()));
            let signature = signature(&issued.credential);
            for (attempt, least, is_within) in TRIES {
                let ours = attempt.container == "data" && access >= least && (within.is_none() || is_within);
                let is_let = attempt.is_let(&cx, setting.azure.ca(), &url, signature).await;
                assert_eq!(is_let, ours, "{access} {within:?}: {attempt:?}");
                let foretold = key.map(|key| {
                    let asked = sas::Request {
                        account: "zenlake",
                        container: attempt.container,
                        path: attempt.path,
                        permission: attempt.permission,
                        https: true,
                        at: cx.now(),
                    };
                    sas::allows(signature.expose(), Key::Account(key), &asked).expect("a signature")
                });
                assert_eq!(foretold.unwrap_or(ours), ours, "{access} {within:?}: {attempt:?}");
                seen.insert((key.is_some(), access, within, is_let));
            }
        }
    }
    assert_eq!(seen.len(), 36, "each cell has something that is let through and something that is not");
}

/// C25: after its end a signature lets nothing through, and neither does one whose keys were revoked.
#[tokio::test(flavor = "multi_thread")]
async fn c25_a_signature_ends() {
    let setting = Setting::owning();
    let cx = setting.context();
    let handle =
        setting.connector().resource::<BlobContainer>(grant("az://zenfiles/data")).await.expect("an id");
    let issued = handle.issue().await.expect("a signature");
    let end = issued.expiry.at().expect("an end").duration_since(cx.now()).expect("later");
    assert!(end <= Duration::from_secs(3600) && end > Duration::from_secs(3590), "{end:?}");
    let url = issued.credential.endpoint.clone().expect("an endpoint");
    let reads =
        async |sas| tried('r', "data", Some("a/1.txt")).is_let(&cx, setting.azure.ca(), &url, sas).await;
    let first = signature(&issued.credential);
    assert!(reads(first).await);
    setting.azure.advance(Duration::from_secs(3600));
    assert!(!reads(first).await, "it has ended");
    setting.clock.advance(Duration::from_secs(3600));
    let second = handle.issue().await.expect("another one");
    assert!(reads(signature(&second.credential)).await);
    setting.azure.revoke_delegation_keys("zenfiles");
    assert!(!reads(signature(&second.credential)).await, "its key was revoked");
}

/// A signature does no more than the identity that stands behind it may itself, and that can be taken back.
#[tokio::test(flavor = "multi_thread")]
async fn c24_a_signature_does_no_more_than_its_identity() {
    let setting = Setting::new();
    setting.grant("Storage Blob Data Reader");
    let (cx, connector) = (setting.context(), setting.connector());
    let wanted = grant("az://zenfiles/data").with_access(Access::Write);
    let handle = connector.resource::<BlobContainer>(wanted).await.expect("an id");
    let issued = handle.issue().await.expect("a signature");
    let url = issued.credential.endpoint.clone().expect("an endpoint");
    let sas = signature(&issued.credential);
    let ca = setting.azure.ca();
    assert!(tried('r', "data", Some("a/1.txt")).is_let(&cx, ca, &url, sas).await);
    assert!(!tried('w', "data", Some("a/new")).is_let(&cx, ca, &url, sas).await, "it may not write itself");
    let error = handle.reach().await.expect_err("and verifying says so");
    let said = format!("{error} {:?}", error.causes());
    assert!(said.contains("containers/blobs/delete"), "{said}");
    setting.take_back("Storage Blob Data Reader");
    assert!(!tried('r', "data", Some("a/1.txt")).is_let(&cx, ca, &url, sas).await);
    let error = handle.reach().await.expect_err("nothing is left");
    assert!(format!("{error} {:?}", error.causes()).contains("generateUserDelegationKey"), "{error:?}");
}

/// Nothing wider is given in place of a part, and the reason is told; a container that is not there is told, too.
#[tokio::test(flavor = "multi_thread")]
async fn c24_a_flat_account_has_no_parts() {
    let setting = Setting::owning();
    let connector = setting.connector();
    let part = async |id| connector.resource::<BlobContainer>(grant(id)).await.expect("an id").issue().await;
    let error = part("az://zenfiles/data/a").await.expect_err("flat");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("no hierarchical namespace"), "{error}");
    let issued = part("az://zenlake/data/a").await.expect("a directory");
    assert!(issued.narrowing().reason().contains("az://zenlake/data/a"), "{issued:?}");
    let nowhere = connector.resource::<BlobContainer>(grant("az://zenfiles/nowhere")).await.expect("an id");
    let error = nowhere.reach().await.expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("az://zenfiles/nowhere"), "{error}");
    let reach = async |grant| connector.resource::<BlobContainer>(grant).await.expect("an id").reach().await;
    for access in Access::ALL {
        reach(grant("az://zenfiles/data").with_access(access)).await.expect("reached");
        reach(grant("az://zenlake/data/a").with_access(access)).await.expect("a part is reached");
    }
    assert!(setting.azure.blob("zenfiles", "data", "a/1.txt").is_some(), "verifying has changed nothing");
}
