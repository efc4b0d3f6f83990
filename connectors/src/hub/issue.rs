//! Issuing to other programs: from the sealed cache where that still holds, minted once where it does not.

use std::borrow::Cow;
use std::time::SystemTime;

use connector_core::{
    AnyHandle, Document, Envelope, EnvironmentForm, Error, Grant, Result, Secret, SecretReader,
};
use connector_store::{Dependency, Digest, Entry, Lookup};

use super::open::check_usable;
use super::{Hub, flight};

/// Where an issued credential is cached: what shaped it, and what it depends on.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) key: Digest,
    pub(super) dependencies: Vec<Dependency>,
    /// The surroundings are part of what shaped it. The fast path does not look at them, so it must not
    /// answer: it could hand out somebody else's credential.
    ambient: bool,
}

/// A credential as JSON, and where it lies if it may lie anywhere.
#[derive(Clone)]
pub(super) struct Answer {
    json: Secret,
    cached: Option<Cached>,
}

#[derive(Clone)]
struct Cached {
    place: Place,
    refresh_at: SystemTime,
    expires_at: SystemTime,
}

impl Answer {
    fn from_cache(place: Place, entry: Entry) -> Self {
        let Entry { body: json, refresh_at, expires_at } = entry;
        Self { json, cached: Some(Cached { place, refresh_at, expires_at }) }
    }
}

impl Hub {
    /// Issues a credential, in the form in which it travels. It is shared with other processes through the
    /// sealed cache until it is time for a new one.
    ///
    /// # Errors
    /// Those of minting.
    pub async fn issue(&self, name: &str, grant: impl Into<Grant>) -> Result<Envelope> {
        let issued = async {
            let document = self.usable(name).await?;
            let answer = self.sealed(&document, grant.into()).await?;
            Envelope::from_json(answer.json.expose())
        };
        issued.await.map_err(|error: Error| error.with_connector(name))
    }

    /// Issues a credential as environment variables.
    ///
    /// # Errors
    /// Those of minting; a kind that has no such form.
    pub async fn environment(
        &self,
        name: &str,
        grant: impl Into<Grant>,
    ) -> Result<(Envelope, EnvironmentForm)> {
        let envelope = self.issue(name, grant).await?;
        let form = self.registry().environment(&envelope)?;
        Ok((envelope, form))
    }

    /// Issues a credential in the form that a tool reads, and lets the fast path answer `target` with it
    /// from now on.
    ///
    /// A stored secret that its resource type passes to just this tool goes there without the owner's leave. It
    /// is minted for every answer, and lies in no cache.
    ///
    /// # Errors
    /// Those of minting; a kind that has no form for that tool.
    pub async fn tool(&self, name: &str, grant: Grant, tool: &str, target: &Digest) -> Result<Secret> {
        let answered = async {
            let document = self.usable(name).await?;
            let grant = self.opened.complete(&document, grant)?;
            let resource_type = grant.resource_type.as_deref().unwrap_or_default();
            if self.registry().passes_to(&document.connector_type, resource_type)? == Some(tool) {
                return self.handle_as(&document, grant).await?.tool(tool).await;
            }
            let answer = self.sealed(&document, grant).await?;
            let text = self.registry().tool(&Envelope::from_json(answer.json.expose())?, tool)?;
            if let Some(cached) = answer.cached.filter(|it| !it.place.ambient) {
                // A cache that cannot be written makes things slower, not wrong.
                let _ = self.answer_fast(&document, &cached, tool, &text, target).await;
            }
            Ok(text)
        };
        answered.await.map_err(|error: Error| error.with_connector(name))
    }

    async fn answer_fast(
        &self,
        document: &Document,
        cached: &Cached,
        tool: &str,
        text: &Secret,
        target: &Digest,
    ) -> Result<()> {
        let key = Digest::of([cached.place.key.as_str(), tool]);
        let entry =
            Entry { body: text.clone(), refresh_at: cached.refresh_at, expires_at: cached.expires_at };
        let dependencies = &cached.place.dependencies;
        self.put(&key, dependencies, &entry).await?;
        self.opened.store.link(&Dependency::from(document), dependencies, target, &key).await?;
        Ok(())
    }

    /// Reads a secret of the provider through the connector.
    ///
    /// # Errors
    /// Those of the provider; a connector that reaches no secrets.
    pub async fn read_secret(&self, name: &str, id: &str) -> Result<Secret> {
        use connector_store::audit::Action;

        let document = self.usable(name).await?;
        let handle = self.handle(name, Grant::new("secret", id)).await?;
        let mut record = self.note(Action::ReadSecret, &document);
        record.resource_type = Some("secret".into());
        record.resource_id = handle.grant().resource_id;
        self.opened.store.audit(&record).await?;
        let reader = handle.client::<SecretReader>().await?;
        reader.read().await.map_err(|error| error.with_connector(name))
    }

    /// The envelope as JSON, from the sealed cache or minted; where it is cached, and its times.
    async fn sealed(&self, document: &Document, grant: Grant) -> Result<Answer> {
        let grant = self.opened.complete(document, grant)?;
        // A complete id gives the key without opening the connector; a partial one has to be completed.
        let (grant, handle) = match self.exact(document, &grant)? {
            Some(exact) => (exact, None),
            None => {
                let handle = self.handle_as(document, grant).await?;
                (handle.grant(), Some(handle))
            }
        };
        let place = self.place(document, &grant).await?;
        if let Lookup::Hit(entry) = self.look(&place) {
            return Ok(Answer::from_cache(place, entry));
        }
        let flights = &self.opened.flights;
        flights.join(&place.key, || self.fetch(document, grant, handle, &place)).await
    }

