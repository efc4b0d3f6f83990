//! Protocols in which unmodified SDKs and programs ask an endpoint of their own machine for credentials.
//!
//! A host listens, decides who may ask, and issues. What a kind of credential adds is a [`Protocol`]: how a program is
//! told where to ask, what a request means, and how an answer looks. It never sees a socket, and no request reaches
//! it that has not shown its [`Proof`].

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::{Credential, EnvironmentForm, Error, ErrorKind, Grant, Issued, Result, Secret};

/// A protocol in which programs ask for credentials of kind `C`.
pub trait Protocol<C: Credential>: Send + Sync {
    /// Its id: kebab-case, never changed.
    fn id(&self) -> &'static str;

    /// Who speaks it, for people: one line.
    fn about(&self) -> &'static str;

    /// How a request for `path` shows that it may ask.
    fn proof(&self, path: &str) -> Proof;

    /// The one method of requests for `path`.
    fn method(&self, path: &str) -> &'static str {
        let _ = path;
        "GET"
    }

    /// Whether requests for `path` are of this protocol.
    fn claims(&self, path: &str) -> bool;

    /// What a program needs to find the endpoint, and to find nothing else before it. `issued` is what the endpoint
    /// gives as of now.
    ///
    /// # Errors
    /// When a credential like this one cannot be given in this protocol.
    fn set_up(&self, site: &Site, issued: &Issued<C>) -> Result<SetUp>;

    /// What a request asks for, of an endpoint that serves `grant`.
    ///
    /// # Errors
    /// The answer to who asks for something else.
    fn wants(&self, asked: &Asked, grant: &Grant) -> Result<Grant, Answer> {
        let _ = asked;
        Ok(grant.clone())
    }

    /// The answer, as of `now`: lives are told by what is left of them.
    fn answer(&self, asked: &Asked, issued: &Issued<C>, now: SystemTime) -> Answer;

    /// How the protocol says no.
    fn refuse(&self, refusal: &Refusal) -> Answer;
}

/// How a request shows that it may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// This header carries the session's token, and nothing else.
    Header(&'static str),
    /// The header `Authorization` carries the session's token after the word `Bearer`.
    Bearer,
    /// This field of a form in the body carries the session's token.
    Form(&'static str),
    /// This header has this value. It is no secret: it shows that no web page asks, since a page cannot set it.
    Fixed(&'static str, &'static str),
}

impl Proof {
    /// Whether it is a secret of the session.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Header(_) | Self::Bearer | Self::Form(_))
    }
}

/// Where an endpoint is, as the programs see it that ask there.
#[derive(Clone, Debug)]
pub struct Site {
    authority: String,
    directory: String,
    token: Secret,
}

impl Site {
    /// The name of the file in the session's directory that holds its token, and no end of a line.
    pub const TOKEN_FILE: &'static str = "token";

    /// An endpoint at `authority`, such as `127.0.0.1:4711`, whose files are in `directory`, and whose requests show
    /// `token`.
    pub fn new(authority: impl Into<String>, directory: impl Into<String>, token: Secret) -> Self {
        Self { authority: authority.into(), directory: directory.into(), token }
    }

    /// Address and port.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The URL of a path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority)
    }

    /// The session's token.
    #[must_use]
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The session's directory.
    #[must_use]
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The path of one of the session's files.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        let separator = if self.directory.contains('\\') { '\\' } else { '/' };
        format!("{}{separator}{name}", self.directory.trim_end_matches(separator))
    }
}

/// What a program needs to find an endpoint.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SetUp {
    /// Variables to set, and those that would lead elsewhere.
    pub environment: EnvironmentForm,
    /// Files in the session's directory, beside the token: names and contents.
    pub files: Vec<(&'static str, Secret)>,
}

impl SetUp {
    /// By variables alone.
    #[must_use]
    pub fn new(environment: EnvironmentForm) -> Self {
        Self { environment, files: Vec::new() }
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, name: &'static str, content: impl Into<Secret>) -> Self {
        self.files.push((name, content.into()));
        self
    }
}

/// A request that an endpoint has let in. Its `Debug` shows method and path only.
#[derive(Clone)]
pub struct Asked {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Zeroizing<String>)>,
    body: Zeroizing<Vec<u8>>,
}

