//! Where the token of an external account comes from.

use std::path::Path;
use std::time::Duration;

use super::*;

fn source(source: Value) -> Result<SubjectSource> {
    ExternalAccount::parse(&Secret::new(external(source).to_string())).map(|it| it.source)
}

#[test]
fn a_file_is_read_as_text_or_json() {
    for (format, expected) in [
        (Value::Null, Format::Text),
        (json!({}), Format::Text),
        (json!({ "type": "text" }), Format::Text),
        (json!({ "type": "json", "subject_token_field_name": "id_token" }), Format::Json("id_token".into())),
    ] {
        let read = source(json!({ "file": "/var/run/token", "format": format }));
        let Ok(SubjectSource::File { path, format }) = read else { panic!("a file") };
        assert_eq!((path.as_path(), format), (Path::new("/var/run/token"), expected));
    }
}

#[test]
fn a_url_has_headers() {
    let url = "https://actions.example.org/token?audience=x";
    let read = source(json!({ "url": url, "headers": { "Authorization": CANARY, "X-Y": "z" } }));
    let Ok(SubjectSource::Url { url: read, headers, format: Format::Text }) = read else { panic!("a URL") };
    assert_eq!(read, url);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, value.expose())).collect();
    assert_eq!(headers, [("Authorization", CANARY), ("X-Y", "z")]);
}

#[test]
fn a_program_has_words_and_a_limit() {
    for (extra, seconds) in [(json!({}), 30), (json!({ "timeout_millis": 5000, "output_file": "/tmp/x" }), 5)]
    {
        let mut program = json!({ "command": "/usr/bin/token --audience 'a b'" });
        program.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let Ok(SubjectSource::Executable(read)) = source(json!({ "executable": program })) else {
            panic!("a program")
        };
        assert_eq!(read.words, ["/usr/bin/token", "--audience", "a b"]);
        assert_eq!(read.timeout, Duration::from_secs(seconds));
    }
}

const AWS: &str = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";

#[test]
fn aws_has_its_urls() {
    let metadata = "http://169.254.169.254/latest";
    let read = source(json!({
        "environment_id": "aws1",
        "region_url": format!("{metadata}/meta-data/placement/availability-zone"),
        "url": format!("{metadata}/meta-data/iam/security-credentials"),
        "regional_cred_verification_url": AWS,
        "imdsv2_session_token_url": format!("{metadata}/api/token"),
    }));
    let Ok(SubjectSource::Aws(read)) = read else { panic!("AWS") };
    assert_eq!(read.verification_url, AWS);
    assert!(read.region_url.is_some_and(|it| it.ends_with("availability-zone")));
    assert!(read.url.is_some_and(|it| it.ends_with("security-credentials")));
    assert!(read.token_url.is_some_and(|it| it.ends_with("api/token")));
    let read = source(json!({ "environment_id": "aws1", "regional_cred_verification_url": AWS }));
    assert!(matches!(read, Ok(SubjectSource::Aws(it)) if it.url.is_none() && it.region_url.is_none()));
}

/// S17: what names no source, or an impossible one.
#[test]
fn s17_each_wrong_source_is_told_why() {
    let aws = |field: &str, value: Value| {
        with(json!({ "environment_id": "aws1", "regional_cred_verification_url": AWS }), field, value)
    };
    let program = |command: &str| json!({ "executable": { "command": command } });
    let file = |format: Value| json!({ "file": "/token", "format": format });
    for (wrong, message, why) in [
        (json!({}), "`credential_source` lacks `file`, `url`, `executable` or `environment_id`", "nothing"),
        (json!({ "hunter2": "hunter2" }), "`credential_source` lacks", "nothing that is known"),
        (json!(CANARY), "a field holds something of another type", "a text"),
        (json!({ "file": "hunter2" }), "`credential_source` `file` is no absolute path", "a relative path"),
        (
            json!({ "file": "../hunter2" }),
            "`credential_source` `file` is no absolute path",
            "a relative path",
        ),
        (json!({ "file": "" }), "`credential_source` `file` is no absolute path", "an empty path"),
        (json!({ "file": "/t", "url": "https://a.b" }), "`credential_source` has more than one of", "two"),
        (json!({ "url": "hunter2" }), "`credential_source` `url` is no http or https URL", "no URL"),
        (json!({ "url": "file:///hunter2" }), "`credential_source` `url` is no http or https URL", "a file"),
        (json!({ "url": "https://a.b/\r\nhunter2" }), "`credential_source` `url` is no http", "two lines"),
        (
            json!({ "url": format!("https://a.b/{}", "x".repeat(2048)) }),
            "`credential_source` `url` is no",
            "too long",
        ),
        (
            file(json!({ "type": "hunter2" })),
            "`credential_source` `format.type`: expected text or json",
            "no format",
        ),
        (
            file(json!({ "type": "json" })),
            "lacks `credential_source.format.subject_token_field_name`",
            "no field",
        ),
        (
            file(json!({ "type": "json", "subject_token_field_name": "" })),
            "`credential_source.format.subject_token_field_name` is empty",
            "an empty field",
        ),
        (json!({ "executable": {} }), "lacks `credential_source.executable.command`", "no command"),
        (
            program("hunter2 --x"),
            "`credential_source` `executable.command` does not begin with an absolute",
            "by PATH",
        ),
        (program(""), "`credential_source` `executable.command` does not begin with an absolute", "no words"),
        (
            program("/bin/x 'hunter2"),
            "`credential_source` `executable.command` has a quote",
            "a quote is open",
        ),
        (
            json!({ "executable": { "command": "/bin/x", "timeout_millis": 4999 } }),
            "`credential_source` `executable.timeout_millis`: expected 5000 to 120000",
            "too short",
        ),
        (
            json!({ "executable": { "command": "/bin/x", "timeout_millis": 120_001 } }),
            "`credential_source` `executable.timeout_millis`: expected 5000 to 120000",
            "too long",
        ),
        (
            aws("environment_id", json!("aws2")),
            "`credential_source` `environment_id` names no version",
            "a version",
        ),
        (
            aws("environment_id", json!("hunter2")),
            "`credential_source` `environment_id` names no version",
            "a cloud",
        ),
        (
            json!({ "environment_id": "aws1" }),
            "lacks `credential_source.regional_cred_verification_url`",
            "nothing is signed",
        ),
        (aws("region_url", json!("hunter2")), "`credential_source` `region_url` is no http", "no URL"),
        (aws("url", json!("hunter2")), "`credential_source` `url` is no http", "no URL"),
        (
            aws("imdsv2_session_token_url", json!("hunter2")),
            "`credential_source` `imdsv2_session_token_url` is",
            "no URL",
        ),
        (
            json!({ "certificate": { "use_default_certificate_config": true } }),
            "`credential_source` certificates (X.509 federation) are not taken",
            "a certificate",
        ),
        (
            json!({ "certificate": { "certificate_config_location": CANARY }, "file": "/t" }),
            "`credential_source` certificates",
            "a certificate beside a file",
        ),
    ] {
        let Err(error) = source(wrong) else { panic!("taken: {why}") };
        assert!(told(&error).starts_with(message), "{why}: {}", told(&error));
    }
}
