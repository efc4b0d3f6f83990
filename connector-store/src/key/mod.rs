//! The master key: where it comes from, and how a store knows its own.

mod file;
mod keyring;
mod passphrase;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Error, Result, Secret};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};
use zeroize::Zeroizing;

use crate::seal::{self, Key};

/// Where the master key comes from. It wraps the data keys of the connectors and is never in the database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeySource {
    /// A file of 32 bytes in base64, made with mode 0600 when a store is used first. A store that has its
    /// key does not make another one when the file is missing.
    File(PathBuf),
    /// 32 bytes in base64, as given in `CONNECTOR_MASTER_KEY`.
    Literal(Secret),
    /// A passphrase, stretched by argon2id (64 MiB, 3 passes) with a salt that the store keeps.
    Passphrase(Passphrase),
    /// The keyring of the operating system; needs the feature `keyring`.
    Keyring,
}

impl KeySource {
    /// The kind of source as it is written: `file`, `literal`, `passphrase` or `keyring`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Literal(_) => "literal",
            Self::Passphrase(_) => "passphrase",
            Self::Keyring => "keyring",
        }
    }
}

/// A passphrase, or a way to ask for it when it is needed for the first time.
#[derive(Clone)]
pub struct Passphrase {
    known: Ask,
    new: Ask,
}

type Ask = Arc<dyn Fn() -> Result<Secret> + Send + Sync>;

impl Passphrase {
    /// A passphrase that is known.
    pub fn new(passphrase: Secret) -> Self {
        Self::ask(move || Ok(passphrase.clone()))
    }

    /// Asks once a secret is touched, on a thread that may block; not at all when none is.
    pub fn ask(ask: impl Fn() -> Result<Secret> + Send + Sync + 'static) -> Self {
        let known: Ask = Arc::new(ask);
        Self { new: Arc::clone(&known), known }
    }

    /// Asks in another way where a key is made from the answer: nothing can tell yet that it was mistyped.
    #[must_use]
    pub fn or_new(mut self, ask: impl Fn() -> Result<Secret> + Send + Sync + 'static) -> Self {
        self.new = Arc::new(ask);
        self
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

/// The master key of a store, in use.
#[derive(Debug)]
pub(crate) struct MasterKey {
    pub(crate) id: String,
    key: Key,
}

impl MasterKey {
    /// The key that wraps one connector's data key. Each wraps few enough for random nonces never to meet.
    pub(crate) fn wrapping(&self, connector_id: &str) -> Key {
        self.key.derive("connector-store data key 1", connector_id)
    }

    /// The key that seals the audit's key.
    pub(crate) fn audit_wrapping(&self) -> Key {
        self.key.derive("connector-store audit key 1", "")
    }

    /// Writes the key to a new file, in the form in which a key file holds it.
    pub(crate) fn write_new(&self, path: &Path) -> Result<()> {
        file::write_new(path, &self.key)
    }
}

/// What the store knows of its master key.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub(crate) id: String,
    /// The kind of its source.
    pub(crate) source: String,
    /// The file it is in, where it is in one.
    pub(crate) location: Option<String>,
    /// How it is made from a passphrase.
    kdf: Option<String>,
    /// Opens with the right key only.
    proof: Vec<u8>,
    /// What is left of the key before it and still has to be removed: see [`Retired`].
    retired: Option<String>,
    created: i64,
}

impl KeyRow {
    /// The row of the key that is in use; none before the first secret.
    pub(crate) async fn read(connection: &mut SqliteConnection) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("SELECT id, source, location, kdf, proof, retired, created FROM master_key")
            .fetch_optional(connection)
            .await
    }

