//! The metadata service of virtual machines (protocol: Azure Instance Metadata Service, version 2018-02-01).

use connector_core::{Call, Error, Patience, Response, Result};

use super::{Chosen, Failure, local, may_pass, read, refused};
use crate::auth::IMDS;
use crate::mint::Token;
use crate::names::Audience;
use crate::session::Place;
use crate::wire;

const CALL: &str = "imds:token";
const PATH: &str = "/metadata/identity/oauth2/token";
const VERSION: &str = "2018-02-01";

/// A token, asked for once where nobody knows whether there is such a service, and more often where there is.
pub(super) async fn token(
    cx: &Call<'_>,
    place: &Place,
    url: &str,
    sure: bool,
    chosen: &Chosen,
    audience: &Audience,
) -> Result<Token, Failure> {
    let mut fields = vec![("api-version", VERSION), ("resource", audience.as_str())];
    fields.extend(chosen.parameter("msi_res_id"));
    let request = local(&format!("{url}{PATH}"), &fields);
    let is_usual = url == IMDS;
    let request = match is_usual {
        true => request.to_metadata(),
        // What stands in for it is at no link-local address, under whatever name.
        false => wire::trusting(place, request),
    };
    let passing: fn(&Result<Response>) -> bool = match (is_usual, sure) {
        (false, true) => Patience::may_pass,
        (false, false) => |outcome| outcome.is_ok() && Patience::may_pass(outcome),
        (true, true) => passes,
        (true, false) => passes_once_there,
    };
    let answer = cx.send_patiently(request, Patience::default().with_passing(passing)).await;
    let answer = answer.map_err(|error| match (error.is_transient(), sure) {
        (true, true) => Failure::Other(
            error
                .context("the metadata service of this machine does not answer")
                .with_hint("only machines of Azure's have one; where it is one, try again later"),
        ),
        (true, false) => Failure::Absent(
            Error::unreachable(
                "no metadata service of Azure's answers: this machine is none of its, or has no way there",
            )
            .with_cause(error.message())
            .with_hint("run it on a machine of Azure's, or choose a method that holds its own credentials"),
        ),
        (false, _) => Failure::Other(error),
    })?;
    if answer.status() == 200 {
        return read(cx, CALL, &answer).map_err(Failure::Other);
    }
    if !is_usual && answer.status() == 404 {
        return Err(Failure::Absent(
            Error::unreachable("what stands in for the metadata service of this machine gives no tokens")
                .transient(false)
                .with_hint("check `endpoints.identity`, or `endpoint_url`"),
        ));
    }
    if is_strange(&answer) {
        return Err(Failure::Absent(
            Error::unreachable("the metadata service of this machine is another cloud's, or a proxy's")
                .transient(false)
                .with_hint("choose a method that holds its own credentials"),
        ));
    }
    Err(refused(cx, CALL, chosen, &answer))
}

fn passes(outcome: &Result<Response>) -> bool {
    !outcome.as_ref().is_ok_and(is_strange) && may_pass(outcome)
}

fn passes_once_there(outcome: &Result<Response>) -> bool {
    outcome.is_ok() && passes(outcome)
}

/// Whether something else answers at that address: the services of other clouds, or a proxy that cannot reach any.
fn is_strange(answer: &Response) -> bool {
    let server = answer.header("server").unwrap_or_default();
    let unreachable = || {
        let text = String::from_utf8_lossy(answer.body()).to_ascii_lowercase();
        text.contains("unreachable")
    };
    answer.header("metadata-flavor").is_some()
        || server.starts_with("EC2ws")
        || (answer.status() == 403 && unreachable())
}
