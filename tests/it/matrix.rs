//! S34, C24: the policy matrix as MiniStack judges it: credentials that the program issued for each cell, and
//! real calls with them, of which some must be let through and all others denied.
//!
//! What MiniStack cannot judge is left to the evaluator in `connector-aws/src/policy/tests`: partitions (all its
//! ARNs are of `aws`), other accounts (it holds one world per account), `ecr-public` (it has none), names with
//! `*`, `?` or `$` (it takes `${*}` for a text), pulls and pushes with a docker login (its `/v2/` asks for no
//! rights), and rights within a cluster, which no policy of AWS touches.

use std::collections::BTreeMap;

use connector_aws::names::{AccountId, ClusterName, Partition, Region};
use connector_aws::policy::Target;
use connector_core::Access;
use connector_tests::keys::Keys;
use connector_tests::ministack::{ACCOUNT, REGION};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Lowest first: a call that needs one level is let through by those behind it too.
const LEVELS: [Access; 3] = [Access::Read, Access::Write, Access::Admin];
const OTHER_REGION: &str = "us-west-2";
const BUCKETS: [&str; 3] = ["matrix-zen", "matrix-zen2", "matrix-ze"];
const KEYS: [&str; 6] = ["a", "a/x", "a/b/y", "ab", "ab/x", "top"];
const SECRETS: [&str; 3] = ["matrix/one", "matrix/one2", "matrix/on"];
const REPOSITORIES: [&str; 3] = ["matrix/app", "matrix/app2", "matrix/app/x"];

/// What a call may answer that was let through and found nothing to do.
const NOTHING_THERE: [&str; 14] = [
    "BucketAlreadyOwnedByYou",
    "BucketNotEmpty",
    "InvalidLayerException",
    "InvalidRequestException",
    "LayersNotFoundException",
    "LifecyclePolicyNotFoundException",
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchUpload",
    "RepositoryAlreadyExistsException",
    "RepositoryPolicyNotFoundException",
    "ResourceNotFoundException",
    "ServerSideEncryptionConfigurationNotFoundError",
    "UploadNotFoundException",
];

/// A call, and whether it must be let through.
struct Call {
    call: Value,
    allowed: bool,
}

/// The calls of a cell.
#[derive(Default)]
struct Calls(Vec<Call>);

impl Calls {
    fn add(&mut self, allowed: bool, service: &str, operation: &str, parameters: Value) {
        let call = json!({ "service": service, "operation": operation, "parameters": parameters });
        self.0.push(Call { call, allowed });
    }

    fn never(&mut self, service: &str, operation: &str, parameters: Value) {
        self.add(false, service, operation, parameters);
    }

    /// The same call in another region, where things of the same names are.
    fn never_elsewhere(&mut self, service: &str, operation: &str, parameters: Value) {
        self.never(service, operation, parameters);
        self.0.last_mut().expect("one was added").call["region"] = json!(OTHER_REGION);
    }

    /// What is of other services.
    fn foreign(mut self, own: &str) -> Self {
        for (service, operation, parameters) in [
            ("s3", "list_buckets", json!({})),
            ("s3", "get_object", json!({ "Bucket": BUCKETS[0], "Key": "a/x" })),
            ("s3", "list_objects_v2", json!({ "Bucket": BUCKETS[0], "Prefix": "a/" })),
            ("secretsmanager", "list_secrets", json!({})),
            ("secretsmanager", "get_secret_value", json!({ "SecretId": SECRETS[0] })),
            ("ecr", "get_authorization_token", json!({})),
            ("ecr", "list_images", json!({ "repositoryName": REPOSITORIES[0] })),
            ("eks", "list_clusters", json!({})),
            ("eks", "describe_cluster", json!({ "name": "demo" })),
        ] {
            if service != own {
                self.never(service, operation, parameters);
            }
        }
        self
    }
}

