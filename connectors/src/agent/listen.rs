//! Where an agent listens: loopback, and the one link-local address that containers may be given.

use std::io::ErrorKind as IoKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use connector_core::{Error, Result};

/// The one address beyond loopback that SDKs of AWS ask in clear: ECS's own agent has it in a container's network.
/// Whoever makes it the gateway of a network of containers lets them ask this agent.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);

const FIX: &str = "listen on 127.0.0.1, or for containers on 169.254.170.2 as the gateway of their network";

/// One listener per binding: those that were passed in, in their order, else those of `listen`, where a fixed port
/// counts up. All of them or none.
pub(super) fn listeners(
    listen: SocketAddr,
    sockets: Vec<TcpListener>,
    count: usize,
) -> Result<Vec<(TcpListener, SocketAddr)>> {
    let sockets = match sockets.is_empty() {
        true => (0..count).map(|place| bind(nth(listen, place)?)).collect::<Result<Vec<_>>>()?,
        false if sockets.len() == count => sockets,
        false => {
            let message = format!("{} sockets were passed in for {count} bindings", sockets.len());
            return Err(Error::invalid(message).with_hint("pass one for each, in the order of the bindings"));
        }
    };
    let opened = sockets.into_iter().map(|socket| {
        let address =
            socket.local_addr().map_err(|_| Error::invalid("what was passed in is no TCP socket"))?;
        check(address)?;
        socket
            .set_nonblocking(true)
            .map_err(|error| Error::unexpected(format!("cannot use {address}: {}", error.kind())))?;
        Ok((socket, address))
    });
    opened.collect()
}

/// Whether an agent may listen there.
///
/// # Errors
/// The reason, and what would be right.
pub(super) fn check(address: SocketAddr) -> Result<()> {
    let ip = address.ip();
    if ip.is_loopback() || ip == IpAddr::V4(GATEWAY) {
        return Ok(());
    }
    let why = if ip.is_unspecified() {
        "every address of this machine is open to its network, and the protocols are in clear"
    } else {
        "it is not loopback: others could ask or listen in, since the protocols are in clear"
    };
    Err(Error::field("listen", format!("{ip} is refused: {why}")).with_hint(FIX))
}

/// Whether only programs of this machine reach it.
pub(super) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

/// Those who may ask by this address's name: what a program sends as its `Host`.
pub(super) fn hosts(address: SocketAddr) -> Vec<String> {
    let mut hosts = vec![address.to_string()];
    let mut names = vec![address.to_string().rsplit_once(':').map(|(host, _)| host.to_owned())];
    if is_loopback(address) {
        hosts.push(format!("localhost:{}", address.port()));
        names.push(Some("localhost".to_owned()));
    }
    if address.port() == 80 {
        hosts.extend(names.into_iter().flatten());
    }
    hosts
}

fn nth(first: SocketAddr, place: usize) -> Result<SocketAddr> {
    let port = match first.port() {
        0 => Some(0),
        port => u16::try_from(place).ok().and_then(|it| port.checked_add(it)),
    };
    let port = port.ok_or_else(|| {
        Error::field("listen", "there are not as many ports above this one as there are bindings")
            .with_hint("choose a lower port, or leave it out for any free ones")
    })?;
    Ok(SocketAddr::new(first.ip(), port))
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    check(address)?;
    TcpListener::bind(address).map_err(|error| match error.kind() {
        IoKind::AddrInUse => Error::field("listen", format!("{address} is taken"))
            .with_hint("choose another port, or leave it out for any free one"),
        IoKind::PermissionDenied => Error::refused(format!("this user may not listen on {address}"))
            .with_hint("choose a port above 1023, or have a service manager pass the socket in"),
        IoKind::AddrNotAvailable => Error::field(
            "listen",
            format!("this machine has no address {}", address.ip()),
        )
        .with_hint(
            "169.254.170.2 has to be the gateway of a network of containers first; 127.0.0.1 is always there",
        ),
        kind => Error::unexpected(format!("cannot listen on {address}: {kind}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// C21: nothing but this machine, and the containers of one network, can ask.
    #[test]
    fn c21_foreign_addresses_are_refused_with_the_fix() {
        for good in ["127.0.0.1:0", "127.8.9.1:80", "[::1]:4000", "169.254.170.2:80"] {
            check(at(good)).expect(good);
        }
        for bad in [
            "0.0.0.0:0",
            "[::]:0",
            "10.0.0.1:0",
            "192.168.1.1:80",
            "169.254.169.254:80",
            "169.254.170.3:80",
            "[fd00:ec2::254]:80",
            "[::ffff:127.0.0.1]:0",
            "8.8.8.8:1",
        ] {
            let error = check(at(bad)).expect_err(bad);
            assert!(error.message().starts_with("listen: "), "{error}");
            assert!(error.message().contains("in clear"), "{error}");
            assert_eq!(error.hint(), Some(FIX));
        }
    }

    #[test]
    fn a_fixed_port_counts_up_and_ends() {
        assert_eq!(nth(at("127.0.0.1:4000"), 2).expect("a port").port(), 4002);
        assert_eq!(nth(at("127.0.0.1:0"), 2).expect("a port").port(), 0);
        assert!(nth(at("127.0.0.1:65535"), 1).is_err() && nth(at("127.0.0.1:1"), 70_000).is_err());
    }

    #[test]
    fn c21_an_endpoint_goes_by_few_names() {
        assert_eq!(hosts(at("127.0.0.1:4711")), ["127.0.0.1:4711", "localhost:4711"]);
        assert_eq!(hosts(at("[::1]:80")), ["[::1]:80", "localhost:80", "[::1]", "localhost"]);
        assert_eq!(hosts(at("169.254.170.2:80")), ["169.254.170.2:80", "169.254.170.2"]);
    }

    #[test]
    fn all_ports_are_opened_or_none() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address");
        let error = listeners(address, Vec::new(), 1).expect_err("taken");
        assert_eq!(error.message(), format!("listen: {address} is taken"));
        assert!(error.hint().is_some());
        let error = listeners(at("127.0.0.1:0"), vec![taken], 2).expect_err("too few");
        assert!(error.message().contains("1 sockets were passed in for 2 bindings"), "{error}");
    }
}
