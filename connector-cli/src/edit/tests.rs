//! Before, edit, after: byte for byte.

use serde_json::{Value, json};

use super::*;

fn key(words: &[&str]) -> Place {
    words.iter().map(|it| Step::Key((*it).to_owned())).collect()
}

fn entry(list: &str, name: &str) -> Place {
    vec![Step::Key(list.to_owned()), Step::Named(name.to_owned())]
}

/// Sets a value, and takes that back byte for byte.
#[track_caller]
fn check(format: Format, before: &str, place: &Place, value: &Value, after: &str) {
    let edited = set(format, before, place, value).unwrap_or_else(|fault| panic!("{fault:?}\n{before}"));
    assert_eq!(edited.text, after);
    assert_eq!(take_back(&edited.text, &edited.reverse).as_deref(), Some(before));
    // And by what it says.
    let found = format.parse(after).expect("parses").find(place).expect("once").map(Node::value);
    assert_eq!(found, Some(without_nulls(value)));
}

/// Sets a value and takes it away again, as when the file was changed elsewhere meanwhile.
#[track_caller]
fn comes_back(format: Format, before: &str, place: &Place, value: &Value) {
    let edited = set(format, before, place, value).expect("set");
    assert_eq!(edited.before, None);
    let again = unset(format, &edited.text, place, &edited.made).expect("unset");
    assert_eq!(again.text, before);
}

#[test]
fn json_keeps_everything_that_is_not_ours() {
    let place = key(&["credHelpers", "r.example.org"]);
    let value = json!("connector");
    for (before, after) in [
        // As docker writes it.
        (
            "{\n\t\"auths\": {\n\t\t\"a\": {}\n\t},\n\t\"credHelpers\": {\n\t\t\"gcr.io\": \"gcloud\"\n\t}\n}",
            "{\n\t\"auths\": {\n\t\t\"a\": {}\n\t},\n\t\"credHelpers\": {\n\t\t\"gcr.io\": \"gcloud\",\n\t\t\"r.example.org\": \"connector\"\n\t}\n}",
        ),
        (
            "{\n\t\"auths\": {}\n}\n",
            "{\n\t\"auths\": {},\n\t\"credHelpers\": {\n\t\t\"r.example.org\": \"connector\"\n\t}\n}\n",
        ),
        ("{}", "{\n\t\"credHelpers\": {\n\t\t\"r.example.org\": \"connector\"\n\t}\n}"),
        // By hand, four blanks, in one line, doubled keys, and on Windows.
        (
            "{\n    \"x\": 1\n}",
            "{\n    \"x\": 1,\n    \"credHelpers\": {\n        \"r.example.org\": \"connector\"\n    }\n}",
        ),
        ("{\"x\":1,\"x\":2}", "{\"x\":1,\"x\":2,\"credHelpers\": {\"r.example.org\":\"connector\"}}"),
        ("{ \"x\": 1 }", "{ \"x\": 1, \"credHelpers\": {\"r.example.org\":\"connector\"} }"),
        // With a mark of the order of its bytes, as az writes it.
        ("\u{feff}{\"x\": 1}", "\u{feff}{\"x\": 1,\"credHelpers\": {\"r.example.org\":\"connector\"}}"),
        ("{\"credHelpers\":null}", "{\"credHelpers\":{\"r.example.org\":\"connector\"}}"),
        (
            "{\r\n  \"x\": []\r\n}\r\n",
            "{\r\n  \"x\": [],\r\n  \"credHelpers\": {\r\n    \"r.example.org\": \"connector\"\r\n  }\r\n}\r\n",
        ),
    ] {
        check(Format::Json, before, &place, &value, after);
        if !before.contains("null") && !before.starts_with("{}") {
            comes_back(Format::Json, before, &place, &value);
        }
    }
}

