//! Many processes that write into one file at once, which holds what is somebody else's too.

use connector_tests::cli::Cli;
use serde_json::{Value, json};

use super::{CLUSTER, REGISTRY, World, all_at_once, with_helper};

const KUBECONFIG: &str = "# mine, \u{fc}ber all\napiVersion: v1\nclusters:\n# the old one\n- name: theirs\n  cluster: {server: \"https://theirs.test\", x-more: [1, 2]}\ncontexts:\n  - context:\n      user: theirs\n      cluster: theirs\n    name: theirs\t\ncurrent-context: 'theirs' # chosen\nkind: Config\nusers:\n- name: theirs\n  user:\n    token: \"theirs\" # not ours\n\n\nx-unknown: {a: b}\n";

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("c{number:02}")).collect()
}

fn run_all(cli: &Cli, verb: &str, names: &[String], more: &[&str]) {
    let commands = names.iter().map(|name| cli.command(&[&[verb, name.as_str()][..], more].concat()));
    all_at_once(commands.collect());
}

/// Every line of somebody else's is there as it was, in its order; of the current context, which a login sets, the
/// comment.
#[track_caller]
fn assert_foreign_lines(text: &str, before: &str) {
    let mut lines = text.lines();
    for line in before.lines().filter(|it| !it.starts_with("current-context")) {
        assert!(lines.any(|it| it == line), "{line:?} in its place in\n{text}");
    }
}

/// S52: 64 logins at once into one kubeconfig: all are there, and all that was there before. Then half of them are
/// taken back while as many log in again, and at last all, and the file is as it was to the byte.
#[test]
fn s52_sixty_four_logins_at_once_are_all_in_one_kubeconfig() {
    let world = World::new();
    let names = names(64);
    names.iter().for_each(|name| world.register(name));
    std::fs::create_dir(world.cli.home().join(".kube")).expect("the home is ours");
    std::fs::write(world.file(), KUBECONFIG).expect("the home is ours");
    let text = || std::fs::read_to_string(world.file()).expect("there, and text");
    let contexts = || -> Vec<String> {
        let read = connectors::k8s::kube::config::Kubeconfig::from_yaml(&text()).expect("a kubeconfig");
        let users: Vec<_> = read.auth_infos.into_iter().map(|it| it.name).collect();
        let clusters: Vec<_> = read.clusters.into_iter().map(|it| it.name).collect();
        let mut names: Vec<_> = read.contexts.into_iter().map(|it| it.name).collect();
        for mut others in [users, clusters] {
            others.sort_unstable();
            names.sort_unstable();
            assert_eq!(others, names, "none without its parts");
        }
        names.retain(|it| it != "theirs");
        names
    };
    let expected = |names: &[String]| names.iter().map(|it| format!("{it}-demo")).collect::<Vec<_>>();

    run_all(&world.cli, "login", &names, &CLUSTER);
    assert_eq!(contexts(), expected(&names));
    assert_foreign_lines(&text(), KUBECONFIG);
    assert_eq!(world.asked(), 64, "one token each");

    let (leave, stay) = names.split_at(32);
    let out = leave.iter().map(|name| world.cli.command(&["logout", name]));
    let again =
        stay.iter().map(|name| world.cli.command(&[&["login", name.as_str()][..], &CLUSTER].concat()));
    all_at_once(out.chain(again).collect());
    assert_eq!(contexts(), expected(stay));
    assert_foreign_lines(&text(), KUBECONFIG);

    run_all(&world.cli, "logout", stay, &[]);
    assert_eq!(text(), KUBECONFIG);
    world.cli.fails(3, &["undo"]);
    let left = std::fs::read_dir(world.cli.home().join(".kube")).expect("there").flatten();
    let left: Vec<_> = left.map(|it| it.file_name()).filter(|it| it != "config").collect();
    assert!(left.is_empty(), "no file is left over: {left:?}");
}

/// S52: the same for docker, with 16.
#[test]
fn s52_sixteen_logins_at_once_are_all_in_one_docker_config() {
    let before = "{\n\t\"auths\": {\n\t\t\"other.test\": {\"auth\": \"eA==\"}\n\t},\n\t\"credHelpers\": { \"gcr.io\":\"gcloud\" },\n\t\"psFormat\": \"\\u00fc {{.ID}}\",  \"HttpHeaders\": {}\n}\n\n";
    let cli = with_helper(Cli::new()).with_env("PASSWORD", "a-password-of-many");
    let names = names(16);
    for name in &names {
        let words = ["register", name, "--type", "docker", "--auth-method", "password", "--no-verify"];
        let registry = format!("registry={name}.test");
        cli.ok(&[&words[..], &[&registry, "username=alice", "password=env:PASSWORD"]].concat());
    }
    let file = cli.home().join(".docker/config.json");
    std::fs::create_dir(cli.home().join(".docker")).expect("the home is ours");
    std::fs::write(&file, before).expect("the home is ours");
    let text = || std::fs::read_to_string(&file).expect("there, and text");
    let helpers = || {
        let read: Value = serde_json::from_str(&text()).expect("JSON");
        assert_eq!(read["auths"], json!({ "other.test": { "auth": "eA==" } }));
        let helpers = read["credHelpers"].as_object().cloned().expect("an object");
        assert_eq!(helpers["gcr.io"], "gcloud");
        let mut ours: Vec<_> =
            helpers.into_iter().filter(|(_, helper)| helper == "connector").map(|(host, _)| host).collect();
        ours.sort_unstable();
        ours
    };
    let expected = |names: &[String]| names.iter().map(|it| format!("{it}.test")).collect::<Vec<_>>();
    run_all(&cli, "login", &names, &REGISTRY);
    assert_eq!(helpers(), expected(&names));
    let (leave, stay) = names.split_at(8);
    run_all(&cli, "logout", leave, &[]);
    assert_eq!(helpers(), expected(stay));
    run_all(&cli, "logout", stay, &[]);
    assert_eq!(text(), before);
}
