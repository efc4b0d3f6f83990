//! A connector from registering to deleting, without any call.

use serde_json::{Value, json};

use super::{KEY_ID, cli_with_secret, names, register};

#[test]
fn s25_a_connector_is_described_whole() {
    let cli = cli_with_secret();
    let options = [
        "--resource-type",
        "s3-bucket",
        "--resource-id",
        "data",
        "--duration",
        "1h",
        "--expires-at",
        "2999-01-01T00:00:00Z",
        "--label",
        "team=data",
        "--description",
        "for tests",
        "--shared",
        "--allow",
        "exec",
    ];
    register(&cli, "prod", &options);
    let it = cli.json(&["describe", "prod"]);
    let expected = [
        ("name", json!("prod")),
        ("type", json!("aws")),
        ("method", json!("session-token")),
        ("resource_type", json!("s3-bucket")),
        ("resource_types", json!(["s3-bucket"])),
        ("resource_id", json!("s3://data")),
        ("duration", json!(3600)),
        ("session_duration", json!(3600)),
        ("expires_at", json!("2999-01-01T00:00:00Z")),
        ("labels", json!({"team": "data"})),
        ("description", json!("for tests")),
        ("visibility", json!("shared")),
        ("allow", json!(["exec"])),
        ("workspace", json!("default")),
        ("state", json!("enabled")),
        ("version", json!(1)),
        (
            "config",
            json!({"region": "us-east-1", "aws_access_key_id": "[HIDDEN]", "aws_secret_access_key": "[HIDDEN]"}),
        ),
    ];
    for (key, value) in expected {
        assert_eq!(it[key], value, "{key}");
    }
    for key in ["id", "secret_id", "owner", "created", "updated"] {
        assert!(it[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    assert!(it["expires_in"].as_u64().is_some_and(|seconds| seconds > 0));
    let text = cli.ok(&["describe", "prod"]).stdout_text();
    for heading in [
        "ID",
        "NAME",
        "TYPE",
        "AUTH METHOD",
        "RESOURCE TYPES",
        "RESOURCE NAME",
        "SECRET ID",
        "SESSION DURATION",
        "EXPIRES IN",
        "OWNER",
        "WORKSPACE",
        "SHARED",
        "CREATED",
        "UPDATED",
    ] {
        assert!(text.lines().any(|line| line.starts_with(heading)), "{heading} is missing:\n{text}");
    }
    assert!(text.contains("[HIDDEN]") && text.contains("us-east-1"), "{text}");
}

#[test]
fn s16_without_a_resource_it_is_for_many() {
    let cli = cli_with_secret();
    register(&cli, "many", &[]);
    register(&cli, "buckets", &["--resource-type", "s3-bucket"]);
    let many = cli.json(&["describe", "many"]);
    assert!(many["resource_types"].as_array().is_some_and(|types| types.len() >= 5), "{many}");
    assert_eq!(cli.json(&["describe", "buckets"])["resource_types"], json!(["s3-bucket"]));
    let text = cli.ok(&["list"]).stdout_text();
    assert_eq!(text.matches("<multiple>").count(), 2, "{text}");
}

#[test]
fn s39_the_duration_is_the_methods_until_it_is_set() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let it = cli.json(&["describe", "prod"]);
    assert_eq!((&it["duration"], &it["session_duration"]), (&Value::Null, &json!(43_200)));
    cli.ok(&["update", "prod", "--duration", "30m", "--no-verify"]);
    assert_eq!(cli.json(&["describe", "prod"])["session_duration"], 1800);
    assert!(cli.ok(&["describe", "prod"]).stdout_text().contains("30m"));
}

#[test]
fn what_is_updated_changes_and_the_rest_stays() {
    let cli = cli_with_secret();
    register(&cli, "prod", &["--label", "a=1", "--label", "b=2", "--description", "old"]);
    let before = cli.json(&["describe", "prod"]);
    let updated = cli.json(&[
        "update",
        "prod",
        "--no-verify",
        "region=eu-west-1",
        "endpoint_url=http://127.0.0.1:9",
        "--label",
        "a=",
        "--label",
        "c=3",
        "--description",
        "",
        "--shared",
        "--expires-at",
        "2999-01-01T00:00:00Z",
    ]);
    let after = cli.json(&["describe", "prod"]);
    assert_eq!(updated["connector"], after);
    assert_eq!(after["version"], 2);
    assert_eq!(after["labels"], json!({"b": "2", "c": "3"}));
    assert_eq!(after["description"], Value::Null);
    assert_eq!(after["config"]["region"], "eu-west-1");
    assert_eq!(after["config"]["endpoint_url"], "http://127.0.0.1:9");
    for key in ["id", "secret_id", "owner", "created"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    cli.ok(&["update", "prod", "--no-verify", "endpoint_url=", "--expires-at", "", "--private"]);
    let last = cli.json(&["describe", "prod"]);
    assert_eq!(last["config"].get("endpoint_url"), None);
    assert_eq!((&last["expires_at"], &last["visibility"]), (&Value::Null, &json!("private")));
}

#[test]
fn an_update_that_does_not_fit_changes_nothing() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let before = cli.json(&["describe", "prod"]);
    let faults: &[&[&str]] =
        &[&["bogus=1"], &["aws_secret_access_key="], &["--duration", "37h"], &["--resource-id", "s3://x"]];
    for fault in faults {
        cli.error(2, &[&["update", "prod", "--no-verify"], *fault].concat());
    }
    cli.error(6, &["update", "prod", "endpoint_url=http://127.0.0.1:1"]);
    assert_eq!(cli.json(&["describe", "prod"]), before);
    let forced = cli.json(&["update", "prod", "endpoint_url=http://127.0.0.1:1", "--force"]);
    assert!(forced["warnings"].to_string().contains("does not verify"), "{forced}");
}

#[test]
fn a_connector_is_renamed_disabled_enabled_and_deleted() {
    let cli = cli_with_secret();
    register(&cli, "prod", &[]);
    let id = cli.json(&["describe", "prod"])["id"].clone();
    assert_eq!(cli.json(&["rename", "prod", "production"])["id"], id);
    assert_eq!(names(&cli), ["production"]);
    assert_eq!(cli.json(&["disable", "production"])["state"], "disabled");
    assert!(cli.ok(&["list"]).stdout_text().contains("disabled"));
    assert_eq!(cli.json(&["enable", "production"])["state"], "enabled");
    assert_eq!(cli.json(&["delete", "production"])["name"], "production");
    assert!(names(&cli).is_empty());
    cli.fails(3, &["describe", "production"]);
}

#[test]
fn who_is_referred_to_is_not_deleted_by_accident() {
    let cli = cli_with_secret();
    register(&cli, "base", &[]);
    let role = "role_arn=arn:aws:iam::123456789012:role/reader";
    cli.ok(&[
        "register",
        "role",
        "--type",
        "aws",
        "--auth-method",
        "iam-role",
        "--no-verify",
        "region=us-east-1",
        "source=base",
        role,
    ]);
    let error = cli.error(2, &["delete", "base"]);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("role")), "{error}");
    assert_eq!(cli.json(&["delete", "base", "--force"])["dependents"], json!(["role"]));
}

