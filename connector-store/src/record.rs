//! A connector with all that belongs to it, as it lies in the database, and the seal around it.
//!
//! The connector's data key seals each secret, bound to its secret id, field and edition. The data key
//! itself is wrapped by the master key and bound to everything else: the document's very bytes, and all
//! sealed values in their editions. So no row can be changed, taken away, exchanged for another one or for
//! an older one of itself without the data key refusing to unwrap.

use std::collections::BTreeMap;

use connector_core::{Document, Error, Result, Secret};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use crate::error;
use crate::key::MasterKey;
use crate::seal::{self, Key};

/// Far below the number of seals after which random nonces may meet.
const LAST_EDITION: u64 = 1 << 31;

const CHANGED: &str = "the store was changed from outside: restore a backup with `connector store restore FILE`, \
     or delete the connector and register it again";

/// All rows of one connector.
#[derive(Debug)]
pub(crate) struct Record {
    id: String,
    document: String,
    key_id: String,
    /// Counts the changes of any row; each changed row carries the number of its change.
    edition: u64,
    wrapped: Vec<u8>,
    secrets: Vec<Value>,
    kept: Vec<Value>,
    /// The latest version that the audit knows of.
    audited: u64,
}

/// One sealed value.
#[derive(Debug)]
struct Value {
    /// The secret id, or the connector's id for what is kept.
    owner: String,
    name: String,
    edition: u64,
    sealed: Vec<u8>,
}

impl FromRow<'_, SqliteRow> for Value {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            owner: row.try_get("owner")?,
            name: row.try_get("name")?,
            edition: row.try_get("edition")?,
            sealed: row.try_get("sealed")?,
        })
    }
}

impl Record {
    /// A record that is not stored yet, and its data key.
    pub(crate) fn new(document: &Document) -> Result<(Self, Key)> {
        let record = Self {
            id: document.id.clone(),
            document: text(document)?,
            key_id: String::new(),
            edition: 1,
            wrapped: Vec::new(),
            secrets: Vec::new(),
            kept: Vec::new(),
            audited: 0,
        };
        Ok((record, Key::generate()?))
    }

    /// Reads all rows of a connector. The caller is in a transaction, so that they are of one moment.
    pub(crate) async fn read(connection: &mut SqliteConnection, id: &str) -> sqlx::Result<Option<Self>> {
        let found: Option<(String, String, u64, Vec<u8>, i64)> = sqlx::query_as(
            "SELECT document, coalesce(key_id, ''), coalesce(edition, 0), coalesce(wrapped, x''), \
             (SELECT coalesce(max(version), 0) FROM audit WHERE audit.connector_id = connectors.id) \
             FROM connectors LEFT JOIN seals ON seals.connector_id = id WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
        let Some((document, key_id, edition, wrapped, audited)) = found else { return Ok(None) };
        let secrets = sqlx::query_as(
            "SELECT secret_id AS owner, field AS name, edition, sealed FROM secrets \
             WHERE connector_id = ? ORDER BY secret_id, field",
        )
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
        let kept = sqlx::query_as(
            "SELECT connector_id AS owner, key AS name, edition, sealed FROM kept \
             WHERE connector_id = ? ORDER BY key",
        )
        .bind(id)
        .fetch_all(connection)
        .await?;
        Ok(Some(Self {
            id: id.to_owned(),
            document,
            key_id,
            edition,
            wrapped,
            secrets,
            kept,
            audited: audited.cast_unsigned(),
        }))
    }

    /// Writes all rows; the caller commits.
    pub(crate) async fn write(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO connectors (id, document) VALUES (?, ?) \
             ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        )
        .bind(&self.id)
        .bind(&self.document)
        .execute(&mut *connection)
        .await?;
        sqlx::query("DELETE FROM secrets WHERE connector_id = ?")
            .bind(&self.id)
            .execute(&mut *connection)
            .await?;
        for row in &self.secrets {
            sqlx::query(
                "INSERT INTO secrets (secret_id, field, connector_id, edition, sealed) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(&row.owner)
            .bind(&row.name)
            .bind(&self.id)
            .bind(row.edition.cast_signed())
            .bind(&row.sealed)
            .execute(&mut *connection)
            .await?;
        }
        sqlx::query("DELETE FROM kept WHERE connector_id = ?")
            .bind(&self.id)
            .execute(&mut *connection)
            .await?;
        for row in &self.kept {
            sqlx::query("INSERT INTO kept (connector_id, key, edition, sealed) VALUES (?, ?, ?, ?)")
                .bind(&self.id)
                .bind(&row.name)
                .bind(row.edition.cast_signed())
                .bind(&row.sealed)
                .execute(&mut *connection)
                .await?;
        }
        self.write_seal(connection).await
    }

    /// Writes the wrapped data key alone; the caller commits.
    pub(crate) async fn write_seal(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT OR REPLACE INTO seals (connector_id, key_id, edition, wrapped) VALUES (?, ?, ?, ?)",
        )
        .bind(&self.id)
        .bind(&self.key_id)
        .bind(self.edition.cast_signed())
        .bind(&self.wrapped)
        .execute(connection)
        .await
        .map(drop)
    }

    /// The document as it is stored. Not verified unless the data key was unwrapped.
    pub(crate) fn document(&self) -> Result<Document> {
        parse(&self.document)
    }

    /// Unwraps the data key, which shows that every row is as it was written, and that no later version of
    /// them was.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when one is not.
    pub(crate) fn unwrap(&self, master: &MasterKey) -> Result<Key> {
        let key = self.unwrap_of_any_time(master)?;
        let document = self.document()?;
        if document.version < self.audited {
            return Err(error::damaged(format!(
                "what is stored for connector `{}` is version {}, and the audit knows version {}",
                document.name, document.version, self.audited
            ))
            .with_hint(CHANGED)
            .with_connector(document.name));
        }
        Ok(key)
    }

