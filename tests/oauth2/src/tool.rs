//! The form in which `curl` takes a token: a line for `curl --config -`, which keeps it out of the arguments.

use connector_core::{Issued, Result, Secret};

use crate::BearerToken;

pub(crate) fn curl_config(issued: &Issued<BearerToken>) -> Result<Secret> {
    // A token has no quotes: that was checked when it came.
    let token = issued.credential.access_token.expose();
    Ok(Secret::new(format!("header = \"Authorization: Bearer {token}\"\n")))
}
