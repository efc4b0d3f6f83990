//! az: a folder of settings of its own, in which a token or a signature stands where az itself would have kept it.
//!
//! az has no helper that it would ask, and no variable for a token. What it takes is its own cache: an access token
//! alone, without the refresh token that a login of its own leaves there, so that this one ends (tried with az 2.61 and
//! 2.91). Azure's libraries ask az, and so have the same token where they are told the same folder.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Envelope, EnvironmentForm, Error, Expiry, Grant, Result, Secret, format_time};
use serde_json::{Map, Value, json};

use super::{Asked, Plan, escaped, free_name};
use crate::app::App;
use crate::edit::{Format, Step};
use crate::logins::{self, FileWish, Journal, Wanted, Wish};

/// What az knows of a cloud.
struct Cloud {
    /// In the fields of a credential.
    name: &'static str,
    az_name: &'static str,
    authority: &'static str,
    resource_manager: &'static str,
    /// What az asks a token for, when it is to call Resource Manager.
    resource: &'static str,
}

const CLOUDS: [Cloud; 3] = [
    Cloud {
        name: "public",
        az_name: "AzureCloud",
        authority: "https://login.microsoftonline.com",
        resource_manager: "https://management.azure.com",
        resource: "https://management.core.windows.net/",
    },
    Cloud {
        name: "government",
        az_name: "AzureUSGovernment",
        authority: "https://login.microsoftonline.us",
        resource_manager: "https://management.usgovcloudapi.net",
        resource: "https://management.core.usgovcloudapi.net/",
    },
    Cloud {
        name: "china",
        az_name: "AzureChinaCloud",
        authority: "https://login.chinacloudapi.cn",
        resource_manager: "https://management.chinacloudapi.cn",
        resource: "https://management.core.chinacloudapi.cn/",
    },
];

/// The application that az is: its cache is asked for tokens of this one.
const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
/// az takes a token for ended when it has less left.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The name of a cloud that az does not know, in its folder.
const OWN_CLOUD: &str = "connector";
/// The key of what is written into the maps of az's cache; az finds it by what it says.
const KEY: &str = "connector";

/// `variables` are those by which az takes the same credential, where there are any.
pub(super) fn plan(
    app: &App,
    asked: &Asked<'_>,
    (envelope, variables): (&Envelope, &EnvironmentForm),
    journal: &Journal,
) -> Result<Plan> {
    let name = free_name("azure", "folders", asked, &journal.logins, str::to_owned)?;
    let home = std::path::absolute(app.home()).unwrap_or_else(|_| app.home().to_owned());
    let folder = logins::folder_of_az(&home, &name);
    let cloud = envelope.fields.text_if("cloud").unwrap_or(CLOUDS[0].name);
    let cloud = CLOUDS.iter().find(|it| it.name == cloud);
    let cloud =
        cloud.ok_or_else(|| Error::invalid("the credential is for a cloud that is not known here"))?;
    let made = match envelope.fields.secret_field("sas_token") {
        Some(_) => of_signature(&folder, cloud, envelope, variables)?,
        None => of_token(&folder, cloud, asked, envelope, app.now())?,
    };
    Ok(Plan {
        wish: Wish {
            connector: asked.name.to_owned(),
            kind: "azure",
            name,
            grant: asked.grant.clone(),
            is_static: true,
            username: None,
            files: made.files,
        },
        tool: "az",
        usage: format!("{} az {}", started_with(&folder, envelope), made.example),
        renewed: super::RENEWED,
        notes: [made.note].into_iter().chain(in_the_way(&made.read_first)).collect(),
    })
}

/// What is written, and what is said of it.
struct Made {
    files: Vec<FileWish>,
    example: String,
    note: String,
    /// Variables that az reads before its settings.
    read_first: Vec<&'static str>,
}

fn of_token(
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
             in; do so with `connector login`, since az asks nobody for a new one"
        ),
        read_first: vec!["AZURE_CLOUD_NAME"],
    })
}

/// What az takes from `AZURE_STORAGE_OPTION` it takes as well from its settings: the text that says with the signature
/// which account it is for. With a signature alone az would go to whichever account a command names.
fn of_signature(
    folder: &Path,
    cloud: &Cloud,
    envelope: &Envelope,
    variables: &EnvironmentForm,
) -> Result<Made> {
    let value = |option: &str| {
        let name = format!("AZURE_STORAGE_{}", option.to_uppercase());
        variables.set.iter().find(|it| it.0 == name).map(|(_, value)| (option.to_owned(), value.expose()))
    };
    let storage = ["connection_string", "auth_mode"].map(value);
    let [Some((connection_string, text)), Some((auth_mode, mode))] = &storage else {
        return Err(Error::unexpected("the signature has no form that az reads"));
    };
    let settings = vec![
        section("core", &[("collect_telemetry", "false")])?,
        section("cloud", &[("name", cloud.az_name)])?,
        section("storage", &[(connection_string, text), (auth_mode, mode)])?,
    ];
    let fields = &envelope.fields;
    let container = fields.text_if("container").map(|it| format!(" --container-name {}", quoted(it)));
    // Without the slash at its end it would be a list of what is beside the directory, too, and is refused.
    let part = envelope.within.as_deref().map(|it| it.strip_suffix('/').unwrap_or(it));
    let part = part.map(|it| format!(" --prefix {}", quoted(&format!("{it}/"))));
    Ok(Made {
        files: vec![file(folder, "config", Format::Ini, true, settings)],
        example: ["storage blob list".to_owned()].into_iter().chain(container).chain(part).collect(),
        note: "the signature is for `az storage` and this one container; log in again when it ends"
            .to_owned(),
        read_first: vec!["AZURE_CLOUD_NAME", "AZURE_STORAGE_AUTH_MODE", "AZURE_STORAGE_CONNECTION_STRING"],
    })
}

