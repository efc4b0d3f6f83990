use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::clock::Clock;
use super::identity::Identity;
use super::issuer::Verifier;
use super::metadata::Metadata;
use super::role::Role;
use super::s3::Bucket;
use super::sso::Directory;

/// All that the server knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) checks_skew: bool,
    /// A test's limit on the life of what is issued, whatever is asked.
    pub(super) longest_life: Option<Duration>,
    /// How many characters of policies and tags make a packed policy full.
    pub(super) packed_limit: usize,
    pub(super) identities: Vec<Identity>,
    /// One-time codes by user: the device's serial number and the code that it shows.
    pub(super) devices: BTreeMap<String, (String, String)>,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) issuers: Vec<Verifier>,
    pub(super) denied: BTreeSet<String>,
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) directory: Directory,
    pub(super) metadata: Metadata,
}

impl Default for State {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            checks_skew: true,
            longest_life: None,
            packed_limit: 2048,
            identities: Vec::new(),
            devices: BTreeMap::new(),
            roles: BTreeMap::new(),
            issuers: Vec::new(),
            denied: BTreeSet::new(),
            buckets: BTreeMap::new(),
            directory: Directory::default(),
            metadata: Metadata::default(),
        }
    }
}
