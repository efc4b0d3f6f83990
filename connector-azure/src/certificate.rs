//! Certificates of applications, read from what people have: PEM with certificate and key in any order.

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Error, Result, Secret};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::mint::Signer;

/// What to give, where what was given is no certificate at all.
const WHOLE: &str = "give the whole PEM file, with BEGIN and END lines: client_certificate=@FILE.pem";

/// How to make what is expected of what people often have.
const CONVERT: &str = "convert it: openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem";

/// Reads a certificate and its key: PEM text, or that in base64.
///
/// # Errors
/// Invalid input that says what is wrong and how to mend it, and quotes nothing.
pub(crate) fn read(text: &Secret) -> Result<Signer> {
    const MARK: &str = "-----BEGIN ";
    if text.expose().contains(MARK) {
        return read_pem(text.expose());
    }
    let packed = zeroize::Zeroizing::new(text.expose().split_ascii_whitespace().collect::<String>());
    let Ok(bytes) = STANDARD.decode(&*packed).map(zeroize::Zeroizing::new) else {
        return Err(Error::invalid("is neither PEM text nor base64").with_hint(WHOLE));
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains(MARK) => read_pem(text),
        // A sequence in DER: what PKCS #12 files begin with.
        _ if bytes.first() == Some(&0x30) => {
            Err(Error::invalid("is a PKCS #12 file, or another in DER: PEM is expected").with_hint(CONVERT))
        }
        _ => Err(Error::invalid("is neither PEM text nor that in base64").with_hint(WHOLE)),
    }
}

fn read_pem(text: &str) -> Result<Signer> {
    if text.contains("ENCRYPTED") {
        return Err(Error::invalid("its key has a passphrase")
            .with_hint("take it away: openssl pkey -in FILE.pem; the store seals the key by itself"));
    }
    let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    let certificates = certificates
        .map_err(|_| Error::invalid("its certificate is cut short, or no base64").with_hint(WHOLE))?;
    let key = match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
        Ok(key) => key,
        Err(rustls::pki_types::pem::Error::NoItemsFound) => {
            return Err(Error::invalid("holds no private key").with_hint(
                "give the file that holds the key too, as `az ad sp create-for-rbac --create-cert` writes it",
            ));
        }
        Err(_) => return Err(Error::invalid("its private key is cut short, or no base64").with_hint(WHOLE)),
    };
    let key = match &key {
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(not_rsa()),
    };
    let key = key.map_err(|_| not_rsa())?;
    if certificates.is_empty() {
        return Err(Error::invalid("holds no certificate, only a key")
            .with_hint("give the file that holds both: cat cert.pem key.pem"));
    }
    // Its own certificate may stand anywhere in a chain.
    let own = certificates.into_iter().find(|it| holds(it, key.public_key().as_ref()));
    match own {
        Some(own) => Ok(Signer::new(key, own.to_vec())),
        None => Err(Error::invalid("its private key is not that of its certificate")
            .with_hint("give the certificate and the key that were made together")),
    }
}

fn not_rsa() -> Error {
    Error::invalid("its private key is no RSA key of 2048 bits or more, which is what Entra ID takes")
        .with_hint("make a new certificate with an RSA key, and upload it")
}

/// Whether a certificate is about this public key: the key's encoding stands in it whole. An RSA key is hundreds of bytes
/// long and of no other meaning, so it stands nowhere by accident.
fn holds(certificate: &CertificateDer<'_>, public: &[u8]) -> bool {
    certificate.windows(public.len()).any(|it| it == public)
}

#[cfg(test)]
mod tests {
    use connector_conformance::assert_silent;
    use rcgen::{CertificateParams, KeyPair as Pair, PKCS_RSA_SHA256};

    use super::*;
    use crate::testing::{certificate_and_key, rsa_pair};

    fn refusal(text: &str) -> Error {
        let error = read(&Secret::new(text.to_owned())).expect_err("no certificate of an application");
        assert_silent(&error);
        error
    }

    #[test]
    fn certificate_and_key_stand_in_any_order_and_in_base64() {
        let (certificate, key) = certificate_and_key();
        for text in [
            format!("{certificate}{key}"),
            format!("{key}\nBag Attributes: friendlyName\n{certificate}"),
            STANDARD.encode(format!("{certificate}{key}")),
        ] {
            read(&Secret::new(text)).expect("a certificate of an application");
        }
    }

    /// Malformed certificates, and a certificate without its key: what is wrong, and how to mend it.
    #[test]
    fn what_is_wrong_is_named() {
        let (certificate, key) = certificate_and_key();
        let other = rsa_pair().0;
        let elliptic = Pair::generate().expect("a key").serialize_pem();
        let spoilt = certificate.replacen("\nMII", "\n!!!!", 1);
        for (text, says) in [
            (String::new(), "neither PEM"),
            ("hunter2 not a certificate".to_owned(), "neither PEM"),
            (certificate.clone(), "holds no private key"),
            (key.clone(), "holds no certificate"),
            (format!("{certificate}{other}"), "not that of its certificate"),
            (format!("{certificate}{elliptic}"), "no RSA key"),
            (format!("{spoilt}{key}"), "its certificate is cut short"),
            (
                format!(
                    "{certificate}-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"
                ),
                "passphrase",
            ),
            (STANDARD.encode([0x30, 0x82, 0x0a, 0x00, 0x02]), "PKCS #12"),
        ] {
            let error = refusal(&text);
            assert!(error.message().contains(says) && error.hint().is_some(), "{says}: {error:?}");
        }
    }

    /// A chain holds certificates of others, too: the key's own is the one that is told.
    #[test]
    fn the_certificate_of_the_key_is_found_in_a_chain() {
        let (pem, _) = rsa_pair();
        let other = Pair::from_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256).expect("a key");
        let stranger = CertificateParams::default().self_signed(&other).expect("a certificate").pem();
        let (certificate, key) = certificate_and_key();
        read(&Secret::new(format!("{stranger}{certificate}{key}"))).expect("found");
    }
}
