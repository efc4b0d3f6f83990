//! Blob Storage: accounts, their containers, and what is in them; and every way by which somebody comes in.

mod access;
mod container;
mod delegation;
mod error;
mod object;
mod sas;
mod shared_key;
mod upload;
mod xml;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::arm::Place;
use super::identity::uuid;
use super::state::{Named, State};
use crate::clock::http_date;
use crate::loopback::{Answer, Call, decoded};
use crate::random;

use access::Op;
use error::StorageError;

/// All accounts. Their names are told apart everywhere in the world.
#[derive(Debug, Default)]
pub(super) struct Storage {
    pub(super) accounts: Named<Account>,
    /// How often something was written, for etags.
    writes: u64,
}

/// A storage account.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) place: Place,
    pub(super) tenant: String,
    /// Both in base64.
    pub(super) keys: Vec<String>,
    pub(super) is_hierarchical: bool,
    pub(super) refuses_keys: bool,
    pub(super) containers: BTreeMap<String, Container>,
    /// What user delegation keys are made of; another one after they were revoked.
    pub(super) delegation: String,
}

/// A container.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    pub(super) blobs: BTreeMap<String, Blob>,
    modified: i64,
    etag: String,
}

/// A blob.
#[derive(Debug, Clone, Default)]
pub(super) struct Blob {
    pub(super) content: Vec<u8>,
    content_type: String,
    metadata: Vec<(String, String)>,
    modified: i64,
    etag: String,
    /// Blocks that are there but not yet part of it.
    blocks: BTreeMap<String, Vec<u8>>,
    /// Whether there are only such blocks so far.
    is_uncommitted: bool,
}

impl Account {
    pub(super) fn new(place: Place, tenant: &str) -> Self {
        use base64::Engine as _;
        let key = || base64::engine::general_purpose::STANDARD.encode(random::token(64));
        Self {
            place,
            tenant: tenant.to_owned(),
            keys: vec![key(), key()],
            delegation: random::token(32),
            ..Self::default()
        }
    }

    /// As the resource manager tells it.
    pub(super) fn shown(&self) -> Value {
        let name = &self.place.name;
        let endpoint = |service: &str| format!("https://{name}.{service}.core.windows.net/");
        json!({
            "kind": "StorageV2", "sku": { "name": "Standard_LRS", "tier": "Standard" },
            "properties": {
                "provisioningState": "Succeeded", "isHnsEnabled": self.is_hierarchical,
                "allowSharedKeyAccess": !self.refuses_keys, "allowBlobPublicAccess": false,
                "supportsHttpsTrafficOnly": true, "minimumTlsVersion": "TLS1_2", "accessTier": "Hot",
                "primaryLocation": self.place.location, "statusOfPrimary": "available",
                "primaryEndpoints": { "blob": endpoint("blob"), "dfs": endpoint("dfs"), "web": endpoint("web"),
                    "queue": endpoint("queue"), "table": endpoint("table"), "file": endpoint("file") },
            },
        })
    }

    /// The scope of a container in the resource manager.
    fn scope(&self, container: &str) -> String {
        format!("{}/blobServices/default/containers/{container}", self.place.id)
    }
}

impl Blob {
    pub(super) fn new(storage: &mut Storage, now: i64, content: &[u8], content_type: &str) -> Self {
        Self {
            content: content.to_vec(),
            content_type: content_type.to_owned(),
            modified: now,
            etag: storage.etag(),
            ..Self::default()
        }
    }
}

impl Storage {
    pub(super) fn etag(&mut self) -> String {
        self.writes += 1;
        format!("\"0x8DD{:012X}\"", self.writes)
    }

    pub(super) fn add_container(&mut self, account: &str, name: &str, now: i64) {
        let etag = self.etag();
        if let Some(account) = self.accounts.get_mut(account) {
            let container = Container { blobs: BTreeMap::new(), modified: now, etag };
            account.containers.entry(name.to_owned()).or_insert(container);
        }
    }
}

