//! The separate AWS worlds. Facts from the SDKs' `partitions.json`.

use std::fmt;

use super::Region;

/// One of the separate AWS worlds. Credentials, ARNs and host names of one mean nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// The regions in China.
    China,
    /// GovCloud (US).
    UsGov,
    /// ISO.
    Iso,
    /// ISOB.
    IsoB,
    /// ISO Europe.
    IsoE,
    /// ISOF.
    IsoF,
    /// The European Sovereign Cloud.
    Eusc,
}

struct Facts {
    id: &'static str,
    /// Regions of this partition start with this; empty for the one that takes the rest.
    region_prefix: &'static str,
    dns_suffix: &'static str,
    global_region: &'static str,
}

impl Partition {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Aws, Self::China, Self::UsGov, Self::Iso, Self::IsoB, Self::IsoE, Self::IsoF, Self::Eusc];

    const fn facts(self) -> Facts {
        let (id, region_prefix, dns_suffix, global_region) = match self {
            Self::Aws => ("aws", "", "amazonaws.com", "us-east-1"),
            Self::China => ("aws-cn", "cn-", "amazonaws.com.cn", "cn-northwest-1"),
            Self::UsGov => ("aws-us-gov", "us-gov-", "amazonaws.com", "us-gov-west-1"),
            Self::Iso => ("aws-iso", "us-iso-", "c2s.ic.gov", "us-iso-east-1"),
            Self::IsoB => ("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "us-isob-east-1"),
            Self::IsoE => ("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "eu-isoe-west-1"),
            Self::IsoF => ("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "us-isof-south-1"),
            Self::Eusc => ("aws-eusc", "eusc-", "amazonaws.eu", "eusc-de-east-1"),
        };
        Facts { id, region_prefix, dns_suffix, global_region }
    }

    /// The partition that a region belongs to. A region nobody knows is a commercial one: new regions
    /// appear there, and the names of S3-compatible servers have to belong somewhere.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|it| !it.facts().region_prefix.is_empty() && region.starts_with(it.facts().region_prefix))
            .unwrap_or(Self::Aws)
    }

    /// The partition by its id, the second part of an ARN.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.id() == id)
    }

    /// The id, as in ARNs: `aws`, `aws-cn` and so on.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.facts().id
    }

    /// The end of its host names, such as `amazonaws.com`.
    #[must_use]
    pub const fn dns_suffix(self) -> &'static str {
        self.facts().dns_suffix
    }

    /// The region that stands for the services that have none.
    #[must_use]
    pub const fn global_region(self) -> &'static str {
        self.facts().global_region
    }

    /// The host of a service in a region: `sts.eu-west-1.amazonaws.com`.
    #[must_use]
    pub fn host(self, service: &str, region: &Region) -> String {
        format!("{service}.{region}.{}", self.dns_suffix())
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_know_their_partition() {
        for (region, id, suffix) in [
            ("us-east-1", "aws", "amazonaws.com"),
            ("mx-central-1", "aws", "amazonaws.com"),
            ("us-isolated-9", "aws", "amazonaws.com"),
            ("garage", "aws", "amazonaws.com"),
            ("", "aws", "amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
            ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ] {
            let partition = Partition::of_region(region);
            assert_eq!((partition.id(), partition.dns_suffix()), (id, suffix), "{region}");
        }
    }

    #[test]
    fn each_is_found_by_its_id_and_by_its_global_region() {
        for partition in Partition::ALL {
            assert_eq!(Partition::from_id(partition.id()), Some(partition));
            assert_eq!(Partition::of_region(partition.global_region()), partition);
        }
        assert_eq!(Partition::from_id("aws-mars"), None);
    }

    #[test]
    fn hosts_end_as_the_partition_says() {
        let region = Region::parse("cn-north-1").expect("a region");
        assert_eq!(Partition::China.host("sts", &region), "sts.cn-north-1.amazonaws.com.cn");
    }
}
