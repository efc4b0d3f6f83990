//! What the configs of all methods share.

use std::borrow::Cow;
use std::fmt;

use connector_core::{CaBundle, Context, Error, Given, Problem, Result, Secret, Trusted};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use crate::file::{ClientSecrets, ExternalAccount, FileUrl, STRANGE, ServiceAccountKey, UserFile};
use crate::names::{EndpointUrl, Endpoints, ProjectId, Scope, Service, UniverseDomain};
use crate::session::Place;

/// Where a connector's calls go; the same fields in every method.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Network {
    /// The id of the project whose resources are reached. Needed unless the credential names its project, as keys of
    /// service accounts do.
    #[serde(default)]
    project_id: Option<Given<ProjectId>>,
    /// The project that calls are counted and paid for, where it is not the one of the account.
    #[serde(default)]
    quota_project_id: Option<Given<ProjectId>>,
    /// The domain below which the services are, in clouds of their own; `googleapis.com` when left out.
    #[serde(default)]
    universe_domain: Option<Given<UniverseDomain>>,
    /// An endpoint for every service in place of Google's own, such as `http://127.0.0.1:9000`. `http` is taken
    /// for loopback and private addresses only.
    #[serde(default)]
    endpoint_url: Option<Given<EndpointUrl>>,
    /// Endpoints of single services by their names: accounts, oauth2, sts, iamcredentials, storage, container,
    /// artifactregistry, cloudresourcemanager, secretmanager.
    #[serde(default)]
    endpoints: Endpoints,
    /// Certificates to trust beside the system's: PEM text, or the absolute path of a PEM file, which is
    /// read for each call.
    #[serde(default)]
    ca_bundle: Option<Given<CaBundle>>,
}

/// What a credential file says of the place.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfFile<'a> {
    pub(crate) project: Option<&'a ProjectId>,
    pub(crate) quota_project: Option<&'a ProjectId>,
    pub(crate) universe: Option<&'a UniverseDomain>,
    /// Where it would have its secrets sent.
    pub(crate) urls: Vec<FileUrl<'a>>,
    /// The field of the config that holds it; `None` for what the machine itself is set up with, which whoever set it
    /// up may put into any universe.
    pub(crate) field: Option<&'static str>,
}

/// Why a file is not believed, and what to do where it is meant so.
struct Doubt {
    field: &'static str,
    why: String,
    fix: String,
}

impl Network {
    /// A project, and Google's own endpoints.
    #[must_use]
    pub fn new(project: ProjectId) -> Self {
        Self { project_id: Some(Given::of(project)), ..Self::default() }
    }

    /// Counts calls for another project.
    #[must_use]
    pub fn with_quota_project(mut self, project: ProjectId) -> Self {
        self.quota_project_id = Some(Given::of(project));
        self
    }

    /// Sends every call to `url` in place of Google.
    #[must_use]
    pub fn with_endpoint(mut self, url: EndpointUrl) -> Self {
        self.endpoint_url = Some(Given::of(url));
        self
    }

    /// Calls the services of another universe.
    #[must_use]
    pub fn with_universe(mut self, domain: UniverseDomain) -> Self {
        self.universe_domain = Some(Given::of(domain));
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
            Given::fault(&self.project_id, "project_id"),
            Given::fault(&self.quota_project_id, "quota_project_id"),
            Given::fault(&self.universe_domain, "universe_domain"),
            Given::fault(&self.endpoint_url, "endpoint_url"),
            Given::fault(&self.ca_bundle, "ca_bundle"),
        ];
        faults.into_iter().flatten().chain(self.endpoints.check("endpoints")).collect()
    }

    /// As [`Network::check`], for methods whose credential names no project, or not this one.
    pub(super) fn check_with(&self, of_file: Option<&ProjectId>) -> Vec<Problem> {
        let mut problems = self.check();
        if self.project_id.is_none() && of_file.is_none() {
            problems.push(Problem::new("project_id", "missing, and the credential names no project"));
        }
        problems
    }

    /// As [`Network::check_with`], and what the file says that it may not say by itself.
    pub(super) fn check_file(&self, of_file: &OfFile<'_>) -> Vec<Problem> {
        let doubts = self.doubts(of_file);
        let doubts = doubts.into_iter().map(|it| Problem::new(it.field, format!("{}: {}", it.why, it.fix)));
        self.check_with(of_file.project).into_iter().chain(doubts).collect()
    }

    /// A file moves nobody to another universe, and sends no secret to a host that only it names.
    fn doubts(&self, of_file: &OfFile<'_>) -> Vec<Doubt> {
        let said = Given::value(&self.universe_domain, "universe_domain").ok().flatten();
        let other = of_file.universe.filter(|it| !it.is_default() && of_file.field.is_some());
        let other = other.filter(|it| said != Some(*it)).map(|theirs| Doubt {
            field: "universe_domain",
            why: format!("the file is for the universe {theirs}, and the connector does not say so"),
            fix: format!("set universe_domain={theirs} if that is meant"),
        });
        let trusted = said.into_iter().chain(of_file.universe.filter(|_| of_file.field.is_none()));
        let trusted: Vec<_> = trusted.collect();
        let own = self.endpoints.parsed().unwrap_or_default();
        let is_said = |service| self.endpoint_url.is_some() || own.contains_key(&service);
        let strange =
            of_file.urls.iter().filter(|it| !is_said(it.service) && !it.is_of(trusted.iter().copied()));
        let strange = strange.map(|it| Doubt {
            field: of_file.field.unwrap_or_default(),
            why: format!("`{}` in the file {STRANGE}", it.field),
            fix: format!("set endpoints.{} or endpoint_url if that host is meant", it.service.name()),
        });
        other.into_iter().chain(strange).collect()
    }

    /// Whether calls go to Google's public cloud.
    pub(super) fn universe_is_default(&self, of_file: Option<&UniverseDomain>) -> bool {
        let said = Given::value(&self.universe_domain, "universe_domain").ok().flatten();
        said.or(of_file).is_none_or(UniverseDomain::is_default)
    }

    /// The project, where the config names it.
    pub(super) fn project(&self) -> Option<&ProjectId> {
        Given::value(&self.project_id, "project_id").ok().flatten()
    }

    /// The place that these fields and a file describe. What the config says counts.
    pub(super) fn place(&self, cx: &Context, of_file: &OfFile<'_>) -> Result<Place> {
        if let Some(Doubt { field, why, fix }) = self.doubts(of_file).into_iter().next() {
            let error = if field.is_empty() { Error::invalid(why) } else { Error::field(field, why) };
            return Err(error.with_hint(fix));
        }
        let bundle = Given::value(&self.ca_bundle, "ca_bundle")?;
        let universe = Given::value(&self.universe_domain, "universe_domain")?.or(of_file.universe);
        let quota = Given::value(&self.quota_project_id, "quota_project_id")?.or(of_file.quota_project);
        Ok(Place {
            project: Given::value(&self.project_id, "project_id")?.or(of_file.project).cloned(),
            quota_project: quota.cloned(),
            universe: universe.cloned().unwrap_or_default(),
            endpoint_url: Given::value(&self.endpoint_url, "endpoint_url")?.cloned(),
            endpoints: self.endpoints.parsed()?,
            trust: bundle.map(|bundle| Trusted::of(bundle, cx)).transpose()?,
        })
    }
}

