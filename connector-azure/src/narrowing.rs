//! What resource types ask auth methods to narrow a session to: one service.

use crate::names::Audience;

/// Entra ID gives a token for one service each, so a session for one resource holds a token that is good nowhere else.
/// What narrows further, a signature for one container, is made from it by the resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing(Audience);

impl Narrowing {
    /// Narrows to tokens for one service.
    #[must_use]
    pub fn to(audience: Audience) -> Self {
        Self(audience)
    }

    /// The service.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.0
    }
}
