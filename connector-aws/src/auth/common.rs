//! What the configs of all methods share.

use connector_core::{CaBundle, Context, Error, Given, Problem, Result, Secret, Trusted};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::hint_for;
use crate::names::{EndpointUrl, Region, RoleArn, SessionName};
use crate::session::{Keys, Place};

/// Where a connector's calls go; the same fields in every method.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Network {
    /// The region whose endpoints are called and whose resources are reached, such as `eu-west-1`. The
    /// partition (aws, aws-cn, aws-us-gov and so on) follows from it.
    pub region: Region,
    /// An endpoint for every service in place of AWS's own, such as `http://127.0.0.1:9000`. `http` is taken
    /// for loopback and private addresses only.
    #[serde(default)]
    endpoint_url: Option<Given<EndpointUrl>>,
    /// An endpoint for STS alone; `endpoint_url` when left out.
    #[serde(default)]
    sts_endpoint_url: Option<Given<EndpointUrl>>,
    /// Certificates to trust beside the system's: PEM text, or the absolute path of a PEM file, which is
    /// read for each call. Programs are told of a path, by `AWS_CA_BUNDLE`, which takes no text.
    #[serde(default)]
    ca_bundle: Option<Given<CaBundle>>,
}

impl Network {
    /// A region, and AWS's own endpoints there.
    #[must_use]
    pub fn new(region: Region) -> Self {
        Self { region, endpoint_url: None, sts_endpoint_url: None, ca_bundle: None }
    }

    /// Sends every call to `url` in place of AWS.
    #[must_use]
    pub fn with_endpoint(mut self, url: EndpointUrl) -> Self {
        self.endpoint_url = Some(Given::of(url));
        self
    }

    /// Sends the calls to STS elsewhere.
    #[must_use]
    pub fn with_sts_endpoint(mut self, url: EndpointUrl) -> Self {
        self.sts_endpoint_url = Some(Given::of(url));
        self
    }

    /// Trusts these certificates beside the system's.
    #[must_use]
    pub fn with_ca_bundle(mut self, bundle: CaBundle) -> Self {
        self.ca_bundle = Some(Given::of(bundle));
        self
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let faults = [
            Given::fault(&self.endpoint_url, "endpoint_url"),
            Given::fault(&self.sts_endpoint_url, "sts_endpoint_url"),
            Given::fault(&self.ca_bundle, "ca_bundle"),
        ];
        let strange = self.endpoint_url.is_none() && !self.region.is_like_aws();
        let strange = strange.then(|| {
            Problem::new("region", "not a region of AWS, and there is no `endpoint_url` of another server")
        });
        faults.into_iter().flatten().chain(strange).collect()
    }

    /// Roles of another partition cannot be assumed from this one.
    pub(super) fn check_role(&self, role: &RoleArn) -> Option<Problem> {
        let (theirs, ours) = (role.partition()?, self.region.partition());
        (theirs != ours).then(|| {
            Problem::new("role_arn", format!("the role is of partition {theirs}, the region of {ours}"))
        })
    }

    /// The place that these fields describe.
    pub(super) fn place(&self, cx: &Context) -> Result<Place> {
        let bundle = Given::value(&self.ca_bundle, "ca_bundle")?;
        Ok(Place {
            region: self.region.clone(),
            endpoint_url: Given::value(&self.endpoint_url, "endpoint_url")?.cloned(),
            sts_endpoint_url: Given::value(&self.sts_endpoint_url, "sts_endpoint_url")?.cloned(),
            trust: bundle.map(|bundle| Trusted::of(bundle, cx)).transpose()?,
        })
    }
}

/// A user's key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AccessKey {
    /// The access key id, `AKIA…`.
    pub aws_access_key_id: Secret,
    /// The secret access key that belongs to it.
    pub aws_secret_access_key: Secret,
}

impl AccessKey {
    /// An access key id and its secret.
    pub fn new(access_key_id: impl Into<Secret>, secret_access_key: impl Into<Secret>) -> Self {
        Self { aws_access_key_id: access_key_id.into(), aws_secret_access_key: secret_access_key.into() }
    }

    pub(super) fn keys(&self) -> Keys {
        Keys {
            access_key_id: self.aws_access_key_id.clone(),
            secret_access_key: self.aws_secret_access_key.clone(),
            session_token: None,
        }
    }

    /// The faults of a key that has to be a user's own.
    pub(super) fn check_long_lived(&self) -> Vec<Problem> {
        let mut problems = check_secrets(&[
            ("aws_access_key_id", Some(&self.aws_access_key_id)),
            ("aws_secret_access_key", Some(&self.aws_secret_access_key)),
        ]);
        if self.aws_access_key_id.expose().starts_with("ASIA") {
            problems.push(Problem::new(
                "aws_access_key_id",
                "this is a temporary key (ASIA…): use method `sts-token`, which takes its session token too",
            ));
        }
        problems
    }
}

/// The faults of secrets that cannot be what they are said to be: empty, or pasted with blanks around.
pub(super) fn check_secrets(secrets: &[(&str, Option<&Secret>)]) -> Vec<Problem> {
    let fault = |text: &str| {
        if text.is_empty() {
            Some("empty")
        } else if !text.bytes().all(|it| it.is_ascii_graphic()) {
            Some("holds blanks, line ends or other characters that no key of AWS has")
        } else {
            None
        }
    };
    let given = secrets.iter().filter_map(|(field, secret)| Some((field, fault(secret.as_ref()?.expose())?)));
    given.map(|(field, fault)| Problem::new(*field, fault)).collect()
}

/// The name under which what is issued shows up at AWS, unless the config says one: the connector's, and
/// for whom it is asked, so that the owner of a role sees on whose behalf it is used.
pub(super) fn session_name(cx: &Context, longest: usize) -> SessionName {
    let name = match cx.terms().name.as_str() {
        "" => "connector",
        name => name,
    };
    if cx.caller().is_empty() {
        return SessionName::lossy(name, longest);
    }
    let caller: String = cx.caller().chars().take(longest / 2).collect();
    let room = longest - caller.chars().count() - 1;
    let name: String = name.chars().take(room).collect();
    SessionName::lossy(&format!("{name}+{caller}"), longest)
}

/// Asks for the code that an MFA device shows now. The hint is for those who cannot be asked.
pub(super) async fn mfa_code(cx: &Context, serial: &str, hint: &str) -> Result<Secret> {
    let code = cx.ask(&format!("MFA code for {serial}")).await;
    let code = code.map_err(|error| match cx.terms().id.as_str() {
        "" => error.or_hint("give the code with `--mfa-code`"),
        _ => error.or_hint(hint_for(cx, hint)),
    })?;
    let digits = code.expose().trim();
    if digits.len() != 6 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return Err(Error::invalid(format!("the MFA code for {serial} is not six digits")));
    }
    Ok(Secret::new(digits))
}
