//! Logins over each other, taken back in any order, with others writing in between.

use std::path::PathBuf;

use serde_json::json;

use super::*;

struct Desk {
    dir: tempfile::TempDir,
}

const BEFORE: &str = "# mine\napiVersion: v1\nclusters: []\ncurrent-context: old # chosen\nkind: Config\n";

impl Desk {
    fn new(text: Option<&str>) -> Self {
        let desk = Self { dir: tempfile::tempdir().expect("a directory") };
        if let Some(text) = text {
            desk.write(text);
        }
        desk
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    fn text(&self) -> Option<String> {
        std::fs::read_to_string(self.path()).ok()
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path(), text).expect("written");
    }

    fn log_in(&self, connector: &str, name: &str) -> Result<Vec<Touched>> {
        self.log_in_to(connector, name, connector, false)
    }

    fn log_in_to(&self, connector: &str, name: &str, server: &str, is_static: bool) -> Result<Vec<Touched>> {
        let wanted = |place: Place, value, replaces| Wanted { place, value, replaces, what: "it".to_owned() };
        let values = vec![
            wanted(
                vec![Step::Key("clusters".into()), Step::Named(name.into())],
                json!({ "name": name, "cluster": { "server": server } }),
                false,
            ),
            wanted(vec![Step::Key("current-context".into())], json!(name), true),
        ];
        let wish = Wish {
            connector: connector.into(),
            kind: "kubernetes",
            name: name.into(),
            grant: Grant::default(),
            is_static,
            username: None,
            files: vec![FileWish { path: self.path(), format: Format::Yaml, is_secret: is_static, values }],
        };
        log_in(&Turn::wait(self.dir.path()).expect("my turn"), &wish)
    }

    fn log_in_to_registry(&self, connector: &str) -> Result<Vec<Touched>> {
        let wanted = Wanted {
            place: ["credHelpers", "r"].map(|it| Step::Key(it.into())).to_vec(),
            value: json!("connector"),
            replaces: true,
            what: "it".to_owned(),
        };
        let wish = Wish {
            connector: connector.into(),
            kind: "docker",
            name: "r".into(),
            grant: Grant::default(),
            is_static: false,
            username: None,
            files: vec![FileWish {
                path: self.path(),
                format: Format::Json,
                is_secret: false,
                values: vec![wanted],
            }],
        };
        log_in(&Turn::wait(self.dir.path()).expect("my turn"), &wish)
    }

    fn log_out(&self, connector: &str) -> Vec<Vec<String>> {
        let done = log_out(self.dir.path(), |all| {
            (0..all.len()).filter(|at| all[*at].connector == connector).collect()
        });
        done.expect("logged out").into_iter().flat_map(|it| it.files).map(|it| it.what).collect()
    }

    fn undo(&self) -> bool {
        let done = log_out(self.dir.path(), |all| all.len().checked_sub(1).into_iter().collect());
        !done.expect("undone").is_empty()
    }

    fn current(&self) -> String {
        let text = self.text().expect("there");
        let line = text.lines().find_map(|it| it.strip_prefix("current-context: "));
        line.unwrap_or_default().to_owned()
    }
}

