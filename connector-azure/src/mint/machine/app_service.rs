//! App Service, Functions and Container Apps (protocol: App Service managed identity, version 2019-08-01).

use connector_core::{Call, Error, Patience, Result, Secret};

use super::{Chosen, Failure, local, may_pass, read, refused};
use crate::mint::{Token, is_token};
use crate::names::Audience;
use crate::session::Place;
use crate::wire;

const CALL: &str = "app-service:token";
const VERSION: &str = "2019-08-01";

pub(super) async fn token(
    cx: &Call<'_>,
    place: &Place,
    url: &str,
    header: &Secret,
    chosen: &Chosen,
    audience: &Audience,
) -> Result<Token, Failure> {
    if !is_token(header) {
        let error = Error::invalid("IDENTITY_HEADER holds characters that no header can");
        return Err(Failure::Other(error));
    }
    let mut fields = vec![("api-version", VERSION), ("resource", audience.as_str())];
    fields.extend(chosen.parameter("mi_res_id"));
    let request = local(url, &fields).with_header("x-identity-header", header.expose()).to_metadata();
    let request = wire::trusting(place, request);
    let answer = cx.send_patiently(request, Patience::default().with_passing(may_pass)).await;
    let answer = answer.map_err(|error| {
        error.context("the identity endpoint of App Service does not answer").with_hint("try again later")
    })?;
    match answer.status() {
        200 => read(cx, CALL, &answer).map_err(Failure::Other),
        401 | 403 => Err(Failure::Other(
            Error::refused(format!("{CALL}: the identity endpoint does not take what IDENTITY_HEADER holds"))
                .with_hint("both variables are the platform's: do not set them, and start the app anew"),
        )),
        _ => Err(refused(cx, CALL, chosen, &answer)),
    }
}