    /// Puts this row in the place of the one that is there.
    pub(crate) async fn write(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT OR REPLACE INTO master_key \
             (only_one, id, source, location, kdf, proof, retired, created) VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&self.id)
        .bind(&self.source)
        .bind(&self.location)
        .bind(&self.kdf)
        .bind(&self.proof)
        .bind(&self.retired)
        .bind(self.created)
        .execute(connection)
        .await
        .map(drop)
    }

    /// What is left of the key before this one.
    pub(crate) fn retired(&self) -> Option<Retired> {
        self.retired.as_deref().map(Retired::parse)
    }

    /// The same row with something else, or nothing, left to be removed.
    pub(crate) fn with_retired(mut self, retired: Option<&Retired>, master: &MasterKey) -> Result<Self> {
        self.retired = retired.map(ToString::to_string);
        self.proof = prover(&master.key).seal(&self.bound(), b"")?;
        Ok(self)
    }

    fn is_proved_by(&self, key: &Key) -> bool {
        prover(key).open(&self.bound(), &self.proof).is_some()
    }

    fn bound(&self) -> Vec<u8> {
        let optional =
            |it: &Option<String>| it.as_ref().map_or_else(Vec::new, |it| seal::parts(&[it.as_bytes()]));
        seal::parts(&[
            self.id.as_bytes(),
            self.source.as_bytes(),
            &optional(&self.location),
            &optional(&self.kdf),
            &optional(&self.retired),
        ])
    }
}

impl FromRow<'_, SqliteRow> for KeyRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            source: row.try_get("source")?,
            location: row.try_get("location")?,
            kdf: row.try_get("kdf")?,
            proof: row.try_get("proof")?,
            retired: row.try_get("retired")?,
            created: row.try_get("created")?,
        })
    }
}

/// A key that is in use no more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Retired {
    /// A file of this name in the store's own directory. Keys that lie elsewhere are their owner's.
    File(String),
    /// The entry of this key in the keyring.
    Keyring(String),
}

impl Retired {
    fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("keyring", id)) => Self::Keyring(id.to_owned()),
            _ => Self::File(text.trim_start_matches("file:").to_owned()),
        }
    }

    /// What is to be removed once `old` is replaced by a key of this kind and place.
    pub(crate) fn after(old: &KeyRow, new: &KeyRow, directory: &Path) -> Option<Self> {
        match old.source.as_str() {
            "keyring" => Some(Self::Keyring(old.id.clone())),
            "file" if old.location != new.location => {
                let path = Path::new(old.location.as_deref()?);
                let name = path.file_name()?.to_str()?;
                (path.parent()? == directory).then(|| Self::File(name.to_owned()))
            }
            _ => None,
        }
    }

    fn remove(&self, directory: &Path, current: &KeyRow) -> Result<()> {
        match self {
            // Only a name: whatever the row says, nothing outside of the store is removed.
            Self::File(name) => match Path::new(name).file_name() {
                Some(name) => file::remove(&directory.join(name), current),
                None => Ok(()),
            },
            Self::Keyring(id) => keyring::remove(id),
        }
    }
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(f, "file:{name}"),
            Self::Keyring(id) => write!(f, "keyring:{id}"),
        }
    }
}

/// A key that was read, or made and written.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) master: MasterKey,
    pub(crate) row: KeyRow,
    staged: Option<Staged>,
}

/// A key that lies beside its file and has to be moved there.
#[derive(Debug)]
struct Staged {
    from: PathBuf,
    to: PathBuf,
}

impl Loaded {
    /// Removes and moves what a change of keys leaves to be done; to be repeated until it succeeds.
    pub(crate) fn settle(&self, directory: &Path) -> Result<()> {
        self.staged.as_ref().map_or(Ok(()), file::settle)?;
        self.row.retired().map_or(Ok(()), |it| it.remove(directory, &self.row))
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.staged.is_none() && self.row.retired.is_none()
    }
}

/// Reads the key of a store that has one. Blocks: it may ask, and stretch a passphrase.
///
/// # Errors
/// [`Refused`](connector_core::ErrorKind::Refused) when it is another key.
pub(crate) fn load(source: &KeySource, row: KeyRow) -> Result<Loaded> {
    let proved = |key: Key| row.is_proved_by(&key).then_some(key);
    let (key, staged) = match source {
        KeySource::File(path) => file::load(path, &row)?,
        KeySource::Literal(text) => (proved(decode(text.expose())?), None),
        KeySource::Passphrase(passphrase) => match &row.kdf {
            Some(kdf) => (proved(passphrase::stretch(&(passphrase.known)()?, kdf)?), None),
            None => (None, None),
        },
        KeySource::Keyring if row.source == "keyring" => {
            (proved(decode(keyring::read(&row.id)?.expose())?), None)
        }
        KeySource::Keyring => (None, None),
    };
    let key = key.ok_or_else(|| wrong(&row))?;
    Ok(Loaded { master: MasterKey { id: row.id.clone(), key }, row, staged })
}

