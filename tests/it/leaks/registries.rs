//! Connectors of registries, through whole lives and through faults: docker knows nothing that ends, so that its own
//! helper gets what is kept, and nobody else does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::canary::Canary;
use connector_tests::fault::Fault;
use connector_tests::loopback::{Answer, Call, Loopback};
use connector_tests::process::{self, Finished};
use serde_json::json;

use super::watch::{Class, Watch};

/// How a registry is logged in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Password,
    IdentityToken,
}

impl Method {
    fn id(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::IdentityToken => "identity-token",
        }
    }

    fn config(self, watch: &Watch, server: &Loopback, secret: &str) -> Vec<String> {
        let registry = format!("registry={}", server.address());
        match self {
            Self::Password => vec![registry, "username=alice".to_owned(), watch.given("password", secret)],
            Self::IdentityToken => vec![registry, watch.given("identity_token", secret)],
        }
    }
}

/// A registry with a token service, which knows `secrets` as passwords of alice and as refresh tokens, and answers with
/// the token `bearer`.
fn registry(secrets: Vec<String>, bearer: String) -> Loopback {
    Loopback::start(move |call: &Call| {
        let shown = call.header("authorization").unwrap_or_default().to_owned();
        let is_known = |it: &&String| {
            shown == format!("Basic {}", STANDARD.encode(format!("alice:{it}")))
                || call.form().iter().any(|(name, value)| name == "refresh_token" && value == *it)
        };
        match call.path.as_str() {
            "/token" if secrets.iter().any(|it| is_known(&it)) => {
                Answer::json(200, &json!({ "token": bearer, "access_token": bearer, "expires_in": 300 }))
            }
            "/token" => Answer::json(401, &json!({ "details": "incorrect username or password" })),
            "/v2/" if shown == format!("Bearer {bearer}") => Answer::json(200, &json!({})),
            "/v2/" => {
                let host = call.header("host").unwrap_or_default();
                let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"ours\"");
                let error =
                    json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "authentication required" }] });
                Answer::json(401, &error).with_header("www-authenticate", challenge)
            }
            _ => Answer::json(404, &json!({ "errors": [{ "code": "NAME_UNKNOWN" }] })),
        }
    })
}

/// A harness with docker's helper in PATH.
pub(super) fn watch() -> Watch {
    Watch::with(|cli| {
        let bin = cli.home().join("bin");
        std::fs::create_dir(&bin).expect("the home is ours");
        std::os::unix::fs::symlink(cli.binary(), bin.join("docker-credential-connector"))
            .expect("the home is ours");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        cli.with_env("PATH", path)
    })
}

fn register(watch: &Watch, method: Method, config: &[String], more: &[&str]) -> Finished {
    let mut arguments = vec!["register", "ours", "--type", "docker", "--auth-method", method.id()];
    arguments.extend(config.iter().map(String::as_str));
    arguments.extend(more);
    watch.cli.run(&arguments)
}

/// Docker's own helper, as docker calls it.
pub(super) fn helper(watch: &Watch, verb: &str, input: &str) -> Finished {
    let own = watch.cli.command(&[]);
    let mut command =
        process::isolated(watch.cli.home().join("bin/docker-credential-connector"), &watch.cli.home());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).arg(verb);
    watch.cli.keep(process::run_with_input(&mut command, input.as_bytes()))
}

fn use_everything(watch: &Watch, host: &str, hands_out: bool) {
    let cli = &watch.cli;
    for looking in
        [&["verify", "ours"][..], &["list"], &["describe", "ours"], &["list-resources"], &["audit"]]
    {
        cli.ok(looking);
        cli.json(looking);
    }
    cli.ok(&["-vvv", "verify", "ours"]);
    for form in ["table", "json", "yaml"] {
        let issued = cli.run(&["issue", "ours", "-o", form]);
        assert_eq!(issued.success(), hands_out, "{issued:?}");
        cli.run(&["explain", "ours", "-o", form]);
    }
    for format in ["sh", "fish", "powershell", "dotenv", "json"] {
        cli.run(&["env", "ours", "--format", format]);
    }
    let target = watch.recorder("exec-target", "", 0);
    let target = target.to_str().expect("a temporary path is text");
    cli.run(&["exec", "ours", "--", target, "an argument"]);
    cli.ok(&["helper", "docker", "ours"]);
    helper(watch, "get", host).expect_code(1);
    for taken_back in [&["undo"][..], &["logout", "ours"]] {
        cli.json(&["login", "ours", "--resource-type", "docker-registry"]);
        cli.ok(&["login", "ours", "--resource-type", "docker-registry"]);
        helper(watch, "get", host).expect_success();
        cli.json(taken_back);
    }
    let refused = cli.run(&["login", "ours", "--resource-type", "docker-registry", "--static"]);
    assert!(!refused.success(), "it does not end: {refused:?}");
    cli.ok(&["login", "ours", "--resource-type", "docker-registry"]);
    for verb in ["get", "get", "list", "erase", "version", "bogus"] {
        helper(watch, verb, host);
    }
    helper(watch, "get", "other.test").expect_code(1);
}

