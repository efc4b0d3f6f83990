//! Judged by an emulator that checks signatures and policies, used through the real `aws` program.

use connector_tests::keys::Keys;
use serde_json::json;

use crate::stage::Stage;

const BUCKET: &[&str] = &["--resource-type", "s3-bucket", "--resource-id"];

fn one<'a>(name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [name].into_iter().chain(BUCKET.iter().copied()).chain(["bkt-one"]).chain(more.iter().copied()).collect()
}

fn assert_reads_only_one(stage: &Stage, keys: &Keys) {
    let (ok, text) = stage.aws(keys, &["s3", "cp", "s3://bkt-one/hello.txt", "-"]);
    assert!(ok, "the bucket that was asked for is read: {text}");
    let (ok, text) = stage.aws(keys, &["s3", "ls", "s3://bkt-two"]);
    assert!(!ok && text.contains("AccessDenied"), "the bucket next to it is refused: {text}");
    let (ok, text) = stage.aws(keys, &["s3", "rm", "s3://bkt-one/hello.txt"]);
    assert!(!ok && text.contains("AccessDenied"), "`read` does not delete: {text}");
}

#[test]
fn s33_s34_a_role_is_narrowed_to_one_bucket_by_exactly_one_call() {
    let Some(stage) = Stage::new("s33_s34_a_role_is_narrowed_to_one_bucket_by_exactly_one_call") else {
        return;
    };
    stage.register_role("data", &[]);
    stage.wire.calls().take();
    let envelope = stage.cli.json(&[&["issue"][..], &one("data", &[])].concat());
    assert_eq!(stage.wire.calls().actions(), ["AssumeRole"], "one call from key to credential");
    let call = &stage.wire.calls().of("AssumeRole")[0];
    let policy = call.parameter("Policy").expect("a session policy is sent");
    assert!(
        policy.contains("arn:aws:s3:::bkt-one") && !policy.contains('\n') && !policy.contains(": "),
        "{policy}"
    );
    assert_eq!((envelope["narrowed"].clone(), envelope["long_lived"].clone()), (json!(true), json!(false)));
    assert_eq!(envelope["resource"], json!({ "type": "s3-bucket", "id": "s3://bkt-one" }));
    assert!(envelope["expires_at"].is_string());
    assert_reads_only_one(&stage, &crate::stage::keys_of(&envelope));

    stage.cli.json(&[&["issue"][..], &one("data", &[])].concat());
    assert_eq!(stage.wire.calls().count(), 1, "the second time it comes from the cache");
}

#[test]
fn s33_s34_a_federation_token_is_narrowed_the_same_way() {
    let Some(stage) = Stage::new("s33_s34_a_federation_token_is_narrowed_the_same_way") else { return };
    stage.register("fed", "federation-token", &[]);
    stage.wire.calls().take();
    let keys = stage.issue(&one("fed", &[]));
    assert_eq!(stage.wire.calls().actions(), ["GetFederationToken"]);
    assert_reads_only_one(&stage, &keys);
}

#[test]
fn a_part_of_a_bucket_does_not_reach_the_part_next_to_it() {
    let Some(stage) = Stage::new("a_part_of_a_bucket_does_not_reach_the_part_next_to_it") else { return };
    stage.register_role("data", &[]);
    let keys = stage.issue(&one("data", &["--within", "team-a"]));
    for (arguments, allowed) in [
        (["s3", "cp", "s3://bkt-one/team-a/one.txt", "-"], true),
        (["s3", "cp", "s3://bkt-one/team-b/two.txt", "-"], false),
        (["s3", "cp", "s3://bkt-one/hello.txt", "-"], false),
    ] {
        let (ok, text) = stage.aws(&keys, &arguments);
        assert_eq!(ok, allowed, "{arguments:?}: {text}");
    }
    let (ok, text) = stage.aws(&keys, &["s3", "ls", "s3://bkt-one/team-b/"]);
    assert!(!ok, "listing the part next to it is refused too: {text}");
}