#[test]
fn taken_back_in_any_order_the_file_is_what_it_was() {
    for order in
        [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"], ["b", "c", "a"], ["a", "c", "b"], ["c", "a", "b"]]
    {
        let quoted = BEFORE.replace("old", "'old'");
        for before in [Some(BEFORE), Some(&quoted), Some("apiVersion: v1\nkind: Config\n"), None] {
            let desk = Desk::new(before);
            for name in ["a", "b", "c"] {
                desk.log_in(name, name).expect("logged in");
                assert_eq!(desk.current().trim_end_matches(" # chosen"), name);
            }
            for name in order {
                assert_eq!(desk.log_out(name), [[""; 0]]);
            }
            assert_eq!(desk.text().as_deref(), before, "{order:?}");
        }
    }
}

/// As docker's helper is written for one registry by many: the value says nothing about whose it is.
#[test]
fn taken_back_in_any_order_where_all_write_the_same_value() {
    for order in
        [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"], ["b", "c", "a"], ["a", "c", "b"], ["c", "a", "b"]]
    {
        for before in
            [Some("{\n\t\"credHelpers\": {\"r\": \"theirs\"}\n}"), Some("{ \"auths\": {} }\n"), None]
        {
            let desk = Desk::new(before);
            for name in ["a", "b", "c"] {
                desk.log_in_to_registry(name).expect("logged in");
            }
            for (at, name) in order.into_iter().enumerate() {
                let done = log_out(desk.dir.path(), |all| {
                    (0..all.len()).filter(|at| all[*at].connector == name).collect()
                })
                .expect("logged out");
                let file = &done[0].files[0];
                assert!(file.what.is_empty(), "{order:?}: {file:?}");
                let later = order[at + 1..].iter().filter(|it| **it > name).min();
                assert_eq!(file.under.as_deref(), later.copied(), "{order:?}");
                let stands = desk.text().is_some_and(|it| it.contains("\"connector\""));
                assert_eq!(stands, at < 2, "{order:?}: it stands while one needs it");
            }
            assert_eq!(desk.text().as_deref(), before, "{order:?}");
        }
    }
}

#[test]
fn undo_goes_back_one_by_one_to_the_byte() {
    let desk = Desk::new(Some(BEFORE));
    let mut texts = vec![desk.text()];
    for name in ["a", "b", "c"] {
        desk.log_in("prod", name).expect("logged in");
        texts.push(desk.text());
    }
    while texts.pop().is_some_and(|_| !texts.is_empty()) {
        assert!(desk.undo());
        assert_eq!(Some(&desk.text()), texts.last());
    }
    assert!(!desk.undo(), "nothing is left");
}

#[test]
fn logging_in_again_changes_nothing_and_is_taken_back_at_once() {
    let desk = Desk::new(Some(BEFORE));
    desk.log_in("prod", "a").expect("logged in");
    let text = desk.text();
    desk.log_in("prod", "a").expect("logged in");
    assert_eq!(desk.text(), text);
    assert_eq!(Journal::read(desk.dir.path()).expect("read").logins.len(), 1);
    desk.log_out("prod");
    assert_eq!(desk.text().as_deref(), Some(BEFORE));
}

#[test]
fn what_somebody_wrote_meanwhile_stays() {
    let desk = Desk::new(Some(BEFORE));
    desk.log_in("prod", "a").expect("logged in");
    // kubectl writes the file anew: other quotes, no comments, and another context is chosen.
    desk.write("apiVersion: v1\nclusters:\n- cluster:\n    server: \"prod\"\n    extra: null\n  name: a\n- name: theirs\ncurrent-context: theirs\nkind: Config\n");
    assert_eq!(desk.log_out("prod"), [["current-context"]]);
    assert_eq!(
        desk.text().as_deref(),
        Some("apiVersion: v1\nclusters:\n- name: theirs\ncurrent-context: theirs\nkind: Config\n")
    );

    let desk = Desk::new(None);
    desk.log_in("prod", "a").expect("logged in");
    let changed = desk.text().expect("there").replace("server: prod", "server: mine");
    desk.write(&changed);
    assert_eq!(desk.log_out("prod"), [["clusters a"]]);
    assert!(desk.text().expect("still there").contains("server: mine"));
}

#[test]
fn what_is_somebody_elses_is_not_overwritten_and_nothing_is_changed() {
    let theirs = "clusters:\n- name: a\n  cluster: {server: x}\ncurrent-context: old\n";
    let desk = Desk::new(Some(theirs));
    let error = desk.log_in("prod", "a").expect_err("theirs");
    assert!(error.message().contains("not from this connector"), "{error}");
    assert_eq!(desk.text().as_deref(), Some(theirs));
    assert!(Journal::read(desk.dir.path()).expect("read").logins.is_empty());

    desk.write("clusters: [\n");
    let error = desk.log_in("prod", "a").expect_err("torn");
    assert!(error.message().contains("config, line 1: "), "{error}");
    assert_eq!(desk.text().as_deref(), Some("clusters: [\n"));
}

/// A file that cannot be written leaves the others as they were.
#[test]
fn all_files_or_none() {
    let desk = Desk::new(Some(BEFORE));
    let wanted = || {
        vec![Wanted {
            place: vec![Step::Key("x".into())],
            value: json!("y"),
            replaces: false,
            what: "x".into(),
        }]
    };
    let file = |path: PathBuf| FileWish { path, format: Format::Yaml, is_secret: true, values: wanted() };
    let mut wish = Wish {
        connector: "prod".into(),
        kind: "kubernetes",
        name: "a".into(),
        grant: Grant::default(),
        is_static: false,
        username: None,
        files: vec![file(desk.path()), file(desk.path().join("below-a-file"))],
    };
    let error =
        log_in(&Turn::wait(desk.dir.path()).expect("my turn"), &wish).expect_err("a file is no directory");
    assert!(error.hint().is_some_and(|it| it.contains("nothing was changed")), "{error:?}");
    assert_eq!(desk.text().as_deref(), Some(BEFORE));
    // Both can be read, and the second cannot be replaced when it comes to that.
    let second = desk.dir.path().join("second");
    wish.files[1] = file(second.clone());
    let mut work = open(&[desk.path(), second.clone()]).expect("opened");
    #[cfg(unix)]
    set_mode(&desk.path(), 0o644);
    for it in work.values_mut() {
        (it.text, it.mode) = (Some("new".into()), Mode::Closed);
    }
    std::fs::write(&second, "somebody was faster").expect("written");
    let error = commit(&mut work).expect_err("changed meanwhile");
    assert_eq!(error.hint(), Some("try again"), "somebody changed something");
    assert_eq!(desk.text().as_deref(), Some(BEFORE));
    assert_eq!(std::fs::read_to_string(&second).expect("read"), "somebody was faster");
    #[cfg(unix)]
    assert_eq!(mode(&desk.path()), 0o644, "open again, as it was");
}

#[test]
fn a_damaged_or_newer_journal_is_said_to_be_one() {
    let desk = Desk::new(None);
    for (text, what) in [("{", "damaged"), ("{\"version\": 9}", "newer version")] {
        std::fs::write(desk.dir.path().join("logins.json"), text).expect("written");
        let error = desk.log_in("prod", "a").expect_err(what);
        assert!(error.message().contains(what), "{error}");
        assert_eq!(desk.text(), None);
        let error = routes(desk.dir.path()).expect_err("docker's helper does not take it for no login");
        assert!(error.message().contains(what), "{error}");
    }
    std::fs::remove_file(desk.dir.path().join("logins.json")).expect("removed");
    assert!(routes(desk.dir.path()).expect("none yet").is_empty());
}

/// One that asks for something else lies on top of the old one; a credential that was written is not kept.
#[test]
fn another_login_to_the_same_is_taken_back_to_the_one_below() {
    let desk = Desk::new(Some(BEFORE));
    desk.log_in_to("prod", "a", "one", false).expect("logged in");
    let one = desk.text();
    desk.log_in_to("prod", "a", "two", false).expect("logged in");
    assert!(desk.text().is_some_and(|it| it.contains("server: two") && !it.contains("one")));
    for token in ["canary-1", "canary-2"] {
        desk.log_in_to("prod", "a", token, true).expect("logged in");
        assert!(desk.text().is_some_and(|it| it.contains(token) && it.matches("name: a").count() == 1));
    }
    assert_eq!(Journal::read(desk.dir.path()).expect("read").logins.len(), 3);
    let journal = std::fs::read_to_string(desk.dir.path().join("logins.json")).expect("read");
    assert!(!journal.contains("canary"), "{journal}");
    assert!(desk.undo() && desk.undo());
    assert_eq!(desk.text(), one);
    desk.log_in_to("prod", "a", "two", false).expect("logged in");
    desk.log_out("prod");
    assert_eq!(desk.text().as_deref(), Some(BEFORE));
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).expect("there").permissions()) & 0o777
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("set");
}