/// Calls on buckets, for a cell of the first one, or of the part `within` it.
fn of_bucket(access: Access, within: Option<&str>) -> Calls {
    let has = |needed: Access| access >= needed;
    let whole = within.is_none();
    let is_inside =
        |key: &str| within.is_none_or(|part| key == part && !part.ends_with('/') || key.starts_with("a/"));
    let mut calls = Calls::default();
    for bucket in BUCKETS {
        let ours = bucket == BUCKETS[0];
        // Beside the bucket of the cell one key of each sort will do.
        for key in KEYS.into_iter().filter(|key| ours || ["a/x", "top"].contains(key)) {
            let inside = ours && is_inside(key);
            let object = || json!({ "Bucket": bucket, "Key": key });
            let upload = || json!({ "Bucket": bucket, "Key": key, "UploadId": "none" });
            let (gone, gone_inside) = (format!("{key}/gone"), ours && is_inside(&format!("{key}/gone")));
            calls.add(inside && has(Access::Read), "s3", "get_object", object());
            calls.add(
                inside && has(Access::Write),
                "s3",
                "put_object",
                json!({ "Bucket": bucket, "Key": key, "Body": key }),
            );
            calls.add(
                gone_inside && has(Access::Write),
                "s3",
                "delete_object",
                json!({ "Bucket": bucket, "Key": gone }),
            );
            calls.add(inside && has(Access::Write), "s3", "list_parts", upload());
            calls.add(inside && has(Access::Write), "s3", "abort_multipart_upload", upload());
            calls.never("s3", "get_object_tagging", object());
            calls.never("s3", "get_object_acl", object());
        }
        for prefix in [None, Some(""), Some("a"), Some("a/"), Some("a/b/"), Some("ab/"), Some("b/a/")] {
            let inside = ours && (whole || prefix.is_some_and(|it| it.starts_with("a/")));
            let mut listing = json!({ "Bucket": bucket });
            prefix.iter().for_each(|it| listing["Prefix"] = json!(it));
            calls.add(inside, "s3", "list_objects_v2", listing.clone());
            calls.add(inside, "s3", "list_object_versions", listing);
        }
        let bucket = || json!({ "Bucket": bucket });
        calls.add(ours, "s3", "get_bucket_location", bucket());
        calls.add(ours, "s3", "get_bucket_versioning", bucket());
        calls.add(ours && whole && has(Access::Write), "s3", "list_multipart_uploads", bucket());
        for operation in [
            "get_bucket_acl",
            "get_bucket_policy",
            "get_bucket_encryption",
            "get_bucket_lifecycle_configuration",
        ] {
            calls.add(ours && whole && has(Access::Admin), "s3", operation, bucket());
        }
        let mut tagging = bucket();
        tagging["Tagging"] = json!({ "TagSet": [{ "Key": "matrix", "Value": "judged" }] });
        calls.add(ours && whole && has(Access::Admin), "s3", "put_bucket_tagging", tagging);
        calls.never("s3", "delete_bucket", bucket());
    }
    calls.never("s3", "list_buckets", json!({}));
    calls.never("s3", "create_bucket", json!({ "Bucket": "matrix-new" }));
    calls.foreign("s3")
}

/// Calls on secrets, for a cell of the first one.
fn of_secret(access: Access) -> Calls {
    let mut calls = Calls::default();
    for name in SECRETS {
        let secret = || json!({ "SecretId": name });
        let has = |needed: Access| name == SECRETS[0] && access >= needed;
        calls.add(has(Access::Read), "secretsmanager", "get_secret_value", secret());
        calls.add(has(Access::Read), "secretsmanager", "describe_secret", secret());
        let mut value = secret();
        value["SecretString"] = json!("written");
        calls.add(has(Access::Write), "secretsmanager", "put_secret_value", value);
        let mut described = secret();
        described["Description"] = json!("judged");
        calls.add(has(Access::Admin), "secretsmanager", "update_secret", described);
        calls.add(has(Access::Admin), "secretsmanager", "get_resource_policy", secret());
        calls.add(has(Access::Admin), "secretsmanager", "restore_secret", secret());
        calls.never("secretsmanager", "list_secret_version_ids", secret());
        calls.never_elsewhere("secretsmanager", "get_secret_value", secret());
    }
    calls.never("secretsmanager", "list_secrets", json!({}));
    calls.never("secretsmanager", "create_secret", json!({ "Name": "matrix/new", "SecretString": "x" }));
    calls.foreign("secretsmanager")
}

