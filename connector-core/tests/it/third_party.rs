//! The example of README.md, word for word, as another company's crate would hold it.
#![allow(unreachable_pub, missing_debug_implementations)] // It is shown as a crate of its own.

// --- from here on as in README.md
use std::time::Duration;

use connector_core::{
    AuthMethod, Authenticated, Builds, Call, Clients, ConnectorAbout, ConnectorType, Credential, Error,
    Fields, Identity, Issued, Life, MethodAbout, Parsed, Request, ResourceAbout, ResourceType, Result,
    Secret, Source, Wanted,
};

/// The credential kind: what leaves this process, and nothing else does.
pub struct Ticket(Secret);

impl Credential for Ticket {
    const KIND: &'static str = "forge-ticket";

    fn export(&self, out: &mut Fields) {
        out.secret("ticket", &self.0);
    }
    fn import(fields: &Fields) -> Result<Self> {
        fields.expect_secret("ticket").map(Self)
    }
    fn clients() -> Clients<Source<Self>> {
        Clients::none().with::<ForgeClient>()
    }
}

/// A native client. It holds a source, not a ticket, so it goes on when a ticket ends.
pub struct ForgeClient(Source<Ticket>);

impl Builds<ForgeClient> for Ticket {
    async fn build(source: Source<Self>) -> Result<ForgeClient> {
        Ok(ForgeClient(source))
    }
}

/// The connector type.
pub struct Forge;

impl ConnectorType for Forge {
    const ID: &'static str = "forge";
    const ABOUT: ConnectorAbout = ConnectorAbout::new("Forge", "Keeps repositories.");
    type Session = Secret;
    type Narrowing = ();
}

/// An auth method: its config is the method, and these comments are its reference page.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonalKey {
    /// The key, from the user's settings page.
    key: Secret,
}

const LIFE: Duration = Duration::from_secs(3600);

impl AuthMethod for PersonalKey {
    const ID: &'static str = "personal-key";
    const ABOUT: MethodAbout =
        MethodAbout::new("Personal key", "Swaps a key for tickets.", Life::Long, Identity::User).temporary();
    type Connector = Forge;

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Secret>> {
        let request = Request::new("POST", "https://forge.example/tickets").with_body(self.key.expose());
        match cx.send(request).await? {
            answer if answer.is_success() => {
                let ticket = String::from_utf8_lossy(answer.body()).into_owned();
                Ok(Authenticated::new(ticket.into(), cx.expires_in(LIFE)))
            }
            answer => Err(Error::refused(format!("forge answered {} to POST /tickets", answer.status()))),
        }
    }
}

/// A resource type: the parsed id is the resource.
pub struct Repository(String);

impl ResourceType for Repository {
    const ID: &'static str = "repository";
    const ABOUT: ResourceAbout = ResourceAbout::new("Repository", "Holds code.");
    type Connector = Forge;
    type Credential = Ticket;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        let is_name = |it: &&str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let name = text.strip_prefix("forge://").filter(is_name);
        let name = name.ok_or_else(|| Error::field("resource_id", "expected forge://NAME"))?;
        Ok(Parsed::exact(Self(name.to_owned())))
    }
    fn id(&self) -> String {
        format!("forge://{}", self.0)
    }
    async fn issue(&self, _: &Wanted, session: &Secret, cx: &Call<'_>) -> Result<Issued<Ticket>> {
        // What is left of the session cuts this.
        Ok(Issued::new(Ticket(session.clone()), cx.expires_in(LIFE)))
    }
}

connector_core::register!(connector Forge, method PersonalKey, resource Repository);
// --- up to here

#[test]
fn the_readme_shows_a_complete_connector_in_75_lines() {
    let ours = include_str!("third_party.rs");
    let begin = ours.find("use std::").expect("the first line");
    let end = ours.find("// --- up to here").expect("the mark");
    let example = &ours[begin..end];
    assert!(include_str!("../../README.md").contains(example), "README.md shows something else");
    let code = example.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    assert!(code.count() <= 75);
}

#[tokio::test]
async fn its_client_goes_on_when_the_ticket_ends() -> Result<()> {
    use connector_core::{Context, Grant, VirtualClock};

    let (clock, cloud) = (VirtualClock::default(), crate::acme::Cloud::default());
    let cx = Context::detached(clock.clone()).with_http(cloud.clone());
    let registry = connector_core::Registry::of(REGISTRATIONS)?;
    let config = crate::acme::json(serde_json::json!({ "key": crate::acme::CANARY }));
    let document = connector_core::Document::draft("ours", "forge", "personal-key", config.clone());
    let forge = registry.open(&document, config)?;
    let client: ForgeClient =
        forge.resource(&cx, Grant::new("repository", "forge://compiler")).await?.client().await?;
    let first = client.0.issue().await?;
    clock.advance(LIFE);
    let second = client.0.issue().await?;
    assert_ne!(first.credential.0.expose(), second.credential.0.expose());
    assert_eq!(cloud.calls().len(), 2);
    Ok(())
}
