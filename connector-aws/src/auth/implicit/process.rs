//! `credential_process`: a program that prints credentials.

use connector_core::{Authenticated, Command, Context, Error, Expiry, Result, Secret};

use super::chain::as_found;
use super::given::Given;
use crate::profile::split_words;
use crate::session::{Place, Session};

/// Runs the program of a profile, if the connector allows that.
pub(super) async fn run(
    cx: &Context,
    place: &Place,
    profile: &str,
    command: &Secret,
) -> Result<Authenticated<Session>> {
    let source = format!("the credential_process of profile {profile}");
    let words = split_words(command.expose()).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| Error::invalid(format!("{source} is not a program with arguments")))?;
    let output = cx
        .run(Command::new(&words[0]).with_args(&words[1..]))
        .await
        .map_err(|error| error.context(format!("{source} did not run")))?;
    let version = serde_json::from_slice::<serde_json::Value>(output.expose()).ok();
    if version.is_none_or(|it| it["Version"] != 1) {
        return Err(Error::unreachable(format!("{source} printed no credential of version 1")));
    }
    let given = Given::read(output.expose(), &source)?;
    if given.ends.is_some_and(|end| end <= cx.now()) {
        return Err(Error::expired(format!("{source} printed a credential that has ended")));
    }
    let mut out = as_found(given.keys, given.ends.map(Expiry::At), place);
    out.session.account_id = given.account_id;
    Ok(out)
}
