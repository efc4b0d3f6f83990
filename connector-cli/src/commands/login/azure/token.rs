//! A token, where az would have kept its own.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Envelope, Error, Expiry, Grant, Result, Secret, format_time};
use serde_json::{Value, json};

use super::super::Asked;
use super::{Cloud, Made, file, section, setting};
use crate::edit::{Format, Step};
use crate::logins::Wanted;
use crate::shell::quoted;

/// The application that az is: its cache is asked for tokens of this one.
const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
/// az takes a token for ended when it has less left.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The name of a cloud that az does not know, in its folder.
const OWN_CLOUD: &str = "connector";
/// The key of what is written into the maps of az's cache; az finds it by what it says.
const KEY: &str = "connector";

pub(super) fn made(
    folder: &Path,
    cloud: &Cloud,
    asked: &Asked<'_>,
    envelope: &Envelope,
    now: SystemTime,
) -> Result<Made> {
    let fields = &envelope.fields;
    let token = fields.expect_secret("access_token")?;
    let audience = fields.text("audience")?;
    let end = until(&envelope.expiry, now)?;
    let directory = directory(&token).or_else(|| fields.text_if("tenant_id").map(str::to_owned));
    let directory = directory.ok_or_else(|| {
        Error::invalid("nobody says of which directory the token is, and az asks")
            .with_hint(format!("`connector update {} tenant_id=ID` says it", asked.name))
    })?;
    let authority = fields.text_if("authority").unwrap_or(cloud.authority).trim_end_matches('/');
    let is_management = audience.trim_end_matches('/') == cloud.resource_manager;
    let endpoint = fields.text_if("endpoint").filter(|_| is_management);
    let resource_manager = endpoint.unwrap_or(cloud.resource_manager).trim_end_matches('/');
    let is_usual = authority == cloud.authority && resource_manager == cloud.resource_manager;

    let subscription = fields.text_if("subscription_id");
    let account = json!([{
        "id": subscription.unwrap_or(&directory),
        "name": subscription.unwrap_or("N/A(tenant level account)"),
        "state": "Enabled",
        "user": { "name": asked.name, "type": "user" },
        "isDefault": true,
        "tenantId": directory,
        "environmentName": if is_usual { cloud.az_name } else { OWN_CLOUD },
    }]);
    let whose = format!("{}.{directory}", asked.name);
    let issuer = json!({ "home_account_id": whose, "environment": host(authority), "realm": directory });
    let with = |more: Value| {
        let both = [&issuer, &more].into_iter().flat_map(Value::as_object).flatten();
        Value::Object(both.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let asks = if is_management { vec![audience, cloud.resource] } else { vec![audience] };
    let kept = with(json!({
        "credential_type": "AccessToken",
        "token_type": "Bearer",
        "secret": token.expose(),
        "client_id": AZ,
        "target": asks.into_iter().flat_map(scopes).collect::<Vec<_>>().join(" "),
        "cached_at": seconds(now),
        "expires_on": seconds(end),
        "extended_expires_on": seconds(end),
    }));
    let known = with(json!({
        "local_account_id": asked.name,
        "username": asked.name,
        "authority_type": "MSSTS",
    }));
    let cache = [("AccessToken", kept, "access token"), ("Account", known, "account")];
    let cache = cache.map(|(list, value, what)| Wanted {
        place: [list, KEY].map(|it| Step::Key(it.to_owned())).to_vec(),
        value,
        replaces: false,
        what: what.to_owned(),
    });
    let mut files = vec![
        file(folder, "msal_token_cache.json", Format::Json, true, cache.into()),
        file(folder, "azureProfile.json", Format::Json, false, vec![setting("subscriptions", account)]),
    ];
    let name = if is_usual { cloud.az_name } else { OWN_CLOUD };
    let mut core = vec![
        ("collect_telemetry", "false"),
        // Where az would seal its cache, or ask Windows for tokens.
        ("encrypt_token_cache", "false"),
        ("enable_broker_on_windows", "false"),
    ];
    // As az itself notes it there.
    let mut of_cloud: Vec<_> = subscription.map(|it| ("subscription", it)).into_iter().collect();
    let resource_manager = format!("{resource_manager}/");
    if !is_usual {
        core.push(("instance_discovery", "false"));
        of_cloud.extend([
            ("endpoint_active_directory", authority),
            ("endpoint_active_directory_resource_id", cloud.resource),
            ("endpoint_management", &resource_manager),
            ("endpoint_resource_manager", &resource_manager),
        ]);
    }
    if !of_cloud.is_empty() {
        files.push(file(folder, "clouds.config", Format::Ini, false, vec![section(name, &of_cloud)?]));
    }
    let settings = vec![section("core", &core)?, section("cloud", &[("name", name)])?];
    files.push(file(folder, "config", Format::Ini, false, settings));
    Ok(Made {
        files,
        example: example_of_token(&asked.grant, audience, is_management),
        note: format!(
            "the token is for {audience}: for other services, and once it has less than five minutes left, az says to log \
             in; do so with `connector login`, or run az with `connector exec --agent`, where it asks an endpoint"
        ),
        read_first: vec!["AZURE_CLOUD_NAME"],
    })
}

/// When a token ends for az.
fn until(expiry: &Expiry, now: SystemTime) -> Result<SystemTime> {
    let end = expiry.at().ok_or_else(|| Error::unexpected("a token without an end"))?;
    if end.duration_since(now).unwrap_or_default() <= MARGIN {
        return Err(Error::invalid(format!(
            "az takes a token for ended five minutes before it is, and this one ends at {}",
            format_time(end)
        ))
        .with_hint("ask for a longer one with `--duration`, or give it to a command with `connector exec`"));
    }
    Ok(end)
}

fn seconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string()
}

/// The scopes by which az asks for a service, which it writes with a slash at the end, or without.
fn scopes(service: &str) -> [String; 2] {
    let service = service.trim_end_matches('/');
    ["/.default", "//.default"].map(|it| format!("{service}{it}"))
}

/// The id of the directory that a token is of. az asks for tokens by it, also where the connector has a domain.
fn directory(token: &Secret) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Claims {
        tid: String,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.expose().split('.').nth(1)?).ok()?;
    let Claims { tid } = serde_json::from_slice(&claims).ok()?;
    let is_id = tid.len() == 36 && tid.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
    is_id.then_some(tid)
}

