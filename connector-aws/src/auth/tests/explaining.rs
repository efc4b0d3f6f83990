//! What is said before anything is sent: the steps, what narrows, and what would be refused.

use connector_core::{Access, Connector, ErrorKind, Grant, Terms, Wanted};
use serde_json::json;

use super::{ROLE, bucket, keyed};
use crate::auth::{IamRole, SecretKey};
use crate::connector::Aws;
use crate::narrowing::Narrowing;
use crate::resource::AwsGeneric;
use crate::testing::{World, authenticate, given, method};

/// S31: what will be refused is refused when it is planned.
#[tokio::test]
async fn s31_a_plan_that_would_hand_out_the_key_is_refused() {
    let world = World::new();
    let key = || method::<SecretKey>(keyed(json!({})));
    let handle =
        Connector::<Aws>::new(world.context(), key()).resource::<AwsGeneric>(Grant::from("eu-west-1")).await;
    let error = handle.expect("a handle").plan().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("--allow long-lived"), "{error:?}");
    let lent = Terms::default().with_allow(connector_core::Allow::LongLived);
    let connector = Connector::<Aws>::with_terms(world.context(), key(), lent);
    let handle = connector.resource::<AwsGeneric>(Grant::from("eu-west-1")).await.expect("a handle");
    assert!(handle.plan().is_ok());
    assert_eq!(handle.resource().region().as_str(), "eu-west-1");
}

/// The cluster is reached with a token that is signed here: the key stays.
#[cfg(feature = "eks")]
#[tokio::test]
async fn s31_a_cluster_by_a_users_key_can_be_planned() {
    use crate::resource::KubernetesCluster;
    let connector = Connector::<Aws>::new(World::new().context(), method::<SecretKey>(keyed(json!({}))));
    let handle = connector.resource::<KubernetesCluster>(Grant::from("demo")).await.expect("a handle");
    assert!(handle.plan().is_ok());
    assert_eq!(handle.carried(), [""; 0], "a token is the whole identity");
    let lives = <KubernetesCluster as connector_core::ResourceType>::ABOUT.lives;
    assert_eq!(lives, Some(std::time::Duration::from_secs(14 * 60)));
}

/// S19: another region is refused when the handle is made, before any call.
#[tokio::test]
async fn s19_another_region_is_refused_at_once() {
    let world = World::new();
    let connector =
        Connector::<Aws>::new(world.context(), method::<IamRole>(keyed(json!({ "role_arn": ROLE }))));
    let error = connector.resource::<AwsGeneric>(Grant::from("us-east-1")).await.expect_err("elsewhere");
    assert!(error.message().contains("in region us-east-1, the connector is for eu-west-1"), "{error}");
    #[cfg(feature = "ecr")]
    {
        use crate::resource::DockerRegistry;
        let other = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        let error = connector.resource::<DockerRegistry>(Grant::from(other)).await.expect_err("elsewhere");
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
    #[cfg(feature = "secrets")]
    {
        use crate::resource::StoredSecret;
        let other = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCd12";
        let error = connector.resource::<StoredSecret>(Grant::from(other)).await.expect_err("elsewhere");
        assert_eq!(error.field_problems()[0].field, "resource_id");
    }
    assert!(world.sent().is_empty());
}

/// What is carried is what the policy allows: not what listing needs, nor what another registry needs.
#[cfg(all(feature = "s3", feature = "ecr"))]
#[tokio::test]
async fn what_is_carried_is_what_the_policy_allows() {
    use connector_core::{Parsed, ResourceType};

    use crate::resource::{DockerRegistry, S3Bucket};
    fn carried<R: ResourceType>(id: &str) -> Vec<&'static str> {
        match R::parse(id) {
            Ok(Parsed::Exact { resource, .. }) => resource.carried(&Wanted::new(Access::Read)),
            _ => panic!("{id} is no complete id"),
        }
    }
    let bucket = carried::<S3Bucket>("s3://zenfiles");
    assert!(bucket.contains(&"s3:GetObject") && !bucket.contains(&"s3:ListAllMyBuckets"));
    let private = carried::<DockerRegistry>("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    assert!(
        private.contains(&"ecr:BatchGetImage") && !private.iter().any(|it| it.starts_with("ecr-public:"))
    );
    let public = carried::<DockerRegistry>("public.ecr.aws");
    assert!(public.iter().all(|it| it.starts_with("ecr-public:") || it.starts_with("sts:")), "{public:?}");
    assert!(carried::<AwsGeneric>("eu-west-1").is_empty(), "all that the connector may");
}

/// Managed policies go alone: then the method narrows by nothing, and says so.
#[tokio::test]
async fn with_managed_policies_no_narrowing_is_claimed() {
    let narrows = |more| {
        let mut config = json!({ "role_arn": ROLE });
        super::merge(&mut config, more);
        Connector::<Aws>::new(World::new().context(), method::<IamRole>(keyed(config))).about().narrows
    };
    let arns = json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    assert!(narrows(json!({})).is_some());
    assert_eq!(narrows(json!({ "policy_arns": arns })), None);
    let own = json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    assert!(narrows(json!({ "policy": own })).is_some());
    // Nor beside an own one that is wide enough: what the managed ones deny would be lost.
    assert_eq!(narrows(json!({ "policy_arns": arns, "policy": own })), None);
}

#[tokio::test]
async fn the_reason_says_whether_it_is_a_part() {
    let role: IamRole = method(keyed(json!({ "role_arn": ROLE })));
    let reason = async |narrowing: Option<Narrowing>| {
        let world = World::new().answers(given("AssumeRole", "1", 3600));
        let out = authenticate(&role, &world.context(), None, narrowing.as_ref()).await.expect("a session");
        out.narrowed.expect("it is said").reason().to_owned()
    };
    assert_eq!(reason(Some(bucket())).await, "an IAM session policy for this part of the resource alone");
    assert!(reason(None).await.starts_with("all that the connector's identity may do"));
}

/// The one region of a connector is known without a call, so that issuing stays one.
#[tokio::test]
async fn the_whole_account_needs_no_call_to_be_named() {
    let world = World::new().answers(given("AssumeRole", "1", 1800));
    let connector =
        Connector::<Aws>::new(world.context(), method::<IamRole>(keyed(json!({ "role_arn": ROLE }))));
    let grant = Grant::default().with_duration(std::time::Duration::from_secs(1800));
    let handle = connector.resource::<AwsGeneric>(grant).await.expect("a handle");
    assert!(world.sent().is_empty());
    handle.issue().await.expect("issued");
    assert_eq!(world.sent().len(), 1);
}
