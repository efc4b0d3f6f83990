//! What is wrong with a file, in words: which field, why, and what takes it instead.

use super::*;

/// What a reader takes, and what it calls it.
const READERS: [(&str, &str, &[&str]); 4] = [
    ("service_account_json", "the key of a service account", &["service_account"]),
    ("user_account_json", "the login of a person", &["authorized_user", "external_account_authorized_user"]),
    ("external_account_json", "an external account", &["external_account"]),
    ("client_secrets_json", "client secrets, with which a person can log in", &["installed", "web"]),
];

/// What a form is called, and the method that takes it.
fn is_and_hint(form: &str) -> (&'static str, &'static str) {
    match form {
        "service_account" => {
            ("the key of a service account", "use method `service-account` with `service_account_json`")
        }
        "authorized_user" | "external_account_authorized_user" => {
            ("the login of a person", "use method `user-account` with `user_account_json`")
        }
        "external_account" => {
            ("an external account", "use method `external-account` with `external_account_json`")
        }
        "impersonated_service_account" => (
            "an impersonated service account",
            "use method `impersonation` with `target_principal`, and the key or connector that stands behind it",
        ),
        _ => (
            "the client secrets of a program, with which a person can log in",
            "use method `user-account` with `client_secrets_json`",
        ),
    }
}

