//! Finding what was changed in the audit since it was written.

use std::fmt;

use connector_core::Result;
use serde::{Serialize, Serializer};
use sqlx::{Row, SqliteConnection};

use super::anchor;
use super::chain::{self, AuditKey};
use super::field::{self, COLUMNS, Fields};
use crate::Store;
use crate::key::KeyRow;

/// Records that are read at once: memory does not grow with the audit.
const PAGE: u32 = 512;

/// The most findings that are told one by one.
const MOST: usize = 100;

/// What a walk through the whole audit has found.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How many records there are.
    pub records: u64,
    /// How many of them are linked to the one before; older ones were written before there was a chain.
    pub linked: u64,
    /// How many links are sealed with the audit's key. The others were written without it; each is covered
    /// by the next sealed one.
    pub sealed: u64,
    /// The number of the first linked record: what lies before is not covered.
    pub first: Option<u64>,
    /// The number of the last record.
    pub last: Option<u64>,
    /// The record that the anchor beside the master key speaks of, where it is one of this store.
    pub anchor: Option<u64>,
    /// What is not as it was written; empty when all is well. At most 100.
    pub findings: Vec<Finding>,
    /// How many findings more there are.
    pub more: u64,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// The first record that it concerns; 0 where it concerns no record in particular.
    pub from: i64,
    /// The last one.
    pub to: i64,
}

/// What may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// A record does not match its link: it, or the one before it, was changed, moved or put in.
    Changed,
    /// Records were taken away.
    Missing,
    /// A record was taken out of the chain, or put in beside it.
    Unlinked,
    /// A record's seal was not made with the audit's key.
    Forged,
    /// The last records are not sealed: written without the key, or by somebody else.
    Unsealed,
    /// A value is of a kind that is never written.
    Unreadable,
    /// The anchor speaks of records that are not there: the audit or the store was rolled back.
    RolledBack,
    /// The anchor speaks of another record than the one that is there.
    Rewritten,
    /// There is no anchor: nothing shows whether the last records were taken away.
    NoAnchor,
    /// The anchor does not read, or was not written with the audit's key.
    SpoiltAnchor,
    /// The audit's key was changed or taken away, so no seal could be checked.
    KeyChanged,
}

impl FindingKind {
    /// The kind as it is written: kebab-case, stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Unlinked => "unlinked",
            Self::Forged => "forged",
            Self::Unsealed => "unsealed",
            Self::Unreadable => "unreadable",
            Self::RolledBack => "rolled-back",
            Self::Rewritten => "rewritten",
            Self::NoAnchor => "no-anchor",
            Self::SpoiltAnchor => "spoilt-anchor",
            Self::KeyChanged => "key-changed",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, was) = (self.from == self.to, if self.from == self.to { "was" } else { "were" });
        let records = if one {
            format!("record {}", self.from)
        } else {
            format!("records {} to {}", self.from, self.to)
        };
        match self.kind {
            FindingKind::Changed => write!(f, "{records} {was} changed, moved or put in"),
            FindingKind::Missing => write!(f, "{records} {was} taken away"),
            FindingKind::Unlinked => write!(f, "{records} {was} taken out of the chain, or put in beside it"),
            FindingKind::Forged => write!(f, "{records} {was} not sealed with the key of this audit"),
            FindingKind::Unsealed => write!(
                f,
                "{records} at the end {was} written without the key: nothing shows yet by whom, the next \
                 record that is written with it covers them"
            ),
            FindingKind::Unreadable => write!(f, "{records} cannot be read"),
            FindingKind::RolledBack => write!(f, "{records} {was} written, and the audit ends before"),
            FindingKind::Rewritten => write!(f, "{records} is another one than was written"),
            FindingKind::NoAnchor => {
                f.write_str("the anchor is gone: nothing shows whether the audit is older")
            }
            FindingKind::SpoiltAnchor => f.write_str("the anchor is spoilt, or belongs to another audit"),
            FindingKind::KeyChanged => f.write_str("the key of the audit was changed or taken away"),
        }
    }
}

impl Store {
    /// Walks through the whole audit and compares it with its links, its seals and its anchor. Needs the
    /// master key, and changes nothing.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when it cannot be read at all,
    /// [`Refused`](connector_core::ErrorKind::Refused) when the master key is another one. What was changed
    /// in it is no error but a finding.
    pub async fn audit_verify(&self) -> Result<Report> {
        loop {
            // First the anchor, then the database, which only grows.
            let anchor = self.anchor_place().read();
            let mut transaction = self.pool().begin().await.map_err(|it| self.fault(it))?;
            let read = async {
                let row = KeyRow::read(&mut transaction).await?;
                Ok((row, chain::KeyRow::read(&mut transaction).await?))
            };
            let (row, stored) = read.await.map_err(|it| self.fault(it))?;
            let master = match row {
                Some(row) => {
                    let id = row.id.clone();
                    match self.master_unchecked(row).await {
                        Err(_) if self.has_other_key(&id).await? => continue,
                        done => Some(done?),
                    }
                }
                None => None,
            };
            let key = stored.zip(master).and_then(|(row, master)| AuditKey::open(&row, &master));
            let walk = Walk { key, ..Walk::default() };
            return walk.run(&mut transaction, anchor.as_ref()).await.map_err(|it| self.fault(it));
        }
    }
}

