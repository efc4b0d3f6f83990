//! `secret`: a secret of Secrets Manager.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use connector_core::{
    Access, Call, Clients, Error, ErrorKind, Handle, Issued, Listing, Pages, Parsed, ResourceAbout,
    ResourceType, Result, SecretReader, Wanted, Withheld, candidates, in_id, not_an_id,
};

use super::common::{Stated, in_region, pass_on};
use crate::Aws;
use crate::credential::AwsCredential;
use crate::error;
use crate::names::{AccountId, Arn, Region, SecretName};
use crate::narrowing::Narrowing;
use crate::policy::{Kind, Target, permissions};
use crate::session::Session;

mod reader;

/// A secret, by its full ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredSecret {
    arn: Arn,
    region: Region,
}

impl StoredSecret {
    /// The full ARN, with the six characters behind the name.
    #[must_use]
    pub fn arn(&self) -> &Arn {
        &self.arn
    }

    /// The name, without the six characters that Secrets Manager put behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.arn.resource_of("secret").unwrap_or_default();
        split_suffix(name).map_or(name, |(name, _)| name)
    }
}

impl ResourceType for StoredSecret {
    const ID: &'static str = "secret";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "Secrets Manager secret",
        "A secret in AWS Secrets Manager, in the connector's region. The credential reads (or writes) the \
         secret; `connector read-secret` prints its value.",
    )
    .forms(&[
        (
            "arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX",
            "the canonical form, its full ARN with the six characters behind the name",
        ),
        ("NAME", "its name, or an ARN without the six characters; completed by a call"),
        ("PREFIX/", "the beginning of its name; completed by a call when only one secret begins so"),
    ])
    .targets("the secret's full ARN; secretsmanager:ListSecrets attaches to * and is for listing alone: no narrowed credential carries it")
    .hands_on()
    .narrows("a session policy that names the secret, with iam-role, federation-token, web-identity, and implicit with a role");
    type Connector = Aws;
    type Credential = AwsCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if !text.starts_with("arn:") {
            in_id::<Self, _>(SecretName::parse(text))?;
            return Ok(Parsed::partial(text));
        }
        let secret = read_arn(text)?;
        let name = secret.arn.resource_of("secret").unwrap_or_default();
        // A name may itself end like that. Then the ARN without its six characters cannot be told from a
        // full one; Secrets Manager cannot tell them apart either, and warns of such names.
        Ok(if split_suffix(name).is_some() { Parsed::exact(secret) } else { Parsed::partial(text) })
    }

    fn id(&self) -> String {
        self.arn.to_string()
    }

    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`secret` needs the name or the ARN of a secret"));
        }
        if partial.starts_with("arn:") {
            read_arn(partial)?.stated().check(session)?;
        } else if partial.ends_with('/') {
            return only_one(partial, names_with(partial, session, cx).await?);
        }
        match describe(partial, session, cx).await {
            Err(error) if error.kind() == ErrorKind::NotFound && !partial.starts_with("arn:") => {
                // Listing may not be allowed: then there is nothing to suggest.
                let found = names_with(partial, session, cx).await.unwrap_or_default();
                Err(if found.is_empty() {
                    error
                } else {
                    error.or_hint(format!("secrets that begin so: {}", candidates(&found)))
                })
            }
            result => result,
        }
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        permissions(Kind::Secret, access)
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        in_region("the secret", &self.region, scope)
    }

    fn carried(&self, wanted: &Wanted) -> Vec<&'static str> {
        Target::Secret(self.arn.clone()).carries(wanted.access)
    }

    fn withheld(&self, wanted: &Wanted) -> Vec<Withheld> {
        Target::Secret(self.arn.clone()).withheld(wanted.access)
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Narrowing>> {
        if wanted.within.is_some() {
            return Err(Error::field("within", "a secret has no parts to ask for"));
        }
        let narrowing = Narrowing::new(Target::Secret(self.arn.clone()), wanted.access);
        Ok(Some(narrowing.stated(self.arn.partition())))
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        Ok(Listing::of(arns(None, session, cx).await?.into_iter().map(|(arn, _)| arn)))
    }

    /// One call, `secretsmanager:DescribeSecret`.
    async fn reach(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        self.stated().check(session)?;
        describe(self.arn.as_str(), session, cx).await.map(|_| ())
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<AwsCredential>> {
        self.stated().check(session)?;
        Ok(pass_on(session))
    }

    fn clients() -> Clients<Handle<Self>> {
        Clients::none().with::<Client>().with::<SecretReader>()
    }
}

impl StoredSecret {
    /// A secret of another account may have a policy that lets the connector in, so only its place counts.
    fn stated(&self) -> Stated<'_> {
        Stated { partition: self.arn.partition(), region: Some(&self.region), account: None }
    }
}

