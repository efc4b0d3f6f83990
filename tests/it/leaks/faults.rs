//! Faults of the other side: answers that echo secrets, that are garbage, or that never come.

use connector_tests::fault::Fault;
use connector_tests::loopback::Answer;
use connector_tests::process;

use super::watch::Watch;

const BUCKET: [&str; 4] = ["--resource-type", "s3-bucket", "--resource-id", "data"];

/// Every command that calls the provider, in both forms of errors.
fn ask_everything(watch: &Watch) {
    for command in [&["verify", "data"][..], &["issue", "data"], &["env", "data"], &["helper", "aws", "data"]]
    {
        // Another life each time: nothing is answered from the cache.
        for life in ["20m", "25m"] {
            let form = if life == "20m" { "table" } else { "json" };
            let arguments = [command, &BUCKET, &["--timeout", "1s", "-o", form]].concat();
            let asked = if command[0] == "verify" {
                arguments
            } else {
                [&arguments[..], &["--duration", life]].concat()
            };
            watch.cli.run(&asked);
        }
    }
    watch.cli.run(&["list-resources", "--connector", "data", "--timeout", "1s"]);
    watch.cli.run(&["explain", "data", "--trust-policy", "--timeout", "1s"]);
    watch.cli.run(&["doctor", "data", "--timeout", "1s"]);
}

/// C11, C10: whatever the provider puts into its answer, in a text, a code, an id or a header, is not quoted.
#[test]
fn c11_c10_a_provider_that_echoes_secrets_is_not_quoted() {
    let query = |code: &str, message: &str, id: &str| {
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
        )
    };
    let of_s3 = |code: &str, message: &str| {
        format!("<Error><Code>{code}</Code><Message>{message}</Message><HostId>{message}</HostId></Error>")
    };
    let mints = |end: &str| {
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey><SessionToken>SECRET\
             </SessionToken><Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
    };
    let answers = [
        (403, "text/xml", query("AccessDenied", "your key SECRET is wrong", "1")),
        (403, "text/xml", query("SECRET", "SECRET", "SECRET")),
        (400, "text/xml", query("ValidationError", "Value 'SECRET' at 'x'", "SECRET")),
        (403, "application/xml", of_s3("SECRET", "SECRET")),
        (500, "application/json", r#"{"message": "SECRET", "__type": "SECRET"}"#.to_owned()),
        (502, "text/html", "<html>SECRET</html>".to_owned()),
        (200, "text/html", "<html>SECRET</html>".to_owned()),
        (200, "text/xml", mints("SECRET")),
        (200, "text/xml", mints("2001-01-01T00:00:00Z")),
        (200, "text/xml", mints("2099-01-01T00:00:00Z").replace("</SessionToken>", "<")),
    ];
    for (status, kind, body) in answers {
        let watch = Watch::new();
        let alice = watch.user("alice");
        watch.role_connector(&alice);
        let secret = &alice.secret_access_key;
        let answer = Answer::new(status, kind, body.replace("SECRET", secret))
            .with_header("x-amzn-requestid", secret.as_str())
            .with_header("x-amzn-errortype", secret.as_str())
            .with_header("location", format!("{}/{secret}", watch.server.url()))
            .with_header("www-authenticate", secret.as_str());
        watch.server.faults().always(Fault::Answer(answer));
        ask_everything(&watch);
        assert!(watch.server.calls().count() > 4, "it is asked");
        let leaks = watch.leaks();
        assert!(leaks.is_empty(), "{status}, {body}: {leaks:#?}");
    }
}

/// C10, C11: nor is anything shown when the answer is cut off, is garbage, or never comes.
#[test]
fn c10_c11_a_provider_that_fails_makes_nothing_show() {
    for fault in [
        Fault::Truncated,
        Fault::GarbageBody,
        Fault::ClosedConnection,
        Fault::NeverAnswers,
        Fault::WrongContentType,
        Fault::Status(503, None),
        Fault::DateSkew(7200),
    ] {
        let watch = Watch::new();
        let alice = watch.user("alice");
        watch.role_connector(&alice);
        watch.server.faults().always(fault);
        ask_everything(&watch);
        watch.assert_clean();
    }
}

/// C10: a key that the provider does not know, and one that is wrong.
#[test]
fn c10_a_wrong_key_is_not_quoted() {
    let watch = Watch::new();
    let mut alice = watch.user("alice");
    watch.role_connector(&alice);
    alice.secret_access_key = connector_tests::random::secret(40);
    watch.watch_keys(super::watch::Class::Kept, "nobody", &alice);
    let config = watch.config(&alice);
    for form in ["table", "json"] {
        let refused = watch.register("wrong", "session-token", &config, &["-o", form]);
        assert!(!refused.success(), "{refused:?}");
        let update: Vec<&str> =
            ["update", "data", "-o", form].into_iter().chain(config.iter().map(String::as_str)).collect();
        assert!(!watch.cli.run(&update).success());
    }
    watch.assert_clean();
}

/// C10: an output that cannot be written, or that nobody reads, ends the program without a word of the credential.
#[cfg(target_os = "linux")]
#[test]
fn c10_an_output_that_breaks_shows_nothing_elsewhere() {
    let watch = Watch::new();
    let alice = watch.user("alice");
    watch.role_connector(&alice);
    for (command, broken) in
        [("issue", "> /dev/full"), ("env", "> /dev/full"), ("issue", ">&-"), ("env", "| true")]
    {
        let mut shell = watch.cli.command(&[]);
        let program = watch.cli.binary().display().to_string();
        let line = format!("exec 3>&2; {program} {command} data {} -o json {broken}", BUCKET.join(" "));
        let variables: Vec<_> =
            shell.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        shell = process::isolated("/bin/sh", &watch.cli.home());
        for (name, value) in variables {
            shell.env(name, value.unwrap_or_default());
        }
        let ended = watch.cli.keep(process::run(shell.args(["-c", &line])));
        assert!(ended.stdout.is_empty(), "{ended:?}");
    }
    watch.assert_clean();
}
