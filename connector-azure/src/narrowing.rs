//! What resource types ask auth methods to narrow a session to: one service.

use crate::names::{Audience, Cloud, CosmosAccount};

/// Entra ID gives a token for one service each, so a session for one resource holds a token that is good nowhere else.
/// What narrows further, a signature for one container, is made from it by the resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing(To);

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Service(Audience),
    Cosmos(CosmosAccount),
}

impl Narrowing {
    /// Narrows to tokens for one service.
    #[must_use]
    pub fn to(audience: Audience) -> Self {
        Self(To::Service(audience))
    }

    /// Narrows to tokens for one account in Cosmos DB, in whichever cloud the connector is.
    #[must_use]
    pub fn to_cosmos(account: CosmosAccount) -> Self {
        Self(To::Cosmos(account))
    }

    /// The service, as it is called in this cloud.
    #[must_use]
    pub fn audience(&self, cloud: Cloud) -> Audience {
        match &self.0 {
            To::Service(audience) => audience.clone(),
            To::Cosmos(account) => Audience::cosmos(cloud, account.as_str()),
        }
    }
}