/// Answers a call to `/blob/ACCOUNT/…`.
pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let version = call.header("x-ms-version").unwrap_or("2022-11-02").to_owned();
    let answer = operate(state, call).unwrap_or_else(|error| error.as_answer());
    let is_named = answer.header("x-ms-request-id").is_some();
    let answer = answer.with_header("x-ms-version", version).with_header("server", "Windows-Azure-Blob/1.0");
    if is_named { answer } else { answer.with_header("x-ms-request-id", uuid()) }
}

/// What a call is about.
struct Asked<'a> {
    account: &'a str,
    container: Option<&'a str>,
    blob: Option<&'a str>,
}

fn operate(state: &mut State, call: &Call) -> Result<Answer, StorageError> {
    // The rest of the path is the blob's name, slashes and all.
    let mut parts = call.path.trim_start_matches('/').splitn(4, '/').skip(1).map(decoded);
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (account, container, blob) = (part().unwrap_or_default(), part(), part());
    if state.storage.accounts.get(&account).is_none() {
        return Err(StorageError::new(404, "ResourceNotFound", "The specified resource does not exist."));
    }
    let asked = Asked { account: &account, container: container.as_deref(), blob: blob.as_deref() };
    check_version(call)?;
    let query =
        |name: &str| call.query_pairs().into_iter().find(|(other, _)| other == name).map(|(_, value)| value);
    let (kind, comp) = (query("restype"), query("comp"));
    match (call.method.as_str(), kind.as_deref(), comp.as_deref(), asked.container, asked.blob) {
        ("GET", None, Some("list"), None, _) => container::list(state, call, &asked),
        ("POST", Some("service"), Some("userdelegationkey"), None, _) => delegation::key(state, call, &asked),
        ("PUT", Some("container"), None, Some(name), None) => container::create(state, call, &asked, name),
        ("DELETE", Some("container"), None, Some(name), None) => container::delete(state, call, &asked, name),
        ("GET" | "HEAD", Some("container"), None, Some(name), None) => {
            container::properties(state, call, &asked, name)
        }
        ("GET", Some("container"), Some("list"), Some(name), None) => object::list(state, call, &asked, name),
        ("GET" | "HEAD", None, None, Some(container), Some(name)) => {
            object::get(state, call, &asked, container, name)
        }
        ("PUT", None, comp, Some(container), Some(name)) => {
            upload::put(state, call, &asked, container, name, comp)
        }
        ("DELETE", None, None, Some(container), Some(name)) => {
            object::delete(state, call, &asked, container, name)
        }
        (_, _, Some(_), ..) => Err(StorageError::query("comp")),
        _ => Err(StorageError::new(
            405,
            "UnsupportedHttpVerb",
            "The resource doesn't support specified Http Verb.",
        )),
    }
}

/// A version that is named has to be one.
fn check_version(call: &Call) -> Result<(), StorageError> {
    let is_one = |version: &str| {
        jiff::civil::Date::strptime("%Y-%m-%d", version).is_ok()
            && ("2009-09-19".."2027-01-01").contains(&version)
    };
    match call.header("x-ms-version") {
        Some(version) if !is_one(version) => Err(StorageError::header("x-ms-version")),
        _ => Ok(()),
    }
}

/// Lets a call do something, or says why not.
fn permit(state: &State, call: &Call, asked: &Asked<'_>, op: Op<'_>) -> Result<(), StorageError> {
    let access = access::of(state, call, asked)?;
    access::permit(state, asked, &access, op)
}

fn account<'a>(state: &'a State, asked: &Asked<'_>) -> &'a Account {
    state.storage.accounts.get(asked.account).expect("the call was let in by this account")
}

fn found<'a>(state: &'a State, asked: &Asked<'_>, name: &str) -> Result<&'a Container, StorageError> {
    account(state, asked).containers.get(name).ok_or_else(StorageError::no_container)
}

fn found_mut<'a>(
    state: &'a mut State,
    asked: &Asked<'_>,
    name: &str,
) -> Result<&'a mut Container, StorageError> {
    let account = state.storage.accounts.get_mut(asked.account);
    account.and_then(|it| it.containers.get_mut(name)).ok_or_else(StorageError::no_container)
}

/// When something was written, and its etag.
fn dated(answer: Answer, modified: i64, etag: &str) -> Answer {
    answer.with_header("last-modified", http_date(modified)).with_header("etag", etag)
}
