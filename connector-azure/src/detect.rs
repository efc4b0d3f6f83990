//! Auto-configuration: what of Azure is set up in the surroundings, best first.
//!
//! What is found is lifted into the connector, so that it works without the surroundings from then on. Nothing is written,
//! and the only call is one to the machine's identity endpoint, where the methods that use that are switched on.

use connector_core::{AuthMethod, Candidate, Context, Error, ErrorKind, Hints, Result, Secret, format_time};
use serde_json::{Map, Value, json};

use crate::auth::{self, machine_identity};
use crate::mint;
use crate::names::{ClientId, Cloud, SubscriptionId, TenantId};
use crate::surroundings::{
    self, Application, Assigned, Authority, Az, Elsewhere, Key, Login, Names, Subscription, Terraform, Who,
};

/// What is found, in the order in which Azure's libraries look; Terraform's variables stand behind theirs.
///
/// # Errors
/// What is there and broken; a subscription that is not known; the switch, where what is asked for is behind it.
pub(crate) async fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
    let implicit = [auth::Implicit::ID, auth::ManagedIdentity::ID];
    if let Some(method) = hints.method.as_deref().filter(|it| implicit.contains(it) && !cx.implicit()) {
        return Err(switched_off(&format!("method `{method}`")));
    }
    let finder = Finder { cx, hints };
    let mut found = Vec::new();
    let mut trouble = Vec::new();
    // A subscription of az that is named is meant: nothing else is looked at.
    if hints.profile.is_none() {
        found.extend(finder.application(&Names::AZURE)?);
        found.extend(finder.workload()?);
        // Azure's libraries do not look at these.
        if hints.method.as_deref() != Some(auth::Implicit::ID) {
            found.extend(finder.application(&Names::TERRAFORM)?);
            found.extend(finder.terraform()?);
        }
        match finder.machine().await {
            Ok(machine) => found.extend(machine),
            Err(error) => trouble.push(error),
        }
    }
    match finder.az() {
        Ok(login) => found.extend(login),
        Err(error) => trouble.push(error),
    }
    if hints.profile.is_none() && hints.method.as_deref() != Some(auth::Implicit::ID) {
        match finder.connection_string() {
            Ok(text) => found.extend(text),
            Err(error) => trouble.push(error),
        }
    }
    finder.choose(found, trouble)
}

fn switched_off(what: &str) -> Error {
    Error::refused(format!("{what} uses the identity of this machine and is switched off"))
        .with_hint("set CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true if you want that")
}

struct Finder<'a> {
    cx: &'a Context,
    hints: &'a Hints,
}

