//! Containers, clusters, registries, accounts, vaults and secrets.

use super::super::*;
use super::check;

#[test]
fn containers() {
    let long = "a".repeat(63);
    let too_long = "a".repeat(64);
    check(
        ContainerName::parse,
        &["abc", "my-container", "0-0", "$root", "$web", "$logs", &long],
        &[
            ("", "it is empty"),
            ("ab", "it is too short"),
            ("-ab", "it begins with a hyphen"),
            ("ab-", "it ends with a hyphen"),
            ("My-container", "it has upper case"),
            ("my_container", "it has an underscore"),
            ("my.container", "it has a dot"),
            ("my/container", "it has a slash"),
            ("$logs2", "it is none of Azure's own"),
            (&too_long, "it is too long"),
        ],
    );
    // The pattern cannot say it: two hyphens beside each other.
    assert!(ContainerName::parse("a--b").is_err());
}

#[test]
fn clusters() {
    check(
        ClusterName::parse,
        &["a", "my-cluster", "My_Cluster-1", "1"],
        &[
            ("", "it is empty"),
            ("-a", "it begins with a hyphen"),
            ("a-", "it ends with a hyphen"),
            ("a_", "it ends with an underscore"),
            ("a.b", "it has a dot"),
            ("a/b", "it has a slash"),
        ],
    );
}

#[test]
fn registries() {
    check(
        RegistryName::parse,
        &["myregistry", "Zen01", "zen-abc123def456", "abcde"],
        &[
            ("", "it is empty"),
            ("abcd", "it is too short"),
            ("zen--abc", "it has two hyphens beside each other"),
            ("zen-abc-", "it ends with a hyphen"),
            ("zen.azurecr.io", "it is a host"),
            ("zen_abc", "it has an underscore"),
        ],
    );
}

#[test]
fn cosmos_accounts() {
    check(
        CosmosAccount::parse,
        &["abc", "my-cosmos-1"],
        &[
            ("", "it is empty"),
            ("ab", "it is too short"),
            ("My-cosmos", "it has upper case"),
            ("-abc", "it begins with a hyphen"),
            ("abc.documents.azure.com", "it is a host"),
        ],
    );
}

#[test]
fn vaults_and_secrets() {
    check(
        VaultName::parse,
        &["abc", "My-Vault-1"],
        &[
            ("", "it is empty"),
            ("ab", "it is too short"),
            ("1vault", "it begins with a digit"),
            ("my--vault", "it has two hyphens beside each other"),
            ("my-vault-", "it ends with a hyphen"),
            ("abcdefghijklmnopqrstuvwxy", "it is too long"),
            ("my.vault", "it would be another host"),
        ],
    );
    check(
        SecretName::parse,
        &["a", "db-password", "0-", "-"],
        &[
            ("", "it is empty"),
            ("db_password", "it has an underscore"),
            ("db/1", "it has a slash"),
            ("db password", "it has a blank"),
        ],
    );
}
