//! What connectors reach: verifying, listing, and the question "which of them fits?".

use connector_core::{AnyConnector, Context, Document, Error, ErrorKind, Grant, Listing, Result};
use connector_store::Filter;
use futures_util::stream::{self, StreamExt};

use super::{Hub, open};

/// How many connectors are asked at the same time.
pub(super) const SIDE_BY_SIDE: usize = 32;

/// What one connector reaches of one resource type.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reached {
    /// The connector.
    pub connector: String,
    /// Its type.
    pub connector_type: String,
    /// The resource type.
    pub resource_type: String,
    /// The ids, or why there are none: its kind tells "none there" (not found) from "not allowed" (refused)
    /// from "failed" (all else).
    pub listing: Result<Listing>,
}

/// What came of verifying.
#[derive(Debug)]
#[non_exhaustive]
pub struct Verified {
    /// The connector.
    pub connector: String,
    /// What it reaches, by resource type; for one resource, that one.
    pub reached: Vec<Reached>,
}

/// What a consumer needs: it is checked before the consumer is linked to a connector.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Requirement {
    /// A connector type, if it matters.
    pub connector_type: Option<String>,
    /// The resource type.
    pub resource_type: String,
    /// The resource, in any form; `None` when any will do.
    pub resource_id: Option<String>,
}

impl Requirement {
    /// Needs a resource of this type.
    pub fn new(resource_type: impl Into<String>) -> Self {
        Self { connector_type: None, resource_type: resource_type.into(), resource_id: None }
    }

    /// Needs this one.
    #[must_use]
    pub fn with_id(mut self, resource_id: impl Into<String>) -> Self {
        self.resource_id = Some(resource_id.into());
        self
    }

    /// Needs a connector of this type.
    #[must_use]
    pub fn with_connector_type(mut self, connector_type: impl Into<String>) -> Self {
        self.connector_type = Some(connector_type.into());
        self
    }
}

impl Hub {
    /// Authenticates anew and checks that the connector reaches what it is for, or what is asked.
    ///
    /// # Errors
    /// What stands in the way, naming the failing call and the likely cause.
    pub async fn verify(&self, name: &str, grant: Grant) -> Result<Verified> {
        let verified = async {
            let document = self.usable(name).await?;
            for member in self.opened.family(&document).await? {
                open::check_usable(&member, self.now())?;
            }
            // Parsed anew: an open session proves nothing about the stored secret.
            let own = self.opened.store.secrets(&document).await?;
            let connector = self.opened.parse(&document, own).await?;
            self.verify_opened(&document, &connector, grant).await
        };
        verified.await.map_err(|error: Error| error.with_connector(name))
    }

    async fn verify_opened(
        &self,
        document: &Document,
        connector: &AnyConnector,
        grant: Grant,
    ) -> Result<Verified> {
        let cx = &self.cx.with_anew(true);
        let one_resource = grant.resource_id.is_some() || document.resource_id.is_some();
        let one_type = self.opened.resource_type(document, grant.resource_type.as_deref())?;
        let reached = if one_resource {
            let grant = self.opened.complete(document, grant)?;
            vec![self.reach_one(cx, document, connector, grant).await?.0]
        } else if let Some(resource_type) = one_type {
            let listing = self.look_at(cx, document, connector, &resource_type).await.and_then(all_failed)?;
            vec![reached(document, &resource_type, Ok(listing))]
        } else {
            connector.authenticate(cx).await?;
            self.list_types(cx, document, connector).await?
        };
        Ok(Verified { connector: document.name.clone(), reached })
    }

    /// Reaches one resource; also gives its canonical id.
    pub(super) async fn reach_one(
        &self,
        cx: &Context,
        document: &Document,
        connector: &AnyConnector,
        grant: Grant,
    ) -> Result<(Reached, String)> {
        let handle = connector.resource(cx, grant).await?;
        handle.reach().await?;
        let grant = handle.grant();
        let (resource_type, id) =
            (grant.resource_type.unwrap_or_default(), grant.resource_id.unwrap_or_default());
        Ok((reached(document, &resource_type, Ok(Listing::of([id.clone()]))), id))
    }

