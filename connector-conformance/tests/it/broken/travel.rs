//! What does not travel.

use std::time::SystemTime;

use connector_conformance::Rule;
use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use connector_core::{EnvironmentForm, Error, Fields, Issued, Result, Secret, Tool};

use super::{Case, broken, case, with_kit};
use crate::tiny::{Good, Nature, Ticket, Window, bare_kit};

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
    /// What it sets up is the ticket itself.
    TicketInSetUp {
        fn protocols() -> &'static [&'static dyn Protocol<Ticket<Self>>] {
            &[&BadWindow(Fault::Ticket)]
        }
    }
    /// It says no as if it were a yes.
    PoliteWindow {
        fn protocols() -> &'static [&'static dyn Protocol<Ticket<Self>>] {
            &[&BadWindow(Fault::Polite)]
        }
    }
    /// It trusts what it is asked.
    TrustingWindow {
        fn protocols() -> &'static [&'static dyn Protocol<Ticket<Self>>] {
            &[&BadWindow(Fault::Trusting)]
        }
    }
    /// The same is said by two.
    TwoWindows {
        fn protocols() -> &'static [&'static dyn Protocol<Ticket<Self>>] {
            &[&Window, &Window]
        }
    }
}

/// A window with a fault.
struct BadWindow(Fault);

#[derive(PartialEq)]
enum Fault {
    Ticket,
    Polite,
    Trusting,
}

impl<N: Nature> Protocol<Ticket<N>> for BadWindow {
    fn id(&self) -> &'static str {
        Protocol::<Ticket<N>>::id(&Window)
    }
    fn about(&self) -> &'static str {
        Protocol::<Ticket<N>>::about(&Window)
    }
    fn proof(&self, path: &str) -> Proof {
        Protocol::<Ticket<N>>::proof(&Window, path)
    }
    fn claims(&self, path: &str) -> bool {
        Protocol::<Ticket<N>>::claims(&Window, path)
    }
    fn set_up(&self, site: &Site, issued: &Issued<Ticket<N>>) -> Result<SetUp> {
        let set_up = Window.set_up(site, issued)?;
        Ok(match self.0 {
            Fault::Ticket => set_up.with_file("ticket", issued.credential.ticket.clone()),
            _ => set_up,
        })
    }
    fn answer(&self, asked: &Asked, issued: &Issued<Ticket<N>>, now: SystemTime) -> Answer {
        if self.0 == Fault::Trusting {
            let wanted = asked.query("recursive").expect("everybody says so");
            assert!(wanted == "true" || wanted == "false", "there is nothing else");
        }
        Window.answer(asked, issued, now)
    }
    fn refuse(&self, refusal: &Refusal) -> Answer {
        let answer = Protocol::<Ticket<N>>::refuse(&Window, refusal);
        match self.0 {
            Fault::Polite => Answer::new(200, answer.content_type(), answer.body().clone()),
            _ => answer,
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
        case::<TicketInSetUp>(&[Rule::PROTOCOLS_ARE_SOUND]),
        case::<PoliteWindow>(&[Rule::PROTOCOLS_ARE_SOUND]),
        case::<TrustingWindow>(&[Rule::PROTOCOLS_ARE_SOUND]),
        case::<TwoWindows>(&[Rule::PROTOCOLS_ARE_SOUND]),
        with_kit(
            "a kind that the kit does not know",
            bare_kit::<Good>().method("tiny", "key", key),
            &[Rule::ENVELOPES_ROUND_TRIP],
        ),
    ]
}