    /// As [`unwrap`](Self::unwrap), also for rows of an older copy.
    pub(crate) fn unwrap_of_any_time(&self, master: &MasterKey) -> Result<Key> {
        master
            .wrapping(&self.id)
            .open(&self.bound(), &self.wrapped)
            .and_then(|it| Key::from_bytes(&it))
            .ok_or_else(|| self.broken())
    }

    /// Wraps the data key around what the record holds now.
    pub(crate) fn wrap(&mut self, key: &Key, master: &MasterKey) -> Result<()> {
        self.key_id.clone_from(&master.id);
        self.wrapped = master.wrapping(&self.id).seal(&self.bound(), key.as_bytes())?;
        Ok(())
    }

    /// Begins a change: what is sealed from here on belongs to a new edition.
    pub(crate) fn begin_change(&mut self) -> Result<()> {
        self.edition += 1;
        if self.edition > LAST_EDITION {
            return Err(Error::store("the connector was changed too often for one data key")
                .with_hint("delete it and register it again"));
        }
        Ok(())
    }

    pub(crate) fn set_document(&mut self, document: &Document) -> Result<()> {
        self.document = text(document)?;
        Ok(())
    }

    /// Replaces all secrets.
    pub(crate) fn set_secrets(
        &mut self,
        key: &Key,
        secret_id: &str,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<()> {
        let seal = |(field, value): (&String, &Secret)| {
            let bound = bound("secret", secret_id, field, self.edition);
            let sealed = key.seal(&bound, value.expose().as_bytes())?;
            Ok(Value { owner: secret_id.to_owned(), name: field.clone(), edition: self.edition, sealed })
        };
        self.secrets = secrets.iter().map(seal).collect::<Result<_>>()?;
        Ok(())
    }

    /// Keeps a value beside the connector, in place of the one of that name; `None` forgets it.
    pub(crate) fn set_kept(&mut self, key: &Key, name: &str, value: Option<&Secret>) -> Result<()> {
        self.kept.retain(|it| it.name != name);
        if let Some(value) = value {
            let sealed = key.seal(&bound("kept", &self.id, name, self.edition), value.expose().as_bytes())?;
            self.kept.push(Value {
                owner: self.id.clone(),
                name: name.to_owned(),
                edition: self.edition,
                sealed,
            });
            self.kept.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(())
    }

    /// Opens all secrets.
    pub(crate) fn secrets(&self, key: &Key) -> Result<BTreeMap<String, Secret>> {
        self.secrets.iter().map(|row| Ok((row.name.clone(), self.open("secret", row, key)?))).collect()
    }

    /// Opens one kept value.
    pub(crate) fn kept(&self, key: &Key, name: &str) -> Result<Option<Secret>> {
        self.kept.iter().find(|it| it.name == name).map(|row| self.open("kept", row, key)).transpose()
    }

    /// Opens everything, to see that it opens.
    pub(crate) fn verify(&self, master: &MasterKey) -> Result<()> {
        self.document()?;
        let key = self.unwrap(master)?;
        self.secrets.iter().try_for_each(|row| self.open("secret", row, &key).map(drop))?;
        self.kept.iter().try_for_each(|row| self.open("kept", row, &key).map(drop))
    }

    fn open(&self, kind: &str, row: &Value, key: &Key) -> Result<Secret> {
        let mut plain = key
            .open(&bound(kind, &row.owner, &row.name, row.edition), &row.sealed)
            .ok_or_else(|| self.broken())?;
        // Moved, not copied: what is wiped is the one copy.
        String::from_utf8(std::mem::take(&mut *plain)).map(Secret::new).map_err(|_| self.broken())
    }

    /// What the data key is bound to: every byte of the record.
    fn bound(&self) -> Vec<u8> {
        let (secrets, kept) =
            ((self.secrets.len() as u64).to_be_bytes(), (self.kept.len() as u64).to_be_bytes());
        let edition = self.edition.to_be_bytes();
        let values = || self.secrets.iter().chain(&self.kept);
        let editions: Vec<_> = values().map(|it| it.edition.to_be_bytes()).collect();
        let mut all: Vec<&[u8]> =
            vec![b"connector-store record 1", self.id.as_bytes(), self.key_id.as_bytes()];
        all.extend::<[&[u8]; 4]>([&edition, self.document.as_bytes(), &secrets, &kept]);
        for (value, edition) in values().zip(&editions) {
            all.extend::<[&[u8]; 4]>([value.owner.as_bytes(), value.name.as_bytes(), edition, &value.sealed]);
        }
        seal::parts(&all)
    }

    fn broken(&self) -> Error {
        let name = self.document().map_or_else(|_| self.id.clone(), |it| it.name);
        error::damaged(format!("what is stored for connector `{name}` does not match its seal"))
            .with_hint(CHANGED)
            .with_connector(name)
    }
}

/// Reads a stored document.
pub(crate) fn parse(text: &str) -> Result<Document> {
    // The parser's own words may quote what is stored.
    serde_json::from_str(text).map_err(|_| error::damaged("a stored connector document does not read"))
}

fn text(document: &Document) -> Result<String> {
    serde_json::to_string(document).map_err(|_| Error::invalid("the document cannot be written as JSON"))
}

/// What one value is bound to.
fn bound(kind: &str, owner: &str, name: &str, edition: u64) -> Vec<u8> {
    let kind = format!("connector-store {kind} 1");
    seal::parts(&[kind.as_bytes(), owner.as_bytes(), name.as_bytes(), &edition.to_be_bytes()])
}
