//! What is issued: signatures, their ends, and what they are for.

use std::time::{Duration, SystemTime};

use connector_conformance::{Scripted, assert_silent};
use connector_core::{Call, Error, ErrorKind, Expiry, Issued, Result};

use super::*;
use crate::credential::Shown;
use crate::mint::Token;
use crate::names::Audience;
use crate::resource::testing::{call, place, session_for};
use crate::testing::header;
use crate::{AzureCredential, Session};

/// A session for storage whose token ends so many seconds after the start.
fn storage(seconds: u64) -> Session {
    let token = Token { secret: "hunter2-token".into(), expiry: Expiry::At(Scripted::after(seconds)) };
    Session::of_token(place(), Audience::storage(), token)
}

fn signature(issued: &Issued<AzureCredential>) -> &Secret {
    match &issued.credential.shown {
        Shown::Signature(signature) => signature,
        other => panic!("no signature: {other:?}"),
    }
}

async fn issue(world: &Scripted, wanted: &Wanted, session: &Session) -> Result<Issued<AzureCredential>> {
    let cx = world.context();
    data().issue(wanted, session, &call(&cx)).await
}

/// S34: one call for a key that lives no longer than is needed, and a signature for the one container.
#[tokio::test]
async fn s34_a_signature_for_one_container_takes_one_call() {
    let world = Scripted::answering([gives_key(3600)]);
    let issued = issue(&world, &read(), &storage(3600)).await.expect("issued");
    assert_eq!(
        world.lines(),
        ["POST https://zenfiles.blob.core.windows.net/?restype=service&comp=userdelegationkey"]
    );
    assert_eq!(
        world.bodies(),
        ["<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>2025-12-31T23:45:00Z</Start>\
          <Expiry>2026-01-01T01:00:00Z</Expiry></KeyInfo>"]
    );
    let sent = &world.sent()[0];
    assert_eq!(header(sent, "authorization"), Some("Bearer hunter2-token"));
    assert_eq!(header(sent, "x-ms-version"), Some("2025-01-05"));

    let credential = &issued.credential;
    assert_eq!(credential.account.as_deref(), Some("zenfiles"));
    assert_eq!(credential.container.as_deref(), Some("data"));
    assert_eq!(credential.endpoint.as_deref(), Some("https://zenfiles.blob.core.windows.net"));
    assert_eq!((credential.cloud.as_str(), issued.long_lived), ("public", false));
    assert_eq!(issued.expiry.at(), Some(Scripted::after(3600)));
    let narrowed = issued.narrowing();
    assert!(narrowed.is_narrowed(), "{narrowed:?}");
    assert_eq!(narrowed.reason(), "a user-delegation SAS for az://zenfiles/data, permissions rl");
    assert!(!format!("{issued:?}").contains("sig="), "{issued:?}");

    let sas = signature(&issued);
    for (asked, expected) in [
        (('r', "data", Some("x")), true),
        (('l', "data", None), true),
        (('w', "data", Some("x")), false),
        (('d', "data", Some("x")), false),
        (('r', "data2", Some("x")), false),
        (('r', "dat", Some("x")), false),
    ] {
        assert_eq!(lets(sas, 3600, asked, 60), expected, "{asked:?}");
    }
}

/// S34: more is signed for only where more is asked for.
#[tokio::test]
async fn s34_each_access_level_has_its_letters() {
    for (access, letters) in
        [(Access::Read, "rl"), (Access::Write, "racwdlm"), (Access::Admin, "racwdxyltfmei")]
    {
        let world = Scripted::answering([gives_key(3600)]);
        let issued = issue(&world, &Wanted::new(access), &storage(3600)).await.expect("issued");
        assert!(issued.narrowing().reason().ends_with(&format!("permissions {letters}")));
        for letter in ['r', 'l', 'w', 'd', 'x', 'i'] {
            let path = (letter != 'l').then_some("x");
            assert_eq!(lets(signature(&issued), 3600, (letter, "data", path), 60), letters.contains(letter));
        }
    }
}

/// C25: what is asked, what the token has left, and what the key lives: a signature is good for the shortest.
#[tokio::test]
async fn c25_a_signature_lives_no_longer_than_its_source() {
    for (asked, token, key_until, lives) in [
        (None, 3600, 3600, 3600),
        (Some(900), 3600, 3600, 900),
        (Some(7200), 3600, 7200, 3600),
        (Some(3600), 3600, 600, 600),
        (None, 120, 3600, 120),
        (Some(30 * 24 * 3600), 90 * 24 * 3600, 90 * 24 * 3600, 7 * 24 * 3600),
    ] {
        let world = Scripted::answering([gives_key(key_until)]);
        let cx = world.context();
        let duration = asked.map(Duration::from_secs);
        let issued = data().issue(&read(), &storage(token), &Call::new(&cx, duration)).await.expect("issued");
        let told = (asked, token, key_until);
        assert_eq!(issued.expiry.at(), Some(Scripted::after(lives)), "{told:?}");
        let sas = signature(&issued);
        assert!(lets(sas, key_until, ('r', "data", Some("x")), lives - 1), "{told:?}");
        assert!(!lets(sas, key_until, ('r', "data", Some("x")), lives), "{told:?}");
        let needed = asked.unwrap_or(u64::MAX).min(token).min(7 * 24 * 3600);
        let needed = format!("<Expiry>{}</Expiry>", format_time(Scripted::after(needed)));
        assert!(world.bodies()[0].contains(&needed), "no longer a key than is needed: {:?}", world.bodies());
    }
}

