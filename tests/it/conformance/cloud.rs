//! An AWS in memory, as far as the kit needs one: it issues to whoever signs with a known key, for as long as is
//! asked, on the kit's clock.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use connector_conformance::{World, canary};
use connector_core::{
    AnyConnector, Clock, Connectors, Context, Document, Files, Http, Person, Request, Response, Result,
    Secret, async_trait, format_time,
};
use serde_json::json;

/// A world with this AWS in it, and what lies around on a machine.
pub(super) fn context(world: &World) -> Context {
    let home = ("HOME".to_owned(), "/home/alice".to_owned());
    world
        .context()
        .with_implicit(true)
        .with_environment(world.environment(HashMap::from([home])))
        .with_files(files())
        .with_person(Alice)
        .with_connectors(Base)
        .with_http(Aws { world: world.clone(), made: AtomicUsize::new(0) })
}

fn files() -> impl Files {
    let profile = format!(
        "[work]\naws_access_key_id = ASIAWORK\naws_secret_access_key = {}\naws_session_token = {}\n",
        canary("secret_access_key"),
        canary("session_token")
    );
    HashMap::from([
        (PathBuf::from("/home/alice/.aws/credentials"), profile.into_bytes()),
        (PathBuf::from("/etc/ssl/ours.pem"), CERTIFICATE.into()),
        (PathBuf::from("/var/run/token"), canary("web_identity_token").into_bytes()),
    ])
}

/// In the form of one: nobody here makes a TLS connection.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// Shows codes.
struct Alice;

#[async_trait]
impl Person for Alice {
    async fn ask(&self, _: &str) -> Result<Secret> {
        Ok(Secret::new("123456"))
    }

    async fn tell(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// The one connector that others may take their identity from.
struct Base;

#[async_trait]
impl Connectors for Base {
    async fn open(&self, _: &Context, name: &str) -> Result<AnyConnector> {
        let config = super::keyed(json!({})).as_object().cloned().unwrap_or_default();
        let document = Document::draft(name, "aws", "secret-key", config.clone());
        connectors::registry()?.open(&document, config)
    }

    fn are_stored(&self) -> bool {
        false
    }
}

struct Aws {
    world: World,
    made: AtomicUsize,
}

#[async_trait]
impl Http for Aws {
    async fn send(&self, request: Request) -> Result<Response> {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let form = |name: &str| {
            let value = body.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
            value.map(str::to_owned)
        };
        let action = form("Action").unwrap_or_default();
        let seconds = form("DurationSeconds").and_then(|it| it.parse().ok()).unwrap_or(3600);
        let (status, body) = match &*action {
            "" if request.url().contains("/federation/credentials") => self.portal(),
            "" => (404, "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
            // The token itself is the proof.
            "AssumeRoleWithWebIdentity" => self.issued(&action, seconds),
            _ if !is_signed(&request) => {
                (403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>".to_owned())
            }
            "GetCallerIdentity" => result(
                &action,
                "<Arn>arn:aws:iam::123456789012:user/alice</Arn><UserId>A</UserId><Account>123456789012</Account>",
            ),
            _ => self.issued(&action, seconds),
        };
        let date = http_date(self.world.clock().now());
        Ok(Response::new(status, vec![("date".into(), date)], body.into_bytes()))
    }
}

impl Aws {
    /// New keys, and the end of their life.
    fn keys(&self, life: Duration) -> ([String; 3], SystemTime) {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let token = canary(&format!("session-token-{number}"));
        self.world.issued(&token, life);
        let keys = [format!("ASIA{number:016}"), canary(&format!("secret-{number}")), token];
        (keys, self.world.clock().now() + life)
    }

    fn issued(&self, action: &str, seconds: u64) -> (u16, String) {
        let ([id, secret, token], end) = self.keys(Duration::from_secs(seconds));
        let (user, name) = match action {
            "GetFederationToken" => ("FederatedUser", "federated-user/ours"),
            _ => ("AssumedRoleUser", "assumed-role/reader/ours"),
        };
        result(
            action,
            &format!(
                "<{user}><Arn>arn:aws:sts::123456789012:{name}</Arn><AssumedRoleId>A:ours</AssumedRoleId>\
                 <FederatedUserId>123456789012:ours</FederatedUserId></{user}>\
                 <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
                 <SessionToken>{token}</SessionToken><Expiration>{}</Expiration></Credentials>",
                format_time(end)
            ),
        )
    }

    /// The role credentials of a login.
    fn portal(&self) -> (u16, String) {
        let ([id, secret, token], end) = self.keys(Duration::from_secs(3600));
        let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let keys = json!({ "accessKeyId": id, "secretAccessKey": secret, "sessionToken": token, "expiration": end as u64 });
        (200, json!({ "roleCredentials": keys }).to_string())
    }
}

fn result(action: &str, inner: &str) -> (u16, String) {
    let space = "https://sts.amazonaws.com/doc/2011-06-15/";
    let text = format!(
        "<{action}Response xmlns=\"{space}\"><{action}Result>{inner}</{action}Result>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    );
    (200, text)
}

/// With the key of the examples, or with one that was issued here.
fn is_signed(request: &Request) -> bool {
    let known = [format!("Credential={}/", canary("access_key_id")), "Credential=ASIA0".to_owned()];
    let mut headers = request.headers().iter().filter(|(name, _)| name == "authorization");
    headers.any(|(_, value)| known.iter().any(|it| value.contains(it)))
}

/// `Thu, 01 Jan 2026 00:00:00 GMT`.
fn http_date(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let text = format_time(time);
    let month: usize = text[5..7].parse().unwrap_or(1);
    let day = DAYS[usize::try_from(days % 7).unwrap_or_default()];
    format!("{day}, {} {} {} {} GMT", &text[8..10], MONTHS[month - 1], &text[..4], &text[11..19])
}
