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

    /// How often they are read: while others open and close connections, a reader may miss one that is there.
    const LOOKS: usize = 3;

    pub(super) fn is_of_same_user(theirs: SocketAddr, ours: SocketAddr) -> Option<bool> {
        let own = rustix::process::geteuid().as_raw();
        for _ in 0..LOOKS {
            let mut is_readable = false;
            for table in TABLES {
                let Ok(table) = File::open(table) else { continue };
                is_readable = true;
                let lines = BufReader::new(table).lines().map_while(Result::ok);
                if let Some(owner) = owner(lines, theirs, ours) {
                    return Some(owner == own);
                }
            }
            if !is_readable {
                return None;
            }
        }
        // A connection that this machine does not know is nobody's of this user.
        Some(false)
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     7        0 2 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 02:000006D6 00000000  1000        0 3 2 0 20 4 30 10 -1
   3: broken
   4: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 4
   5: 00000000000000000000000001000000:C352 00000000000000000000000001000000:1F90 01 00000000:00000000 00:00000000 00000000  1002        0 5
";

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// C21: of both ends of a connection on this machine, the asking one's user counts.
    #[test]
    #[cfg(target_endian = "little")]
    fn c21_the_user_of_a_connection_is_found() {
        let owner = |from: &str, to: &str| table::owner(TABLE.lines(), at(from), at(to));
        assert_eq!(owner("127.0.0.1:50000", "127.0.0.1:8080"), Some(1000));
        assert_eq!(owner("127.0.0.1:50001", "127.0.0.1:8080"), Some(1001), "by a socket of both versions");
        assert_eq!(owner("[::1]:50002", "[::1]:8080"), Some(1002));
        assert_eq!(owner("127.0.0.1:50003", "127.0.0.1:8080"), None);
        assert_eq!(owner("127.0.0.2:50000", "127.0.0.1:8080"), None);
    }

    #[test]
    fn c21_a_connection_of_this_very_program_is_of_the_same_user() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let ours = listener.local_addr().expect("an address");
        let client = std::net::TcpStream::connect(ours).expect("a connection");
        let theirs = client.local_addr().expect("an address");
        assert_eq!(table::is_of_same_user(theirs, ours), Some(true));
        drop(listener);
        assert_eq!(table::is_of_same_user(at("127.0.0.9:1"), ours), Some(false), "nobody's");
    }

    #[test]
    fn c21_who_may_be_at_the_other_end() {
        for (theirs, ours, near) in [
            ("127.0.0.1:1", "127.0.0.1:2", true),
            ("127.9.9.9:1", "127.0.0.1:2", true),
            ("[::1]:1", "[::1]:2", true),
            ("10.0.0.1:1", "127.0.0.1:2", false),
            ("169.254.170.9:1", "169.254.170.2:2", true),
            ("169.254.170.2:1", "169.254.170.2:2", true),
            ("169.254.171.9:1", "169.254.170.2:2", false),
            ("10.0.0.1:1", "169.254.170.2:2", false),
            ("127.0.0.1:1", "10.0.0.1:2", false),
            ("[fe80::1]:1", "169.254.170.2:2", false),
        ] {
            assert_eq!(Peer::new(at(theirs), at(ours)).is_near(), near, "{theirs} -> {ours}");
        }
    }
}
