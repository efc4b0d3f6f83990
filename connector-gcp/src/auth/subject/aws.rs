//! AWS as the token of elsewhere: a request for the caller's own identity, signed (SigV4) and not sent. Google sends it.
//!
//! Shapes are those of AWS's signing documentation and of Google's guide on federation with AWS.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use connector_core::{Call, Context, Error, Request, Response, Result, Secret};
use serde::Deserialize;
use serde_json::json;

use super::{ask, switched_on};
use crate::file::{AwsSource, ExternalAccount};
use crate::session::Place;
use crate::wire;

/// Keys of AWS.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    access_key_id: Secret,
    secret_access_key: Secret,
    token: Option<Secret>,
}

/// The variables that say who this machine is at AWS, and where.
const VARIABLES: [&str; 5] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"];

/// What of the surroundings decides whose identity it is, for the cache key; nothing where nothing does.
pub(crate) fn describe(cx: &Context) -> String {
    let said = VARIABLES.map(|name| cx.var(name).unwrap_or_default());
    if said.iter().all(String::is_empty) {
        return String::new();
    }
    let said = said.join("\0");
    let print = digest(&SHA256, Secret::new(said).expose().as_bytes());
    format!("aws:{}", hex(&print.as_ref()[..16]))
}

/// The signed request, as STS takes it.
pub(super) async fn signed(
    cx: &Call<'_>,
    place: &Place,
    account: &ExternalAccount,
    source: &AwsSource,
) -> Result<Secret> {
    switched_on(cx, "this machine's identity at AWS")?;
    let mut metadata = Metadata { cx, place, source, token: None };
    let region = match cx.var("AWS_REGION").or_else(|| cx.var("AWS_DEFAULT_REGION")) {
        Some(region) => region,
        None => metadata.region().await?,
    };
    if !region.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        || region.is_empty()
    {
        return Err(Error::invalid("the region of AWS is no region"));
    }
    let keys = match (cx.var("AWS_ACCESS_KEY_ID"), cx.var("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Keys {
            access_key_id: Secret::new(id),
            secret_access_key: Secret::new(secret),
            token: cx.var("AWS_SESSION_TOKEN").map(Secret::new),
        },
        _ => metadata.keys().await?,
    };
    let url = source.verification_url.replace("{region}", &region);
    sign(cx, &keys, &region, &url, &account.audience)
}

/// AWS's metadata service, where the file names its URLs.
struct Metadata<'a, 'b> {
    cx: &'a Call<'b>,
    place: &'a Place,
    source: &'a AwsSource,
    /// What version 2 of the service wants with each request, once it was asked for.
    token: Option<Secret>,
}

impl Metadata<'_, '_> {
    /// The region: the availability zone without its letter.
    async fn region(&mut self) -> Result<String> {
        let url = self.source.region_url.as_deref().ok_or_else(|| {
            Error::not_configured("the region of AWS is not known")
                .with_hint("set AWS_REGION on the host that issues")
        })?;
        let zone = self.text(url).await?;
        Ok(zone.expose().trim_end_matches(|it: char| it.is_ascii_lowercase()).to_owned())
    }

    async fn keys(&mut self) -> Result<Keys> {
        let url = self.source.url.as_deref().ok_or_else(|| {
            Error::not_configured("there are no keys of AWS")
                .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY on the host that issues")
        })?;
        let role = self.text(url).await?;
        let role = wire::part(role.expose());
        let keys = self.text(&format!("{}/{role}", url.trim_end_matches('/'))).await?;
        serde_json::from_str(keys.expose())
            .map_err(|_| Error::unreachable("AWS's metadata service gives no keys"))
    }

    async fn text(&mut self, url: &str) -> Result<Secret> {
        let mut request = Request::get(url);
        if let (None, Some(token_url)) = (&self.token, &self.source.token_url) {
            let token = Request::new("PUT", token_url.as_str())
                .with_header("x-aws-ec2-metadata-token-ttl-seconds", "300");
            self.token = Some(text_of(&ask(self.cx, self.place, token_url, token).await?)?);
        }
        if let Some(token) = &self.token {
            request = request.with_header("x-aws-ec2-metadata-token", token.expose());
        }
        text_of(&ask(self.cx, self.place, url, request).await?)
    }
}

