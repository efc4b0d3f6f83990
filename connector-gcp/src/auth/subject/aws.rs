//! AWS as the token of elsewhere: a request for the caller's own identity, signed (SigV4) and not sent. Google sends it.
//!
//! Shapes are those of AWS's signing documentation and of Google's guide on federation with AWS.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use connector_core::{Call, Error, Request, Result, Secret};
use serde::Deserialize;
use serde_json::json;

use super::ask;
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

/// The signed request, as STS takes it.
pub(super) async fn signed(
    cx: &Call<'_>,
    place: &Place,
    account: &ExternalAccount,
    source: &AwsSource,
) -> Result<Secret> {
    let metadata = Metadata { cx, place, source };
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
}

impl Metadata<'_, '_> {
    /// The region: the availability zone without its letter.
    async fn region(&self) -> Result<String> {
        let url = self.source.region_url.as_deref().ok_or_else(|| {
            Error::not_configured("the region of AWS is not known")
                .with_hint("set AWS_REGION on the host that issues")
        })?;
        let zone = self.text(url).await?;
        Ok(zone.expose().trim_end_matches(|it: char| it.is_ascii_lowercase()).to_owned())
    }

    async fn keys(&self) -> Result<Keys> {
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

    async fn text(&self, url: &str) -> Result<Secret> {
        let mut request = Request::get(url);
        if let Some(token_url) = &self.source.token_url {
            let token = Request::new("PUT", token_url.as_str())
                .with_header("x-aws-ec2-metadata-token-ttl-seconds", "300");
            let token = ask(self.cx, self.place, token_url, token).await?;
            let token = String::from_utf8_lossy(token.body()).trim().to_owned();
            request = request.with_header("x-aws-ec2-metadata-token", token);
        }
        let answer = ask(self.cx, self.place, url, request).await?;
        let text = std::str::from_utf8(answer.body()).map(|it| Secret::new(it.trim()));
        text.map_err(|_| Error::unreachable("AWS's metadata service answers something that is no text"))
    }
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
    // The audience must not be usable for another host than AWS's.
    if !host.starts_with("sts.") || !(host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
    {
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
    headers.push(("authorization", Secret::new(authorization)));
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| json!({ "key": name, "value": value.expose() })).collect();
    let request = Secret::new(json!({ "url": url, "method": "POST", "headers": headers }).to_string());
    Ok(Secret::new(wire::part(request.expose())))
}