impl Finder<'_> {
    /// An application in the environment.
    fn application(&self, names: &Names) -> Result<Option<Candidate>> {
        let Some(found) = Application::read(self.cx, names)? else { return Ok(None) };
        let is_terraform = names.client == Names::TERRAFORM.client;
        let mut config = self.of_environment(is_terraform)?;
        of_application(&mut config, &found.tenant, &found.client, &found.key);
        let named = if matches!(found.key, Key::Secret(_)) { names.secret } else { names.certificate };
        let found = format!("the environment ({named})");
        Ok(Some(Candidate::new(auth::ServicePrincipal::ID, config, found)))
    }

    /// A token of elsewhere, as Kubernetes sets it up.
    fn workload(&self) -> Result<Option<Candidate>> {
        let Some(found) = surroundings::federated(self.cx, None)? else { return Ok(None) };
        let mut config = self.of_environment(false)?;
        put(&mut config, "tenant_id", found.tenant.as_str());
        put(&mut config, "client_id", found.client.as_str());
        put(&mut config, "federated_token_file", &found.file);
        let place = "the environment (AZURE_FEDERATED_TOKEN_FILE)";
        Ok(Some(Candidate::new(auth::WorkloadIdentity::ID, config, place)))
    }

    /// A token of elsewhere, or the machine's identity, as Terraform is told to use it.
    fn terraform(&self) -> Result<Option<Candidate>> {
        Ok(match Terraform::read(self.cx)? {
            Some(Terraform::Token { tenant, client, token }) => {
                let mut config = self.of_environment(true)?;
                put(&mut config, "tenant_id", tenant.as_str());
                put(&mut config, "client_id", client.as_str());
                let (field, text, name) = match &token {
                    Elsewhere::File(path) => {
                        ("federated_token_file", path.as_str(), "ARM_OIDC_TOKEN_FILE_PATH")
                    }
                    Elsewhere::Token(token) => ("federated_token", token.expose(), "ARM_OIDC_TOKEN"),
                };
                put(&mut config, field, text);
                let found = format!("the environment ({name})");
                let mut candidate = Candidate::new(auth::WorkloadIdentity::ID, config, found);
                if let Elsewhere::Token(token) = &token {
                    candidate.expires_at = mint::claims(token).and_then(|it| it.end());
                    ended(self.cx, &candidate)?;
                }
                Some(candidate)
            }
            Some(Terraform::Machine(client)) if self.cx.implicit() => {
                let mut config = self.of_environment(true)?;
                config.extend(client.map(|it| ("client_id".to_owned(), json!(it.as_str()))));
                Some(Candidate::new(auth::ManagedIdentity::ID, config, "the environment (ARM_USE_MSI)"))
            }
            Some(Terraform::Machine(_)) | None => None,
        })
    }

    /// The identity that the machine has, under the switch.
    async fn machine(&self) -> Result<Option<Candidate>> {
        if !self.cx.implicit() {
            return Ok(None);
        }
        let client = surroundings::client_id(self.cx)?;
        let Some(found) = machine_identity(self.cx, client.as_ref()).await? else { return Ok(None) };
        let mut config = self.of_environment(false)?;
        // The machine's own cloud is told by its endpoint alone.
        config.remove("authority_url");
        config.extend(client.map(|it| ("client_id".to_owned(), json!(it.as_str()))));
        Ok(Some(Candidate::new(auth::ManagedIdentity::ID, config, found)))
    }

    /// The login of `az`, for the subscription that is asked for, or for the default one.
    fn az(&self) -> Result<Option<Candidate>> {
        let wanted = self.hints.profile.as_deref().or(self.hints.project.as_deref());
        let Some(az) = Az::read(self.cx)? else {
            return match &self.hints.profile {
                Some(_) => Err(Error::not_found("nobody is logged in with az").with_hint("log in: az login")),
                None => Ok(None),
            };
        };
        let subscription = match wanted {
            // An id that az does not list may be another identity's.
            Some(wanted) => match az.subscription(wanted) {
                Ok(subscription) => Some(subscription),
                Err(error) if self.hints.profile.is_some() => return Err(error),
                Err(error) if SubscriptionId::parse(wanted).is_err() => return Err(error),
                Err(_) => az.default_subscription(),
            },
            None => az.default_subscription(),
        };
        let Some(subscription) = subscription else { return Ok(None) };
        self.of_az(&az, subscription).map(Some)
    }

    fn of_az(&self, az: &Az, subscription: &Subscription) -> Result<Candidate> {
        let mut config = Map::new();
        match subscription.cloud {
            Some(Cloud::Public) => {}
            Some(cloud) => put(&mut config, "cloud", cloud.name()),
            None => {
                return Err(Error::invalid("az is set to a cloud of somebody's own").with_hint(
                    "register it with its authority and its services: `authority_url` and `endpoints`, or `endpoint_url`",
                ));
            }
        }
        let asked = self.hints.project.as_deref().and_then(|it| SubscriptionId::parse(it).ok());
        if let Some(id) = asked.as_ref().or(subscription.id.as_ref()) {
            put(&mut config, "subscription_id", id.as_str());
        }
        let tenant = &subscription.tenant;
        let found = format!("the login of az as {}: {}", subscription.who.shown(), az.shown());
        let candidate = |method, config| Candidate::new(method, config, found.clone());
        let mut candidate = match az.login(self.cx, subscription)? {
            Login::Person(token) => {
                put(&mut config, "tenant_id", tenant.as_str());
                put(&mut config, "refresh_token", token.expose());
                let mut candidate = candidate(auth::UserAccount::ID, config);
                candidate.notes.push(
                    "the login is taken over: it renews itself from now on, apart from az's".to_owned(),
                );
                candidate
            }
            Login::Application(client, key) => {
                of_application(&mut config, tenant, &client, &key);
                candidate(auth::ServicePrincipal::ID, config)
            }
            Login::Federated(client, token) => {
                put(&mut config, "tenant_id", tenant.as_str());
                put(&mut config, "client_id", client.as_str());
                put(&mut config, "federated_token", token.expose());
                let mut candidate = candidate(auth::WorkloadIdentity::ID, config);
                candidate.expires_at = mint::claims(&token).and_then(|it| it.end());
                ended(self.cx, &candidate)?;
                candidate
            }
            Login::Machine(_) if !self.cx.implicit() => return Err(switched_off("the login of az")),
            Login::Machine(assigned) => {
                match &assigned {
                    Assigned::Own => {}
                    Assigned::Client(id) => put(&mut config, "client_id", id.as_str()),
                    Assigned::Resource(id) => put(&mut config, "identity_resource_id", id.as_str()),
                    Assigned::Other => {
                        return Err(Error::not_found(
                            "az is logged in as an identity that is named by its object id",
                        )
                        .with_hint("register it by its client id: `managed-identity` with client_id=ID"));
                    }
                }
                candidate(auth::ManagedIdentity::ID, config)
            }
            login @ (Login::Sealed(_) | Login::Gone) => {
                let why = match login {
                    Login::Sealed(why) => why,
                    _ => format!("az has no login (any more) of {}", subscription.who.shown()),
                };
                match subscription.who {
                    // A person can log in anew.
                    Who::Person(_) => {
                        put(&mut config, "tenant_id", tenant.as_str());
                        let mut candidate = candidate(auth::UserAccount::ID, config);
                        candidate.notes.push(format!("{why}: log in anew when it is asked for"));
                        candidate
                    }
                    Who::Application(_) | Who::Machine(_) => {
                        return Err(Error::not_found(why).with_hint(
                            "register it with its secret or its certificate: `service-principal`",
                        ));
                    }
                }
            }
        };
        if subscription.id.is_none() {
            candidate
                .notes
                .push("az knows no subscription for it: say `--project ID` if there is one".to_owned());
        }
        Ok(candidate)
    }

    /// The connection string of a storage account: behind all that is of Entra ID, since an account's key may do
    /// everything in it.
    fn connection_string(&self) -> Result<Option<Candidate>> {
        const NAME: &str = "AZURE_STORAGE_CONNECTION_STRING";
        let Some(text) = self.cx.var(NAME).map(Secret::new) else { return Ok(None) };
        auth::Text::parse(&text).map_err(|error| Error::invalid(format!("{NAME}: {}", error.message())))?;
        let mut config = Map::new();
        put(&mut config, "connection_string", text.expose());
        let mut candidate =
            Candidate::new(auth::ConnectionString::ID, config, format!("the environment ({NAME})"));
        candidate
            .notes
            .push("it reaches one storage account, by its key; Entra ID names who does what".to_owned());
        Ok(Some(candidate))
    }

    /// The cloud and the subscription that the environment says.
    fn of_environment(&self, is_terraform: bool) -> Result<Map<String, Value>> {
        let Authority { cloud, url } = match is_terraform {
            true => Terraform::authority(self.cx)?,
            false => Authority::read(self.cx)?,
        };
        let mut config = Map::new();
        if let Some(cloud) = cloud.filter(|it| *it != Cloud::Public) {
            put(&mut config, "cloud", cloud.name());
        }
        if let Some(url) = url {
            put(&mut config, "authority_url", url.as_str());
        }
        if let Some(id) = self.subscription()? {
            put(&mut config, "subscription_id", id.as_str());
        }
        Ok(config)
    }

    /// The subscription that is asked for, by its id or by the name under which az knows it; else that of the variables.
    fn subscription(&self) -> Result<Option<SubscriptionId>> {
        let Some(asked) = self.hints.project.as_deref() else {
            return surroundings::subscription_id(self.cx);
        };
        if let Ok(id) = SubscriptionId::parse(asked) {
            return Ok(Some(id));
        }
        match Az::read(self.cx)? {
            Some(az) => Ok(az.subscription(asked)?.id.clone()),
            None => Err(Error::not_found(
                "`--project` is no id of a subscription, and nobody is logged in with az who \
                 would know its name",
            )
            .with_hint("give its id")),
        }
    }

    /// Those that are wanted. What stands in the way of others is told with the first, and is the error where there is
    /// none.
    fn choose(&self, mut found: Vec<Candidate>, trouble: Vec<Error>) -> Result<Vec<Candidate>> {
        if let (Some(auth::Implicit::ID), Some(first)) = (self.hints.method.as_deref(), found.first()) {
            let mut config = first.config.clone();
            config.retain(|name, _| matches!(name.as_str(), "subscription_id" | "cloud" | "authority_url"));
            let mut candidate = Candidate::new(auth::Implicit::ID, config, first.found.clone());
            candidate.notes.push("stays with this machine: it is used in its place, not lifted".to_owned());
            return Ok(vec![candidate]);
        }
        if let Some(method) = self.hints.method.as_deref() {
            found.retain(|it| it.method == method);
        }
        let Some((first, others)) = found.split_first_mut() else {
            let real = trouble.into_iter().find(|it| it.kind() != ErrorKind::NotConfigured);
            return real.map_or(Ok(Vec::new()), Err);
        };
        first.notes.extend(others.iter().map(|it| format!("also found, and not used: {}", it.found)));
        first
            .notes
            .extend(trouble.iter().map(|it| format!("also found, and not to be used: {}", it.message())));
        Ok(found)
    }
}

/// Refuses a token that has ended already.
fn ended(cx: &Context, candidate: &Candidate) -> Result<()> {
    match candidate.expires_at {
        Some(end) if end <= cx.now() => {
            Err(Error::expired(format!("the token of {} has ended at {}", candidate.found, format_time(end)))
                .with_hint("get a new one, or name a file that is kept new: federated_token_file"))
        }
        _ => Ok(()),
    }
}

fn of_application(config: &mut Map<String, Value>, tenant: &TenantId, client: &ClientId, key: &Key) {
    put(config, "tenant_id", tenant.as_str());
    put(config, "client_id", client.as_str());
    match key {
        Key::Secret(secret) => put(config, "client_secret", secret.expose()),
        Key::Certificate(text) => put(config, "client_certificate", text.expose()),
    }
}

/// A candidate's config holds secrets as plain values until the hub stores it.
fn put(config: &mut Map<String, Value>, key: &str, value: &str) {
    config.insert(key.to_owned(), json!(value));
}

#[cfg(test)]
mod tests;
