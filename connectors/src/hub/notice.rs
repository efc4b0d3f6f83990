//! What a host should know although nobody was left without an answer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use connector_core::{Error, format_time};
use connector_store::{Digest, Fault};
use tokio::sync::Notify;

use super::Hub;

/// Something that went wrong beside an answer that was given all the same. Its text is one line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice {
    /// The connector that it is about, if it is about one.
    pub connector: Option<String>,
    /// What went wrong, and what that means; in lower case, without a full stop.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

impl Notice {
    /// A renewal failed, and what is held is handed on until it ends.
    #[must_use]
    pub fn overdue(connector: &str, fault: &Fault, ends_at: SystemTime) -> Self {
        let end = format_time(ends_at);
        Self {
            connector: Some(connector.to_owned()),
            message: format!("the credential ends at {end} and could not be renewed: {}", fault.error),
            hint: fault.error.hint().map(str::to_owned),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.connector {
            Some(connector) => write!(f, "connector `{connector}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The notices of a hub: one for each credential that is overdue, and one for the cache.
#[derive(Debug, Default)]
pub(super) struct Notices {
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    cache: Option<Told>,
    overdue: BTreeMap<Digest, (SystemTime, Told)>,
}

/// A notice, and whether it was given out as news.
#[derive(Debug)]
struct Told {
    notice: Notice,
    is_old: bool,
}

impl Held {
    /// All that is not over.
    fn all(&mut self, now: SystemTime) -> impl Iterator<Item = &mut Told> {
        self.overdue.retain(|_, (ends_at, _)| *ends_at > now);
        self.cache.iter_mut().chain(self.overdue.values_mut().map(|(_, told)| told))
    }
}

impl Notices {
    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cache cannot be written. Once is enough.
    pub(super) fn of_cache(&self, error: &Error) {
        let mut held = self.lock();
        if held.cache.is_none() {
            let notice = Notice {
                connector: None,
                message: format!("nothing is cached, so that every credential is fetched anew: {error}"),
                hint: error.hint().map(str::to_owned),
            };
            held.cache = Some(Told { notice, is_old: false });
            self.changed.notify_one();
        }
    }

    pub(super) fn of_overdue(&self, key: &Digest, ends_at: SystemTime, notice: Notice, now: SystemTime) {
        let mut held = self.lock();
        // A host that never asks keeps no more than what is overdue now.
        held.overdue.retain(|_, (ends_at, _)| *ends_at > now);
        // Each further attempt is about the same credential, whose end the cache knows to the second.
        let second = |end: SystemTime| end.duration_since(SystemTime::UNIX_EPOCH).map(|it| it.as_secs()).ok();
        let is_same = |end: SystemTime| second(end) == second(ends_at);
        let is_old = held.overdue.get(key).is_some_and(|(end, told)| is_same(*end) && told.is_old);
        held.overdue.insert(key.clone(), (ends_at, Told { notice, is_old }));
        if !is_old {
            self.changed.notify_one();
        }
    }

    pub(super) fn is_renewed(&self, key: &Digest) {
        self.lock().overdue.remove(key);
    }
}

impl Hub {
    /// What a host should tell, since nobody else notices it: credentials that could not be renewed and are good
    /// still, and a cache that cannot be written. What is mended or over is not told any more.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let mut held = self.opened.notices.lock();
        held.all(self.now()).map(|told| told.notice.clone()).collect()
    }

    /// Of the [notices](Hub::notices) those that it did not give before: one for each credential, however often
    /// renewing that fails.
    #[must_use]
    pub fn news(&self) -> Vec<Notice> {
        let mut held = self.opened.notices.lock();
        let new = held.all(self.now()).filter(|told| !told.is_old);
        new.map(|told| {
            told.is_old = true;
            told.notice.clone()
        })
        .collect()
    }

    /// Waits until there may be [news](Hub::news): for one task of a host that lives for long.
    pub async fn noticed(&self) {
        self.opened.notices.changed.notified().await;
    }
}