    /// Mints, unless another process has done so meanwhile.
    async fn fetch(
        &self,
        document: &Document,
        grant: Grant,
        mut handle: Option<AnyHandle>,
        place: &Place,
    ) -> Result<Answer> {
        let right = flight::among_processes(&self.cx, self.opened.cache(), &place.key).await;
        let (mut document, mut place) = (Cow::Borrowed(document), Cow::Borrowed(place));
        if right.waited {
            // It may have changed meanwhile.
            let now = self.usable(&document.name).await?;
            let its_place = self.place(&now, &grant).await?;
            // A handle that was opened on what the connector was before mints by that: it is opened anew.
            handle = handle.filter(|_| its_place.key == place.key);
            (document, place) = (Cow::Owned(now), Cow::Owned(its_place));
        }
        let stale = match self.look(&place) {
            Lookup::Hit(entry) => return Ok(Answer::from_cache(place.into_owned(), entry)),
            other => other.usable(),
        };
        let minted = async {
            let handle = match handle {
                Some(handle) => handle,
                None => self.handle_as(&document, grant.clone()).await?,
            };
            Ok::<_, Error>((handle.envelope().await?, handle))
        };
        match (minted.await, stale) {
            (Ok((envelope, handle)), _) => Ok(self.seal(&envelope, &handle, place.into_owned()).await),
            // A failed renewal keeps what is good until its real end, but not beyond its connector's, nor that of the
            // version that it is of: the attempt may have begun with a new login.
            (Err(error), Some(entry)) if !error.ends_connector() => {
                let now = self.usable(&document.name).await?;
                match self.place(&now, &grant).await?.key == place.key {
                    true => Ok(Answer::from_cache(place.into_owned(), entry)),
                    false => Err(error),
                }
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Puts what was minted into the sealed cache. What does not end is never put into a file.
    async fn seal(&self, envelope: &Envelope, handle: &AnyHandle, place: Place) -> Answer {
        let json = envelope.to_json();
        let (false, Some(windows)) = (envelope.long_lived, handle.windows()) else {
            return Answer { json, cached: None };
        };
        // The cell may have been renewed since: the times of a newer credential are not this one's.
        let expires_at = envelope.expiry.at().map_or(windows.end, |end| end.min(windows.end));
        let entry = Entry { body: json.clone(), refresh_at: windows.soft.min(expires_at), expires_at };
        match self.put(&place.key, &place.dependencies, &entry).await {
            Ok(()) => Answer::from_cache(place, entry),
            Err(_) => Answer { json, cached: None },
        }
    }

    /// Writes to the sealed cache, beside the threads of the runtime: the first write makes the cache's key
    /// and may wait for the store's lock.
    async fn put(&self, key: &Digest, dependencies: &[Dependency], entry: &Entry) -> Result<()> {
        let (cache, now) = (self.opened.cache().clone(), self.now());
        let (key, dependencies, entry) = (key.clone(), dependencies.to_vec(), entry.clone());
        let written = tokio::task::spawn_blocking(move || cache.put(&key, &dependencies, &entry, now)).await;
        written.map_err(|_| Error::unexpected("a background task ended"))?
    }

    pub(super) fn look(&self, place: &Place) -> Lookup {
        self.opened.cache().get(&place.key, &place.dependencies, self.now())
    }

    /// The grant with its canonical id and part, if the id is complete.
    pub(super) fn exact(&self, document: &Document, grant: &Grant) -> Result<Option<Grant>> {
        let (Some(resource_type), Some(id)) = (&grant.resource_type, &grant.resource_id) else {
            return Ok(None);
        };
        let parsed = self.registry().parse(&document.connector_type, resource_type, id)?;
        if parsed.partial {
            return Ok(None);
        }
        let mut grant = grant.clone().with_id(parsed.id);
        grant.access = Some(grant.access.unwrap_or_default());
        grant.within = match (parsed.within, grant.within) {
            (Some(a), Some(b)) if a != b => {
                return Err(Error::field("within", "the id names another part than the grant asks for"));
            }
            (a, b) => b.or(a),
        };
        Ok(Some(grant))
    }

    /// Everything that shapes a credential: needs no decryption and no call.
    pub(super) async fn place(&self, document: &Document, grant: &Grant) -> Result<Place> {
        let family = self.opened.family(document).await?;
        for member in &family {
            check_usable(member, self.now())?;
        }
        let mut parts = vec!["envelope".to_owned(), self.cx.caller().to_owned()];
        let mut ambient = false;
        for member in &family {
            let identity = self.registry().identity(member, &self.cx)?;
            ambient |= !identity.is_empty();
            parts.extend([member.id.clone(), member.version.to_string(), member.method.clone(), identity]);
        }
        for part in [&grant.resource_type, &grant.resource_id, &grant.within] {
            // Present and absent differ, also from present and empty.
            parts.push(part.as_ref().map_or_else(String::new, |it| format!("={it}")));
        }
        parts.push(grant.access.unwrap_or_default().to_string());
        parts.push(grant.duration.map_or_else(String::new, |it| it.as_secs().to_string()));
        Ok(Place {
            key: Digest::of(parts.iter().map(String::as_str)),
            dependencies: family.iter().map(Dependency::from).collect(),
            ambient,
        })
    }
}