impl Asked {
    /// A request without headers and body. `target` is the path, with a query if there is one.
    pub fn new(method: impl Into<String>, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.into(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Zeroizing::default(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), Zeroizing::new(value.into())));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Zeroizing::new(body.into());
        self
    }

    /// The method, in upper case.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, as it was sent.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The one value of a field of the query; none where there are several.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        field(self.query.as_bytes(), name)
    }

    /// The one value of a header; none where there are several, which nobody could choose from.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        values.next().is_none().then(|| value.as_str())
    }

    /// Whether there is such a header, however often.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(it, _)| it.eq_ignore_ascii_case(name))
    }

    /// The one value of a field of a form in the body; none where there are several.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<Zeroizing<String>> {
        field(&self.body, name).map(|it| Zeroizing::new(it.into_owned()))
    }

    /// What it shows as the session's token; none where the proof is no secret.
    #[must_use]
    pub fn token(&self, proof: Proof) -> Option<Zeroizing<String>> {
        match proof {
            Proof::Header(name) => self.header(name).map(|it| Zeroizing::new(it.to_owned())),
            Proof::Bearer => {
                let (scheme, token) = self.header("authorization")?.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(token.to_owned()))
            }
            Proof::Form(name) => self.form(name),
            Proof::Fixed(..) => None,
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The one value of a field: of several, whoever reads the request elsewhere may take another one.
fn field<'a>(text: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    let mut values = form_urlencoded::parse(text).filter(|(it, _)| it == name).map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// An answer. Its `Debug` shows the status only.
#[derive(Clone)]
#[must_use]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Secret,
}

impl Answer {
    /// An answer with a body.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Secret>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into() }
    }

    /// An answer in JSON.
    pub fn json(status: u16, body: impl Into<Secret>) -> Self {
        Self::new(status, "application/json", body)
    }

    /// Adds a header. Every answer is sent with `Cache-Control: no-store` anyway.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The type of the body.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Further headers.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Secret {
        &self.body
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why an endpoint says no. Holds nothing secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// A word for programs, such as `expired`.
    pub code: &'static str,
    /// What is wrong and what mends it, for people.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

/// What stands in the way of a credential, as an endpoint says it: who may be lucky later is told so by the status, so
/// that SDKs ask again.
impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidInput => 400,
            ErrorKind::Refused | ErrorKind::Expired | ErrorKind::Disabled => 403,
            ErrorKind::NotFound | ErrorKind::NotConfigured => 404,
            ErrorKind::Unreachable | ErrorKind::Store => 503,
            _ => 500,
        };
        let mut message = error.message().to_owned();
        error.causes().iter().for_each(|it| message.extend([": ", it]));
        error.hint().iter().for_each(|it| message.extend(["; ", it]));
        Self::new(status, error.kind().as_str(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_sent() {
        // Azure's libraries do not encode the colon and the slashes.
        let asked =
            Asked::new("GET", "/msi/token?api-version=2019-08-01&resource=https://vault.azure.net&x=a%2Bb");
        assert_eq!(asked.path(), "/msi/token");
        assert_eq!(asked.query("resource").as_deref(), Some("https://vault.azure.net"));
        assert_eq!(asked.query("x").as_deref(), Some("a+b"));
        assert_eq!(asked.query("none"), None);
    }

    /// A token that stands twice is none: a proxy in between could have added one.
    #[test]
    fn c21_a_token_is_shown_once_and_in_its_own_place() {
        let asked =
            Asked::new("POST", "/").with_header("Authorization", "t").with_body("subject_token=s&x=y");
        assert_eq!(asked.token(Proof::Header("authorization")).as_deref().map(String::as_str), Some("t"));
        assert_eq!(asked.token(Proof::Form("subject_token")).as_deref().map(String::as_str), Some("s"));
        assert_eq!(asked.token(Proof::Fixed("authorization", "t")), None);
        assert_eq!(asked.token(Proof::Bearer), None, "no scheme");
        for (sent, token) in
            [("Bearer t", Some("t")), ("bearer t", Some("t")), ("Basic t", None), ("Bearer", None)]
        {
            let bearer = Asked::new("POST", "/").with_header("authorization", sent);
            assert_eq!(bearer.token(Proof::Bearer).as_deref().map(String::as_str), token, "{sent}");
        }
        let twice = asked.with_header("authorization", "t");
        assert_eq!(twice.token(Proof::Header("authorization")), None);
        assert!(twice.has_header("AUTHORIZATION"));
        for form in ["t=s&t=s", "t=s&x=y&t=", "t=s&%74=s"] {
            let twice = Asked::new("POST", &format!("/?{form}")).with_body(form);
            assert_eq!(twice.token(Proof::Form("t")), None, "{form}");
            assert_eq!(twice.query("t"), None, "{form}");
        }
    }

    #[test]
    fn c9_nothing_that_is_asked_or_answered_is_shown() {
        let asked = Asked::new("GET", "/p?token=hunter2")
            .with_header("authorization", "hunter2")
            .with_body("hunter2");
        let answer = Answer::json(200, "hunter2").with_header("x", "hunter2");
        let site = Site::new("127.0.0.1:1", "/d", "hunter2".into());
        let set_up = SetUp::default().with_file("f", "hunter2");
        let shown = format!("{asked:?} {answer:?} {site:?} {set_up:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn files_are_named_as_the_programs_system_does() {
        let site = |directory: &str| Site::new("127.0.0.1:1", directory, "t".into()).file("token");
        assert_eq!(site("/run/agent"), "/run/agent/token");
        assert_eq!(site("/run/agent/"), "/run/agent/token");
        assert_eq!(site(r"C:\agent"), r"C:\agent\token");
    }
}