/// Makes the key of a store that has none, or takes the one that is given. Blocks, as [`load`]; the caller
/// holds the store's lock.
pub(crate) fn create(source: &KeySource, now: SystemTime) -> Result<Loaded> {
    make(source, None, now)
}

/// Makes a key to follow `old` and leaves it where a crash finds it. Blocks, as [`load`]; the caller holds
/// the store's lock.
pub(crate) fn follow(source: &KeySource, old: &KeyRow, directory: &Path, now: SystemTime) -> Result<Loaded> {
    let mut loaded = make(source, Some(old), now)?;
    if old.is_proved_by(&loaded.master.key) {
        return Err(Error::invalid("the new master key is the one in use").with_hint("give another one"));
    }
    let retired = Retired::after(old, &loaded.row, directory);
    loaded.row = loaded.row.with_retired(retired.as_ref(), &loaded.master)?;
    Ok(loaded)
}

fn make(source: &KeySource, old: Option<&KeyRow>, now: SystemTime) -> Result<Loaded> {
    let id = seal::hex(&seal::random::<16>()?);
    let (mut location, mut kdf, mut staged) = (None, None, None);
    let key = match source {
        KeySource::File(path) => {
            location = Some(path.to_string_lossy().into_owned());
            let (key, beside) = file::make(path, old)?;
            staged = beside;
            key
        }
        KeySource::Literal(text) => decode(text.expose())?,
        KeySource::Passphrase(passphrase) => {
            let parameters = passphrase::parameters()?;
            let key = passphrase::stretch(&(passphrase.new)()?, &parameters)?;
            kdf = Some(parameters);
            key
        }
        KeySource::Keyring => {
            let key = Key::generate()?;
            keyring::write(&id, &encode(&key))?;
            key
        }
    };
    let created = crate::fast::unix(now).try_into().unwrap_or(i64::MAX);
    let source = source.kind().to_owned();
    let row = KeyRow { id: id.clone(), source, location, kdf, proof: Vec::new(), retired: None, created };
    let master = MasterKey { id, key };
    Ok(Loaded { row: row.with_retired(None, &master)?, master, staged })
}

/// The key with which a store is sealed is another one than was given.
fn wrong(row: &KeyRow) -> Error {
    Error::refused(WRONG).with_hint(right(row))
}

/// What is said of a key that is another one.
pub(crate) const WRONG: &str = "wrong master key";

/// How to come by the key with which a store is sealed.
fn right(row: &KeyRow) -> String {
    match (row.source.as_str(), &row.location) {
        ("file", Some(path)) => format!("give the key file with which the store was sealed: {path}"),
        ("literal", _) => "give the key with which the store was sealed in CONNECTOR_MASTER_KEY".into(),
        ("passphrase", _) => {
            "give the passphrase with which the store was sealed, in CONNECTOR_PASSPHRASE or \
                              with `source = \"passphrase\"` under `[key]` in config.toml"
                .into()
        }
        _ => "use the keyring with which the store was sealed: `source = \"keyring\"` under `[key]` in \
              config.toml"
            .into(),
    }
}

fn prover(key: &Key) -> Key {
    key.derive("connector-store proof of key 1", "")
}

fn decode(text: &str) -> Result<Key> {
    let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new);
    bytes.ok().and_then(|it| Key::from_bytes(&it)).ok_or_else(|| {
        Error::invalid("the master key is not 32 bytes in base64").with_hint(
            "give the one that the store was made with; for a new store `openssl rand -base64 32` makes one",
        )
    })
}

fn encode(key: &Key) -> Secret {
    Secret::new(STANDARD.encode(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C28, C11: what is no key is refused, and not quoted.
    #[test]
    fn c28_what_is_no_key_is_refused_and_not_quoted() {
        let good = STANDARD.encode([7; 32]);
        assert!(decode(&format!("  {good}\r\n")).is_ok());
        let (twice, huge, empty) = (format!("{good}{good}"), good.repeat(20_000), "=".repeat(44));
        for text in ["", "hunter2", "hunter2hunter2==", &good[1..], &twice, &huge, "\0", &empty] {
            let error = decode(text).err().unwrap_or_else(|| panic!("taken: {} bytes", text.len()));
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
