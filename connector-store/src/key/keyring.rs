//! The master key in the keyring of the operating system, one entry per key: the Secret Service on Linux,
//! the keychain on macOS, the Credential Manager on Windows. An application that has set a default store
//! of `keyring-core` gets that one.

pub(super) use imp::{read, remove, write};

#[cfg(feature = "keyring")]
mod imp {
    use std::sync::Arc;

    use connector_core::{Error, Result, Secret};
    use keyring_core::{CredentialStore, Entry, Error as Fault};

    const SERVICE: &str = "connector-store";

    pub(in crate::key) fn read(id: &str) -> Result<Secret> {
        entry(id).and_then(|it| it.get_password()).map(Secret::new).map_err(fault)
    }

    pub(in crate::key) fn write(id: &str, key: &Secret) -> Result<()> {
        entry(id).and_then(|it| it.set_password(key.expose())).map_err(fault)?;
        // What counts is what can be read again.
        read(id).map(drop)
    }

    pub(in crate::key) fn remove(id: &str) -> Result<()> {
        match entry(id).and_then(|it| it.delete_credential()) {
            Ok(()) | Err(Fault::NoEntry) => Ok(()),
            Err(error) => Err(fault(error)),
        }
    }

    fn entry(id: &str) -> Result<Entry, Fault> {
        let store = keyring_core::get_default_store().map_or_else(platform, Ok)?;
        store.build(SERVICE, id, None)
    }

    fn platform() -> Result<Arc<CredentialStore>, Fault> {
        #[cfg(target_os = "macos")]
        return Ok(apple_native_keyring_store::keychain::Store::new()?);
        #[cfg(windows)]
        return Ok(windows_native_keyring_store::Store::new()?);
        #[cfg(all(unix, not(target_os = "macos")))]
        return Ok(zbus_secret_service_keyring_store::Store::new()?);
    }

    fn fault(error: Fault) -> Error {
        let out = match error {
            Fault::NoEntry => Error::store("the keyring has no key for this store")
                .with_hint("use the keyring of the user who made the store"),
            _ => Error::store("the keyring cannot be used")
                .with_hint("unlock it, or start its service; without one use a key file or a passphrase"),
        };
        // Its text may quote what is stored; kept for who looks, not shown.
        out.with_source(error)
    }
}

#[cfg(not(feature = "keyring"))]
mod imp {
    use connector_core::{Error, Result, Secret};

    pub(in crate::key) fn read(_: &str) -> Result<Secret> {
        Err(missing())
    }

    pub(in crate::key) fn write(_: &str, _: &Secret) -> Result<()> {
        Err(missing())
    }

    pub(in crate::key) fn remove(_: &str) -> Result<()> {
        Err(missing())
    }

    fn missing() -> Error {
        Error::not_configured("the feature `keyring` is not compiled in")
            .with_hint("build with the feature `keyring`, or use a key file or a passphrase")
    }
}
