//! Whether a container is reached.

use connector_conformance::{Scripted, assert_silent};
use connector_core::{Error, ErrorKind, Result};

use super::*;
use crate::names::Audience;
use crate::resource::testing::{call, place, session_for};

fn listed() -> Response {
    xml(200, "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>")
}

async fn reach(world: &Scripted, wanted: &Wanted) -> Result<()> {
    let cx = world.context();
    data().reach(wanted, &session_for(place(), Audience::storage()), &call(&cx)).await
}

/// S20: what would be issued is tried, as far as that changes nothing.
#[tokio::test]
async fn s20_the_signature_is_tried() {
    let world = Scripted::answering([gives_key(3600), listed()]);
    reach(&world, &read()).await.expect("reached");
    let lines = world.lines();
    assert_eq!(lines.len(), 2);
    let list = "GET https://zenfiles.blob.core.windows.net/data?restype=container&comp=list&maxresults=1&se=";
    assert!(lines[1].starts_with(list), "{lines:?}");
    for refused in [no(404, "BlobNotFound"), no(412, "ConditionNotMet")] {
        let world = Scripted::answering([gives_key(3600), listed(), refused]);
        reach(&world, &Wanted::new(Access::Write)).await.expect("may write");
        let delete = "DELETE https://zenfiles.blob.core.windows.net/data/.connector-looks-whether-it-may?se=";
        assert!(world.lines()[2].starts_with(delete), "{:?}", world.lines());
        let tag = crate::testing::header(&world.sent()[2], "if-match").map(str::to_owned);
        assert_eq!(tag.as_deref(), Some("\"0x0\""), "nothing that is there is deleted");
    }
    let missing = || no(404, "BlobNotFound");
    let world = Scripted::answering([gives_key(3600), missing(), missing(), missing()]);
    reach(&world, &Wanted::new(Access::Admin).with_within("a")).await.expect("may write below");
    assert!(world.lines()[3].contains("/data/a/.connector-looks-whether-it-may?"), "{:?}", world.lines());
}

/// S20: each refusal has its meaning, names what is missing, and quotes nothing.
#[tokio::test]
async fn s20_why_a_container_is_not_reached() {
    let mismatch = || no(403, "AuthorizationPermissionMismatch");
    let blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
    let key = || gives_key(3600);
    for (access, answers, kind, says, hints) in [
        (
            Access::Read,
            vec![mismatch()],
            ErrorKind::Refused,
            "generateUserDelegationKey".to_owned(),
            "Storage Blob Delegator",
        ),
        (Access::Read, vec![key(), mismatch()], ErrorKind::Refused, format!("{blobs}/read"), "Data Reader"),
        (
            Access::Write,
            vec![key(), listed(), mismatch()],
            ErrorKind::Refused,
            format!("{blobs}/delete"),
            "Data Contributor",
        ),
        (
            Access::Read,
            vec![key(), no(404, "ContainerNotFound")],
            ErrorKind::NotFound,
            "there is no container `az://zenfiles/data`".to_owned(),
            "az storage container list",
        ),
        (
            Access::Read,
            vec![key(), no(403, "AuthorizationFailure")],
            ErrorKind::Refused,
            "network rules".to_owned(),
            "firewall",
        ),
        (
            Access::Read,
            vec![no(503, "ServerBusy"); 3],
            ErrorKind::Unreachable,
            "slow down".to_owned(),
            "later",
        ),
    ] {
        let world = Scripted::answering(answers);
        let error = reach(&world, &Wanted::new(access)).await.expect_err(&says);
        assert_eq!(error.kind(), kind, "{error}");
        let text = format!("{error} {:?}", error.causes());
        assert!(text.contains(&says), "{text}");
        assert!(error.hint().is_some_and(|it| it.contains(hints)), "{error:?}");
        assert_silent(&error);
        assert!(!text.contains("sig="), "{text}");
    }
    let world = Scripted::new()
        .fails(Error::unreachable("zenfiles.blob.core.windows.net has no address").transient(false));
    let error = reach(&world, &read()).await.expect_err("no such account");
    assert!(error.to_string().contains("storage account `zenfiles` is not reached"), "{error}");
}

/// S20, S27: behind a connection string is a key or a signature: what is refused is told of that, and not of roles or
/// tokens, which it has none of.
#[tokio::test]
async fn s20_what_is_wrong_with_a_connection_string_is_named() {
    let key = "AccountName=zenfiles;AccountKey=aHVudGVyMg==";
    let signature =
        "BlobEndpoint=https://zenfiles.blob.core.windows.net;SharedAccessSignature=sv=2025-01-05&sig=hunter2";
    let failed = || no(403, "AuthenticationFailed");
    let too_little = || no(403, "AuthorizationPermissionMismatch");
    let late = || {
        let date = vec![("date".to_owned(), "Thu, 01 Jan 2026 01:00:00 GMT".to_owned())];
        let code = vec![("x-ms-error-code".to_owned(), "AuthenticationFailed".to_owned())];
        Response::new(403, [date, code].concat(), vec![])
    };
    for (text, answer, says, hints) in [
        (key, failed(), "the account's key is not taken", "under Access keys"),
        (key, late(), "1h behind", "set the clock"),
        (key, no(403, "KeyBasedAuthenticationNotPermitted"), "takes no keys", "service-principal"),
        (signature, failed(), "the signature of the connection string is not taken", "a new one"),
        (signature, too_little(), "does not allow this", "less access"),
        (signature, no(403, "AuthorizationResourceTypeMismatch"), "does not allow this", "less access"),
    ] {
        let world = Scripted::answering([answer]);
        let method = crate::testing::method::<crate::auth::ConnectionString>(
            serde_json::json!({ "connection_string": text }),
        );
        let cx = world.context();
        let session = crate::testing::authenticate(&method, &cx, None).await.expect("a session").session;
        let error = data().reach(&read(), &session, &call(&cx)).await.expect_err(says);
        let text = format!("{error} {:?}", error.causes());
        assert!(error.kind() == ErrorKind::Refused && text.contains(says), "{says}: {text}");
        assert!(error.hint().is_some_and(|it| it.contains(hints)), "{error:?}");
        assert!(!text.contains("token") && !text.contains("role"), "{text}");
        assert_silent(&error);
    }
}