    /// What has to be reached before a draft is stored; completes a partial id.
    pub(super) async fn reach_for_storing(
        &self,
        cx: &Context,
        connector: &AnyConnector,
        document: &mut Document,
    ) -> Result<Vec<Reached>> {
        match (&document.resource_type, &document.resource_id) {
            (Some(resource_type), Some(id)) => {
                let grant = Grant::new(resource_type, id);
                let (reached, id) = self.reach_one(cx, document, connector, grant).await?;
                document.resource_id = Some(id);
                document.partial = false;
                Ok(vec![reached])
            }
            (Some(resource_type), None) => {
                let listing =
                    self.look_at(cx, document, connector, resource_type).await.and_then(all_failed)?;
                Ok(vec![reached(document, resource_type, Ok(listing))])
            }
            _ => {
                connector.authenticate(cx).await?;
                self.list_types(cx, document, connector).await
            }
        }
    }

    /// What there is of one resource type. A connector whose type knows nothing but one resource is tried on that:
    /// a list would say that it is there, and not whether anything can be issued for it.
    pub(super) async fn look_at(
        &self,
        cx: &Context,
        document: &Document,
        connector: &AnyConnector,
        resource_type: &str,
    ) -> Result<Listing> {
        if self.registry().is_single(&document.connector_type)? {
            return self.reach_one(cx, document, connector, Grant::of_type(resource_type)).await?.0.listing;
        }
        connector.list(cx, resource_type).await
    }

    /// Lists every resource type of a connector that is for many, side by side.
    pub(super) async fn list_types(
        &self,
        cx: &Context,
        document: &Document,
        connector: &AnyConnector,
    ) -> Result<Vec<Reached>> {
        let types = self.registry().resource_types(&document.connector_type)?;
        let types = types.into_iter().filter(|it| self.registry().supports(document, it).is_ok());
        let lists = types.map(|resource_type| async move {
            reached(document, resource_type, self.look_at(cx, document, connector, resource_type).await)
        });
        let rows: Vec<Reached> = stream::iter(lists).buffered(SIDE_BY_SIDE).collect().await;
        // A method may authenticate without a call: then only the lists show that nothing works.
        if let Some(error) =
            rows.iter().all(|row| row.listing.is_err()).then(|| most_telling(&rows)).flatten()
        {
            return Err(error);
        }
        Ok(rows)
    }

    /// Verifies every connector that can be used, side by side.
    ///
    /// # Errors
    /// Those of the store; what stands in the way of one connector is its own result.
    pub async fn verify_all(&self) -> Result<Vec<(String, Result<Verified>)>> {
        let documents = self.list(&Filter::default()).await?;
        let all = documents.into_iter().map(|document| async move {
            let verified = self.verify(&document.name, Grant::default()).await;
            (document.name, verified)
        });
        Ok(stream::iter(all).buffered(SIDE_BY_SIDE).collect().await)
    }

    /// Lists what is reached, over all connectors that fit, side by side: as slow as the slowest.
    ///
    /// # Errors
    /// Those of the store, an unknown connector; what stands in the way of one is in its row.
    pub async fn list_resources(
        &self,
        resource_type: Option<&str>,
        connector: Option<&str>,
        resource_id: Option<&str>,
    ) -> Result<Vec<Reached>> {
        let documents = match connector {
            Some(name) => vec![self.get(name).await?],
            None => self.list(&Filter::default()).await?,
        };
        self.list_resources_of(&documents, resource_type, resource_id).await
    }

    /// Lists what these connectors reach. One that is for another type or another resource than what is
    /// asked has no row.
    ///
    /// # Errors
    /// An id that no connector type reads; what stands in the way of one connector is in its row.
    pub async fn list_resources_of(
        &self,
        documents: &[Document],
        resource_type: Option<&str>,
        resource_id: Option<&str>,
    ) -> Result<Vec<Reached>> {
        if let (Some(resource_type), Some(id)) = (resource_type, resource_id) {
            self.check_readable(resource_type, id)?;
        }
        let rows = documents.iter().map(|document| self.list_one(document, resource_type, resource_id));
        let rows: Vec<Vec<Reached>> = stream::iter(rows).buffered(SIDE_BY_SIDE).collect().await;
        Ok(rows.into_iter().flatten().collect())
    }

