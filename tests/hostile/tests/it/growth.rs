//! Inputs on which work that grows with the square of their size takes minutes: a test that hangs is the failure.
//! There is no stopwatch. The sizes are those of the limits: 64 KiB of text, 1 MiB of an answer or a file.

use std::path::Path;

use connector_aws::policy::{Decision, OwnPolicy, Policy, Request, Subset, is_subset};
use connector_aws::profile::{Profiles, split_words};
use connector_core::{Document, Envelope, Registry, SecretRef, parse_duration, parse_time, resolve_secrets};
use connector_hostile::{answers, boundaries, credentials, envelopes, ids, kubeconfigs, tokens};
use serde_json::{Value, json};

const TEXT: usize = 64 * 1024;
const ANSWER: usize = 1024 * 1024;

/// Pieces that readers split at, escape, nest or match.
const PIECES: [&str; 24] = [
    "a", "/", ":", ".", "-", "_", "%", "%2e", "\\", "\"", "[", "{", "*", "?", "${", "{{", " ", "\n", "\r",
    "=", ",", "1s", "é", "\u{200d}",
];

/// C28: 64 KiB of each piece, alone and around what is right.
#[test]
fn c28_texts_of_64_kib_are_answered() {
    for piece in PIECES {
        let run = piece.repeat(TEXT / piece.len());
        for text in [
            run.clone(),
            format!("s3://{run}"),
            format!("arn:aws:s3:::{run}"),
            format!("https://a/{run}"),
            format!("gs://zenfiles/{run}"),
            format!("projects/my-project/{run}"),
            format!("us-docker.pkg.dev/my-project/{run}"),
            format!("az://zenfiles/data/{run}"),
            format!("abfss://{run}@zenfiles.dfs.core.windows.net/"),
            format!("/subscriptions/{run}"),
            format!("zenimages.azurecr.io/{run}"),
        ] {
            ids(&text.as_bytes()[..text.floor_char_boundary(TEXT)]);
        }
        let _ = (parse_duration(&run), parse_time(&run), split_words(&run), Envelope::from_json(&run));
        let _ = (Policy::parse(&run), OwnPolicy::parse(&run), SecretRef::parse(&format!("{{{{{run}}}}}")));
        for words in [run.clone(), format!("\"{run}"), format!("'{run}'")] {
            let _ = split_words(&words);
        }
    }
}

/// C28: brackets nested 100,000 deep are refused, not followed.
#[test]
fn c28_deep_nesting_is_refused() {
    const DEEP: usize = 100_000;
    let lists = "[".repeat(DEEP);
    let objects = "{\"a\":".repeat(DEEP);
    let elements = "<a>".repeat(DEEP);
    for text in [&lists, &objects, &elements] {
        assert!(Envelope::from_json(text).is_err());
        assert!(Policy::parse(text).is_err());
        assert!(serde_json::from_str::<Document>(text).is_err());
    }
    let within = format!("{{\"version\":1,\"public\":{lists}");
    assert!(Envelope::from_json(&within).is_err());
    let policy = format!("{{\"Version\":\"2012-10-17\",\"Statement\":{}", &lists[..TEXT / 2]);
    assert!(Policy::parse(&policy).is_err());
}

