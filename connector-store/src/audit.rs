//! The audit: who got or changed what, and when. It holds no secret and outlives the connectors.
//!
//! Records are chained and sealed (`chain`), a file beside the master key says how far they had come
//! (`anchor`), and [`Store::audit_verify`](crate::Store::audit_verify) finds what was changed since.

pub(crate) mod anchor;
pub(crate) mod chain;
mod field;
mod merge;
mod queue;
mod verify;
mod write;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_core::{Access, Context, Document, Error, Expiry, Result, format_time};
use serde::{Serialize, Serializer};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, Sqlite, SqliteConnection};

pub use verify::{Finding, FindingKind, Report};

pub(crate) use merge::{merge, note};
pub(crate) use queue::Queue;
pub(crate) use write::Written;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A credential was issued.
    Mint,
    /// A secret of the provider was read for the caller.
    ReadSecret,
    /// A connector was stored first.
    Register,
    /// A connector was changed.
    Update,
    /// A person logged in through a connector: it is in a new version.
    Login,
    /// A connector got another name.
    Rename,
    /// A connector was switched on.
    Enable,
    /// A connector was switched off.
    Disable,
    /// A connector was deleted.
    Delete,
    /// The master key was replaced.
    RotateKey,
    /// A copy of the store was written.
    Backup,
    /// The store was replaced by a copy.
    Restore,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 12] = [
        Self::Mint,
        Self::ReadSecret,
        Self::Register,
        Self::Update,
        Self::Login,
        Self::Rename,
        Self::Enable,
        Self::Disable,
        Self::Delete,
        Self::RotateKey,
        Self::Backup,
        Self::Restore,
    ];

    /// The action as it is written: kebab-case, stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mint => "mint",
            Self::ReadSecret => "read-secret",
            Self::Register => "register",
            Self::Update => "update",
            Self::Login => "login",
            Self::Rename => "rename",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::RotateKey => "rotate-key",
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Action {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let possible = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| Error::field("action", format!("unknown action: expected one of {}", possible())))
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

/// One line of the audit. Names and ids only; whoever writes it sees to it that no value is a secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// Its number, given when it is written: always larger than all before, never used again.
    pub seq: u64,
    /// When; kept in milliseconds.
    #[serde(serialize_with = "time")]
    pub at: SystemTime,
    /// What.
    pub action: Action,
    /// Who.
    pub caller: String,
    /// The id of the connector.
    pub connector_id: Option<String>,
    /// Its name at that time.
    pub connector: Option<String>,
    /// Its version at that time.
    pub version: Option<u64>,
    /// The resource type that was asked for.
    pub resource_type: Option<String>,
    /// The canonical resource id.
    pub resource_id: Option<String>,
    /// The part of the resource.
    pub within: Option<String>,
    /// The access level.
    pub access: Option<Access>,
    /// Whether the credential has less access than its connector; unknown where nothing was issued.
    pub narrowed: Option<bool>,
    /// By what it was narrowed, or why it was not.
    pub narrowing: Option<String>,
    /// Whether a secret without an end of its own was handed out.
    pub long_lived: bool,
    /// When the credential ends, or why it does not.
    #[serde(serialize_with = "expiry")]
    pub expires: Option<Expiry>,
    /// The process that did it.
    pub process: Option<u32>,
    /// The machine it ran on.
    pub host: Option<String>,
    /// Anything else worth knowing.
    pub detail: Option<String>,
}

impl Record {
    /// A record of who did what, to be filled in.
    pub fn new(at: SystemTime, action: Action, caller: impl Into<String>) -> Self {
        Self {
            seq: 0,
            at,
            action,
            caller: caller.into(),
            connector_id: None,
            connector: None,
            version: None,
            resource_type: None,
            resource_id: None,
            within: None,
            access: None,
            narrowed: None,
            narrowing: None,
            long_lived: false,
            expires: None,
            process: None,
            host: None,
            detail: None,
        }
    }

    /// A record of this moment, with who and where, to be filled in.
    #[must_use]
    pub fn of(cx: &Context, action: Action) -> Self {
        let mut record = Self::new(cx.now(), action, cx.caller());
        record.process = Some(std::process::id());
        record.host = cx.host().map(str::to_owned);
        record
    }

    /// Says which connector it was, in which version.
    #[must_use]
    pub fn about(mut self, document: &Document) -> Self {
        self.connector_id = Some(document.id.clone());
        self.connector = Some(document.name.clone());
        self.version = Some(document.version);
        self
    }
}

impl FromRow<'_, SqliteRow> for Record {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let broken =
            |column: &str| sqlx::Error::ColumnDecode { index: column.into(), source: "unknown word".into() };
        let end: Option<i64> = row.try_get("expires_at")?;
        let never: Option<String> = row.try_get("never")?;
        let access: Option<&str> = row.try_get("access")?;
        Ok(Self {
            seq: row.try_get("seq")?,
            at: from_millis(row.try_get("at")?),
            action: row.try_get::<&str, _>("action")?.parse().map_err(|_| broken("action"))?,
            caller: row.try_get("caller")?,
            connector_id: row.try_get("connector_id")?,
            connector: row.try_get("connector")?,
            version: row.try_get("version")?,
            resource_type: row.try_get("resource_type")?,
            resource_id: row.try_get("resource_id")?,
            within: row.try_get("within")?,
            access: access.map(str::parse).transpose().map_err(|_| broken("access"))?,
            narrowed: row.try_get("narrowed")?,
            narrowing: row.try_get("narrowing")?,
            long_lived: row.try_get("long_lived")?,
            expires: end.map(|it| Expiry::At(from_millis(it))).or(never.map(|why| Expiry::Never(why.into()))),
            process: row.try_get("process")?,
            host: row.try_get("host")?,
            detail: row.try_get("detail")?,
        })
    }
}

/// Which records to read; an empty one reads all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of the connector with this name or id.
    pub connector: Option<String>,
    /// Of this action.
    pub action: Option<Action>,
    /// Of this caller.
    pub caller: Option<String>,
    /// From this time on.
    pub since: Option<SystemTime>,
    /// With a smaller number: the last one of the page before.
    pub before: Option<u64>,
}

/// Reads records, the newest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    filter: &Filter,
    limit: u32,
) -> sqlx::Result<Vec<Record>> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM audit WHERE 1");
    if let Some(connector) = &filter.connector {
        query.push(" AND (connector = ").push_bind(connector.as_str());
        query.push(" OR connector_id = ").push_bind(connector.as_str()).push(")");
    }
    if let Some(action) = filter.action {
        query.push(" AND action = ").push_bind(action.as_str());
    }
    if let Some(caller) = &filter.caller {
        query.push(" AND caller = ").push_bind(caller.as_str());
    }
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(millis(since));
    }
    if let Some(before) = filter.before {
        query.push(" AND seq < ").push_bind(before.cast_signed());
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(connection).await
}

fn millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

fn from_millis(millis: i64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis.max(0).cast_unsigned())).unwrap_or(UNIX_EPOCH)
}

fn time<S: Serializer>(time: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&format_time(*time))
}

/// A time, or `{"never": why}`.
fn expiry<S: Serializer>(expiry: &Option<Expiry>, out: S) -> Result<S::Ok, S::Error> {
    match expiry {
        Some(Expiry::At(end)) => out.serialize_some(&format_time(*end)),
        Some(Expiry::Never(why)) => out.serialize_some(&std::collections::BTreeMap::from([("never", why)])),
        None => out.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
