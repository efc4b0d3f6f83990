use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};

/// What the server shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerCertificate {
    /// For 127.0.0.1 and localhost, signed by the authority that [`ca`](super::StrictKubernetes::ca) tells.
    Good,
    /// The same for this name alone: `tls-server-name` has to ask for it.
    For(String),
    /// One that ended years ago.
    Expired,
    /// One of an authority that nobody knows.
    Foreign,
}

/// A client certificate and its key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate.
    pub certificate: String,
    /// The secret half.
    pub key: String,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// The cluster's certificate authority, made anew at every start.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    verifier: Arc<dyn ClientCertVerifier>,
    presented: Arc<Presented>,
    provider: Arc<CryptoProvider>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let issuer = authority("strict-kubernetes-ca");
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).expect("an authority can be trusted");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        let verifier = verifier.expect("there is a root");
        let shown = server_key(&ServerCertificate::Good, &issuer, &provider);
        Self { issuer, verifier, presented: Arc::new(Presented(Mutex::new(shown))), provider }
    }

    /// In PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate and its key for a server on this machine, in PEM.
    pub(crate) fn server(&self) -> (String, String) {
        let (certificate, key) = server_certificate(&ServerCertificate::Good, &self.issuer);
        (certificate.pem(), key.serialize_pem())
    }

    /// TLS that asks for a client certificate and takes any: who signed it is looked at with the call, as API
    /// servers do.
    pub(super) fn tls(&self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the protocol");
        let mut config = builder
            .with_client_cert_verifier(Arc::new(TakesAny(Arc::clone(&self.verifier))))
            .with_cert_resolver(Arc::clone(&self.presented) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// Shows another certificate to connections from now on.
    pub(super) fn present(&self, which: &ServerCertificate) {
        let key = server_key(which, &self.issuer, &self.provider);
        *self.presented.0.lock().expect("nothing panics while it holds the key") = key;
    }

    /// A certificate for a client that is good from a minute before `now` on. Answers also with its DER form.
    pub(crate) fn client(
        &self,
        user: &str,
        group: Option<&str>,
        now: i64,
        life: Duration,
    ) -> (ClientCertificate, Vec<u8>) {
        let mut params = named(user);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        let seconds = u64::try_from(now).expect("the server's clock is after 1970");
        let start = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        (params.not_before, params.not_after) = (start - Duration::from_secs(60), start + life);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        let pem = ClientCertificate { certificate: certificate.pem(), key: key.serialize_pem() };
        (pem, certificate.der().to_vec())
    }

    /// Whether this authority has signed a client's certificate, and it is good at `now`.
    pub(super) fn verify(&self, chain: &[Vec<u8>], now: i64) -> Result<(), ()> {
        let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let (own, others) = chain.split_first().ok_or(())?;
        let seconds = u64::try_from(now).map_err(|_| ())?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.verifier.verify_client_cert(own, others, now).map(|_| ()).map_err(|_| ())
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key can be made");
    CertifiedIssuer::self_signed(params, key).expect("an authority signs itself")
}

fn server_certificate(
    which: &ServerCertificate,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> (Certificate, KeyPair) {
    let names = match which {
        ServerCertificate::For(name) => vec![name.clone()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    };
    let mut params = CertificateParams::new(names).expect("names of servers");
    params.distinguished_name = named("kube-apiserver").distinguished_name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    if *which == ServerCertificate::Expired {
        params.not_after = date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = match which {
        ServerCertificate::Foreign => params.signed_by(&key, &authority("somebody-else")),
        _ => params.signed_by(&key, issuer),
    };
    (certificate.expect("the authority signs"), key)
}

fn server_key(
    which: &ServerCertificate,
    issuer: &CertifiedIssuer<'static, KeyPair>,
    provider: &CryptoProvider,
) -> Arc<CertifiedKey> {
    let (certificate, key) = server_certificate(which, issuer);
    let secret = PrivatePkcs8KeyDer::from(key.serialize_der());
    let certified = CertifiedKey::from_der(vec![certificate.der().clone()], secret.into(), provider);
    Arc::new(certified.expect("the key is that of the certificate"))
}

/// What connections are shown, which a test may change.
#[derive(Debug)]
struct Presented(Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().expect("nothing panics while it holds the key")))
    }
}

/// Asks for a certificate of the cluster's authority and takes what comes, or nothing.
#[derive(Debug)]
struct TakesAny(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for TakesAny {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
