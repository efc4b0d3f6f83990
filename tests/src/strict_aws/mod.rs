//! A strict AWS endpoint for what the emulator lets pass: real signatures, durations above a role's maximum,
//! chained sessions, external ids, one-time codes, packed policies, session tags, web identity tokens with real
//! signatures, IAM Identity Center, instance and container metadata.
//!
//! One server answers for all of these; give its [URL](Loopback::url) as `AWS_ENDPOINT_URL`. Shapes, codes and words
//! are AWS's own: STS's API reference, botocore's service models, and what real clients were seen to send.
//!
//! Session policies are recorded and not enforced: the emulator does that. Its clock is the real one until a test
//! moves it.

mod error;
mod identity;
pub(crate) mod issuer;
mod metadata;
mod role;
mod s3;
mod sigv4;
mod sso;
mod state;
mod sts;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use identity::Session;
pub use issuer::Issuer;
pub use role::Role;

use crate::clock;
use crate::fault::Fault;
use crate::keys::Keys;
use crate::loopback::{Answer, Call, Loopback};

use error::AwsError;
use identity::Principal;
use state::State;

/// The account that everything lies in.
pub const ACCOUNT: &str = "123456789012";

/// A running strict endpoint. Calls, faults and the URL are those of its [`Loopback`] server.
#[derive(Debug)]
pub struct StrictAws {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

impl Default for StrictAws {
    fn default() -> Self {
        Self::start()
    }
}

/// The URL, the calls and the faults.
impl std::ops::Deref for StrictAws {
    type Target = Loopback;

