use std::fmt::Write as _;
use std::time::Duration;

use connector_core::ErrorKind;
use proptest::prelude::{ProptestConfig as Config, *};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::*;

const KEYS: &str = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n";

fn config(text: &str) -> Result<Profiles> {
    Profiles::parse(Some((Path::new("/home/a/.aws/config"), text)), None)
}

fn both(config: &str, credentials: &str) -> Profiles {
    Profiles::parse(Some((Path::new("config"), config)), Some((Path::new("credentials"), credentials)))
        .expect("two good files")
}

fn resolve(text: &str, name: &str) -> Result<Resolved> {
    config(text)?.resolve(name)
}

#[test]
fn the_dialect_is_read_as_the_aws_program_reads_it() {
    let text = "\u{feff}# comment\n; comment\n\n[default]\nREGION = us-east-1 # not a comment\noutput:json\r\n\
        [profile \"a b\"]\nregion=eu-west-1\nendpoint_url = http://one\n  two\n\n  three\n# between\n  four\n\
        s3 =\n  addressing_style = path\n\n[profile 'c']junk\n  region = ap-south-1\nwished = x\n\
        [profile d e]\nregion = lost\n[profile \"open]\nregion = lost\n[plain]\nregion = lost\n";
    let profiles = config(text).expect("a good file");
    assert_eq!(profiles.names().collect::<Vec<_>>(), ["a b", "c", "default"]);
    let get =
        |profile: &str, key: &str| profiles.profile(profile).expect(profile).get(key).map(str::to_owned);
    assert_eq!(get("default", "region").as_deref(), Some("us-east-1 # not a comment"));
    assert_eq!(get("default", "output").as_deref(), Some("json"));
    assert_eq!(get("a b", "endpoint_url").as_deref(), Some("http://one\ntwo\n\nthree\nfour"));
    assert_eq!(get("c", "region").as_deref(), Some("ap-south-1"));
    assert_eq!(get("c", "wished"), None);
}

