//! The server is proved with the real `kubectl`: what it accepts, sends and reports.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;
use crate::clock;
use crate::fault::Fault;
use crate::install::{self, Kubectl};
use crate::keys::Keys;
use crate::process::{self, Finished};
use crate::strict_aws::{ACCOUNT, StrictAws};

/// A server, and the real `kubectl` with a home of its own.
struct Setting {
    server: StrictKubernetes,
    kubectl: Kubectl,
    home: TempDir,
}

impl Setting {
    fn new() -> Self {
        Self::with(install::kubectl().expect("kubectl"))
    }

    fn with(kubectl: Kubectl) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        Self { server: StrictKubernetes::start(), kubectl, home }
    }

    fn write(&self, kubeconfig: &str) -> PathBuf {
        let path = self.home.path().join(format!("config-{}", random::token(8)));
        fs::write(&path, kubeconfig).expect("a file");
        path
    }

    fn command(&self, login: &Login, arguments: &[&str]) -> Command {
        let kubeconfig = self.write(&self.server.kubeconfig(login));
        let mut command = self.kubectl.command(self.home.path(), &kubeconfig);
        command.args(arguments);
        command
    }

    fn run(&self, login: &Login, arguments: &[&str]) -> Finished {
        process::run(&mut self.command(login, arguments))
    }

    /// A user that may read pods in `default`, with a token.
    fn reader(&self) -> Login {
        self.server.allow(
            Rule::for_user("reader").in_namespace("default").may(&["get", "list", "watch"], &["pods"]),
        );
        Login::Token(self.server.add_token("reader", &["team-a"]))
    }

    fn admin(&self) -> Login {
        Login::Token(self.server.add_token("admin", &["system:masters"]))
    }
}

/// kubectl must have failed and said this.
#[track_caller]
fn refused(finished: &Finished, words: &str) {
    let text = finished.stderr_text();
    assert!(finished.code.is_some_and(|code| code != 0) && text.contains(words), "{words} in {finished:?}");
}

const UNAUTHORIZED: &str = "You must be logged in to the server";

#[test]
fn a_token_reads_what_it_may_and_no_more() {
    let setting = Setting::new();
    let reader = setting.reader();
    setting.server.add_pod("default", "first");
    setting.server.add_pod("other", "hidden");

    let version = setting.run(&reader, &["version", "-o", "json"]).expect_success().json();
    assert_eq!(version["serverVersion"]["gitVersion"], "v1.32.4");
    let pods = setting.run(&reader, &["get", "pods"]).expect_success().stdout_text();
    assert!(pods.contains("first") && !pods.contains("hidden"), "{pods}");
    let pod = setting.run(&reader, &["get", "pod", "first", "-o", "json"]).expect_success().json();
    assert_eq!(pod["kind"], "Pod");
    refused(&setting.run(&reader, &["get", "pod", "second"]), "pods \"second\" not found");
    refused(
        &setting.run(&reader, &["get", "pods", "-A"]),
        "pods is forbidden: User \"reader\" cannot list resource \"pods\" in API group \"\" at the cluster scope",
    );
    refused(
        &setting.run(&reader, &["get", "secrets"]),
        "secrets is forbidden: User \"reader\" cannot list resource \"secrets\" in API group \"\" in the namespace \
         \"default\"",
    );
    refused(&setting.run(&reader, &["get", "--raw", "/metrics"]), "cannot get path \"/metrics\"");
    let all = setting.run(&setting.admin(), &["get", "pods", "-A", "-o", "name"]).expect_success();
    assert_eq!(all.stdout_text(), "pod/first\npod/hidden\n");
    let names = setting.run(&setting.admin(), &["get", "ns"]).expect_success().stdout_text();
    assert!(names.contains("default"), "{names}");
    assert_eq!(setting.server.count("GET", "/api/v1/pods", Some("reader")), 1);
    assert_eq!(setting.server.count("GET", "/api/v1/pods", Some("admin")), 1);
}

