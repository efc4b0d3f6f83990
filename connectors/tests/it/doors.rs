//! The protocols of Acme's credentials: one of each way in which a request shows that it may ask.

use std::time::SystemTime;

use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use connector_core::{EnvironmentForm, Grant, Issued, Result};
use serde_json::json;

use crate::acme::Token;

pub(crate) const DOORS: &[&dyn Protocol<Token>] = &[&Door::Keys, &Door::Form, &Door::Open];

#[derive(Debug)]
enum Door {
    /// The token in a header.
    Keys,
    /// The token in a form.
    Form,
    /// A header that is no secret.
    Open,
}

impl Protocol<Token> for Door {
    fn id(&self) -> &'static str {
        match self {
            Self::Keys => "acme-keys",
            Self::Form => "acme-form",
            Self::Open => "acme-open",
        }
    }

    fn about(&self) -> &'static str {
        "a way to ask for Acme's credentials"
    }

    fn proof(&self, _: &str) -> Proof {
        match self {
            Self::Keys => Proof::Header("x-acme-token"),
            Self::Form => Proof::Form("ticket"),
            Self::Open => Proof::Fixed("acme-flavor", "acme"),
        }
    }

    fn method(&self, _: &str) -> &'static str {
        if matches!(self, Self::Form) { "POST" } else { "GET" }
    }

    fn claims(&self, path: &str) -> bool {
        match self {
            Self::Keys => path == "/keys",
            Self::Form => path == "/exchange",
            Self::Open => path.starts_with("/open/"),
        }
    }

    fn set_up(&self, site: &Site, _: &Issued<Token>) -> Result<SetUp> {
        let form = EnvironmentForm::default().unset("ACME_TOKEN");
        Ok(match self {
            Self::Keys => SetUp::new(
                form.set("ACME_KEYS", site.url("/keys"))
                    .set("ACME_TOKEN_FILE", site.file(Site::TOKEN_FILE))
                    .unset("ACME_HOST"),
            )
            .with_file("acme-profile", "[none]\n"),
            Self::Form => SetUp::new(form.set("ACME_EXCHANGE", site.url("/exchange")))
                .with_file("acme-profile", "[none]\n"),
            Self::Open => SetUp::new(form.set("ACME_HOST", site.authority())),
        })
    }

    fn wants(&self, asked: &Asked, grant: &Grant) -> Result<Grant, Answer> {
        match asked.query("box").as_deref() {
            None | Some("one") => Ok(grant.clone()),
            Some(_) => Err(self.refuse(&Refusal::new(400, "box", "this endpoint serves another box"))),
        }
    }

    fn answer(&self, _: &Asked, issued: &Issued<Token>, now: SystemTime) -> Answer {
        let left = issued.expiry.left(now).map_or(0, |it| it.as_secs());
        let body = json!({ "token": issued.credential.token.expose(), "left": left });
        // What no answer ever says, whatever a protocol says.
        Answer::json(200, body.to_string())
            .with_header("access-control-allow-origin", "*")
            .with_header("x-acme", "yes")
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        let body = json!({ "refused": refusal.code, "message": refusal.message });
        Answer::json(refusal.status, body.to_string())
    }
}
