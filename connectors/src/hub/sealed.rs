//! From the sealed cache where that still holds, minted once where it does not: for all callers of this process and
//! of others.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use connector_core::{
    AnyHandle, Document, Envelope, Error, ErrorKind, Grant, Overdue, Result, Secret, format_time,
};
use connector_store::{Dependency, Digest, Entry, Fault, Lookup};
use serde_json::{Value, json};

use super::flight::Right;
use super::notice::Notice;
use super::place::Place;
use super::{Hub, flight};

/// A credential as JSON, and where it lies if it may lie anywhere.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) json: Secret,
    pub(super) cached: Option<Cached>,
}

/// A credential that lies in the cache.
#[derive(Clone)]
pub(super) struct Cached {
    pub(super) place: Place,
    pub(super) entry: Entry,
}

impl Answer {
    fn from_cache(place: Place, entry: Entry) -> Self {
        Self { json: entry.body.clone(), cached: Some(Cached { place, entry }) }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A person or an application, who may just have mended what was wrong.
    Somebody,
    /// A program that calls its helper whenever it starts.
    Tool,
}

impl Hub {
    /// The envelope as JSON, from the sealed cache or minted; where it is cached, and its times.
    pub(super) async fn sealed(&self, document: &Document, grant: Grant, asks: Asks) -> Result<Answer> {
        let grant = self.opened.complete(document, grant)?;
        // A complete id gives the key without opening the connector; a partial one has to be completed.
        let (grant, handle, typed) = match self.exact(document, &grant)? {
            Some(exact) => (exact, None, None),
            None => {
                let typed = self.place(document, &grant).await?;
                let known = self.look(&typed).usable();
                let (grant, handle) = self.completed(document, grant, (&typed, known.as_ref()), asks).await?;
                (grant, handle, Some((typed, known)))
            }
        };
        let completed = typed.map(|typed| (typed, grant.clone()));
        let answer = self.sealed_as(document, grant, handle, asks).await?;
        if let (Some(((typed, known), grant)), Some(cached)) = (completed, &answer.cached) {
            self.remember((&typed, known.as_ref()), &grant, &cached.entry).await;
        }
        Ok(answer)
    }

    /// As [`Hub::sealed`], with a grant that is complete.
    async fn sealed_as(
        &self,
        document: &Document,
        grant: Grant,
        handle: Option<AnyHandle>,
        asks: Asks,
    ) -> Result<Answer> {
        let place = self.place(document, &grant).await?;
        let good = match self.look(&place) {
            Lookup::Hit(entry) => {
                self.opened.notices.is_renewed(&place.key);
                return Ok(Answer::from_cache(place, entry));
            }
            Lookup::Stale(entry) => Some(entry),
            Lookup::Miss => None,
        };
        if let Some(settled) = self.settled(document, &place, good.as_ref(), asks, None) {
            return settled;
        }
        // While there is time, one renews it, and the others go on with what they have.
        let good = good.filter(|it| self.now() < it.wait_at).map(|it| Answer::from_cache(place.clone(), it));
        let flights = &self.opened.flights;
        flights
            .join(&place.key, good.clone(), || self.fetch(document, grant, handle, &place, (asks, good)))
            .await
    }

    /// What a grant means that says it in part, and a handle on it where a call was made for that, which may be refused.
    /// What it meant is remembered with the credential that was issued for it: until that ends nobody asks again, so
    /// that it is renewed, or handed on while its provider does not answer, as one with a complete id is.
    async fn completed(
        &self,
        document: &Document,
        grant: Grant,
        (typed, known): (&Place, Option<&Entry>),
        asks: Asks,
    ) -> Result<(Grant, Option<AnyHandle>)> {
        if let Some(known) = known.and_then(|entry| recalled(&grant, entry)) {
            return Ok((known, None));
        }
        let cache = self.opened.cache();
        let fault = cache.fault_of(&typed.key).filter(|it| asks == Asks::Tool && it.denies(self.now()));
        if let Some(fault) = fault.filter(|_| !typed.ambient) {
            return Err(fault.error);
        }
        // What keeps this process from opening its store need not keep the next one.
        let connector = self.opened.open_as(&self.cx, document).await?;
        let completed = connector.resource(&self.cx, grant).await;
        match &completed {
            Ok(_) => cache.forget_fault(&typed.key),
            Err(error) if error.kind() == ErrorKind::Refused && is_of_provider(error) && !typed.ambient => {
                let fault = Fault::after(None, error.clone(), self.now(), Duration::ZERO);
                self.write_fault(&typed.key, &fault).await;
            }
            Err(_) => {}
        }
        completed.map(|handle| (handle.grant(), Some(handle)))
    }

