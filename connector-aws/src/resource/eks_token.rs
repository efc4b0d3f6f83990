//! The bearer token of EKS: a presigned `sts:GetCallerIdentity` that the cluster sends for itself.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Error, Result, Secret};

use crate::names::Region;
use crate::session::Keys;

/// How long clients take a token for good. The cluster takes it for a minute more, counted from the date
/// in it, whatever `X-Amz-Expires` says.
pub(super) const LIFE: Duration = Duration::from_secs(14 * 60);

/// What `aws eks get-token` writes, and what the authenticator asks for: a minute at least.
const EXPIRES_IN: Duration = Duration::from_secs(60);

const PREFIX: &str = "k8s-aws-v1.";

/// Makes a token for one cluster, by its name (by its id when it is a local cluster on an Outpost).
///
/// The authenticator in the cluster takes no parameter beside these, asks for the partition's own STS
/// hosts, and for the cluster's header among the signed ones. So the host is AWS's, whatever endpoint the
/// connector uses for its own calls.
pub(super) fn token(keys: &Keys, region: &Region, cluster: &str, now: SystemTime) -> Result<Secret> {
    let url = presign(keys, region, cluster, now)
        .ok_or_else(|| Error::unexpected("the EKS token cannot be signed"))?;
    Ok(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url.expose()))))
}

fn presign(keys: &Keys, region: &Region, cluster: &str, now: SystemTime) -> Option<Secret> {
    let host = region.partition().host("sts", region);
    let url = format!("https://{host}/?Action=GetCallerIdentity&Version=2011-06-15");
    let session_token = keys.session_token.as_ref().map(|it| it.expose().to_owned());
    let identity = Credentials::new(
        keys.access_key_id.expose(),
        keys.secret_access_key.expose(),
        session_token,
        None,
        "connector",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES_IN);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let headers = [("host", host.as_str()), ("x-k8s-aws-id", cluster)];
    let request = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(b"")).ok()?;
    let (instructions, _) = sign(request, &params).ok()?.into_parts();
    let (_, mut query) = instructions.into_parts();
    // The signature comes last, as in what the `aws` program writes; the order has no meaning.
    query.sort_by_key(|(name, _)| *name == "X-Amz-Signature");
    let query: String =
        query.iter().map(|(name, value)| format!("&{name}={}", percent_encoded(value))).collect();
    Some(Secret::new(url + &query))
}

/// Everything but RFC 3986's unreserved characters as `%XX`, as the signature has it.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{digest, hmac};
    use connector_core::parse_time;

    use super::*;

    fn keys() -> Keys {
        Keys {
            access_key_id: Secret::new("AKIAIOSFODNN7EXAMPLE"),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: Some(Secret::new("tok")),
        }
    }

    fn hex(bytes: impl AsRef<[u8]>) -> String {
        bytes.as_ref().iter().map(|it| format!("{it:02x}")).collect()
    }

    fn signed(key: impl AsRef<[u8]>, text: &str) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), text.as_bytes())
    }

    /// S51: the known token of `aws eks get-token`, byte for byte, and its signature recomputed by hand.
    #[test]
    fn s51_the_known_token_comes_out() {
        let region = Region::parse("us-west-2").expect("a region");
        let now = parse_time("2026-11-22T03:36:46Z").expect("a time");
        let token = token(&keys(), &region, "demo", now).expect("a token");
        let encoded = token.expose().strip_prefix("k8s-aws-v1.").expect("the prefix");
        let url = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).expect("base64")).expect("a URL");
        let unsigned = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Fus-west-2%2Fsts%2Faws4_request\
            &X-Amz-Date=20261122T033646Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
            &X-Amz-Security-Token=tok";
        let signature = "26ac8a36aea2780aa55118a259f49c3f69a10c002f0ff62a8e8b599c1cc54145";
        assert_eq!(
            url,
            format!("https://sts.us-west-2.amazonaws.com/?{unsigned}&X-Amz-Signature={signature}")
        );

        let mut sorted: Vec<_> = unsigned.split('&').collect();
        sorted.sort_unstable();
        let request = format!(
            "GET\n/\n{}\nhost:sts.us-west-2.amazonaws.com\nx-k8s-aws-id:demo\n\nhost;x-k8s-aws-id\n{}",
            sorted.join("&"),
            hex(digest::digest(&digest::SHA256, b""))
        );
        let scope = "20261122/us-west-2/sts/aws4_request";
        let digest = hex(digest::digest(&digest::SHA256, request.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n20261122T033646Z\n{scope}\n{digest}");
        let secret = format!("AWS4{}", keys().secret_access_key.expose());
        let key = scope.split('/').fold(secret.into_bytes(), |key, part| signed(key, part).as_ref().to_vec());
        assert_eq!(hex(signed(key, &text)), signature);
    }

    #[test]
    fn a_token_is_for_the_sts_of_the_partition() {
        for (region, host) in [
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/?"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com/?"),
            ("eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu/?"),
        ] {
            let region = Region::parse(region).expect("a region");
            let mut keys = keys();
            keys.session_token = None;
            let url = presign(&keys, &region, "demo", SystemTime::UNIX_EPOCH).expect("a URL");
            assert!(url.expose().starts_with(host), "{region}");
            assert!(!url.expose().contains("Security-Token"));
        }
    }
}
