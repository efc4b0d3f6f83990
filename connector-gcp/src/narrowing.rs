//! What resource types ask auth methods to narrow a session to: an access boundary.

use crate::boundary::Boundary;

/// One bucket, or a part of it, and how much may be done with it. Methods exchange their token for one that keeps to
/// [`Narrowing::boundary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing(Boundary);

impl Narrowing {
    /// Narrows to a boundary.
    #[must_use]
    pub fn new(boundary: Boundary) -> Self {
        Self(boundary)
    }

    /// What is sent.
    #[must_use]
    pub fn boundary(&self) -> &Boundary {
        &self.0
    }
}
