//! The credentials endpoint of ECS tasks and of EKS Pod Identity.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use connector_core::{Authenticated, Call, Context, Error, Request, Result, Secret};

use super::chain::{Found, hash};
use super::given;
use crate::session::{Place, Session};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const SOURCE: &str = "the container's endpoint";

/// The addresses, beside those of the machine itself, that may be asked without encryption.
const ALLOWED: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x23)),
];

/// Asks the endpoint that the environment names.
pub(super) async fn fetch(cx: &Context, place: &Place) -> Result<Authenticated<Session>> {
    let call = Call::new(cx, None);
    let mut request = given::local(Request::get(address(cx)?)).with_header("Accept", "application/json");
    if let Some(token) = authorization(cx)? {
        request = request.with_header("Authorization", token.expose());
    }
    let answer =
        given::ask(cx, request).await.map_err(|error| error.context(format!("{SOURCE} gives no answer")))?;
    match answer.status() {
        200 => {}
        status @ (401 | 403) => {
            return Err(Error::refused(format!(
                "{SOURCE} does not accept the authorization token (status {status})"
            )));
        }
        status => return Err(Error::unreachable(format!("{SOURCE} answered with status {status}"))),
    }
    given::session(&call, place, &answer, SOURCE)
}

/// What the environment says of the endpoint; `None` when it names none.
pub(super) fn look(cx: &Context) -> Option<Found> {
    let (variable, uri) =
        [RELATIVE, FULL].into_iter().find_map(|name| cx.var(name).map(|uri| (name, uri)))?;
    // The token says who asks; its file is replaced from time to time, so there it is the path that counts.
    let token = cx.var(TOKEN_FILE).or_else(|| cx.var(TOKEN)).unwrap_or_default();
    // Parts of a URL may be secret, too.
    let identity = format!("container {}", hash(&Secret::new(format!("{uri} {token}"))));
    Some(Found::new(identity, format!("the endpoint in {variable}")))
}

fn address(cx: &Context) -> Result<String> {
    if let Some(path) = cx.var(RELATIVE) {
        if !path.starts_with('/') {
            return Err(Error::invalid(format!("{RELATIVE} does not start with a slash")));
        }
        return Ok(format!("http://169.254.170.2{path}"));
    }
    let url = cx.var(FULL);
    let url = url.ok_or_else(|| Error::not_configured(format!("neither {RELATIVE} nor {FULL} is set")))?;
    let (host, https) = given::host_of(&url).ok_or_else(|| Error::invalid(format!("{FULL} is not a URL")))?;
    let allowed = host.parse().is_ok_and(|address: IpAddr| ALLOWED.contains(&address));
    if https || allowed || given::is_loopback(host) {
        return Ok(url);
    }
    Err(Error::refused(format!("{FULL} names a host that must not be asked without encryption"))
        .with_hint("use https, a loopback address, or one of 169.254.170.2, 169.254.170.23 and fd00:ec2::23"))
}

/// Sent as it is; the file stands above the variable, and is read each time since it is replaced.
fn authorization(cx: &Context) -> Result<Option<Secret>> {
    let token = match cx.var(TOKEN_FILE) {
        Some(path) => {
            let text = cx
                .read_text(Path::new(&path))
                .map_err(|error| error.context(format!("{TOKEN_FILE} cannot be read")))?;
            Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
        }
        None => cx.var(TOKEN).map(Secret::new),
    };
    match token {
        Some(token) if token.expose().bytes().all(|it| it.is_ascii_graphic() || it == b' ') => {
            Ok(Some(token))
        }
        Some(_) => {
            Err(Error::invalid("the container's authorization token holds characters that no header can"))
        }
        None => Ok(None),
    }
}
