//! The files of `az`: who logged in, to which subscriptions, and which of them is the default (source: azure-cli, the
//! files in its configuration folder).

use std::path::PathBuf;

use connector_core::{Context, Error, Result};
use serde::Deserialize;

use super::read_if_there;
use crate::names::{ClientId, Cloud, IdentityId, SubscriptionId, TenantId};

/// What `az` knows.
pub(crate) struct Az {
    pub(super) folder: PathBuf,
    subscriptions: Vec<Subscription>,
}

/// A subscription, and who logged in to it.
pub(crate) struct Subscription {
    /// `None` for a login to a directory without any.
    pub(crate) id: Option<SubscriptionId>,
    pub(crate) name: String,
    pub(crate) tenant: TenantId,
    /// `None` for a cloud of somebody's own.
    pub(crate) cloud: Option<Cloud>,
    pub(crate) who: Who,
    is_default: bool,
}

/// Who logged in.
pub(crate) enum Who {
    /// A person, by the name that they log in with.
    Person(String),
    Application(ClientId),
    /// The machine that `az` runs on, by one of its identities.
    Machine(Assigned),
}

/// Which of the machine's identities `az` was told to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Assigned {
    /// Its own.
    Own,
    Client(ClientId),
    Resource(IdentityId),
    /// One that is named by an object id, or in a way that is not known.
    Other,
}

impl Assigned {
    /// `MSI`, `MSIClient-ID`, `MSIResource-ID` or `MSIObject-ID`.
    fn parse(info: &str) -> Self {
        let of = |mark: &str| info.strip_prefix(mark);
        if info == "MSI" {
            return Self::Own;
        }
        let client = of("MSIClient-").and_then(|it| ClientId::parse(it).ok());
        let resource = of("MSIResource-").and_then(|it| IdentityId::parse(it).ok());
        client.map(Self::Client).or_else(|| resource.map(Self::Resource)).unwrap_or(Self::Other)
    }
}

impl Who {
    /// For people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Person(name) => name.clone(),
            Self::Application(id) => format!("application {id}"),
            Self::Machine(_) => "the machine's identity".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    subscriptions: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    #[serde(default)]
    name: String,
    tenant_id: String,
    #[serde(default)]
    environment_name: Option<String>,
    #[serde(default)]
    is_default: bool,
    #[serde(default)]
    state: Option<String>,
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    assigned_identity_info: Option<String>,
}

impl Entry {
    /// An entry as it is used; `None` for one that says nothing that can be.
    fn read(self) -> Option<Subscription> {
        if matches!(self.state.as_deref(), Some("Disabled" | "Deleted")) {
            return None;
        }
        // What is shown, and may hold anything.
        let is_shown = |text: &str| text.len() <= 256 && !text.chars().any(char::is_control);
        let id = SubscriptionId::parse(&*self.id).ok().filter(|_| self.id != self.tenant_id);
        let User { name, kind, assigned_identity_info } = self.user;
        let who = match (kind.as_str(), assigned_identity_info) {
            (_, Some(info)) => Who::Machine(Assigned::parse(&info)),
            ("servicePrincipal", None) => Who::Application(ClientId::parse(name).ok()?),
            ("user", None) if is_shown(&name) => Who::Person(name),
            _ => return None,
        };
        Some(Subscription {
            id,
            name: Some(self.name).filter(|it| is_shown(it)).unwrap_or_default(),
            tenant: TenantId::parse(self.tenant_id).ok()?,
            cloud: match self.environment_name {
                None => Some(Cloud::default()),
                Some(name) => Cloud::named(&name),
            },
            who,
            is_default: self.is_default,
        })
    }
}

impl Az {
    /// Reads what `az` wrote; `None` where it wrote nothing.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub(crate) fn read(cx: &Context) -> Result<Option<Self>> {
        let Some(folder) = folder(cx) else { return Ok(None) };
        let path = folder.join("azureProfile.json");
        let Some(text) = read_if_there(cx, &path)? else { return Ok(None) };
        // az begins the file with a mark.
        let profile: Profile =
            serde_json::from_str(text.expose().trim_start_matches('\u{feff}')).map_err(|_| {
                Error::invalid(format!("{} is no profile of az", path.display()))
                    .with_hint("make it anew: az account clear, then az login")
            })?;
        let subscriptions = profile.subscriptions.into_iter().filter_map(Entry::read).collect();
        Ok(Some(Self { folder, subscriptions }))
    }

    /// The default one; `None` where nobody is logged in.
    pub(crate) fn default_subscription(&self) -> Option<&Subscription> {
        self.subscriptions.iter().find(|it| it.is_default)
    }

    /// The one with this id, or this name, whose case counts as little as for `az`.
    ///
    /// # Errors
    /// Not found, and several of one name.
    pub(crate) fn subscription(&self, wanted: &str) -> Result<&Subscription> {
        let is_id =
            |it: &&Subscription| it.id.as_ref().is_some_and(|id| id.as_str().eq_ignore_ascii_case(wanted));
        let of_id: Vec<_> = self.subscriptions.iter().filter(is_id).collect();
        let of_name = || {
            self.subscriptions.iter().filter(|it| it.name.to_lowercase() == wanted.to_lowercase()).collect()
        };
        let found: Vec<_> = if of_id.is_empty() { of_name() } else { of_id };
        let see = "see what there is: az account list --output table";
        match *found {
            [one] => Ok(one),
            [] => Err(Error::not_found("az knows no subscription of this name or id").with_hint(see)),
            _ => Err(Error::invalid("several subscriptions have this name: take the id").with_hint(see)),
        }
    }

    /// Where its files are, for people.
    pub(crate) fn shown(&self) -> String {
        self.folder.display().to_string()
    }
}

/// Where `az` keeps its files.
fn folder(cx: &Context) -> Option<PathBuf> {
    cx.var("AZURE_CONFIG_DIR").map(PathBuf::from).or_else(|| Some(cx.home()?.join(".azure")))
}
