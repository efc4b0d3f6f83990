//! What the tests of resource types share: scripted answers, and a session.

use connector_core::{Call, Context, Response, Secret};

use crate::names::{EndpointUrl, Region};
use crate::session::{Keys, Place, Session};
use crate::testing::World;

/// A world that answers so, in order.
pub(crate) fn answering(answers: impl IntoIterator<Item = Response>) -> World {
    World::answering(answers)
}

/// One line for each request: method and URL.
pub(crate) fn sent(world: &World) -> Vec<String> {
    world.lines()
}

pub(crate) fn bodies(world: &World) -> Vec<String> {
    world.bodies()
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response::new(status, headers, body.as_bytes().to_vec())
}

/// A session in `eu-west-1` of account 123456789012, which it does not know.
pub(crate) fn session() -> Session {
    session_in("eu-west-1")
}

pub(crate) fn session_in(region: &str) -> Session {
    let keys = Keys {
        access_key_id: Secret::new("ASIAEXAMPLE"),
        secret_access_key: Secret::new("hunter2-key"),
        session_token: Some(Secret::new("hunter2-token")),
    };
    let place = Place {
        region: Region::parse(region).expect("a region"),
        endpoint_url: None,
        sts_endpoint_url: None,
        trust: None,
    };
    Session::new(keys, place)
}

/// The same session at an endpoint of its own.
pub(crate) fn session_at(endpoint: &str) -> Session {
    let mut session = session();
    session.place.endpoint_url = Some(EndpointUrl::parse(endpoint).expect("an endpoint"));
    session
}

pub(crate) fn call(cx: &Context) -> Call<'_> {
    Call::new(cx, None)
}
