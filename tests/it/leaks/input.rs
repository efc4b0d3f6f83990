//! Faults of what is given: files, variables and command lines that hold a secret where none belongs.

use connector_tests::canary::Canary;

use super::watch::{Class, Watch};

/// C10, invariant 9: a broken file that holds a secret is named with its line, and not quoted.
#[test]
fn c10_a_broken_config_file_is_not_quoted() {
    let watch = Watch::new();
    let secret = Canary::generate("in the settings");
    let text = secret.secret().to_owned();
    watch.watch(Class::Kept, secret);
    let settings = watch.cli.connector_home().join("config.toml");
    for broken in [
        "implicit = \"SECRET\"",
        "timeout = \"SECRET\"",
        "default_output = \"SECRET\"",
        "server = [\"SECRET\"]",
        "[key]\nsource = \"SECRET\"",
        "[key]\npassphrase = \"SECRET\"",
        "[key]\nfile = { path = \"SECRET\" }",
        "key = \"SECRET\"",
        "\"SECRET\" = 1",
        "SECRET",
        "implicit = SECRET",
        "implicit = \"SECRET",
    ] {
        std::fs::write(&settings, broken.replace("SECRET", &text)).expect("the home is ours");
        for form in ["table", "json"] {
            watch.cli.fails(2, &["list", "-o", form]);
        }
        std::fs::remove_file(&settings).expect("it was just written");
    }
    watch.assert_clean();
}

