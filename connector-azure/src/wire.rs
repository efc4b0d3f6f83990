//! Requests to Azure over the context's HTTP port: forms for tokens, JSON for everything else.

use std::time::Duration;

use connector_core::{Call, Context, Error, Pages, Patience, Request, Response, Result, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error;
use crate::names::{Audience, Service};
use crate::session::{Place, Session};

/// What is left as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as one part of a path.
pub(crate) fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// The fields of a form or a query, encoded.
pub(crate) fn form(fields: &[(&str, &str)]) -> Secret {
    let mut out = form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(fields);
    Secret::new(out.finish())
}

/// Sends a request as the place of a connector says, and again where that may help.
///
/// # Errors
/// No answer; any status is one.
pub(crate) async fn send(cx: &Context, place: &Place, request: Request) -> Result<Response> {
    cx.send_patiently(trusting(place, request), Patience::default()).await
}

/// Posts a form, as OAuth does.
///
/// # Errors
/// No answer; any status is one.
pub(crate) async fn post_form(
    cx: &Context,
    place: &Place,
    url: &str,
    fields: &[(&str, &str)],
) -> Result<Response> {
    send(cx, place, form_request(url, fields)).await
}

/// The same for what is good for one try.
///
/// # Errors
/// No answer; any status is one.
pub(crate) async fn post_form_once(
    cx: &Context,
    place: &Place,
    url: &str,
    fields: &[(&str, &str)],
) -> Result<Response> {
    cx.send(trusting(place, form_request(url, fields))).await
}

fn form_request(url: &str, fields: &[(&str, &str)]) -> Request {
    Request::new("POST", url)
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_header("accept", "application/json")
        .with_body(form(fields).expose())
}

/// A request that trusts whom the place of a connector trusts.
pub(crate) fn trusting(place: &Place, request: Request) -> Request {
    match &place.trust {
        Some(trust) => request.with_trust(trust.pem.clone()),
        None => request,
    }
}

/// The services of one session, for one call.
#[derive(Clone, Copy)]
pub(crate) struct Api<'a> {
    cx: &'a Call<'a>,
    session: &'a Session,
}

/// One page of a list, as all of Azure's APIs in JSON write it.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    value: Vec<T>,
    #[serde(rename = "nextLink")]
    next: Option<String>,
}

impl<'a> Api<'a> {
    pub(crate) fn new(cx: &'a Call<'a>, session: &'a Session) -> Self {
        Self { cx, session }
    }

    /// Asks Resource Manager. `call` is what is asked, as its reference names it, for errors; `path` begins with a
    /// slash.
    ///
    /// # Errors
    /// What it refuses, and answers that are none.
    pub(crate) async fn arm<T: DeserializeOwned>(
        self,
        call: &'static str,
        path: &str,
        version: &str,
    ) -> Result<T> {
        let url = self.arm_url(path, version);
        self.json(call, &self.session.place.resource_manager(), Request::get(url)).await
    }

    /// Posts to Resource Manager, with an empty body, as its actions take it.
    ///
    /// # Errors
    /// As [`Api::arm`].
    #[cfg(feature = "registry")]
    pub(crate) async fn arm_action<T: DeserializeOwned>(
        self,
        call: &'static str,
        path: &str,
        version: &str,
    ) -> Result<T> {
        let answer = self.arm_answer(call, path, version).await?;
        match answer.is_success() {
            true => json(call, &answer),
            false => Err(error::refused(self.cx, call, &answer)),
        }
    }

    /// The same for those who read refusals themselves: any status is an answer.
    ///
    /// # Errors
    /// No token, and no answer.
    #[cfg(any(feature = "aks", feature = "registry"))]
    pub(crate) async fn arm_answer(self, call: &'static str, path: &str, version: &str) -> Result<Response> {
        let request = Request::new("POST", self.arm_url(path, version))
            .with_header("content-length", "0")
            .with_header("accept", "application/json");
        self.send(call, &self.session.place.resource_manager(), request).await
    }

    /// A list of Resource Manager's, to its last page.
    ///
    /// # Errors
    /// As [`Api::arm`], and a list that does not come to an end.
    pub(crate) async fn arm_list<T: DeserializeOwned>(
        self,
        call: &'static str,
        path: &str,
        version: &str,
    ) -> Result<Vec<T>> {
        let audience = self.session.place.resource_manager();
        self.pages(call, &audience, self.arm_url(path, version)).await
    }

