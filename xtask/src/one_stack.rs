//! One TLS stack, one HTTP stack and one core; a build carries nothing of a provider that was not asked for.

use std::collections::BTreeSet;

use crate::shell::{self, Result};

/// Checks the dependency trees.
pub(crate) fn check() -> Result {
    let whole = tree(&["--workspace", "-e", "normal,build"])?;
    let second: Vec<_> = whole.iter().filter(|line| is_second_stack(line, &whole)).collect();
    if !second.is_empty() {
        return Err(format!(
            "a second TLS or HTTP stack is built: {second:?}; `cargo tree -i NAME` shows for whom"
        ));
    }
    for (features, foreign) in [
        (&["--no-default-features"][..], &["aws", "aws-lc", "gcp", "azure", "k8s", "docker"][..]),
        (&["--no-default-features", "--features", "aws"], &["gcp", "azure", "k8s"]),
        (&["--no-default-features", "--features", "gcp"], &["aws", "azure", "k8s"]),
        (&["--no-default-features", "--features", "azure"], &["aws", "gcp", "k8s", "docker"]),
        (&["--no-default-features", "--features", "k8s"], &["aws", "gcp", "azure", "docker"]),
        (&["--no-default-features", "--features", "docker"], &["aws", "gcp", "azure", "k8s"]),
    ] {
        let lines = tree(&[&["-p", "connector-cli", "-e", "normal"], features].concat())?;
        let carried: Vec<_> =
            lines.iter().filter(|line| foreign.iter().any(|provider| is_of(provider, line))).collect();
        if !carried.is_empty() {
            return Err(format!("a build with `{}` carries {carried:?}", features.join(" ")));
        }
    }
    Ok(())
}

/// `NAME vVERSION` of every crate in the tree.
fn tree(arguments: &[&str]) -> Result<BTreeSet<String>> {
    let text = shell::read(&mut shell::cargo(&[&["tree", "--prefix", "none"], arguments].concat()))?;
    let name_and_version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(text.lines().filter(|line| !line.is_empty()).map(name_and_version).collect())
}

/// Of what there may be one version. Two cores would be two registries that cannot see each other.
const ONE: [&str; 5] = ["connector-core", "hyper", "reqwest", "rustls", "tokio-rustls"];

fn is_second_stack(line: &str, whole: &BTreeSet<String>) -> bool {
    let name = name_of(line);
    let versions = || whole.iter().filter(|other| name_of(other) == name).count();
    matches!(name, "ring" | "openssl-sys" | "native-tls") || (ONE.contains(&name) && versions() > 1)
}

fn name_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

fn is_of(provider: &str, line: &str) -> bool {
    let name = name_of(line);
    match provider {
        // The cryptography of our one TLS stack comes from AWS too, and is no SDK: any provider may bring it.
        "aws" => name.starts_with("aws-") && !name.starts_with("aws-lc-"),
        "aws-lc" => name.starts_with("aws-lc-"),
        "gcp" => name.starts_with("google-cloud"),
        "azure" => name.starts_with("azure_"),
        "k8s" => name == "kube" || name.starts_with("kube-") || name == "k8s-openapi",
        "docker" => name == "bollard" || name == "oci-client",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use connector_tests::paths;

    use super::*;

    #[test]
    fn second_stacks_are_known() {
        let whole =
            ["hyper v0.14.32", "hyper v1.12.0", "rustls v0.23.46", "ring-buffer v1.0.0", "ring v0.17.14"];
        let whole: BTreeSet<String> = whole.map(str::to_owned).into();
        let second: Vec<_> = whole.iter().filter(|line| is_second_stack(line, &whole)).collect();
        assert_eq!(second, ["hyper v0.14.32", "hyper v1.12.0", "ring v0.17.14"]);
    }

    /// Two versions of core in one program are refused by cargo itself, before anything is built: our own lock file
    /// holds one, but a stranger's connector may ask for another.
    #[test]
    fn two_cores_are_refused() {
        let manifest = std::fs::read_to_string(paths::workspace().join("connector-core/Cargo.toml"));
        let manifest = manifest.expect("core has a manifest");
        let links = manifest.lines().find(|line| line.starts_with("links = ")).expect("it says `links`");
        let dir = tempfile::tempdir().expect("a directory");
        let package = |name: &str, text: &str| {
            let folder = dir.path().join(name);
            std::fs::create_dir_all(folder.join("src")).expect("made");
            std::fs::write(folder.join("src/lib.rs"), "").expect("written");
            std::fs::write(folder.join("build.rs"), "fn main() {}\n").expect("written");
            std::fs::write(folder.join("Cargo.toml"), format!("[package]\nedition = \"2024\"\n{text}"))
                .expect("written");
        };
        let core = |version: &str| format!("name = \"connector-core\"\nversion = \"{version}\"\n");
        let asks = |cores: &[&str]| {
            let asked = cores.iter().enumerate().map(|(number, folder)| {
                format!("c{number} = {{ package = \"connector-core\", path = \"../{folder}\" }}\n")
            });
            let asked: String = asked.collect();
            package(
                "app",
                &format!("name = \"app\"\nversion = \"0.0.0\"\n[dependencies]\n{asked}[workspace]\n"),
            );
            let mut metadata = shell::cargo(&["metadata", "--offline", "--format-version", "1"]);
            metadata.current_dir(dir.path().join("app")).output().expect("cargo runs")
        };
        package("one", &format!("{}{links}\n", core("1.0.0")));
        package("two", &format!("{}{links}\n", core("2.0.0")));
        package("free", &core("2.0.0"));
        assert!(asks(&["one"]).status.success());
        assert!(asks(&["one", "free"]).status.success(), "it is `links` that refuses, and nothing else");
        let refused = asks(&["one", "two"]);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && text.contains("connector_core"), "{text}");
    }

    #[test]
    fn crates_of_providers_are_known() {
        assert!(is_of("aws", "aws-sdk-s3 v1.157.0") && !is_of("aws", "aws-lc-rs v1.19.0"));
        assert!(is_of("aws-lc", "aws-lc-rs v1.19.0") && !is_of("aws-lc", "aws-sdk-s3 v1.157.0"));
        assert!(is_of("k8s", "kube-client v5.0.0") && is_of("docker", "bollard v0.21.1"));
        assert!(is_of("gcp", "google-cloud-auth v1.18.0") && is_of("azure", "azure_core v1.1.0"));
    }
}
