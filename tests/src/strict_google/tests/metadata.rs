use super::*;

const FLAVOR: (&str, &str) = ("metadata-flavor", "Google");

#[test]
fn a_machine_is_told_who_it_is() {
    let server = StrictGoogle::start();
    let robot = server.add_service_account("robot");
    let path = "GET /computeMetadata/v1/instance/service-accounts/default";
    let away = ask(&server, "GET /", &[FLAVOR], "");
    assert!(away.status == 404 && away.header("metadata-flavor").is_none(), "{away:?}");
    server.set_machine_account(&robot);
    let read = |line: &str| ask(&server, line, &[FLAVOR], "");
    let value = |path: &str| read(&format!("GET /computeMetadata/v1/{path}")).body;
    assert_eq!(value("project/project-id"), PROJECT);
    assert_eq!(value("project/numeric-project-id"), PROJECT_NUMBER.to_string());
    assert_eq!(value("universe/universe-domain"), "googleapis.com");
    assert_eq!(value("instance/service-accounts/"), format!("default/\n{robot}/\n"));
    assert_eq!(value("instance/service-accounts/default/email"), robot);
    let whole = read(&format!("{path}/?recursive=true")).good();
    assert_eq!(
        (whole["email"].as_str(), whole["aliases"][0].as_str()),
        (Some(robot.as_str()), Some("default"))
    );
    assert_eq!(value("instance/service-accounts/default/scopes"), format!("{CLOUD}\n{EMAIL}\n"));

    let told = read(&format!("{path}/token"));
    assert_eq!(told.header("metadata-flavor"), Some("Google"));
    assert_eq!(told.good()["expires_in"], 3599);
    assert_eq!(server.owner(&told.text("access_token")).map(|(who, _)| who), Some(robot.clone()));
    let asked = read(&format!("{path}/token?scopes={}", encoded(EMAIL))).text("access_token");
    assert_eq!(server.owner(&asked).map(|(_, scopes)| scopes), Some(vec![EMAIL.to_owned()]));
    server.set_machine_account_with(&robot, &[EMAIL]);
    let less = read(&format!("{path}/token?scopes={}", encoded(CLOUD))).text("access_token");
    assert_eq!(server.owner(&less).map(|(_, scopes)| scopes), Some(Vec::new()));

    let identity = read(&format!("{path}/identity?audience=https%3A%2F%2Fa.test"));
    let identity = jwt::Jwt::read(&identity.body).expect("an identity token");
    assert_eq!((identity.claim("aud"), identity.claim("email")), ("https://a.test", robot.as_str()));
    assert_eq!(read(&format!("{path}/identity")).status, 400);
    server.disable(&robot);
    assert_eq!(read(&format!("{path}/token")).status, 404);
}

#[test]
fn only_who_means_it_may_ask_a_metadata_server() {
    let server = StrictGoogle::start();
    server.set_machine_account(&server.add_service_account("robot"));
    let line = "GET /computeMetadata/v1/instance/service-accounts/default/token";
    for (headers, status) in [
        (vec![FLAVOR], 200),
        (vec![("x-google-metadata-request", "True")], 200),
        (vec![], 403),
        (vec![("metadata-flavor", "google")], 403),
        (vec![FLAVOR, ("x-forwarded-for", "203.0.113.1")], 403),
    ] {
        let told = ask(&server, line, &headers, "");
        // Errors say who they come from as well.
        assert_eq!((told.status, told.header("metadata-flavor")), (status, Some("Google")), "{headers:?}");
    }
    let ping = ask(&server, "GET /", &[], "");
    assert_eq!((ping.status, ping.header("metadata-flavor")), (200, Some("Google")));
    for (path, status, to) in [
        (
            "/computeMetadata/v1/instance/service-accounts",
            301,
            Some("/computeMetadata/v1/instance/service-accounts/"),
        ),
        (
            "/computeMetadata/v1/instance/service-accounts/default",
            301,
            Some("/computeMetadata/v1/instance/service-accounts/default/"),
        ),
        ("/computeMetadata/v1", 301, Some("/computeMetadata/v1/")),
        ("/computeMetadata/v1/instance/attributes/cluster-name", 404, None),
        ("/computeMetadata/v1/instance/service-accounts/other@example.com/token", 404, None),
    ] {
        let told = ask(&server, &format!("GET {path}"), &[FLAVOR], "");
        assert_eq!((told.status, told.header("location")), (status, to), "{path}");
    }
    assert_eq!(ask(&server, &line.replace("GET", "POST"), &[FLAVOR], "").status, 405);
}