/// A path without a slash at its end names an object, and what lies below it; never its sibling.
#[test]
fn a_path_names_the_object_and_not_the_one_next_to_it() {
    let Some(stage) = Stage::new("a_path_names_the_object_and_not_the_one_next_to_it") else { return };
    stage.register_role("data", &[]);
    let writer = stage.issue(&one("data", &["--access", "write"]));
    let file = stage.cli.home().join("up.txt");
    std::fs::write(&file, "up").expect("the home is ours");
    let file = file.to_str().expect("a temporary path is text");
    for key in ["named/key.txt", "named/key.txt/below", "named/key.txt2"] {
        let (ok, text) = stage.aws(&writer, &["s3", "cp", file, &format!("s3://bkt-one/{key}")]);
        assert!(ok, "{text}");
    }
    let id = ["data", "--resource-type", "s3-bucket", "--resource-id"];
    let named = stage.issue(&[&id[..], &["s3://bkt-one/named/key.txt"]].concat());
    let below = stage.issue(&[&id[..], &["s3://bkt-one/named/key.txt/"]].concat());
    for (keys, key, allowed) in [
        (&named, "named/key.txt", true),
        (&named, "named/key.txt/below", true),
        (&named, "named/key.txt2", false),
        (&below, "named/key.txt", false),
        (&below, "named/key.txt/below", true),
    ] {
        let (ok, text) = stage.aws(keys, &["s3", "cp", &format!("s3://bkt-one/{key}"), "-"]);
        assert_eq!(ok, allowed, "{key}: {text}");
    }
    let (ok, text) = stage.aws(&named, &["s3", "ls", "s3://bkt-one/named/key.txt"]);
    assert!(!ok, "a list by that name would tell of the one next to it: {text}");
}

#[test]
fn write_access_writes_and_stays_in_its_bucket() {
    let Some(stage) = Stage::new("write_access_writes_and_stays_in_its_bucket") else { return };
    stage.register_role("data", &[]);
    let keys = stage.issue(&one("data", &["--access", "write"]));
    let file = stage.cli.home().join("up.txt");
    std::fs::write(&file, "up").expect("the home is ours");
    let file = file.to_str().expect("a temporary path is text");
    let (ok, text) = stage.aws(&keys, &["s3", "cp", file, "s3://bkt-one/written/up.txt"]);
    assert!(ok, "{text}");
    let (ok, text) = stage.aws(&keys, &["s3", "cp", file, "s3://bkt-two/written/up.txt"]);
    assert!(!ok && text.contains("AccessDenied"), "{text}");
}

#[test]
fn s33_a_session_token_says_that_it_is_not_narrowed() {
    let Some(stage) = Stage::new("s33_a_session_token_says_that_it_is_not_narrowed") else { return };
    stage.register("session", "session-token", &[]);
    stage.wire.calls().take();
    let envelope = stage.cli.json(&[&["issue"][..], &one("session", &[])].concat());
    assert_eq!(stage.wire.calls().actions(), ["GetSessionToken"]);
    assert_eq!(envelope["narrowed"], json!(false));
    assert!(!envelope["reason"].as_str().unwrap_or_default().is_empty(), "never silent about it");
}

#[test]
fn s31_a_long_lived_key_is_handed_out_only_where_its_owner_allows_it() {
    let Some(stage) = Stage::new("s31_a_long_lived_key_is_handed_out_only_where_its_owner_allows_it") else {
        return;
    };
    stage.register("key", "secret-key", &[]);
    let error = stage.cli.error(4, &[&["issue"][..], &one("key", &[])].concat());
    assert!(error["hint"].as_str().unwrap_or_default().contains("--allow long-lived"), "{error}");
    stage.register("lent", "secret-key", &["--allow", "long-lived"]);
    let envelope = stage.cli.json(&[&["issue"][..], &one("lent", &[])].concat());
    assert_eq!((envelope["long_lived"].clone(), envelope["narrowed"].clone()), (json!(true), json!(false)));
    assert_eq!(envelope["expires_at"], json!(null));
    assert!(envelope["never"].is_string(), "it says why it does not end");
}

#[test]
fn s20_verifying_one_bucket_takes_at_most_two_calls_and_a_closed_role_is_named() {
    let Some(stage) = Stage::new("s20_verifying_one_bucket_takes_at_most_two_calls") else { return };
    stage.register_role("data", &[]);
    stage.wire.calls().take();
    stage.cli.ok(&[&["verify"][..], &one("data", &[])].concat());
    let actions = stage.wire.calls().actions();
    assert!(actions.len() <= 2, "{actions:?}");

    let given = crate::stage::given(&stage.cli, &stage.wire.url(), &stage.world.alice);
    let role = format!("role_arn={}", stage.world.closed_role);
    let mut arguments =
        vec!["register", "closed", "--type", "aws", "--auth-method", "iam-role", role.as_str()];
    arguments.extend(given.iter().map(String::as_str));
    let error = stage.cli.error(4, &arguments);
    let text = error.to_string();
    assert!(
        text.contains("sts:AssumeRole") && text.contains("trust"),
        "the call and the likely cause: {text}"
    );
    stage.cli.fails(3, &["describe", "closed"]);
}

