//! What an agent serves, as people write it.

use std::fmt;
use std::str::FromStr;

use connector_core::{Access, Error, Grant, Result};

/// One connector and what is asked of it. Every binding has a port of its own: one port is one identity.
///
/// Written `NAME`, `NAME=TYPE:ID` or `NAME=TYPE:ID@ACCESS`; types without instances are written without an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The connector's name.
    pub connector: String,
    /// What is issued.
    pub grant: Grant,
}

impl Binding {
    /// Serves `grant` of a connector.
    pub fn new(connector: impl Into<String>, grant: impl Into<Grant>) -> Self {
        Self { connector: connector.into(), grant: grant.into() }
    }
}

impl FromStr for Binding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::field("binding", what).with_hint("write NAME, NAME=TYPE:ID or NAME=TYPE:ID@ACCESS")
        };
        let Some((name, asked)) = text.split_once('=') else {
            return match text {
                "" => Err(wrong("no name of a connector")),
                name => Ok(Self::new(name, Grant::default())),
            };
        };
        // Ids may hold an `@` themselves: it parts the access only where an access follows.
        let (asked, access) = match asked.rsplit_once('@') {
            Some((rest, level)) => match level.parse::<Access>() {
                Ok(level) => (rest, Some(level)),
                Err(_) => (asked, None),
            },
            None => (asked, None),
        };
        let (resource_type, id) = match asked.split_once(':') {
            Some((resource_type, id)) => (resource_type, Some(id)),
            None => (asked, None),
        };
        let is_type =
            |it: &str| !it.is_empty() && it.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if name.is_empty() {
            return Err(wrong("no name of a connector before the `=`"));
        }
        if !is_type(resource_type) {
            return Err(wrong("no resource type after the `=`"));
        }
        if id.is_some_and(str::is_empty) {
            return Err(wrong("no id of a resource after the `:`"));
        }
        let mut grant = Grant::of_type(resource_type);
        grant.resource_id = id.map(str::to_owned);
        grant.access = access;
        Ok(Self::new(name, grant))
    }
}

/// As it is written, as far as it can be.
impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.connector)?;
        let Grant { resource_type, resource_id, access, .. } = &self.grant;
        let Some(resource_type) = resource_type else { return Ok(()) };
        write!(f, "={resource_type}")?;
        if let Some(id) = resource_id {
            write!(f, ":{id}")?;
        }
        access.map_or(Ok(()), |it| write!(f, "@{it}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_read_as_it_is_written() {
        let cases = [
            ("aws", Grant::default()),
            ("aws=aws-generic", Grant::of_type("aws-generic")),
            ("aws=aws-generic@write", Grant::of_type("aws-generic").with_access(Access::Write)),
            ("aws=s3-bucket:s3://data", Grant::new("s3-bucket", "s3://data")),
            ("a=b:c@admin", Grant::new("b", "c").with_access(Access::Admin)),
            // An id with colons, an equals sign, an `@` of its own, and one before the access.
            ("gcp=gcp-generic:me@p.iam", Grant::new("gcp-generic", "me@p.iam")),
            ("gcp=x:a:b=c@d@read", Grant::new("x", "a:b=c@d").with_access(Access::Read)),
        ];
        for (text, grant) in cases {
            let binding: Binding = text.parse().expect(text);
            assert_eq!(binding.grant, grant, "{text}");
            assert_eq!(binding.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_binding_says_why() {
        for (text, why) in [
            ("", "no name of a connector"),
            ("=s3-bucket:a", "no name of a connector before"),
            ("aws=", "no resource type"),
            ("aws=s3://data", "no id of a resource"),
            ("aws=:data", "no resource type"),
            ("aws=s3-bucket:", "no id of a resource"),
            ("aws=S3 Bucket:data", "no resource type"),
        ] {
            match text.parse::<Binding>() {
                Err(error) => assert!(error.message().contains(why), "{text}: {error}"),
                // `s3` is a type as far as can be told here; the hub knows that there is none.
                Ok(binding) => assert_eq!(binding.grant.resource_type.as_deref(), Some("s3"), "{text}"),
            }
        }
    }
}
