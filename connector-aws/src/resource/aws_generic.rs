//! `aws-generic`: everything that a connector may do, for programs that need more than one resource.

use connector_core::{
    Access, Call, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result, Wanted, in_id, not_an_id,
};

use super::common::{Stated, in_region, pass_on, same_account};
use crate::Aws;
use crate::credential::AwsCredential;
use crate::error;
use crate::names::{AccountId, Arn, Region};
use crate::session::Session;
use crate::whose_key::{self, Owner, ROOT_WARNING};

/// The whole account in one region, as far as the connector reaches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AwsGeneric {
    region: Region,
}

impl AwsGeneric {
    /// The region.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }
}

impl ResourceType for AwsGeneric {
    const ID: &'static str = "aws-generic";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "AWS account",
        "All that the connector's identity may do, in the connector's region. Programs that work with \
         several services take this; where one bucket, registry or secret is enough, its own resource type \
         gives less away.",
    )
    .single()
    .forms(&[
        ("REGION", "the connector's region, such as eu-west-1"),
        ("arn:PARTITION:iam::ACCOUNT:root", "the account, which is checked by a call"),
    ])
    .targets("whatever the connector's own permissions attach to; sts:GetCallerIdentity, which tells that the keys are good, needs none")
    .hands_on()
    .narrows("nothing: it is all that the connector may, and never more than its own session policy allows");
    type Connector = Aws;
    type Credential = AwsCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if !text.starts_with("arn:") {
            let region = in_id::<Self, _>(Region::parse(text))?;
            return Ok(Parsed::exact(Self { region }));
        }
        account_of(text).map(|_| Parsed::partial(text))
    }

    fn id(&self) -> String {
        self.region.to_string()
    }

    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if !partial.is_empty() {
            let (arn, account) = account_of(partial)?;
            Stated { partition: arn.partition(), ..Stated::default() }.check(session)?;
            let ours = match &session.account_id {
                Some(known) => known.clone(),
                None => caller(session, cx).await?.account,
            };
            same_account(account.as_str(), &ours)?;
        }
        Ok(Self { region: session.place.region.clone() })
    }

    fn permissions(_: Access) -> Vec<&'static str> {
        vec!["sts:GetCallerIdentity"]
    }

    fn only(scope: &str) -> Option<Self> {
        Region::parse(scope).ok().map(|region| Self { region })
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        in_region("the resource", &self.region, scope)
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    /// The one region, when the keys are good: `sts:GetCallerIdentity` needs no permission.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let caller = caller(session, cx).await?;
        let listing = Listing::of([session.place.region.to_string()]);
        Ok(match caller.owner {
            Some(Owner::Root) => listing.with_note(ROOT_WARNING),
            _ => listing,
        })
    }

    async fn reach(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        self.stated().check(session)?;
        caller(session, cx).await.map(|_| ())
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<AwsCredential>> {
        self.stated().check(session)?;
        Ok(pass_on(session))
    }
}

impl AwsGeneric {
    fn stated(&self) -> Stated<'_> {
        Stated { region: Some(&self.region), ..Stated::default() }
    }
}

/// The account that `arn:{partition}:iam::{account}:root` stands for.
fn account_of(text: &str) -> Result<(Arn, AccountId)> {
    let arn = in_id::<AwsGeneric, _>(Arn::parse(text))?;
    if arn.service() != "iam" || arn.resource() != "root" || !arn.region().is_empty() {
        return Err(not_an_id::<AwsGeneric>("the ARN is of something else than an account"));
    }
    let account = in_id::<AwsGeneric, _>(AccountId::parse(arn.account()))?;
    Ok((arn, account))
}

/// Who a session is.
struct Caller {
    account: String,
    /// Whose key the session stands for, where it stands for a whole key.
    owner: Option<Owner>,
}

/// Asks who the session is, and keeps whose key it was made of.
async fn caller(session: &Session, cx: &Call<'_>) -> Result<Caller> {
    let config = session.sdk_config(cx);
    let mut config = aws_sdk_sts::config::Builder::from(&config);
    config.set_endpoint_url(session.place.sts_endpoint().map(ToString::to_string));
    let answer = aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity().send().await;
    let answer = answer.map_err(|error| error::from_sdk(cx, "sts:GetCallerIdentity", error))?;
    let account = answer.account().and_then(|it| AccountId::parse(it).ok());
    let account = account.ok_or_else(|| error::incomplete("sts:GetCallerIdentity"))?.to_string();
    let owner = answer.arn().and_then(|arn| Arn::parse(arn).ok()).map(|arn| Owner::of(&arn));
    let owner = owner.filter(|_| session.made_of.is_some());
    if let (Some(key_id), Some(owner)) = (&session.made_of, owner) {
        whose_key::note(cx, key_id, owner).await;
    }
    Ok(Caller { account, owner })
}

#[cfg(test)]
#[path = "aws_generic_tests.rs"]
mod tests;