/// S17: a good file in the wrong place is told what it is, and which method takes it.
#[test]
fn s17_each_form_in_each_wrong_place_names_the_right_method() {
    let mut seen = 0;
    for (form, file) in all_forms() {
        for (reader, result) in shown_by_all(&file.to_string()) {
            let Some((_, what, takes)) = READERS.into_iter().find(|(name, ..)| *name == reader) else {
                continue;
            };
            if takes.contains(&form) {
                continue;
            }
            let error = result.expect_err("the wrong place");
            let (is, hint) = is_and_hint(form);
            assert_eq!(
                told(&error),
                format!("expected {what}, and this is {is} | {hint}"),
                "{form} as {reader}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 7 * 4 - 6);
    // Client secrets are no credential.
    let error = CredentialFile::parse(&Secret::new(client("web").to_string())).expect_err("no credential");
    assert!(
        told(&error).starts_with("expected a credential, and this is the client secrets of a program"),
        "{error}"
    );
}

/// Texts that are no credential file at all, to every reader alike.
#[test]
fn s17_what_is_no_credential_file() {
    let cut_off = &service_account().to_string()[..700];
    let gdch = json!({ "type": "gdch_service_account", "private_key": CANARY, "name": CANARY });
    let packed = "expected the JSON text of a credential file, or that text in base64 | \
        give the file itself, as in KEY=@FILE";
    let no_type = "JSON without `type`: this is no credential file of Google Cloud";
    let unknown = "`type` names no credential of Google Cloud that is known";
    for (text, expected, why) in [
        ("", packed, "nothing"),
        ("\u{feff}", packed, "a byte order mark alone"),
        ("   \n", packed, "blanks"),
        (CANARY, packed, "some word"),
        ("/home/hunter2/key.json", packed, "the name of the file"),
        ("@hunter2.json", packed, "what a shell would not resolve"),
        ("[\"hunter2\"]", packed, "a list"),
        ("\"hunter2\"", packed, "a text in JSON"),
        ("null", packed, "null"),
        ("ya29.hunter2", packed, "an access token"),
        (&key(), packed, "the key without its file"),
        (&STANDARD.encode(CANARY), packed, "something else in base64"),
        (&STANDARD.encode([0xff, 0xfe, 0x7b, 0x22]), packed, "bytes that are no text"),
        (&STANDARD.encode(STANDARD.encode("{\"type\":\"hunter2\"}")), packed, "base64 twice"),
        ("{", "the JSON ends too early: the file was cut off", "the first letter"),
        (cut_off, "the JSON ends too early: the file was cut off", "the first part"),
        (
            &STANDARD.encode(cut_off),
            "the JSON ends too early: the file was cut off",
            "the first part in base64",
        ),
        ("{hunter2}", "not JSON (line 1, column 2)", "no quotes"),
        ("{\"a\":\"hunter2\"} hunter2", "not JSON (line 1, column 17)", "something behind it"),
        ("{'type': 'hunter2'}", "not JSON (line 1, column 2)", "quotes of another language"),
        ("{\n\"type\": \"a\nb\"}", "not JSON (line 3, column 0)", "the end of a line within a text"),
        ("{\"type\": 1}", "a field holds something of another type (line 1, column 10)", "a number"),
        ("{\"type\": [\"hunter2\"]}", "a field holds something of another type (line 1, column 9)", "a list"),
        (
            "{\"type\":\"a\",\"type\":\"hunter2\"}",
            "a field holds something of another type",
            "twice the same field",
        ),
        ("{}", no_type, "an empty object"),
        ("{\"type\": null}", no_type, "null"),
        ("{\"auths\":{\"gcr.io\":{\"auth\":\"hunter2\"}}}", no_type, "docker's config"),
        ("{\"AccessKeyId\":\"hunter2\",\"SecretAccessKey\":\"hunter2\"}", no_type, "AWS's keys"),
        ("{\"appId\":\"a\",\"password\":\"hunter2\",\"tenant\":\"t\"}", no_type, "Azure's principal"),
        ("{\"type\":\"hunter2\"}", unknown, "another type"),
        ("{\"type\":\"\"}", unknown, "an empty type"),
        ("{\"type\":\"SERVICE_ACCOUNT\"}", unknown, "a type in other letters"),
        (
            &gdch.to_string(),
            "keys of Google Distributed Cloud (gdch_service_account) are not taken",
            "a key of another cloud",
        ),
    ] {
        for (reader, result) in shown_by_all(text) {
            let error = result.expect_err(why);
            let of_clients = "holds neither `installed` nor `web`: these are no client secrets";
            let by_type = [no_type, unknown].contains(&expected) || expected.starts_with("keys of");
            let expected = if reader == "client_secrets_json" && by_type { of_clients } else { expected };
            assert!(told(&error).starts_with(expected), "{why} as {reader}: {}", told(&error));
        }
    }
}

/// Each field that a form needs: not there, null, empty, and of another type.
#[test]
fn s17_each_missing_field_is_named() {
    let forms: [(&str, Value, &[&str]); 7] = [
        ("service_account_json", service_account(), &["client_email", "private_key"]),
        ("user_account_json", authorized_user(), &["client_id", "client_secret", "refresh_token"]),
        ("user_account_json", external_user(), &["client_id", "client_secret", "refresh_token"]),
        ("external_account_json", external(token_file()), &["audience", "subject_token_type"]),
        ("any", impersonated(authorized_user()), &["service_account_impersonation_url"]),
        ("client_secrets_json", client("installed"), &["installed.client_id", "installed.client_secret"]),
        ("client_secrets_json", client("web"), &["web.client_id", "web.client_secret"]),
    ];
    let refusal = |reader: &str, file: &Value| {
        let all = shown_by_all(&file.to_string());
        let (_, result) = all.into_iter().find(|(name, _)| *name == reader).expect("a reader");
        told(&result.expect_err("something is wrong"))
    };
    for (reader, file, fields) in forms {
        for path in fields {
            let name = path.rsplit('.').next().expect("a name");
            assert_eq!(refusal(reader, &without(file.clone(), path)), format!("lacks `{name}`"));
            assert_eq!(refusal(reader, &with(file.clone(), path, Value::Null)), format!("lacks `{name}`"));
            assert_eq!(refusal(reader, &with(file.clone(), path, json!(""))), format!("`{name}` is empty"));
            let number = refusal(reader, &with(file.clone(), path, json!(7)));
            assert!(
                number.starts_with("a field holds something of another type (line 1, column "),
                "{number}"
            );
        }
    }
    // URLs and objects have their own words.
    for (reader, file, path, message) in [
        ("user_account_json", external_user(), "token_url", "lacks `token_url`"),
        ("external_account_json", external(token_file()), "token_url", "lacks `token_url`"),
        ("external_account_json", external(token_file()), "credential_source", "lacks `credential_source`"),
        ("any", impersonated(authorized_user()), "source_credentials", "lacks `source_credentials`"),
    ] {
        assert_eq!(refusal(reader, &without(file, path)), message);
    }
}

/// Each field that holds something impossible.
#[test]
fn s17_each_wrong_field_is_named_and_not_quoted() {
    let account = |path: &str, value: Value| with(external(token_file()), path, value);
    let stands_in =
        |url: &str| with(impersonated(authorized_user()), "service_account_impersonation_url", json!(url));
    let nested = impersonated(impersonated(authorized_user()));
    let target = "`service_account_impersonation_url` is not the URL of a service account's tokens";
    let cases: [(Value, &str, &str); 33] = [
        (
            with(service_account(), "client_email", json!("hunter2")),
            "`client_email`: expected an e-mail",
            "no address",
        ),
        (
            with(service_account(), "client_email", json!("a\nb@c.d")),
            "`client_email` holds control",
            "two lines",
        ),
        (
            with(service_account(), "project_id", json!("hunter2!")),
            "`project_id`: expected a project id",
            "no id",
        ),
        (
            with(service_account(), "quota_project_id", json!("hunter2!")),
            "`quota_project_id`: expected",
            "no id",
        ),
        (
            with(service_account(), "private_key_id", json!("hunter2 x")),
            "`private_key_id`: expected letters",
            "blanks",
        ),
        (
            with(service_account(), "token_uri", json!("hunter2")),
            "`token_uri`: not usable as an endpoint",
            "no URL",
        ),
        (
            with(service_account(), "token_uri", json!("http://169.254.169.254/hunter2")),
            "`token_uri`: not usable as an endpoint: its host is a link-local or metadata address",
            "the metadata service would get the key's assertion",
        ),
        (
            with(service_account(), "token_uri", json!("http://hunter2.example.org/token")),
            "`token_uri`: not usable as an endpoint: http is for loopback",
            "an assertion in clear",
        ),
        (
            with(service_account(), "universe_domain", json!("hunter2/x")),
            "`universe_domain`: expected a domain",
            "a path in a domain",
        ),
        (with(authorized_user(), "client_id", json!("a\u{0}hunter2")), "`client_id` holds control", "a NUL"),
        (
            with(authorized_user(), "token_uri", json!("https://a:hunter2@b.c")),
            "`token_uri`: not usable",
            "a password",
        ),
        (
            with(external_user(), "token_url", json!("https://[fe80::1]/")),
            "`token_url`: not usable",
            "link-local",
        ),
        (
            account("token_url", json!("http://metadata.google.internal/")),
            "`token_url`: not usable",
            "metadata",
        ),
        (
            account("audience", json!("https://hunter2")),
            "`audience` names no provider of a pool",
            "no resource",
        ),
        (account("audience", json!("hunter2")), "`audience` names no provider of a pool", "no resource"),
        (
            account("subject_token_type", json!("hunter2")),
            "`subject_token_type`: expected one of urn:",
            "no type",
        ),
        (
            account("client_id", json!("hunter2")),
            "has `client_id` and lacks `client_secret`",
            "half a client",
        ),
        (
            account("client_secret", json!(CANARY)),
            "has `client_secret` and lacks `client_id`",
            "half a client",
        ),
        (
            account("service_account_impersonation", json!({ "token_lifetime_seconds": 599 })),
            "`service_account_impersonation.token_lifetime_seconds`: expected 600 to 43200 seconds",
            "too short",
        ),
        (
            account("service_account_impersonation", json!({ "token_lifetime_seconds": 43_201 })),
            "`service_account_impersonation.token_lifetime_seconds`: expected 600 to 43200 seconds",
            "too long",
        ),
        (
            account("service_account_impersonation", json!({ "token_lifetime_seconds": -1 })),
            "a field holds",
            "less than 0",
        ),
        (
            account("workforce_pool_user_project", json!("hunter2!")),
            "`workforce_pool_user_project`: expected",
            "no id",
        ),
        (
            account("workforce_pool_user_project", json!("123456789012345678901")),
            "`workforce_pool_user_project`: expected",
            "no number",
        ),
        (
            account("workforce_pool_user_project", json!("hunter2-project")),
            "`workforce_pool_user_project` is for pools of a workforce",
            "a project for the people of a pool of machines",
        ),
        (account("service_account_impersonation_url", json!("https://hunter2")), target, "another URL"),
        (stands_in("hunter2"), target, "no URL"),
        (stands_in(&IMPERSONATION_URL.replace("AccessToken", "IdToken")), target, "another call"),
        (
            stands_in(&IMPERSONATION_URL.replace("target@", "hunter2/../target@")),
            target,
            "a path for an account",
        ),
        (
            stands_in(&IMPERSONATION_URL.replace("iamcredentials.googleapis.com", "169.254.169.254")),
            "`service_account_impersonation_url`: not usable as an endpoint",
            "the metadata service would get the token",
        ),
        (
            with(impersonated(authorized_user()), "delegates", json!(["hunter2"])),
            "`delegates`: expected an e-mail address",
            "no account",
        ),
        (nested, "`source_credentials`: one impersonation within another is not taken", "nested"),
        (
            impersonated(without(authorized_user(), "refresh_token")),
            "`source_credentials`: lacks `refresh_token`",
            "what is within lacks something",
        ),
        (
            impersonated(client("installed")),
            "`source_credentials`: expected a credential, and this is the client secrets",
            "what is within is no credential",
        ),
    ];
    for (file, message, why) in cases {
        let error = CredentialFile::parse(&Secret::new(file.to_string())).expect_err(why);
        assert!(told(&error).starts_with(message), "{why}: {}", told(&error));
    }
}