/// A walk through the records, in order.
#[derive(Default)]
struct Walk {
    key: Option<AuditKey>,
    report: Report,
    /// The number of the record before; 0 before the first.
    before: i64,
    /// Its link; empty where there is none.
    previous: Vec<u8>,
    unsealed: Option<i64>,
    has_seals: bool,
}

impl Walk {
    async fn run(
        mut self,
        connection: &mut SqliteConnection,
        anchor: Option<&anchor::Content>,
    ) -> sqlx::Result<Report> {
        let page = format!(
            "SELECT seq, link, mac, {} FROM audit WHERE seq >= ? ORDER BY seq LIMIT {PAGE}",
            COLUMNS.join(", ")
        );
        let mut next = Some(i64::MIN);
        while let Some(from) = next {
            let query = sqlx::query(sqlx::AssertSqlSafe(page.as_str())).bind(from);
            let rows = query.fetch_all(&mut *connection).await?;
            for row in &rows {
                let (link, mac) = (row.try_get_unchecked("link")?, row.try_get_unchecked("mac")?);
                self.record(row.try_get("seq")?, field::read(row)?.as_ref(), link, mac);
            }
            next = if rows.is_empty() { None } else { self.before.checked_add(1) };
        }
        let written: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(written) = written.filter(|it| *it > self.before) {
            self.find(FindingKind::Missing, self.before + 1, written);
        }
        if let Some(from) = self.unsealed {
            self.find(FindingKind::Unsealed, from, self.before);
        }
        if self.key.is_none() && (self.has_seals || anchor.is_some()) {
            self.find(FindingKind::KeyChanged, 0, 0);
        } else if let Some(key) = &self.key {
            match anchor.map(|it| it.verified(key)) {
                Some(Some(head)) => {
                    let seq = head.seq.cast_signed();
                    if anchor::is_kept(connection, &head).await? {
                        self.report.anchor = Some(head.seq);
                    } else if seq > self.before {
                        self.find(FindingKind::RolledBack, self.before + 1, seq);
                    } else {
                        self.find(FindingKind::Rewritten, seq, seq);
                    }
                }
                Some(None) => self.find(FindingKind::SpoiltAnchor, 0, 0),
                None if self.has_seals => self.find(FindingKind::NoAnchor, 0, 0),
                None => {}
            }
        }
        Ok(self.report)
    }

    fn record(&mut self, seq: i64, fields: Option<&Fields>, link: Option<Vec<u8>>, mac: Option<Vec<u8>>) {
        let in_chain = self.report.first.is_some();
        let is_next = self.before.checked_add(1) == Some(seq);
        let computed = fields.map(|it| chain::link(seq.cast_unsigned(), &self.previous, it));
        self.report.records += 1;
        self.report.last = u64::try_from(seq).ok();
        match (&link, computed) {
            _ if seq < 1 => self.find(FindingKind::Unlinked, seq, seq),
            // Before the chain began; nothing was promised of it.
            (None, _) if !in_chain => {}
            (None, _) => self.find(FindingKind::Unlinked, seq, seq),
            (Some(_), None) => self.find(FindingKind::Unreadable, seq, seq),
            // What it is linked to is gone, so that nothing can be said of the record itself.
            (Some(_), _) if !is_next => self.find(FindingKind::Missing, self.before + 1, seq - 1),
            (Some(link), Some(computed)) if *link != computed => self.find(FindingKind::Changed, seq, seq),
            _ => {}
        }
        if let Some(link) = &link {
            self.report.first = self.report.first.or(u64::try_from(seq).ok());
            self.report.linked += 1;
            self.seal(seq, link, mac.as_deref());
        } else {
            self.has_seals |= mac.is_some();
        }
        self.previous = match (link, computed) {
            (Some(link), _) => link,
            (None, Some(computed)) if in_chain => computed.to_vec(),
            _ => Vec::new(),
        };
        self.before = seq.max(0);
    }

    fn seal(&mut self, seq: i64, link: &[u8], mac: Option<&[u8]>) {
        self.has_seals |= mac.is_some();
        match (mac, &self.key) {
            (Some(mac), Some(key)) if key.proves(link, mac) => {
                self.report.sealed += 1;
                self.unsealed = None;
            }
            (Some(_), Some(_)) => self.find(FindingKind::Forged, seq, seq),
            // That the key is gone is a finding of its own.
            (Some(_), None) => {}
            (None, _) => self.unsealed = self.unsealed.or(Some(seq)),
        }
    }

    /// Adds a finding, or lengthens the last one.
    fn find(&mut self, kind: FindingKind, from: i64, to: i64) {
        let Report { findings, more, .. } = &mut self.report;
        let is_full = findings.len() >= MOST;
        match findings.last_mut().filter(|it| it.kind == kind && it.to.checked_add(1) == Some(from)) {
            Some(last) => last.to = to,
            None if is_full => *more += 1,
            None => findings.push(Finding { kind, from, to }),
        }
    }
}