    /// Remembers what a grant meant for as long as the credential is that was issued for it.
    async fn remember(&self, (typed, known): (&Place, Option<&Entry>), grant: &Grant, issued: &Entry) {
        let same = |it: &Entry| it.refresh_at == issued.refresh_at && it.expires_at == issued.expires_at;
        if known.is_some_and(same) {
            return;
        }
        let meant = json!({ "id": grant.resource_id, "within": grant.within }).to_string();
        let entry = Entry { body: Secret::new(meant), origin: typed.key.clone(), ..issued.clone() };
        self.told(self.put(&typed.key, &typed.dependencies, &entry).await);
    }

    /// The answer without a fetch: what is good, where renewing it failed a moment ago; the failure that this caller
    /// waited for; a refusal that a tool was told a moment ago.
    fn settled(
        &self,
        document: &Document,
        place: &Place,
        good: Option<&Entry>,
        asks: Asks,
        waited_since: Option<SystemTime>,
    ) -> Option<Result<Answer>> {
        let fault = self.opened.cache().fault_of(&place.key)?;
        // Where a person is there, who may be asked or has mended it, what another process was refused is no word.
        if fault.error.kind() == ErrorKind::Refused && self.cx.is_attended() {
            return None;
        }
        let now = self.now();
        if let Some(entry) = good {
            return fault
                .is_paused(now)
                .then(|| Ok(self.overdue(document, place.clone(), entry.clone(), &fault)));
        }
        // Kept in whole milliseconds.
        let waited_for = waited_since.is_some_and(|since| since < fault.at + MILLISECOND && fault.at <= now);
        // What an ambient identity is refused may be mended around this program, which nobody notices here.
        let denied = asks == Asks::Tool && !place.ambient && fault.denies(now);
        (waited_for || denied).then_some(Err(fault.error))
    }

    /// Hands on what could not be renewed, and says so.
    fn overdue(&self, document: &Document, place: Place, entry: Entry, fault: &Fault) -> Answer {
        let notice = Notice::overdue(&document.name, fault, entry.expires_at);
        self.opened.notices.of_overdue(&place.key, entry.expires_at, notice, self.now());
        Answer::from_cache(place, entry)
    }

