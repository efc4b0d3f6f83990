//! Tests of `docker-registry`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_conformance::ids::{check_accepted, check_refused, check_total, exact, part};
use connector_core::{Access, Credential, ErrorKind, Fields, Parsed, ResourceType, Response, Wanted};
use connector_docker::{DockerCredential, Login};
use serde_json::{Value, json};

use super::DockerRegistry;
use crate::names::Partition;
use crate::resource::testing::{answer, answering, bodies, call, sent, session, session_in};
use crate::testing::{assert_silent, json_answer, json_refusal};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

fn registry(text: &str) -> DockerRegistry {
    match DockerRegistry::parse(text) {
        Ok(Parsed::Exact { resource, .. }) => resource,
        other => panic!("{text} is no complete id: {other:?}"),
    }
}

fn wanted() -> Wanted {
    Wanted::new(Access::Write)
}

#[test]
fn s17_accepted_forms() {
    let china = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn";
    let fips = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com";
    let dual = "123456789012.dkr-ecr.eu-west-1.on.aws";
    let sovereign = "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu";
    check_accepted::<DockerRegistry>(&[
        (HOST, exact(HOST), "canonical"),
        (&format!("https://{HOST}"), exact(HOST), "a URL"),
        (&format!("https://{HOST}/"), exact(HOST), "a URL with a slash"),
        (&format!("https://{HOST}/team/app"), part(HOST, "team/app"), "a repository"),
        (&format!("{HOST}/app/"), part(HOST, "app"), "a repository without the scheme"),
        (&HOST.to_ascii_uppercase(), exact(HOST), "hosts are of either case"),
        (
            "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
            part(HOST, "team/app"),
            "a repository's ARN",
        ),
        ("arn:aws:ecr:eu-west-1:123456789012:repository/*", exact(HOST), "as policies name all"),
        ("arn:aws-cn:ecr:cn-north-1:123456789012:repository/app", part(china, "app"), "an ARN in China"),
        (china, exact(china), "in China"),
        (fips, exact(fips), "with FIPS: docker keeps a login by its host"),
        (dual, exact(dual), "by IPv6"),
        (sovereign, exact(sovereign), "in the sovereign cloud"),
        ("public.ecr.aws", exact("public.ecr.aws"), "the public registry"),
        ("https://public.ecr.aws/a1b2c3/app", part("public.ecr.aws", "a1b2c3/app"), "a public repository"),
    ]);
}

#[test]
fn s17_refused_forms() {
    check_refused::<DockerRegistry>(&[
        ("", "none of ECR's", "nothing"),
        ("docker.io", "none of ECR's", "another registry"),
        (&format!("http://{HOST}"), "https", "not encrypted"),
        (&format!("ftp://{HOST}"), "none of ECR's", "another scheme"),
        (&format!("https://me@{HOST}"), "account number", "a user in front"),
        (&format!("{HOST}:443"), "end of the host", "a port: docker would keep the login under it"),
        (&format!("{HOST}.evil.example"), "end of the host", "a host that only begins well"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn",
            "end of the host",
            "China's end on a region elsewhere",
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "end of the host",
            "a region of China without its end",
        ),
        ("12345.dkr.ecr.eu-west-1.amazonaws.com", "account number", "an account of five digits"),
        ("123456789012.dkr.ecr.amazonaws.com", "end of the host", "no region"),
        ("123456789012.dkr.ecr.EU_west.amazonaws.com", "no region", "a region that is none"),
        (&format!("{HOST}/app:latest"), "repository name", "a tag"),
        (&format!("{HOST}/App"), "repository name", "upper case in a repository"),
        (&format!("{HOST}/../app"), "repository name", "dots"),
        (&format!("{HOST}//app"), "repository name", "two slashes"),
        ("arn:aws:ecr:eu-west-1:123456789012:repository/", "repository name", "an ARN of nothing"),
        ("arn:aws:ecr:eu-west-1:123456789012:replication", "something else", "no repository"),
        ("arn:aws:s3:::repository/app", "something else", "another service"),
        ("arn:aws:ecr::123456789012:repository/app", "region", "no region"),
        ("arn:aws:ecr:eu-west-1::repository/app", "account", "no account"),
        (
            "arn:aws-cn:ecr:eu-west-1:123456789012:repository/app",
            "partition",
            "a region of another partition",
        ),
    ]);
}

