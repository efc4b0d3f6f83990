//! Ids that say a partition, with a connector of another one: in every resource type.

use connector_core::{Connector, ErrorKind, ResourceType, Response};
use serde_json::json;

use super::testing::{answering, sent};
use super::{AwsGeneric, DockerRegistry, KubernetesCluster, S3Bucket, StoredSecret};
use crate::auth::StsToken;
use crate::connector::Aws;
use crate::testing::{json_answer, method};

/// A connector in China has issued for `ours`, or at least has a handle on it. Then `theirs`, which is the
/// same id but for what it says of the partition, is neither answered from what is held nor by a call.
async fn check<R: ResourceType<Connector = Aws>>(ours: &str, theirs: &str, answer: Option<Response>) {
    let calls = usize::from(answer.is_some());
    let world = answering(answer);
    let token: StsToken = method(json!({
        "region": "cn-north-1",
        "aws_access_key_id": "ASIAEXAMPLE",
        "aws_secret_access_key": "hunter2-key",
        "aws_session_token": "hunter2-token",
        "expires_at": "2026-01-01T01:00:00Z",
    }));
    let connector = Connector::<Aws>::new(world.context(), token);
    connector.resource::<R>(ours).await.expect("a handle").issue().await.expect("issued");
    let asked = async { connector.resource::<R>(theirs).await?.issue().await.map(drop) };
    let error = asked.await.expect_err("another partition");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{theirs}: {error}");
    assert_eq!(error.field_problems()[0].field, "resource_id", "{theirs}");
    let says = "the resource is of partition aws, the connector's region is of aws-cn";
    assert!(error.to_string().contains(says), "{theirs}: {error}");
    assert_eq!(sent(&world).len(), calls, "{theirs}");
}

#[tokio::test]
async fn s17_another_partition_shares_nothing() {
    check::<S3Bucket>("s3://zenfiles", "arn:aws:s3:::zenfiles", None).await;
    check::<S3Bucket>("s3://zenfiles/a", "arn:aws:s3:::zenfiles/a/*", None).await;
    check::<AwsGeneric>("cn-north-1", "arn:aws:iam::123456789012:root", None).await;
    check::<StoredSecret>(
        "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:prod/db-AbCd12",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCd12",
        None,
    )
    .await;
    let cluster = json!({ "cluster": {
        "name": "demo", "status": "ACTIVE", "endpoint": "https://demo.example.org",
        "arn": "arn:aws-cn:eks:cn-north-1:123456789012:cluster/demo",
    } });
    let theirs = "arn:aws:eks:eu-west-1:123456789012:cluster/demo";
    check::<KubernetesCluster>("demo", theirs, Some(json_answer(200, &cluster))).await;
    let host = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn";
    for theirs in [
        "arn:aws:ecr:eu-west-1:123456789012:repository/app",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "public.ecr.aws",
    ] {
        // base64 of `AWS:hunter2`.
        let login = json!({ "authorizationData": [{
            "authorizationToken": "QVdTOmh1bnRlcjI=", "expiresAt": 1_767_268_800,
            "proxyEndpoint": format!("https://{host}"),
        }] });
        check::<DockerRegistry>(host, theirs, Some(json_answer(200, &login))).await;
    }
}