#[test]
fn credentials_that_do_not_hold_are_told_apart() {
    let setting = Setting::new();
    let server = &setting.server;
    let reader = setting.reader();
    let Login::Token(token) = &reader else { panic!("a token") };
    let ends = Login::Token(server.add_token_for("reader", &[], Duration::from_secs(60)));
    setting.run(&ends, &["get", "pods"]).expect_success();
    server.advance(Duration::from_secs(60));
    refused(&setting.run(&ends, &["get", "pods"]), UNAUTHORIZED);
    refused(&setting.run(&Login::Token("unknown".to_owned()), &["get", "pods"]), UNAUTHORIZED);
    setting.run(&reader, &["get", "pods"]).expect_success();
    server.revoke(token);
    refused(&setting.run(&reader, &["get", "pods"]), UNAUTHORIZED);
    assert!(server.count("GET", "/api/v1/namespaces/default/pods", None) >= 3);

    // A password is no credential since 1.19: who shows one is as anonymous as who shows nothing.
    let password = Login::Password("reader".to_owned(), "password".to_owned());
    setting.run(&password, &["get", "--raw", "/version"]).expect_success();
    let pods = setting.run(&password, &["get", "--raw", "/api/v1/namespaces/default/pods"]);
    refused(&pods, "User \"system:anonymous\" cannot list resource \"pods\"");
    server.refuse_anonymous();
    refused(&setting.run(&password, &["get", "--raw", "/version"]), UNAUTHORIZED);
    server.add_password("reader", "password", &[]);
    setting.run(&password, &["get", "pods"]).expect_success();
    let wrong = Login::Password("reader".to_owned(), "wrong".to_owned());
    refused(&setting.run(&wrong, &["get", "pods"]), UNAUTHORIZED);
}

#[test]
fn client_certificates_say_who_calls() {
    let setting = Setting::new();
    let server = &setting.server;
    server.allow(Rule::for_group("readers").may(&["list"], &["pods"]));
    let certificate = server.add_certificate("carol", Some("readers"), Duration::from_secs(3600));
    let carol = Login::Certificate(certificate.clone());
    setting.run(&carol, &["get", "pods", "-A"]).expect_success();
    assert_eq!(server.count("GET", "/api/v1/pods", Some("carol")), 1);
    let other =
        StrictKubernetes::start().add_certificate("carol", Some("readers"), Duration::from_secs(3600));
    refused(&setting.run(&Login::Certificate(other), &["get", "pods", "-A"]), UNAUTHORIZED);
    server.advance(Duration::from_secs(3601));
    refused(&setting.run(&carol, &["get", "pods", "-A"]), UNAUTHORIZED);
}

#[test]
fn the_servers_certificate_is_what_the_test_says() {
    let setting = Setting::new();
    let server = &setting.server;
    let anyone = Login::Token(server.add_token("anyone", &[]));
    let run = || setting.run(&anyone, &["get", "--raw", "/livez"]);
    assert_eq!(run().expect_success().stdout_text(), "ok");
    server.present(&ServerCertificate::Expired);
    refused(&run(), "certificate has expired");
    server.present(&ServerCertificate::Foreign);
    refused(&run(), "certificate signed by unknown authority");
    server.present(&ServerCertificate::For("cluster.test".to_owned()));
    refused(&run(), "x509: ");
    let arguments = ["--tls-server-name", "cluster.test", "get", "--raw", "/livez"];
    setting.run(&anyone, &arguments).expect_success();
    server.go_down();
    refused(&run(), "refused");
    server.come_back();
    server.present(&ServerCertificate::Good);
    run().expect_success();
}

