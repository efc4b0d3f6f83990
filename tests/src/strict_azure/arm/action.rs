//! What is done with resources.

use serde_json::{Value, json};

use super::super::cosmos;
use super::super::identity::covers;
use super::kind::Kind;
use super::{ArmError, Asked, Cx, cluster};
use crate::loopback::Answer;

/// Answers a call below `…/providers/NAMESPACE/TYPE`; `rest` is what follows.
pub(super) fn answer(cx: &Cx<'_>, asked: &Asked<'_>, kind: Kind, rest: &[&str]) -> Result<Answer, ArmError> {
    let method = cx.call.method.as_str();
    let Some((name, rest)) = rest.split_first() else {
        if method != "GET" {
            return Err(ArmError::no_type(&cx.call.path));
        }
        let scope = asked.scope();
        cx.permit(&format!("{}/read", kind.name()), &scope)?;
        let all = kind.all(cx.state).into_iter().filter(|(id, _)| covers(&scope, id));
        return Ok(cx.paged(all.collect()));
    };
    let group = asked.group.ok_or_else(|| ArmError::no_type(&cx.call.path))?;
    let id = format!("{}/providers/{}/{name}", group.id, kind.name());
    let found = || {
        let found = kind.all(cx.state).into_iter().find(|(known, _)| *known == id.to_lowercase());
        let missing = || ArmError::no_resource(&format!("{}/{name}", kind.name()), &group.name);
        found.map(|(_, told)| told).ok_or_else(missing)
    };
    let lower: Vec<String> = rest.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    if let ("GET", []) = (method, lower.as_slice()) {
        cx.permit(&format!("{}/read", kind.name()), &id)?;
        return Ok(Answer::json(200, &found()?));
    }
    // Every action is a permission by its own name.
    if let ("POST", [action]) = (method, lower.as_slice()) {
        cx.permit(&format!("{}/{action}/action", kind.name()), &id)?;
        found()?;
        let told = act(cx, kind, &id, name, &group.name, action)?;
        return Ok(Answer::json(200, &told));
    }
    if let (Kind::StorageAccount, "GET", ["blobservices", "default", rest @ ..]) =
        (kind, method, lower.as_slice())
    {
        return containers(cx, &id, name, rest, &found()?);
    }
    Err(ArmError::no_type(&cx.call.path))
}

fn act(cx: &Cx<'_>, kind: Kind, id: &str, name: &str, group: &str, action: &str) -> Result<Value, ArmError> {
    let unknown = || ArmError::no_type(&cx.call.path);
    match (kind, action) {
        (Kind::Cluster, _) => {
            let placed = cx.state.manager.clusters.get(id).ok_or_else(unknown)?;
            cluster::act(cx, placed, group, action)
        }
        (Kind::StorageAccount, "listkeys") => {
            let account = cx.state.storage.accounts.get(name).ok_or_else(unknown)?;
            let key = |(number, value): (usize, &String)| json!({ "keyName": format!("key{}", number + 1), "value": value, "permissions": "FULL" });
            let keys: Vec<_> = account.keys.iter().enumerate().map(key).collect();
            Ok(json!({ "keys": keys }))
        }
        (Kind::Registry, "listcredentials") => {
            let registry = cx.state.registries.get(name).ok_or_else(unknown)?;
            let Some(passwords) = &registry.admin else {
                let words = format!(
                    "Cannot perform credential operations for {id} as admin user is disabled. Kindly \
                                     enable admin user as per docs: https://learn.microsoft.com/azure/container-registry"
                );
                return Err(ArmError::new(400, "UnAuthorizedForCredentialOperations", words));
            };
            let [first, second] = passwords;
            Ok(json!({ "username": registry.place.name, "passwords": [
                { "name": "password", "value": first }, { "name": "password2", "value": second },
            ] }))
        }
        (Kind::Cosmos, _) => {
            let account = cx.state.cosmos.get(name).ok_or_else(unknown)?;
            keys_of(account, action).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

fn keys_of(account: &cosmos::Account, action: &str) -> Option<Value> {
    let ([first, second], [third, fourth]) = (&account.keys, &account.readonly_keys);
    let connection = |key: &str, what: &str| {
        let text = format!("AccountEndpoint={};AccountKey={key};", account.endpoint());
        json!({ "connectionString": text, "description": format!("{what} SQL Connection String") })
    };
    let readonly = json!({ "primaryReadonlyMasterKey": third, "secondaryReadonlyMasterKey": fourth });
    Some(match action {
        "listkeys" => json!({
            "primaryMasterKey": first, "secondaryMasterKey": second, "primaryReadonlyMasterKey": third,
            "secondaryReadonlyMasterKey": fourth,
        }),
        "readonlykeys" => readonly,
        "listconnectionstrings" => json!({ "connectionStrings": [
            connection(first, "Primary"), connection(second, "Secondary"),
            connection(third, "Primary Read-Only"), connection(fourth, "Secondary Read-Only"),
        ] }),
        _ => return None,
    })
}

/// The blob service of an account, its containers, or one of them.
fn containers(cx: &Cx<'_>, id: &str, name: &str, rest: &[&str], account: &Value) -> Result<Answer, ArmError> {
    let service = format!("{id}/blobServices/default");
    let kind = "Microsoft.Storage/storageAccounts/blobServices";
    let known = cx.state.storage.accounts.get(name);
    let known = known.ok_or_else(|| ArmError::no_type(&cx.call.path))?;
    let container = |name: &str| {
        json!({
            "id": format!("{service}/containers/{name}"), "name": name, "type": format!("{kind}/containers"),
            "properties": { "publicAccess": "None", "leaseState": "Available", "deleted": false },
        })
    };
    match rest {
        [] => {
            cx.permit(&format!("{kind}/read"), &service)?;
            let told = json!({
                "id": service, "name": "default", "type": kind, "sku": account["sku"], "properties": {},
            });
            Ok(Answer::json(200, &told))
        }
        ["containers"] => {
            cx.permit(&format!("{kind}/containers/read"), &service)?;
            let all = known.containers.keys().map(|name| (name.clone(), container(name)));
            Ok(cx.paged(all.collect()))
        }
        ["containers", name] => {
            cx.permit(&format!("{kind}/containers/read"), &format!("{service}/containers/{name}"))?;
            match known.containers.contains_key(*name) {
                true => Ok(Answer::json(200, &container(name))),
                false => {
                    Err(ArmError::new(404, "ContainerNotFound", "The specified container does not exist."))
                }
            }
        }
        _ => Err(ArmError::no_type(&cx.call.path)),
    }
}