#[test]
fn lists_are_filtered() {
    let cli = cli_with_secret();
    register(&cli, "a", &["--label", "team=data", "--label", "stage=prod"]);
    register(&cli, "b", &["--label", "team=data", "--resource-type", "s3-bucket"]);
    register(&cli, "c", &[]);
    let listed = |filter: &[&str]| -> Vec<String> {
        let rows = cli.json(&[&["list"], filter].concat());
        rows.as_array()
            .expect("rows")
            .iter()
            .filter_map(|row| row["name"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(listed(&["--label", "team=data"]), ["a", "b"]);
    assert_eq!(listed(&["--label", "team=data", "--label", "stage=prod"]), ["a"]);
    assert_eq!(listed(&["--resource-type", "docker-registry"]), ["a", "c"]);
    assert_eq!(listed(&["--type", "aws"]).len(), 3);
    assert_eq!(listed(&["--workspace", "default"]).len(), 3);
    assert_eq!(listed(&["--owner", "nobody-of-this-name"]), Vec::<String>::new());
    assert_eq!(listed(&["--created-after", "1h", "--updated-before", "2999-01-01T00:00:00Z"]).len(), 3);
    assert_eq!(listed(&["--created-before", "7d"]), Vec::<String>::new());
    assert_eq!(listed(&["--updated-after", "2999-01-01T00:00:00Z"]), Vec::<String>::new());
    assert_eq!(listed(&["--limit", "2"]), ["a", "b"]);
    assert_eq!(listed(&["--limit", "2", "--after", "b"]), ["c"]);
    // `b` is for something else, and takes no place on the page.
    assert_eq!(listed(&["--resource-type", "secret", "--limit", "2"]), ["a", "c"]);
    let empty = cli.ok(&["list", "--label", "team=nobody"]);
    assert_eq!((&*empty.stdout_text(), &*empty.stderr_text()), ("", "no connector is like that\n"));
}

/// S28: a type that there is none of is no empty list; a method that cannot serve a type is left out.
#[test]
fn s28_lists_know_the_types_and_what_methods_are_good_for() {
    let cli = cli_with_secret();
    register(&cli, "session", &[]);
    let method =
        ["register", "federation", "--type", "aws", "--auth-method", "federation-token", "--no-verify"];
    let config = ["region=us-east-1", KEY_ID, "aws_secret_access_key=env:SECRET"];
    cli.ok(&[&method[..], &config].concat());
    let rows = cli.json(&["list", "--resource-type", "kubernetes-cluster"]);
    let listed: Vec<_> = rows.as_array().expect("rows").iter().map(|it| &it["name"]).collect();
    assert_eq!(listed, ["session"], "a federation token has no place in a cluster's access list");
    for unknown in [["list", "--type", "nosuch"], ["list", "--resource-type", "nosuch"]] {
        assert_eq!(cli.error(2, &unknown)["kind"], "invalid-input");
    }
}

/// What is left out stays, also within a map.
#[test]
fn entries_of_a_map_are_updated_one_by_one() {
    let cli = cli_with_secret();
    let method = ["register", "tg", "--type", "aws", "--auth-method", "iam-role", "--no-verify"];
    let role = "role_arn=arn:aws:iam::123456789012:role/reader";
    let tags = ["session_tags.team=x", "session_tags.env=y"];
    let config = ["region=us-east-1", role, KEY_ID, "aws_secret_access_key=env:SECRET"];
    cli.ok(&[&method[..], &config, &tags].concat());
    let update = |word: &str| {
        cli.json(&["update", "tg", "--no-verify", word])["connector"]["config"]["session_tags"].clone()
    };
    assert_eq!(update("session_tags.env="), json!({"team": "x"}));
    assert_eq!(update("session_tags.new=z"), json!({"team": "x", "new": "z"}));
    update("session_tags.new=");
    assert_eq!(update("session_tags.team="), Value::Null, "an emptied map goes");
}

#[test]
fn values_come_from_files_variables_and_standard_input() {
    let cli = cli_with_secret();
    std::fs::write(cli.home().join("key"), "from-a-file\n").expect("written");
    std::fs::write(
        cli.home().join("prod.yaml"),
        format!(
            "type: aws\nmethod: session-token\nconfig:\n  region: eu-west-1\n  {}\n",
            KEY_ID.replace('=', ": ")
        ),
    )
    .expect("written");
    let from_file =
        ["register", "a", "--from-file", "prod.yaml", "--no-verify", "aws_secret_access_key=@key"];
    assert_eq!(cli.json(&from_file)["connector"]["config"]["region"], "eu-west-1");
    let from_input = ["register", "b", "--from-file", "prod.yaml", "--no-verify", "aws_secret_access_key=-"];
    let finished = cli.run_with_input(&from_input, "from-standard-input").expect_success();
    assert!(!finished.stderr_text().contains("process list"), "{finished:?}");
    let document = json!({"name": "c", "type": "aws", "method": "session-token", "labels": {"a": "b"},
        "config": {"region": "us-east-1", "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}});
    cli.run_with_input(&["register", "--from-file", "-", "--no-verify"], &document.to_string())
        .expect_success();
    assert_eq!(names(&cli), ["a", "b", "c"]);
    assert_eq!(cli.json(&["describe", "c"])["labels"], json!({"a": "b"}));
}

#[test]
fn s77_a_config_may_refer_to_the_secret_of_another_connector() {
    let cli = cli_with_secret();
    register(&cli, "vault", &[]);
    let base = [
        "register",
        "user",
        "--type",
        "aws",
        "--auth-method",
        "session-token",
        "--no-verify",
        "region=us-east-1",
    ];
    let fields = [
        "aws_access_key_id={{vault.aws_access_key_id}}",
        "aws_secret_access_key={{vault.aws_secret_access_key}}",
    ];
    let registered = cli.json(&[&base[..], &fields].concat());
    assert_eq!(registered["connector"]["secret_id"], Value::Null);
    assert_eq!(registered["hints"], json!([]), "a reference is no secret");
    let broken = [&base[..], &["aws_access_key_id={{vault.bogus}}", fields[1]]].concat();
    let mut broken = broken;
    broken[1] = "broken";
    cli.fails(2, &broken);
}
