//! The session that an MFA code opened: kept sealed, so that one code serves all programs until it ends.

use std::time::{Duration, SystemTime};

use connector_core::{Authenticated, Call, Expiry, Result, Secret, format_time, parse_time};
use serde_json::{Value, json};

use super::{BOUNDS, SessionToken};
use crate::session::{Keys, Place, Session};

/// Under which the session is kept.
const KEPT: &str = "mfa-session";

impl SessionToken {
    /// The kept session, if there is one of this key and device that lives long enough for what is asked.
    pub(super) async fn kept_session(
        &self,
        cx: &Call<'_>,
        place: &Place,
    ) -> Result<Option<Authenticated<Session>>> {
        if self.mfa_serial.is_none() || cx.anew() {
            return Ok(None);
        }
        let kept = cx.kept(KEPT).await?;
        Ok(kept.and_then(|kept| self.read(&kept, cx, place)))
    }

    /// Keeps a session. Nothing fails where that is not possible: then the next one asks for a code again.
    pub(super) async fn keep_session(&self, cx: &Call<'_>, place: &Place, session: &Authenticated<Session>) {
        let (Some(_), Some(end)) = (&self.mfa_serial, session.expiry.at()) else { return };
        let keys = &session.session.keys;
        let kept = json!({
            "of": self.origin(place),
            "access_key_id": keys.access_key_id.expose(),
            "secret_access_key": keys.secret_access_key.expose(),
            "session_token": keys.session_token.as_ref().map(Secret::expose),
            "expires_at": format_time(end),
        });
        let _ = cx.keep(KEPT, Secret::new(kept.to_string())).await;
    }

    fn read(&self, kept: &Secret, cx: &Call<'_>, place: &Place) -> Option<Authenticated<Session>> {
        let kept: Value = serde_json::from_str(kept.expose()).ok()?;
        let secret = |name: &str| kept[name].as_str().map(Secret::new);
        let end = parse_time(kept["expires_at"].as_str()?).ok()?;
        if kept["of"] != self.origin(place) || !self.is_long_enough(end, cx) {
            return None;
        }
        let keys = Keys {
            access_key_id: secret("access_key_id")?,
            secret_access_key: secret("secret_access_key")?,
            session_token: Some(secret("session_token")?),
        };
        Some(Authenticated::new(self.session_of(keys, place), Expiry::At(end)))
    }

    /// Half of what is asked, as for a session that is shared within a process; when nobody said how long, a
    /// quarter of an hour.
    fn is_long_enough(&self, end: SystemTime, cx: &Call<'_>) -> bool {
        let left = end.duration_since(cx.began()).unwrap_or(Duration::ZERO);
        let need = match cx.duration() {
            Some(asked) if asked != self.bounds().default => asked / 2,
            _ => BOUNDS.min,
        };
        !left.is_zero() && left >= need
    }

    /// What a session comes from: the key, the device, and the partition and endpoint that know both.
    fn origin(&self, place: &Place) -> Value {
        let serial = self.mfa_serial.as_ref().map(ToString::to_string);
        let endpoint = place.sts_endpoint().map(ToString::to_string);
        json!([self.key.aws_access_key_id.expose(), serial, place.partition().id(), endpoint])
    }
}
