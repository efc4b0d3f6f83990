//! What is linked is what the features say.

#[test]
fn s1_s54_the_linked_types_are_those_of_the_features() {
    let registry = connectors::registry().expect("nothing is registered twice");
    let types: Vec<&str> = registry.connector_types().collect();
    assert_eq!(types, ["aws", "azure", "docker", "gcp", "kubernetes"]);
    let kinds: Vec<&str> = registry.kinds().collect();
    assert_eq!(kinds, ["aws", "azure", "docker", "gcp", "kubernetes"]);
}

/// A provider has these auth methods and resource types, no more and no less, and each field is described.
fn check(provider: &str, methods: &[&str], resources: &[&str]) {
    let provider = connectors::registry().and_then(|it| it.describe(provider)).expect("linked");
    let found: Vec<&str> = provider.auth_methods.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(found, methods);
    let found: Vec<&str> = provider.resource_types.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(found, resources);
    for method in &provider.auth_methods {
        for attribute in &method.attributes {
            assert!(!attribute.description.is_empty(), "{}.{} has no description", method.id, attribute.name);
        }
    }
}

#[test]
fn s2_s3_all_methods_and_resource_types_of_aws_are_there() {
    check(
        "aws",
        &[
            "federation-token",
            "iam-role",
            "implicit",
            "secret-key",
            "session-token",
            "sso",
            "sts-token",
            "web-identity",
        ],
        &["aws-generic", "docker-registry", "kubernetes-cluster", "s3-bucket", "secret"],
    );
}

#[test]
fn s2_s3_all_methods_and_resource_types_of_google_are_there() {
    check(
        "gcp",
        &["external-account", "impersonation", "implicit", "oauth2-token", "service-account", "user-account"],
        &["docker-registry", "gcp-generic", "gcs-bucket", "kubernetes-cluster", "secret"],
    );
}

#[test]
fn s2_s3_all_methods_and_resource_types_of_azure_are_there() {
    check(
        "azure",
        &[
            "access-token",
            "connection-string",
            "implicit",
            "managed-identity",
            "service-principal",
            "user-account",
            "workload-identity",
        ],
        &["azure-generic", "blob-container", "cosmos-db", "docker-registry", "kubernetes-cluster", "secret"],
    );
}

#[test]
fn s2_s3_docker_is_there() {
    check("docker", &["anonymous", "identity-token", "password"], &["docker-registry"]);
}

#[test]
fn s2_s3_kubernetes_is_there() {
    check("kubernetes", &["in-cluster", "kubeconfig", "password", "token"], &["kubernetes-cluster"]);
    let kubernetes = connectors::registry().and_then(|it| it.describe("kubernetes")).expect("linked");
    assert!(kubernetes.resource_types.iter().all(|it| !it.instances));
}