/// Calls on repositories, for a cell of the registry, or of the first repository.
fn of_registry(access: Access, repository: Option<&str>) -> Calls {
    let mut calls = Calls::default();
    calls.add(true, "ecr", "get_authorization_token", json!({}));
    let digest = format!("sha256:{}", "0".repeat(64));
    for name in REPOSITORIES {
        let has = |needed: Access| repository.is_none_or(|it| it == name) && access >= needed;
        let with = |more: Value| {
            let mut parameters = json!({ "repositoryName": name });
            more.as_object().into_iter().flatten().for_each(|(key, value)| parameters[key] = value.clone());
            parameters
        };
        let images = || with(json!({ "imageIds": [{ "imageTag": "none" }] }));
        for (operation, needed, parameters) in [
            ("list_images", Access::Read, with(json!({}))),
            ("describe_images", Access::Read, with(json!({}))),
            ("batch_get_image", Access::Read, images()),
            ("batch_check_layer_availability", Access::Read, with(json!({ "layerDigests": [digest] }))),
            ("get_download_url_for_layer", Access::Read, with(json!({ "layerDigest": digest }))),
            ("initiate_layer_upload", Access::Write, with(json!({}))),
            (
                "put_image",
                Access::Write,
                with(json!({ "imageManifest": "{\"schemaVersion\":2}", "imageTag": "written" })),
            ),
            ("batch_delete_image", Access::Admin, images()),
            ("create_repository", Access::Admin, with(json!({}))),
            ("get_repository_policy", Access::Admin, with(json!({}))),
            ("get_lifecycle_policy", Access::Admin, with(json!({}))),
            ("put_image_tag_mutability", Access::Admin, with(json!({ "imageTagMutability": "MUTABLE" }))),
        ] {
            calls.add(has(needed), "ecr", operation, parameters);
        }
        calls.never_elsewhere("ecr", "list_images", with(json!({})));
    }
    calls.never("ecr", "describe_registry", json!({}));
    calls.foreign("ecr")
}

/// Calls on clusters. Tokens for a cluster are not narrowed, so this policy is never sent; it is judged all the
/// same, for it is what `describe-type` says that finding a cluster takes.
fn of_cluster() -> Calls {
    let mut calls = Calls::default();
    calls.add(true, "eks", "describe_cluster", json!({ "name": "demo" }));
    calls.never("eks", "describe_cluster", json!({ "name": "demo2" }));
    calls.never("eks", "describe_cluster", json!({ "name": "dem" }));
    calls.never_elsewhere("eks", "describe_cluster", json!({ "name": "demo" }));
    calls.never("eks", "list_clusters", json!({}));
    calls.never("eks", "list_nodegroups", json!({ "clusterName": "demo" }));
    calls.foreign("eks")
}

/// What the cells reach for, and their neighbours: made as root, in buckets, secrets and repositories that no
/// other test knows.
fn things() -> Vec<Value> {
    let mut calls = Calls::default();
    for bucket in BUCKETS {
        calls.add(true, "s3", "create_bucket", json!({ "Bucket": bucket }));
        for key in KEYS {
            calls.add(true, "s3", "put_object", json!({ "Bucket": bucket, "Key": key, "Body": key }));
        }
    }
    for region in [REGION, OTHER_REGION] {
        let secrets = SECRETS.map(|name| {
            ("secretsmanager", "create_secret", json!({ "Name": name, "SecretString": "first" }))
        });
        let repositories =
            REPOSITORIES.map(|name| ("ecr", "create_repository", json!({ "repositoryName": name })));
        for (service, operation, parameters) in secrets.into_iter().chain(repositories) {
            calls.add(true, service, operation, parameters);
            calls.0.last_mut().expect("one was added").call["region"] = json!(region);
        }
    }
    calls.0.into_iter().map(|it| it.call).collect()
}

