//! Words of the command line that stand for more than text.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use connector_core::{Error, Result};

/// A word that says something: a variable of a shell that is not set must not stand for "all of it".
pub(crate) fn given(text: &str) -> Result<String> {
    if text.is_empty() {
        Err(Error::invalid("empty: leave the option out, or give a value"))
    } else {
        Ok(text.to_owned())
    }
}

/// Where to listen: an address, with a port or with any that is free.
pub(crate) fn address(text: &str) -> Result<SocketAddr> {
    let any_port = || text.parse::<IpAddr>().map(|it| SocketAddr::new(it, 0));
    text.parse().or_else(|_| any_port()).map_err(|_| {
        Error::invalid("not an address: expected one such as 127.0.0.1:4711, or 127.0.0.1 for a free port")
    })
}

/// A label as it is given: `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl std::str::FromStr for Label {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            // Not quoted: a mistyped word may be anything.
            _ => Err(Error::invalid("not a label: expected KEY=VALUE")),
        }
    }
}

/// A new value, or an empty word that takes the old one away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrNone<T>(pub(crate) Option<T>);

impl<T> OrNone<T> {
    /// Reads a word with `read`, unless it is empty.
    pub(crate) fn read<E: fmt::Display>(
        text: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Self, E> {
        if text.is_empty() { Ok(Self(None)) } else { read(text).map(|value| Self(Some(value))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_or_any() {
        let read = |text| address(text).map(|it| it.to_string()).ok();
        assert_eq!(read("127.0.0.1:4711").as_deref(), Some("127.0.0.1:4711"));
        assert_eq!(read("127.0.0.1").as_deref(), Some("127.0.0.1:0"));
        assert_eq!(read("::1").as_deref(), Some("[::1]:0"));
        assert_eq!(read("[::1]:80").as_deref(), Some("[::1]:80"));
        for wrong in ["", "4711", ":4711", "localhost", "127.0.0.1:", "127.0.0.1:70000"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn labels_and_empty_words() {
        let label: Label = "team=data=x".parse().expect("a label");
        assert_eq!((label.key.as_str(), label.value.as_str()), ("team", "data=x"));
        assert!("team".parse::<Label>().is_err() && "=x".parse::<Label>().is_err());
        assert_eq!(OrNone::read("", str::parse::<u8>), Ok(OrNone(None)));
        assert_eq!(OrNone::read("7", str::parse::<u8>), Ok(OrNone(Some(7))));
    }
}