    /// That some connector type reads this id; what none reads is wrong once, not once per connector.
    fn check_readable(&self, resource_type: &str, id: &str) -> Result<()> {
        let registry = self.registry();
        let offering = registry.overview().filter(|it| it.resource_types.contains(&resource_type));
        let mut first = None;
        for connector_type in offering {
            match registry.parse(connector_type.id, resource_type, id) {
                Ok(_) => return Ok(()),
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(()), |error| {
            Err(match error.field_problems() {
                [] => Error::field("resource_id", error.message()),
                _ => error,
            })
        })
    }

    /// Whether a connector may be for this resource: its type reads the id, and it is not for another one.
    fn may_serve(&self, document: &Document, resource_type: &str, id: &str) -> bool {
        let parsed = self.registry().parse(&document.connector_type, resource_type, id);
        let fixed = document.resource_id.as_deref().filter(|_| !document.partial);
        parsed.is_ok_and(|parsed| parsed.partial || fixed.is_none_or(|fixed| fixed == parsed.id))
    }

    async fn list_one(&self, document: &Document, asked: Option<&str>, id: Option<&str>) -> Vec<Reached> {
        let types = self.registry().resource_types(&document.connector_type).unwrap_or_default();
        let serves = |it: &&str| {
            document.resource_type.as_deref().is_none_or(|fixed| fixed == *it)
                && asked.is_none_or(|asked| asked == *it)
                && self.registry().supports(document, it).is_ok()
                && id.is_none_or(|id| self.may_serve(document, it, id))
        };
        let types: Vec<&str> = types.into_iter().filter(serves).collect();
        if types.is_empty() {
            return Vec::new();
        }
        let opened = self.opened.open(&self.cx, &document.name).await;
        let rows = types.into_iter().map(|resource_type| {
            let opened = &opened;
            async move {
                let connector = opened.as_ref().map_err(Error::clone);
                let one = async {
                    let connector = connector?;
                    match id.or(document.resource_id.as_deref()) {
                        Some(id) => {
                            let grant = self.opened.complete(document, Grant::new(resource_type, id))?;
                            let (one, _) = self.reach_one(&self.cx, document, connector, grant).await?;
                            one.listing
                        }
                        None => connector.list(&self.cx, resource_type).await,
                    }
                };
                reached(document, resource_type, one.await)
            }
        });
        stream::iter(rows).buffered(SIDE_BY_SIDE).collect().await
    }

    /// Which connectors reach what a consumer needs.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn fitting(&self, requirement: &Requirement) -> Result<Vec<Reached>> {
        let id = requirement.resource_id.as_deref();
        let mut rows = self.list_resources(Some(&requirement.resource_type), None, id).await?;
        rows.retain(|row| {
            let of_type =
                requirement.connector_type.as_ref().is_none_or(|wanted| *wanted == row.connector_type);
            of_type && row.listing.as_ref().is_ok_and(|listing| !listing.ids.is_empty())
        });
        Ok(rows)
    }

    /// Links a consumer to a connector: checks that what it needs is reached, and gives the exact grant to
    /// keep. Several consumers may share one connector, each with a resource of its own.
    ///
    /// # Errors
    /// When the connector is of another type, or does not reach the resource.
    pub async fn link(&self, name: &str, requirement: &Requirement) -> Result<Grant> {
        let document = self.usable(name).await?;
        if let Some(wanted) = requirement.connector_type.as_ref().filter(|it| **it != document.connector_type)
        {
            return Err(Error::invalid(format!(
                "connector `{name}` is of type `{}`, and a `{wanted}` connector is needed",
                document.connector_type
            ))
            .with_connector(name));
        }
        let mut grant = Grant::of_type(&*requirement.resource_type);
        grant.resource_id.clone_from(&requirement.resource_id);
        let handle = self.handle(name, grant).await?;
        handle.reach().await.map_err(|error| error.with_connector(name))?;
        Ok(handle.grant())
    }
}

fn reached(document: &Document, resource_type: &str, listing: Result<Listing>) -> Reached {
    Reached {
        connector: document.name.clone(),
        connector_type: document.connector_type.clone(),
        resource_type: resource_type.to_owned(),
        listing,
    }
}

/// The error that says most of why nothing is reached: a refusal before a silence.
fn most_telling(rows: &[Reached]) -> Option<Error> {
    let errors = || rows.iter().filter_map(|row| row.listing.as_ref().err());
    errors().find(|error| error.kind() == ErrorKind::Refused).or_else(|| errors().next()).cloned()
}

/// A listing in which every place failed is a failure.
pub(super) fn all_failed(listing: Listing) -> Result<Listing> {
    match listing.failures.first() {
        Some(failure) if listing.ids.is_empty() && failure.error.kind() != ErrorKind::NotFound => {
            Err(failure.error.clone().context(format!("{} gives no list", failure.place)))
        }
        _ => Ok(listing),
    }
}