    /// A list whose pages tell the address of the next one.
    ///
    /// # Errors
    /// As [`Api::arm_list`].
    pub(crate) async fn pages<T: DeserializeOwned>(
        self,
        call: &'static str,
        audience: &Audience,
        first: String,
    ) -> Result<Vec<T>> {
        self.pages_or(call, audience, first, |answer| error::refused(self.cx, call, answer)).await
    }

    /// As [`Api::pages`], for a service whose refusals mean more than others'.
    ///
    /// # Errors
    /// What `refused` makes of a refusal, and as [`Api::arm_list`].
    pub(crate) async fn pages_or<T: DeserializeOwned>(
        self,
        call: &'static str,
        audience: &Audience,
        first: String,
        refused: impl Fn(&Response) -> Error,
    ) -> Result<Vec<T>> {
        let home = home(&first);
        let mut found = Vec::new();
        let mut followed = Pages::default();
        let mut url = first;
        loop {
            let request = Request::get(&*url).with_header("accept", "application/json");
            let answer = self.send(call, audience, request).await?;
            if !answer.is_success() {
                return Err(refused(&answer));
            }
            let page: Page<T> = json(call, &answer)?;
            found.extend(page.value);
            followed.one_more(call, found.len())?;
            match page.next.filter(|next| !next.is_empty()) {
                None => return Ok(found),
                // The token goes to whoever is named here: only the service itself may be. The same page again would
                // never end.
                Some(next) if self::home(&next) == home && next != url => url = next,
                Some(_) => return Err(error::garbage(call)),
            }
        }
    }

    /// Sends a request with a token for a service, and reads JSON.
    ///
    /// # Errors
    /// What the service refuses, and answers that are none.
    pub(crate) async fn json<T: DeserializeOwned>(
        self,
        call: &'static str,
        audience: &Audience,
        request: Request,
    ) -> Result<T> {
        let answer = self.send(call, audience, request.with_header("accept", "application/json")).await?;
        match answer.is_success() {
            true => json(call, &answer),
            false => Err(error::refused(self.cx, call, &answer)),
        }
    }

    /// Sends a request with a token for a service. Any status is an answer.
    ///
    /// # Errors
    /// No token, and no answer.
    pub(crate) async fn send(
        self,
        call: &'static str,
        audience: &Audience,
        request: Request,
    ) -> Result<Response> {
        let token = self.session.token(self.cx, audience).await?;
        let bearer = Secret::new(format!("Bearer {}", token.secret.expose()));
        let request = request.with_header("authorization", bearer.expose());
        let answer = send(self.cx, &self.session.place, request).await;
        answer.map_err(|error| error.context(format!("{call} is not answered")))
    }

    fn arm_url(self, path: &str, version: &str) -> String {
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{}{path}{mark}api-version={version}", self.session.place.url(Service::ResourceManager))
    }
}

/// Scheme, host and port of a URL, as they are compared: services write https's own port into the address of a next
/// page, whether or not it was asked for.
fn home(url: &str) -> String {
    let origin = Request::get(url).origin().to_ascii_lowercase();
    match origin.strip_suffix(":443") {
        Some(bare) if bare.starts_with("https://") => bare.to_owned(),
        _ => origin,
    }
}

/// How far the server's clock is from ours, where that is more than what Azure bears.
pub(crate) fn skew(cx: &Context, answer: &Response) -> Option<(Duration, bool)> {
    const BORNE: Duration = Duration::from_secs(5 * 60);
    let theirs = answer.date()?;
    let (apart, ahead) = match cx.now().duration_since(theirs) {
        Ok(apart) => (apart, true),
        Err(error) => (error.duration(), false),
    };
    (apart > BORNE).then_some((apart, ahead))
}

/// An answer that is JSON.
///
/// # Errors
/// Unreachable: what answered is not what was asked.
pub(crate) fn json<T: DeserializeOwned>(call: &str, answer: &Response) -> Result<T, Error> {
    serde_json::from_slice(answer.body()).map_err(|_| error::garbage(call))
}

/// An answer as JSON, whatever it holds.
pub(crate) fn value(answer: &Response) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}
