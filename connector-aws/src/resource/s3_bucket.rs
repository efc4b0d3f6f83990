//! `s3-bucket`: one bucket, or the keys under a prefix.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use connector_core::{
    Access, Call, Clients, Error, ErrorKind, Handle, Issued, Listing, Pages, Parsed, ResourceAbout,
    ResourceType, Result, Wanted, Withheld, in_id, not_an_id,
};

use super::common::{pass_on, same_region};
use crate::Aws;
use crate::credential::AwsCredential;
use crate::error;
use crate::names::{Arn, BucketName, KeyPrefix, Partition};
use crate::narrowing::{Narrowing, check_partition};
use crate::policy::{Kind, Target, permissions};
use crate::session::Session;

/// A general purpose bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Bucket {
    name: BucketName,
}

impl S3Bucket {
    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &BucketName {
        &self.name
    }
}

impl ResourceType for S3Bucket {
    const ID: &'static str = "s3-bucket";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "S3 bucket",
        "A bucket of Amazon S3, or of anything that speaks its protocol at the connector's endpoint_url. \
         The bucket has to be in the connector's region, which is checked when registering and verifying.",
    )
    .forms(&[
        ("s3://BUCKET", "the canonical form; a path behind it is the part asked for"),
        ("BUCKET", "the name alone"),
        ("arn:PARTITION:s3:::BUCKET", "its ARN, of aws, aws-cn, aws-us-gov and so on; a path behind it is the part"),
    ])
    .within("a part of the keys: `a/` means all under `a/`; `a` means these and the object `a` itself, and never `ab`")
    .targets("arn:{partition}:s3:::{bucket} and its keys, arn:{partition}:s3:::{bucket}/*; s3:ListAllMyBuckets attaches to * and is for listing alone: no narrowed credential carries it")
    .hands_on()
    .narrows("a session policy that names the bucket, or the prefix in it, with iam-role, federation-token, web-identity, and implicit with a role");
    type Connector = Aws;
    type Credential = AwsCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if text.starts_with("arn:") {
            // It says a partition, which the id does not: the session has to agree before the bucket is
            // taken for the one of that name.
            let (_, _, path) = read_arn(text)?;
            return with_path(Parsed::partial(text), path);
        }
        let Some(rest) = text.strip_prefix("s3://") else {
            if text.contains('/') {
                return Err(not_an_id::<Self>("a path needs s3:// in front of the bucket"));
            }
            return Self::named(text).map(Parsed::exact);
        };
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        with_path(Parsed::exact(Self::named(name)?), path)
    }

    fn id(&self) -> String {
        format!("s3://{}", self.name)
    }

    /// Compares the partition of an ARN with the session's; needs no call.
    async fn resolve(partial: &str, session: &Session, _: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`s3-bucket` needs the id of a bucket"));
        }
        let (partition, bucket, _) = read_arn(partial)?;
        check_partition(Some(partition), session.place.partition())?;
        Ok(bucket)
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        permissions(Kind::Bucket, access)
    }

    fn carried(&self, wanted: &Wanted) -> Vec<&'static str> {
        self.target(wanted).map(|target| target.carries(wanted.access)).unwrap_or_default()
    }

    fn withheld(&self, wanted: &Wanted) -> Vec<Withheld> {
        self.target(wanted).map(|target| target.withheld(wanted.access)).unwrap_or_default()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        let narrowing = Narrowing::new(self.target(wanted)?, wanted.access);
        // Refuses what cannot be said before there is a session.
        narrowing.policy(Partition::Aws)?;
        Ok(Some(narrowing))
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let mut pages = client(session, cx).list_buckets().into_paginator().page_size(1000).send();
        let mut ids = Vec::new();
        let mut elsewhere = 0;
        let mut followed = Pages::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| error::from_sdk(cx, "s3:ListBuckets", error))?;
            followed.one_more("s3:ListBuckets", ids.len())?;
            // What has another kind of name (from before 2018) cannot be asked for, so it is not offered.
            for bucket in page.buckets() {
                let Some(Ok(found)) = bucket.name().map(Self::named) else { continue };
                // Verifying would refuse it. Servers that name no region have only one.
                if bucket.bucket_region().is_none_or(|region| region == session.place.region.as_str()) {
                    ids.push(found.id());
                } else {
                    elsewhere += 1;
                }
            }
        }
        let listing = Listing::of(ids);
        Ok(match elsewhere {
            0 => listing,
            count => listing.with_note(format!(
                "buckets of other regions than {}, which connectors for those regions reach: {count}",
                session.place.region
            )),
        })
    }

    /// One call: `HeadBucket`, or for a part `ListObjectsV2` with its prefix, which is all that a session
    /// for a part may.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        let client = client(session, cx);
        let prefix = wanted.within.as_deref().map(KeyPrefix::parse).transpose()?;
        let Some(prefix) = prefix else {
            return match client.head_bucket().bucket(self.name.as_str()).send().await {
                Ok(found) => self.check_region(found.bucket_region(), session),
                Err(error) => Err(self.unreached(cx, "s3:HeadBucket", error, session)),
            };
        };
        let call = client.list_objects_v2().bucket(self.name.as_str()).prefix(prefix.folder()).max_keys(1);
        call.send().await.map(|_| ()).map_err(|error| self.unreached(cx, "s3:ListObjectsV2", error, session))
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<AwsCredential>> {
        Ok(pass_on(session))
    }

    fn clients() -> Clients<Handle<Self>> {
        Clients::none().with::<Client>()
    }
}

