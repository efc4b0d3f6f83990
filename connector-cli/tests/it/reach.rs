//! What connectors reach: `verify` and `list-resources`, against small servers of this test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use connector_tests::cli::Cli;
use serde_json::Value;

use super::{KEY_ID, cli};

pub(super) const OK: &str = "200 OK";
pub(super) const DATA: &str =
    "<ListAllMyBucketsResult><Buckets><Bucket><Name>data</Name></Bucket></Buckets></ListAllMyBucketsResult>";
const EMPTY: &str = "<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>";
pub(super) const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";

/// A server that lists these buckets, or refuses everything, until the test ends; its URL.
pub(super) fn server(status: &'static str, list: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is none of the server's business.
            let _ = answer(&stream, status, list);
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: &TcpStream, status: &str, list: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    // `HEAD /bucket`, or `GET /` for the list.
    let bucket = request.strip_prefix("HEAD /").and_then(|rest| rest.split(['/', '?', ' ']).next());
    let (status, body) = match bucket {
        Some(name) if status == OK && !list.contains(&format!("<Name>{name}</Name>")) => {
            ("404 Not Found", "")
        }
        Some(_) => (status, ""),
        None => (status, list),
    };
    let length = body.len();
    let headers = format!("Content-Type: application/xml\r\nContent-Length: {length}\r\nConnection: close");
    write!(stream, "HTTP/1.1 {status}\r\n{headers}\r\n\r\n{body}")
}

pub(super) fn register(cli: &Cli, name: &str, endpoint: &str) {
    let endpoint = format!("endpoint_url={endpoint}");
    let method = ["register", name, "--type", "aws", "--auth-method", "sts-token", "--no-verify"];
    let keys =
        ["region=eu-west-1", KEY_ID, "aws_secret_access_key=env:SECRET", "aws_session_token=env:SECRET"];
    cli.ok(&[&method[..], &["--resource-type", "s3-bucket", &endpoint], &keys].concat());
}

/// One connector for each thing that may come of asking it.
fn world() -> Cli {
    let cli = cli().with_env("SECRET", "not-much-of-a-secret");
    register(&cli, "denied", &server("403 Forbidden", DENIED));
    register(&cli, "down", "http://127.0.0.1:1");
    register(&cli, "empty", &server(OK, EMPTY));
    register(&cli, "full", &server(OK, DATA));
    cli
}

fn column<'a>(rows: &'a Value, key: &str) -> Vec<&'a str> {
    rows.as_array().expect("rows").iter().map(|row| row[key].as_str().expect("a text")).collect()
}

#[test]
fn s27_unreachable_is_told_from_empty_and_from_not_allowed() {
    let cli = world();
    let rows = cli.json(&["list-resources", "--resource-type", "s3-bucket"]);
    assert_eq!(column(&rows, "connector"), ["denied", "down", "empty", "full"]);
    assert_eq!(column(&rows, "status"), ["not-allowed", "failed", "none", "reached"]);
    assert_eq!(rows[3]["ids"], serde_json::json!(["s3://data"]));
    let table = cli.ok(&["list-resources"]).stdout_text();
    for part in [
        "<not allowed>",
        "<failed>",
        "<none>",
        "s3://data",
        "\ndenied s3-bucket: s3:ListBuckets",
        "\ndown s3-bucket: s3:ListBuckets",
    ] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
}

#[test]
fn s27_a_listing_without_any_answer_says_so_by_its_exit_code() {
    let cli = world();
    cli.fails(6, &["list-resources", "--connector", "down"]);
    cli.fails(4, &["list-resources", "--connector", "denied"]);
    cli.ok(&["list-resources", "--connector", "empty"]);
    cli.fails(3, &["list-resources", "--connector", "nosuch"]);
}

#[test]
fn s28_who_finds_no_connector_is_told_how_to_register_one() {
    let cli = world();
    let fitting = cli.json(&["list-resources", "--resource-type", "s3-bucket", "--resource-id", "data"]);
    let reached = fitting.as_array().expect("rows").iter().filter(|row| row["status"] == "reached");
    assert_eq!(reached.map(|row| &row["connector"]).collect::<Vec<_>>(), ["full"]);
    let none = cli.ok(&["list-resources", "--resource-type", "kubernetes-cluster"]);
    assert_eq!(none.stdout_text(), "");
    let hint = "hint: no connector reaches any kubernetes-cluster; `connector register NAME --type TYPE";
    let told = none.stderr_text();
    assert!(told.starts_with(hint) && told.contains("one of aws azure gcp kubernetes"), "{none:?}");
    let unknown = cli.error(2, &["list-resources", "--resource-type", "nosuch"]);
    assert!(unknown["message"].as_str().is_some_and(|it| it.contains("s3-bucket")), "{unknown}");
}

