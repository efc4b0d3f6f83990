use std::sync::{Arc, Mutex, MutexGuard};

/// One call as it came over the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The query as sent, without `?`; empty when there is none.
    pub query: String,
    /// Header names in lower case, and values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The certificate that the client showed over TLS and those that belong to it, in DER, its own first. The
    /// handshake has shown that the client holds its key; nobody has looked at who signed it.
    pub certificates: Vec<Vec<u8>>,
    /// The status answered; `None` while there is none.
    pub status: Option<u16>,
}

impl Call {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The decoded names and values of the query.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// The decoded names and values of a form body; empty for any other body.
    pub fn form(&self) -> Vec<(String, String)> {
        match self.header("content-type") {
            Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => {
                pairs(&String::from_utf8_lossy(&self.body))
            }
            _ => Vec::new(),
        }
    }

    /// The body as JSON, `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A value by name from the form, else from the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut all = self.form().into_iter().chain(self.query_pairs());
        all.find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// What is asked for: the AWS operation where the call names one (`AssumeRole`, `GetAuthorizationToken`), else
    /// method and path (`GET /bucket`).
    pub fn action(&self) -> String {
        if let Some(action) = self.parameter("Action") {
            return action;
        }
        match self.header("x-amz-target").and_then(|target| target.rsplit('.').next()) {
            Some(operation) => operation.to_owned(),
            None => format!("{} {}", self.method, self.path),
        }
    }

    /// The service of the signature's scope (`sts`, `s3`); `None` for an unsigned call.
    pub fn service(&self) -> Option<String> {
        self.scope().and_then(|scope| scope.split('/').nth(3).map(str::to_owned))
    }

    /// The access key id that signed; `None` for an unsigned call.
    pub fn access_key_id(&self) -> Option<String> {
        self.scope().and_then(|scope| scope.split('/').next().map(str::to_owned))
    }

    /// `KEY/DATE/REGION/SERVICE/aws4_request`.
    fn scope(&self) -> Option<String> {
        let header = self.header("authorization").and_then(|value| value.split_once("Credential="));
        match header {
            Some((_, rest)) => rest.split([',', ' ']).next().map(str::to_owned),
            None => self.parameter("X-Amz-Credential"),
        }
    }
}

/// All calls that a server has received, shared with it.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// The calls so far, oldest first.
    pub fn all(&self) -> Vec<Call> {
        self.lock().clone()
    }

    /// What was asked for, call by call: see [`Call::action`].
    pub fn actions(&self) -> Vec<String> {
        self.lock().iter().map(Call::action).collect()
    }

    /// The calls that asked for `action`.
    pub fn of(&self, action: &str) -> Vec<Call> {
        self.matching(|call| call.action() == action)
    }

    /// The calls for which `is_wanted` holds.
    pub fn matching(&self, is_wanted: impl Fn(&Call) -> bool) -> Vec<Call> {
        self.lock().iter().filter(|call| is_wanted(call)).cloned().collect()
    }

    /// How many calls there were.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Takes the calls so far and starts anew. A call that is being answered is lost to the next count.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock())
    }

    /// Records a call and answers with its place.
    pub(super) fn push(&self, call: Call) -> usize {
        let mut calls = self.lock();
        calls.push(call);
        calls.len() - 1
    }

    pub(super) fn answered(&self, place: usize, status: u16) {
        if let Some(call) = self.lock().get_mut(place) {
            call.status = Some(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().expect("nothing panics while it holds the calls")
    }
}

pub(super) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    let decode = |text: &str| decoded(&text.replace('+', " "));
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Takes the percent-encoding off. What is no encoding stays as it is.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
