//! Answers of AWS, of Google Cloud, of Azure, of metadata services and of programs, through every method and resource type.

mod aws;
mod azure;
mod google;

use connector_core::{AnyConnector, Context, Document, Envelope, Error, Grant, Response, Terms};
use serde_json::Value;

use crate::envelopes::use_envelope;
use crate::world::{World, block_on};
use crate::{CANARY, parts, registry, shown, text};

pub(crate) use azure::CLIENT;

/// A method, and a config of it.
type Method = (&'static str, fn() -> Value);

/// What the first character of an input chooses: a method of AWS, one of Google Cloud behind them, or one of Azure.
fn methods() -> impl ExactSizeIterator<Item = (Provider, Method)> {
    let all = aws::METHODS.map(|it| (aws::PROVIDER, it)).into_iter();
    let all = all.chain(google::METHODS.map(|it| (google::PROVIDER, it)));
    let all: Vec<_> = all.chain(azure::METHODS.map(|it| (azure::PROVIDER, it))).collect();
    all.into_iter()
}

/// A provider, with its resources: what the second character chooses.
#[derive(Clone, Copy)]
struct Provider {
    id: &'static str,
    resources: &'static [(&'static str, &'static str)],
}

/// The statuses: what the fourth character chooses.
const STATUSES: [u16; 10] = [200, 400, 401, 403, 404, 429, 500, 301, 204, 999];

/// Four characters that choose method, resource, what is done and the status; then the answers. An answer may begin
/// with headers, each in a line of its own with `> ` before it.
pub fn answers(input: &[u8]) {
    let Some((choice, bodies)) = input.split_at_checked(4) else { return };
    if let Some(bodies) = text(bodies) {
        answers_of_any_size(choice, bodies);
    }
}

/// As [`answers`], with the choice apart, and answers that may be as large as the limit of the network.
///
/// # Panics
/// When something does not hold, or the choice is shorter than four bytes.
pub fn answers_of_any_size(choice: &[u8], bodies: &str) {
    let chosen = |at: usize, count: usize| usize::from(choice[at].wrapping_sub(b'0')) % count;
    let mut methods = methods();
    let at = chosen(0, methods.len());
    let (provider, (method, config)) = methods.nth(at).expect("it is below their number");
    let (resource_type, id) = provider.resources[chosen(1, provider.resources.len())];
    let status = STATUSES[chosen(3, STATUSES.len())];
    let answers: Vec<Response> = parts(bodies).map(|it| response(status, it)).collect();
    let output = answers[0].body().to_vec();
    let files = aws::files().into_iter().chain(google::files()).collect();
    let cx = World::answering(answers, output).context(files).with_implicit(true);
    let connector = open(provider.id, method, &config());
    let outcome = block_on(act(&connector, &cx, chosen(2, 5), Grant::new(resource_type, id)));
    match outcome {
        Ok(Some(envelope)) => use_envelope(&envelope),
        Ok(None) => {}
        Err(error) => judge(&error),
    }
}

fn judge(error: &Error) {
    let shown = shown(error);
    assert!(!shown.contains(CANARY), "an error quotes an answer: {shown}");
    assert!(shown.len() < 8 * 1024, "an error of {} bytes", shown.len());
}

async fn act(
    connector: &AnyConnector,
    cx: &Context,
    what: usize,
    grant: Grant,
) -> Result<Option<Envelope>, Error> {
    let terms = std::sync::Arc::new(connector.terms().clone());
    let cx = &cx.for_connector(terms);
    match what {
        0 => connector.resource(cx, grant).await?.envelope().await.map(Some),
        1 => {
            let resource_type = grant.resource_type.unwrap_or_default();
            connector.list(cx, &resource_type).await.map(|_| None)
        }
        2 => connector.resource(cx, grant).await?.reach().await.map(|()| None),
        3 => connector.authenticate(cx).await.map(|()| None),
        _ => connector.trust(cx).await.map(|_| None),
    }
}

fn open(connector_type: &str, method: &str, config: &Value) -> AnyConnector {
    let config = config.as_object().cloned().expect("an object");
    let mut document = Document::draft("ours", connector_type, method, config.clone());
    document.allow = connector_core::Allow::ALL.into();
    let connector = registry().open(&document, config).expect("a config of its method");
    let _: &Terms = connector.terms();
    connector
}

fn response(status: u16, mut text: &str) -> Response {
    let mut headers = Vec::new();
    while let Some((line, rest)) = text.strip_prefix("> ").and_then(|it| it.split_once('\n')) {
        if let Some((name, value)) = line.split_once(": ") {
            headers.push((name.to_owned(), value.to_owned()));
        }
        text = rest;
    }
    Response::new(status, headers, text.as_bytes().to_vec())
}
