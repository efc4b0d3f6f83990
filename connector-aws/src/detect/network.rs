//! Region, endpoints and certificates, as the surroundings set them.

use connector_core::{Error, Result};
use serde_json::{Map, Value};

use super::{Search, put};
use crate::auth::CaBundle;
use crate::names::{EndpointUrl, Region};
use crate::profile::Profile;

/// Endpoints of single services: a connector has one for all, and one for STS.
const OTHER_ENDPOINTS: [&str; 6] = ["S3", "EKS", "ECR", "SECRETS_MANAGER", "SSO", "SSO_OIDC"];

/// No service has this id, so what a profile says for it is its endpoint for all.
const ANY_SERVICE: &str = "";

impl Search<'_> {
    /// The fields that all methods share, and what to tell about them.
    pub(super) fn network(&self) -> Result<(Map<String, Value>, Vec<String>)> {
        let profile = self.files.profiles.profile(&self.profile_name());
        let mut config = Map::new();
        let mut notes = Vec::new();
        put(&mut config, "region", self.region(profile)?.as_str());
        if !self.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            self.endpoints(profile, &mut config, &mut notes)?;
        }
        let bundle = self.cx.var("AWS_CA_BUNDLE").or_else(|| profile?.get("ca_bundle").map(str::to_owned));
        match bundle.map(|path| (path.parse::<CaBundle>().is_ok(), path)) {
            Some((true, path)) => put(&mut config, "ca_bundle", path),
            Some((false, _)) => {
                notes.push("the CA bundle is not taken over: its path is not absolute".to_owned())
            }
            None => {}
        }
        Ok((config, notes))
    }

    /// What is asked for, else the profile's, else the environment's.
    fn region(&self, profile: Option<&Profile>) -> Result<Region> {
        let var = |name: &'static str| Some((name, self.cx.var(name)?));
        let found = self.hints.region.clone().map(|region| ("--region", region));
        let found = found.or_else(|| Some(("the profile's region", profile?.get("region")?.to_owned())));
        let found = found.or_else(|| var("AWS_REGION")).or_else(|| var("AWS_DEFAULT_REGION"));
        let (from, region) = found.ok_or_else(|| {
            Error::field("region", "neither the profile nor AWS_REGION says which region")
                .with_hint("give one with `--region`, such as `--region eu-west-1`")
        })?;
        Region::parse(region).map_err(|error| Error::field("region", format!("{from}: {error}")))
    }

    /// The endpoint of a service goes before that of all; the environment before the profile.
    fn endpoints(
        &self,
        profile: Option<&Profile>,
        config: &mut Map<String, Value>,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        let of_profile = |service: &str| match profile {
            Some(profile) => {
                self.files.profiles.endpoint_url(profile.name(), service).map(|it| it.map(str::to_owned))
            }
            None => Ok(None),
        };
        let for_all = self.cx.var("AWS_ENDPOINT_URL");
        let for_all = for_all.map_or_else(|| of_profile(ANY_SERVICE), |url| Ok(Some(url)))?;
        let for_sts = self.cx.var("AWS_ENDPOINT_URL_STS");
        let for_sts = match (for_sts, self.cx.var("AWS_ENDPOINT_URL")) {
            (Some(url), _) => Some(url),
            (None, Some(_)) => None,
            (None, None) => of_profile("sts")?,
        };
        for (field, url) in [("endpoint_url", &for_all), ("sts_endpoint_url", &for_sts)] {
            if let Some(url) =
                url.as_ref().filter(|url| field == "endpoint_url" || for_all.as_ref() != Some(url))
            {
                EndpointUrl::parse(url.as_str()).map_err(|error| Error::field(field, error.message()))?;
                put(config, field, url.as_str());
            }
        }
        for service in OTHER_ENDPOINTS {
            let name = format!("AWS_ENDPOINT_URL_{service}");
            if self.cx.var(&name).is_some() {
                notes
                    .push(format!("{name} is not taken over: a connector has one endpoint for all services"));
            }
        }
        Ok(())
    }

    fn is_true(&self, name: &str) -> bool {
        self.cx.var(name).is_some_and(|it| it.eq_ignore_ascii_case("true"))
    }
}