impl S3Bucket {
    fn named(name: &str) -> Result<Self> {
        let name = in_id::<Self, _>(BucketName::parse(name))?;
        Ok(Self { name })
    }

    fn target(&self, wanted: &Wanted) -> Result<Target> {
        let prefix = wanted.within.as_deref().map(KeyPrefix::parse).transpose()?;
        Ok(Target::Bucket { bucket: self.name.clone(), prefix })
    }

    fn check_region(&self, region: Option<&str>, session: &Session) -> Result<()> {
        region.map_or(Ok(()), |region| same_region(&format!("bucket `{}`", self.name), region, session))
    }

    /// S3 names the bucket's region in every answer about it, also in one that says no.
    fn unreached<E>(
        &self,
        cx: &Call<'_>,
        call: &str,
        error: SdkError<E, HttpResponse>,
        session: &Session,
    ) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let region = error.raw_response().and_then(|raw| raw.headers().get("x-amz-bucket-region"));
        if let Err(elsewhere) = self.check_region(region, session) {
            return elsewhere.with_cause(format!("{call} was answered from there"));
        }
        let error = error::from_sdk(cx, call, error);
        match error.kind() {
            ErrorKind::NotFound => error.context(format!("there is no bucket `{}`", self.name)),
            ErrorKind::Refused => error
                .context(format!("bucket `{}` is not reached", self.name))
                .or_hint(format!("{call} needs s3:ListBucket on the bucket")),
            _ => error,
        }
    }
}

/// Our own calls to S3. Where there is one endpoint for everything, buckets are paths and not hosts.
fn client(session: &Session, cx: &Call<'_>) -> Client {
    let config = aws_sdk_s3::config::Builder::from(&session.sdk_config(cx));
    Client::from_conf(config.force_path_style(session.place.endpoint_url.is_some()).build())
}

/// `arn:{partition}:s3:::{bucket}[/{path}]`; a path of a policy may end with `*`.
fn read_arn(text: &str) -> Result<(Partition, S3Bucket, &str)> {
    let wrong = |why| Err(not_an_id::<S3Bucket>(why));
    let arn = in_id::<S3Bucket, _>(Arn::parse(text))?;
    if arn.service() != "s3" {
        return wrong("the ARN is of another service");
    }
    if !arn.region().is_empty() || !arn.account().is_empty() {
        return wrong("the ARN is of an access point or another part of S3, not of a bucket");
    }
    let Some(partition) = arn.partition() else {
        return wrong("the ARN is of a partition that is not known");
    };
    let resource = text.splitn(6, ':').last().unwrap_or_default();
    let (name, path) = resource.split_once('/').unwrap_or((resource, ""));
    let path = match path.strip_suffix('*') {
        Some(all) if all.is_empty() || all.ends_with('/') => all,
        _ => path,
    };
    Ok((partition, S3Bucket::named(name)?, path))
}

fn with_path(parsed: Parsed<S3Bucket>, path: &str) -> Result<Parsed<S3Bucket>> {
    if path.is_empty() {
        return Ok(parsed);
    }
    let prefix = in_id::<S3Bucket, _>(KeyPrefix::parse(path))?;
    Ok(parsed.within(prefix.as_str()))
}

#[cfg(test)]
#[path = "s3_bucket_tests.rs"]
mod tests;