#[test]
fn json_values_are_replaced_and_removed_where_they_stand() {
    let text = "{ \"a\": \"x\", \"b\": {\"c\": 1}, \"d\": [1] }";
    for (place, value, after) in [
        (key(&["a"]), json!("y"), "{ \"a\": \"y\", \"b\": {\"c\": 1}, \"d\": [1] }"),
        (key(&["b", "c"]), json!(2), "{ \"a\": \"x\", \"b\": {\"c\": 2}, \"d\": [1] }"),
    ] {
        check(Format::Json, text, &place, &value, after);
    }
    for (place, after) in [
        (key(&["a"]), "{ \"b\": {\"c\": 1}, \"d\": [1] }"),
        (key(&["b"]), "{ \"a\": \"x\", \"d\": [1] }"),
        (key(&["b", "c"]), "{ \"a\": \"x\", \"b\": {}, \"d\": [1] }"),
        (key(&["d"]), "{ \"a\": \"x\", \"b\": {\"c\": 1} }"),
        (key(&["nosuch"]), text),
    ] {
        assert_eq!(unset(Format::Json, text, &place, &[]).expect("unset").text, after);
    }
}

const KUBECTLS: &str = "apiVersion: v1\nclusters:\n- cluster:\n    server: https://a\n  name: a\ncontexts: []\ncurrent-context: a # mine\nkind: Config\n";

fn cluster() -> Value {
    json!({ "name": "b", "cluster": { "server": "https://b" } })
}

#[test]
fn yaml_keeps_comments_order_and_unknown_keys() {
    let place = entry("clusters", "b");
    let ours = "- cluster:\n    server: https://b\n  name: b\n";
    for (before, after) in [
        (KUBECTLS.to_owned(), KUBECTLS.replace("  name: a\n", &format!("  name: a\n{ours}"))),
        // The list is indented, and somebody wrote to it.
        (
            "clusters:\n  # first\n  - name: a # the one\n    extra: [1, 2]\n# end\nkind: Config\n".to_owned(),
            "clusters:\n  # first\n  - name: a # the one\n    extra: [1, 2]\n  - cluster:\n      server: https://b\n    name: b\n# end\nkind: Config\n".to_owned(),
        ),
        ("kind: Config\n".to_owned(), format!("kind: Config\nclusters:\n{ours}")),
        ("kind: Config".to_owned(), format!("kind: Config\nclusters:\n{ours}")),
        ("clusters:\nkind: Config\n".to_owned(), format!("clusters:\n{ours}kind: Config\n")),
        ("clusters: null\nkind: Config\n".to_owned(), format!("clusters:\n{ours}kind: Config\n")),
        ("clusters: [] # none\nkind: Config\n".to_owned(), format!("clusters: # none\n{ours}kind: Config\n")),
        ("---\nkind: Config\n...\n".to_owned(), format!("---\nkind: Config\nclusters:\n{ours}...\n")),
        ("kind: Config\r\n".to_owned(), format!("kind: Config\nclusters:\n{ours}").replace('\n', "\r\n")),
        // In brackets, as some editors leave it, and JSON.
        (
            "clusters: [{name: a}]\nkind: Config\n".to_owned(),
            "clusters: [{name: a},{\"cluster\":{\"server\":\"https://b\"},\"name\":\"b\"}]\nkind: Config\n".to_owned(),
        ),
        (
            "{\n  \"clusters\": [\n    {\"name\": \"a\"}\n  ]\n}\n".to_owned(),
            "{\n  \"clusters\": [\n    {\"name\": \"a\"},\n    {\n      \"cluster\": {\n        \"server\": \"https://b\"\n      },\n      \"name\": \"b\"\n    }\n  ]\n}\n".to_owned(),
        ),
        (
            "{\n  clusters: [\n    {name: a} # mine\n  ]\n}\n".to_owned(),
            "{\n  clusters: [\n    {name: a}, # mine\n    {\n      \"cluster\": {\n        \"server\": \"https://b\"\n      },\n      \"name\": \"b\"\n    }\n  ]\n}\n".to_owned(),
        ),
    ] {
        check(Format::Yaml, &before, &place, &cluster(), &after);
        if before.contains("name: a\n") || before.contains("{name: a}]") {
            comes_back(Format::Yaml, &before, &place, &cluster());
        }
    }
    comes_back(Format::Yaml, "kind: Config\n", &place, &cluster());
}

