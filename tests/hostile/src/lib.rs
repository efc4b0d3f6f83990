//! Every reader of outside text against hostile input.
//!
//! Each of the [`TARGETS`] takes any bytes and panics when something does not hold: a reader that panics, a
//! canonical form that does not read as itself, a secret in an error. They call public API only. The same bodies
//! run in two places:
//!
//! - `cargo xtask fuzz` runs them under libFuzzer, through the programs in `fuzz/`;
//! - `tests/it` runs them over the seeds in `seeds/TARGET/` and over mutations of these, always the same ones.
//!
//! What has no public API, such as the program's command line, has property tests in its own crate.

mod answers;
mod boundaries;
mod credentials;
mod documents;
mod envelopes;
mod ids;
mod kubeconfigs;
mod logins;
mod policies;
mod profiles;
mod store;
mod tokens;
mod world;

pub use answers::{answers, answers_of_any_size};
pub use boundaries::boundaries;
pub use credentials::credentials;
pub use documents::documents;
pub use envelopes::envelopes;
pub use ids::ids;
pub use kubeconfigs::kubeconfigs;
pub use logins::logins;
pub use policies::policies;
pub use profiles::profiles;
pub use store::store;
pub use tokens::tokens;

use std::sync::OnceLock;

use connector_core::{Error, Registry};

// What is linked is registered.
use connector_aws as _;
use connector_azure as _;
use connector_docker as _;
use connector_gcp as _;
use connector_k8s as _;
use connector_oauth2 as _;

/// Takes any bytes, and panics when something does not hold.
pub type Target = fn(&[u8]);

/// The targets by name, which is also that of the folder of their seeds.
pub const TARGETS: [(&str, Target); 12] = [
    ("answers", answers),
    ("boundaries", boundaries),
    ("credentials", credentials),
    ("documents", documents),
    ("envelopes", envelopes),
    ("ids", ids),
    ("kubeconfigs", kubeconfigs),
    ("logins", logins),
    ("policies", policies),
    ("profiles", profiles),
    ("store", store),
    ("tokens", tokens),
];

/// A text that stands for every secret in the seeds, and for every secret that a target plants. No error code or
/// request id of a provider has such a form.
pub const CANARY: &str = "Canary0hunter2";

/// A private key in PEM, as Google's files hold it: one for the whole process, of which nobody knows anything.
fn key() -> &'static str {
    &pair().0
}

/// As much of a certificate for it as is looked at, in PEM: its public key.
fn certificate() -> &'static str {
    &pair().1
}

fn pair() -> &'static (String, String) {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::Engine as _;
    static PAIR: OnceLock<(String, String)> = OnceLock::new();
    PAIR.get_or_init(|| {
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("a key has this form");
        let pem = |kind: &str, der: &[u8]| {
            let body = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
        };
        (pem("PRIVATE KEY", der.as_ref()), pem("CERTIFICATE", pair.public_key().as_ref()))
    })
}

/// The longest input that a target looks at. Growth is the affair of tests that choose their inputs.
const LONGEST: usize = 64 * 1024;

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::linked().expect("the linked crates agree"))
}

/// The input as text, if it is one and not too long.
fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok().filter(|it| it.len() <= LONGEST)
}

/// The parts of an input: what stands between lines of three dashes.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n---\n")
}

/// All that an error shows, in the ways in which errors are shown.
fn shown(error: &Error) -> String {
    let problems: Vec<_> =
        error.field_problems().iter().map(|it| format!("{} {}", it.field, it.message)).collect();
    format!("{error} {error:?} {:?} {problems:?} {:?}", error.hint(), error.causes())
}

/// The longest error that is still told to people, in bytes: a file's path or a list of what is possible is in it.
const LONGEST_ERROR: usize = 1024 * 1024;

/// Panics when an error quotes a secret, or tells more than anybody reads.
fn judge(error: &Error) {
    let shown = shown(error);
    assert!(!shown.contains(CANARY), "an error quotes a secret: {shown}");
    assert!(!shown.contains(&key()[100..140]), "an error quotes a key: {shown}");
    assert!(shown.len() < LONGEST_ERROR, "an error of {} bytes", shown.len());
    assert!(!error.message().is_empty(), "an error says nothing");
}