/// C28, C11: every flow with an answer of 1 MiB that is garbage, deep, or repeats itself. The bodies judge the errors.
#[test]
fn c28_answers_of_1_mib_are_answered() {
    let given = r#""AccessKeyId":"A","#;
    let bodies = [
        "[".repeat(ANSWER),
        "{\"a\":".repeat(ANSWER / 5),
        "<a>".repeat(ANSWER / 3),
        format!("<AssumeRoleResponse>{}", "<a b='c'/>".repeat(ANSWER / 10)),
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>{}",
            "<AccessKeyId>A</AccessKeyId>".repeat(ANSWER / 28)
        ),
        format!("<a>{}", "&amp;".repeat(ANSWER / 5)),
        format!("<a {}", "b='c' ".repeat(ANSWER / 6)),
        format!("<!DOCTYPE a [{}", "<!ENTITY a \"&a;&a;\">".repeat(ANSWER / 20)),
        format!("{{{}\"a\":1}}", given.repeat(ANSWER / given.len())),
        format!("\"{}", "\\u0041".repeat(ANSWER / 6)),
        format!("{{\"__type\":\"{}", "#".repeat(ANSWER)),
        format!("<Code>{}", "<Code>".repeat(ANSWER / 6)),
        format!("{{\"clusters\":[{}\"a\"],\"nextToken\":\"x\"}}", "\"a\",".repeat(ANSWER / 4)),
        format!("{{\"access_token\":\"{}\"}}", "a".repeat(ANSWER)),
        format!("{{\"error\":{{\"details\":[{}{{}}]}}}}", "{\"reason\":\"a\"},".repeat(ANSWER / 15)),
        format!("{{\"error\":\"invalid_grant\",\"error_description\":\"{}\"}}", "jwt ".repeat(ANSWER / 4)),
        "> x-amzn-errortype: a\n".repeat(2000),
        format!("{{\"error\":\"x\",\"error_description\":\"{}\"}}", "AADSTS".repeat(ANSWER / 6)),
        format!("{{\"value\":[{}{{}}]}}", "{\"id\":\"a\"},".repeat(ANSWER / 11)),
        format!("<EnumerationResults><Containers>{}", "<Container><Name>a".repeat(ANSWER / 18)),
    ];
    for body in &bodies {
        // A method of each form of answer, and each status that is read in a way of its own.
        for choice in [
            "0000", "0006", "8110", "8200", "8300", "8400", "8510", "4000", "5000", "6000", "7000", "8201",
            "8121", ";100", ";001", "A100", "A110", "A113", "B100", "C000", "C002", "C110", "C223", "F000",
            "G000", "I000", "L000",
        ] {
            connector_hostile::answers_of_any_size(choice.as_bytes(), body);
        }
        // A token, and then a list or what is made of it.
        for choice in [";110", ";310", "<100", "C110", "C200", "C510", "C600"] {
            let both = format!("{{\"access_token\":\"t\",\"expires_in\":3600}}\n---\n{body}");
            connector_hostile::answers_of_any_size(choice.as_bytes(), &both);
        }
        tokens_of(body);
    }
}

fn tokens_of(body: &str) {
    tokens(format!("0{}", &body[..body.floor_char_boundary(TEXT - 1)]).as_bytes());
    answers(format!("7000{}", &body[..body.floor_char_boundary(TEXT - 4)]).as_bytes());
    envelopes(&body.as_bytes()[..body.floor_char_boundary(TEXT)]);
}

/// C28: configuration files of 1 MiB: many sections, many keys, one long key with many lines, a chain of thousands.
#[test]
fn c28_files_of_1_mib_are_answered() {
    use std::fmt::Write as _;
    let half = "k".repeat(ANSWER / 2);
    let mut sections = String::new();
    let mut chain = String::new();
    for at in 0..20_000 {
        let _ = write!(sections, "[profile {at}]\nregion = x\n");
        let _ = write!(chain, "[{at}]\nrole_arn=r\nsource_profile={}\n", at + 1);
    }
    let mut keys = "[default]\n".to_owned();
    (0..100_000).for_each(|at| keys.push_str(&format!("{at}=1\n")));
    let files = [
        sections,
        chain,
        keys,
        // Each line that goes on with the key once compared it.
        format!("[default]\n{half} =\n{}", " a=\n".repeat(ANSWER / 8)),
        format!("[default]\n{half} = 1\n{}", " \n".repeat(ANSWER / 4)),
        format!("[{half}]\nregion = x\n"),
        format!("[profile \"{}\"]\nregion = x\n", "\\\"".repeat(ANSWER / 4)),
        "[".repeat(ANSWER),
        "\r".repeat(ANSWER),
        format!("[a]\nk = v\n{}", " \u{3000}x\n".repeat(ANSWER / 8)),
    ];
    for text in &files {
        let place = Path::new("config");
        let Ok(profiles) = Profiles::parse(Some((place, text)), Some((place, text))) else { continue };
        for name in ["default", "0", "nosuch"] {
            if let Err(error) = profiles.resolve(name) {
                assert!(error.message().len() < 4096, "an error of {} bytes", error.message().len());
            }
        }
    }
    assert!(Profiles::parse(Some((Path::new("config"), &"a".repeat(ANSWER + 1))), None).is_err());
}

