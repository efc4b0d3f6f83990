//! Who asks: the other end of a connection.

use std::net::{IpAddr, SocketAddr};

use tokio::sync::OnceCell;

use super::listen;

/// The other end of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    theirs: SocketAddr,
    ours: SocketAddr,
    same_user: OnceCell<Option<bool>>,
}

impl Peer {
    pub(super) fn new(theirs: SocketAddr, ours: SocketAddr) -> Self {
        Self { theirs, ours, same_user: OnceCell::new() }
    }

    /// Whether it may be there at all: on this machine, or in the network of containers whose gateway this is.
    pub(super) fn is_near(&self) -> bool {
        match (self.ours.ip(), self.theirs.ip().to_canonical()) {
            (ours, theirs) if ours.is_loopback() => theirs.is_loopback(),
            (ours, IpAddr::V4(theirs)) => {
                ours == IpAddr::V4(listen::GATEWAY) && theirs.octets()[..3] == listen::GATEWAY.octets()[..3]
            }
            _ => false,
        }
    }

    /// Whether its process is of the same user as this one; `None` where that cannot be told.
    pub(super) async fn is_of_same_user(&self) -> Option<bool> {
        let (theirs, ours) = (self.theirs, self.ours);
        let look = async || {
            // The kernel writes the table while it is read: not on a thread of the runtime.
            tokio::task::spawn_blocking(move || table::is_of_same_user(theirs, ours)).await.ok().flatten()
        };
        *self.same_user.get_or_init(look).await
    }
}

#[cfg(target_os = "linux")]
mod table {
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::net::{IpAddr, SocketAddr};

    /// The kernel's tables of TCP sockets in this network namespace.
    const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

    pub(super) fn is_of_same_user(theirs: SocketAddr, ours: SocketAddr) -> Option<bool> {
        let own = rustix::process::geteuid().as_raw();
        let owner = TABLES.iter().find_map(|table| {
            let lines = BufReader::new(File::open(table).ok()?).lines();
            owner(lines.map_while(Result::ok), theirs, ours)
        });
        Some(owner? == own)
    }

    /// The user who owns the socket that is connected from `local` to `remote`.
    pub(super) fn owner(
        lines: impl Iterator<Item = impl AsRef<str>>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<u32> {
        let same = |a: SocketAddr, b: SocketAddr| {
            a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
        };
        lines.skip(1).find_map(|line| {
            let mut columns = line.as_ref().split_ascii_whitespace().skip(1);
            let (from, to) = (address(columns.next()?)?, address(columns.next()?)?);
            // State, queues, timer and retries stand before the user.
            (same(from, local) && same(to, remote)).then(|| columns.nth(4)?.parse().ok())?
        })
    }

    /// `0100007F:1F90`: words of 32 bits as this machine reads them, though the bytes are in the network's order.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let mut bytes = Vec::with_capacity(16);
        for place in (0..ip.len()).step_by(8) {
            let word = u32::from_str_radix(ip.get(place..place + 8)?, 16).ok()?;
            bytes.extend(word.to_ne_bytes());
        }
        let ip = match bytes.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
            16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

#[cfg(not(target_os = "linux"))]
mod table {
    use std::net::SocketAddr;

    pub(super) fn is_of_same_user(_: SocketAddr, _: SocketAddr) -> Option<bool> {
        None
    }
}
