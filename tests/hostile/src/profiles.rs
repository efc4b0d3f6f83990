//! The configuration files of the `aws` program, and what auto-configuration makes of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use connector_aws::profile::{Profiles, split_words};
use connector_core::Hints;

use crate::world::{World, block_on};
use crate::{judge, parts, registry, text};

/// A config file, a credentials file and a kept login, each a part of the input.
pub fn profiles(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let mut parts = parts(text);
    let config = parts.next().unwrap_or_default();
    let credentials = parts.next().unwrap_or_default();
    let login = parts.next().unwrap_or_default();
    if let Some(words) = split_words(text) {
        assert!(words.iter().map(String::len).sum::<usize>() <= text.len(), "words grow");
    }
    let parsed =
        Profiles::parse(Some((Path::new("config"), config)), Some((Path::new("credentials"), credentials)));
    let names: Vec<String> = match &parsed {
        Ok(profiles) => {
            let _ = format!("{profiles:?}");
            let names: Vec<_> = profiles.names().take(MOST).map(str::to_owned).collect();
            for name in &names {
                let _ = (profiles.resolve(name), profiles.endpoint_url(name, "sts"));
            }
            names
        }
        Err(error) => {
            judge(error);
            Vec::new()
        }
    };
    detect(config, credentials, login, &names);
}

/// How many profiles are looked into.
const MOST: usize = 8;

fn detect(config: &str, credentials: &str, login: &str, names: &[String]) {
    let home = Path::new("/home/alice/.aws");
    let mut files = HashMap::from([
        (home.join("config"), config.as_bytes().to_vec()),
        (home.join("credentials"), credentials.as_bytes().to_vec()),
    ]);
    // SHA-1 of `work`, the name of the seeds' session.
    let kept: PathBuf = home.join("sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json");
    files.insert(kept, login.as_bytes().to_vec());
    let cx = World::silent().context(files).with_implicit(true);
    // Names of profiles are told, and a canary may have become one.
    let secret = !names.iter().any(|it| it.contains(crate::CANARY));
    let all = std::iter::once(None).chain(names.iter().map(|it| Some(it.clone())));
    for profile in all {
        let mut hints = Hints::default();
        (hints.profile, hints.region) = (profile, Some("eu-west-1".to_owned()));
        let found = block_on(registry().detect("aws", &cx, &hints));
        if let (Err(error), true) = (found, secret) {
            assert!(!crate::shown(&error).contains(crate::CANARY), "{error:?}");
        }
    }
}
