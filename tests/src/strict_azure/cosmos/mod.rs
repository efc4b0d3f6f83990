//! Cosmos DB: accounts with their databases, containers and items, by the account's keys or by tokens.

mod access;
mod item;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::arm::Place;
use super::state::State;
use crate::clock::http_date;
use crate::loopback::{Answer, Call, decoded};
use crate::random;

use access::Op;

/// An account.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) place: Place,
    pub(super) tenant: String,
    /// Two that may write.
    pub(super) keys: [String; 2],
    /// Two that may not.
    pub(super) readonly_keys: [String; 2],
    pub(super) refuses_keys: bool,
    pub(super) databases: BTreeMap<String, BTreeMap<String, Container>>,
}

/// A container.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    /// The path of what items are divided by: `/id`.
    partition: String,
    /// By partition and id.
    items: BTreeMap<(String, String), Value>,
}

impl Container {
    pub(super) fn divided_by(partition: &str) -> Self {
        Self { partition: partition.to_owned(), items: BTreeMap::new() }
    }
}

impl Account {
    pub(super) fn new(place: Place, tenant: &str) -> Self {
        let key = || STANDARD.encode(random::token(64));
        Self {
            place,
            tenant: tenant.to_owned(),
            keys: [key(), key()],
            readonly_keys: [key(), key()],
            ..Self::default()
        }
    }

    /// The address by which the world knows it.
    pub(super) fn endpoint(&self) -> String {
        format!("https://{}.documents.azure.com:443/", self.place.name)
    }

    /// As the resource manager tells it.
    pub(super) fn shown(&self) -> Value {
        let location = json!([{
            "id": format!("{}-{}", self.place.name, self.place.location), "locationName": "West Europe",
            "documentEndpoint": self.endpoint(), "provisioningState": "Succeeded", "failoverPriority": 0,
        }]);
        json!({
            "kind": "GlobalDocumentDB",
            "properties": {
                "provisioningState": "Succeeded", "documentEndpoint": self.endpoint(),
                "databaseAccountOfferType": "Standard", "disableLocalAuth": self.refuses_keys,
                "disableKeyBasedMetadataWriteAccess": false, "locations": location, "writeLocations": location,
                "readLocations": location,
            },
        })
    }
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CosmosError {
    status: u16,
    code: &'static str,
    message: String,
}

impl CosmosError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn missing() -> Self {
        Self::new(404, "NotFound", "Entity with the specified id does not exist in the system.")
    }

    fn conflict() -> Self {
        Self::new(409, "Conflict", "Entity with the specified id already exists in the system.")
    }

    fn as_answer(&self) -> Answer {
        Answer::json(self.status, &json!({ "code": self.code, "message": self.message }))
    }
}

/// Answers a call to `/cosmos/ACCOUNT/…`.
pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let segments = segments(call);
    let Some(name) = segments.get(1) else { return CosmosError::missing().as_answer() };
    let endpoint = format!("{}/cosmos/{name}/", state.base);
    told(state, call, name, &segments[2..], &endpoint)
}

/// Answers a call to a port of the account's own, which is at `endpoint`.
pub(super) fn answer_at(state: &mut State, call: &Call, name: &str, endpoint: &str) -> Answer {
    told(state, call, name, &segments(call), endpoint)
}

fn segments(call: &Call) -> Vec<String> {
    call.path.split('/').map(decoded).filter(|it| !it.is_empty()).collect()
}

fn told(state: &mut State, call: &Call, name: &str, rest: &[String], endpoint: &str) -> Answer {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let answer = operate(state, call, name, &rest, endpoint).unwrap_or_else(|error| error.as_answer());
    answer
        .with_header("x-ms-request-charge", "1")
        .with_header("x-ms-session-token", "0:-1#1")
        .with_header("lsn", "1")
        .with_header("x-ms-activity-id", super::identity::uuid())
}