/// One cell: its name, who makes the calls, and the calls.
struct Cell {
    name: String,
    /// `keys`, and perhaps a role and a policy to be assumed with them first.
    caller: Value,
    calls: Calls,
}

fn keys_as_json(keys: &Keys) -> Value {
    json!({
        "access_key_id": keys.access_key_id,
        "secret_access_key": keys.secret_access_key,
        "session_token": keys.session_token,
    })
}

/// Lets the script make the calls; one list of answers for each of `cells`. The keys go to it by standard input.
fn make(stage: &Stage, cells: &[Value]) -> Vec<Vec<String>> {
    let input = json!({ "region": REGION, "cells": cells }).to_string();
    let server = stage.world.server();
    let finished = server.python_with_input(server.root(), include_str!("matrix.py"), &input);
    serde_json::from_value(finished.expect_success().json()).expect("matrix.py prints lists of words")
}

/// What the program issues for a grant is what its calls are made with.
fn issued(stage: &Stage, connector: &str, name: &str, grant: &[&str], calls: Calls) -> Cell {
    let envelope = stage.cli.json(&[&["issue", connector][..], grant].concat());
    assert_eq!(envelope["narrowed"], json!(true), "{name}");
    let caller = json!({ "keys": keys_as_json(&crate::stage::keys_of(&envelope)) });
    Cell { name: name.to_owned(), caller, calls }
}

/// A session by a policy that is given, for what hands out no keys of AWS.
fn assumed(stage: &Stage, name: &str, policy: &str, calls: Calls) -> Cell {
    let role = json!({ "RoleArn": stage.world.data_role, "RoleSessionName": "matrix", "Policy": policy });
    let caller = json!({ "keys": keys_as_json(&stage.world.alice), "assume": role });
    Cell { name: name.to_owned(), caller, calls }
}

fn bucket_cells(stage: &Stage) -> Vec<Cell> {
    let mut cells = Vec::new();
    for connector in ["data", "fed"] {
        for access in LEVELS {
            for within in [None, Some("a/"), Some("a")] {
                // Configuration has no parts. The policies of both methods are the same: a few show that both send them.
                let is_spared =
                    connector == "fed" && (access, within) != (Access::Read, None) && within != Some("a/");
                if is_spared || within.is_some() && access == Access::Admin {
                    continue;
                }
                let level = access.to_string();
                let mut grant = vec!["--resource-type", "s3-bucket", "--resource-id", BUCKETS[0], "--access"];
                grant.push(&level);
                grant.extend(within.iter().flat_map(|it| ["--within", it]));
                let name = format!("{connector} {grant:?}");
                cells.push(issued(stage, connector, &name, &grant, of_bucket(access, within)));
            }
        }
    }
    cells
}

fn secret_cells(stage: &Stage) -> Vec<Cell> {
    let cell = |access: Access| {
        let level = access.to_string();
        let grant = ["--resource-type", "secret", "--resource-id", SECRETS[0], "--access", &level];
        issued(stage, "data", &format!("{grant:?}"), &grant, of_secret(access))
    };
    LEVELS.map(cell).into()
}

