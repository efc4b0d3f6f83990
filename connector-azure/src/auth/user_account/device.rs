//! Logging in on any device, by a code (RFC 8628).

use std::time::Duration;

use connector_core::{Call, Error, Result};

use super::nobody;
use crate::mint::person::{self, Client, INTERVAL, Made, Polled};
use crate::names::Audience;
use crate::session::Place;

/// Shows a code to a person, and waits until it was typed on some device.
///
/// # Errors
/// Nobody is there, a login that is declined or not finished, a program that may not log people in so.
pub(super) async fn log_in(
    cx: &Call<'_>,
    place: &Place,
    client: &Client,
    audience: &Audience,
) -> Result<Made> {
    // Before anything else: without a person, nothing is done.
    cx.tell("Logging in to Azure").await.map_err(|error| nobody(cx, error))?;
    let began = cx.now();
    let code = person::start_device(cx, place, client, audience).await?;
    cx.tell(&format!("Open {} on any device and type the code {}", code.verification_uri, code.user_code))
        .await?;
    let end = began + Duration::from_secs(code.expires_in.min(3600));
    let mut interval = match code.interval {
        seconds @ 1..=60 => Duration::from_secs(seconds),
        _ => INTERVAL,
    };
    while cx.now() + interval < end {
        cx.clock().sleep(interval).await;
        // A person takes their time: lives count from here.
        let cx = &Call::new(cx, cx.duration());
        match person::poll_device(cx, place, client, &code).await? {
            Polled::Done(made) => return Ok(made),
            Polled::Pending => {}
            Polled::SlowDown => interval += Duration::from_secs(5),
            Polled::Over => break,
        }
    }
    Err(Error::refused("nobody typed the code in time").with_hint("log in again"))
}
