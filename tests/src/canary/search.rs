//! One pass over everything for all canaries in all their encodings: what is left behind is large, and so is what is
//! watched for.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fmt, fs};

use aho_corasick::AhoCorasick;

use super::{CODE, Canary, Sighting};

/// A search for many canaries at once.
pub struct Search<'a> {
    canaries: &'a [Canary],
    automaton: AhoCorasick,
    /// Canary and needle of each pattern.
    patterns: Vec<(usize, usize)>,
}

impl<'a> Search<'a> {
    /// A search for these.
    ///
    /// # Panics
    /// When there are more than an automaton can hold.
    pub fn new(canaries: &'a [Canary]) -> Self {
        let patterns: Vec<_> = canaries
            .iter()
            .enumerate()
            .flat_map(|(at, canary)| (0..canary.needles.len()).map(move |needle| (at, needle)))
            .collect();
        let needles = patterns.iter().map(|(at, needle)| &canaries[*at].needles[*needle].1);
        let automaton = AhoCorasick::new(needles).expect("there are thousands at most");
        Self { canaries, automaton, patterns }
    }

    /// Every canary in every encoding that stands in `bytes`, in the order of the canaries.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> Vec<Sighting> {
        let mut seen = BTreeSet::new();
        for found in self.automaton.find_overlapping_iter(bytes) {
            let (at, needle) = self.patterns[found.pattern().as_usize()];
            let encoding = self.canaries[at].needles[needle].0;
            if encoding != CODE || stands_alone(bytes, found.range()) {
                seen.insert((at, encoding));
            }
        }
        let sighting = |(at, encoding): (usize, &'static str)| Sighting {
            canary: self.canaries[at].name.clone(),
            number: at,
            encoding,
            place: place.to_owned(),
        };
        seen.into_iter().map(sighting).collect()
    }

    /// Searches a file, or a folder with all below it: the names of files as well as their content. Symbolic
    /// links are not followed. What vanishes during the search is passed over.
    pub fn tree(&self, root: &Path) -> Vec<Sighting> {
        let place = root.display().to_string();
        let mut sightings = match root.file_name() {
            Some(name) => self.bytes(&format!("{place} (its name)"), name.as_encoded_bytes()),
            None => Vec::new(),
        };
        let kind = fs::symlink_metadata(root).map(|data| data.file_type());
        if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
            for entry in fs::read_dir(root).into_iter().flatten().flatten() {
                sightings.extend(self.tree(&entry.path()));
            }
        } else if kind.is_ok_and(|kind| kind.is_file()) {
            sightings.extend(self.bytes(&place, &fs::read(root).unwrap_or_default()));
        }
        sightings
    }
}

/// Only the names: a search may be printed.
impl fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("canaries", &self.canaries).finish_non_exhaustive()
    }
}

/// Whether neither letter nor digit is beside it.
fn stands_alone(bytes: &[u8], found: std::ops::Range<usize>) -> bool {
    let beside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = found.start.checked_sub(1).and_then(|at| bytes.get(at));
    !beside(before) && !beside(bytes.get(found.end))
}
