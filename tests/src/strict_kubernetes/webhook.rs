//! The token webhook of an EKS cluster: a token is a presigned `GetCallerIdentity`, which is sent to STS with the name
//! of this cluster. Only a token that was signed for it, with a secret that STS knows, says who the caller is.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::identity::User;
use crate::clock::parse_compact;
use crate::loopback::decoded;

const PREFIX: &str = "k8s-aws-v1.";

/// For how many seconds a token is good, whatever it says of itself.
const LIFE: i64 = 15 * 60;

/// The parameters that a token's URL may have, in lower case.
const PARAMETERS: [&str; 9] = [
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// What an EKS cluster knows of the identities of AWS.
#[derive(Debug, Clone)]
pub struct EksWebhook {
    cluster: String,
    sts: String,
    mapped: BTreeMap<String, (String, Vec<String>)>,
}

impl EksWebhook {
    /// The webhook of the cluster of that name. `sts` is the URL of the STS that is asked, in clear and on this
    /// machine, in place of the host that a token names: it has to be one of STS's own.
    pub fn new(cluster: &str, sts: &str) -> Self {
        Self { cluster: cluster.to_owned(), sts: sts.to_owned(), mapped: BTreeMap::new() }
    }

    /// Maps the ARN of a user or a role to a user of the cluster. An ARN that is not mapped is refused.
    pub fn mapping(mut self, arn: &str, user: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.mapped.insert(arn.to_owned(), (user.to_owned(), groups));
        self
    }

    /// The user that a token stands for.
    pub(super) async fn review(&self, token: &str, now: i64) -> Result<User, ()> {
        let (host, path_and_query) = checked(token, now).ok_or(())?;
        let told = self.ask(&host, &path_and_query).await.ok_or(())?;
        let arn = between(&told, "<Arn>", "</Arn>").ok_or(())?;
        let (user, groups) = self.mapped.get(&canonical(arn)).ok_or(())?;
        let mut user = User { groups: groups.clone(), ..User::new(user, &[]) };
        user.extra.insert("arn".to_owned(), vec![arn.to_owned()]);
        Ok(user)
    }

    /// What STS answers to the presigned call for this cluster; `None` when it refuses.
    async fn ask(&self, host: &str, path_and_query: &str) -> Option<String> {
        let address = self.sts.trim_end_matches('/').strip_prefix("http://")?;
        let stream = TcpStream::connect(address).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let request = Request::get(path_and_query)
            .header("host", host)
            .header("x-k8s-aws-id", &self.cluster)
            .body(Empty::<Bytes>::new())
            .ok()?;
        let answer = async {
            let answer = sender.send_request(request).await.ok()?;
            let is_good = answer.status().is_success();
            let body = answer.into_body().collect().await.ok()?.to_bytes();
            is_good.then(|| String::from_utf8_lossy(&body).into_owned())
        };
        tokio::select! {
            answer = answer => answer,
            // The connection may end with the last byte of its answer, so it must not win over it.
            () = async { let _ = connection.await; std::future::pending().await } => None,
        }
    }
}

/// Whether a bearer token is one for this webhook.
pub(super) fn is_one(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// Host, and path with query, of a token that is what the webhook of EKS takes.
fn checked(token: &str, now: i64) -> Option<(String, String)> {
    let encoded = token.strip_prefix(PREFIX).filter(|_| token.len() <= 4096)?;
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    let (host, query) = url.strip_prefix("https://")?.split_once("/?")?;
    let mut values = BTreeMap::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=')?;
        let name = name.to_lowercase();
        if !PARAMETERS.contains(&name.as_str()) || values.insert(name, decoded(value)).is_some() {
            return None;
        }
    }
    let value = |name: &str| values.get(name).map(String::as_str);
    let signs_cluster = value("x-amz-signedheaders")?.split(';').any(|header| header == "x-k8s-aws-id");
    let age = now - parse_compact(value("x-amz-date")?)?;
    let is_good = is_sts(host)
        && signs_cluster
        && value("action")? == "GetCallerIdentity"
        && (-300..LIFE).contains(&age);
    is_good.then(|| (host.to_owned(), format!("/?{query}")))
}

fn is_sts(host: &str) -> bool {
    let Some(rest) = host.strip_prefix("sts.").or_else(|| host.strip_prefix("sts-fips.")) else {
        return false;
    };
    rest == "amazonaws.com"
        || [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|suffix| {
            let region = rest.strip_suffix(suffix).unwrap_or_default();
            !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// A session of a role counts as the role.
fn canonical(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match (parts.as_slice(), parts.last().map(|last| last.split('/').collect::<Vec<_>>()).as_deref()) {
        ([arn, partition, "sts", _, account, _], Some(["assumed-role", role, _])) => {
            format!("{arn}:{partition}:iam::{account}:role/{role}")
        }
        _ => arn.to_owned(),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
        &X-Amz-Date=20261122T033646Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=00";

    fn check(url: &str, now: &str) -> Option<(String, String)> {
        let now = parse_compact(now).expect("a compact time");
        checked(&format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url)), now)
    }

    #[test]
    fn only_a_presigned_call_to_sts_for_a_cluster_is_a_token() {
        let (host, rest) = check(GOOD, "20261122T035145Z").expect("a token");
        assert_eq!(host, "sts.us-west-2.amazonaws.com");
        assert!(rest.starts_with("/?Action=GetCallerIdentity&"), "{rest}");
        assert_eq!(check(GOOD, "20261122T035146Z"), None, "a quarter of an hour has passed");
        for (part, other) in [
            ("sts.us-west-2.amazonaws.com", "sts.example.com"),
            ("sts.us-west-2.amazonaws.com", "sts.us-west-2.amazonaws.com.example.com"),
            ("https://", "http://"),
            ("Action=GetCallerIdentity", "Action=GetSessionToken"),
            ("%3Bx-k8s-aws-id", ""),
            ("X-Amz-Expires=60", "X-Amz-User-Agent=x"),
            ("Version=2011-06-15", "action=GetCallerIdentity"),
        ] {
            assert_eq!(check(&GOOD.replace(part, other), "20261122T033646Z"), None, "{other}");
        }
    }

    #[test]
    fn a_session_counts_as_its_role() {
        let role = "arn:aws:iam::123456789012:role/reader";
        assert_eq!(canonical("arn:aws:sts::123456789012:assumed-role/reader/test"), role);
        for same in [role, "arn:aws:iam::123456789012:user/alice", "arn:aws:sts::1:federated-user/bob"] {
            assert_eq!(canonical(same), same);
        }
    }
}
