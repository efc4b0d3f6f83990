//! The harness: an installation whose every place is searched, and the sinks that may hold a secret.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_tests::canary::{Canary, Sighting};
use connector_tests::cli::Cli;
use connector_tests::keys::Keys;
use connector_tests::process::Finished;
use connector_tests::strict_aws::{Role, StrictAws};

/// What kind of secret it is, which decides where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// What a connector keeps: keys, tokens that were given to it, one-time codes.
    Kept,
    /// What a connector of a registry keeps and docker's own helper hands on: docker knows nothing that ends.
    Lent,
    /// What a connector issues.
    Issued,
    /// What opens the store.
    MasterKey,
}

/// A place that may hold secrets of these classes.
pub(super) struct Sink {
    pub(super) name: &'static str,
    holds: &'static [Class],
    is_at: fn(&str) -> bool,
}

/// Every place that may hold a secret, whatever the connector. A place is a file's path, or a stream of a command line.
pub(super) const SINKS: [Sink; 8] = [
    Sink {
        name: "the file that a user names with @FILE",
        holds: &[Class::Kept, Class::Lent, Class::Issued],
        is_at: |it| within(it, "given"),
    },
    Sink {
        name: "the answer of `issue -o json`",
        holds: &[Class::Issued],
        is_at: |it| answers(it, "issue", "-o json"),
    },
    Sink {
        name: "the answer of `issue -o yaml`",
        holds: &[Class::Issued],
        is_at: |it| answers(it, "issue", "-o yaml"),
    },
    Sink { name: "the answer of `env`", holds: &[Class::Issued], is_at: |it| answers(it, "env", "") },
    Sink {
        name: "the answer of `helper`",
        holds: &[Class::Issued],
        is_at: |it| answers(it, "helper aws", "") || answers(it, "helper kubectl", ""),
    },
    Sink {
        name: "the environment of the program that `exec` becomes",
        holds: &[Class::Issued],
        is_at: |it| it.ends_with("/recorded/exec-target.own.environ"),
    },
    Sink { name: "the key file", holds: &[Class::MasterKey], is_at: |it| it.ends_with("/state/master.key") },
    Sink {
        name: "the old key that `--keep-old` keeps",
        holds: &[Class::MasterKey],
        is_at: |it| it.ends_with("/home/kept.key"),
    },
];

/// The sinks that only connectors of clusters, registries, Google Cloud and Azure have.
pub(super) const PROGRAMS: [Sink; 5] = [
    Sink {
        name: "the answer of docker's own helper",
        holds: &[Class::Lent, Class::Issued],
        is_at: |it| {
            it == "standard output of `docker-credential-connector get`" || answers(it, "helper docker", "")
        },
    },
    Sink {
        name: "the file that `login --static` writes",
        holds: &[Class::Issued],
        is_at: |it| within(it, "static"),
    },
    Sink {
        name: "the file that gcloud's own configuration names",
        holds: &[Class::Issued],
        is_at: |it| it.ends_with("/state/gcloud/connector-prod.token"),
    },
    Sink {
        name: "the file of az's own folder",
        holds: &[Class::Issued],
        is_at: |it| {
            ["msal_token_cache.json", "config"]
                .iter()
                .any(|name| it.ends_with(&format!("/state/az/prod/{name}")))
        },
    },
    Sink {
        name: "the answer of `read-secret`",
        holds: &[Class::Issued],
        is_at: |it| answers(it, "read-secret", ""),
    },
];

fn within(place: &str, folder: &str) -> bool {
    place.contains(&format!("/home/{folder}/"))
}

fn answers(place: &str, command: &str, option: &str) -> bool {
    place.starts_with(&format!("standard output of `connector {command} ")) && place.contains(option)
}

/// A strict endpoint, and an installation of the program that tells everything it can tell.
pub(super) struct Watch {
    pub(super) server: StrictAws,
    pub(super) cli: Cli,
    watched: Mutex<Vec<(Class, Canary)>>,
}

impl Watch {
    /// With a temporary folder of its own, and logs at trace level.
    pub(super) fn new() -> Self {
        Self::with(|cli| cli)
    }

    /// As [`Watch::new`], set up further.
    pub(super) fn with(set_up: impl FnOnce(Cli) -> Cli) -> Self {
        let cli = Cli::new();
        for folder in ["given", "recorded", "tmp"] {
            std::fs::create_dir(cli.home().join(folder)).expect("the home is ours");
        }
        let temporary = cli.home().join("tmp");
        let cli = cli.with_env("TMPDIR", temporary).with_env("CONNECTOR_LOG", "trace");
        Self { server: StrictAws::start(), cli: set_up(cli), watched: Mutex::default() }
    }

