//! Private keys in the shapes in which they arrive.

use super::*;

fn read(private_key: &str) -> Result<ServiceAccountKey> {
    let file = with(service_account(), "private_key", json!(private_key));
    ServiceAccountKey::parse(&Secret::new(file.to_string()))
}

/// The key itself within its PKCS #8 frame, which is 26 bytes long for keys of 2048 bits.
fn pkcs1() -> String {
    pem("RSA PRIVATE KEY", &der()[26..])
}

#[test]
fn s6_a_key_is_read_as_people_paste_it() {
    let signed = |key: &ServiceAccountKey| key.sign(b"message").expect("a signature");
    let expected = signed(&read(&key()).expect("a key"));
    assert_eq!(expected.len(), 256);
    for (text, why) in [
        (key().trim_end().to_owned(), "no line at the end"),
        (key().replace('\n', "\\n"), "`\\n` in two characters, as variables have it"),
        (key().replace('\n', "\r\n"), "ends of lines of Windows"),
        (format!("\n\n{}\n", key()), "blank lines around it"),
        (
            format!("Bag Attributes\n    friendlyName: k\n{}", key()),
            "words before it, as openssl writes them",
        ),
        (pkcs1(), "the older form"),
    ] {
        let read = read(&text).unwrap_or_else(|error| panic!("{why}: {error}"));
        assert_eq!(signed(&read), expected, "{why}");
    }
}

/// S17: before it is stored, a key that can sign nothing is refused, and told why.
#[test]
fn s17_each_wrong_key_is_told_why() {
    let whole = key();
    let cut_off = &whole[..whole.len() / 2];
    let patched = |from: &str, to: &str| whole.replacen(from, to, 1);
    let middle = &whole[400..420];
    let elliptic = rcgen::KeyPair::generate().expect("a key");
    let (elliptic, sec1) = (elliptic.serialize_pem(), pem("EC PRIVATE KEY", &elliptic.serialize_der()));
    let no_rsa = "`private_key` is no RSA key of 2048 bits or more";
    let no_pem = "`private_key` is no private key in PEM form";
    let no_whole = "`private_key` is no whole PEM text";
    for (text, message, why) in [
        (CANARY.to_owned(), no_pem, "some word"),
        (STANDARD.encode(der()), no_pem, "the key without its frame"),
        (pem("PUBLIC KEY", der()), no_pem, "a public key"),
        (pem("CERTIFICATE", der()), no_pem, "a certificate"),
        (cut_off.to_owned(), "`private_key` ends too early: the key was cut off", "the first half"),
        ("-----BEGIN PRIVATE KEY-----".to_owned(), "`private_key` ends too early", "the first line"),
        (
            format!("{cut_off}\n-----END PRIVATE KEY-----\n"),
            "`private_key` is no",
            "the first half with an end put to it",
        ),
        (patched(middle, "hunter2!hunter2!hunt"), no_whole, "letters that base64 does not have"),
        (
            patched("-----END PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
            "`private_key` is no",
            "two frames",
        ),
        (patched(&whole[28..92], &"A".repeat(64)), no_rsa, "other bytes"),
        (
            "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n".to_owned(),
            "`private_key` is no",
            "nothing",
        ),
        (
            pem("ENCRYPTED PRIVATE KEY", der()),
            "`private_key` is encrypted, which Google's own keys are not",
            "a key with a passphrase",
        ),
        (elliptic, no_rsa, "a key of an elliptic curve"),
        (sec1, "`private_key` is of another kind than RSA", "the same in its older form"),
        (include_str!("rsa_1024.pem").to_owned(), no_rsa, "1024 bits"),
    ] {
        let error = read(&text).expect_err(why);
        assert!(told(&error).starts_with(message), "{why}: {}", told(&error));
    }
}
