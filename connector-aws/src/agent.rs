//! The protocol in which AWS's SDKs ask an endpoint of their machine: the container credentials of ECS, which EKS Pod
//! Identity uses too. Every SDK of AWS asks again before what it holds ends.

use std::time::SystemTime;

use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use connector_core::{EnvironmentForm, Error, Expiry, Issued, Result, Secret, format_time};
use serde::Serialize;
use serde_json::json;

use crate::credential::AwsCredential;
use crate::tool;

/// The one path: who asks is known by the token, and the port is of one grant.
const PATH: &str = "/credentials";

/// What only an endpoint sets; the rest of the environment is that of keys that are given as variables.
const KEYS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "CONNECTOR_EXPIRES_AT",
];

/// Other ways to credentials, which SDKs would take first or in place of the endpoint.
const OTHERS: [&str; 6] = [
    // Files of older programs, which Python's library reads before it asks an endpoint; the other one is `BOTO_CONFIG`.
    "AWS_CREDENTIAL_FILE",
    // Put behind the address of ECS's own agent, it wins over a whole URL.
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    // The file, which may be renewed, wins over it.
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_SESSION_NAME",
];

/// The name of the session's file that stands for the user's profiles: SDKs take keys of the profile `default` before
/// they ask an endpoint, and would go on as somebody else.
const NO_PROFILES: &str = "aws-profiles";

/// Container credentials.
#[derive(Debug)]
pub(crate) struct EcsContainer;

/// An answer, key for key. Token and end are not optional: SDKs refuse an answer without them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Keys<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

impl Protocol<AwsCredential> for EcsContainer {
    fn id(&self) -> &'static str {
        "ecs-container"
    }

    fn about(&self) -> &'static str {
        "ECS container credentials, which every SDK of AWS and the aws program ask for"
    }

    fn proof(&self, _: &str) -> Proof {
        Proof::Header("authorization")
    }

    fn claims(&self, path: &str) -> bool {
        path == PATH
    }

    fn set_up(&self, site: &Site, issued: &Issued<AwsCredential>) -> Result<SetUp> {
        keys(issued)?;
        let as_variables = tool::environment(&issued.credential, &issued.expiry);
        let mut form = EnvironmentForm::default();
        for (name, value) in as_variables.set.into_iter().filter(|(name, _)| !KEYS.contains(&name.as_str())) {
            form = form.set(name, value);
        }
        let form = form
            .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", site.url(PATH))
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", site.file(Site::TOKEN_FILE))
            .set("AWS_CONFIG_FILE", site.file(NO_PROFILES))
            .set("AWS_SHARED_CREDENTIALS_FILE", site.file(NO_PROFILES))
            // Where it names none, ~/.boto and /etc/boto.cfg are read.
            .set("BOTO_CONFIG", site.file(NO_PROFILES));
        let others = as_variables
            .unset
            .into_iter()
            .chain([&KEYS[..], &OTHERS].concat().into_iter().map(str::to_owned));
        let mut names: Vec<String> = others.collect();
        names.sort_unstable();
        names.dedup();
        let form = names.into_iter().fold(form, EnvironmentForm::unset);
        Ok(SetUp::new(form).with_file(NO_PROFILES, "[default]\n"))
    }

    fn answer(&self, _: &Asked, issued: &Issued<AwsCredential>, _: SystemTime) -> Answer {
        match keys(issued) {
            Ok(json) => Answer::json(200, json),
            Err(error) => self.refuse(&Refusal::from(&error)),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        let body = json!({ "code": refusal.code, "message": refusal.message });
        Answer::json(refusal.status, body.to_string())
    }
}

fn keys(issued: &Issued<AwsCredential>) -> Result<Secret> {
    let credential = &issued.credential;
    let (Some(token), Expiry::At(end)) = (&credential.session_token, &issued.expiry) else {
        return Err(Error::refused("keys that do not end cannot be given by an endpoint").with_hint(
            "take a method that issues temporary credentials, such as session-token or iam-role",
        ));
    };
    let keys = Keys {
        access_key_id: credential.access_key_id.expose(),
        secret_access_key: credential.secret_access_key.expose(),
        token: token.expose(),
        expiration: format_time(*end),
        account_id: credential.account_id.as_deref(),
    };
    let json = serde_json::to_string(&keys).map_err(|_| Error::unexpected("the keys have no JSON form"))?;
    Ok(Secret::new(json))
}

#[cfg(test)]
mod tests {
    use connector_core::parse_time;

    use super::*;

    fn issued() -> Issued<AwsCredential> {
        let credential = AwsCredential {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "a\"b/c".into(),
            session_token: Some("tok".into()),
            region: "eu-west-1".into(),
            account_id: Some("123456789012".into()),
            endpoint_url: Some("http://127.0.0.1:9000".into()),
            ca_bundle: None,
        };
        Issued::new(credential, Expiry::At(parse_time("2026-11-22T04:36:43.9Z").expect("a time")))
    }

    fn site() -> Site {
        Site::new("127.0.0.1:4711", "/run/agent", "session".into())
    }

    #[test]
    fn the_answer_is_what_sdks_read() {
        let answer = EcsContainer.answer(&Asked::new("GET", PATH), &issued(), SystemTime::UNIX_EPOCH);
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.body().expose(),
            r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a\"b/c","Token":"tok","Expiration":"2026-11-22T04:36:43Z","AccountId":"123456789012"}"#
        );
    }

    /// C21, S59: the token lies in a file that may be renewed, and nothing is left that SDKs would take before it.
    #[test]
    fn c21_the_environment_leads_here_and_holds_no_key() {
        let form = EcsContainer.set_up(&site(), &issued()).expect("a set-up").environment;
        let set: Vec<_> = form.set.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(
            set,
            [
                ("AWS_REGION", "eu-west-1"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:4711/credentials"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/agent/token"),
                ("AWS_CONFIG_FILE", "/run/agent/aws-profiles"),
                ("AWS_SHARED_CREDENTIALS_FILE", "/run/agent/aws-profiles"),
                ("BOTO_CONFIG", "/run/agent/aws-profiles"),
            ]
        );
        let older = ["AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AMAZON_ACCESS_KEY_ID", "AWS_PROFILE"];
        for name in KEYS.iter().chain(&OTHERS).chain(&older) {
            assert_eq!(form.unset.iter().filter(|it| it == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn keys_without_an_end_are_not_given() {
        let mut long_lived = issued();
        long_lived.credential.session_token = None;
        let error = EcsContainer.set_up(&site(), &long_lived).expect_err("no end");
        assert_eq!(error.message(), "keys that do not end cannot be given by an endpoint");
        let answer = EcsContainer.answer(&Asked::new("GET", PATH), &long_lived, SystemTime::UNIX_EPOCH);
        assert_eq!(answer.status(), 403);
        assert!(!answer.body().expose().contains("a\\\"b/c"));
    }
}
