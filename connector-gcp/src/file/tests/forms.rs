//! What each form says, however it is packed.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::*;

/// A text as it comes out of files, variables, and the secrets of CI systems.
fn packings(json: &str) -> Vec<(&'static str, String)> {
    let wrapped = |text: String| {
        let lines = text.as_bytes().chunks(76).map(|it| String::from_utf8_lossy(it).into_owned());
        lines.collect::<Vec<_>>().join("\r\n") + "\n"
    };
    let bom = format!("\u{feff}{json}");
    vec![
        ("as it is", json.to_owned()),
        ("with a byte order mark", bom.clone()),
        ("with blanks around it", format!(" \r\n\t{json}\n\n")),
        ("in base64", STANDARD.encode(json)),
        ("in base64 without padding", STANDARD_NO_PAD.encode(json)),
        ("in base64 of 76 characters a line", wrapped(STANDARD.encode(json))),
        ("in base64 for URLs", URL_SAFE.encode(json)),
        ("in base64 for URLs without padding", URL_SAFE_NO_PAD.encode(json)),
        ("in base64, with a byte order mark", STANDARD.encode(&bom)),
        ("in base64, with blanks around it", format!("\n  {}\n", STANDARD.encode(format!("{json}\n")))),
    ]
}

/// S6: the same file in every packing. Letters of other scripts make both alphabets of base64 differ.
#[test]
fn s6_each_form_is_read_in_every_packing() {
    for (name, file) in all_forms() {
        let file = with(file, "comment", json!("日本語 ÿþ>>>???~~~"));
        let (short, long) = (file.to_string(), serde_json::to_string_pretty(&file).expect("JSON"));
        let once = shown_by_all(&short);
        let takers: Vec<_> = once.iter().filter(|(_, it)| it.is_ok()).map(|(name, _)| *name).collect();
        let expected: &[_] = match name {
            "service_account" => &["any", "service_account_json"],
            "authorized_user" | "external_account_authorized_user" => &["any", "user_account_json"],
            "external_account" => &["any", "external_account_json"],
            "impersonated_service_account" => &["any"],
            _ => &["client_secrets_json"],
        };
        assert_eq!(takers, expected, "{name}");
        let mut alphabets = (false, false);
        for json in [&short, &long] {
            for (how, text) in packings(json) {
                alphabets.0 |= text.contains('+') && !text.contains('{');
                alphabets.1 |= text.contains('_') && !text.contains('{');
                for ((taker, first), (_, again)) in once.iter().zip(shown_by_all(&text)) {
                    assert_eq!(first.as_ref().ok(), again.as_ref().ok(), "{name} {how} by {taker}");
                }
            }
        }
        assert_eq!(alphabets, (true, true), "both alphabets were tried for {name}");
        assert_eq!(read_by_all(&short), expected.len());
    }
}

#[test]
fn a_key_says_whose_it_is_and_where() {
    let read = |file: Value| ServiceAccountKey::parse(&Secret::new(file.to_string())).expect("a key");
    let whole = read(service_account());
    assert_eq!(whole.email().as_str(), "deployer@my-project.iam.gserviceaccount.com");
    assert_eq!(whole.key_id.as_deref(), Some("0123456789abcdef"));
    assert_eq!(whole.project.as_ref().map(|it| it.as_str()), Some("my-project"));
    assert_eq!(whole.token_uri.as_ref().map(|it| it.as_str()), Some("https://oauth2.googleapis.com/token"));
    assert!(whole.universe.as_ref().is_some_and(|it| it.is_default()));
    assert!(whole.quota_project.is_none());

    let mut least = service_account();
    for field in ["project_id", "private_key_id", "token_uri", "universe_domain"] {
        least = without(least, field);
    }
    let least = read(least);
    assert!(least.key_id.is_none() && least.project.is_none() && least.token_uri.is_none());
    assert!(least.universe.is_none());

    // Empty is as good as not there.
    let empty = ["project_id", "private_key_id", "token_uri", "universe_domain", "quota_project_id"];
    let empty = empty.iter().fold(service_account(), |file, field| with(file, field, json!("")));
    let empty = read(empty);
    assert!(empty.key_id.is_none() && empty.project.is_none() && empty.universe.is_none());

    let other = with(service_account(), "quota_project_id", json!("example.com:paying"));
    let other = read(with(other, "universe_domain", json!("apis.example.goog")));
    assert_eq!(other.quota_project.as_ref().map(|it| it.as_str()), Some("example.com:paying"));
    assert!(other.universe.as_ref().is_some_and(|it| !it.is_default()));
}

