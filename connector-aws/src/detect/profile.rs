//! A profile of the `aws` program, as the config of a method.

use std::time::Duration;

use connector_core::{Candidate, Error, ErrorKind, Result};
use serde_json::{Map, Value};

use super::{Finds, Search, key_fields, keys, put, put_secret};
use crate::profile::{AssumedRole, Identity, RoleSource, Sso, StaticKeys, WebIdentity};
use crate::session::Keys;
use crate::surroundings::EnvironmentKeys;

/// What a role that is assumed by a role lives at most.
const HOUR: Duration = Duration::from_secs(3600);

impl Search<'_> {
    /// The methods for a profile, which has to be there.
    pub(super) fn profile(&self, name: &str) -> Result<Option<Finds>> {
        let resolved = self.files.profiles.resolve(name).map_err(|error| match error.kind() {
            ErrorKind::NotFound => error.with_cause(format!("looked into {}", self.files.places())),
            _ => error,
        })?;
        let found = format!("profile {name} in {}", self.files.places());
        let mut finds = match &resolved.identity {
            Identity::Static(found_keys) => keys(&plain(found_keys), &found),
            Identity::Role(role) => self.role(name, role, &found)?,
            Identity::WebIdentity(it) => web_identity(it, &found),
            Identity::Sso(sso) => self.sso(sso, &found)?,
            Identity::Process(_) => self.in_its_place(name, "runs a program (credential_process)", &found)?,
            Identity::Login(_) => {
                return Err(Error::invalid(format!(
                    "profile {name} is one of `aws login`, which cannot be lifted"
                ))
                .with_hint("use `aws configure sso`, or give the connector a key or a role"));
            }
        };
        let mut config = Map::new();
        put(&mut config, "profile_name", name);
        if finds.candidates.iter().all(|it| it.method != "implicit") {
            finds.implicit = Some(config);
        }
        Ok(Some(finds))
    }

    fn role(&self, name: &str, role: &AssumedRole, found: &str) -> Result<Finds> {
        // From the role that is wanted to the one that is assumed first.
        let mut roles = vec![role];
        let base = loop {
            match &roles[roles.len() - 1].source {
                RoleSource::Profile { identity: Identity::Role(next), .. } => roles.push(next),
                RoleSource::Profile { identity: Identity::Static(found), .. } => break plain(found),
                RoleSource::Profile { name: source, .. } => {
                    return self.in_its_place(
                        name,
                        &format!("takes its identity from profile {source}"),
                        found,
                    );
                }
                RoleSource::Environment => match EnvironmentKeys::read(self.cx)? {
                    Some(found) => break found.keys,
                    None => {
                        return Err(Error::invalid(format!(
                            "profile {name} takes its source from the environment, which has no keys"
                        )));
                    }
                },
                RoleSource::EcsContainer | RoleSource::Ec2InstanceMetadata => {
                    return self.in_its_place(name, "takes its identity from the machine", found);
                }
            }
        };
        let (first, on_the_way) = (roles[roles.len() - 1], &roles[1..]);
        let first_only = |it: &&AssumedRole| std::ptr::eq(*it, first);
        let has_more = on_the_way.iter().any(|it| it.external_id.is_some() || it.session_name.is_some())
            || roles.iter().any(|it| it.mfa_serial.is_some() && !first_only(it));
        if has_more {
            let what = "is a chain of roles with an external id, a session name or an MFA device on the way";
            return self.in_its_place(name, what, found);
        }
        let mut config = key_fields(&base);
        if let Some(token) = &base.session_token {
            put_secret(&mut config, "aws_session_token", token);
        }
        let arns: Vec<Value> = roles.iter().rev().map(|it| it.role_arn.as_str().into()).collect();
        put(&mut config, "role_arn", if let [one] = &arns[..] { one.clone() } else { Value::Array(arns) });
        let texts = [
            ("external_id", role.external_id.as_ref().map(|it| it.as_str())),
            ("role_session_name", role.session_name.as_ref().map(|it| it.as_str())),
            ("mfa_serial", first.mfa_serial.as_ref().map(|it| it.as_str())),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                put(&mut config, field, text);
            }
        }
        let mut candidate = Candidate::new("iam-role", config, found);
        let longest = if roles.len() > 1 { HOUR } else { Duration::MAX };
        candidate.duration = role.duration.map(|it| it.min(longest));
        if base.session_token.is_some() {
            candidate.notes.push("the role is assumed with temporary credentials, which end".to_owned());
        }
        Ok(Finds::one(candidate))
    }

    #[cfg(feature = "sso")]
    fn sso(&self, sso: &Sso, found: &str) -> Result<Finds> {
        use crate::auth::{kept_by_aws, text_kept_by_aws};
        let mut config = Map::new();
        put(&mut config, "start_url", sso.start_url.as_str());
        put(&mut config, "sso_region", sso.region.as_str());
        put(&mut config, "account_id", sso.account_id.as_str());
        put(&mut config, "role_name", sso.role_name.as_str());
        let usable = kept_by_aws(self.cx, sso)?.filter(|login| login.is_usable(self.cx.now()));
        let note = match (usable, text_kept_by_aws(self.cx, sso)?) {
            (Some(_), Some(text)) => {
                put_secret(&mut config, "login", &text);
                "takes over the login of `aws sso login`"
            }
            _ => "there is no login of `aws sso login` to take over: registering asks to log in",
        };
        let mut candidate = Candidate::new("sso", config, found);
        candidate.notes.push(note.to_owned());
        Ok(Finds::one(candidate))
    }

    #[cfg(not(feature = "sso"))]
    fn sso(&self, _: &Sso, found: &str) -> Result<Finds> {
        Err(Error::invalid(format!("{found} is one of IAM Identity Center"))
            .with_hint("build connector-aws with its feature `sso`"))
    }

    /// What cannot be lifted can be used in its place, when the switch says so.
    fn in_its_place(&self, name: &str, why: &str, found: &str) -> Result<Finds> {
        if !self.cx.implicit() {
            return Err(Error::refused(format!("profile {name} {why}, so it cannot be lifted"))
                .with_cause("method `implicit` could use it in its place, and is switched off")
                .with_hint(
                    "set CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true, or register the source first and then the \
                     role with `--auth-method iam-role source=NAME`",
                ));
        }
        let mut config = Map::new();
        put(&mut config, "profile_name", name);
        let mut candidate = Candidate::new("implicit", config, found);
        candidate.notes.push(format!("the profile {why}: it is used in its place, not lifted"));
        if why.contains("program") {
            candidate.notes.push("the program runs only with `--allow exec`".to_owned());
        }
        Ok(Finds::one(candidate))
    }
}

fn web_identity(it: &WebIdentity, found: &str) -> Finds {
    let mut config = Map::new();
    put(&mut config, "role_arn", it.role_arn.as_str());
    put(&mut config, "web_identity_token_file", it.token_file.as_str());
    if let Some(name) = &it.session_name {
        put(&mut config, "role_session_name", name.as_str());
    }
    let mut candidate = Candidate::new("web-identity", config, found);
    candidate.duration = it.duration;
    Finds::one(candidate)
}

fn plain(found: &StaticKeys) -> Keys {
    Keys {
        access_key_id: found.access_key_id.clone(),
        secret_access_key: found.secret_access_key.clone(),
        session_token: found.session_token.clone(),
    }
}
