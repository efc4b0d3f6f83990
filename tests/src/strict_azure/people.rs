//! Who there is, and what they may do.

use std::fmt;
use std::time::Duration;

use super::entra::{App, Browser, DEVELOPER, Decision, Federated, Person, Refresh, RefreshFault, Tenant};
use super::identity::{Caller, Grant, uuid};
use super::jwt::Jwt;
use super::managed::{Arc, Identity};
use super::{Block, StrictAzure, TENANT, der, roles};
use crate::random;
use crate::strict_aws::Issuer;

/// A certificate with its private key, both in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The public half.
    pub certificate: String,
    /// The secret half (PKCS #8).
    pub key: String,
}

/// Nothing of the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

/// An identity that a machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedIdentity {
    /// The client id.
    pub client_id: String,
    /// The object id, to which roles are granted.
    pub object_id: String,
    /// The id in the resource manager; empty for the machine's own.
    pub resource_id: String,
}

impl StrictAzure {
    /// A tenant, which may be named by its domain as well.
    pub fn add_tenant(&self, id: &str, domain: &str) {
        let tenant = Tenant { id: id.to_owned(), domain: domain.to_owned() };
        self.state().directory.tenants.insert(id, tenant);
    }

    pub(super) fn add_first_parties(&self) {
        let app = App { id: DEVELOPER.to_owned(), is_public: true, ..App::default() };
        self.state().directory.apps.insert(DEVELOPER, app);
    }

    /// A program in a tenant, with nothing to show yet; the same one may be added to several. Answers with the object
    /// id of its service principal.
    pub fn add_app(&self, tenant: &str, client_id: &str) -> String {
        let mut state = self.state();
        let apps = &mut state.directory.apps;
        if apps.get(client_id).is_none() {
            apps.insert(client_id, App { id: client_id.to_owned(), ..App::default() });
        }
        let app = apps.get_mut(client_id).expect("it was added just now");
        app.principals.entry(tenant.to_owned()).or_insert_with(uuid).clone()
    }

    /// A program that runs on people's machines, has nothing to show, and is redirected to `http://localhost`.
    pub fn add_public_app(&self, tenant: &str, client_id: &str) -> String {
        let id = self.add_app(tenant, client_id);
        self.with_app(client_id, |app| app.is_public = true);
        id
    }

    fn with_app<T>(&self, client_id: &str, change: impl FnOnce(&mut App) -> T) -> T {
        let mut state = self.state();
        change(state.directory.apps.get_mut(client_id).expect("the program is there"))
    }

    /// A secret of a program, good for two years.
    ///
    /// # Panics
    /// When there is no such program; so do all that follow.
    pub fn add_secret(&self, client_id: &str) -> String {
        self.add_secret_for(client_id, Duration::from_secs(2 * 365 * 24 * 3600))
    }

    /// The same, good for so long.
    pub fn add_secret_for(&self, client_id: &str, life: Duration) -> String {
        let secret = format!("{}8Q~{}", random::token(3), random::token(34));
        let ends = self.state().clock.after(life);
        self.with_app(client_id, |app| app.secrets.push((secret.clone(), Some(ends))));
        secret
    }

    /// Makes all secrets and certificates of a program unknown.
    pub fn remove_credentials(&self, client_id: &str) {
        self.with_app(client_id, |app| {
            app.secrets.clear();
            app.certificates.clear();
            app.federated.clear();
        });
    }

    /// Makes a key and a certificate for a program, good for a year.
    pub fn add_certificate(&self, client_id: &str) -> Certificate {
        self.add_certificate_for(client_id, Duration::from_secs(365 * 24 * 3600))
    }

    /// The same, good for so long.
    pub fn add_certificate_for(&self, client_id: &str, life: Duration) -> Certificate {
        let made = new_certificate(client_id, self.now(), life);
        self.register_certificate(client_id, &made.certificate);
        // Line by line: a file or a log may break them otherwise.
        let lines = made.key.lines().filter(|line| line.len() == 64).skip(1).map(str::to_owned);
        self.with_app(client_id, |app| app.keys.extend(lines));
        made
    }