/// C28: a pattern of STS's size on a text of an ARN's, in the worst ways to match.
#[test]
fn c28_patterns_are_matched_without_backtracking_to_the_start() {
    let policy = |pattern: &str| {
        let document = json!({ "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": pattern, "Resource": pattern }] });
        Policy::parse(&document.to_string()).expect("a policy")
    };
    for pattern in ["*a", "a*", "*?", "?*a", "*:", "${a}", "*a*b"] {
        let narrow = policy(&format!("{}b", pattern.repeat(2000 / pattern.len())));
        let wide = policy(&format!("{}c", pattern.repeat(2000 / pattern.len())));
        let text = "a".repeat(2000);
        assert_ne!(narrow.allows(&Request::new(&text, &text)), Decision::Allowed);
        assert_ne!(is_subset(&narrow, &wide), Subset::Yes, "{pattern}");
    }
    // As many statements as there is room for.
    let one = r#"{"Effect":"Allow","Action":"a:b","Resource":"*"},"#;
    let many = one.repeat(8 * 1024 / one.len());
    let document = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", many.trim_end_matches(','));
    let many = Policy::parse(&document).expect("a policy");
    assert_eq!(is_subset(&many, &many), Subset::Yes);
    assert!(Policy::parse(&" ".repeat(TEXT + 1)).is_err(), "larger ones are refused unread");
}

/// C28: configs of 1 MiB: many unknown keys, a list of many items, a long key over many values, many references.
#[test]
fn c28_configs_of_1_mib_are_answered() {
    let registry = Registry::linked().expect("the linked crates agree");
    let cx = connector_core::Context::detached(connector_core::VirtualClock::default());
    let long = "k".repeat(ANSWER / 2);
    let zeros: Vec<Value> = vec![json!("{{.a}}"); ANSWER / 16];
    let unknown: serde_json::Map<_, _> =
        (0..ANSWER / 16).map(|at| (format!("{at:06x}"), Value::Null)).collect();
    let configs = [
        Value::Object(unknown),
        json!({ "region": "eu-west-1", "role_arn": vec![""; ANSWER / 8] }),
        json!({ "region": "eu-west-1", "role_arn": "arn:aws:iam::123456789012:role/a", "policy_arns": vec!["x"; ANSWER / 8] }),
        json!({ "region": "a".repeat(ANSWER) }),
        json!({ long.clone(): zeros }),
        json!({ "policy": { long: {} } }),
        json!({ "region": "eu-west-1", "role_arn": zeros }),
    ];
    for config in configs {
        let config = config.as_object().cloned().expect("an object");
        let document = Document::draft("ours", "aws", "iam-role", config.clone());
        let error = registry.check(&document, &cx).expect_err("none of them fits");
        let told: usize = error.field_problems().iter().map(|it| it.field.len() + it.message.len()).sum();
        assert!(told < TEXT, "{told} bytes of faults");
        let _ = (registry.references(&document), resolve_secrets(&config, &mut |_| Some(String::new())));
    }
}

/// C28: every length of a good envelope that is cut, and every byte of it that is another one.
#[test]
fn c28_a_cut_or_spoiled_envelope_is_answered() {
    let good = include_bytes!("../../seeds/envelopes/aws");
    for at in 0..good.len() {
        envelopes(&good[..at]);
        let mut spoiled = good.to_vec();
        spoiled[at] ^= 0x20;
        envelopes(&spoiled);
    }
}