#[test]
fn a_login_says_what_it_needs() {
    let file = with(authorized_user(), "account", json!("alice@example.com"));
    let text = Secret::new(file.to_string());
    let Ok(UserFile::Google(user)) = UserFile::parse(&text) else { panic!("a login") };
    assert_eq!(user.account.as_deref(), Some("alice@example.com"));
    assert_eq!(user.client_secret.expose(), format!("d-{CANARY}"));
    assert_eq!(user.refresh_token.expose(), format!("1//{CANARY}"));
    assert!(user.token_uri.is_none());
    let file = UserFile::Google(user);
    assert_eq!(file.quota_project().map(|it| it.as_str()), Some("paying-project"));
    assert!(file.universe().is_some_and(|it| it.is_default()));

    let text = Secret::new(external_user().to_string());
    let Ok(UserFile::Workforce(user)) = UserFile::parse(&text) else { panic!("a login of a pool") };
    assert_eq!(user.token_url.as_str(), "https://sts.googleapis.com/v1/oauthtoken");
    assert_eq!(user.refresh_token.expose(), format!("1//{CANARY}"));
    let file = UserFile::Workforce(user);
    assert!(file.quota_project().is_none() && file.universe().is_none());
}

#[test]
fn an_external_account_says_what_it_is_exchanged_for() {
    let read = |file: Value| ExternalAccount::parse(&Secret::new(file.to_string())).expect("an account");
    let least = read(external(token_file()));
    assert!(least.audience.ends_with("/providers/github"));
    assert!(least.target.is_none() && least.target_life.is_none() && least.client.is_none());
    assert!(least.user_project.is_none() && least.quota_project.is_none() && least.universe.is_none());

    let mut file = workforce(token_file());
    for (field, value) in [
        ("service_account_impersonation_url", json!(IMPERSONATION_URL)),
        ("service_account_impersonation", json!({ "token_lifetime_seconds": 2800 })),
        ("workforce_pool_user_project", json!("user-project")),
        ("client_id", json!("client")),
        ("client_secret", json!(CANARY)),
        ("quota_project_id", json!("paying-project")),
        ("universe_domain", json!("googleapis.com")),
    ] {
        file = with(file, field, value);
    }
    let whole = read(file);
    let target = whole.target.as_ref().expect("a target");
    assert_eq!(target.email.as_str(), "target@my-project.iam.gserviceaccount.com");
    assert_eq!(target.endpoint.as_str(), "https://iamcredentials.googleapis.com");
    assert_eq!(whole.target_life.map(|it| it.as_secs()), Some(2800));
    assert_eq!(whole.client.as_ref().map(|(id, secret)| (&**id, secret.expose())), Some(("client", CANARY)));
    assert_eq!(whole.user_project.as_deref(), Some("user-project"));
    let by_number = read(with(workforce(token_file()), "workforce_pool_user_project", json!("123456789012")));
    assert_eq!(by_number.user_project.as_deref(), Some("123456789012"));
    assert_quiet(&format!("{whole:?}"));
}

#[test]
fn an_impersonation_says_who_stands_in_for_whom() {
    for (source, what) in [
        (service_account(), "the key of a service account"),
        (authorized_user(), "the login of a person"),
        (external_user(), "the login of a person"),
        (external(token_file()), "an external account"),
    ] {
        let file = impersonated(source).to_string();
        let Ok(CredentialFile::Impersonated(file)) = CredentialFile::parse(&Secret::new(file)) else {
            panic!("an impersonation by {what}")
        };
        assert_eq!(file.source.what(), what);
        assert_eq!(file.target.email.as_str(), "target@my-project.iam.gserviceaccount.com");
        let delegates: Vec<_> = file.delegates.iter().map(|it| it.as_str()).collect();
        assert_eq!(delegates, ["between@my-project.iam.gserviceaccount.com", "b@c.d"]);
        assert!(file.quota_project.is_none());
        let file = CredentialFile::Impersonated(file);
        assert_eq!(file.what(), "an impersonated service account");
        assert_quiet(&format!("{file:?}"));
    }
    let file = without(impersonated(authorized_user()), "delegates").to_string();
    let Ok(CredentialFile::Impersonated(file)) = CredentialFile::parse(&Secret::new(file)) else {
        panic!("an impersonation")
    };
    assert!(file.delegates.is_empty());
}

#[test]
fn client_secrets_say_of_which_type_they_are() {
    for (name, kind) in [("installed", ClientKind::Installed), ("web", ClientKind::Web)] {
        let read = ClientSecrets::parse(&Secret::new(client(name).to_string())).expect("client secrets");
        assert_eq!(read.kind, kind);
        assert_eq!(read.client_id, "client");
        assert_eq!(read.client_secret.expose(), format!("GOCSPX-{CANARY}"));
        assert_eq!(read.project.as_ref().map(|it| it.as_str()), Some("my-project"));
        assert_eq!(read.redirect_uris, ["http://localhost:8085/"]);
        assert_quiet(&format!("{read:?}"));
        let least = ["project_id", "redirect_uris"];
        let least = least.iter().fold(client(name), |file, field| without(file, &format!("{name}.{field}")));
        let least = ClientSecrets::parse(&Secret::new(least.to_string())).expect("client secrets");
        assert!(least.project.is_none() && least.redirect_uris.is_empty());
    }
}