/// C30: a file is closed to others while a secret is in it, in whatever order secrets come and go.
#[cfg(unix)]
#[test]
fn c30_a_file_is_open_again_when_no_secret_is_left() {
    for order in
        [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"], ["b", "c", "a"], ["a", "c", "b"], ["c", "a", "b"]]
    {
        let desk = Desk::new(Some(BEFORE));
        set_mode(&desk.path(), 0o644);
        for (name, is_static, after) in [("a", false, 0o644), ("b", true, 0o600), ("c", true, 0o600)] {
            desk.log_in_to(name, name, name, is_static).expect("logged in");
            assert_eq!(mode(&desk.path()), after, "{name}");
        }
        // Again, with another secret.
        desk.log_in_to("c", "c", "new", true).expect("logged in");
        let mut left = vec!["a", "b", "c"];
        for name in order {
            desk.log_out(name);
            left.retain(|it| *it != name);
            let after = if left == ["a"] || left.is_empty() { 0o644 } else { 0o600 };
            assert_eq!(mode(&desk.path()), after, "{order:?}: {left:?} are left");
        }
        assert_eq!(desk.text().as_deref(), Some(BEFORE));
    }
}

/// A helper in place of a secret opens the file again; a mode that somebody set since stays.
#[cfg(unix)]
#[test]
fn c30_a_mode_comes_back_unless_somebody_set_another() {
    let desk = Desk::new(Some(BEFORE));
    set_mode(&desk.path(), 0o640);
    desk.log_in_to("prod", "a", "canary", true).expect("logged in");
    assert_eq!(mode(&desk.path()), 0o600);
    desk.log_in_to("prod", "a", "helper", false).expect("logged in");
    assert_eq!(mode(&desk.path()), 0o640);
    desk.log_out("prod");

    desk.log_in_to("prod", "a", "canary", true).expect("logged in");
    set_mode(&desk.path(), 0o400);
    desk.log_out("prod");
    assert_eq!((mode(&desk.path()), desk.text().as_deref()), (0o400, Some(BEFORE)));

    // What somebody wrote in the secret's place may be one.
    set_mode(&desk.path(), 0o640);
    desk.log_in_to("prod", "a", "canary", true).expect("logged in");
    let changed = desk.text().expect("there").replace("server: canary", "server: theirs");
    desk.write(&changed);
    assert_eq!(desk.log_out("prod"), [["clusters a"]]);
    assert_eq!(mode(&desk.path()), 0o600);
}

/// What an older version wrote is taken for a secret.
#[cfg(unix)]
#[test]
fn c30_a_login_of_an_older_version_keeps_a_file_closed() {
    let desk = Desk::new(Some(BEFORE));
    desk.log_in_to("old", "a", "canary", true).expect("logged in");
    let journal = desk.dir.path().join("logins.json");
    let mut said: Value =
        serde_json::from_str(&std::fs::read_to_string(&journal).expect("read")).expect("JSON");
    for word in ["secret", "mode"] {
        said["logins"][0]["files"][0].as_object_mut().expect("an object").remove(word);
    }
    std::fs::write(&journal, said.to_string()).expect("written");
    set_mode(&desk.path(), 0o644);
    desk.log_in_to("new", "b", "canary", true).expect("logged in");
    desk.log_out("new");
    assert_eq!(mode(&desk.path()), 0o600);
    desk.log_out("old");
    assert_eq!(mode(&desk.path()), 0o644);
}