fn operate(
    state: &mut State,
    call: &Call,
    name: &str,
    rest: &[&str],
    endpoint: &str,
) -> Result<Answer, CosmosError> {
    if state.cosmos.get(name).is_none() {
        return Err(CosmosError::missing());
    }
    let permit = |state: &State, op| access::permit(state, call, name, rest, op);
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            permit(state, Op::Metadata)?;
            Ok(Answer::json(200, &account(name, endpoint)))
        }
        ("GET", ["dbs"]) => {
            permit(state, Op::Metadata)?;
            let all = known(state, name)?.databases.keys().map(|id| (id.clone(), database(id)));
            Ok(feed(state, call, "Databases", all.collect()))
        }
        ("POST", ["dbs"]) => {
            permit(state, Op::Manage)?;
            let id = id_of(&call.json())?;
            let databases = &mut known_mut(state, name)?.databases;
            if databases.contains_key(&id) {
                return Err(CosmosError::conflict());
            }
            databases.insert(id.clone(), BTreeMap::new());
            Ok(Answer::json(201, &database(&id)))
        }
        ("GET", ["dbs", id]) => {
            permit(state, Op::Metadata)?;
            let is_there = known(state, name)?.databases.contains_key(*id);
            if is_there { Ok(Answer::json(200, &database(id))) } else { Err(CosmosError::missing()) }
        }
        ("GET", ["dbs", id, "colls"]) => {
            permit(state, Op::Metadata)?;
            let all = known(state, name)?.databases.get(*id).ok_or_else(CosmosError::missing)?;
            let all = all.iter().map(|(own, it)| (own.clone(), container(own, it))).collect();
            Ok(feed(state, call, "DocumentCollections", all))
        }
        ("POST", ["dbs", id, "colls"]) => {
            permit(state, Op::Manage)?;
            let body = call.json();
            let own = id_of(&body)?;
            let partition = body["partitionKey"]["paths"][0].as_str().unwrap_or("/id");
            let all = known_mut(state, name)?.databases.get_mut(*id).ok_or_else(CosmosError::missing)?;
            if all.contains_key(&own) {
                return Err(CosmosError::conflict());
            }
            let made = Container::divided_by(partition);
            let told = container(&own, &made);
            all.insert(own, made);
            Ok(Answer::json(201, &told))
        }
        ("GET", ["dbs", _, "colls", id]) => {
            permit(state, Op::Metadata)?;
            Ok(Answer::json(200, &container(id, item::container(state, rest, name)?)))
        }
        ("GET", ["dbs", _, "colls", _, "pkranges"]) => {
            permit(state, Op::Metadata)?;
            item::container(state, rest, name)?;
            // Nothing is ever divided anew: whoever has the list has all of it.
            if call.header("if-none-match").is_some_and(|it| it == PARTS) {
                return Ok(Answer::empty(304).with_header("etag", PARTS));
            }
            let range = json!({ "id": "0", "minInclusive": "", "maxExclusive": "FF", "status": "online",
                "parents": [], "_rid": RID, "_etag": "\"0\"" });
            let body = json!({ "_rid": RID, "PartitionKeyRanges": [range], "_count": 1 });
            Ok(Answer::json(200, &body).with_header("etag", PARTS))
        }
        (_, ["dbs", _, "colls", _, "docs", ..]) => item::answer(state, call, name, rest),
        _ => Err(CosmosError::missing()),
    }
}

/// What tells one list of a container's parts from another.
const PARTS: &str = "\"1\"";

/// What a client wants to see beside an id.
const RID: &str = "AAAAAAAAAAA=";

fn known<'a>(state: &'a State, name: &str) -> Result<&'a Account, CosmosError> {
    state.cosmos.get(name).ok_or_else(CosmosError::missing)
}

fn known_mut<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Account, CosmosError> {
    state.cosmos.get_mut(name).ok_or_else(CosmosError::missing)
}

fn id_of(body: &Value) -> Result<String, CosmosError> {
    let id = body["id"].as_str().filter(|id| !id.is_empty() && !id.contains(['/', '\\', '?', '#']));
    id.map(str::to_owned).ok_or_else(|| {
        CosmosError::new(
            400,
            "BadRequest",
            "The input name is missing or has characters that it may not have.",
        )
    })
}

/// An account. Clients go on with the address that stands here.
fn account(name: &str, endpoint: &str) -> Value {
    let location = json!([{ "name": "West Europe", "databaseAccountEndpoint": endpoint }]);
    json!({
        "_self": "", "id": name, "_rid": format!("{name}.documents.azure.com"), "media": "//media/",
        "addresses": "//addresses/", "_dbs": "//dbs/", "writableLocations": location,
        "readableLocations": location, "enableMultipleWriteLocations": false,
        "userConsistencyPolicy": { "defaultConsistencyLevel": "Session" },
    })
}

fn database(id: &str) -> Value {
    json!({ "id": id, "_rid": "AAAAAA==", "_self": "dbs/AAAAAA==/", "_etag": "\"0\"", "_colls": "colls/",
        "_users": "users/", "_ts": 0 })
}

fn container(id: &str, container: &Container) -> Value {
    json!({
        "id": id, "_rid": RID, "_self": format!("dbs/AAAAAA==/colls/{RID}/"), "_etag": "\"0\"", "_ts": 0,
        "_docs": "docs/", "partitionKey": { "paths": [container.partition], "kind": "Hash", "version": 2 },
        "indexingPolicy": { "indexingMode": "consistent", "automatic": true },
    })
}

/// One page of a list.
fn feed(state: &State, call: &Call, field: &str, all: Vec<(String, Value)>) -> Answer {
    let size = call.header("x-ms-max-item-count").and_then(|text| text.parse::<usize>().ok());
    let (page, next) = state.page(all, size.unwrap_or(100), call.header("x-ms-continuation"));
    let count = page.len();
    let answer = Answer::json(200, &json!({ "_rid": RID, field: page, "_count": count }))
        .with_header("x-ms-item-count", count.to_string())
        .with_header("last-modified", http_date(state.clock.now()));
    match next {
        Some(next) => answer.with_header("x-ms-continuation", next),
        None => answer,
    }
}