const DESCRIBE: &str = "secretsmanager:DescribeSecret";

async fn describe(id: &str, session: &Session, cx: &Call<'_>) -> Result<StoredSecret> {
    let client = Client::new(&session.sdk_config(cx));
    let answer = client.describe_secret().secret_id(id).send().await;
    let answer = answer.map_err(|error| {
        let region = &session.place.region;
        error::from_sdk(cx, DESCRIBE, error).context(format!("secret `{id}` in {region} is not reached"))
    })?;
    let arn = answer.arn().ok_or_else(|| error::incomplete(DESCRIBE))?;
    read_arn(arn).map_err(|_| error::incomplete(DESCRIBE))
}

/// ARNs and names of all secrets, or of those whose names begin with a prefix.
async fn arns(prefix: Option<&str>, session: &Session, cx: &Call<'_>) -> Result<Vec<(String, String)>> {
    let client = Client::new(&session.sdk_config(cx));
    let filter = prefix.map(|it| vec![Filter::builder().key(FilterNameStringType::Name).values(it).build()]);
    let mut pages = client.list_secrets().set_filters(filter).into_paginator().page_size(100).send();
    let mut found = Vec::new();
    let mut followed = Pages::default();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| error::from_sdk(cx, "secretsmanager:ListSecrets", error))?;
        followed.one_more("secretsmanager:ListSecrets", found.len())?;
        let entries = page.secret_list().iter().filter_map(|it| Some((it.arn()?, it.name()?)));
        let wanted = entries.filter(|(_, name)| prefix.is_none_or(|prefix| name.starts_with(prefix)));
        let good = wanted.filter_map(|(arn, name)| Some((read_arn(arn).ok()?.id(), name.to_owned())));
        found.extend(good);
    }
    Ok(found)
}

/// The ARNs of the secrets whose names begin with `prefix`.
async fn names_with(prefix: &str, session: &Session, cx: &Call<'_>) -> Result<Vec<String>> {
    Ok(arns(Some(prefix), session, cx).await?.into_iter().map(|(arn, _)| arn).collect())
}

fn only_one(prefix: &str, mut found: Vec<String>) -> Result<StoredSecret> {
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Error::not_found(format!("no secret's name begins with `{prefix}`"))),
        (Some(one), true) => read_arn(&one),
        (Some(last), false) => {
            found.push(last);
            found.sort();
            Err(Error::field("resource_id", format!("{} secrets begin with `{prefix}`", found.len()))
                .with_hint(format!("name one of: {}", candidates(&found))))
        }
    }
}

/// `arn:{partition}:secretsmanager:{region}:{account}:secret:{name}`, with or without the six characters.
fn read_arn(text: &str) -> Result<StoredSecret> {
    let wrong = |why| Err(not_an_id::<StoredSecret>(why));
    let arn = in_id::<StoredSecret, _>(Arn::parse(text))?;
    let Some(name) = arn.resource().strip_prefix("secret:").filter(|_| arn.service() == "secretsmanager")
    else {
        return wrong("the ARN is of something else than a secret");
    };
    in_id::<StoredSecret, _>(SecretName::parse(split_suffix(name).map_or(name, |(name, _)| name)))?;
    let region = in_id::<StoredSecret, _>(Region::parse(arn.region()))?;
    in_id::<StoredSecret, _>(AccountId::parse(arn.account()))?;
    if arn.partition() != Some(region.partition()) {
        return wrong("the ARN's region is not of its partition");
    }
    Ok(StoredSecret { arn, region })
}

/// `{name}-{six letters or digits}`.
fn split_suffix(name: &str) -> Option<(&str, &str)> {
    let (before, suffix) = name.rsplit_once('-')?;
    let good = suffix.len() == 6 && suffix.bytes().all(|it| it.is_ascii_alphanumeric());
    (good && !before.is_empty()).then_some((before, suffix))
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