/// A docker login is no key of AWS. Its session is opened once more, with the policy that was sent for it.
fn registry_cells(stage: &Stage) -> Vec<Cell> {
    let mut cells = Vec::new();
    for access in LEVELS {
        for repository in [None, Some(REPOSITORIES[0])] {
            let level = access.to_string();
            let host = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com");
            let mut grant =
                vec!["--resource-type", "docker-registry", "--resource-id", &host, "--access", &level];
            grant.extend(repository.iter().flat_map(|it| ["--within", it]));
            stage.wire.calls().take();
            let login = stage.cli.json(&[&["issue", "data"][..], &grant].concat());
            assert_eq!((&login["kind"], &login["narrowed"]), (&json!("docker"), &json!(true)));
            let policy =
                stage.wire.calls().of("AssumeRole")[0].parameter("Policy").expect("a policy is sent");
            cells.push(assumed(stage, &format!("{grant:?}"), &policy, of_registry(access, repository)));
        }
    }
    cells
}

fn cluster_cells(stage: &Stage) -> Vec<Cell> {
    let cell = |access: Access| {
        let target = Target::Cluster {
            region: Region::parse(REGION).expect("a region"),
            account: Some(AccountId::parse(ACCOUNT).expect("an account")),
            cluster: ClusterName::parse(&*stage.world.cluster).expect("a cluster"),
        };
        let policy = target.policy(access, Partition::Aws).expect("a policy").to_json();
        assumed(stage, &format!("cluster {access}"), &policy, of_cluster())
    };
    LEVELS.map(cell).into()
}

/// Every cell lets through what its level needs and nothing beside it. The same calls by the role without a
/// session policy are let through one and all: what denies them is the policy of the cell.
#[test]
fn s34_c24_ministack_judges_every_cell() {
    let Some(stage) = Stage::new("s34_c24_ministack_judges_every_cell") else { return };
    stage.register_role("data", &[]);
    stage.register("fed", "federation-token", &[]);
    let root = json!({ "keys": keys_as_json(stage.world.server().root()), "must": true, "calls": things() });
    make(&stage, &[root]);

    let cells: Vec<Cell> =
        [bucket_cells(&stage), secret_cells(&stage), registry_cells(&stage), cluster_cells(&stage)]
            .into_iter()
            .flatten()
            .collect();
    let wide = json!({ "RoleArn": stage.world.data_role, "RoleSessionName": "wide" });
    let every = |cell: &Cell| cell.calls.0.iter().map(|it| it.call.clone()).collect::<Vec<_>>();
    let all: BTreeMap<String, Value> =
        cells.iter().flat_map(every).map(|call| (call.to_string(), call)).collect();
    let mut asked: Vec<Value> = Vec::new();
    for cell in &cells {
        let mut given = cell.caller.clone();
        given["calls"] = every(cell).into();
        asked.push(given);
    }
    asked.push(json!({
        "keys": keys_as_json(&stage.world.alice), "assume": wide, "calls": all.values().collect::<Vec<_>>(),
    }));

    // A few at a time, for a run of the script has to end within a limit on a slow machine too.
    let mut answers: Vec<Vec<String>> = asked.chunks(5).flat_map(|it| make(&stage, it)).collect();
    let wide = answers.pop().expect("one list of answers for each cell");
    for (call, answer) in all.keys().zip(&wide) {
        assert_ne!(answer, "denied", "the role itself may not: {call}");
    }
    let (mut allowed, mut denied, mut wrong) = (0, 0, Vec::new());
    for (cell, answers) in cells.iter().zip(&answers) {
        assert_eq!(cell.calls.0.len(), answers.len());
        for (Call { call, allowed: must }, answer) in cell.calls.0.iter().zip(answers) {
            let let_through = answer == "ok" || NOTHING_THERE.contains(&answer.as_str());
            match (must, let_through, answer == "denied") {
                (true, true, _) => allowed += 1,
                (false, _, true) => denied += 1,
                _ => wrong.push(format!("{answer} instead of {must} in {}: {call}", cell.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} judgements are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(cells.len(), (3 + 2 * 2) + 3 + 3 + 3 * 2 + 3);
    assert!(allowed > 200 && denied > 1_000, "{allowed} let through, {denied} denied");
}