fn dated(response: Response, time: SystemTime) -> Response {
    let date = jiff::Timestamp::try_from(time).expect("a time").strftime("%a, %d %b %Y %H:%M:%S GMT");
    let headers = vec![("date".to_owned(), date.to_string())];
    Response::new(response.status(), headers, response.body().to_vec())
}

/// C26: an end is by the clock of whoever judges it. A clock that is constantly wrong cancels out, as far as the key
/// reaches.
#[tokio::test]
async fn c26_clocks_that_differ() {
    // Azure's clock is ten minutes behind: the signature ends ten minutes earlier by ours.
    let world = Scripted::answering([dated(gives_key(3600), Scripted::start() - Duration::from_secs(600))]);
    let issued = issue(&world, &read(), &storage(3600)).await.expect("issued");
    assert_eq!(issued.expiry.at(), Some(Scripted::after(3600)), "an hour, as asked");
    assert!(lets(signature(&issued), 3600, ('r', "data", Some("x")), 2999), "an hour by Azure's clock");
    assert!(!lets(signature(&issued), 3600, ('r', "data", Some("x")), 3000), "and no longer");
    // It is ten minutes ahead: the key ends when it was asked to, and so does the signature, which is told.
    let world = Scripted::answering([dated(gives_key(3600), Scripted::after(600))]);
    let issued = issue(&world, &read(), &storage(3600)).await.expect("issued");
    assert_eq!(issued.expiry.at(), Some(Scripted::after(3000)));
    // It is two hours ahead: nothing is left.
    let world = Scripted::answering([dated(gives_key(3600), Scripted::after(7200))]);
    let error = issue(&world, &read(), &storage(3600)).await.expect_err("nothing is left");
    assert!(error.hint().is_some_and(|it| it.contains("clock")), "{error:?}");
}

/// A directory is signed for where the account has such; whether it has shows in how it takes the signature.
#[tokio::test]
async fn s34_a_part_is_a_directory() {
    for (within, path) in [("a/b", "a/b"), ("a/b/", "a/b"), ("a b/日", "a%20b/%E6%97%A5")] {
        let world = Scripted::answering([gives_key(3600), no(404, "BlobNotFound")]);
        let issued = issue(&world, &read().with_within(within), &storage(3600)).await.expect("issued");
        let line = &world.lines()[1];
        let start = format!(
            "HEAD https://zenfiles.blob.core.windows.net/data/{path}/.connector-looks-whether-it-may?se="
        );
        assert!(line.starts_with(&start), "{line}");
        let sas = signature(&issued);
        assert!(sas.expose().contains("&sr=d&sdd=2&"));
        let directory = within.trim_end_matches('/');
        let below = format!("{directory}/x");
        let beside = format!("{directory}2");
        for (asked, expected) in [
            (('r', "data", Some(below.as_str())), true),
            (('l', "data", Some(below.as_str())), true),
            (('l', "data", Some(directory)), false),
            (('l', "data", None), false),
            (('r', "data", Some(beside.as_str())), false),
            (('r', "data", Some("a")), false),
            (('w', "data", Some(below.as_str())), false),
        ] {
            assert_eq!(lets(sas, 3600, asked, 60), expected, "{asked:?}");
        }
        let reason = issued.narrowing().reason().to_owned();
        assert!(reason.contains(&format!("az://zenfiles/data/{within}")), "{reason}");
    }
}