impl Network {
    /// The place of a connector that takes its identity from another: the other's, to which these fields add. A token
    /// of one universe is not sent to another, nor one of an endpoint to another endpoint.
    pub(super) fn place_above(&self, cx: &Context, base: &Place) -> Result<Place> {
        let own = self.place(cx, &OfFile::default())?;
        let differs = |field: String, ours: &str, theirs: &str| {
            let why = format!("{ours} here, and {theirs} at the source, whose token is not for elsewhere");
            Error::field(&*field, why).with_hint(format!("leave `{field}` out: what the source says is used"))
        };
        if let Some(said) = Given::value(&self.universe_domain, "universe_domain")?
            && *said != base.universe
        {
            return Err(differs("universe_domain".into(), said.as_str(), base.universe.as_str()));
        }
        for service in Service::ALL {
            if own.endpoint(service).is_some() && own.url(service) != base.url(service) {
                let single = own.endpoints.contains_key(&service);
                let field =
                    if single { format!("endpoints.{}", service.name()) } else { "endpoint_url".into() };
                return Err(differs(field, &own.url(service), &base.url(service)));
            }
        }
        Ok(Place {
            project: own.project.or_else(|| base.project.clone()),
            quota_project: own.quota_project,
            universe: base.universe.clone(),
            endpoint_url: base.endpoint_url.clone(),
            endpoints: base.endpoints.clone(),
            trust: own.trust.or_else(|| base.trust.clone()),
        })
    }
}

/// A field that holds a file of Google's: its JSON text, or that in base64. What is wrong with it is told by
/// [`AuthMethod::check`](connector_core::AuthMethod::check), because serde would tell that something is wrong and not
/// what.
#[derive(Clone)]
pub struct JsonFile<T>(Result<T>);

/// A file that [`JsonFile`] reads.
pub trait Parse: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// Invalid input that quotes nothing.
    fn parse_file(text: &Secret) -> Result<Self>;
}

macro_rules! parse { ($($file:ty),+) => {$(
    impl Parse for $file {
        fn parse_file(text: &Secret) -> Result<Self> {
            Self::parse(text)
        }
    }
)+} }

parse!(ServiceAccountKey, UserFile, ExternalAccount, ClientSecrets);

impl<T: Parse> JsonFile<T> {
    /// Reads a file.
    ///
    /// # Errors
    /// Invalid input that says what is wrong, and quotes nothing.
    pub fn parse(text: impl Into<Secret>) -> Result<Self> {
        T::parse_file(&text.into()).map(|file| Self(Ok(file)))
    }
}

impl<T> JsonFile<T> {
    pub(super) fn fault(&self, field: &str) -> Option<Problem> {
        let error = self.0.as_ref().err()?;
        let hint = error.hint().map(|it| format!(": {it}")).unwrap_or_default();
        Some(Problem::new(field, format!("{}{hint}", error.message())))
    }

    pub(super) fn value(&self, field: &str) -> Result<&T> {
        match &self.0 {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::field(field, error.message())),
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().ok()
    }
}

impl<T> fmt::Debug for JsonFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

impl<'de, T: Parse> Deserialize<'de> for JsonFile<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Secret::deserialize(from).map(|text| Self(T::parse_file(&text)))
    }
}

impl<T> JsonSchema for JsonFile<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Secret::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Secret::json_schema(generator)
    }
}

/// The scopes that are asked for.
pub(super) fn scopes_or_usual(scopes: &[Scope]) -> Vec<Scope> {
    if scopes.is_empty() { Scope::usual() } else { scopes.to_vec() }
}
