//! What does not travel.

use connector_conformance::Rule;
use connector_core::{EnvironmentForm, Error, Fields, Result, Secret, Tool};

use super::{Case, broken, case, with_kit};
use crate::tiny::{Good, Ticket, bare_kit};

broken! {
    /// What comes back is another.
    Forgetful {
        fn import(fields: &Fields) -> Result<Secret> {
            Good::import(fields).map(|ticket| Secret::new(ticket.expose().to_uppercase()))
        }
    }
    /// It refuses what a later version adds.
    Stiff {
        fn import(fields: &Fields) -> Result<Secret> {
            match fields.secret_names().count() {
                0 | 1 => Good::import(fields),
                _ => Err(Error::field("secret", "unknown fields")),
            }
        }
    }
    /// It trusts that a field is there.
    Unwrapping {
        fn import(fields: &Fields) -> Result<Secret> {
            Ok(fields.secret_field("ticket").expect("there is always a ticket").clone())
        }
    }
    /// It refuses without a name.
    Nameless {
        fn import(fields: &Fields) -> Result<Secret> {
            Good::import(fields).map_err(|_| Error::unexpected("a broken envelope"))
        }
    }
    /// A form that a shell would not take.
    BadVariable {
        fn environment(ticket: &Secret) -> EnvironmentForm {
            EnvironmentForm::default().set("TINY-TICKET", ticket.clone())
        }
    }
    /// A form that cannot be written.
    BadTool {
        fn tools() -> &'static [Tool<Ticket<Self>>] {
            &[Tool { name: "tinyctl", render: |_| Err(Error::unexpected("no such form")) }]
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let key = serde_json::json!({ "key": connector_conformance::canary("key") });
    vec![
        case::<Forgetful>(&[Rule::ENVELOPES_ROUND_TRIP]),
        case::<Stiff>(&[Rule::ENVELOPES_MAY_GROW]),
        case::<Unwrapping>(&[Rule::ENVELOPES_MAY_GROW]),
        case::<Nameless>(&[Rule::ENVELOPES_MAY_GROW]),
        case::<BadVariable>(&[Rule::FORMS_ARE_SOUND]),
        case::<BadTool>(&[Rule::FORMS_ARE_SOUND]),
        with_kit(
            "a kind that the kit does not know",
            bare_kit::<Good>().method("tiny", "key", key),
            &[Rule::ENVELOPES_ROUND_TRIP],
        ),
    ]
}
