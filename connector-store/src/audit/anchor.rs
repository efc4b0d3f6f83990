//! The anchor: a small file beside the master key that says how far the audit had come.
//!
//! It shows what the chain alone cannot: that the last records, or the whole file, were exchanged for older
//! ones. It is written after each commit of sealed records, over what it held before, and not flushed: a power cut
//! leaves an older anchor, none, or one that does not read, never one that is ahead of the records, which are
//! flushed before it is written.

use std::io;
use std::path::{Path, PathBuf};

use connector_core::Error;
use sqlx::SqliteConnection;

use super::chain::{AuditKey, Head, Link};
use crate::file::{self, Durability};
use crate::key::KeySource;
use crate::maintenance::with_suffix;
use crate::{error, seal};

const LIMIT: u64 = 512;

/// Where the anchor of a store lies: beside the key where that is a file, else in the store's directory, as
/// it does where the key's own directory cannot be written.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    first: PathBuf,
    second: PathBuf,
}

impl Place {
    pub(crate) fn of(source: &KeySource, directory: &Path) -> Self {
        let second = directory.join("audit.anchor");
        let first = match source {
            KeySource::File(path) => with_suffix(path, ".anchor"),
            _ => second.clone(),
        };
        Self { first, second }
    }

    /// What the file holds; nothing when there is none.
    pub(crate) fn read(&self) -> Option<Content> {
        [&self.first, &self.second].into_iter().find_map(|path| {
            let text = match file::read(path, LIMIT) {
                Ok(content) => String::from_utf8(content).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
                Err(_) => String::new(),
            };
            Some(Content { path: path.clone(), text })
        })
    }

    /// Says how far the audit has come, unless somebody else has said more already.
    pub(crate) fn advance(&self, head: &Head, key: &AuditKey) {
        let present = self.read().and_then(|it| it.verified(key));
        if present.is_none_or(|it| it.seq < head.seq) {
            self.set(head, key);
        }
    }

    /// Says how far the audit has come, whatever was said before. Nothing hangs on it: a lost anchor is a
    /// finding, and the next record writes another one.
    pub(crate) fn set(&self, head: &Head, key: &AuditKey) {
        let mac = seal::hex(&key.mac(&bound(head)));
        // Always of one length, so that it can be written over the one before by a single call: making a file anew
        // for every mint costs the next flush more than the mint itself.
        let line = format!("1 {:020} {} {mac}\n", head.seq, seal::hex(&head.link));
        let written = |path| {
            file::overwrite(path, line.as_bytes())
                .or_else(|_| file::replace(path, line.as_bytes(), Durability::Cached))
        };
        if written(&self.first).is_err() {
            let _ = written(&self.second);
        }
    }

    /// Forgets it.
    pub(crate) fn remove(&self) -> io::Result<()> {
        file::remove(&self.first)?;
        file::remove(&self.second)
    }

    /// Forgets one that lies elsewhere than a new one does.
    pub(crate) fn remove_unless(&self, new: &Self) {
        for path in [&self.first, &self.second] {
            if *path != new.first {
                let _ = file::remove(path);
            }
        }
    }
}

/// What an anchor's file holds, true or not.
pub(crate) struct Content {
    pub(crate) path: PathBuf,
    text: String,
}

impl Content {
    /// The number of the record that it speaks of, true or not.
    pub(crate) fn claimed(&self) -> Option<u64> {
        self.text.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// The end of the chain at its time; `None` when this key did not write it, or a crash spoiled it.
    pub(crate) fn verified(&self, key: &AuditKey) -> Option<Head> {
        let mut words = self.text.split_ascii_whitespace();
        let (Some("1"), Some(seq), Some(link), Some(mac), None) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return None;
        };
        let head = Head { seq: seq.parse().ok()?, link: Link::try_from(unhex(link)?).ok()? };
        key.proves(&bound(&head), &unhex(mac)?).then_some(head)
    }
}

impl Head {
    /// Whether this is the link of the record that it speaks of.
    pub(super) fn is_of(&self, link: Option<&[u8]>) -> bool {
        link.is_some_and(|link| link == self.link)
    }
}

/// Whether the audit has the record that the anchor speaks of. Read the anchor first, the database then.
pub(crate) async fn is_kept(connection: &mut SqliteConnection, anchor: &Head) -> sqlx::Result<bool> {
    let found: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT link FROM audit WHERE seq = ?")
        .bind(anchor.seq.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(anchor.is_of(found.flatten().as_deref()))
}

/// The store is older than its anchor.
pub(crate) fn rolled_back(last: i64, anchor: Option<&Head>, path: &Path) -> Error {
    let missing = match anchor {
        Some(anchor) if u64::try_from(last).is_ok_and(|it| it < anchor.seq) => {
            format!("it ends at record {last}, and record {} was written", anchor.seq)
        }
        Some(anchor) => format!("its record {} is another one than was written", anchor.seq),
        None => "it has no key of its audit, and records were written".to_owned(),
    };
    error::damaged(format!("the store was rolled back: {missing}")).with_hint(format!(
        "take over a copy with `connector store restore FILE --force`; or, if you put an older store there \
         yourself, remove {}",
        path.display()
    ))
}

fn bound(head: &Head) -> Vec<u8> {
    seal::parts(&[b"connector-store audit anchor 1", &head.seq.to_be_bytes(), &head.link])
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|it| u8::try_from(it.to_digit(16)?).ok()).collect();
    let (pairs, []) = digits.as_deref()?.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig as Config, *};
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

    use super::*;

    /// C28: digits are digits, and nothing else is; a text of any length is answered.
    #[test]
    fn c28_any_text_is_digits_or_none() {
        let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        TestRunner::new_with_rng(config, rng)
            .run(&prop_oneof!["[0-9a-fA-F]{0,40}", "\\PC{0,20}"], |text| {
                let is_hex = text.len() % 2 == 0 && text.bytes().all(|it| it.is_ascii_hexdigit());
                let bytes = unhex(&text);
                prop_assert_eq!(bytes.is_some(), is_hex);
                let again = bytes.map(|it| seal::hex(&it));
                prop_assert!(again.is_none_or(|it| it == text.to_ascii_lowercase()));
                Ok(())
            })
            .expect("an answer, whatever it is");
        assert!(unhex(&"a".repeat(1 << 20)).is_some_and(|it| it.len() == 1 << 19));
    }
}