#[test]
fn yaml_values_are_replaced_where_they_stand() {
    let place = key(&["current-context"]);
    for (before, after) in [
        (KUBECTLS, KUBECTLS.replace("current-context: a #", "current-context: b #").as_str()),
        ("current-context: \"\"\nkind: x\n", "current-context: b\nkind: x\n"),
        ("current-context: 'it''s'\n", "current-context: b\n"),
        ("current-context:\nkind: x\n", "current-context: b\nkind: x\n"),
        ("kind: x\n", "kind: x\ncurrent-context: b\n"),
        ("{current-context: a, kind: x}\n", "{current-context: \"b\", kind: x}\n"),
        ("current-context: |\n  a\nkind: x\n", "current-context: b\nkind: x\n"),
    ] {
        check(Format::Yaml, before, &place, &json!("b"), after);
    }
    let name = |text: &str| set(Format::Yaml, "kind: x\n", &place, &json!(text)).expect("set").text;
    for (text, written) in
        [("true", "\"true\""), ("1", "\"1\""), ("a: b", "\"a: b\""), ("a-b/c", "a-b/c"), ("", "\"\"")]
    {
        assert_eq!(name(text), format!("kind: x\ncurrent-context: {written}\n"));
    }
}

#[test]
fn yaml_entries_are_replaced_and_removed_by_their_name() {
    let text = "users:\n- name: a\n  user: {token: t}\n# between\n- name: b\n  user:\n    token: t # secret\n  # inside\n\nkind: x\n";
    let value = json!({ "name": "a", "user": { "token": "u" } });
    check(
        Format::Yaml,
        text,
        &entry("users", "a"),
        &value,
        &text.replace("  user: {token: t}", "  user:\n    token: u"),
    );
    let gone =
        |text: &str, name: &str| unset(Format::Yaml, text, &entry("users", name), &[]).expect("unset").text;
    assert_eq!(
        gone(text, "a"),
        "users:\n# between\n- name: b\n  user:\n    token: t # secret\n  # inside\n\nkind: x\n"
    );
    assert_eq!(gone(text, "b"), "users:\n- name: a\n  user: {token: t}\n# between\n  # inside\n\nkind: x\n");
    assert_eq!(gone("users: # mine\n- name: a\nkind: x\n", "a"), "users: [] # mine\nkind: x\n");
    assert_eq!(gone("users: [{name: a}, {name: b}]\n", "a"), "users: [{name: b}]\n");
    assert_eq!(gone("users: [{name: a}, # one\n  {name: b}]\n", "b"), "users: [{name: a} # one\n  ]\n");
}

/// S57: a mount has its place by where it leads, in the long form and in one word.
#[test]
fn s57_mounts_come_and_go_by_their_target() {
    let mut place = key(&["services", "web", "volumes"]);
    place.push(Step::Target("/home/astro/.aws".into()));
    let value = json!({ "type": "bind", "source": "C:\\Users\\ada\\.aws", "target": "/home/astro/.aws" });
    let ours = "- source: \"C:\\\\Users\\\\ada\\\\.aws\"\n  target: /home/astro/.aws\n  type: bind\n";
    let below = |columns: usize| {
        ours.lines().map(|line| format!("{}{line}\n", " ".repeat(columns))).collect::<String>()
    };
    for (before, after) in [
        (
            "services: {}\n".to_owned(),
            format!("services:\n  web:\n    volumes:\n{}", below(4)),
        ),
        (
            "services:\n  web: # mine\n    volumes:\n      - cache:/cache # fast\n      - type: tmpfs\n        target: /tmp\n  db: {}\n".to_owned(),
            format!("services:\n  web: # mine\n    volumes:\n      - cache:/cache # fast\n      - type: tmpfs\n        target: /tmp\n{}  db: {{}}\n", below(6)),
        ),
        (
            "services:\n  web:\n    volumes:\n    - ~/.aws:/home/astro/.aws:rw\n    - a:/b\n".to_owned(),
            format!("services:\n  web:\n    volumes:\n{}    - a:/b\n", below(4)),
        ),
    ] {
        let edited = set(Format::Compose, &before, &place, &value).expect("set");
        assert_eq!(edited.text, after);
        assert_eq!(take_back(&edited.text, &edited.reverse), Some(before));
        let without = unset(Format::Compose, &edited.text, &place, &edited.made).expect("unset").text;
        assert!(!without.contains("astro"), "{without}");
    }
}