/// C10: nor is a broken draft, or a broken file of the `aws` program.
#[test]
fn c10_a_broken_draft_is_not_quoted() {
    let watch = Watch::new();
    let secret = Canary::generate("in the draft");
    let text = secret.secret().to_owned();
    watch.watch(Class::Kept, secret);
    for (name, draft) in [
        ("a.json", r#"{"region": "us-east-1", "aws_secret_access_key": "SECRET""#),
        ("b.json", r#"{"region": ["SECRET"], "aws_secret_access_key": {"a": "SECRET"}}"#),
        ("c.json", r#"{"type": "aws", "method": "session-token", "config": "SECRET"}"#),
        ("d.json", r#"{"type": "aws", "method": "session-token", "duration": "SECRET", "config": {}}"#),
        ("e.json", r#"{"role_arn": "SECRET", "external_id": "SECRET", "policy": "SECRET"}"#),
        ("f.json", r#"{"type": "aws", "allow": ["SECRET"], "labels": ["SECRET"], "enabled": "SECRET"}"#),
        ("g.json", r#""SECRET""#),
        ("a.yaml", "aws_secret_access_key: SECRET: x\n  - SECRET"),
        ("b.yaml", "type: aws\nmethod: session-token\nconfig: SECRET"),
        ("c.yaml", "type: aws\nduration: SECRET\nexpires_at: SECRET"),
        ("d.yaml", "aws_secret_access_key: !!int SECRET"),
        ("e.yaml", "aws_secret_access_key: *SECRET"),
        ("a.toml", "aws_secret_access_key = SECRET"),
        ("b.toml", "aws_secret_access_key = \"SECRET"),
        ("c.toml", "type = \"aws\"\nduration = \"SECRET\"\nenabled = \"SECRET\""),
    ] {
        let path = watch.cli.home().join("given").join(name);
        std::fs::write(&path, draft.replace("SECRET", &text)).expect("the home is ours");
        let path = path.to_str().expect("a temporary path is text");
        for form in ["table", "json"] {
            let arguments =
                ["register", "x", "--type", "aws", "--auth-method", "iam-role", "--from-file", path];
            let refused = watch.cli.run(&[&arguments[..], &["--no-verify", "-o", form]].concat());
            assert!(!refused.success(), "{draft}: {refused:?}");
            watch.cli.run(&["register", "x", "--from-file", path, "--no-verify", "-o", form]);
        }
    }
    watch.assert_clean();
}

/// C10: nor is a broken `~/.aws/credentials`.
#[test]
fn c10_a_broken_credentials_file_is_not_quoted() {
    let secret = Canary::generate("in the credentials file");
    for broken in [
        "[default]\naws_access_key_id = AKIA\naws_secret_access_key SECRET\n",
        "[default\naws_secret_access_key = SECRET\n",
        "aws_secret_access_key = SECRET\n[default]\n",
        "[default]\nregion = SECRET\naws_access_key_id = SECRET\naws_secret_access_key = SECRET\n",
        "[default]\naws_secret_access_key = SECRET\naws_secret_access_key = SECRET\n",
        "[default]\nrole_arn = SECRET\nsource_profile = SECRET\n",
    ] {
        let watch = Watch::with(|cli| {
            let file = cli.home().join("given/credentials");
            std::fs::write(&file, broken.replace("SECRET", secret.secret())).expect("the home is ours");
            cli.with_env("AWS_SHARED_CREDENTIALS_FILE", file)
                .with_env("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS", "true")
        });
        watch.watch(Class::Kept, secret.clone());
        for form in ["table", "json"] {
            let refused = watch.cli.run(&["register", "x", "--type", "aws", "--auto-configure", "-o", form]);
            assert!(!refused.success(), "{broken}: {refused:?}");
        }
        watch.assert_clean();
    }
}

/// C10: a secret that lost its key, or that stands where something else belongs, is not repeated.
#[test]
fn c10_a_command_line_is_not_quoted_where_it_holds_a_secret() {
    let watch = Watch::new();
    let alice = watch.user("alice");
    watch.role_connector(&alice);
    let key = alice.secret_access_key.as_str();
    let pair = format!("aws_secret_access_key={key}");
    let (twice, role) = (format!("labels={key}"), format!("role_arn={key}"));
    let url = format!("endpoint_url=https://user:{key}@host.example/");
    let register = |words: &[&str]| {
        let head = ["register", "x", "--type", "aws", "--auth-method", "iam-role"];
        words
            .iter()
            .fold(head.to_vec(), |all, word| [&all[..], &[*word]].concat())
            .iter()
            .map(|it| (*it).to_owned())
            .collect()
    };
    let owned = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = vec![
        register(&[key]),
        register(&[&pair, &pair]),
        register(&[&pair, "region=NOWHERE!"]),
        register(&[&role, &pair]),
        register(&[&url, &pair]),
        register(&[&twice, &pair]),
        owned(&["update", "data", key]),
        owned(&["update", "data", &pair, "--duration", "soon"]),
        owned(&["update", "data", &pair, "no_such_key=1"]),
        owned(&["issue", "data", &pair]),
        owned(&["verify", "data", &pair]),
        owned(&["describe", "data", &pair]),
        owned(&["regster", "x", &pair]),
        owned(&[&pair, "x"]),
    ];
    for line in lines {
        for form in ["table", "json"] {
            let words: Vec<&str> = line.iter().map(String::as_str).chain(["-o", form]).collect();
            let refused = watch.cli.run(&words);
            assert!(!refused.success(), "{refused:?}");
        }
    }
    watch.assert_clean();
}

/// C10: what is no master key, or another one, is not repeated.
#[test]
fn c10_a_wrong_master_key_is_not_quoted() {
    let other = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=";
    for (variable, wrong) in [
        ("CONNECTOR_MASTER_KEY", other),
        ("CONNECTOR_MASTER_KEY", "not/a+key at all, and too long to be one by far"),
        ("CONNECTOR_PASSPHRASE", "not/the+passphrase"),
    ] {
        let watch = Watch::new();
        let alice = watch.user("alice");
        watch.role_connector(&alice);
        watch.watch(Class::MasterKey, Canary::of("the wrong key", wrong));
        for form in ["table", "json"] {
            for command in ["issue", "verify"] {
                let arguments = [command, "data", "--resource-type", "s3-bucket", "--resource-id", "data"];
                let mut asked = watch.cli.command(&[&arguments[..], &["-o", form]].concat());
                asked.env(variable, wrong);
                let refused = watch.cli.keep(connector_tests::process::run(&mut asked));
                assert!(!refused.success(), "{variable}: {refused:?}");
            }
        }
        watch.assert_clean();
    }
}