#[test]
fn s36_the_base_identity_is_used_for_nothing_but_assuming_the_role() {
    let Some(stage) = Stage::new("s36_the_base_identity_is_used_for_nothing_but_assuming_the_role") else {
        return;
    };
    stage.register_role("data", &[]);
    stage.cli.ok(&["verify", "data"]);
    let by_alice = stage
        .wire
        .calls()
        .matching(|call| call.access_key_id().as_deref() == Some(stage.world.alice.access_key_id.as_str()));
    assert!(!by_alice.is_empty());
    for call in by_alice {
        assert_eq!(call.action(), "AssumeRole");
    }
}

#[test]
fn a_chain_of_roles_and_another_connector_as_source_lead_to_the_same_place() {
    let Some(stage) = Stage::new("a_chain_of_roles_and_another_connector_as_source") else { return };
    let chain = format!("role_arn=[\"{}\",\"{}\"]", stage.world.data_role, stage.world.chained_role);
    stage.register("chain", "iam-role", &[&chain]);
    stage.wire.calls().take();
    let keys = stage.issue(&one("chain", &[]));
    assert_eq!(stage.wire.calls().actions(), ["AssumeRole", "AssumeRole"]);
    assert_reads_only_one(&stage, &keys);

    stage.register_role("base", &[]);
    let (endpoint, role) =
        (format!("endpoint_url={}", stage.wire.url()), format!("role_arn={}", stage.world.chained_role));
    stage.cli.ok(&[
        "register",
        "derived",
        "--type",
        "aws",
        "--auth-method",
        "iam-role",
        "region=us-east-1",
        &endpoint,
        "source=base",
        &role,
    ]);
    assert_reads_only_one(&stage, &stage.issue(&one("derived", &[])));
    stage.cli.ok(&["disable", "base"]);
    stage.cli.fails(5, &[&["issue"][..], &one("derived", &[])].concat());
}

#[test]
fn s3_ecr_eks_and_secrets_are_listed_and_issued() {
    let Some(stage) = Stage::new("s3_ecr_eks_and_secrets_are_listed_and_issued") else { return };
    stage.register_role("data", &[]);
    let listed = stage.cli.json(&["list-resources", "--connector", "data"]).to_string();
    for id in
        ["s3://bkt-one", "s3://bkt-two", stage.world.cluster.as_str(), ".dkr.ecr.us-east-1.", "app/database"]
    {
        assert!(listed.contains(id), "{id} is not listed: {listed}");
    }
    let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let repository = stage.world.repositories[0].as_str();
    stage.wire.calls().take();
    let login = stage.cli.json(&[
        "issue",
        "data",
        "--resource-type",
        "docker-registry",
        "--resource-id",
        registry,
        "--within",
        repository,
    ]);
    assert_eq!((login["kind"].clone(), login["narrowed"].clone()), (json!("docker"), json!(true)));
    assert_eq!(stage.wire.calls().actions(), ["AssumeRole", "GetAuthorizationToken"]);
    let policy = stage.wire.calls().of("AssumeRole")[0].parameter("Policy").expect("narrowed");
    assert!(policy.contains(&format!("repository/{repository}")), "{policy}");

    let token = stage.cli.json(&[
        "issue",
        "data",
        "--resource-type",
        "kubernetes-cluster",
        "--resource-id",
        &stage.world.cluster,
    ]);
    assert_eq!((token["kind"].clone(), token["narrowed"].clone()), (json!("kubernetes"), json!(false)));
    assert!(token["secret"]["token"].as_str().unwrap_or_default().starts_with("k8s-aws-v1."));

    let secret = stage.cli.ok(&["read-secret", "data", "app/database"]);
    assert_eq!(secret.stdout_text().trim_end(), connector_tests::ministack::SECRET_VALUE);
}