    fn deref(&self) -> &Loopback {
        &self.server
    }
}

impl StrictAws {
    /// Starts an endpoint that knows nobody yet.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Loopback::start(move |call: &Call| {
            let mut state = shared.lock().expect("no answer panics");
            route(&mut state, call).with_header("date", clock::http_date(state.clock.now()))
        });
        Self { server, state }
    }

    // People and roles.

    /// A new user, or another key for one that is there.
    pub fn add_user(&self, name: &str) -> Keys {
        self.state().add_long_lived(Principal::User(name.to_owned()))
    }

    /// A key of the account's root.
    pub fn add_root(&self) -> Keys {
        self.state().add_long_lived(Principal::Root)
    }

    /// Gives a user a device for one-time codes that shows `code`. Answers with its serial number.
    pub fn add_device(&self, user: &str, code: &str) -> String {
        let serial = format!("arn:aws:iam::{ACCOUNT}:mfa/{user}");
        self.state().devices.insert(user.to_owned(), (serial.clone(), code.to_owned()));
        serial
    }

    /// Adds or replaces a role. Answers with its ARN.
    pub fn add_role(&self, role: Role) -> String {
        let arn = role.arn();
        self.state().roles.insert(role.name.clone(), role);
        arn
    }

    /// Knows an issuer, whose tokens must be made for `audience`.
    pub fn add_issuer(&self, issuer: &Issuer, audience: &str) {
        self.state().issuers.push(issuer.verifier(audience));
    }

    /// A token of `issuer` that ends `life` from now, by this server's clock.
    pub fn token_of(&self, issuer: &Issuer, subject: &str, audience: &str, life: Duration) -> String {
        issuer.token(subject, audience, self.state().clock.after(life))
    }

    /// Makes a key unknown, as deleting it does.
    pub fn remove_key(&self, access_key_id: &str) {
        self.state().identities.retain(|identity| identity.keys.access_key_id != access_key_id);
    }

    /// What is known of the session that a temporary key belongs to.
    pub fn session(&self, access_key_id: &str) -> Option<Session> {
        let state = self.state();
        let mut known = state.identities.iter().filter(|identity| identity.is_temporary());
        known.find(|identity| identity.keys.access_key_id == access_key_id).map(|found| found.session.clone())
    }

    /// Every temporary credential that was handed out so far, whoever got it.
    pub fn issued(&self) -> Vec<Keys> {
        let state = self.state();
        let temporary = state.identities.iter().filter(|identity| identity.is_temporary());
        temporary.map(|identity| identity.keys.clone()).collect()
    }

    /// Denies an action (`sts:AssumeRole`, `s3:ListAllMyBuckets`) to everybody.
    pub fn deny(&self, action: &str) {
        self.state().denied.insert(action.to_owned());
    }

    /// Takes a denial back.
    pub fn allow(&self, action: &str) {
        self.state().denied.remove(action);
    }

    // Things.

    /// A bucket with objects.
    pub fn add_bucket(&self, name: &str, region: &str, objects: &[(&str, &str)]) {
        let objects = objects.iter().map(|(key, body)| ((*key).to_owned(), body.as_bytes().to_vec()));
        let bucket = s3::Bucket { region: region.to_owned(), objects: objects.collect() };
        self.state().buckets.insert(name.to_owned(), bucket);
    }

    // Time and limits.

    /// Moves the server's clock ahead. A client whose clock stays behind is refused for its skew: see
    /// [`StrictAws::tolerate_skew`].
    pub fn advance(&self, by: Duration) {
        self.state().clock.advance(i64::try_from(by.as_secs()).expect("a test moves by less than ages"));
    }

    /// Moves the server's clock back.
    pub fn set_back(&self, by: Duration) {
        self.state().clock.advance(-i64::try_from(by.as_secs()).expect("a test moves by less than ages"));
    }

    /// The server's time, in seconds since the epoch.
    pub fn now(&self) -> i64 {
        self.state().clock.now()
    }

    /// Accepts signatures of any time.
    pub fn tolerate_skew(&self) {
        self.state().checks_skew = false;
    }

    /// Issues nothing that lives longer than `life`, whatever is asked; `None` takes the limit away.
    pub fn limit_life(&self, life: Option<Duration>) {
        self.state().longest_life = life;
    }

    /// Sets how many characters of policies and tags fill a packed policy (2048 at first).
    pub fn set_packed_limit(&self, characters: usize) {
        self.state().packed_limit = characters;
    }

    /// Answers the next calls with `Throttling`.
    pub fn throttle(&self, calls: usize) {
        let answer = AwsError::new(400, "Throttling", "Rate exceeded").as_query();
        self.server.faults().next_calls(calls, Fault::Answer(answer));
    }

    // IAM Identity Center.

    /// The directory's start URL.
    pub fn start_url(&self) -> String {
        self.state().directory.start_url.clone()
    }

    /// Lets the directory's user choose a role in an account.
    pub fn add_assignment(&self, account: &str, account_name: &str, role: &str) {
        let assignment = (account.to_owned(), account_name.to_owned(), role.to_owned());
        self.state().directory.assignments.push(assignment);
    }

    /// Approves the device with that user code, or all that wait. Answers with how many did.
    pub fn approve_devices(&self, user_code: Option<&str>) -> usize {
        self.state().directory.decide(user_code, sso::Decision::Approved)
    }

    /// Denies all devices that wait.
    pub fn deny_devices(&self) -> usize {
        self.state().directory.decide(None, sso::Decision::Denied)
    }

    /// Approves every device from now on before it polls.
    pub fn approve_devices_at_once(&self) {
        self.state().directory.approves_at_once = true;
    }

    /// Tells the next polls for a token to slow down.
    pub fn slow_down(&self, polls: usize) {
        self.state().directory.slow_downs = polls;
    }

    /// The seconds that a client shall wait between polls (1 at first).
    pub fn set_poll_interval(&self, seconds: u64) {
        self.state().directory.poll_interval = seconds;
    }

    /// How long access tokens and role credentials live (8 hours and one hour at first).
    pub fn set_sso_lives(&self, access_token: Duration, role: Duration) {
        let mut state = self.state();
        (state.directory.token_life, state.directory.role_life) = (access_token, role);
    }

    /// An access token as a login gives it, for a kept login that a test writes itself.
    pub fn log_in(&self) -> String {
        let mut state = self.state();
        let now = state.clock.now();
        state.directory.log_in(now)
    }

    /// Ends every login: access and refresh tokens.
    pub fn log_out(&self) {
        self.state().directory.log_out();
    }

    // Metadata.

    /// Makes this server the metadata service of an instance with that role
    /// (`AWS_EC2_METADATA_SERVICE_ENDPOINT` = the URL).
    pub fn set_instance_role(&self, role: &str) {
        self.state().metadata.instance_role = Some(role.to_owned());
    }

    /// Makes this server the credentials endpoint of a container with that role. Answers with the value of
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`; a program must show `token`.
    pub fn set_container_role(&self, role: &str, token: &str) -> String {
        self.state().metadata.container = Some((role.to_owned(), token.to_owned()));
        format!("{}/container/credentials", self.server.url())
    }

    /// How long metadata credentials live (6 hours at first).
    pub fn set_metadata_life(&self, life: Duration) {
        self.state().metadata.life = life;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panics")
    }
}

fn route(state: &mut State, call: &Call) -> Answer {
    if metadata::is_for(call) {
        metadata::answer(state, call)
    } else if sso::is_for(call) {
        sso::answer(state, call)
    } else if sts::is_for(call) {
        sts::answer(state, call)
    } else {
        s3::answer(state, call)
    }
}

#[cfg(test)]
mod tests;
