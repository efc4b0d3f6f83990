//! Names, and who may bring them.

use connector_core::{
    AuthMethod, Authenticated, Call, ConnectorAbout, ConnectorType, Credential, Document, ErrorKind, Expiry,
    Fields, Grant, Identity, Life, MethodAbout, Registration, Registry, Result,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::acme::{self, Acme, CANARY, Policy, Session, World, json, shown};
use crate::third_party;

/// A method of another company for somebody else's connector type, and at the same time a kind.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Robot {
    /// Its token.
    token: connector_core::Secret,
}

impl AuthMethod for Robot {
    const ID: &'static str = "robot";
    const ABOUT: MethodAbout = MethodAbout::new("Robot", "A robot's token.", Life::Short, Identity::Workload);
    type Connector = Acme;

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Policy>) -> Result<Authenticated<Session>> {
        let ends = cx.expires_in(std::time::Duration::from_secs(600));
        let session = Session { token: self.token.clone(), ends: ends.clone(), long_lived: false };
        Ok(Authenticated::new(session, ends))
    }
}

impl Credential for Robot {
    const KIND: &'static str = "robot";

    fn export(&self, out: &mut Fields) {
        out.secret("token", &self.token);
    }

    fn import(fields: &Fields) -> Result<Self> {
        Ok(Self { token: fields.expect_secret("token")? })
    }
}

/// Another implementation under an id that is taken.
macro_rules! impostor {
    ($name:ident, $connector:ty, $id:literal) => {
        #[derive(Deserialize, JsonSchema)]
        struct $name {}

        impl AuthMethod for $name {
            const ID: &'static str = $id;
            const ABOUT: MethodAbout = MethodAbout::new("", "", Life::None, Identity::User);
            type Connector = $connector;

            async fn authenticate(
                &self,
                _: &Call<'_>,
                _: Option<&<$connector as ConnectorType>::Narrowing>,
            ) -> Result<Authenticated<<$connector as ConnectorType>::Session>> {
                Err(connector_core::Error::refused("an impostor"))
            }
        }
    };
}

impostor!(SecondRole, Acme, "role");
impostor!(RoleOfForge, third_party::Forge, "role");

struct SecondAcme;

impl ConnectorType for SecondAcme {
    const ID: &'static str = "acme";
    const ABOUT: ConnectorAbout = ConnectorAbout::new("", "");
    type Session = ();
    type Narrowing = ();
}

fn of<'a>(more: impl IntoIterator<Item = &'a [Registration]>) -> Result<Registry> {
    Registry::of(acme::REGISTRATIONS.iter().chain(more.into_iter().flatten()))
}

#[test]
fn everything_that_is_linked_is_found() -> Result<()> {
    let registry = Registry::linked()?;
    assert_eq!(registry.connector_types().collect::<Vec<_>>(), ["acme", "forge"]);
    assert_eq!(registry.kinds().collect::<Vec<_>>(), ["acme-keys", "forge-ticket"]);
    assert_eq!(registry.resource_types("acme")?, ["bucket", "database"]);
    Ok(())
}

#[test]
fn the_same_descriptor_twice_is_one() -> Result<()> {
    let twice = of([acme::REGISTRATIONS, third_party::REGISTRATIONS])?;
    let methods: Vec<_> = twice.overview().flat_map(|it| it.auth_methods).collect();
    assert_eq!(methods, ["ambient", "key", "login", "passed", "role", "personal-key"]);
    Ok(())
}

#[test]
fn two_different_things_under_one_id_are_refused_by_their_type_names() {
    for (one, text) in [
        (Registration::method::<SecondRole>(), "auth method `role` of `acme` is registered twice"),
        (Registration::connector::<SecondAcme>(), "connector type `acme` of `acme` is registered twice"),
    ] {
        let error = of([[one].as_slice()]).expect_err("it is taken");
        assert!(error.message().starts_with(text), "{error}");
        assert!(error.message().contains("::Second"), "{error}");
    }
}

#[test]
fn ids_are_taken_per_connector_type() -> Result<()> {
    let role = [Registration::method::<RoleOfForge>()];
    let registry = of([third_party::REGISTRATIONS, role.as_slice()])?;
    assert!(
        registry.describe_method("acme", "role").is_ok() && registry.describe_method("forge", "role").is_ok()
    );
    Ok(())
}

#[test]
fn a_method_without_its_connector_type_is_refused() {
    let error = Registry::of(&[Registration::method::<Robot>()]).expect_err("nobody owns it");
    assert!(error.message().contains("belongs to connector type `acme`, which is not registered"), "{error}");
}

#[tokio::test]
async fn another_company_adds_a_method_to_a_type_and_one_rust_type_may_be_two_things() -> Result<()> {
    let robot = [Registration::method::<Robot>(), Registration::credential::<Robot>()];
    let registry = of([robot.as_slice()])?;
    assert!(registry.kinds().any(|kind| kind == "robot"));
    let config = json(json!({ "token": CANARY }));
    let document = Document::draft("ours", "acme", "robot", config.clone());
    let world = World::default();
    let handle =
        registry.open(&document, config)?.resource(&world.cx, Grant::new("bucket", "acme://data")).await?;
    assert!(matches!(handle.envelope().await?.expiry, Expiry::At(_)));
    Ok(())
}

#[test]
fn s54_what_is_unknown_lists_what_is_compiled_in_and_names_the_feature() -> Result<()> {
    let registry = of([third_party::REGISTRATIONS])?
        .with_absent([("gcp", "build with feature `gcp`"), ("acme", "never said: it is there")]);
    let error = registry.describe("gcp").expect_err("it is absent");
    assert_eq!(error.message(), "type: unknown connector type `gcp`; compiled in: acme forge");
    assert_eq!(error.hint(), Some("build with feature `gcp`"));
    assert_eq!(registry.absent().collect::<Vec<_>>(), [("gcp", "build with feature `gcp`")]);
    for (error, text) in [
        (
            registry.describe("nimbus").map(drop),
            "type: unknown connector type `nimbus`; compiled in: acme forge",
        ),
        (
            registry.schema("acme", "rol").map(drop),
            "method: `acme` has no auth method `rol`; possible: ambient key",
        ),
        (
            registry.parse("acme", "table", "x").map(drop),
            "resource_type: `acme` has no resource type `table`; possible: bucket database",
        ),
    ] {
        let error = error.expect_err("it is unknown");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(shown(&error).starts_with(text), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn an_open_connector_says_what_it_has() -> Result<()> {
    let world = World::default();
    let connector = world.open(&Document::draft("it", "acme", "login", json(json!({"key": "{{.key}}"}))))?;
    let error = connector.resource(&world.cx, Grant::new("table", "x")).await.expect_err("there is none");
    assert!(error.message().ends_with("possible: bucket database"), "{error}");
    let error = connector.resource(&world.cx, Grant::from("acme://data")).await.expect_err("of which type?");
    assert_eq!(error.field_problems()[0].field, "resource_type");
    let error = connector.typed::<third_party::Forge>(&world.cx).expect_err("it is another type");
    assert_eq!(error.message(), "the connector is of type `acme`, not `forge`");
    Ok(())
}