/// S31, C1, C10, invariant 1: a stored login goes to docker's own helper call, and to nothing else unless its owner
/// says so; then where it is asked for. What the registry's token service answers goes to nobody.
#[test]
fn s31_c1_c10_a_registrys_login_shows_in_dockers_own_helper_alone() {
    for method in [Method::Password, Method::IdentityToken] {
        for (class, more) in [(Class::Lent, &[][..]), (Class::Issued, &["--allow", "long-lived"])] {
            let watch = watch();
            let names = ["the login", "the next login", "a login that is refused", "the registry's token"];
            let [login, next, refused, bearer] = names.map(Canary::generate);
            let known = [&login, &next].map(|it| it.secret().to_owned()).to_vec();
            let server = registry(known, bearer.secret().to_owned());
            let host = server.address().to_string();
            let config = method.config(&watch, &server, login.secret());
            register(&watch, method, &config, more).expect_success();
            watch.watch_key_file();
            use_everything(&watch, &host, class == Class::Issued);

            let secret_of =
                |canary: &Canary| method.config(&watch, &server, canary.secret()).pop().expect("the secret");
            watch.cli.ok(&["update", "ours", &secret_of(&next)]);
            let answer = helper(&watch, "get", &host).expect_success().json();
            assert_eq!(answer["Secret"], next.secret(), "not the old one, from a cache");
            watch.cli.fails(4, &["update", "ours", &secret_of(&refused)]);
            // Docker stores what it was given again, which this helper does not keep.
            let stored = json!({ "ServerURL": host, "Username": "alice", "Secret": refused.secret() });
            helper(&watch, "store", &stored.to_string());
            watch.cli.run(&["logout", "ours"]);
            watch.cli.ok(&["rename", "ours", "renamed"]);
            watch.cli.ok(&["disable", "renamed"]);
            watch.cli.fails(5, &["helper", "docker", "renamed"]);
            watch.cli.ok(&["enable", "renamed"]);
            watch.cli.ok(&["cache", "clear"]);
            watch.cli.ok(&["delete", "renamed"]);
            watch.cli.json(&["audit"]);

            assert!(server.calls().all().iter().any(|it| it.path == "/token"), "the token service is asked");
            for (class, canary) in
                [(class, login), (class, next), (Class::Kept, refused), (Class::Kept, bearer)]
            {
                watch.watch(class, canary);
            }
            watch.assert_clean();
            let used = watch.used_sinks();
            assert!(used.contains(&"the answer of docker's own helper"), "{used:?}");
            assert_eq!(used.contains(&"the answer of `issue -o json`"), class == Class::Issued, "{used:?}");
        }
    }
}

/// Every command that calls the registry, in both forms of errors.
fn ask_everything(watch: &Watch, host: &str) {
    for form in ["table", "json"] {
        for command in
            [&["verify", "ours"][..], &["list-resources", "--connector", "ours"], &["issue", "ours"]]
        {
            watch.cli.run(&[command, &["--timeout", "1s", "-o", form]].concat());
        }
        let one = ["--resource-type", "docker-registry", "--within", "team/app"];
        watch.cli.run(&[&["verify", "ours"][..], &one, &["--timeout", "1s", "-o", form]].concat());
    }
    watch.cli.run(&["helper", "docker", "ours", "--timeout", "1s"]);
    helper(watch, "get", host);
}

/// C11, C10: a registry or a token service that echoes the login, answers garbage or too much, points elsewhere or never
/// answers.
#[test]
fn c11_c10_a_registry_that_fails_or_echoes_makes_nothing_show() {
    let login = Canary::generate("the login");
    let secret = login.secret();
    let errors = |code: &str| json!({ "errors": [{ "code": code, "message": secret, "detail": secret }] });
    let echo = |status: u16, body: &serde_json::Value| {
        let answer = Answer::json(status, body).with_header("x-request-id", secret);
        answer.with_header("docker-distribution-api-version", secret)
    };
    let challenge = |text: String| echo(401, &errors("UNAUTHORIZED")).with_header("www-authenticate", text);
    let faults = [
        Fault::Answer(echo(401, &errors("UNAUTHORIZED"))),
        Fault::Answer(challenge(secret.to_owned())),
        Fault::Answer(challenge(format!("Basic realm=\"{secret}\""))),
        Fault::Answer(challenge(format!(
            "Bearer realm=\"http://127.0.0.1:1/{secret}\",service=\"{secret}\""
        ))),
        Fault::Answer(challenge(format!("Bearer realm=\"{secret}\",error=\"{secret}\""))),
        Fault::Answer(challenge(format!("{secret} realm=\"x\""))),
        Fault::Answer(echo(403, &errors(secret))),
        Fault::Answer(echo(404, &errors(secret))),
        Fault::Answer(echo(429, &errors("TOOMANYREQUESTS")).with_header("retry-after", secret)),
        Fault::Answer(echo(500, &errors(secret))),
        Fault::Answer(echo(200, &json!({ "token": [secret], "access_token": secret }))),
        Fault::Answer(Answer::new(200, "text/html", format!("<html>{secret}</html>"))),
        Fault::Answer(Answer::empty(307).with_header("location", format!("http://127.0.0.1:1/{secret}"))),
        Fault::Answer(Answer::json(401, &json!({ "errors": "x".repeat(8 << 20) }))),
        Fault::GarbageBody,
        Fault::Truncated,
        Fault::ClosedConnection,
        Fault::NeverAnswers,
        Fault::WrongContentType,
    ];
    for method in [Method::Password, Method::IdentityToken] {
        let watch = watch();
        watch.watch(Class::Lent, Canary::of("the login", secret));
        let bearer = Canary::generate("the registry's token");
        let server = registry(vec![secret.to_owned()], bearer.secret().to_owned());
        watch.watch(Class::Kept, bearer);
        let host = server.address().to_string();
        let config = method.config(&watch, &server, secret);
        register(&watch, method, &config, &[]).expect_success();
        watch.cli.ok(&["login", "ours", "--resource-type", "docker-registry"]);
        // The registry itself answers so, or its token service alone.
        let path = if method == Method::Password { "/" } else { "/token" };
        for fault in &faults {
            server.faults().clear();
            server.faults().on(None, fault.clone(), move |call| call.path.starts_with(path));
            ask_everything(&watch, &host);
        }
        watch.assert_clean();
    }
}