#[test]
fn service_accounts_get_tokens_within_bounds() {
    let setting = Setting::new();
    let server = &setting.server;
    let admin = setting.admin();
    server.add_service_account("default", "deployer");
    server.add_pod("default", "first");
    server.allow(Rule::for_service_account("default", "deployer").may(&["list"], &["pods"]));
    let create = |more: &[&str]| setting.run(&admin, &[&["create", "token", "deployer"][..], more].concat());
    let token_of =
        |finished: Finished| Login::Token(finished.expect_success().stdout_text().trim().to_owned());

    let token = token_of(create(&["--duration=10m"]));
    let who = setting.run(&token, &["auth", "whoami", "-o", "json"]).expect_success().json();
    assert_eq!(who["status"]["userInfo"]["username"], "system:serviceaccount:default:deployer");
    setting.run(&token, &["get", "pods"]).expect_success();
    server.advance(Duration::from_secs(600));
    refused(&setting.run(&token, &["get", "pods"]), UNAUTHORIZED);

    refused(
        &create(&["--duration=9m"]),
        "spec.expirationSeconds: Invalid value: 540: may not specify a duration less than 10 minutes",
    );
    let elsewhere = setting.run(&admin, &["create", "token", "nobody"]);
    refused(&elsewhere, "serviceaccounts \"nobody\" not found");
    refused(&setting.run(&token_of(create(&["--audience=other"])), &["get", "pods"]), UNAUTHORIZED);
    let bound = token_of(create(&["--bound-object-kind=Pod", "--bound-object-name=first"]));
    setting.run(&bound, &["get", "pods"]).expect_success();
    server.remove("pods", "default", "first");
    refused(&setting.run(&bound, &["get", "pods"]), UNAUTHORIZED);
    refused(&create(&["--bound-object-kind=Pod", "--bound-object-name=first"]), "pods \"first\" not found");

    server.limit_life(Some(Duration::from_secs(30)));
    let request = ["create", "token", "deployer", "--duration=1h", "-o", "json"];
    let told = setting.run(&admin, &request).expect_success().json();
    assert_eq!(told["status"]["expirationTimestamp"], clock::iso(server.now() + 30));
    let reader = setting.reader();
    refused(
        &setting.run(&reader, &["create", "token", "deployer"]),
        "cannot create resource \"serviceaccounts/token\" in API group \"\" in the namespace \"default\"",
    );
    let last = token_of(create(&[]));
    server.remove("serviceaccounts", "default", "deployer");
    refused(&setting.run(&last, &["get", "pods"]), UNAUTHORIZED);
    assert_eq!(server.issued().len(), 5);
}

#[test]
fn reviews_tell_who_calls_and_what_they_may() {
    let setting = Setting::new();
    let reader = setting.reader();
    let who = setting.run(&reader, &["auth", "whoami", "-o", "json"]).expect_success().json();
    let expected = json!({ "username": "reader", "groups": ["team-a", "system:authenticated"] });
    assert_eq!(who["status"]["userInfo"], expected);
    let may = |arguments: &[&str]| {
        let finished = setting.run(&reader, &[&["auth", "can-i"][..], arguments].concat());
        (finished.code, finished.stdout_text().trim().to_owned())
    };
    assert_eq!(may(&["list", "pods"]), (Some(0), "yes".to_owned()));
    assert_eq!(may(&["list", "pods", "-n", "other"]), (Some(1), "no".to_owned()));
    assert_eq!(may(&["delete", "pods"]), (Some(1), "no".to_owned()));
    assert_eq!(may(&["create", "serviceaccounts/token"]).1, "no");
    assert_eq!(may(&["get", "/version"]), (Some(0), "yes".to_owned()));
    let rules = may(&["--list"]).1;
    assert!(rules.contains("pods") && rules.contains("[get list watch]"), "{rules}");
    let unknown = Login::Token("unknown".to_owned());
    refused(&setting.run(&unknown, &["auth", "whoami"]), UNAUTHORIZED);
    refused(&setting.run(&unknown, &["auth", "can-i", "list", "pods"]), UNAUTHORIZED);
}

