//! What the resource types share: what is compared with the session, and what is handed on.

use connector_core::{Error, Expiry, Issued, Result};

use crate::credential::AwsCredential;
use crate::names::{AccountId, Partition, Region};
use crate::narrowing::check_partition;
use crate::session::Session;

/// Where a resource is, as far as its id says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stated<'a> {
    pub(super) partition: Option<Partition>,
    pub(super) region: Option<&'a Region>,
    pub(super) account: Option<&'a AccountId>,
}

impl Stated<'_> {
    /// Refuses a resource that is elsewhere than the session. An account that the session does not know is
    /// left to the provider's answer.
    pub(super) fn check(self, session: &Session) -> Result<()> {
        check_partition(self.partition, session.place.partition())?;
        if let Some(region) = self.region {
            same_region("the resource", region.as_str(), session)?;
        }
        match (self.account, session.account_id.as_deref()) {
            (Some(stated), Some(ours)) => same_account(stated.as_str(), ours),
            _ => Ok(()),
        }
    }
}

/// Refuses a resource of another region.
pub(super) fn same_region(what: &str, region: &str, session: &Session) -> Result<()> {
    let ours = session.place.region.as_str();
    elsewhere(what, region, ours)
}

/// Refuses a resource that its id puts into another region than the connector's.
pub(super) fn in_region(what: &str, region: &Region, ours: &str) -> Result<()> {
    check_partition(Some(region.partition()), Partition::of_region(ours))?;
    elsewhere(what, region.as_str(), ours)
}

fn elsewhere(what: &str, region: &str, ours: &str) -> Result<()> {
    if region == ours {
        return Ok(());
    }
    // What an answer says is shown only when it is a region at all.
    let (place, hint) = match Region::parse(region) {
        Ok(region) => (format!("in region {region}"), format!("use a connector with region={region}")),
        Err(_) => ("in another region".to_owned(), "use a connector for that region".to_owned()),
    };
    Err(Error::field("resource_id", format!("{what} is {place}, the connector is for {ours}"))
        .with_hint(hint))
}

/// Refuses a resource of another account.
pub(super) fn same_account(theirs: &str, ours: &str) -> Result<()> {
    if theirs == ours {
        return Ok(());
    }
    Err(Error::field(
        "resource_id",
        format!("the resource is of account {theirs}, the connector's is {ours}"),
    )
    .with_hint("use a connector of that account"))
}

/// Hands the session's keys on as they are. Their end is the session's, which is put in place of "never"
/// before they are released.
pub(super) fn pass_on(session: &Session) -> Issued<AwsCredential> {
    if session.long_lived {
        Issued::new(session.credential(), Expiry::Never("an access key does not end by itself".into()))
            .long_lived()
    } else {
        Issued::new(session.credential(), Expiry::Never("nobody said when these keys end".into()))
    }
}