/// Where an account has no directories, nothing wider is given in place of a part.
#[tokio::test]
async fn c24_a_part_of_a_flat_account_is_refused() {
    let listed = || xml(200, "<EnumerationResults><Blobs/></EnumerationResults>");
    for refusal in [
        no(403, "AuthenticationFailed"),
        no(400, "InvalidQueryParameterValue"),
        // As Azurite answers, and as somebody is answered who shows nothing.
        no(403, "AuthorizationFailure"),
        no(404, "ResourceNotFound"),
        no(409, "PublicAccessNotPermitted"),
    ] {
        let world = Scripted::answering([gives_key(3600), refusal, listed()]);
        let error = issue(&world, &read().with_within("a"), &storage(3600)).await.expect_err("flat");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("no hierarchical namespace"), "{error}");
        assert!(error.hint().is_some_and(|it| it.contains("whole container")), "{error:?}");
        assert_silent(&error);
    }
    // What refuses a signature for the whole container as well is something else.
    let refused = || no(403, "AuthenticationFailed");
    let world = Scripted::answering([gives_key(3600), refused(), refused()]);
    let error = issue(&world, &read().with_within("a"), &storage(3600)).await.expect_err("something else");
    assert!(!error.message().contains("hierarchical"), "{error}");
    let world = Scripted::answering([gives_key(3600)].into_iter().chain(vec![no(500, "InternalError"); 3]));
    let error = issue(&world, &read().with_within("a"), &storage(3600)).await.expect_err("in trouble");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    // Want of a role is for verifying to tell, as with a whole container.
    let world = Scripted::answering([gives_key(3600), no(403, "AuthorizationPermissionMismatch")]);
    issue(&world, &read().with_within("a"), &storage(3600)).await.expect("issued");
    for within in ["/a", "a/../b", "", "a\nb", "a//b"] {
        let error = data().narrowing(&read().with_within(within)).expect_err(within);
        assert_eq!(error.field_problems()[0].field, "within", "{within}");
    }
}

/// S20: what is missing is named, and garbage is no key.
#[tokio::test]
async fn s20_why_nothing_is_signed() {
    let no_value = xml(200, "<UserDelegationKey><SignedOid>hunter2</SignedOid></UserDelegationKey>");
    let no_time = gives_key(3600).body().to_vec();
    let no_time = String::from_utf8(no_time).expect("text").replace("2026-01-01T01:00:00Z", "hunter2");
    for (answers, kind, says) in [
        (
            vec![no(403, "AuthorizationPermissionMismatch")],
            ErrorKind::Refused,
            "lacks Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
        ),
        (vec![no(403, "AuthorizationFailure")], ErrorKind::Refused, "network rules"),
        (vec![no(401, "InvalidAuthenticationInfo")], ErrorKind::Refused, "token is not taken"),
        (vec![no(500, "InternalError"); 3], ErrorKind::Unreachable, "in trouble"),
        (vec![xml(200, "<html>hunter2")], ErrorKind::Unreachable, "not Azure"),
        (vec![no_value], ErrorKind::Unreachable, "not Azure"),
        (vec![Response::new(200, vec![], no_time.into_bytes())], ErrorKind::Unreachable, "not Azure"),
    ] {
        let world = Scripted::answering(answers);
        let error = issue(&world, &read(), &storage(3600)).await.expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("blob:GetUserDelegationKey"), "{error}");
        assert_silent(&error);
    }
    let hint = |error: &Error| error.hint().unwrap_or_default().to_owned();
    let world = Scripted::answering([no(403, "AuthorizationPermissionMismatch")]);
    let error = issue(&world, &read(), &storage(3600)).await.expect_err("no role");
    assert!(hint(&error).contains("Storage Blob Delegator on the storage account"), "{error:?}");
}

/// A token for another service is not sent, and there is no way to another one.
#[tokio::test]
async fn a_single_token_for_another_service_is_refused() {
    let world = Scripted::new();
    let token = Token { secret: "hunter2".into(), expiry: Expiry::At(Scripted::after(3600)) };
    let session = Session::of_token(place(), place().resource_manager(), token);
    let error = issue(&world, &read(), &session).await.expect_err("for another service");
    assert!(error.message().contains("https://storage.azure.com"), "{error}");
    assert!(world.sent().is_empty());
    // One for storage needs no way to another.
    let world = Scripted::answering([gives_key(3600)]);
    issue(&world, &read(), &session_for(place(), Audience::storage())).await.expect("issued");
}

/// S35: what a signature carries and what is kept from it are all that the level needs, and told apart.
#[test]
fn s35_what_is_carried_and_withheld_is_told() {
    for access in Access::ALL {
        for within in [None, Some("a/")] {
            let wanted = within.map_or(Wanted::new(access), |it| Wanted::new(access).with_within(it));
            let carried = data().carried(&wanted);
            let withheld: Vec<_> =
                data().withheld(&wanted).iter().flat_map(|it| it.actions.clone()).collect();
            for permission in BlobContainer::permissions(access) {
                let (one, other) = (carried.contains(&permission), withheld.contains(&permission));
                assert!(one != other, "{access:?} {within:?}: {permission} is either carried or withheld");
            }
            assert_eq!(carried.len() + withheld.len(), BlobContainer::permissions(access).len());
            let writes = carried.iter().any(|it| it.ends_with("blobs/write"));
            assert_eq!(writes, access >= Access::Write, "{access:?}");
            assert!(withheld.iter().any(|it| it.contains("generateUserDelegationKey")));
            assert!(carried.iter().all(|it| it.contains("/containers/blobs/")), "{carried:?}");
        }
    }
    let admin = BlobContainer::permissions(Access::Admin);
    for access in [Access::Read, Access::Write] {
        assert!(BlobContainer::permissions(access).iter().all(|it| admin.contains(it)));
    }
}