/// C28: kubeconfigs of 64 KiB: deep, with aliases of aliases, with thousands of entries, one long name.
#[test]
fn c28_kubeconfigs_of_64_kib_are_answered() {
    use std::fmt::Write as _;
    let mut doubling = "a0: &a0 [x]\n".to_owned();
    for at in 1..1000 {
        let _ = writeln!(doubling, "a{at}: &a{at} [*a{0}, *a{0}]", at - 1);
    }
    let (mut contexts, mut users) = ("contexts:\n".to_owned(), "users:\n".to_owned());
    for at in 0..1000 {
        let _ = writeln!(contexts, "- {{name: c{at}, context: {{cluster: c{at}, user: c{at}}}}}");
        let _ = writeln!(users, "- {{name: c{at}, user: {{token: t}}}}");
    }
    let long = "k".repeat(TEXT / 2);
    for text in [
        doubling,
        format!("{contexts}{users}current-context: c999\n"),
        format!("current-context: {long}\n"),
        format!("? {long}\n: {}", "- ".repeat(1000)),
        "[".repeat(TEXT),
        "{a: ".repeat(TEXT / 4),
        "- ".repeat(TEXT / 2),
        "a:\n ".repeat(TEXT / 4),
        "\"\\".repeat(TEXT / 2),
        "&a ".repeat(TEXT / 3),
        "!a ".repeat(TEXT / 3),
        "\u{85}\u{2028}".repeat(TEXT / 5),
    ] {
        kubeconfigs(&text.as_bytes()[..text.floor_char_boundary(TEXT)]);
    }
}

/// C28: credential files of 64 KiB: deep, within each other, with long fields, many fields, words without end.
#[test]
fn c28_credential_files_of_64_kib_are_answered() {
    let within = r#"{"type":"impersonated_service_account","source_credentials":"#;
    let external = |source: &str| {
        format!(
            r#"{{"type":"external_account","audience":"//iam.x","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token","credential_source":{source}}}"#
        )
    };
    let key = |pem: &str| {
        format!(
            r#"{{"type":"service_account","client_email":"a@b.iam.gserviceaccount.com","private_key":"{pem}"}}"#
        )
    };
    let long = "k".repeat(TEXT / 2);
    for text in [
        within.repeat(TEXT / within.len()),
        format!("{{\"type\":\"service_account\",\"credential_source\":{}", "[".repeat(TEXT / 2)),
        format!("{{{}\"type\":\"authorized_user\"}}", "\"type\":\"a\",".repeat(TEXT / 20)),
        key(&"\\n".repeat(TEXT / 4)),
        key(&format!(
            "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----",
            "TUlJ".repeat(TEXT / 8)
        )),
        key(&"-----BEGIN PRIVATE KEY-----\\n".repeat(TEXT / 40)),
        external(&format!(r#"{{"executable":{{"command":"/{}"}}}}"#, "a ".repeat(TEXT / 4))),
        external(&format!(r#"{{"executable":{{"command":"/{}"}}}}"#, "'\\\\".repeat(TEXT / 8))),
        external(&format!(r#"{{"file":"/{long}"}}"#)),
        external(&format!(r#"{{"url":"https://{long}"}}"#)),
        "e30=\n".repeat(TEXT / 5),
        "ey\u{feff}".repeat(TEXT / 5),
        "=".repeat(TEXT),
        format!(
            "{{\"installed\":{{\"redirect_uris\":[{}\"\"]}}}}",
            "\"http://localhost:\",".repeat(TEXT / 24)
        ),
    ] {
        credentials(&text.as_bytes()[..text.floor_char_boundary(TEXT)]);
    }
}

/// C28: parts of buckets of a key's size, in which everything has to be escaped; objects of 16 KiB.
#[test]
fn c28_boundaries_of_long_parts_are_answered() {
    for piece in ["'", "\\", "a/", "\\'", "' || ", "é", "("] {
        let part = piece.repeat(1000 / piece.len());
        let object = piece.repeat(TEXT / 4 / piece.len());
        boundaries(format!("data\n---\n{part}\n---\n{object}\n---\ndata2").as_bytes());
        boundaries(format!("data\n---\n{part}/\n---\n{part}\n---\n{object}").as_bytes());
    }
}