/// Whenever the exit code is not 0 there is one error, beside the data.
#[test]
fn s27_without_any_answer_there_is_an_error_that_sums_up() {
    let cli = world();
    let ask = |code, id: &str, more: &[&str]| {
        let words = ["list-resources", "--resource-type", "s3-bucket", "--resource-id", id, "-o", "json"];
        let finished = cli.fails(code, &[&words[..], more].concat());
        let error: Value = serde_json::from_str(&finished.stderr_text()).expect("one object");
        (finished.stdout_text(), error["error"].clone())
    };
    let (rows, error) = ask(6, "nosuch", &[]);
    let rows: Value = serde_json::from_str(&rows).expect("the data");
    assert_eq!(column(&rows, "status"), ["not-allowed", "failed", "none", "none"], "C: {rows}");
    assert_eq!(error["message"], "no connector reaches s3-bucket nosuch");
    assert_eq!(error["causes"].as_array().map(Vec::len), Some(4), "{error}");

    let (_, missing) = ask(3, "nosuch", &["--connector", "full"]);
    assert_eq!((&missing["kind"], &missing["connector"]), (&"not-found".into(), &"full".into()));
    let (_, denied) = ask(4, "nosuch", &["--connector", "denied"]);
    assert_eq!(denied["kind"], "refused");
    cli.ok(&["disable", "full"]);
    let (_, disabled) = ask(5, "nosuch", &["--connector", "full"]);
    assert!(disabled["hint"].as_str().is_some_and(|it| it.contains("enable full")), "{disabled}");

    let (rows, impossible) = ask(2, "A..b", &[]);
    assert_eq!((&*rows, &impossible["problems"][0]["field"]), ("", &"resource_id".into()), "asked nobody");
}

#[test]
fn s27_a_connector_for_another_resource_has_no_row() {
    let cli = world();
    let endpoint = server(OK, DATA);
    register(&cli, "other", &endpoint);
    cli.ok(&["update", "other", "--no-verify", "--resource-id", "s3://other"]);
    let rows = cli.json(&["list-resources", "--resource-type", "s3-bucket", "--resource-id", "data"]);
    assert_eq!(column(&rows, "connector"), ["denied", "down", "empty", "full"]);
    let named = ["list-resources", "--resource-type", "s3-bucket", "--resource-id", "data", "--connector"];
    let error = cli.error(2, &[&named[..], &["other"]].concat());
    assert_eq!(error["message"], "resource_id: connector `other` serves `s3://other` only");
    let error = cli.error(2, &["list-resources", "--resource-type", "secret", "--connector", "other"]);
    assert_eq!(error["message"], "resource_type: connector `other` serves `s3-bucket` only");
}

#[test]
fn resources_are_listed_of_the_connectors_that_are_meant() {
    let cli = world();
    cli.ok(&["update", "full", "--no-verify", "--label", "team=data"]);
    let rows = cli.json(&["list-resources", "--label", "team=data"]);
    assert_eq!(column(&rows, "connector"), ["full"]);
    let none = cli.ok(&["list-resources", "--owner", "nobody-of-this-name"]);
    assert!(none.stderr_text().contains("no connector is like that"), "{none:?}");
}

#[test]
fn verify_all_skips_what_is_disabled_or_expired_and_says_so() {
    let cli = world();
    cli.ok(&["disable", "denied"]);
    cli.ok(&["update", "down", "--no-verify", "--expires-at", "2020-01-01T00:00:00Z"]);
    let done = cli.ok(&["verify", "--all"]);
    assert!(done.stderr_text().contains("skipped 2"), "{done:?}");
    let rows = cli.json(&["verify", "--all"]);
    assert_eq!(column(&rows, "status"), ["disabled", "expired", "works", "works"]);
    assert_eq!(cli.json(&["describe", "down"])["state"], "expired", "one word for it");
}

#[test]
fn s20_verify_names_the_call_that_failed() {
    let cli = world();
    let works = cli.ok(&["verify", "full"]);
    assert!(
        works.stdout_text().contains("s3://data") && works.stderr_text() == "`full` works\n",
        "{works:?}"
    );
    cli.ok(&["verify", "full", "--resource-type", "s3-bucket", "--resource-id", "data"]);
    for (name, code) in [("denied", 4), ("down", 6)] {
        let error = cli.error(code, &["verify", name]);
        assert!(error.to_string().contains("s3:ListBuckets"), "{error}");
    }
}

#[test]
fn verify_all_has_a_line_each_and_the_code_of_the_worst() {
    let cli = world();
    cli.ok(&["disable", "denied"]);
    let done = cli.fails(6, &["verify", "--all", "-o", "json"]);
    assert_eq!(column(&done.json(), "status"), ["disabled", "unreachable", "works", "works"]);
    let error: Value = serde_json::from_str(&done.stderr_text()).expect("one object");
    assert_eq!(
        (&error["error"]["kind"], &error["error"]["connector"]),
        (&"unreachable".into(), &"down".into())
    );
    cli.ok(&["disable", "down"]);
    let table = cli.ok(&["verify", "--all"]).stdout_text();
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.contains("1 s3-bucket"), "{table}");
}