/// Runs `kubectl get pods --watch` while `then` does something to the server.
fn watch(setting: &Setting, login: &Login, then: impl FnOnce(&StrictKubernetes)) -> Finished {
    let mut command = setting.command(login, &["get", "pods", "--watch", "--no-headers"]);
    let before = setting.server.watches();
    let running = std::thread::spawn(move || process::run(&mut command));
    setting.server.wait_for_watches(before + 1);
    then(&setting.server);
    running.join().expect("kubectl runs")
}

#[test]
fn watches_tell_what_happens_until_they_end() {
    let setting = Setting::new();
    let server = &setting.server;
    let reader = setting.reader();
    server.add_pod("default", "first");
    let finished = watch(&setting, &reader, |server| {
        server.add_pod("default", "second");
        server.add_pod("other", "hidden");
        server.end_watches(WatchEnd::Closed);
    });
    let told = finished.stdout_text();
    assert!(told.contains("first") && told.contains("second") && !told.contains("hidden"), "{finished:?}");

    let unauthorized = watch(&setting, &reader, |server| server.end_watches(WatchEnd::Unauthorized));
    // kubectl shows the error as one more thing that happened.
    assert!(unauthorized.stdout_text().contains("Unauthorized"), "{unauthorized:?}");
    let gone = watch(&setting, &reader, |server| server.end_watches(WatchEnd::Gone));
    assert!(gone.stdout_text().contains("too old resource version"), "{gone:?}");
    watch(&setting, &reader, |server| server.end_watches(WatchEnd::Cut));
    assert_eq!(server.watches(), 0);

    // A real server lets a watch go on after its token; this one can do otherwise.
    let short = Login::Token(server.add_token_for("reader", &[], Duration::from_secs(60)));
    watch(&setting, &short, |server| {
        server.advance(Duration::from_secs(60));
        assert_eq!(server.watches(), 1);
        server.close_watches_at_token_end();
        assert_eq!(server.watches(), 0);
    });
    refused(&setting.run(&short, &["get", "pods", "--watch"]), UNAUTHORIZED);
    let Login::Token(token) = &reader else { panic!("a token") };
    watch(&setting, &reader, |server| server.revoke(token));
}

#[test]
fn faults_are_seen_as_what_they_are() {
    let setting = Setting::new();
    let server = &setting.server;
    let reader = setting.reader();
    const PATH: &str = "/api/v1/namespaces/default/pods";
    let get = |fault| {
        server.faults().on(Some(1), fault, |call| call.path == PATH);
        setting.run(&reader, &["get", "--raw", PATH])
    };
    refused(&get(faults::internal_error()), "InternalError");
    refused(&get(faults::unauthorized()), UNAUTHORIZED);
    // kubectl waits as long as it is told, and comes again.
    get(faults::throttled(0)).expect_success();
    assert!(get(faults::huge(100_000)).expect_success().stdout.len() > 100_000);
    assert!(!get(Fault::Truncated).success());
    let other = StrictKubernetes::start();
    refused(&get(faults::redirected(&format!("{}/version", other.url()))), "x509: ");
    assert_eq!(other.calls().count(), 0);
}

#[test]
fn an_old_server_has_no_reviews_of_the_caller() {
    let kubectl = match install::debian_kubectl() {
        Ok(kubectl) => kubectl,
        Err(reason) => return crate::skip::skip("an_old_server_has_no_reviews_of_the_caller", reason),
    };
    let setting = Setting::with(kubectl);
    setting.server.be_old();
    let reader = setting.reader();
    setting.server.add_pod("default", "first");
    let version = setting.run(&reader, &["version", "-o", "json"]).expect_success().json();
    assert_eq!(version["serverVersion"]["gitVersion"], "v1.20.2");
    assert!(setting.run(&reader, &["get", "pods"]).expect_success().stdout_text().contains("first"));
    refused(&setting.run(&reader, &["get", "pods", "-A"]), "at the cluster scope");
    let may = setting.run(&reader, &["auth", "can-i", "list", "pods"]).expect_success();
    assert_eq!(may.stdout_text(), "yes\n");
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let post = |login: &Login| {
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let arguments = ["create", "--raw", path, "-f", "-"];
        let mut command = setting.command(login, &arguments);
        process::run_with_input(&mut command, review.to_string().as_bytes())
    };
    // Rights are looked at before paths: only who may do everything learns that there is no such thing.
    refused(&post(&reader), "cannot create resource \"selfsubjectreviews\"");
    refused(&post(&setting.admin()), "could not find the requested resource");
    watch(&setting, &reader, |server| server.end_watches(WatchEnd::Closed));
}

