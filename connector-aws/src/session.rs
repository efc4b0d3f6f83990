//! The authenticated state of an AWS connector, on the issuing side only.

use std::fmt;

use aws_smithy_async::time::SharedTimeSource;
use aws_types::SdkConfig;
use aws_types::region::Region as SdkRegion;
use connector_core::{Context, Secret, Trusted};

use crate::credential::AwsCredential;
use crate::names::{EndpointUrl, Partition, Region};
use crate::wire;

/// Where and how calls are made: the part of every method's config that is not about identity.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The region of the connector.
    pub(crate) region: Region,
    /// An endpoint for every service, in place of AWS's own.
    pub(crate) endpoint_url: Option<EndpointUrl>,
    /// An endpoint for STS alone.
    pub(crate) sts_endpoint_url: Option<EndpointUrl>,
    /// Certificates to trust in addition.
    pub(crate) trust: Option<Trusted>,
}

impl Place {
    pub(crate) fn partition(&self) -> Partition {
        Partition::of_region(self.region.as_str())
    }

    /// The endpoint for STS: its own, else the one for everything, else the region's.
    pub(crate) fn sts_endpoint(&self) -> Option<&EndpointUrl> {
        self.sts_endpoint_url.as_ref().or(self.endpoint_url.as_ref())
    }
}

/// Keys as they are held on the issuing side.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) access_key_id: Secret,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Option<Secret>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([HIDDEN])")
    }
}

/// What an auth method gives: keys, where they are good, and what is known of them.
#[derive(Debug)]
pub struct Session {
    pub(crate) keys: Keys,
    pub(crate) place: Place,
    /// The account, where the method or an answer told it.
    pub(crate) account_id: Option<String>,
    /// The keys are the stored, long-lived ones themselves.
    pub(crate) long_lived: bool,
    /// The keys were made by GetFederationToken: their ARN cannot be mapped in an EKS cluster.
    pub(crate) federated: bool,
    /// The keys are of an assumed role: what they assume lives an hour at most.
    pub(crate) assumed_role: bool,
    /// The id of the user's key that the keys were made of and act for, where that is all that they are.
    pub(crate) made_of: Option<Secret>,
    /// How much of what STS takes is filled by the policies and tags that it packed, in percent.
    pub(crate) packed_percent: Option<i32>,
}

impl Session {
    /// A session of temporary keys.
    pub(crate) fn new(keys: Keys, place: Place) -> Self {
        Self {
            keys,
            place,
            account_id: None,
            long_lived: false,
            federated: false,
            assumed_role: false,
            made_of: None,
            packed_percent: None,
        }
    }

    /// The credential that stands for this session as it is.
    pub(crate) fn credential(&self) -> AwsCredential {
        AwsCredential {
            access_key_id: self.keys.access_key_id.clone(),
            secret_access_key: self.keys.secret_access_key.clone(),
            session_token: self.keys.session_token.clone(),
            region: self.place.region.as_str().to_owned(),
            account_id: self.account_id.clone(),
            endpoint_url: self.place.endpoint_url.as_ref().map(|url| url.as_str().to_owned()),
            ca_bundle: self.place.trust.as_ref().map(|it| it.said.as_str().to_owned()),
        }
    }

    /// A configuration for our own calls: our HTTP, time and sleep, and nothing from the surroundings.
    pub(crate) fn sdk_config(&self, cx: &Context) -> SdkConfig {
        self.sdk_config_in(cx, self.place.region.as_str())
    }

    /// As [`Session::sdk_config`], for calls to another region.
    pub(crate) fn sdk_config_in(&self, cx: &Context, region: &str) -> SdkConfig {
        wire::config(cx, &self.place, Some(&self.keys), SdkRegion::new(region.to_owned()))
    }
}

/// The clock of a context in the form of the SDK.
pub(crate) fn time_source(cx: &Context) -> SharedTimeSource {
    SharedTimeSource::new(wire::Time(cx.clock()))
}
