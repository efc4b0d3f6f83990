//! Items of a container.

use serde_json::{Value, json};

use super::super::state::State;
use super::access::{self, Op};
use super::{Container, CosmosError, RID, feed, id_of, known, known_mut};
use crate::loopback::{Answer, Call};

/// The container that a path is about.
pub(super) fn container<'a>(
    state: &'a State,
    path: &[&str],
    name: &str,
) -> Result<&'a Container, CosmosError> {
    let [_, database, _, id, ..] = path else { return Err(CosmosError::missing()) };
    let database = known(state, name)?.databases.get(*database);
    database.and_then(|all| all.get(*id)).ok_or_else(CosmosError::missing)
}

fn container_mut<'a>(
    state: &'a mut State,
    path: &[&str],
    name: &str,
) -> Result<&'a mut Container, CosmosError> {
    let [_, database, _, id, ..] = path else { return Err(CosmosError::missing()) };
    let database = known_mut(state, name)?.databases.get_mut(*database);
    database.and_then(|all| all.get_mut(*id)).ok_or_else(CosmosError::missing)
}

/// Answers a call below `…/docs`.
pub(super) fn answer(
    state: &mut State,
    call: &Call,
    name: &str,
    path: &[&str],
) -> Result<Answer, CosmosError> {
    let is_set = |header: &str| call.header(header).is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let is_query = is_set("x-ms-documentdb-isquery")
        || call.header("content-type").is_some_and(|kind| kind.starts_with("application/query+json"));
    let upserts = is_set("x-ms-documentdb-is-upsert");
    let op = match call.method.as_str() {
        "GET" => Op::Item("read"),
        "POST" if is_query => Op::Query,
        "POST" if upserts => Op::Item("upsert"),
        "POST" => Op::Item("create"),
        "PUT" => Op::Item("replace"),
        "DELETE" => Op::Item("delete"),
        _ => return Err(CosmosError::new(405, "MethodNotAllowed", "The method is not supported.")),
    };
    access::permit(state, call, name, path, op)?;
    let partition = partition(call)?;
    match (call.method.as_str(), path.get(5)) {
        ("GET", None) => Ok(documents(state, call, container(state, path, name)?, partition.as_deref())),
        ("POST", None) if is_query => {
            let query = call.json()["query"].as_str().unwrap_or_default().to_lowercase();
            let words: Vec<&str> = query.split_whitespace().collect();
            match words.as_slice() {
                ["select", "*", "from", ..] if words.len() <= 5 => {
                    Ok(documents(state, call, container(state, path, name)?, partition.as_deref()))
                }
                _ => {
                    Err(CosmosError::new(400, "BadRequest", "Syntax error, or nothing that is served here."))
                }
            }
        }
        ("POST", None) => {
            let body = call.json();
            let id = id_of(&body)?;
            let now = state.clock.now();
            let container = container_mut(state, path, name)?;
            let own = value_at(&body, &container.partition);
            if partition.as_ref().is_some_and(|shown| *shown != own) {
                let message =
                    "PartitionKey extracted from document doesn't match the one specified in the header.";
                return Err(CosmosError::new(400, "BadRequest", message));
            }
            let is_new = !container.items.contains_key(&(own.clone(), id.clone()));
            if !is_new && !upserts {
                return Err(CosmosError::conflict());
            }
            let kept = stamped(body, now);
            container.items.insert((own, id), kept.clone());
            Ok(Answer::json(if is_new { 201 } else { 200 }, &kept))
        }
        (method, Some(id)) => {
            let now = state.clock.now();
            let container = container_mut(state, path, name)?;
            let partition = partition.ok_or_else(|| {
                CosmosError::new(
                    400,
                    "BadRequest",
                    "The partition key supplied in x-ms-partitionkey header is missing.",
                )
            })?;
            let key = (partition, (*id).to_owned());
            let known = container.items.get(&key).cloned().ok_or_else(CosmosError::missing)?;
            match method {
                "GET" => Ok(Answer::json(200, &known)),
                "DELETE" => {
                    container.items.remove(&key);
                    Ok(Answer::empty(204))
                }
                _ => {
                    let kept = stamped(call.json(), now);
                    container.items.insert(key, kept.clone());
                    Ok(Answer::json(200, &kept))
                }
            }
        }
        _ => Err(CosmosError::missing()),
    }
}

fn documents(state: &State, call: &Call, container: &Container, partition: Option<&str>) -> Answer {
    let mine = container.items.iter().filter(|((own, _), _)| partition.is_none_or(|it| it == own));
    let all = mine.map(|((own, id), item)| (format!("{own}\n{id}"), item.clone())).collect();
    feed(state, call, "Documents", all)
}

/// The one value of the header that names a partition, as JSON.
fn partition(call: &Call) -> Result<Option<String>, CosmosError> {
    let Some(text) = call.header("x-ms-documentdb-partitionkey") else { return Ok(None) };
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    match value.as_array().map(Vec::as_slice) {
        Some([one]) => Ok(Some(one.to_string())),
        _ => Err(CosmosError::new(400, "BadRequest", "Partition key header is not as it must be.")),
    }
}

fn value_at(item: &Value, path: &str) -> String {
    item.pointer(path).map_or_else(|| "{}".to_owned(), Value::to_string)
}

fn stamped(mut item: Value, now: i64) -> Value {
    for (name, value) in [
        ("_rid", json!(RID)),
        ("_self", json!("docs/")),
        ("_etag", json!(format!("\"{}\"", super::super::identity::uuid()))),
        ("_attachments", json!("attachments/")),
        ("_ts", json!(now)),
    ] {
        item[name] = value;
    }
    item
}