#[test]
fn s17_parsing_is_total_and_idempotent() {
    check_total::<DockerRegistry>(&[
        HOST,
        "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app",
        "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "123456789012.dkr-ecr.eu-west-1.on.aws",
        "public.ecr.aws/a1b2c3/app",
        "arn:aws:ecr:eu-west-1:123456789012:repository/app",
    ]);
}

/// S34: the policy names the repository, or all of the registry.
#[test]
fn s34_the_narrowing_names_the_repository() {
    let policy = |registry: &str, wanted: &Wanted| {
        let narrowing = self::registry(registry).narrowing(wanted).expect("sayable").expect("a narrowing");
        narrowing.policy(Partition::Aws).expect("a policy").to_json()
    };
    let one = policy(HOST, &wanted().with_within("team/app"));
    assert!(one.contains(r#""arn:aws:ecr:eu-west-1:123456789012:repository/team/app""#), "{one}");
    assert!(one.contains("ecr:PutImage") && one.contains("ecr:GetAuthorizationToken"), "{one}");
    let all = policy(HOST, &Wanted::new(Access::Read));
    assert!(all.contains(r#""arn:aws:ecr:eu-west-1:123456789012:repository/*""#), "{all}");
    assert!(!all.contains("ecr:PutImage"), "{all}");
    let public = policy("public.ecr.aws", &wanted().with_within("a1b2c3/app"));
    assert!(public.contains(r#""arn:aws:ecr-public::*:repository/app""#), "{public}");
    assert!(registry(HOST).narrowing(&wanted().with_within("A*")).is_err());
    // Never the whole registry under the name of a part.
    let error = registry("public.ecr.aws").narrowing(&wanted().with_within("app")).expect_err("an alias");
    assert_eq!(error.field_problems()[0].field, "within", "{error}");
}

fn token(account: &str) -> Response {
    // The answer is given at 12:00:00 by its own clock, and the token ends six hours later.
    let data = json!({
        "authorizationToken": STANDARD.encode("AWS:hunter2:more"),
        "expiresAt": 1_767_290_400.0,
        "proxyEndpoint": format!("https://{account}.dkr.ecr.eu-west-1.amazonaws.com"),
    });
    let body = json!({ "authorizationData": [data] }).to_string();
    answer(200, &[("date", "Thu, 01 Jan 2026 12:00:00 GMT")], &body)
}

/// S51: one call; the login is for the host that was asked for, and its end is free of clock skew.
#[tokio::test]
async fn s51_issuing_is_one_call() {
    let fips = "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com";
    for host in [HOST, fips] {
        let world = answering([token("123456789012")]);
        let cx = world.context();
        let issued = registry(host).issue(&wanted(), &session(), &call(&cx)).await.expect("a login");
        assert_eq!(sent(&world), ["POST https://api.ecr.eu-west-1.amazonaws.com/"]);
        assert_eq!(issued.credential.registry, host);
        let Login::Password { username, password } = &issued.credential.login else {
            panic!("another login")
        };
        assert_eq!((username.as_str(), password.expose()), ("AWS", "hunter2:more"));
        assert_eq!(issued.expiry.left(cx.now()), Some(Duration::from_secs(6 * 3600)));
        assert!(!format!("{issued:?}").contains("hunter2"));

        let mut fields = Fields::default();
        issued.credential.export(&mut fields);
        assert!(DockerCredential::import(&fields).is_ok(), "it travels");
    }
}

/// S19: another region or account is refused, by a call only where the session does not know its account.
#[tokio::test]
async fn s19_another_place_is_refused() {
    let silent = answering([]);
    let cx = silent.context();
    let mut known = session();
    known.account_id = Some("123456789012".into());
    for (host, says) in [
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "in region us-east-1, the connector is for eu-west-1",
        ),
        ("999999999999.dkr.ecr.eu-west-1.amazonaws.com", "of account 999999999999"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "of partition aws-cn"),
    ] {
        let error = registry(host).issue(&wanted(), &known, &call(&cx)).await.expect_err(host);
        assert!(error.message().contains(says), "{error}");
    }
    assert_eq!(sent(&silent), [""; 0]);

    let cx = answering([token("123456789012")]).context();
    let theirs = registry("999999999999.dkr.ecr.eu-west-1.amazonaws.com");
    let error = theirs.issue(&wanted(), &session(), &call(&cx)).await.expect_err("another account");
    assert!(error.message().contains("the connector's is 123456789012"), "{error}");
}

/// S15: the account's registry is found by the one permission that every login needs.
#[tokio::test]
async fn s15_the_listing_names_the_accounts_registry() {
    let cx = answering([token("123456789012")]).context();
    let listing = DockerRegistry::list(&session(), &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, [HOST]);

    let elsewhere = json!({ "authorizationData": [{
        "authorizationToken": STANDARD.encode("AWS:p"),
        "expiresAt": 1_767_290_400,
        "proxyEndpoint": "http://localhost:4510",
    }] });
    let cx = answering([json_answer(200, &elsewhere), json_answer(200, &elsewhere)]).context();
    assert!(DockerRegistry::list(&session(), &call(&cx)).await.is_err(), "an emulator that names no account");
    let mut known = session();
    known.account_id = Some("123456789012".into());
    let listing = DockerRegistry::list(&known, &call(&cx)).await.expect("a listing");
    assert_eq!(listing.ids, [HOST]);
}

/// S20: a repository is looked up, and a login that cannot be had names its call.
#[tokio::test]
async fn s20_reaching_a_repository_looks_at_it() {
    let found = json_answer(200, &json!({ "imageIds": [] }));
    let world = answering([
        token("123456789012"),
        found,
        token("123456789012"),
        json_refusal(400, "RepositoryNotFoundException"),
    ]);
    let cx = world.context();
    let wanted = wanted().with_within("team/app");
    registry(HOST).reach(&wanted, &session(), &call(&cx)).await.expect("reached");
    let body: Value = serde_json::from_str(&bodies(&world)[1]).expect("JSON");
    assert_eq!(body, json!({ "registryId": "123456789012", "repositoryName": "team/app", "maxResults": 1 }));
    let error = registry(HOST).reach(&wanted, &session(), &call(&cx)).await.expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`team/app`"), "{error}");
    assert_silent(&error);

    for (response, kind) in [
        (json_refusal(400, "AccessDeniedException"), ErrorKind::Refused),
        (json_answer(200, &json!({ "authorizationData": [] })), ErrorKind::Unreachable),
        (
            json_answer(200, &json!({ "authorizationData": [{ "authorizationToken": "hunter2!" }] })),
            ErrorKind::Unreachable,
        ),
    ] {
        let cx = answering([response]).context();
        let error =
            registry(HOST).reach(&self::wanted(), &session(), &call(&cx)).await.expect_err("no login");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("ecr:GetAuthorizationToken"), "{error}");
        assert_silent(&error);
    }
}

/// The public registry's API is in one region, wherever the connector is.
#[tokio::test]
async fn s51_the_public_registry_is_asked_in_its_region() {
    let data = json!({ "authorizationToken": STANDARD.encode("AWS:p"), "expiresAt": 1_767_290_400 });
    let answers = [
        json_answer(200, &json!({ "authorizationData": data })),
        json_answer(200, &json!({ "imageDetails": [] })),
    ];
    let world = answering(answers);
    let cx = world.context();
    let wanted = wanted().with_within("a1b2c3/app");
    registry("public.ecr.aws").reach(&wanted, &session(), &call(&cx)).await.expect("reached");
    assert_eq!(sent(&world), ["POST https://api.ecr-public.us-east-1.amazonaws.com/"; 2]);
    assert!(bodies(&world)[1].contains(r#""repositoryName":"app""#), "{:?}", bodies(&world));

    let session = session_in("cn-north-1");
    let error =
        registry("public.ecr.aws").issue(&self::wanted(), &session, &call(&cx)).await.expect_err("China");
    assert!(error.message().contains("partition aws"), "{error}");
}