    /// Takes a certificate in PEM for a program.
    ///
    /// # Panics
    /// When it is none.
    pub fn register_certificate(&self, client_id: &str, pem: &str) {
        use rustls::pki_types::pem::PemObject as _;
        let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes());
        let der = der.expect("a certificate in PEM");
        let known = der::Certificate::read(&der).expect("a certificate can be read");
        self.with_app(client_id, |app| app.certificates.push(known));
    }

    /// Takes tokens of an issuer for a program, with this subject and audience (`api://AzureADTokenExchange`).
    pub fn add_federated(&self, client_id: &str, issuer: &Issuer, subject: &str, audience: &str) {
        let known = Federated {
            issuer: issuer.url().to_owned(),
            subject: subject.to_owned(),
            audience: audience.to_owned(),
            verifier: issuer.verifier(audience),
        };
        self.with_app(client_id, |app| app.federated.push(known));
    }

    /// A token of `issuer` that ends `life` from now by this server's clock.
    pub fn token_of(&self, issuer: &Issuer, subject: &str, audience: &str, life: Duration) -> String {
        let ends = self.state().clock.after(life);
        issuer.token(subject, audience, ends)
    }

    /// Somebody in a tenant by the name that they sign in with. Answers with their object id.
    pub fn add_person(&self, tenant: &str, name: &str) -> String {
        let person = Person { name: name.to_owned(), id: uuid(), tenant: tenant.to_owned() };
        let id = person.id.clone();
        self.state().directory.people.push(person);
        id
    }

    /// Forgets a person or a program by its object id.
    pub fn delete(&self, principal: &str) {
        let mut state = self.state();
        state.directory.people.retain(|person| person.id != principal);
        let tenants: Vec<String> = state.directory.tenants.values().map(|it| it.id.clone()).collect();
        let clients: Vec<String> = state.directory.apps.values().map(|it| it.id.clone()).collect();
        for client in clients {
            let Some(app) = state.directory.apps.get_mut(&client) else { continue };
            for tenant in &tenants {
                if app.principals.get(tenant).is_some_and(|id| id == principal) {
                    app.principals.remove(tenant);
                }
            }
        }
        state.managed.identities.retain(|identity| identity.id != principal);
    }

    /// Refuses tokens to a principal from now on. Those that it has stay good.
    pub fn block(&self, principal: &str, block: Block) {
        self.state().directory.blocked.insert(principal.to_owned(), block);
    }

    /// Takes that back.
    pub fn unblock(&self, principal: &str) {
        self.state().directory.blocked.remove(principal);
    }

    /// Gives a role to an object id at a scope, and at all that lies below.
    ///
    /// # Panics
    /// When the role is not one that the server knows.
    pub fn grant(&self, principal: &str, role: &str, scope: &str) {
        assert!(roles::find(role).is_some(), "the server does not know {role}");
        let (principal, role, scope) = (principal.to_owned(), role.to_owned(), scope.to_owned());
        self.state().grants.push(Grant { principal, role, scope });
    }

    /// Takes a role back.
    pub fn take_back(&self, principal: &str, role: &str, scope: &str) {
        let is_it = |it: &Grant| it.principal == principal && it.role == role && it.scope == scope;
        self.state().grants.retain(|grant| !is_it(grant));
    }

    // Signing in.

    /// Puts somebody before the browser who signs in and consents to everything.
    pub fn sign_in_as(&self, name: &str) {
        self.state().directory.browser = Browser::SignsIn(name.to_owned());
    }

    /// Puts somebody before the browser who refuses everything.
    pub fn refuse_sign_in(&self) {
        self.state().directory.browser = Browser::Refuses;
    }

    /// Approves the device with that user code, or all that wait, as somebody. Answers with how many did.
    ///
    /// # Panics
    /// When there is no such person.
    pub fn approve_devices(&self, user_code: Option<&str>, name: &str) -> usize {
        let mut state = self.state();
        let person = state.person("organizations", name).cloned().expect("the person is there");
        state.decide(user_code, &Decision::Approved(person))
    }

    /// Declines all devices that wait.
    pub fn decline_devices(&self) -> usize {
        self.state().decide(None, &Decision::Declined)
    }

    /// Tells the next polls for a device's token to slow down.
    pub fn slow_down(&self, polls: usize) {
        self.state().directory.slow_downs = polls;
    }

    /// A refresh token as a sign-in with a public program gives it.
    ///
    /// # Panics
    /// When there is no such person.
    pub fn add_refresh_token(&self, client_id: &str, name: &str) -> String {
        let mut state = self.state();
        let person = state.person("organizations", name).cloned().expect("the person is there");
        state.add_refresh_token(client_id, &person)
    }

    /// Lets a refresh token be good once only. Entra's are good until they end, whether or not they were used.
    pub fn spend_refresh_tokens(&self) {
        self.state().directory.spends_refresh_tokens = true;
    }

    /// Ends all refresh tokens of somebody as if nobody had used them for months (`AADSTS700082`).
    pub fn expire_refresh_tokens(&self, name: &str) {
        self.spoil(name, RefreshFault::Idle);
    }

    /// Makes somebody sign in again (`AADSTS70043`).
    pub fn demand_sign_in(&self, name: &str) {
        self.spoil(name, RefreshFault::SignInFrequency);
    }

    /// Takes all refresh tokens of somebody back (`AADSTS50173`).
    pub fn revoke_refresh_tokens(&self, name: &str) {
        self.spoil(name, RefreshFault::Revoked);
    }

    fn spoil(&self, name: &str, fault: RefreshFault) {
        let mut state = self.state();
        let mine = |it: &&mut Refresh| it.person.name.eq_ignore_ascii_case(name);
        state.directory.refresh_tokens.values_mut().filter(mine).for_each(|it| it.fault = Some(fault));
    }

    // Managed identities.

    /// An identity of its own for the machine, which is taken when none is named.
    pub fn set_system_identity(&self) -> ManagedIdentity {
        let made = self.add_identity("");
        self.state().managed.system = Some(made.object_id.clone());
        made
    }

    /// An identity that is assigned to the machine beside its own.
    pub fn assign_identity(&self, group: &str, name: &str) -> ManagedIdentity {
        self.add_identity(&format!(
            "{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        ))
    }

    fn add_identity(&self, resource: &str) -> ManagedIdentity {
        let (client, id, resource) = (uuid(), uuid(), resource.to_owned());
        let made = ManagedIdentity {
            client_id: client.clone(),
            object_id: id.clone(),
            resource_id: resource.clone(),
        };
        let identity = Identity { client, id, tenant: TENANT.to_owned(), resource };
        self.state().managed.identities.push(identity);
        made
    }

    /// Makes this an App Service: answers with `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    pub fn set_app_service(&self) -> (String, String) {
        let header = random::token(32);
        self.state().managed.header = Some(header.clone());
        (format!("{}/msi/token", self.identity.url()), header)
    }

    /// Makes this a machine that is not in Azure (Arc): who wants a token has to read the file at `path`, into which
    /// the server writes. Answers with `IDENTITY_ENDPOINT`.
    pub fn set_arc(&self, path: &str) -> String {
        self.state().managed.arc = Some(Arc::at(path));
        format!("{}/metadata/identity/oauth2/token", self.identity.url())
    }

    // Tokens.

    /// An access token of a principal for a resource (`https://management.azure.com`), good for an hour.
    pub fn token_for(&self, principal: &str, resource: &str) -> String {
        self.token_in(TENANT, principal, resource)
    }

    /// The same in another tenant.
    pub fn token_in(&self, tenant: &str, principal: &str, resource: &str) -> String {
        let mut state = self.state();
        let person = state.directory.people.iter().find(|it| it.id == principal);
        let person = person.map(|person| person.name.clone());
        let named =
            state.directory.apps.values().find(|app| app.principals.values().any(|id| id == principal));
        let app = named.map_or(DEVELOPER, |app| &app.id).to_owned();
        let life = state.life(Duration::from_secs(3599));
        let caller = Caller {
            id: principal.to_owned(),
            tenant: tenant.to_owned(),
            app,
            person,
            audience: resource.to_owned(),
            ends: state.clock.after(life),
        };
        state.mint(&caller, &serde_json::Value::Null)
    }

    /// Makes an access token worth nothing before its end.
    pub fn revoke(&self, token: &str) {
        self.state().revoked.insert(token.to_owned());
    }

    /// Every access, refresh and identity token that was issued so far, and every user delegation key, whoever got it.
    pub fn issued(&self) -> Vec<String> {
        let state = self.state();
        let tokens = state.issued.iter().chain(state.directory.refresh_tokens.keys());
        tokens.chain(&state.delegation_keys).cloned().collect()
    }

    /// Everything that must not be seen outside: what was issued, secrets, private keys, and keys of accounts.
    pub fn confidential(&self) -> Vec<String> {
        let mut all = self.issued();
        let state = self.state();
        for app in state.directory.apps.values() {
            all.extend(app.secrets.iter().map(|(secret, _)| secret.clone()));
            all.extend(app.keys.iter().cloned());
        }
        all.extend(state.storage.accounts.values().flat_map(|account| account.keys.clone()));
        all.extend(state.managed.header.clone());
        all.extend(
            state.registries.values().flat_map(|registry| registry.admin.clone().into_iter().flatten()),
        );
        all.extend(state.cosmos.values().flat_map(|it| [&it.keys, &it.readonly_keys]).flatten().cloned());
        let secrets = state.vaults.values().flat_map(|vault| vault.secrets.values().flatten());
        all.extend(secrets.map(|version| version.value.clone()));
        all
    }

    /// Whose token that is, and for what: object id and audience; `None` for one that was never issued here.
    pub fn owner(&self, token: &str) -> Option<(String, String)> {
        let jwt = Jwt::read(token).filter(Jwt::is_of_entra)?;
        Some((jwt.claim("oid").to_owned(), jwt.claim("aud").to_owned()))
    }
}

fn new_certificate(name: &str, now: i64, life: Duration) -> Certificate {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.remove(rcgen::DnType::CommonName);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let seconds = u64::try_from(now).expect("the server's clock is after 1970");
    let start = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    (params.not_before, params.not_after) = (start - Duration::from_secs(60), start + life);
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("an RSA key can be made");
    let certificate = params.self_signed(&key).expect("a key signs its own certificate");
    Certificate { certificate: certificate.pem(), key: key.serialize_pem() }
}