    /// Mints, unless another process has done so meanwhile. Who has something good that lasts does not wait for it.
    async fn fetch(
        &self,
        document: &Document,
        grant: Grant,
        mut handle: Option<AnyHandle>,
        place: &Place,
        (asks, lasting): (Asks, Option<Answer>),
    ) -> Result<Answer> {
        let right =
            flight::among_processes(&self.cx, self.opened.cache(), &place.key, lasting.is_none()).await;
        let Right::Granted { waited_since, _flight } = right else {
            return lasting.ok_or_else(|| Error::unexpected("nothing is held, and nobody waited"));
        };
        let (mut document, mut place) = (Cow::Borrowed(document), Cow::Borrowed(place));
        if waited_since.is_some() {
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
        if let Some(settled) = self.settled(&document, &place, stale.as_ref(), asks, waited_since) {
            return settled;
        }
        let ended_at = self.opened.cache().ended_at(&place.key, self.now());
        let minted = async {
            let handle = match handle {
                Some(handle) => handle,
                None => self.handle_as(&document, grant.clone()).await?,
            };
            let envelope = handle.envelope().await;
            Ok::<_, Error>((envelope, handle))
        };
        let minted = minted.await;
        // What keeps this process from opening its store need not keep the next one.
        let is_told = minted.is_ok();
        let error = match minted {
            Ok((Ok(envelope), handle)) => match handle.overdue() {
                None => return Ok(self.seal(&envelope, &handle, place.into_owned()).await),
                Some(overdue) => {
                    return Ok(self
                        .still(&document, place.into_owned(), stale, (envelope, handle), overdue)
                        .await);
                }
            },
            // The handle has said so already where it held what ended.
            Ok((Err(error), handle)) if handle.windows().is_some() => error,
            Ok((Err(error), _)) | Err(error) => match ended_at.filter(|_| !error.ends_connector()) {
                Some(end) => error.context(format!(
                    "the credential ended at {}, and there is no next one",
                    format_time(end)
                )),
                None => error,
            },
        };
        if error.ends_connector() {
            return Err(error);
        }
        // A failed renewal keeps what is good until its real end, which the attempt may have gone beyond.
        let stale = stale.filter(|it| self.now() < it.expires_at);
        let end = stale.as_ref().map_or(self.now(), |it| it.expires_at);
        let fault = self.failed(&place, &error, end);
        if is_told && is_of_provider(&error) {
            self.write_fault(&place.key, &fault).await;
        }
        let Some(entry) = stale else { return Err(error) };
        // But not beyond its connector's end, nor that of the version that it is of: the attempt may have begun with a
        // new login.
        let now = self.usable(&document.name).await?;
        match self.place(&now, &grant).await?.key == place.key {
            true => Ok(self.overdue(&document, place.into_owned(), entry, &fault)),
            false => Err(error),
        }
    }

    /// What this process holds and could not renew: it is as old as what lies in the cache, or older.
    async fn still(
        &self,
        document: &Document,
        place: Place,
        stale: Option<Entry>,
        (envelope, handle): (Envelope, AnyHandle),
        overdue: Overdue,
    ) -> Answer {
        let (at, ends_at) = (overdue.failed_at, overdue.ends_at);
        let pause = overdue.again_at.duration_since(at).unwrap_or_default();
        let fault = Fault { error: overdue.error, failures: overdue.failures, at, pause };
        let stale = stale.filter(|it| it.expires_at >= ends_at && self.now() < it.expires_at);
        let answer = match stale {
            Some(entry) => Answer::from_cache(place.clone(), entry),
            None => self.seal(&envelope, &handle, place.clone()).await,
        };
        self.write_fault(&place.key, &fault).await;
        let notice = Notice::overdue(&document.name, &fault, ends_at);
        self.opened.notices.of_overdue(&place.key, ends_at, notice, self.now());
        answer
    }

    /// One more failure, of something that is good until `end`.
    fn failed(&self, place: &Place, error: &Error, end: SystemTime) -> Fault {
        let now = self.now();
        let before = self.opened.cache().fault_of(&place.key);
        // An answer that is remembered in this process is no other failure.
        if let Some(same) =
            before.as_ref().filter(|it| it.denies(now) && it.error.message() == error.message())
        {
            return same.clone();
        }
        Fault::after(before, error.clone(), now, end.duration_since(now).unwrap_or_default())
    }

    /// Tells other processes that a fetch failed.
    async fn write_fault(&self, key: &Digest, fault: &Fault) {
        let (cache, key, fault, now) = (self.opened.cache().clone(), key.clone(), fault.clone(), self.now());
        let written = tokio::task::spawn_blocking(move || cache.note_fault(&key, &fault, now)).await;
        self.told(written.unwrap_or(Ok(())));
    }

    /// Says once that the cache cannot be written. A lock that was not to be had in time is nothing to mend.
    pub(super) fn told<T>(&self, written: Result<T>) {
        if let Err(error) = written
            && !error.is_transient()
        {
            self.opened.notices.of_cache(&error);
        }
    }

    /// Puts what was minted into the sealed cache. What does not end is never put into a file.
    async fn seal(&self, envelope: &Envelope, handle: &AnyHandle, place: Place) -> Answer {
        let json = envelope.to_json();
        self.opened.cache().forget_fault(&place.key);
        self.opened.notices.is_renewed(&place.key);
        let (false, Some(windows)) = (envelope.long_lived, handle.windows()) else {
            return Answer { json, cached: None };
        };
        // The cell may have been renewed since: the times of a newer credential are not this one's.
        let expires_at = envelope.expiry.at().map_or(windows.end, |end| end.min(windows.end));
        let entry = Entry {
            body: json.clone(),
            origin: place.key.clone(),
            born: self.now(),
            refresh_at: windows.soft.min(expires_at),
            wait_at: windows.hard.min(expires_at),
            expires_at,
        };
        match self.put(&place.key, &place.dependencies, &entry).await {
            Ok(()) => Answer::from_cache(place, entry),
            Err(error) => {
                self.told::<()>(Err(error));
                Answer { json, cached: None }
            }
        }
    }

    /// Writes to the sealed cache, beside the threads of the runtime: the first write makes the cache's key
    /// and may wait for the store's lock.
    pub(super) async fn put(&self, key: &Digest, dependencies: &[Dependency], entry: &Entry) -> Result<()> {
        let (cache, now) = (self.opened.cache().clone(), self.now());
        let (key, dependencies, entry) = (key.clone(), dependencies.to_vec(), entry.clone());
        let written = tokio::task::spawn_blocking(move || cache.put(&key, &dependencies, &entry, now)).await;
        written.map_err(|_| Error::unexpected("a background task ended"))?
    }
}

/// The grant with what it was found to mean.
fn recalled(grant: &Grant, entry: &Entry) -> Option<Grant> {
    let meant: Value = serde_json::from_str(entry.body.expose()).ok()?;
    let text = |key: &str| meant[key].as_str().map(str::to_owned);
    let mut grant = grant.clone().with_id(text("id")?);
    grant.within = text("within");
    grant.access = Some(grant.access.unwrap_or_default());
    Some(grant)
}

/// Whether it is a word of whoever issues, and not of this process's own store.
fn is_of_provider(error: &Error) -> bool {
    error.kind() != ErrorKind::Store && !error.ends_connector()
}