    /// Watches for a secret from now on.
    pub(super) fn watch(&self, class: Class, canary: Canary) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push((class, canary));
    }

    /// A user of the endpoint; the id of its key and the key are watched.
    pub(super) fn user(&self, name: &str) -> Keys {
        let keys = self.server.add_user(name);
        self.watch_keys(Class::Kept, name, &keys);
        keys
    }

    /// Watches for keys.
    pub(super) fn watch_keys(&self, class: Class, whose: &str, keys: &Keys) {
        self.watch(class, Canary::of(&format!("{whose}'s key id"), &keys.access_key_id));
        self.watch(class, Canary::of(&format!("{whose}'s secret key"), &keys.secret_access_key));
        if let Some(token) = &keys.session_token {
            self.watch(class, Canary::of(&format!("{whose}'s session token"), token));
        }
    }

    /// Watches for a master key: as text, and as the bytes that it stands for.
    pub(super) fn watch_master_key(&self, text: &str) {
        let bytes = STANDARD.decode(text.trim()).expect("a master key is base64");
        self.watch(Class::MasterKey, Canary::of("the master key", text.trim()));
        self.watch(Class::MasterKey, Canary::of_bytes("the master key's bytes", &bytes));
    }

    /// Watches for the master key that is in its file now.
    pub(super) fn watch_key_file(&self) {
        let text = std::fs::read_to_string(self.cli.connector_home().join("master.key"));
        self.watch_master_key(&text.expect("the store has a key file"));
    }

    /// `KEY=@FILE` for a secret.
    pub(super) fn given(&self, key: &str, secret: &str) -> String {
        let files = std::fs::read_dir(self.cli.home().join("given")).map_or(0, Iterator::count);
        let path = self.cli.home().join("given").join(format!("{key}.{files}"));
        std::fs::write(&path, secret).expect("the home is ours");
        format!("{key}=@{}", path.display())
    }

    /// Where connectors of these tests go.
    pub(super) fn place(&self) -> Vec<String> {
        vec!["region=us-east-1".to_owned(), format!("endpoint_url={}", self.server.url())]
    }

    /// The place, and keys by files.
    pub(super) fn config(&self, keys: &Keys) -> Vec<String> {
        let mut config = self.place();
        config.push(self.given("aws_access_key_id", &keys.access_key_id));
        config.push(self.given("aws_secret_access_key", &keys.secret_access_key));
        config.extend(keys.session_token.as_ref().map(|token| self.given("aws_session_token", token)));
        config
    }

    /// Runs `register NAME --type aws --auth-method METHOD CONFIG… MORE…`.
    pub(super) fn register(&self, name: &str, method: &str, config: &[String], more: &[&str]) -> Finished {
        let mut arguments = vec!["register", name, "--type", "aws", "--auth-method", method];
        arguments.extend(config.iter().map(String::as_str));
        arguments.extend(more);
        self.cli.run(&arguments)
    }

    /// A connector `data` of alice that assumes a role, which reaches the bucket `data`.
    pub(super) fn role_connector(&self, alice: &Keys) {
        self.server.add_bucket("data", "us-east-1", &[("hello.txt", "hello")]);
        let role = self.server.add_role(Role::named("reader").trusting_user("alice"));
        let config = [self.config(alice), vec![format!("role_arn={role}")]].concat();
        self.register("data", "iam-role", &config, &[]).expect_success();
    }

    /// A program that writes down its own arguments and environment, and its parent's, prints `output`, and ends
    /// with `code`.
    pub(super) fn recorder(&self, name: &str, output: &str, code: u8) -> PathBuf {
        let program = self.cli.home().join(name);
        let records = self.cli.home().join("recorded");
        let printed = self.cli.home().join("given").join(format!("{name}.prints"));
        std::fs::write(&printed, output).expect("the home is ours");
        let (records, printed) = (records.display(), printed.display());
        let script = format!(
            "#!/bin/sh\nfor part in cmdline environ; do\n\
             cat /proc/$$/$part > {records}/{name}.own.$part\n\
             cat /proc/$PPID/$part > {records}/{name}.parent.$part\ndone\n\
             cat {printed}\nexit {code}\n"
        );
        std::fs::write(&program, script).expect("the home is ours");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(&program, mode).expect("the home is ours");
        }
        program
    }

    /// What a recorder wrote down.
    pub(super) fn recorded(&self, name: &str) -> String {
        let bytes = std::fs::read(self.cli.home().join("recorded").join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', "\n")
    }

    /// Where secrets stand that may not stand there.
    pub(super) fn leaks(&self) -> Vec<Sighting> {
        self.sightings()
            .into_iter()
            .filter(|(sink, _)| sink.is_none())
            .map(|(_, sighting)| sighting)
            .collect()
    }

    /// Fails when a secret stands anywhere but in a sink.
    #[track_caller]
    pub(super) fn assert_clean(&self) {
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "secrets show outside the sinks: {leaks:#?}");
    }

    /// The sinks that hold a secret now.
    pub(super) fn used_sinks(&self) -> Vec<&'static str> {
        let mut used: Vec<_> = self.sightings().into_iter().filter_map(|(sink, _)| sink).collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Everything that is watched for, and all that the endpoint has issued, wherever it stands; with the sink,
    /// where that is one.
    fn sightings(&self) -> Vec<(Option<&'static str>, Sighting)> {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (number, keys) in self.server.issued().iter().enumerate() {
            let watched = |name: &str, secret: &str| {
                (Class::Issued, Canary::of(&format!("the {name} of session {number}"), secret))
            };
            all.push(watched("secret key", &keys.secret_access_key));
            all.extend(keys.session_token.as_ref().map(|token| watched("token", token)));
        }
        let (classes, canaries): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let sightings = self.cli.sightings(&canaries).into_iter();
        sightings.map(|it| (sink_of(classes[it.number], &it.place), it)).collect()
    }
}

/// The sink that a secret of this class stands in at this place, if it is one.
pub(super) fn sink_of(class: Class, place: &str) -> Option<&'static str> {
    SINKS
        .iter()
        .chain(&PROGRAMS)
        .find(|sink| sink.holds.contains(&class) && (sink.is_at)(place))
        .map(|sink| sink.name)
}