#[test]
fn ecr_credentials_reach_their_repository_only() {
    let Some(stage) = Stage::new("ecr_credentials_reach_their_repository_only") else { return };
    stage.register_role("data", &[]);
    // The session that an ECR login is minted from, seen through what it may do at the emulator.
    let policy_of = |repository: &str| {
        stage.wire.calls().take();
        stage.cli.ok(&[
            "issue",
            "data",
            "--resource-type",
            "docker-registry",
            "--resource-id",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "--within",
            repository,
            "--access",
            "write",
        ]);
        stage.wire.calls().of("AssumeRole")[0].parameter("Policy").expect("narrowed")
    };
    let [ours, other] = [0, 1].map(|index| stage.world.repositories[index].as_str());
    let policy = policy_of(ours);
    let assumed = stage.world.server().aws(
        &stage.world.alice,
        &[
            "sts",
            "assume-role",
            "--role-arn",
            &stage.world.data_role,
            "--role-session-name",
            "probe",
            "--policy",
            &policy,
        ],
    );
    let keys = Keys::from_json(&assumed.expect_success().json()["Credentials"]);
    let describe = |name: &str| stage.aws(&keys, &["ecr", "list-images", "--repository-name", name]);
    let (ok, text) = describe(ours);
    assert!(ok, "{text}");
    let (ok, text) = describe(other);
    assert!(!ok && text.contains("AccessDenied"), "{text}");
}

#[test]
fn s26_describing_a_grant_shows_the_client_side_only() {
    let Some(stage) = Stage::new("s26_describing_a_grant_shows_the_client_side_only") else { return };
    stage.register_role("data", &[]);
    let described = stage.cli.ok(&[&["describe"][..], &one("data", &[])].concat()).text();
    assert!(described.contains("[HIDDEN]"), "{described}");
    for secret in [&stage.world.alice.access_key_id, &stage.world.alice.secret_access_key] {
        assert!(!described.contains(secret.as_str()), "{described}");
    }
}

#[test]
fn s50_the_trust_policy_names_the_base_identity() {
    let Some(stage) = Stage::new("s50_the_trust_policy_names_the_base_identity") else { return };
    stage.register_role("data", &["external_id=external-1", "--no-verify"]);
    let trust = stage.cli.json(&["explain", "data", "--trust-policy"]).to_string();
    assert!(trust.contains("user/alice") && trust.contains("sts:ExternalId"), "{trust}");
}

#[test]
fn explain_shows_byte_for_byte_what_is_sent() {
    let Some(stage) = Stage::new("explain_shows_byte_for_byte_what_is_sent") else { return };
    stage.register_role("data", &[]);
    stage.wire.calls().take();
    let explained = stage.cli.json(&[&["explain"][..], &one("data", &[])].concat());
    assert_eq!(stage.wire.calls().count(), 0, "explaining mints nothing");
    stage.issue(&one("data", &[]));
    let call = &stage.wire.calls().of("AssumeRole")[0];
    let sent = call.form();
    let steps = explained["sent"].as_array().expect("the steps");
    let parameters = steps[0]["parameters"].as_array().expect("its parameters");
    assert!(!parameters.is_empty());
    for parameter in parameters {
        let (name, value) = (parameter["name"].as_str(), parameter["value"].as_str());
        let found = sent.iter().find(|(key, _)| Some(key.as_str()) == name).map(|(_, value)| value.as_str());
        assert_eq!(found, value, "{name:?}");
    }
}

#[test]
fn s17_s19_ids_are_canonical_and_a_wrong_one_is_refused_before_any_call() {
    let Some(stage) = Stage::new("s17_s19_ids_are_canonical") else { return };
    stage.register_role("data", &[]);
    for id in ["bkt-one", "s3://bkt-one", "arn:aws:s3:::bkt-one"] {
        let envelope =
            stage.cli.json(&["issue", "data", "--resource-type", "s3-bucket", "--resource-id", id]);
        assert_eq!(envelope["resource"]["id"], "s3://bkt-one", "{id}");
    }
    stage.wire.calls().take();
    let refused = |id: &str| {
        let error =
            stage.cli.error(2, &["issue", "data", "--resource-type", "s3-bucket", "--resource-id", id]);
        error.to_string()
    };
    for id in ["BAD", "a..b", "192.168.1.1", "s3://", "bkt\u{7}", "arn:aws:s3:::", "http://bkt-one"] {
        assert!(refused(id).contains("s3://BUCKET"), "{id}: the accepted forms are told");
    }
    assert_eq!(stage.wire.calls().count(), 0);
    assert!(refused("arn:aws-cn:s3:::bkt-one").contains("aws-cn"), "another partition than the connector's");
    assert!(stage.wire.calls().matching(|call| call.service().as_deref() == Some("s3")).is_empty());
}
