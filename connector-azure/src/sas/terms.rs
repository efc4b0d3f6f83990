//! What is signed for: where, what, until when.

use std::time::SystemTime;

use connector_core::{Error, KeyPrefix, Result, format_time};

use super::permissions::{Kind, Permissions};
use crate::names::{ContainerName, StorageAccount};

/// The version of the form of a signature, which decides what is signed, and by which rules the service works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// The one that is made here. Every cloud, and Azurite, knows it; what came later signs more fields, and has
    /// nothing that is asked for.
    #[default]
    V2025_01_05,
    /// What Microsoft's newest library makes; here to be compared with it.
    V2026_10_06,
}

impl Version {
    /// As it stands in `sv`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_01_05 => "2025-01-05",
            Self::V2026_10_06 => "2026-10-06",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::V2025_01_05, Self::V2026_10_06].into_iter().find(|it| it.as_str() == text)
    }

    /// Whether a delegated one signs the person that it may be bound to, and headers and queries.
    pub(super) const fn signs_more(self) -> bool {
        matches!(self, Self::V2026_10_06)
    }
}

/// How the service may be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Over TLS alone.
    #[default]
    Https,
    /// In clear as well, for an emulator on this machine.
    HttpsAndHttp,
}

impl Protocol {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::HttpsAndHttp => "https,http",
        }
    }
}

/// What of a container is signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// A directory, and all below it.
    Directory(Path),
    /// One blob.
    Blob(Path),
}

/// A path within a container that has no control character, so that it ends no line of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Part {
    /// The directory of that name; a slash at its end changes nothing.
    ///
    /// # Errors
    /// Invalid input for a path with nothing between two slashes, which no hierarchical namespace has.
    pub fn directory(path: &KeyPrefix) -> Result<Self> {
        let path = path.as_str().strip_suffix('/').unwrap_or(path.as_str());
        if path.split('/').any(str::is_empty) {
            return Err(Error::field("within", "no directory: there is nothing between two slashes"));
        }
        Ok(Self::Directory(Path(path.to_owned())))
    }

    /// The blob of that name.
    ///
    /// # Errors
    /// Invalid input for a path with a slash at its end.
    pub fn blob(path: &KeyPrefix) -> Result<Self> {
        match path.object() {
            Some(path) => Ok(Self::Blob(Path(path.to_owned()))),
            None => Err(Error::field("within", "no blob: it ends with a slash")),
        }
    }

    /// Which letters are for it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Whole => Kind::Container,
            Self::Directory(_) => Kind::Directory,
            Self::Blob(_) => Kind::Blob,
        }
    }

    /// As it stands in `sr`.
    pub(super) const fn resource(&self) -> &'static str {
        match self {
            Self::Whole => "c",
            Self::Directory(_) => "d",
            Self::Blob(_) => "b",
        }
    }

    /// How deep a directory lies, as it stands in `sdd`; that alone says how much of a request's path is signed.
    pub(super) fn depth(&self) -> Option<usize> {
        match self {
            Self::Directory(Path(path)) => Some(path.split('/').count()),
            Self::Whole | Self::Blob(_) => None,
        }
    }

    fn path(&self) -> Option<&str> {
        match self {
            Self::Whole => None,
            Self::Directory(Path(path)) | Self::Blob(Path(path)) => Some(path),
        }
    }
}

/// What a signature for a container, or for a part of it, says.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// The account.
    pub account: &'a StorageAccount,
    /// The container.
    pub container: &'a ContainerName,
    /// What of it.
    pub part: Part,
    /// What may be done.
    pub permissions: Permissions,
    /// From when on; from when the service is asked where this is left out, which bears any clock.
    pub start: Option<SystemTime>,
    /// Until when, in whole seconds.
    pub end: SystemTime,
    /// How the service may be asked.
    pub protocol: Protocol,
    /// In which form.
    pub version: Version,
}

impl Terms<'_> {
    /// What is signed for, in the words of the string to sign. It is not encoded there.
    pub(super) fn resource(&self) -> String {
        let path = self.part.path().map(|path| format!("/{path}")).unwrap_or_default();
        format!("/blob/{}/{}{path}", self.account, self.container)
    }

    /// Names and values of the query that every kind of signature has, in the order of Microsoft's library.
    ///
    /// # Errors
    /// Invalid input for permissions that are not for this part.
    pub(super) fn pairs(&self) -> Result<Vec<(&'static str, String)>> {
        if self.permissions.kind() != self.part.kind() {
            return Err(Error::invalid("the permissions are for another kind of thing than is signed for"));
        }
        let mut pairs = Vec::new();
        if let Some(start) = self.start {
            pairs.push(("st", format_time(start)));
        }
        pairs.push(("se", format_time(self.end)));
        pairs.push(("sp", self.permissions.to_string()));
        pairs.push(("spr", self.protocol.as_str().to_owned()));
        pairs.push(("sv", self.version.as_str().to_owned()));
        pairs.push(("sr", self.part.resource().to_owned()));
        if let Some(depth) = self.part.depth() {
            pairs.push(("sdd", depth.to_string()));
        }
        Ok(pairs)
    }
}
