//! What the surroundings say, read through the ports only: the variables of Azure's libraries and of Terraform, and the
//! files of `az`. Shared by the method that uses them and by auto-configuration, which lifts from them.

mod az;
mod caches;
mod environment;

use std::path::Path;

use connector_core::{Context, Error, ErrorKind, Result, Secret};

pub(crate) use az::{Assigned, Az, Subscription, Who};
pub(crate) use caches::Login;
pub(crate) use environment::{
    AUTHORITY, Application, Authority, Elsewhere, Federated, Key, Names, Terraform, client_id, federated,
    subscription_id,
};

/// A certificate with its key, from a file that something names.
///
/// # Errors
/// A file that cannot be read, and one in a form that is not taken; `named` says who names it.
fn certificate(cx: &Context, path: &Path, named: &str) -> Result<Secret> {
    let bytes = cx.read(path).map(zeroize::Zeroizing::new);
    let bytes = bytes.map_err(|error| {
        error
            .context(format!("{named} names a certificate that cannot be read"))
            .with_hint("check the path, and who may read the file")
    })?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => Secret::new(text),
        // PKCS #12 in its own form: told apart by who reads it.
        Err(_) => Secret::new(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &*bytes)),
    };
    crate::certificate::read(&text).map_err(|error| {
        let hint = error.hint().map(str::to_owned);
        let error = Error::invalid(format!("{named}: {} {}", path.display(), error.message()));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    })?;
    Ok(text)
}

/// A file that need not be there.
fn read_if_there(cx: &Context, path: &Path) -> Result<Option<Secret>> {
    match cx.read_text(path) {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there is a file, whatever it holds.
fn is_there(cx: &Context, path: &Path) -> bool {
    !cx.read(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}