#[test]
fn tokens_of_eks_are_judged_by_sts() {
    let setting = Setting::new();
    let aws = StrictAws::start();
    let python = install::python().expect("the Python tools");
    let (alice, bob) = (aws.add_user("alice"), aws.add_user("bob"));
    let arn = |user: &str| format!("arn:aws:iam::{ACCOUNT}:user/{user}");
    let webhook = EksWebhook::new("demo", &aws.url()).mapping(&arn("alice"), "alice", &["readers"]);
    setting.server.accept_eks(webhook);
    setting.server.allow(Rule::for_group("readers").may(&["list"], &["pods"]));
    let token = |keys: &Keys, cluster: &str| {
        let mut command = python.aws(setting.home.path());
        let told = process::run(keys.apply(command.args(["eks", "get-token", "--cluster-name", cluster])));
        let told = told.expect_success().json();
        Login::Token(told["status"]["token"].as_str().expect("a token").to_owned())
    };
    let list = |login: &Login| setting.run(login, &["get", "pods"]);
    let good = token(&alice, "demo");
    list(&good).expect_success();
    assert_eq!(setting.server.count("GET", "/api/v1/namespaces/default/pods", Some("alice")), 1);
    refused(&list(&token(&alice, "other")), UNAUTHORIZED);
    refused(&list(&token(&bob, "demo")), UNAUTHORIZED);
    refused(&list(&token(&Keys::new(&alice.access_key_id, "wrong"), "demo")), UNAUTHORIZED);
    setting.server.advance(Duration::from_secs(15 * 60));
    refused(&list(&good), UNAUTHORIZED);
    let late = token(&alice, "demo");
    refused(&list(&late), UNAUTHORIZED);
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_and_nobody_is_anonymous() {
    let server = StrictKubernetes::start();
    for protocol in ["h2", "http/1.1"] {
        assert_eq!(ask(&server, protocol, "/version").await.0, 200);
        let (status, body) = ask(&server, protocol, "/api/v1/pods").await;
        assert_eq!(status, 403);
        assert_eq!((&body["kind"], &body["reason"]), (&json!("Status"), &json!("Forbidden")));
        let message = body["message"].as_str().unwrap_or_default();
        assert!(message.contains("User \"system:anonymous\" cannot list resource \"pods\""), "{message}");
    }
    server.refuse_anonymous();
    let unauthorized = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
        "reason": "Unauthorized", "code": 401,
    });
    assert_eq!(ask(&server, "h2", "/version").await, (401, unauthorized));
    assert_eq!(server.count("GET", "/api/v1/pods", Some("system:anonymous")), 2);
}

/// A call that shows nothing, over that protocol.
async fn ask(server: &StrictKubernetes, protocol: &str, path: &str) -> (u16, Value) {
    let mut roots = RootCertStore::empty();
    let pem = server.ca();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("known versions").with_root_certificates(roots);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(server.address()).await.expect("the server listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    let io = TokioIo::new(stream);
    let request = hyper::Request::get(format!("https://localhost{path}")).header("host", "localhost");
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let answer = if protocol == "h2" {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
        tokio::spawn(connection);
        sender.send_request(request).await
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        sender.send_request(request).await
    };
    let answer = answer.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).expect("JSON"))
}
