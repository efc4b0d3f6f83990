//! The `aws` program and AWS's SDKs: a profile whose `credential_process` is ours.

use std::path::Path;

use connector_core::{Envelope, Error, Grant, Result};
use serde_json::{Map, Value};

use super::{Asked, Plan, helper_words, other_home, slug, user_file};
use crate::app::App;
use crate::edit::{self, Format, Step};
use crate::logins::{FileWish, Journal, Login, Wanted, Wish};
use crate::programs;

pub(super) fn plan(app: &App, asked: &Asked<'_>, envelope: &Envelope, journal: &Journal) -> Result<Plan> {
    let config = user_file("AWS_CONFIG_FILE", ".aws/config")?;
    let credentials = user_file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")?;
    let profile = free_profile(asked, journal, &config, &credentials)?;
    let fields = &envelope.fields;
    let mut settings = Map::new();
    settings.insert("region".into(), fields.text("region")?.into());
    for name in ["endpoint_url", "ca_bundle"] {
        // A bundle that is given as text has no path.
        if let Some(value) = fields.text_if(name).filter(|it| !it.contains('\n')) {
            settings.insert(name.into(), value.into());
        }
    }
    if !asked.is_static {
        settings.insert("credential_process".into(), process(app, asked)?.into());
    }
    let mut files = vec![section(config, false, format!("profile {profile}"), settings)];
    if asked.is_static {
        let mut keys = Map::new();
        for (name, field) in [
            ("aws_access_key_id", "access_key_id"),
            ("aws_secret_access_key", "secret_access_key"),
            ("aws_session_token", "session_token"),
        ] {
            if let Some(value) = fields.secret_field(field) {
                keys.insert(name.into(), value.expose().into());
            }
        }
        files.push(section(credentials, true, profile.clone(), keys));
    }
    Ok(Plan {
        wish: Wish {
            connector: asked.name.to_owned(),
            kind: "aws",
            name: profile.clone(),
            grant: asked.grant.clone(),
            is_static: asked.is_static,
            username: None,
            files,
        },
        tool: "aws",
        usage: format!("aws --profile {profile} … (or AWS_PROFILE={profile})"),
        renewed: super::RENEWED,
        notes: Vec::new(),
    })
}

fn section(path: std::path::PathBuf, is_secret: bool, name: String, values: Map<String, Value>) -> FileWish {
    let wanted = Wanted {
        place: vec![Step::Key(name.clone())],
        value: Value::Object(values),
        replaces: false,
        what: format!("[{name}]"),
    };
    FileWish { path, format: Format::Ini, is_secret, values: vec![wanted] }
}

/// The connector's name, or with the resource's where that is taken. Keys of the same profile in the
/// credentials file would win, so both files are looked at.
fn free_profile(asked: &Asked<'_>, journal: &Journal, config: &Path, credentials: &Path) -> Result<String> {
    let taken = [names(config, "profile ")?, names(credentials, "")?].concat();
    choose(asked, &journal.logins, &taken)
}

/// `default` is the profile of everything that names none, whether or not it has a section.
const DEFAULT: &str = "default";

fn choose(asked: &Asked<'_>, logins: &[Login], taken: &[String]) -> Result<String> {
    let own: Vec<&Login> =
        logins.iter().filter(|it| it.kind == "aws" && it.connector == asked.name).collect();
    let Grant { resource_id, resource_type, .. } = &asked.grant;
    let mut words = [resource_id, resource_type].into_iter().flatten().map(|it| slug(it));
    let resource = words.find(|it| !it.is_empty()).unwrap_or_default();
    let candidates = [asked.name.to_owned(), format!("{}-{resource}", asked.name)];
    let candidates: Vec<&String> = candidates.iter().filter(|it| *it != DEFAULT).collect();
    let is_same = |name: &String| own.iter().any(|it| it.name == *name && it.grant == asked.grant);
    if let Some(free) = candidates.iter().find(|it| is_same(it) || !taken.contains(it)) {
        return Ok((*free).clone());
    }
    let shown = candidates.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" and ");
    if let Some(name) = candidates.iter().find(|it| own.iter().any(|own| own.name == ***it)) {
        return Err(Error::invalid(format!(
            "the names {shown} are taken: the profile `{name}` is a login of this connector, with another resource or other rights"
        ))
        .with_hint(format!(
            "`connector logout {}` takes its logins back; nothing was changed",
            asked.name
        )));
    }
    Err(Error::invalid(format!(
        "the names {shown} are taken: AWS's files have such profiles, for something else"
    ))
    .with_hint("rename one of them in AWS's files; nothing was changed"))
}