fn text_of(answer: &Response) -> Result<Secret> {
    let text = std::str::from_utf8(answer.body()).map(|it| Secret::new(it.trim()));
    text.map_err(|_| Error::unreachable("AWS's metadata service answers something that is no text"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn sign(cx: &Call<'_>, keys: &Keys, region: &str, url: &str, audience: &str) -> Result<Secret> {
    let wrong = || Error::invalid("`regional_cred_verification_url` is no https URL of AWS's STS");
    let (host, path_and_query) =
        url.strip_prefix("https://").and_then(|it| it.split_once(['/', '?'])).ok_or_else(wrong)?;
    let query = path_and_query.trim_start_matches('?');
    // What is signed must not be good for another host than AWS's own; buckets are hosts below its domain, too.
    let regional = format!("sts.{region}.amazonaws.com");
    let is_sts = host == "sts.amazonaws.com" || host.strip_suffix(".cn").unwrap_or(host) == regional;
    if !is_sts || query.is_empty() || query.contains(['/', '?']) {
        return Err(wrong());
    }
    let now =
        jiff::Timestamp::try_from(cx.now()).map_err(|_| Error::unexpected("the clock shows no time"))?;
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &time[..8];

    let mut headers = vec![("host", Secret::new(host)), ("x-amz-date", Secret::new(time.as_str()))];
    headers.extend(keys.token.clone().map(|token| ("x-amz-security-token", token)));
    headers.push(("x-goog-cloud-target-resource", Secret::new(audience)));
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.expose())).collect();
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    let empty = hex(digest(&SHA256, b"").as_ref());
    let canonical = Secret::new(format!("POST\n/\n{}\n{lines}\n{names}\n{empty}", pairs.join("&")));
    let scope = format!("{day}/{region}/sts/aws4_request");
    let hashed = hex(digest(&SHA256, canonical.expose().as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
    let first = Secret::new(format!("AWS4{}", keys.secret_access_key.expose()));
    let key = [day, region, "sts", "aws4_request"]
        .iter()
        .fold(None, |key: Option<hmac::Tag>, word| {
            Some(mac(key.as_ref().map_or(first.expose().as_bytes(), |it| it.as_ref()), word))
        })
        .expect("there are four words");
    let signature = hex(mac(key.as_ref(), &to_sign).as_ref());
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.access_key_id.expose()
    );
    headers.push(("Authorization", Secret::new(authorization)));
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| json!({ "key": name, "value": value.expose() })).collect();
    let request = Secret::new(json!({ "url": url, "method": "POST", "headers": headers }).to_string());
    Ok(Secret::new(wire::part(request.expose())))
}

#[cfg(test)]
mod tests {
    use connector_conformance::{CANARY, Scripted};
    use connector_core::{AuthMethod, Secret};

    use super::*;
    use crate::auth::{ExternalAccount as Method, JsonFile, Network};
    use crate::names::ProjectId;

    /// C19: the keys of a machine are its own identity. Switched off, nothing of them is looked at, and nobody is asked.
    #[tokio::test]
    async fn c19_the_machines_keys_are_used_where_that_is_switched_on() {
        let file = json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {
                "environment_id": "aws1",
                "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity",
            },
        });
        let file = JsonFile::parse(Secret::new(file.to_string())).expect("an external account");
        let method = Method::new(Network::new(ProjectId::parse("my-project").expect("a project")), file);
        let world = Scripted::new()
            .var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .var("AWS_SECRET_ACCESS_KEY", CANARY)
            .var("AWS_REGION", "eu-west-1");
        let identity = |cx: &Context| Method::identity(&serde_json::Map::new(), cx).expect("an identity");

        let off = world.context().with_implicit(false);
        assert_eq!(identity(&off), "");
        let error = method.authenticate(&Call::new(&off, None), None).await.expect_err("switched off");
        assert_eq!(
            error.message(),
            "the external account takes its token from this machine's identity at AWS"
        );
        assert!(error.hint().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS")));
        assert!(world.sent().is_empty());

        let on = world.context().with_implicit(true);
        let one = identity(&on);
        assert!(one.starts_with("aws:") && !one.contains(CANARY) && !one.contains("AKIA"), "{one}");
        let _ = method.authenticate(&Call::new(&on, None), None).await.expect_err("nobody answers");
        assert_eq!(world.lines(), ["POST https://sts.googleapis.com/v1/token"]);
        assert!(!String::from_utf8_lossy(world.sent()[0].body()).contains(CANARY));
        // Other keys are another identity.
        let _ = world.clone().var("AWS_ACCESS_KEY_ID", "AKIAOTHER");
        assert_ne!(identity(&on), one);
    }
}