fn file(folder: &Path, name: &str, format: Format, is_secret: bool, values: Vec<Wanted>) -> FileWish {
    FileWish { path: folder.join(name), format, is_secret, values }
}

/// A setting in the login's own folder. az may have changed an earlier login's.
fn setting(key: &str, value: Value) -> Wanted {
    Wanted { place: vec![Step::Key(key.to_owned())], value, replaces: true, what: key.to_owned() }
}

/// A section of a file of settings. One with a secret gives way to none that somebody wrote: that would be kept.
fn section(name: &str, values: &[(&str, &str)]) -> Result<Wanted> {
    if values.iter().any(|(_, it)| it.contains(char::is_control)) {
        return Err(Error::invalid("the credential holds a text that az's files have no form for"));
    }
    let values = values.iter().map(|(key, it)| ((*key).to_owned(), escaped(it).into()));
    let wanted = setting(name, Value::Object(values.collect::<Map<_, _>>()));
    Ok(Wanted { replaces: name != "storage", what: format!("[{name}]"), ..wanted })
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

/// The variables that az has to be started with.
fn started_with(folder: &Path, envelope: &Envelope) -> String {
    // Certificates that are given as text have no path; az has no setting for either.
    let bundle = envelope.fields.text_if("ca_bundle").filter(|it| !it.contains('\n')).map(PathBuf::from);
    let all = [("AZURE_CONFIG_DIR", Some(folder.to_owned())), ("REQUESTS_CA_BUNDLE", bundle)];
    let all = all.into_iter().filter_map(|(name, path)| Some((name, quoted(&path?.to_string_lossy()))));
    match cfg!(windows) {
        true => all.map(|(name, path)| format!("$env:{name}={path};")).collect::<Vec<_>>().join(" "),
        false => all.map(|(name, path)| format!("{name}={path}")).collect::<Vec<_>>().join(" "),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@=+,".contains(it);
    match word.chars().all(is_plain) && !cfg!(windows) {
        true => word.to_owned(),
        false if cfg!(windows) => format!("'{}'", word.replace('\'', "''")),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Says which of the user's variables az would read first.
fn in_the_way(names: &[&'static str]) -> Option<String> {
    let set: Vec<_> = names.iter().filter(|it| std::env::var_os(it).is_some()).copied().collect();
    let verb = if set.len() == 1 { "is" } else { "are" };
    (!set.is_empty()).then(|| format!("{} {verb} set, which az reads before its settings", set.join(" and ")))
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

    /// A signature for a directory lists what is below it, and not what begins with its name.
    #[cfg(not(windows))]
    #[test]
    fn the_example_of_a_part_is_one_that_is_let_through() {
        let text = Secret::new("BlobEndpoint=https://zen.example.org;SharedAccessSignature=sig=hunter2");
        let variables = EnvironmentForm::default()
            .set("AZURE_STORAGE_CONNECTION_STRING", text)
            .set("AZURE_STORAGE_AUTH_MODE", "key");
        for (within, expected) in [
            (Value::Null, "storage blob list --container-name data"),
            (json!("a"), "storage blob list --container-name data --prefix a/"),
            (json!("a/"), "storage blob list --container-name data --prefix a/"),
            (json!("a/my b"), "storage blob list --container-name data --prefix 'a/my b/'"),
        ] {
            let text = json!({
                "version": 1, "kind": "azure", "connector": "prod",
                "resource": { "type": "blob-container", "id": "az://zen/data" }, "within": within,
                "access": "read", "expires_at": "2026-01-01T00:00:00Z", "provider_expiry": null,
                "narrowed": true, "reason": "-", "long_lived": false,
                "public": { "container": "data" }, "secret": { "sas_token": "sig=hunter2" },
            });
            let envelope = Envelope::from_json(&text.to_string()).expect("an envelope");
            let made = of_signature(Path::new("/az"), &CLOUDS[0], &envelope, &variables).expect("made");
            assert_eq!(made.example, expected);
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in [
            ("/home/me/az", "/home/me/az"),
            ("/my home/az", "'/my home/az'"),
            ("$web", "'$web'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
