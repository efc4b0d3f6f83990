//! The chain: each record is linked to the one before it, and its link is sealed with the audit's key.
//!
//! A link is a hash over the number of the record, the link before it and every stored value, so a changed,
//! moved, added or removed record breaks the chain. Whoever can write the file can compute links anew; the
//! seal of a link takes the audit's key, which the master key seals.

use std::path::Path;

use connector_core::Result;
use hkdf::Hkdf;
use sha2::Sha256;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};
use subtle::ConstantTimeEq;

use super::Record;
use super::field::{self, COLUMNS, Fields};
use crate::key::MasterKey;
use crate::seal::{self, Key};
use crate::{database, error};

const LABEL: &[u8] = b"connector-store audit 1";

/// A record's place in the chain.
pub(super) type Link = [u8; 32];

/// The key that seals links and the anchor. It stays the same when the master key is replaced.
pub(crate) struct AuditKey(Key);

impl AuditKey {
    /// HMAC-SHA256: the first half of HKDF is nothing else.
    pub(super) fn mac(&self, bytes: &[u8]) -> [u8; 32] {
        Hkdf::<Sha256>::extract(Some(self.0.as_bytes()), bytes).0.into()
    }

    /// Whether `mac` was made with this key over these bytes; takes the same time whatever differs.
    pub(super) fn proves(&self, bytes: &[u8], mac: &[u8]) -> bool {
        self.mac(bytes).as_slice().ct_eq(mac).into()
    }

    /// Opens the stored key; `None` when it was not sealed by this master key, as it is stored.
    pub(super) fn open(row: &KeyRow, master: &MasterKey) -> Option<Self> {
        let opened = master.audit_wrapping().open(&bound(&row.key_id), &row.sealed)?;
        (row.key_id == master.id).then(|| Key::from_bytes(&opened).map(Self)).flatten()
    }

    /// Stores the key, sealed by this master key, in the place of what is there.
    async fn store(&self, connection: &mut SqliteConnection, master: &MasterKey, path: &Path) -> Result<()> {
        let sealed = master.audit_wrapping().seal(&bound(&master.id), self.0.as_bytes())?;
        sqlx::query("INSERT OR REPLACE INTO audit_key (only_one, key_id, sealed) VALUES (1, ?, ?)")
            .bind(&master.id)
            .bind(sealed)
            .execute(connection)
            .await
            .map(drop)
            .map_err(|it| database::fault(path, it))
    }
}

/// The audit's key as it is stored.
pub(crate) struct KeyRow {
    pub(super) key_id: String,
    pub(super) sealed: Vec<u8>,
}

impl KeyRow {
    pub(super) async fn read(connection: &mut SqliteConnection) -> sqlx::Result<Option<Self>> {
        let found =
            sqlx::query_as("SELECT key_id, sealed FROM main.audit_key").fetch_optional(connection).await?;
        Ok(found.map(|(key_id, sealed)| Self { key_id, sealed }))
    }

    /// The key of the copy that is being restored.
    pub(super) async fn read_copied(connection: &mut SqliteConnection) -> sqlx::Result<Option<Self>> {
        let found =
            sqlx::query_as("SELECT key_id, sealed FROM source.audit_key").fetch_optional(connection).await?;
        Ok(found.map(|(key_id, sealed)| Self { key_id, sealed }))
    }
}

/// The audit's key; one is made where nothing is sealed yet. The caller commits.
///
/// # Errors
/// [`Store`](connector_core::ErrorKind::Store) when it was changed or taken away from outside.
pub(crate) async fn key(
    connection: &mut SqliteConnection,
    master: &MasterKey,
    path: &Path,
) -> Result<AuditKey> {
    let fault = |it| database::fault(path, it);
    if let Some(row) = KeyRow::read(connection).await.map_err(fault)? {
        return AuditKey::open(&row, master).ok_or_else(key_changed);
    }
    if sealed_head(connection).await.map_err(fault)?.is_some() {
        return Err(key_changed());
    }
    let key = AuditKey(Key::generate()?);
    key.store(connection, master, path).await?;
    Ok(key)
}

/// Seals the audit's key with another master key. The caller commits.
pub(crate) async fn rewrap(
    connection: &mut SqliteConnection,
    old: &MasterKey,
    new: &MasterKey,
    path: &Path,
) -> Result<()> {
    key(connection, old, path).await?.store(connection, new, path).await
}

/// The end of the chain after records were written to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(super) seq: u64,
    pub(super) link: Link,
}

/// What the next record is written behind: a number, and a link, which is empty for the first one.
#[derive(Debug, Default)]
pub(super) struct End {
    seq: u64,
    link: Vec<u8>,
}

const END: &str = "max(coalesce((SELECT max(seq) FROM audit), 0), \
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0)) AS last, \
    (SELECT link FROM audit ORDER BY seq DESC LIMIT 1) AS link";

impl End {
    fn read(row: &SqliteRow) -> sqlx::Result<Self> {
        let seq = u64::try_from(row.try_get::<i64, _>("last")?).unwrap_or_default();
        Ok(Self { seq, link: row.try_get::<Option<Vec<u8>>, _>("link")?.unwrap_or_default() })
    }
}

/// All that has to be known before records are written, read at once: each reading costs as much as the records.
pub(super) struct State {
    pub(super) master: Option<crate::key::KeyRow>,
    pub(super) key: Option<KeyRow>,
    pub(super) end: End,
    /// The link of the record that the anchor names, where it is there.
    pub(super) anchored: Option<Vec<u8>>,
}

