//! Resource types, the kind of credential that is issued for them, and the clients that come of it.

use connector_core::{
    Access, Builds, Call, Clients, Credential, EnvironmentForm, Error, Fields, Handle, Issued, Listing,
    Offers, Parsed, ResourceAbout, ResourceType, Result, Secret, Source, Tool, Wanted,
};

use super::{Acme, Policy, Session};

/// The kind.
#[derive(Debug)]
pub struct Keys {
    pub user: String,
    pub token: Secret,
}

impl Credential for Keys {
    const KIND: &'static str = "acme-keys";

    fn export(&self, out: &mut Fields) {
        out.public("user", self.user.as_str());
        out.secret("token", &self.token);
    }

    fn import(fields: &Fields) -> Result<Self> {
        Ok(Self { user: fields.text("user")?.to_owned(), token: fields.expect_secret("token")? })
    }

    fn clients() -> Clients<Source<Self>> {
        Clients::none().with::<Client>()
    }

    fn tools() -> &'static [Tool<Self>] {
        &[Tool { name: "acmectl", render: |issued| Ok(issued.credential.token.clone()) }]
    }

    fn environment(issued: &Issued<Self>) -> Result<EnvironmentForm> {
        Ok(EnvironmentForm::default()
            .set("ACME_TOKEN", issued.credential.token.clone())
            .set_if("ACME_USER", Some(&*issued.credential.user))
            .unset("ACME_PROFILE"))
    }
}

/// A native client of the kind.
#[derive(Clone, Debug)]
pub struct Client(pub Source<Keys>);

impl Builds<Client> for Keys {
    async fn build(source: Source<Self>) -> Result<Client> {
        Ok(Client(source))
    }
}

/// A native client that a bucket adds.
#[derive(Debug)]
pub struct BucketClient {
    pub name: String,
    pub source: Source<Keys>,
}

impl Offers<BucketClient> for Bucket {
    async fn offer(handle: Handle<Self>) -> Result<BucketClient> {
        Ok(BucketClient { name: handle.resource().0.clone(), source: handle.into_source() })
    }
}

/// `acme://NAME`, also `acme://NAME/PREFIX`; a name with `*` at its end has to be completed.
#[derive(Debug, PartialEq, Eq)]
pub struct Bucket(pub String);

impl ResourceType for Bucket {
    const ID: &'static str = "bucket";
    const ABOUT: ResourceAbout = ResourceAbout::new("Bucket", "Holds objects.")
        .forms(&[("acme://NAME", "canonical"), ("NAME*", "completed by a call")])
        .within("a prefix")
        .narrows("a session policy")
        .hands_on()
        .without(&[("passed", "its tokens do not reach buckets")]);
    type Connector = Acme;
    type Credential = Keys;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let is_word =
            |it: &str| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        let wrong = || Error::field("resource_id", "no bucket: expected acme://NAME or NAME*");
        if let Some(start) = text.strip_suffix('*').filter(|it| is_word(it)) {
            return Ok(Parsed::partial(start));
        }
        let rest = text.strip_prefix("acme://").filter(|it| is_word(it)).ok_or_else(wrong)?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.trim_matches('.').is_empty() {
            return Err(wrong());
        }
        Ok(Parsed::exact(Self(name.to_owned())).within(prefix))
    }

    fn id(&self) -> String {
        format!("acme://{}", self.0)
    }

    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        let ids = Self::list(session, cx).await?.ids;
        let fits: Vec<_> = ids.iter().filter(|id| id["acme://".len()..].starts_with(partial)).collect();
        match fits.as_slice() {
            [] => Err(Error::not_found(format!("no bucket begins with `{partial}`"))),
            [one] => Ok(Self(one["acme://".len()..].to_owned())),
            many => Err(Error::field("resource_id", format!("several buckets fit: {many:?}"))),
        }
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        match access {
            Access::Read => vec!["get"],
            Access::Write => vec!["get", "put"],
            Access::Admin => vec!["get", "put", "configure"],
        }
    }

    fn narrowing(&self, wanted: &Wanted) -> Result<Option<Policy>> {
        let part = wanted.within.as_deref().unwrap_or("*");
        Ok(Some(Policy(format!("{}:{}/{part}", wanted.access, self.0))))
    }

    async fn list(_: &Session, _: &Call<'_>) -> Result<Listing> {
        let ids = ["data", "data-old", "logs"].map(|name| format!("acme://{name}"));
        Ok(Listing::of(ids).with_failure("dark-side-1", Error::refused("not allowed to list")))
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<Keys>> {
        Ok(keys(session))
    }

    fn clients() -> Clients<Handle<Self>> {
        Clients::none().with::<BucketClient>()
    }
}

/// There is one, and nothing can be said about a part of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Database;

impl ResourceType for Database {
    const ID: &'static str = "database";
    const ABOUT: ResourceAbout =
        ResourceAbout::new("Database", "Holds rows.").single().hands_on().passes_to("acmectl");
    type Connector = Acme;
    type Credential = Keys;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        match text {
            "db" => Ok(Parsed::exact(Self)),
            _ => Err(Error::field("resource_id", "no database: expected db")),
        }
    }

    fn id(&self) -> String {
        "db".into()
    }

    async fn resolve(_: &str, _: &Session, _: &Call<'_>) -> Result<Self> {
        Ok(Self)
    }

    async fn issue(&self, _: &Wanted, session: &Session, _: &Call<'_>) -> Result<Issued<Keys>> {
        Ok(keys(session))
    }
}

fn keys(session: &Session) -> Issued<Keys> {
    let keys = Keys { user: "ada".into(), token: session.token.clone() };
    let issued = Issued::new(keys, session.ends.clone());
    if session.long_lived { issued.long_lived() } else { issued }
}
