//! Files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Files, read only. What connectors write for themselves goes through [`Kept`](super::Kept).
pub trait Files: Send + Sync {
    /// Reads a whole file of at most 1 MiB.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when it does not exist; names the path, shows no content.
    fn read(&self, path: &Path) -> Result<Vec<u8>>;
}

/// A fixed set of files, for tests.
impl Files for HashMap<PathBuf, Vec<u8>> {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        self.get(path).cloned().ok_or_else(|| Error::not_found(format!("no file {}", path.display())))
    }
}