/// The host of a URL, without a port: so az calls an authority in its cache.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// What az is used for then.
fn example_of_token(grant: &Grant, audience: &str, is_management: bool) -> String {
    let id = grant.resource_id.as_deref().unwrap_or_default();
    match grant.resource_type.as_deref() {
        Some("secret") if id.starts_with("https://") => format!("keyvault secret show --id {}", quoted(id)),
        _ if is_management => "group list".to_owned(),
        _ => format!("account get-access-token --resource {}", quoted(audience)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_authority_is_what_az_calls_it() {
        for (url, expected) in [
            ("https://login.microsoftonline.com", "login.microsoftonline.com"),
            ("https://127.0.0.1:9000/entra", "127.0.0.1"),
            ("https://[::1]:9000", "::1"),
            ("", ""),
        ] {
            assert_eq!(host(url), expected);
        }
    }

    #[test]
    fn a_service_is_asked_for_with_and_without_a_slash() {
        let expected = ["https://vault.azure.net/.default", "https://vault.azure.net//.default"];
        assert_eq!(scopes("https://vault.azure.net/"), expected);
        assert_eq!(scopes("https://vault.azure.net"), expected);
    }

    #[test]
    fn the_directory_is_the_token_s_own() {
        let token = |claims: &str| Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)));
        let id = "11111111-2222-3333-4444-555555555555";
        assert_eq!(directory(&token(&format!("{{\"tid\":\"{id}\"}}"))).as_deref(), Some(id));
        for claims in
            ["{}", "{\"tid\":7}", "{\"tid\":\"../../../../../../../../../../../../../\"}", "no JSON", ""]
        {
            assert_eq!(directory(&token(claims)), None, "{claims}");
        }
        for text in ["", "opaque", "a.b", "..", "a.%.c"] {
            assert_eq!(directory(&Secret::new(text)), None, "{text}");
        }
    }

    /// az takes what is shorter for ended, and would say to log in.
    #[test]
    fn a_token_that_az_takes_for_ended_is_no_login() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_000_000);
        assert_eq!(until(&Expiry::At(at(1_000_301)), now).ok(), Some(at(1_000_301)));
        for end in [1_000_300, 999_000] {
            let error = until(&Expiry::At(at(end)), now).expect_err("too short");
            assert!(error.hint().is_some_and(|it| it.contains("--duration")), "{error:?}");
        }
    }

    #[test]
    fn what_az_is_used_for_is_told() {
        let management = "https://management.azure.com";
        let vault = "https://vault.azure.net";
        let secret = Grant::new("secret", "https://v.vault.azure.net/secrets/db");
        assert_eq!(
            example_of_token(&secret, vault, false),
            "keyvault secret show --id https://v.vault.azure.net/secrets/db"
        );
        let generic = Grant::new("azure-generic", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
        assert_eq!(example_of_token(&generic, management, true), "group list");
        assert_eq!(
            example_of_token(&generic, vault, false),
            "account get-access-token --resource https://vault.azure.net"
        );
    }
}
