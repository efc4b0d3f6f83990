//! C18: which endpoints of a machine are asked, and what they may have read.

use connector_conformance::assert_silent;
use connector_core::{AuthMethod, ErrorKind, Response};
use serde_json::{Map, json};

use super::managed_identity::{app_service, arc, challenged, given, machine, on};
use super::*;

/// C18: a challenge reads no file but the agent's own, however it is written, and sends none.
#[tokio::test]
async fn c18_a_challenge_reads_no_other_file() {
    for path in [
        "/etc/shadow",
        "/var/opt/azcmagent/tokens/../../../../etc/shadow",
        "/var/opt/azcmagent/tokens/../x.key",
        "/var/opt/azcmagent/tokens/a/b.key",
        "/var/opt/azcmagent/tokens/.key",
        "/var/opt/azcmagent/tokens/..key",
        "/var/opt/azcmagent/tokens/x.pem",
        "/var/opt/azcmagent/tokensx/x.key",
        "/var/opt/azcmagent/tokens/x\0.key",
        "/var/opt/azcmagent/tokens/",
        "var/opt/azcmagent/tokens/x.key",
        "",
    ] {
        let world = arc().file(path, "hunter2").answers(challenged(path));
        let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err(path);
        assert!(error.message().contains("no key of the agent's"), "{error:?}");
        assert_eq!(world.sent().len(), 1, "{path}");
        assert_silent(&error);
    }
    const KEY: &str = "/var/opt/azcmagent/tokens/x.key";
    for (text, says) in
        [("", "no key"), ("a b", "no key"), ("a\r\nx: hunter2", "no key"), (&"h".repeat(4097), "no key")]
    {
        let world = arc().file(KEY, text).answers(challenged(KEY));
        let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err(text);
        assert!(error.message().contains(says), "{error:?}");
        assert_eq!(world.sent().len(), 1);
        assert_silent(&error);
    }
    let world = arc().answers(challenged(KEY));
    let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err("no file");
    assert!(error.message().contains("cannot be read") && error.hint().is_some(), "{error:?}");
    for answer in [
        Response::new(401, Vec::new(), Vec::new()),
        Response::new(401, vec![("www-authenticate".to_owned(), format!("Bearer realm={KEY}"))], Vec::new()),
        given("eyJ.hunter2.1", 3600),
    ] {
        let world = arc().file(KEY, "hunter2").answers(answer);
        let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err("no agent");
        assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 1), "{error:?}");
        assert_silent(&error);
    }
}

/// C18: what the variables name is asked only where it is this machine or beside it; nobody else is sent the header.
#[tokio::test]
async fn c18_only_what_is_near_is_asked() {
    let header = |url: &str| World::new().var("IDENTITY_ENDPOINT", url).var("IDENTITY_HEADER", "hunter2");
    let of_arc = |url: &str| World::new().var("IDENTITY_ENDPOINT", url).var("IMDS_ENDPOINT", "x");
    for world in [
        header("http://example.org/msi/token"),
        header("http://8.8.8.8/msi/token"),
        header("http://169.254.169.254@example.org/x"),
        header("http://169.254.169.254:80@example.org/x"),
        header("http://169.254.1.1\\@example.org/x"),
        header("http://169.254.1.1#@example.org/x"),
        header("file:///etc/passwd"),
        header("http://169.254.169.254.example.org/x"),
        header("hunter2"),
        of_arc("https://example.org/metadata/identity/oauth2/token"),
        of_arc("http://10.0.0.1/metadata/identity/oauth2/token"),
        of_arc("http://169.254.169.254/metadata/identity/oauth2/token"),
        of_arc("http://localhost.example.org/metadata"),
    ] {
        let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err("not near");
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        assert!(error.message().contains("IDENTITY_ENDPOINT"), "{error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
    }
    for url in [
        "http://169.254.129.3:8081/msi/token",
        "http://localhost:42356/msi/token/",
        "http://[::1]:1/msi/token",
        "http://10.0.0.4:8081/msi/token/?",
        "https://identity.example.org/msi/token",
    ] {
        let world = header(url).answers(given("eyJ.token.1", 3600));
        authenticate(&machine(json!({})), &on(&world), None).await.expect("it is near");
    }
}

/// Platforms that are not spoken to are told, and no other identity takes their place.
#[tokio::test]
async fn other_platforms_are_told() {
    for (world, says) in [
        (app_service().var("IDENTITY_SERVER_THUMBPRINT", "AA"), "Service Fabric"),
        (
            World::new().var("MSI_ENDPOINT", "http://127.0.0.1/hunter2").var("MSI_SECRET", "hunter2"),
            "Machine Learning",
        ),
        (World::new().var("IDENTITY_ENDPOINT", "http://127.0.0.1/hunter2"), "IDENTITY_HEADER"),
    ] {
        let error = authenticate(&machine(json!({})), &on(&world), None).await.expect_err("not spoken to");
        assert!(error.message().contains(says) && error.hint().is_some(), "{error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
        let identity = ManagedIdentity::identity(&Map::new(), &on(&world)).expect_err("broken");
        assert_silent(&identity);
    }
}

/// An endpoint of the config's own stands before all that the machine says, one server for all in place of the metadata
/// service alone; neither is asked past a proxy or at a link-local address.
#[tokio::test]
async fn the_configs_own_endpoint_is_asked() {
    let own = json!({ "endpoints": { "identity": "http://127.0.0.1:9/base/" } });
    let all = json!({ "endpoint_url": "https://127.0.0.1:8" });
    for (world, config, origin, path, is_near) in [
        (app_service(), own, "http://127.0.0.1:9", "/base/metadata/identity/oauth2/token", false),
        (World::new(), all.clone(), "https://127.0.0.1:8", "/metadata/identity/oauth2/token", false),
        (app_service(), all, "http://127.0.0.1:41741", "/msi/token", true),
    ] {
        let world = world.answers(given("eyJ.token.1", 3600));
        authenticate(&machine(config), &on(&world), None).await.expect("a session");
        assert_eq!((world.sent()[0].origin(), world.sent()[0].is_to_metadata()), (origin, is_near));
        assert!(world.sent()[0].url().contains(&format!("{path}?")), "{}", world.sent()[0].url());
    }
    for url in ["http://example.org", "http://169.254.169.254", "https://169.254.169.254"] {
        let found = faults::<ManagedIdentity>(json!({ "endpoints": { "identity": url } }));
        assert!(found.iter().any(|(field, _)| field == "endpoints.identity"), "{url}: {found:?}");
    }
}