#[test]
fn ini_sections_come_and_go_whole() {
    let place = key(&["profile data"]);
    let value = json!({ "region": "eu-west-1", "credential_process": "/x helper aws data" });
    let ours = "[profile data]\ncredential_process = /x helper aws data\nregion = eu-west-1\n";
    for (before, after) in [
        (String::new(), ours.to_owned()),
        (
            "# mine\n[default]\nregion=x  \ns3 =\n  addressing_style = path\n; end\n".to_owned(),
            format!("# mine\n[default]\nregion=x  \ns3 =\n  addressing_style = path\n; end\n\n{ours}"),
        ),
        ("[default]\nregion: x".to_owned(), format!("[default]\nregion: x\n\n{ours}")),
        ("[default]\nregion: x\n\n".to_owned(), format!("[default]\nregion: x\n\n{ours}")),
        (
            "[default]\r\nregion: x\r\n".to_owned(),
            format!("[default]\nregion: x\n\n{ours}").replace('\n', "\r\n"),
        ),
    ] {
        check(Format::Ini, &before, &place, &value, &after);
    }
    comes_back(Format::Ini, "# mine\n[default]\nregion = x\n", &place, &value);
    let between = format!("[a]\nx = 1\n\n{ours}\n# b's\n[b]\n");
    assert_eq!(unset(Format::Ini, &between, &place, &[]).expect("unset").text, "[a]\nx = 1\n\n# b's\n[b]\n");
    check(
        Format::Ini,
        &between,
        &place,
        &json!({ "region": "x" }),
        "[a]\nx = 1\n\n[profile data]\nregion = x\n\n# b's\n[b]\n",
    );
}

/// What cannot be read is not touched, and the fault is told by its line and without what stands there.
#[test]
fn what_cannot_be_read_is_refused_by_its_line() {
    let place = key(&["x"]);
    for (format, text, line) in [
        (Format::Json, "{\n\t\"auths\": {\n\t\t\"hunter2", 3),
        (Format::Json, "{\n\"a\": 1,\n}", 3),
        (Format::Json, "{\n\"a\" 1}", 2),
        (Format::Json, "{}\n{}", 2),
        (Format::Json, "{\"a\": tru\n}", 1),
        (Format::Json, "hunter2", 1),
        (Format::Json, "[1]", 1),
        (Format::Yaml, "a: b\n c: hunter2\n", 2),
        (Format::Yaml, "a: b\nb: [hunter2\n", 2),
        (Format::Yaml, "a: b\n---\nc: d\n", 3),
        (Format::Yaml, "- a\n", 1),
        (Format::Yaml, "a: *hunter2\n", 1),
        (Format::Yaml, "x: {a: 1}\nx: {b: 1}\n", 2),
        (Format::Ini, "x = hunter2\n", 1),
        (Format::Ini, "[a]\nhunter2\n", 2),
        (Format::Ini, "[a]\n[b\n", 2),
        (Format::Ini, "[a]\nb=1\n\n[a]\n", 4),
        (Format::Ini, "[a]\nb=1\nB = 2\n", 3),
    ] {
        let fault = set(format, text, &place, &json!({ "y": "z" })).map(|it| it.text).expect_err(text);
        let error = refuse(Path::new("/f"), text, &fault);
        let end = error.message().strip_prefix(&format!("/f, line {line}: "));
        assert!(end.is_some_and(|it| !it.is_empty()), "{error} in {text:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Format::Json.parse(&deep).is_err() && Format::Yaml.parse(&deep).is_err());
}

/// What is written in a way that a splice would spoil is refused rather than spoilt.
#[test]
fn what_a_splice_would_spoil_is_refused() {
    for text in ["? clusters\n: - name: a\n", "clusters: &a\n- name: a\nx: *a\n", "clusters: &x []\nb: *x\n"]
    {
        match set(Format::Yaml, text, &entry("clusters", "b"), &cluster()) {
            Err(_) => {}
            Ok(edited) => {
                assert_eq!(take_back(&edited.text, &edited.reverse).as_deref(), Some(text));
            }
        }
    }
    let both = "- name: a\n  x: 1\n- name: a\n  x: 2\n";
    assert!(set(Format::Yaml, &format!("clusters:\n{both}"), &entry("clusters", "a"), &cluster()).is_err());
}

#[test]
fn a_bare_file_is_what_it_began_as() {
    for format in [Format::Json, Format::Yaml] {
        assert!(format.is_bare(format.skeleton()), "{format:?}");
    }
    assert!(Format::Ini.is_bare("") && !Format::Ini.is_bare("; mine\n"));
    assert!(
        !Format::Yaml.is_bare("# mine\nkind: Config\n") && !Format::Yaml.is_bare("kind: Config\nusers: []\n")
    );
}