/// The profiles of a file.
fn names(path: &Path, prefix: &str) -> Result<Vec<String>> {
    let text = edit::read_if_there(path)?.unwrap_or_default();
    let root = Format::Ini.parse(&text).map_err(|fault| edit::refuse(path, &text, &fault))?;
    let Value::Object(sections) = root.value() else { return Ok(Vec::new()) };
    let name = |it: &String| match it.trim() {
        // It alone goes without the word in both files.
        DEFAULT => Some(DEFAULT.to_owned()),
        it => it.strip_prefix(prefix).map(|it| it.trim().trim_matches('"').to_owned()),
    };
    Ok(sections.keys().filter_map(name).collect())
}

/// The command line. Some programs split it as a shell does, others let a shell do so.
fn process(app: &App, asked: &Asked<'_>) -> Result<String> {
    let mut words = Vec::new();
    if let Some(home) = other_home(app)? {
        if cfg!(windows) {
            return Err(Error::invalid(
                "AWS's files cannot name a CONNECTOR_HOME of your own on this system",
            )
            .with_hint("unset CONNECTOR_HOME, and keep connectors where they usually are"));
        }
        words.extend(["env".to_owned(), format!("CONNECTOR_HOME={home}")]);
    }
    words.push(programs::own()?);
    words.extend(helper_words("aws", asked));
    words.iter().map(|it| quoted(it)).collect::<Result<Vec<_>>>().map(|it| it.join(" "))
}

fn quoted(word: &str) -> Result<String> {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-_./:@=+,".contains(&it);
    if word.bytes().all(is_plain) {
        return Ok(word.to_owned());
    }
    let is_bad = |it: char| "\"$`!".contains(it) || it.is_control() || (it == '\\' && !cfg!(windows));
    if word.contains(is_bad) || word.contains(" #") || word.contains(" ;") {
        return Err(Error::invalid("a path or an id holds characters that AWS's files have no form for")
            .with_hint("`connector exec` runs a program with the same credential"));
    }
    Ok(format!("\"{word}\""))
}

#[cfg(test)]
mod tests {
    use connector_core::Access;

    use super::*;

    fn grant(access: Access) -> Grant {
        let mut grant = Grant::default();
        (grant.resource_id, grant.access) = (Some("s3://data".into()), Some(access));
        grant
    }

    fn login(name: &str, access: Access) -> Login {
        Login {
            connector: "prod".into(),
            kind: "aws".into(),
            name: name.into(),
            grant: grant(access),
            is_static: false,
            username: None,
            files: Vec::new(),
        }
    }

    #[test]
    fn no_profile_takes_the_name_default() {
        let asked = Asked { name: "default", grant: grant(Access::Read), is_static: false };
        assert_eq!(choose(&asked, &[], &[]).ok().as_deref(), Some("default-data"));
        assert!(choose(&asked, &[], &["default-data".into()]).is_err());
        let mut grant = Grant::default();
        grant.resource_type = Some("aws-account".into());
        let whole = Asked { name: "default", grant, is_static: false };
        assert_eq!(choose(&whole, &[], &[]).ok().as_deref(), Some("default-aws-account"));

        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("config");
        std::fs::write(&path, "[default]\nregion = x\n[profile b]\nregion = y\n[c]\nregion = z\n")
            .expect("written");
        assert_eq!(names(&path, "profile ").expect("read"), ["default", "b"]);
        assert_eq!(names(&path, "").expect("read").len(), 3);
    }

    #[test]
    fn a_name_that_this_connector_took_itself_is_said_to_be_its_own() {
        let asked = Asked { name: "prod", grant: grant(Access::Admin), is_static: false };
        let taken = ["prod".to_owned(), "prod-data".to_owned()];
        let own = [login("prod", Access::Read), login("prod-data", Access::Write)];
        let error = choose(&asked, &own, &taken).expect_err("both are taken");
        assert!(error.message().contains("`prod` is a login of this connector"), "{error}");
        assert!(error.hint().is_some_and(|it| it.contains("connector logout prod")), "{error:?}");
        let error = choose(&asked, &[], &taken).expect_err("both are somebody's");
        assert!(error.message().contains("for something else"), "{error}");
        let same = Asked { name: "prod", grant: grant(Access::Write), is_static: false };
        assert_eq!(choose(&same, &own, &taken).ok().as_deref(), Some("prod-data"), "the same again");
    }

    #[test]
    fn a_resource_becomes_a_part_of_a_name() {
        for (id, expected) in
            [("s3://data", "data"), ("eu-west-1", "eu-west-1"), ("arn:aws:s3:::b/c", "arn-aws-s3---b-c")]
        {
            assert_eq!(slug(id), expected);
        }
    }

    #[test]
    fn words_are_quoted_so_that_shells_and_programs_agree() {
        assert_eq!(quoted("s3://data/a").ok().as_deref(), Some("s3://data/a"));
        assert_eq!(quoted("/my tools/connector").ok().as_deref(), Some("\"/my tools/connector\""));
        for word in ["a\"b", "a$b", "a`b", "a\nb", "a #b", "a!b"] {
            assert!(quoted(word).is_err(), "{word}");
        }
    }
}
