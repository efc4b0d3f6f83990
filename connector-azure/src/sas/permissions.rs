//! What a signature allows to be done, as letters. The service takes them in one order alone, which differs with what
//! is signed for.

use std::fmt;

use connector_core::{Access, Error, Result};

/// What the letters are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A container and all that is in it.
    Container,
    /// One blob.
    Blob,
    /// A directory and all below it, where the account has a hierarchical namespace.
    Directory,
    /// A whole account.
    Account,
}

impl Kind {
    /// All letters that it takes, in their order.
    #[must_use]
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Container => "racwdxyltfmei",
            Self::Blob => "racwdxyltmei",
            Self::Directory => "racwdlmeop",
            Self::Account => "rwdxylacupfti",
        }
    }
}

/// Some letters of a [`Kind`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permissions {
    kind: Kind,
    /// One bit for each letter of the kind, the first of them lowest.
    bits: u16,
}

impl Permissions {
    /// Reads letters, in whatever order.
    ///
    /// # Errors
    /// Invalid input for none, for one that the kind does not take, and for one that stands twice.
    pub fn parse(kind: Kind, text: &str) -> Result<Self> {
        let mut bits = 0;
        for letter in text.chars() {
            let bit = bit(kind, letter).ok_or_else(|| {
                Error::invalid(format!("expected permissions of the letters {}", kind.letters()))
            })?;
            if bits & bit != 0 {
                return Err(Error::invalid("a permission stands twice"));
            }
            bits |= bit;
        }
        match bits {
            0 => Err(Error::invalid("expected one permission at least")),
            bits => Ok(Self { kind, bits }),
        }
    }

    /// What an access level needs of a container, a directory or a blob.
    ///
    /// Reading is `r` and `l`; writing adds making, changing, deleting and moving blobs; the rest is for administration:
    /// versions, tags, immutability, and owners and access lists where the namespace is hierarchical.
    #[must_use]
    pub fn of(kind: Kind, access: Access) -> Self {
        let letters = match access {
            Access::Read => "rl",
            Access::Write => "racwdlm",
            Access::Admin => kind.letters(),
        };
        let bits = letters.chars().filter_map(|letter| bit(kind, letter)).sum();
        Self { kind, bits }
    }

    /// What they are for.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Whether this letter is among them.
    #[must_use]
    pub fn contains(self, letter: char) -> bool {
        bit(self.kind, letter).is_some_and(|bit| self.bits & bit != 0)
    }
}

fn bit(kind: Kind, letter: char) -> Option<u16> {
    kind.letters().chars().position(|it| it == letter).map(|at| 1 << at)
}

/// The letters in the order that the service takes.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind
            .letters()
            .chars()
            .filter(|letter| self.contains(*letter))
            .try_for_each(|it| write!(f, "{it}"))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {self}", self.kind)
    }
}