impl State {
    pub(super) async fn read(connection: &mut SqliteConnection, anchored: Option<u64>) -> sqlx::Result<Self> {
        let statement = format!(
            "SELECT m.id, m.source, m.location, m.kdf, m.proof, m.retired, m.created, k.key_id, k.sealed, {END}, \
             (SELECT link FROM audit WHERE seq = ?) AS anchored \
             FROM (SELECT 1) LEFT JOIN main.master_key AS m ON true LEFT JOIN main.audit_key AS k ON true"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(anchored.map(u64::cast_signed));
        let row = query.fetch_one(connection).await?;
        let master = row.try_get::<Option<String>, _>("id")?;
        let key_id = row.try_get::<Option<String>, _>("key_id")?;
        Ok(Self {
            master: master.map(|_| crate::key::KeyRow::from_row(&row)).transpose()?,
            key: key_id
                .map(|key_id| Ok::<_, sqlx::Error>(KeyRow { key_id, sealed: row.try_get("sealed")? }))
                .transpose()?,
            end: End::read(&row)?,
            anchored: row.try_get("anchored")?,
        })
    }
}

/// Writes records behind the last one; without a key they are linked, and not sealed. The caller holds a
/// transaction that nobody else writes beside, and commits. Returns the number of the last one.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    records: &[&Record],
    key: Option<&AuditKey>,
) -> sqlx::Result<Head> {
    let end = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {END}"))).fetch_one(&mut *connection).await?;
    append_behind(connection, End::read(&end)?, records, key).await
}

/// As [`append`], where the end is known.
pub(super) async fn append_behind(
    connection: &mut SqliteConnection,
    end: End,
    records: &[&Record],
    key: Option<&AuditKey>,
) -> sqlx::Result<Head> {
    let End { mut seq, link: mut previous } = end;
    let mut head = Head { seq, link: [0; 32] };
    let places = ", ?".repeat(COLUMNS.len());
    let insert =
        format!("INSERT INTO audit (seq, link, mac, {}) VALUES (?, ?, ?{places})", COLUMNS.join(", "));
    for record in records {
        seq += 1;
        // Nobody comes that far, unless the counter was changed from outside.
        let number = i64::try_from(seq).map_err(|_| sqlx::Error::RowNotFound)?;
        let fields = field::of(record);
        let link = link(seq, &previous, &fields);
        let mac = key.map(|it| it.mac(&link).to_vec());
        let query = sqlx::query(sqlx::AssertSqlSafe(insert.as_str()));
        let mut query = query.bind(number).bind(link.to_vec()).bind(mac);
        for field in fields {
            query = match field {
                field::Field::Nothing => query.bind(None::<i64>),
                field::Field::Number(value) => query.bind(value),
                field::Field::Text(text) => query.bind(text),
            };
        }
        query.execute(&mut *connection).await?;
        previous = link.to_vec();
        head = Head { seq, link };
    }
    Ok(head)
}

/// The last sealed record.
pub(crate) async fn sealed_head(connection: &mut SqliteConnection) -> sqlx::Result<Option<Head>> {
    let found: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT seq, coalesce(link, x'') FROM audit WHERE mac IS NOT NULL ORDER BY seq DESC LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.and_then(|(seq, link)| {
        Some(Head { seq: u64::try_from(seq).ok()?, link: Link::try_from(link).ok()? })
    }))
}

/// Whether the last sealed record of this database was sealed with this key.
pub(crate) async fn is_sealed_with(connection: &mut SqliteConnection, key: &AuditKey) -> sqlx::Result<bool> {
    let found: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT coalesce(link, x''), mac FROM audit WHERE mac IS NOT NULL ORDER BY seq DESC LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some_and(|(link, mac)| key.proves(&link, &mac)))
}

/// The link of a record behind the one with the link `previous`, which is empty for the first.
pub(super) fn link(seq: u64, previous: &[u8], fields: &Fields) -> Link {
    let seq = seq.to_be_bytes();
    let values: Vec<Vec<u8>> = fields.iter().map(field::Field::bytes).collect();
    let all: Vec<&[u8]> =
        [LABEL, &seq, previous].into_iter().chain(values.iter().map(Vec::as_slice)).collect();
    seal::sha256(&seal::parts(&all))
}

fn bound(key_id: &str) -> Vec<u8> {
    seal::parts(&[b"connector-store audit key 1", key_id.as_bytes()])
}

pub(super) fn key_changed() -> connector_core::Error {
    error::damaged("the key of the audit was changed or taken away from outside")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C7: seals are compared by `subtle`, whole and in constant time.
    #[test]
    fn c7_a_seal_is_compared_whole() {
        let key = AuditKey(Key::generate().expect("a key"));
        let mac = key.mac(b"link");
        assert!(key.proves(b"link", &mac));
        for at in 0..mac.len() {
            let mut other = mac;
            other[at] ^= 1;
            assert!(!key.proves(b"link", &other), "byte {at}");
        }
        for wrong in [&mac[..31], &[], &[mac.as_slice(), &[0]].concat()] {
            assert!(!key.proves(b"link", wrong), "{} bytes", wrong.len());
        }
        assert!(!key.proves(b"another", &mac));
        assert!(!AuditKey(Key::generate().expect("a key")).proves(b"link", &mac));
    }
}