#[test]
fn broken_files_name_file_and_line_and_nothing_else() {
    let huge = "#".repeat((1 << 20) + 1);
    for (text, says) in [
        ("canary = 1\n", "line 1: stands before"),
        ("\n\n  canary\n[default]\n", "line 3: stands before"),
        ("[default]\nregion = x\ncanary\n", "line 3: is neither"),
        ("[default\n", "line 1: stands before"),
        ("[a]\n[]\n", "line 2: is neither"),
        ("[default]\n= canary\n", "line 2: has no key"),
        ("[default]\ncanary = 1\nregion = 2\nCANARY : 2\n", "line 4: repeats the key of line 2"),
        ("[default]\n\n[canary]\n[default]\n", "line 4: repeats the section of line 1"),
        ("[default]\ncanary =\n  a = 1\n  canary\n[x]\n", "line 4: stands under a key"),
        (huge.as_str(), "larger than 1 MiB"),
    ] {
        let error = config(text).expect_err(says);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("/home/a/.aws/config"), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn credentials_lie_over_config_key_by_key() {
    let profiles = both(
        "[profile a]\nregion = us-east-1\noutput = json\n[profile b]\nregion = x\n",
        &format!("[a]\nregion = eu-west-1\n{KEYS}[profile b]\nregion = y\n"),
    );
    let a = profiles.profile("a").expect("a");
    assert_eq!((a.get("region"), a.get("output")), (Some("eu-west-1"), Some("json")));
    assert_eq!(profiles.names().collect::<Vec<_>>(), ["a", "b", "profile b"]);
    // `[profile default]` stands above `[default]`, wherever it is.
    for text in [
        "[default]\nregion=a\n[profile default]\nregion=b\n",
        "[profile default]\nregion=b\n[default]\nregion=a\n",
    ] {
        assert_eq!(config(text).expect("good").profile("default").expect("default").get("region"), Some("b"));
    }
}

#[test]
fn secrets_are_read_as_secrets_and_never_shown() {
    let profiles =
        both("", &format!("[a]\n{KEYS}aws_session_token = canary-token\ncredential_process = canary-run\n"));
    let a = profiles.profile("a").expect("a");
    assert_eq!(a.get("aws_secret_access_key"), None);
    assert_eq!(a.secret("aws_secret_access_key").expect("it is there").expose(), "canary-secret");
    let shown = format!("{profiles:?} {a:?} {:?}", profiles.resolve("a").expect("static keys"));
    assert!(!shown.contains("canary") && !shown.contains("AKIA"), "{shown}");
}

#[test]
fn endpoints_have_their_order() {
    let text = "[profile a]\nendpoint_url = http://all\nservices = local\n\
        [profile b]\nendpoint_url = http://all\n[profile c]\nservices = gone\n[profile d]\nregion = x\n\
        [profile e]\nendpoint_url = http://all\nservices = local\nignore_configured_endpoint_urls = True\n\
        [services local]\nsts =\n  endpoint_url = http://sts\nsecrets_manager =\n  endpoint_url=http://sm\n";
    let profiles = config(text).expect("a good file");
    for (profile, service, url) in [
        ("a", "sts", Some("http://sts")),
        ("a", "secrets_manager", Some("http://sm")),
        ("a", "s3", Some("http://all")),
        ("b", "sts", Some("http://all")),
        ("d", "sts", None),
        ("e", "sts", None),
    ] {
        assert_eq!(profiles.endpoint_url(profile, service).expect("an answer"), url, "{profile} {service}");
    }
    assert!(profiles.endpoint_url("c", "sts").expect_err("no such section").to_string().contains("services"));
    assert_eq!(profiles.endpoint_url("x", "sts").expect_err("no such profile").kind(), ErrorKind::NotFound);
}

/// What kind of identity a profile resolves to, as one word.
fn kind(text: &str) -> &'static str {
    match resolve(text, "p").expect(text).identity {
        Identity::Role(_) => "role",
        Identity::WebIdentity(_) => "web",
        Identity::Sso(_) => "sso",
        Identity::Static(_) => "static",
        Identity::Login(_) => "login",
        Identity::Process(_) => "process",
    }
}

#[test]
fn the_kinds_have_the_order_of_the_aws_program() {
    let role = "role_arn = arn:aws:iam::123456789012:role/r\n";
    let sso = "sso_start_url = https://x\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = r\n";
    let all = format!(
        "[profile p]\ncredential_source = Environment\n{role}web_identity_token_file = /t\n{sso}{KEYS}\
         login_session = l\ncredential_process = /p\n"
    );
    assert_eq!(kind(&all.replace("web_identity_token_file = /t\n", "")), "role");
    assert_eq!(kind(&all), "web");
    let no_role = all.replace(role, "").replace("web_identity_token_file = /t\n", "");
    assert_eq!(kind(&no_role), "sso");
    let no_sso = no_role.replace(sso, "");
    assert_eq!(kind(&no_sso), "login");
    assert_eq!(kind(&no_sso.replace("login_session = l\n", "")), "process");
    assert_eq!(kind(&format!("[profile p]\n{KEYS}")), "static");
    // Keys in the credentials file stand above the process, those in the config file below it.
    let profiles = both("[profile p]\ncredential_process = /p\n", &format!("[p]\n{KEYS}"));
    assert!(matches!(profiles.resolve("p").expect("keys").identity, Identity::Static(_)));
}

#[test]
fn a_role_knows_all_its_settings() {
    let text = format!(
        "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\nregion = eu-west-1\n\
         external_id = ext-1\nmfa_serial = arn:aws:iam::123456789012:mfa/a\nrole_session_name = me\n\
         duration_seconds = 900\nca_bundle = /ca.pem\n[profile base]\n{KEYS}region = us-east-1\n"
    );
    let resolved = resolve(&text, "p").expect("a role");
    assert_eq!(
        (resolved.region.expect("a region").as_str(), resolved.ca_bundle.as_deref()),
        ("eu-west-1", Some("/ca.pem"))
    );
    let Identity::Role(role) = resolved.identity else { panic!("no role") };
    assert_eq!(role.role_arn.as_str(), "arn:aws:iam::123456789012:role/r");
    assert_eq!(role.external_id.expect("an external id").as_str(), "ext-1");
    assert_eq!(role.mfa_serial.expect("a device").as_str(), "arn:aws:iam::123456789012:mfa/a");
    assert_eq!(role.session_name.expect("a name").as_str(), "me");
    assert_eq!(role.duration, Some(Duration::from_secs(900)));
    let RoleSource::Profile { name, identity: Identity::Static(keys), region } = role.source else {
        panic!("no keys")
    };
    assert_eq!((name.as_str(), region.expect("a region").as_str()), ("base", "us-east-1"));
    assert_eq!(keys.secret_access_key.expose(), "canary-secret");
    assert!(keys.session_token.is_none());
}

fn role(name: &str, source: &str) -> String {
    format!("[profile {name}]\nrole_arn = arn:aws:iam::123456789012:role/{name}\n{source}\n")
}

#[test]
fn chains_are_followed_to_their_end() {
    let chain = role("a", "source_profile = b") + &role("b", "source_profile = c") + "[profile c]\n" + KEYS;
    let Identity::Role(a) = resolve(&chain, "a").expect("a chain").identity else { panic!("no role") };
    let RoleSource::Profile { identity: Identity::Role(b), .. } = a.source else { panic!("no second role") };
    assert!(matches!(b.source, RoleSource::Profile { identity: Identity::Static(_), .. }));

    // A profile may name itself when it has keys; behind a role, keys go before a role.
    let own = role("a", "source_profile = a") + KEYS;
    let Identity::Role(a) = resolve(&own, "a").expect("its own keys").identity else { panic!("no role") };
    assert!(matches!(a.source, RoleSource::Profile { identity: Identity::Static(_), .. }));
    let behind = role("b", "source_profile = a") + &own;
    let Identity::Role(b) = resolve(&behind, "b").expect("keys").identity else { panic!("no role") };
    assert!(matches!(b.source, RoleSource::Profile { identity: Identity::Static(_), .. }));
    // Any kind of credentials may stand at the end.
    let process = role("a", "source_profile = b") + "[profile b]\ncredential_process = /p\n";
    let Identity::Role(a) = resolve(&process, "a").expect("a process").identity else { panic!("no role") };
    assert!(matches!(a.source, RoleSource::Profile { identity: Identity::Process(_), .. }));
    for (source, is) in [
        ("Environment", RoleSource::Environment),
        ("Ec2InstanceMetadata", RoleSource::Ec2InstanceMetadata),
        ("EcsContainer", RoleSource::EcsContainer),
    ] {
        let text = role("a", &format!("credential_source = {source}"));
        let Identity::Role(a) = resolve(&text, "a").expect("a source").identity else { panic!("no role") };
        assert_eq!(std::mem::discriminant(&a.source), std::mem::discriminant(&is));
    }
}

#[test]
fn sso_profiles_of_both_forms() {
    let session = "[profile a]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n\
        [sso-session corp]\nsso_start_url = https://corp\nsso_region = eu-west-1\nsso_registration_scopes = a, b\n";
    let Identity::Sso(sso) = resolve(session, "a").expect("sso").identity else { panic!("no sso") };
    assert_eq!((sso.session.as_deref(), sso.start_url.as_str()), (Some("corp"), "https://corp"));
    assert_eq!((sso.region.as_str(), sso.role_name.as_str()), ("eu-west-1", "dev"));
    assert_eq!(sso.registration_scopes, ["a", "b"]);
    let legacy = "[profile a]\nsso_start_url = https://corp\nsso_region = eu-west-1\n\
        sso_account_id = 123456789012\nsso_role_name = dev\n";
    let Identity::Sso(sso) = resolve(legacy, "a").expect("sso").identity else { panic!("no sso") };
    assert_eq!(sso.session, None);
    for (text, says) in [
        (session.replace("[sso-session corp]", "[sso-session other]"), "sso_session"),
        (session.replace("sso_role_name = dev", ""), "lacks sso_role_name"),
        (session.replace("sso_start_url = https://corp", ""), "lacks sso_start_url"),
        (session.replace("sso_session = corp", "sso_session = corp\nsso_region = x"), "sso_region: is not"),
        (legacy.replace("sso_region = eu-west-1", "sso_region = canary canary"), "sso_region: expected"),
    ] {
        let error = resolve(&text, "a").expect_err(says);
        assert!(error.to_string().contains(says) && !error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn incomplete_profiles_say_what_is_missing() {
    let two = role("a", "source_profile = b") + &role("b", "source_profile = a") + KEYS;
    let three =
        role("a", "source_profile = b") + &role("b", "source_profile = c") + &role("c", "source_profile = b");
    let empty = role("a", "source_profile = b") + "[profile b]\nregion = x\n";
    for (text, kind, says) in [
        ("[profile x]\n".to_owned(), ErrorKind::NotFound, "no profile a: there are: x"),
        (String::new(), ErrorKind::NotFound, "there are none"),
        (
            "[profile a]\nregion = us-east-1\n".to_owned(),
            ErrorKind::NotConfigured,
            "profile a holds no credentials",
        ),
        ("[profile a]\naws_access_key_id =\n".to_owned(), ErrorKind::NotConfigured, "holds no credentials"),
        (
            "[profile a]\naws_access_key_id = canary\n".to_owned(),
            ErrorKind::InvalidInput,
            "lacks aws_secret_access_key",
        ),
        (role("a", ""), ErrorKind::InvalidInput, "lacks source_profile or credential_source"),
        (role("a", "source_profile = a"), ErrorKind::InvalidInput, "each other: a -> a"),
        (two.replace(KEYS, ""), ErrorKind::InvalidInput, "each other: a -> b -> a"),
        (three, ErrorKind::InvalidInput, "each other: a -> b -> c -> b"),
        (
            role("a", "source_profile = canary"),
            ErrorKind::InvalidInput,
            "source_profile: names a profile that is not",
        ),
        (empty, ErrorKind::InvalidInput, "a profile without credentials"),
        (
            role("a", "source_profile = b\ncredential_source = Environment"),
            ErrorKind::InvalidInput,
            "only one",
        ),
        (role("a", "credential_source = canary"), ErrorKind::InvalidInput, "credential_source: expected"),
        (
            "[profile a]\nrole_arn = canary\nsource_profile = a\n".to_owned() + KEYS,
            ErrorKind::InvalidInput,
            "role_arn: expected",
        ),
        ("[profile a]\nweb_identity_token_file = /t\n".to_owned(), ErrorKind::InvalidInput, "lacks role_arn"),
        (
            role("a", "web_identity_token_file = /t\nduration_seconds = canary"),
            ErrorKind::InvalidInput,
            "duration_seconds",
        ),
        (
            "[profile a]\nregion = canary canary\n".to_owned() + KEYS,
            ErrorKind::InvalidInput,
            "region: expected",
        ),
    ] {
        let error = resolve(&text, "a").expect_err(says);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

/// C28: a long chain and a file of many short lines are answered.
#[test]
fn c28_hostile_files_are_answered() {
    let mut chain = String::new();
    for at in 0..5000 {
        let _ = write!(chain, "{}", role(&at.to_string(), &format!("source_profile = {}", at + 1)));
    }
    let error = resolve(&chain, "0").expect_err("too long a chain");
    assert!(error.to_string().contains("more than 16 profiles"), "{error}");
    let mut lines = "[a]\nk =\n".to_owned();
    lines.push_str(&" a=1\n".repeat(200_000));
    assert!(config(&lines).is_ok());
    assert!(config(&"[".repeat(1 << 20)).is_err());
    assert!(split_words(&"\"\\".repeat(1 << 19)).is_none());
}

/// C28: a line that goes on with a key costs what the line is long, however long the key is.
#[test]
fn c28_a_long_key_is_not_compared_for_each_line() {
    let key = "k".repeat(1 << 19);
    for lines in [" a=1\n".repeat(1 << 16), "\n".repeat(1 << 18)] {
        assert!(config(&format!("[default]\n{key} =\n{lines}")).is_ok());
    }
    // The last key counts as given, too.
    let error = config("[a]\nk = 1\n go on\nK = 2\n").expect_err("twice");
    assert!(error.message().ends_with("line 4: repeats the key of line 2"), "{error}");
}

/// C28: a message lists some of the profiles of a hostile file.
#[test]
fn c28_not_all_profiles_are_told() {
    let many: String = (0..5000).map(|at| format!("[profile {at}]\n")).collect();
    let long = format!("[profile {}]\n", "p".repeat(1 << 19));
    for text in [many, long] {
        let error = resolve(&text, "nosuch").expect_err("there is none");
        assert!(error.message().len() < 4096, "{} bytes", error.message().len());
    }
}

/// C28, C11: any text is a file or is none; no error quotes it.
#[test]
fn c28_any_file_is_answered() {
    let config = Config { cases: 3000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let line = prop_oneof![
        "\\PC{0,20}",
        "\\[(profile |sso-session |services )?[abc\"' ]{0,4}\\]",
        "(role_arn|source_profile|credential_source|sso_session|sso_role_name|duration_seconds|region) *[=:] *[abc0-9]{0,6}",
        "aws_(access_key_id|secret_access_key|session_token) = canary[0-9]",
        "[ \t]+[a-z_]{0,8}=?canary",
    ];
    let file = proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"));
    TestRunner::new_with_rng(config, rng)
        .run(&(file.clone(), file), |(one, other)| {
            let texts = (Some((Path::new("config"), &*one)), Some((Path::new("credentials"), &*other)));
            let profiles = match Profiles::parse(texts.0, texts.1) {
                Ok(profiles) => profiles,
                Err(error) => {
                    prop_assert!(!format!("{:?}", error).contains("canary"), "{:?}", error);
                    return Ok(());
                }
            };
            let shown = format!("{profiles:?}");
            prop_assert!(!shown.contains("canary"), "{}", shown);
            for name in profiles.names() {
                if let Err(error) = profiles.resolve(name) {
                    prop_assert!(!format!("{:?}", error).contains("canary"), "{:?}", error);
                }
                let _ = profiles.endpoint_url(name, "sts");
            }
            Ok(())
        })
        .expect("an answer, whatever it is");
}
