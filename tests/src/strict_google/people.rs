//! Who there is, and what they may do.

use std::collections::BTreeMap;
use std::time::Duration;

use super::identity::{Account, Grant};
use super::jwt::Key;
use super::oauth::{Browser, Decision, Kind, Refresh};
use super::projects::Project;
use super::sts::Pool;
use super::{PROJECT, StrictGoogle, roles};
use crate::random;
use crate::strict_aws::Issuer;

/// A registered OAuth client.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id, which is no secret.
    pub id: String,
    /// What it shows as its own, as little of a secret as that is in a program.
    pub secret: String,
}

/// Only the id.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl StrictGoogle {
    /// Another project. Answers with its resource name.
    pub fn add_project(&self, id: &str) -> String {
        let number = 200_000_000_000 + self.state().projects.len() as u64;
        self.add_project_with_number(id, number)
    }

    pub(super) fn add_project_with_number(&self, id: &str, number: u64) -> String {
        self.state().projects.insert(id.to_owned(), Project { number });
        format!("projects/{id}")
    }

    /// A service account in [`PROJECT`], without a key. Answers with its e-mail.
    pub fn add_service_account(&self, name: &str) -> String {
        let email = format!("{name}@{PROJECT}.iam.gserviceaccount.com");
        let account = Account {
            project: PROJECT.to_owned(),
            unique_id: format!("1{}", random::text(20, b"0123456789")),
            keys: Vec::new(),
            lives_long: false,
        };
        self.state().accounts.insert(email.clone(), account);
        email
    }

    /// Makes another key for a service account. Answers with its id and the private key in PEM.
    ///
    /// # Panics
    /// When there is no such account.
    pub fn add_key(&self, email: &str) -> (String, String) {
        let key = Key::new();
        let made = (key.id.clone(), key.pem());
        let mut state = self.state();
        let account = state.accounts.get_mut(email).expect("the service account is there");
        account.keys.push(key);
        made
    }

    /// Makes all keys of a service account unknown.
    pub fn remove_keys(&self, email: &str) {
        if let Some(account) = self.state().accounts.get_mut(email) {
            account.keys.clear();
        }
    }

    /// Lets tokens of an account live for up to twelve hours, as an organisation's policy may.
    ///
    /// # Panics
    /// When there is no such account.
    pub fn allow_long_lives(&self, email: &str) {
        let mut state = self.state();
        let account = state.accounts.get_mut(email).expect("the service account is there");
        account.lives_long = true;
    }

    /// Somebody with this e-mail.
    pub fn add_user(&self, email: &str) {
        let id = format!("1{}", random::text(20, b"0123456789"));
        self.state().users.insert(email.to_owned(), id);
    }

    /// Lets somebody do nothing for now: tokens are refused, and none are issued.
    pub fn disable(&self, email: &str) {
        self.state().disabled.insert(email.to_owned());
    }

    /// Takes that back.
    pub fn enable(&self, email: &str) {
        self.state().disabled.remove(email);
    }

    /// Forgets an account or a person.
    pub fn delete(&self, email: &str) {
        let mut state = self.state();
        state.accounts.remove(email);
        state.users.remove(email);
    }

    /// Gives a role on something, and on all that lies in it.
    ///
    /// # Panics
    /// When the role is not one that the server knows.
    pub fn grant(&self, member: &str, role: &str, target: &str) {
        assert!(roles::is_known(role), "the server does not know {role}");
        let (member, role, target) = (member.to_owned(), role.to_owned(), target.to_owned());
        self.state().grants.push(Grant { member, role, target });
    }

    /// Takes a role back.
    pub fn take_back(&self, member: &str, role: &str, target: &str) {
        let is_it = |it: &Grant| it.member == member && it.role == role && it.target == target;
        self.state().grants.retain(|grant| !is_it(grant));
    }

    /// A provider of identities whose tokens this issuer signs, in a workload identity pool of [`PROJECT`]. Answers
    /// with its audience; a token must be made for the same with `https:` before it.
    pub fn add_provider(&self, pool: &str, provider: &str, issuer: &Issuer) -> String {
        let audience = audience_of(pool, provider);
        let verifier = issuer.verifier(&format!("https:{audience}"));
        self.state().pools.insert(audience.clone(), Pool::Oidc(verifier));
        audience
    }

    /// A provider for an AWS account: the ARN of a role by the access key id that signs for it. Answers with its
    /// audience.
    pub fn add_aws_provider(&self, pool: &str, provider: &str, roles: &[(&str, &str)]) -> String {
        let audience = audience_of(pool, provider);
        let roles: BTreeMap<_, _> =
            roles.iter().map(|(key, arn)| ((*key).to_owned(), (*arn).to_owned())).collect();
        self.state().pools.insert(audience.clone(), Pool::Aws(roles));
        audience
    }

    /// A provider of people's identities, in a workforce pool, which is of no project: their tokens are made for
    /// `client`. Answers with its audience.
    pub fn add_workforce_provider(
        &self,
        pool: &str,
        provider: &str,
        issuer: &Issuer,
        client: &str,
    ) -> String {
        let audience =
            format!("//iam.googleapis.com/locations/global/workforcePools/{pool}/providers/{provider}");
        self.state().pools.insert(audience.clone(), Pool::Oidc(issuer.verifier(client)));
        audience
    }

    /// A token of `issuer` for the provider with that audience, which ends `life` from now by this server's clock.
    pub fn token_of(&self, issuer: &Issuer, subject: &str, audience: &str, life: Duration) -> String {
        let ends = self.state().clock.after(life);
        issuer.token(subject, &format!("https:{audience}"), ends)
    }

    // Clients and consent.

    /// A client of the kind that is installed on somebody's machine.
    pub fn add_client(&self) -> Client {
        let (id, client) = self.state().directory.add_client(Kind::Installed);
        Client { id, secret: client.secret }
    }

    /// A client for televisions and the like, which may not ask for the cloud.
    pub fn add_limited_client(&self) -> Client {
        let (id, client) = self.state().directory.add_client(Kind::LimitedInput);
        Client { id, secret: client.secret }
    }

    /// Puts somebody before the browser who consents to everything.
    pub fn consent_as(&self, email: &str) {
        self.state().directory.browser = Browser::Consents(email.to_owned());
    }

    /// Puts somebody before the browser who refuses everything.
    pub fn refuse_consent(&self) {
        self.state().directory.browser = Browser::Refuses;
    }

    /// A refresh token as a consent to `client` gives it, for files that a test writes itself.
    pub fn add_refresh_token(&self, client: &Client, email: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let refresh = Refresh { client: client.id.clone(), user: email.to_owned(), scopes };
        self.state().directory.add_refresh_token(refresh)
    }

    /// Takes every consent of somebody back.
    pub fn revoke_consents(&self, email: &str) {
        let mut state = self.state();
        state.directory.refresh_tokens.retain(|_, refresh| refresh.user != email);
        state.tokens.retain(|_, token| token.principal != email);
    }

    /// Makes somebody show again who they are: refresh tokens are answered with `invalid_rapt`.
    pub fn demand_reauthentication(&self, email: &str) {
        self.state().directory.must_reauthenticate.insert(email.to_owned());
    }

    /// Approves the device with that user code, or all that wait, as `email`. Answers with how many did.
    pub fn approve_devices(&self, user_code: Option<&str>, email: &str) -> usize {
        self.state().directory.decide(user_code, &Decision::Approved(email.to_owned()))
    }

    /// Denies all devices that wait.
    pub fn deny_devices(&self) -> usize {
        self.state().directory.decide(None, &Decision::Denied)
    }

    /// Tells the next polls for a device's token to slow down.
    pub fn slow_down(&self, polls: usize) {
        self.state().directory.slow_downs = polls;
    }

    // Tokens.

    /// An access token of an account or a person with these scopes, good for an hour.
    pub fn token_for(&self, email: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.state().mint("ya29.", email, scopes, Duration::from_secs(3600)).0
    }

    /// Every access, refresh and identity token that was issued so far, whoever got it. One that was revoked is not
    /// among them.
    pub fn issued(&self) -> Vec<String> {
        let state = self.state();
        let tokens = state.tokens.keys().chain(state.directory.refresh_tokens.keys());
        tokens.chain(&state.signed).cloned().collect()
    }

    /// Everything that must not be seen outside: what was issued, private keys, and what secrets hold.
    pub fn confidential(&self) -> Vec<String> {
        let mut all = self.issued();
        let state = self.state();
        let keys = state.accounts.values().flat_map(|account| &account.keys);
        all.extend(keys.flat_map(|key| {
            let pem = key.pem();
            // Line by line: a file or a log may break them otherwise.
            pem.lines().filter(|line| line.len() == 64).skip(1).map(str::to_owned).collect::<Vec<_>>()
        }));
        all.extend(state.directory.clients.values().map(|client| client.secret.clone()));
        let versions = state.secrets.values().flat_map(|secret| &secret.versions);
        all.extend(versions.map(|value| String::from_utf8_lossy(value).into_owned()));
        all
    }

    /// To whom an access token belongs, and its scopes; `None` for one that was never issued here.
    pub fn owner(&self, token: &str) -> Option<(String, Vec<String>)> {
        let state = self.state();
        state.tokens.get(token).map(|token| (token.principal.clone(), token.scopes.clone()))
    }

    /// Whether an access token has an access boundary.
    pub fn is_narrowed(&self, token: &str) -> bool {
        self.state().tokens.get(token).is_some_and(|token| token.boundary.is_some())
    }
}

fn audience_of(pool: &str, provider: &str) -> String {
    let number = super::PROJECT_NUMBER;
    format!(
        "//iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/{pool}/providers/{provider}"
    )
}
