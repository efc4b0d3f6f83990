//! Names to addresses: never to those of metadata services, whatever a name server says.

use std::io;
use std::net::SocketAddr;

use connector_core::is_metadata_address;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What an answer is refused with.
pub(super) const REFUSED: &str = "resolves to addresses of metadata services only";

/// The system's resolver, held to what a request may reach.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    /// Every question is answered with the addresses of this host.
    pub(super) in_place_of: Option<String>,
    /// The request is for a metadata service.
    pub(super) to_metadata: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { in_place_of, to_metadata } = self.clone();
        let host = in_place_of.unwrap_or_else(|| name.as_str().to_owned());
        Box::pin(async move {
            let host = host.trim_matches(['[', ']']).to_owned();
            let found = tokio::net::lookup_host((host, 0)).await?;
            let allowed: Addrs = Box::new(allowed(found, to_metadata)?.into_iter());
            Ok(allowed)
        })
    }
}

/// The addresses that may be asked.
fn allowed(found: impl Iterator<Item = SocketAddr>, to_metadata: bool) -> io::Result<Vec<SocketAddr>> {
    let (refused, allowed): (Vec<_>, Vec<_>) =
        found.partition(|address| !to_metadata && is_metadata_address(address.ip()));
    match allowed.is_empty() && !refused.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::PermissionDenied, REFUSED)),
        false => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C18: a name that a name server points at a metadata service leads nowhere.
    #[test]
    fn c18_a_name_leads_to_no_metadata_service() {
        let address = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let metadata = [
            "169.254.169.254:0",
            "[fd00:ec2::254]:0",
            "[fd20:ce::254]:0",
            "[::ffff:169.254.169.254]:0",
            "[fe80::1]:0",
            "168.63.129.16:0",
        ];
        for text in metadata {
            let error = allowed([address(text)].into_iter(), false).expect_err(text);
            assert_eq!(error.to_string(), REFUSED);
            assert_eq!(allowed([address(text)].into_iter(), true).expect("asked for"), [address(text)]);
        }
        let both = [address("169.254.169.254:0"), address("192.0.2.1:0")];
        assert_eq!(allowed(both.into_iter(), false).expect("one of them"), [both[1]]);
        assert_eq!(allowed([].into_iter(), false).expect("nothing was found"), []);
    }
}
