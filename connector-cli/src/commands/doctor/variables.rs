//! Variables that make programs pass over what is handed out to them.

use std::path::PathBuf;

use connector_core::{Envelope, Registry};
use connectors::hub::doctor::{Finding, Severity};
use serde_json::{Value, json};

use super::machine::Kinds;
use super::{files, rules};
use crate::commands::login::user_file;
use crate::logins::Login;

/// Ends of names that say where or how, and not who: a region of one's own does no harm.
const SETTINGS: [&str; 10] = [
    "_REGION",
    "_PROJECT",
    "_TENANT_ID",
    "_SUBSCRIPTION_ID",
    "_UNIVERSE_DOMAIN",
    "_CA_BUNDLE",
    "_CERTS_FILE",
    "_AUTH_MODE",
    "_EXPIRATION",
    "_EXPIRES_AT",
];

/// Everything that is found, by the kinds that connectors issue and the logins that were made.
pub(super) fn judge(
    registry: &Registry,
    kinds: &Kinds,
    logins: &[Login],
    name: Option<&str>,
) -> Vec<Finding> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    // What `connector env` and `connector exec` set is not in their own way.
    let is_ours = is_set("CONNECTOR_EXPIRES_AT");
    let mut found = Vec::new();
    for (kind, is_used) in kinds {
        let names: Vec<String> =
            shadowing(registry, kind, is_ours).into_iter().filter(|name| is_set(name)).collect();
        found.extend(shadowed(kind, &names, *is_used));
    }
    if kinds.contains_key("docker") && is_set("DOCKER_AUTH_CONFIG") {
        found.extend(shadowed("docker", &["DOCKER_AUTH_CONFIG".to_owned()], false));
    }
    found.extend(logins.iter().filter(|it| name.is_none_or(|name| it.connector == name)).filter_map(unseen));
    found
}

fn shadowed(kind: &str, names: &[String], is_used: bool) -> Option<Finding> {
    let (list, verb) = match names {
        [] => return None,
        [one] => (one.clone(), "is"),
        many => (many.join(", "), "are"),
    };
    let message = format!(
        "{list} {verb} set: programs take that in place of a credential of kind `{kind}` that they are given"
    );
    let finding = Finding::new(&rules::SHADOWING, message).mended_by(format!(
        "unset {}; `connector exec` and `connector env` do so by themselves",
        names.join(" ")
    ));
    // A connector that takes the machine's identity may well take it from there.
    Some(if is_used { finding.weighing(Severity::Note) } else { finding })
}

/// The variables by which programs take credentials of a kind: those that the kind itself sets, and those that it takes
/// away. It is asked with a credential that opens nothing.
fn shadowing(registry: &Registry, kind: &str, is_ours: bool) -> Vec<String> {
    let envelope = sample(kind).and_then(|it| Envelope::from_json(&it.to_string()).ok());
    let Some(form) = envelope.and_then(|it| registry.environment(&it).ok()) else { return Vec::new() };
    let set = form.set.into_iter().map(|(name, _)| name).filter(|_| !is_ours);
    let all = set.chain(form.unset);
    let mut names: Vec<String> = all.filter(|name| !SETTINGS.iter().any(|end| name.ends_with(end))).collect();
    names.sort();
    names
}

/// A credential of a kind that ordinary programs take through variables.
fn sample(kind: &str) -> Option<Value> {
    let (public, secret) = match kind {
        "aws" => (
            json!({ "region": "none" }),
            json!({ "access_key_id": "none", "secret_access_key": "none", "session_token": "none" }),
        ),
        "gcp" => (json!({}), json!({ "access_token": "none" })),
        "azure" => (json!({ "audience": "none" }), json!({ "access_token": "none" })),
        _ => return None,
    };
    Some(json!({
        "version": 1,
        "kind": kind,
        "connector": "none",
        "resource": { "type": "none", "id": "none" },
        "within": null,
        "access": "read",
        "expires_at": "2026-01-01T00:00:00Z",
        "provider_expiry": "2026-01-01T00:00:00Z",
        "narrowed": false,
        "reason": "it is none",
        "long_lived": false,
        "public": public,
        "secret": secret,
    }))
}

/// A login whose files its program does not look at, because a variable names others.
fn unseen(login: &Login) -> Option<Finding> {
    let (variable, places): (&str, Vec<PathBuf>) = match login.kind.as_str() {
        "kubernetes" => ("KUBECONFIG", files::kubeconfigs()),
        "docker" => ("DOCKER_CONFIG", files::docker_settings()),
        "aws" => ("AWS_CONFIG_FILE", user_file("AWS_CONFIG_FILE", ".aws/config").into_iter().collect()),
        _ => return None,
    };
    let same = |a: &PathBuf, b: &PathBuf| {
        a == b
            || std::path::absolute(b).is_ok_and(|b| *a == b)
            || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
    };
    let is_seen = login.files.iter().any(|file| places.iter().any(|place| same(&file.path, place)));
    let file = login.files.first().filter(|_| !is_seen)?;
    let is_set = std::env::var_os(variable).is_some_and(|it| !it.is_empty());
    let why = if is_set {
        format!("{variable} names another file")
    } else {
        format!("{variable} is not set, as it was then")
    };
    Some(
        Finding::new(
            &rules::SHADOWING,
            format!(
                "the login `{}` lies in {}, where its program does not look: {why}",
                login.name,
                file.path.display()
            ),
        )
        .mended_by(match is_set {
            true => format!("unset {variable}, or log in again: `connector login {}`", login.connector),
            false => format!("set {variable} to it, or log in again: `connector login {}`", login.connector),
        })
        .of(&*login.connector)
        .in_file(&file.path),
    )
}

#[cfg(all(test, feature = "aws", feature = "gcp", feature = "azure"))]
mod tests {
    use super::*;

    /// Every kind that ordinary programs take through variables has a sample, so that none is passed over.
    #[test]
    fn each_kind_says_what_shadows_it() {
        let registry = connectors::registry().expect("one of each");
        for (kind, expected) in [
            ("aws", &["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"][..]),
            ("gcp", &["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_AUTH_ACCESS_TOKEN"]),
            ("azure", &["AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET", "AZURE_STORAGE_KEY"]),
        ] {
            let names = shadowing(&registry, kind, false);
            for name in expected {
                assert!(names.iter().any(|it| it == name), "{name} in {names:?}");
            }
        }
        let known: Vec<&str> = registry.kinds().collect();
        let without = ["docker", "kubernetes"];
        for kind in known {
            assert_eq!(shadowing(&registry, kind, false).is_empty(), without.contains(&kind), "{kind}");
        }
    }

    /// A region, a project or a tenant is no identity; and what this program set is not in its own way.
    #[test]
    fn settings_and_our_own_variables_shadow_nothing() {
        let registry = connectors::registry().expect("one of each");
        let names = shadowing(&registry, "aws", false);
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "CONNECTOR_EXPIRES_AT"] {
            assert!(!names.iter().any(|it| it == name), "{name}");
        }
        let others = shadowing(&registry, "aws", true);
        assert!(!others.iter().any(|it| it == "AWS_ACCESS_KEY_ID"), "{others:?}");
        assert!(others.iter().any(|it| it == "AWS_PROFILE"), "{others:?}");
    }
}
