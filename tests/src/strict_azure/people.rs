//! People, how they sign in, and the roles that they and programs have.

use super::entra::{Browser, Decision, Person, Refresh, RefreshFault};
use super::identity::{Grant, uuid};
use super::{Block, StrictAzure, roles};

impl StrictAzure {
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
}
