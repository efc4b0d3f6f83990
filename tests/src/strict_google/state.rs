use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use super::artifacts::Artifacts;
use super::container::Clusters;
use super::identity::{Account, Grant, Token};
use super::metadata::Metadata;
use super::oauth::Directory;
use super::projects::Project;
use super::secrets::Secret;
use super::storage::Storage;
use super::sts::Pool;
use crate::clock::Clock;

/// All that the server knows.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The server's own URL.
    pub(super) base: String,
    pub(super) clock: Clock,
    /// A test's limit on the life of what is issued, whatever is asked.
    pub(super) longest_life: Option<Duration>,
    /// A test's limit on how much a page holds, whatever is asked.
    pub(super) largest_page: Option<usize>,
    /// The end of the paths of calls that are answered together, and what they wait at.
    pub(super) meeting: Option<(String, Arc<Barrier>)>,
    /// Whether the exchange for a narrower token tells how long that lives.
    pub(super) tells_narrowed_life: bool,
    pub(super) projects: BTreeMap<String, Project>,
    /// Service accounts by e-mail.
    pub(super) accounts: BTreeMap<String, Account>,
    /// E-mails of people, with their unique ids.
    pub(super) users: BTreeMap<String, String>,
    /// Who may do nothing for now.
    pub(super) disabled: BTreeSet<String>,
    pub(super) grants: Vec<Grant>,
    /// Access tokens that were issued, also those that have ended.
    pub(super) tokens: BTreeMap<String, Token>,
    /// Signed tokens that were issued.
    pub(super) signed: Vec<String>,
    pub(super) directory: Directory,
    /// Providers of workload and workforce identities by their audience.
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) metadata: Metadata,
    pub(super) storage: Storage,
    pub(super) clusters: Clusters,
    pub(super) artifacts: Artifacts,
    /// Secrets by resource name.
    pub(super) secrets: BTreeMap<String, Secret>,
}

impl State {
    /// One page of `all`, which are in order of their keys, and the token of the next one. The token is the last key
    /// that was shown, so that what comes and goes between pages does no harm.
    pub(super) fn page<T>(
        &self,
        all: Vec<(String, T)>,
        size: Option<usize>,
        token: Option<&str>,
    ) -> (Vec<T>, Option<String>) {
        let asked = size.filter(|size| *size > 0).unwrap_or(1000);
        let size = self.largest_page.map_or(asked, |largest| asked.min(largest));
        let mut left =
            all.into_iter().filter(|(key, _)| token.is_none_or(|after| key.as_str() > after)).peekable();
        let (mut page, mut last) = (Vec::new(), String::new());
        while page.len() < size
            && let Some((key, item)) = left.next()
        {
            (last, _) = (key, page.push(item));
        }
        let next = left.peek().map(|_| last);
        (page, next)
    }
}
