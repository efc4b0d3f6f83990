//! The plain files of the store, which a helper reads before anything else.

use std::time::{Duration, SystemTime};

use connector_core::{Document, Secret};
use connector_store::{Cache, Dependency, Digest, Entry, Lookup, fast};

use crate::CANARY;

/// A character that chooses the file (the index, an entry, the key of all entries), and whether the rest is all of its
/// content or what a good one that was cut goes on with.
pub fn store(input: &[u8]) {
    let Some((choice, content)) = input.split_first() else { return };
    let place = Place::new();
    place.fill();
    let files = place.files();
    let Some(path) = files.get(usize::from(choice.wrapping_sub(b'0')) % 6 / 2) else { return };
    let before = fast::lookup(place.directory.path(), NAME, &target(), now());
    assert!(matches!(before, Lookup::Hit(_)), "what was put there is found: {before:?}");
    let good = std::fs::read(path).expect("it was written");
    let spoiled = match choice % 2 {
        0 => content.to_vec(),
        // Where it is cut is a matter of the input, too.
        _ => {
            let cut = content.first().map_or(0, |it| usize::from(*it) * good.len() / 256);
            [&good[..cut], content].concat()
        }
    };
    std::fs::write(path, &spoiled).expect("written");
    let answered = [
        fast::lookup(place.directory.path(), NAME, &target(), now()),
        place.cache().get(&entry(), &[dependency()], now()),
    ];
    for answer in answered {
        if let Lookup::Hit(found) | Lookup::Stale(found) = answer {
            assert_eq!(found.body.expose(), CANARY, "another body is believed");
        }
    }
    // What is damaged is replaced.
    let _ = place.cache().put(&entry(), &[dependency()], &body(), now());
}

const NAME: &str = "ours";

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    fn cache(&self) -> Cache {
        Cache::new(self.directory.path())
    }

    /// A cache with one entry. The index is written as the store writes it.
    fn fill(&self) {
        let index = format!(
            r#"{{"format":1,"name":"{NAME}","id":"id","version":1,"enabled":true,"expires_at":null,"targets":{{"{}":"{}"}}}}"#,
            target(),
            entry()
        );
        let directory = self.directory.path().join("cache/index");
        std::fs::create_dir_all(&directory).expect("made");
        std::fs::write(directory.join(INDEX), index).expect("written");
        self.cache().put(&entry(), &[dependency()], &body(), now()).expect("written");
    }

    fn files(&self) -> [std::path::PathBuf; 3] {
        let cache = self.directory.path().join("cache");
        let entry = entry();
        [cache.join("index").join(INDEX), cache.join("entries").join(entry.as_str()), cache.join("key")]
    }
}

/// The name of the index file: the beginning of the SHA-256 of the connector's name.
const INDEX: &str = "ae0bec9e9d33c56354bd612c8a601084";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

fn dependency() -> Dependency {
    let mut document = Document::draft(NAME, "aws", "secret-key", serde_json::Map::new());
    document.id = "id".to_owned();
    document.version = 1;
    Dependency::from(&document)
}

fn target() -> Digest {
    Digest::of(["target"])
}

fn entry() -> Digest {
    Digest::of(["entry"])
}

fn body() -> Entry {
    Entry {
        body: Secret::new(CANARY),
        origin: entry(),
        born: now(),
        wait_at: now() + Duration::from_secs(540),
        refresh_at: now() + Duration::from_secs(60),
        expires_at: now() + Duration::from_secs(600),
    }
}
