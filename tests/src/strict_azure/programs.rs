//! Tenants, and the programs in them with what they show of themselves.

use std::fmt;
use std::time::Duration;

use super::entra::{App, DEVELOPER, Federated, Tenant};
use super::identity::uuid;
use super::{StrictAzure, der};
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
