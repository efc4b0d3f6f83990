//! Requests to Google over the context's HTTP port: forms for tokens, JSON for everything else.

use std::time::Duration;

use connector_core::{Context, Error, Pages, Patience, Request, Response, Result, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error;
use crate::names::Service;
use crate::session::{Place, Session};

/// What is left as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

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
pub(crate) async fn send(cx: &Context, place: &Place, mut request: Request) -> Result<Response> {
    if let Some(trust) = &place.trust {
        request = request.with_trust(trust.pem.clone());
    }
    cx.send_patiently(request.with_header("accept", "application/json"), Patience::default()).await
}

/// Posts a form that must not arrive twice.
///
/// # Errors
/// No answer; any status is one.
pub(crate) async fn post_form_once(
    cx: &Context,
    place: &Place,
    url: &str,
    fields: &[(&str, &str)],
) -> Result<Response> {
    let mut request = Request::new("POST", url)
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_header("accept", "application/json")
        .with_timeout(cx.call_limit())
        .with_body(form(fields).expose());
    if let Some(trust) = &place.trust {
        request = request.with_trust(trust.pem.clone());
    }
    cx.send(request).await
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
    authorization: Option<&Secret>,
) -> Result<Response> {
    let mut request = Request::new("POST", url)
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_body(form(fields).expose());
    if let Some(authorization) = authorization {
        request = request.with_header("authorization", authorization.expose());
    }
    send(cx, place, request).await
}

/// The services of one session, for one call.
#[derive(Clone, Copy)]
pub(crate) struct Api<'a> {
    cx: &'a Context,
    session: &'a Session,
}

impl<'a> Api<'a> {
    pub(crate) fn new(cx: &'a Context, session: &'a Session) -> Self {
        Self { cx, session }
    }

    /// Asks a service. `call` is what is asked, as the service's own reference names it, for errors.
    ///
    /// # Errors
    /// What the service refuses, and answers that are none.
    pub(crate) async fn get<T: DeserializeOwned>(
        self,
        call: &'static str,
        service: Service,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T> {
        let mut url = format!("{}{path}", self.session.place.url(service));
        if !query.is_empty() {
            url.push('?');
            url.push_str(form(query).expose());
        }
        self.read(call, Request::get(url)).await
    }

    /// Asks a service that wants JSON.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(crate) async fn post<T: DeserializeOwned>(
        self,
        call: &'static str,
        service: Service,
        path: &str,
        body: &Value,
    ) -> Result<T> {
        let request = Request::new("POST", format!("{}{path}", self.session.place.url(service)))
            .with_header("content-type", "application/json")
            .with_body(body.to_string());
        self.read(call, request).await
    }

    /// Asks for a list, to its last page. `items` takes the ids of one page, and says what the next one is called.
    ///
    /// # Errors
    /// As [`Api::get`], and a list that does not come to an end.
    pub(crate) async fn pages<T: DeserializeOwned, I>(
        self,
        call: &'static str,
        service: Service,
        path: &str,
        query: &[(&str, &str)],
        items: impl Fn(T) -> (Vec<I>, Option<String>),
    ) -> Result<Vec<I>> {
        let mut found = Vec::new();
        let mut followed = Pages::default();
        let mut next = None::<String>;
        loop {
            let mut query = query.to_vec();
            query.extend(next.as_deref().map(|token| ("pageToken", token)));
            let (page, token) = items(self.get(call, service, path, &query).await?);
            found.extend(page);
            followed.one_more(call, found.len())?;
            match token.filter(|token| !token.is_empty()) {
                // The same page again would never end.
                Some(token) if next.as_ref() != Some(&token) => next = Some(token),
                Some(_) => return Err(error::garbage(call)),
                None => return Ok(found),
            }
        }
    }

    async fn read<T: DeserializeOwned>(self, call: &'static str, request: Request) -> Result<T> {
        let bearer = Secret::new(format!("Bearer {}", self.session.token.expose()));
        let mut request = request.with_header("authorization", bearer.expose());
        if let Some(project) = &self.session.place.quota_project {
            request = request.with_header("x-goog-user-project", project.as_str());
        }
        let answer = send(self.cx, &self.session.place, request).await;
        let answer = answer.map_err(|error| error.context(format!("{call} is not answered")))?;
        if !answer.is_success() {
            let error = error::refused(call, &answer);
            // Whose project a person's calls are counted for, the client of the login decides.
            let account = self.session.account.as_deref().unwrap_or_default();
            let is_robot = account.ends_with(".gserviceaccount.com");
            return Err(match error::is_of_consumer(&answer) && !is_robot {
                true => {
                    let hint = error.hint().unwrap_or_default().to_owned();
                    error.with_hint(format!(
                        "{hint}; for a person's login set `quota_project_id` to a project that has it and that the \
                         person may use"
                    ))
                }
                false => error,
            });
        }
        serde_json::from_slice(answer.body()).map_err(|_| error::garbage(call))
    }
}

/// How far the server's clock is from ours, where that is more than what Google bears.
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
