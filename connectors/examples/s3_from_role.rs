//! An S3 client from an IAM role, narrowed to one bucket, that refreshes itself. Nothing is stored.
//!
//! `KEY_ID=… SECRET=… ROLE=arn:aws:iam::…:role/… cargo run --example s3_from_role -- my-bucket`

use connectors::aws::auth::{AccessKey, IamRole, Network};
use connectors::aws::names::{Region, RoleArn};
use connectors::aws::{Aws, aws_sdk_s3, resource::S3Bucket};
use connectors::{Connector, Error, Result, system};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cx = system::context();
    let given = |name: &str| cx.var(name).ok_or_else(|| Error::invalid(format!("set {name}")));
    let key = AccessKey::new(given("KEY_ID")?, given("SECRET")?);
    let role = IamRole::new(Network::new(Region::parse("us-east-1")?), RoleArn::parse(given("ROLE")?)?, key);
    let bucket = std::env::args().nth(1).ok_or_else(|| Error::invalid("name a bucket"))?;

    let handle = Connector::<Aws>::new(cx.clone(), role).resource::<S3Bucket>(bucket.as_str()).await?;
    // It may read this bucket and nothing else, and takes a new credential whenever the old one ends.
    let s3: aws_sdk_s3::Client = handle.client().await?;

    let listed = s3.list_objects_v2().bucket(handle.resource().name().as_str()).send().await;
    let listed = listed.map_err(|error| Error::refused("s3:ListObjectsV2 failed").with_source(error))?;
    for object in listed.contents() {
        println!("{:>12}  {}", object.size().unwrap_or_default(), object.key().unwrap_or_default());
    }
    Ok(())
}
