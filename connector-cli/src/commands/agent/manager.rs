//! What a service manager such as systemd gives, and is told.

use std::net::TcpListener;

use connector_core::{Error, Result};

/// The sockets that it opened for this process, in its order.
///
/// # Errors
/// One that nobody can connect to over TCP.
#[cfg(target_os = "linux")]
pub(super) fn sockets() -> Result<Vec<TcpListener>> {
    // For whom they are has to be said: what was left to somebody else is not this process's.
    let is_for_us = std::env::var("LISTEN_PID").is_ok_and(|it| it.parse() == Ok(std::process::id()));
    if !is_for_us {
        return Ok(Vec::new());
    }
    let mut given = listenfd::ListenFd::from_env();
    let sockets = (0..given.len()).filter_map(|at| given.take_tcp_listener(at).transpose());
    sockets.collect::<std::io::Result<_>>().map_err(|_| {
        Error::invalid("the service manager gave a descriptor that is no TCP socket")
            .with_hint("in the socket unit, use `ListenStream=127.0.0.1:PORT`, one for each connector")
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn sockets() -> Result<Vec<TcpListener>> {
    Ok(Vec::new())
}

/// Tells it how things are, where it wants to be told. What it misses, it finds out by itself.
#[cfg(target_os = "linux")]
pub(super) fn notify(state: &str) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match place.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&place),
    };
    let told = address.and_then(|it| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &it));
    if let Err(error) = told {
        tracing::info!("the service manager cannot be told {state}: {}", error.kind());
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn notify(_: &str) {}
