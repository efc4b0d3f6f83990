//! The metadata service of EC2 instances, in its version 2 only.

use connector_core::{Authenticated, Call, Context, Error, Request, Response, Result, Secret};

use super::chain::Found;
use super::given;
use crate::session::{Place, Session};

const SOURCE: &str = "the instance's metadata service";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";

/// The credentials of the instance's role.
pub(super) async fn fetch(cx: &Context, place: &Place) -> Result<Authenticated<Session>> {
    let service = Service::open(cx).await?;
    let answer = service.get(cx, ROLES).await?;
    if answer.status() == 404 {
        return Err(Error::not_configured("the instance has no role"));
    }
    let role = text(&answer).and_then(|text| text.lines().next()).map(str::trim).filter(|role| is_name(role));
    let role = role.ok_or_else(|| Error::unreachable(format!("{SOURCE} gave no role's name")))?;
    let call = Call::new(cx, None);
    let answer = service.get(cx, &format!("{ROLES}{role}")).await?;
    if answer.status() != 200 {
        return Err(Error::unreachable(format!("{SOURCE} answered with status {}", answer.status())));
    }
    given::session(&call, place, &answer, SOURCE)
}

/// Whether the metadata service would be asked; what it says takes a call.
pub(super) fn look(cx: &Context) -> Option<Found> {
    let off = endpoint(cx).is_err_and(|error| error.is_not_configured());
    let shown = "the instance's role, if there is an instance with one";
    (!off).then(|| Found { asked: true, ..Found::new("instance metadata", shown) })
}

/// Whether there is a metadata service at all.
pub(crate) async fn answers(cx: &Context) -> bool {
    Service::open(cx).await.is_ok()
}

/// The service, with the token that it wants to see.
struct Service {
    endpoint: String,
    token: Secret,
}

impl Service {
    async fn open(cx: &Context) -> Result<Self> {
        let endpoint = endpoint(cx)?;
        let request = Request::new("PUT", format!("{endpoint}/latest/api/token"))
            .with_header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
        // Asked once: on most machines nobody is there, and that should not take long to find out.
        let answer = cx.send(given::local(request)).await.map_err(|error| match error.is_transient() {
            true => Error::not_configured("no instance metadata service answers"),
            false => error,
        })?;
        let token =
            text(&answer).map(str::trim).filter(|token| token.bytes().all(|it| it.is_ascii_graphic()));
        match token {
            Some(token) if answer.status() == 200 && !token.is_empty() => {
                Ok(Self { endpoint, token: Secret::new(token) })
            }
            _ => Err(Error::unreachable(format!("{SOURCE} gave no token (status {})", answer.status()))),
        }
    }

    async fn get(&self, cx: &Context, path: &str) -> Result<Response> {
        let request = Request::get(format!("{}{path}", self.endpoint))
            .with_header("x-aws-ec2-metadata-token", self.token.expose());
        given::ask(cx, given::local(request)).await
    }
}

fn endpoint(cx: &Context) -> Result<String> {
    if cx.var("AWS_EC2_METADATA_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        return Err(Error::not_configured("AWS_EC2_METADATA_DISABLED switches the metadata service off"));
    }
    if let Some(url) = cx.var("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
        let host = given::host_of(&url).map(|(host, _)| host);
        let known = host.is_some_and(|host| {
            given::is_loopback(host) || matches!(host, "169.254.169.254" | "fd00:ec2::254")
        });
        return match known {
            true => Ok(url.trim_end_matches('/').to_owned()),
            false => Err(Error::refused(
                "AWS_EC2_METADATA_SERVICE_ENDPOINT is not an address of a metadata service",
            )),
        };
    }
    let mode = cx.var("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    Ok(if mode.is_some_and(|it| it.eq_ignore_ascii_case("ipv6")) { IPV6 } else { IPV4 }.to_owned())
}

fn text(answer: &Response) -> Option<&str> {
    std::str::from_utf8(answer.body()).ok()
}

/// A role's name goes into a URL.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_+=,.@-".contains(&it))
}
