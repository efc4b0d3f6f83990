//! What can be connected to, as text and as data.

use serde_json::Value;

use super::cli;

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

fn row<'a>(rows: &'a Value, id: &str) -> &'a Value {
    let rows = rows.as_array().expect("a list");
    rows.iter().find(|row| row["type"] == id).unwrap_or_else(|| panic!("no row `{id}`"))
}

#[test]
fn s1_s2_s3_list_types_has_a_row_per_type() {
    let cli = cli();
    let rows = cli.json(&["list-types"]);
    let aws = row(&rows, "aws");
    for method in ["implicit", "secret-key", "sts-token", "iam-role", "session-token", "federation-token"] {
        assert!(strings(&aws["auth_methods"]).contains(&method), "{method}");
    }
    for resource_type in ["aws-generic", "s3-bucket", "kubernetes-cluster", "docker-registry"] {
        assert!(strings(&aws["resource_types"]).contains(&resource_type), "{resource_type}");
    }
    assert_eq!(aws["available"]["local"], true);
    let text = cli.ok(&["list-types"]).stdout_text();
    for heading in ["NAME", "TYPE", "RESOURCE TYPES", "AUTH METHODS", "LOCAL", "REMOTE"] {
        assert!(text.lines().next().is_some_and(|line| line.contains(heading)), "{text}");
    }
    assert!(text.lines().any(|line| line.contains(" aws ") && line.contains("s3-bucket")), "{text}");
}

#[test]
fn list_types_filters() {
    let cli = cli();
    for filter in [["--resource-type", "s3-bucket"], ["--auth-method", "iam-role"]] {
        let rows = cli.json(&["list-types", filter[0], filter[1]]);
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
    }
}

#[test]
fn s4_describe_type_tells_everything() {
    let text = cli().ok(&["describe-type", "aws"]).stdout_text();
    for part in [
        "Auth methods:",
        "session-token",
        "Resource types:",
        "s3-bucket",
        "Supports auto-configuration: yes",
        "Available locally: yes",
        "Available remotely:",
        "Prerequisites:",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

#[test]
fn s5_describe_a_resource_type() {
    let text = cli().ok(&["describe-type", "aws", "--resource-type", "s3-bucket"]).stdout_text();
    for part in [
        "Auth methods:",
        "iam-role",
        "Supports resource instances: yes",
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:ListAllMyBuckets",
        ":s3:::",
        "s3://",
        "What narrows a credential:",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

#[test]
fn s6_describe_an_auth_method() {
    let text = cli().ok(&["describe-type", "aws", "--auth-method", "session-token"]).stdout_text();
    for part in [
        "Issues temporary credentials: yes",
        "default 12h",
        "minimum 15m",
        "maximum 36h",
        "root",
        "Warning:",
        "aws_access_key_id {string, secret, required}:",
        "aws_secret_access_key {string, secret, required}:",
        "region {string, required}:",
        "endpoint_url {string, optional}:",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

#[test]
fn s7_attributes_are_those_of_the_schema() {
    let cli = cli();
    let described = cli.json(&["describe-type", "aws"]);
    for method in described["auth_methods"].as_array().expect("methods") {
        let id = method["method"].as_str().expect("an id");
        let schema = cli.json(&["schema", "aws", id]);
        let properties = schema["properties"].as_object().expect("properties");
        let required = schema.get("required").map(strings).unwrap_or_default();
        let attributes = method["attributes"].as_array().expect("attributes");
        assert_eq!(attributes.len(), properties.len(), "{id}");
        for attribute in attributes {
            let name = attribute["name"].as_str().expect("a name");
            let property =
                properties.get(name).unwrap_or_else(|| panic!("{id}: {name} is not in the schema"));
            assert_eq!(attribute["required"], required.contains(&name), "{id}: {name}");
            assert_eq!(attribute["secret"], property["x-secret"] == true, "{id}: {name}");
            assert!(attribute["description"].as_str().is_some_and(|it| !it.is_empty()), "{id}: {name}");
        }
        let text = cli.ok(&["describe-type", "aws", "--auth-method", id]).stdout_text();
        for name in properties.keys() {
            assert!(text.contains(&format!("- {name} {{")), "{id}: {name} is not in\n{text}");
        }
    }
}

#[test]
fn s8_the_catalogue_is_data_in_json_and_yaml() {
    let cli = cli();
    let one = cli.json(&["describe-type", "aws", "--auth-method", "iam-role"]);
    let all = cli.json(&["describe-type", "aws"]);
    assert!(all["auth_methods"].as_array().is_some_and(|methods| methods.contains(&one)));
    let yaml = cli.ok(&["list-types", "-o", "yaml"]).stdout_text();
    assert!(yaml.contains("type: aws") && yaml.contains("- s3-bucket"), "{yaml}");
    let schemas = cli.json(&["schema", "aws"]);
    assert!(schemas["iam-role"]["properties"]["role_arn"].is_object());
}

#[test]
fn the_catalogue_needs_no_store() {
    let cli = cli();
    cli.ok(&["list-types"]);
    cli.ok(&["describe-type", "aws"]);
    let made: Vec<_> = std::fs::read_dir(cli.connector_home()).expect("the home is there").collect();
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = cli().ok(&["completions", shell]).stdout_text();
        assert!(text.contains("describe-type"), "{shell}");
    }
}
