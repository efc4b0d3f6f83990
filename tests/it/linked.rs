//! What is linked is what the features say.

#[test]
fn s1_s54_the_linked_types_are_those_of_the_features() {
    let registry = connectors::registry().expect("nothing is registered twice");
    let types: Vec<&str> = registry.connector_types().collect();
    assert_eq!(types, ["aws", "docker", "kubernetes"]);
    let kinds: Vec<&str> = registry.kinds().collect();
    assert_eq!(kinds, ["aws", "docker", "kubernetes"]);
}

#[test]
fn s2_s3_all_methods_and_resource_types_are_there() {
    let aws = connectors::registry().and_then(|it| it.describe("aws")).expect("linked");
    let methods: Vec<&str> = aws.auth_methods.iter().map(|it| it.id.as_str()).collect();
    let expected = [
        "federation-token",
        "iam-role",
        "implicit",
        "secret-key",
        "session-token",
        "sso",
        "sts-token",
        "web-identity",
    ];
    assert_eq!(methods, expected);
    let resources: Vec<&str> = aws.resource_types.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(resources, ["aws-generic", "docker-registry", "kubernetes-cluster", "s3-bucket", "secret"]);
    for method in &aws.auth_methods {
        for attribute in &method.attributes {
            assert!(!attribute.description.is_empty(), "{}.{} has no description", method.id, attribute.name);
        }
    }
}

#[test]
fn s2_s3_kubernetes_is_there() {
    let kubernetes = connectors::registry().and_then(|it| it.describe("kubernetes")).expect("linked");
    let methods: Vec<&str> = kubernetes.auth_methods.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(methods, ["in-cluster", "kubeconfig", "password", "token"]);
    let resources: Vec<&str> = kubernetes.resource_types.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(resources, ["kubernetes-cluster"]);
    assert!(kubernetes.resource_types.iter().all(|it| !it.instances));
    for method in &kubernetes.auth_methods {
        for attribute in &method.attributes {
            assert!(!attribute.description.is_empty(), "{}.{} has no description", method.id, attribute.name);
        }
    }
}
