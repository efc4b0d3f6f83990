//! Envelopes, the credential kinds inside of them, and the forms that tools take.

use connector_core::Envelope;

use crate::{judge, registry, text};

/// Any JSON as an envelope.
pub fn envelopes(input: &[u8]) {
    let Some(text) = text(input) else { return };
    match Envelope::from_json(text) {
        Ok(envelope) => use_envelope(&envelope),
        Err(error) => judge(&error),
    }
}

/// Everything that a receiver does with an envelope.
pub(crate) fn use_envelope(envelope: &Envelope) {
    let json = envelope.to_json();
    let again = Envelope::from_json(json.expose()).expect("what was written reads");
    assert_eq!(again.to_json().expose(), json.expose(), "it is written as it was read");
    let _ = (envelope.to_hidden(), format!("{envelope:?}"));
    let registry = registry();
    let tools = registry.tools(&envelope.kind).unwrap_or_default();
    let _ = registry.environment(envelope);
    for tool in tools.into_iter().chain(["nosuch"]) {
        let _ = registry.tool(envelope, tool);
    }
}
