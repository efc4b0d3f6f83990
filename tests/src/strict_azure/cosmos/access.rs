//! By what a call comes in: a key of the account, or a token of Entra's.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::audience::Service;
use super::super::identity::Refusal;
use super::super::roles::Plane;
use super::super::state::State;
use super::{Account, CosmosError, known};
use crate::clock::http_date;
use crate::loopback::{Call, decoded};

/// How far the clocks may be apart, in seconds.
const SKEW: i64 = 15 * 60;
const ACTIONS: &str = "Microsoft.DocumentDB/databaseAccounts";

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// Looks at the account, a database or a container.
    Metadata,
    /// Makes one.
    Manage,
    Query,
    /// Something with an item: `read`, `create`, `replace`, `upsert`, `delete`.
    Item(&'static str),
}

impl Op {
    fn writes(self) -> bool {
        !matches!(self, Self::Metadata | Self::Query | Self::Item("read"))
    }
}

fn unauthorized(message: impl Into<String>) -> CosmosError {
    CosmosError::new(401, "Unauthorized", message)
}

fn forbidden(message: impl Into<String>) -> CosmosError {
    CosmosError::new(403, "Forbidden", message)
}

/// Lets a call do something, or says why not. `path` is what follows the account.
pub(super) fn permit(
    state: &State,
    call: &Call,
    name: &str,
    path: &[&str],
    op: Op,
) -> Result<(), CosmosError> {
    let account = known(state, name)?;
    let shown = call.header("authorization").ok_or_else(|| {
        unauthorized(
            "Required Header authorization is missing. Ensure a valid Authorization token is passed.",
        )
    })?;
    let shown = if shown.contains('%') { decoded(shown) } else { shown.to_owned() };
    let part = |name: &str| {
        let mut parts = shown.splitn(3, '&').filter_map(|part| part.split_once('='));
        parts.find(|(other, _)| *other == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    match (part("type").as_str(), part("ver").as_str()) {
        ("master", "1.0") => by_key(account, call, path, &part("sig"), state.clock.now(), op),
        ("aad", "1.0") => by_token(state, account, path, &part("sig"), op),
        _ => Err(unauthorized("Authorization header doesn't confirm to the required format.")),
    }
}

fn by_key(
    account: &Account,
    call: &Call,
    path: &[&str],
    signature: &str,
    now: i64,
    op: Op,
) -> Result<(), CosmosError> {
    if account.refuses_keys {
        let message = "Local Authorization is disabled. Use an AAD token to authorize all requests.";
        return Err(unauthorized(message));
    }
    // An odd number of names ends with a kind, of which this is then a list.
    let (kind, link) = match path {
        [] => ("", String::new()),
        path if path.len() % 2 == 1 => (path[path.len() - 1], path[..path.len() - 1].join("/")),
        path => (path[path.len() - 2], path.join("/")),
    };
    let date = call.header("x-ms-date").unwrap_or_default();
    let text = format!(
        "{}\n{}\n{link}\n{}\n\n",
        call.method.to_lowercase(),
        kind.to_lowercase(),
        date.to_lowercase()
    );
    let shown = STANDARD.decode(signature.trim()).unwrap_or_default();
    let holds = |key: &String| {
        let key = STANDARD.decode(key).expect("keys are made in base64");
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
        constant_time::verify_slices_are_equal(expected.as_ref(), &shown).is_ok()
    };
    let (writes, reads) = (account.keys.iter().any(holds), account.readonly_keys.iter().any(holds));
    if !writes && !reads {
        return Err(unauthorized(format!(
            "The input authorization token can't serve the request. The wrong key is being used or the expected payload \
             is not built as per the protocol. For more info: https://aka.ms/cosmosdb-tsg-unauthorized. Server used the \
             following payload to sign: '{}'",
            text.replace('\n', "\\n")
        )));
    }
    let time = jiff::fmt::rfc2822::parse(date).map(|time| time.timestamp().as_second());
    if !time.is_ok_and(|time| (time - now).abs() <= SKEW) {
        return Err(forbidden(format!(
            "The authorization token is not valid at the current time. Please create another token and retry (token \
             start time: {date}, current server time: {}).",
            http_date(now)
        )));
    }
    match op.writes() && !writes {
        false => Ok(()),
        true => Err(forbidden("The given request is not allowed with a read-only key.")),
    }
}

fn by_token(state: &State, account: &Account, path: &[&str], token: &str, op: Op) -> Result<(), CosmosError> {
    let caller = state.caller(token, &[Service::Cosmos]).map_err(|refusal| {
        unauthorized(match refusal {
            Refusal::Expired => "The given token has expired.".to_owned(),
            Refusal::Audience(found) => {
                format!("The given token has the audience '{found}', which is not this service.")
            }
            _ => "The given token is invalid.".to_owned(),
        })
    })?;
    let host = caller.audience.trim_start_matches("https://").trim_end_matches('/').to_lowercase();
    let own = format!("{}.documents.", account.place.name.to_lowercase());
    if caller.tenant != account.tenant || !(host == "cosmos.azure.com" || host.starts_with(&own)) {
        return Err(unauthorized("The given token is for another account or another tenant."));
    }
    let action = match op {
        Op::Metadata => format!("{ACTIONS}/readMetadata"),
        Op::Manage => format!("{ACTIONS}/sqlDatabases/write"),
        Op::Query => format!("{ACTIONS}/sqlDatabases/containers/executeQuery"),
        Op::Item(verb) => format!("{ACTIONS}/sqlDatabases/containers/items/{verb}"),
    };
    // The scope of a data role: databases and containers by their names below the account.
    let below: String = match path {
        ["dbs", database, "colls", container, ..] => format!("/dbs/{database}/colls/{container}"),
        ["dbs", database, ..] => format!("/dbs/{database}"),
        _ => String::new(),
    };
    let scope = format!("{}{below}", account.place.id);
    // Databases are made by the resource manager alone.
    if op != Op::Manage && state.may(&caller.id, Plane::Data, &action, &scope) {
        return Ok(());
    }
    Err(forbidden(format!(
        "Request blocked by Auth {} : Request is blocked because principal [{}] does not have required RBAC permissions \
         to perform action [{action}] on resource [{}]. Learn more: https://aka.ms/cosmos-native-rbac.",
        account.place.name,
        caller.id,
        if below.is_empty() { "/" } else { &below }
    )))
}
