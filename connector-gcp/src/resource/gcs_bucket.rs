//! `gcs-bucket`: one bucket of Cloud Storage, or the objects under a prefix.

use connector_core::{
    Access, Call, Error, ErrorKind, Issued, KeyPrefix, Listing, Parsed, ResourceAbout, ResourceType, Result,
    Wanted, Withheld, in_id, not_an_id,
};
use serde::Deserialize;

use super::common::{lacking, pass_on, project};
use crate::Gcp;
use crate::boundary::{self, Boundary};
use crate::credential::GcpCredential;
use crate::error;
use crate::names::{BucketName, Service};
use crate::narrowing::Narrowing;
use crate::session::Session;
use crate::wire::{Api, part};

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GcsBucket {
    name: BucketName,
}

impl GcsBucket {
    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &BucketName {
        &self.name
    }
}

impl ResourceType for GcsBucket {
    const ID: &'static str = "gcs-bucket";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "GCS bucket",
        "A bucket of Google Cloud Storage. Tokens with the scope cloud-platform are narrowed to it, or to a part of it, \
         whatever else their account may; the bucket needs uniform bucket-level access for that.",
    )
    .forms(&[
        ("gs://BUCKET", "the canonical form; a path behind it is the part asked for"),
        ("BUCKET", "the name alone"),
    ])
    .within("a part of the objects: `a/` means all under `a/`; `a` means these and the object `a` itself, and never `ab`")
    .targets("the bucket and its objects; storage.buckets.list attaches to the project and is for listing alone: no narrowed token carries it")
    .hands_on()
    .narrows(
        "a Credential Access Boundary that names the bucket, or the prefix in it, for tokens with the scope cloud-platform",
    );
    type Connector = Gcp;
    type Credential = GcpCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let Some(rest) = text.strip_prefix("gs://") else {
            if text.contains('/') {
                return Err(not_an_id::<Self>("a path needs gs:// in front of the bucket"));
            }
            return Self::named(text).map(Parsed::exact);
        };
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let parsed = Parsed::exact(Self::named(name)?);
        if path.is_empty() {
            return Ok(parsed);
        }
        let prefix = in_id::<Self, _>(KeyPrefix::parse(path))?;
        Ok(parsed.within(prefix.as_str()))
    }

    fn id(&self) -> String {
        format!("gs://{}", self.name)
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        boundary::permissions(access)
    }

    fn carried(&self, wanted: &Wanted) -> Vec<&'static str> {
        self.boundary(wanted).map(|it| it.carries()).unwrap_or_default()
    }

    fn withheld(&self, wanted: &Wanted) -> Vec<Withheld> {
        self.boundary(wanted).map(|it| it.withheld()).unwrap_or_default()
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        self.boundary(wanted).map(Narrowing::new).map(Some)
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            #[serde(default)]
            items: Vec<Named>,
            next_page_token: Option<String>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let query = [
            ("project", project(session)?.as_str()),
            ("maxResults", "1000"),
            ("fields", "items(name),nextPageToken"),
        ];
        let names = Api::new(cx, session).pages(
            "storage.buckets.list",
            Service::Storage,
            "/storage/v1/b",
            &query,
            |page: Page| (page.items, page.next_page_token),
        );
        // What has another kind of name cannot be asked for, so it is not offered.
        let names = names.await?.into_iter().filter_map(|it| Self::named(&it.name).ok());
        Ok(Listing::of(names.map(|it| it.id())))
    }

    /// One call: which permissions the token has on the bucket; for a part a list with its prefix, which is all that
    /// a token for a part can be asked.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        let bucket = format!("/storage/v1/b/{}", part(self.name.as_str()));
        let api = Api::new(cx, session);
        let reached = match wanted.within.as_deref().map(KeyPrefix::parse).transpose()? {
            Some(prefix) => {
                #[derive(Deserialize)]
                struct Objects {}
                let query = [("prefix", &*prefix.folder()), ("maxResults", "1"), ("fields", "items(name)")];
                let path = format!("{bucket}/o");
                api.get::<Objects>("storage.objects.list", Service::Storage, &path, &query).await.map(|_| ())
            }
            None => self.test(api, &bucket, wanted.access).await,
        };
        reached.map_err(|error| self.unreached(error))
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<GcpCredential>> {
        Ok(pass_on(session))
    }

    #[cfg(feature = "storage")]
    fn clients() -> connector_core::Clients<connector_core::Handle<Self>> {
        connector_core::Clients::none().with::<google_cloud_storage::client::Storage>()
    }
}

impl GcsBucket {
    fn named(name: &str) -> Result<Self> {
        let name = in_id::<Self, _>(BucketName::parse(name))?;
        Ok(Self { name })
    }

    fn boundary(&self, wanted: &Wanted) -> Result<Boundary> {
        let prefix = wanted.within.as_deref().map(KeyPrefix::parse).transpose()?;
        Ok(Boundary::new(self.name.clone(), prefix, wanted.access))
    }

    /// Asks which permissions the token has, as far as objects go: those on the bucket itself are for few.
    async fn test(&self, api: Api<'_>, bucket: &str, access: Access) -> Result<()> {
        #[derive(Deserialize)]
        struct Granted {
            #[serde(default)]
            permissions: Vec<String>,
        }
        let mut wanted = vec!["storage.objects.get", "storage.objects.list"];
        if access >= Access::Write {
            wanted.extend(["storage.objects.create", "storage.objects.delete"]);
        }
        if access >= Access::Admin {
            wanted.push("storage.buckets.update");
        }
        let query: Vec<_> = wanted.iter().map(|it| ("permissions", *it)).collect();
        let path = format!("{bucket}/iam/testPermissions");
        let granted =
            api.get::<Granted>("storage.buckets.testIamPermissions", Service::Storage, &path, &query);
        lacking(&wanted, &granted.await?.permissions)
    }

    fn unreached(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!("there is no bucket `{}`", self.name)),
            ErrorKind::Refused => {
                let is_plain = error::is_plain_denial(&error);
                let error = error.context(format!("bucket `{}` is not reached", self.name));
                match is_plain {
                    true => error.with_hint(format!(
                        "grant the account roles/storage.objectViewer or more on the bucket; a narrowed token also \
                         needs uniform bucket-level access there: gcloud storage buckets update gs://{} \
                         --uniform-bucket-level-access",
                        self.name
                    )),
                    false => error.or_hint("verify the connector, and look at the bucket in the console"),
                }
            }
            _ => error,
        }
    }
}

#[cfg(test)]
#[path = "gcs_bucket_tests.rs"]
mod tests;
