//! The forms in which programs take AWS credentials: what `credential_process` prints, and variables.

use connector_core::{CaBundle, EnvironmentForm, Error, Expiry, Issued, Result, Secret, format_time};
use serde::Serialize;

use crate::credential::AwsCredential;

/// What a program named by `credential_process` prints, key for key.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Printed<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

/// The form of `credential_process`. Without an end, programs never ask again: so there is one unless the
/// keys really have none.
pub(crate) fn credential_process(issued: &Issued<AwsCredential>) -> Result<Secret> {
    let credential = &issued.credential;
    let printed = Printed {
        version: 1,
        access_key_id: credential.access_key_id.expose(),
        secret_access_key: credential.secret_access_key.expose(),
        session_token: credential.session_token.as_ref().map(Secret::expose),
        expiration: issued.expiry.at().map(format_time),
        account_id: credential.account_id.as_deref(),
    };
    let json =
        serde_json::to_string(&printed).map_err(|_| Error::unexpected("the credential has no JSON form"))?;
    Ok(Secret::new(json))
}

/// The variables by which programs take credentials, and those that would get in the way.
pub(crate) fn environment(credential: &AwsCredential, expiry: &Expiry) -> EnvironmentForm {
    let end = expiry.at().map(format_time);
    let bundle = credential.ca_bundle.as_deref().and_then(|said| said.parse::<CaBundle>().ok());
    let form = EnvironmentForm::default()
        .set("AWS_ACCESS_KEY_ID", credential.access_key_id.clone())
        .set("AWS_SECRET_ACCESS_KEY", credential.secret_access_key.clone())
        .set_if("AWS_SESSION_TOKEN", credential.session_token.clone())
        // botocore reads the second one only, everybody else the first.
        .set("AWS_REGION", credential.region.as_str())
        .set("AWS_DEFAULT_REGION", credential.region.as_str())
        .set_if("AWS_CREDENTIAL_EXPIRATION", end.clone())
        .set_if("AWS_ENDPOINT_URL", credential.endpoint_url.clone())
        // A path only: the variable takes no text. Where there is none, the program's own stays, which may
        // be that of a proxy.
        .set_if(
            "AWS_CA_BUNDLE",
            bundle.as_ref().and_then(CaBundle::path).map(|path| path.display().to_string()),
        )
        .set_if("CONNECTOR_EXPIRES_AT", end.clone());
    // What is left from other credentials would shadow these, or be taken for a part of them.
    let stale = [
        // An endpoint of another connector would be sent these keys.
        credential.endpoint_url.is_none().then_some("AWS_ENDPOINT_URL"),
        Some("AWS_ENDPOINT_URL_S3"),
        Some("AWS_ENDPOINT_URL_STS"),
        Some("AWS_ENDPOINT_URL_ECR"),
        Some("AWS_ENDPOINT_URL_EKS"),
        Some("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        Some("AWS_PROFILE"),
        Some("AWS_DEFAULT_PROFILE"),
        Some("AWS_SECURITY_TOKEN"),
        // Older names of keys. Libraries of Go, Ruby and Java read them where the newer ones are not set, and one of Java's
        // takes the secret of the older name first.
        Some("AWS_ACCESS_KEY"),
        Some("AWS_SECRET_KEY"),
        Some("AMAZON_ACCESS_KEY_ID"),
        Some("AMAZON_SECRET_ACCESS_KEY"),
        Some("AMAZON_SESSION_TOKEN"),
        // Bedrock's own key, which is taken in place of these.
        Some("AWS_BEARER_TOKEN_BEDROCK"),
        credential.session_token.is_none().then_some("AWS_SESSION_TOKEN"),
        end.is_none().then_some("AWS_CREDENTIAL_EXPIRATION"),
        end.is_none().then_some("CONNECTOR_EXPIRES_AT"),
    ];
    stale.into_iter().flatten().fold(form, EnvironmentForm::unset)
}

#[cfg(test)]
mod tests {
    use connector_core::parse_time;

    use super::*;

    fn issued(
        session_token: Option<&str>,
        account_id: Option<&str>,
        expiry: Expiry,
    ) -> Issued<AwsCredential> {
        let credential = AwsCredential {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "a\"b/c".into(),
            session_token: session_token.map(Secret::new),
            region: "eu-west-1".into(),
            account_id: account_id.map(str::to_owned),
            endpoint_url: None,
            ca_bundle: None,
        };
        Issued::new(credential, expiry)
    }

    fn end() -> Expiry {
        Expiry::At(parse_time("2026-11-22T04:36:43.9Z").expect("a time"))
    }

    fn never() -> Expiry {
        Expiry::Never("an access key does not end by itself".into())
    }

    /// S53: what the `aws` program reads, to the letter.
    #[test]
    fn s53_the_form_of_credential_process() {
        let text = |it: &Issued<AwsCredential>| credential_process(it).expect("a form").expose().to_owned();
        assert_eq!(
            text(&issued(Some("tok"), Some("123456789012"), end())),
            r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a\"b/c","SessionToken":"tok","Expiration":"2026-11-22T04:36:43Z","AccountId":"123456789012"}"#
        );
        assert_eq!(
            text(&issued(None, None, never())),
            r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a\"b/c"}"#
        );
    }

    fn names(form: &EnvironmentForm) -> Vec<&str> {
        form.set.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn the_form_of_variables() {
        let temporary = issued(Some("tok"), None, end());
        let mut credential = temporary.credential.clone();
        credential.endpoint_url = Some("http://127.0.0.1:9000".into());
        let form = environment(&credential, &temporary.expiry);
        assert_eq!(
            names(&form),
            [
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
                "AWS_REGION",
                "AWS_DEFAULT_REGION",
                "AWS_CREDENTIAL_EXPIRATION",
                "AWS_ENDPOINT_URL",
                "CONNECTOR_EXPIRES_AT",
            ]
        );
        let path = "/etc/ca.pem";
        for (bundle, expected) in [(path, Some(path)), ("-----BEGIN CERTIFICATE-----\nx", None)] {
            credential.ca_bundle = Some(bundle.to_owned());
            let form = environment(&credential, &temporary.expiry);
            let found = form.set.iter().find(|(name, _)| name == "AWS_CA_BUNDLE");
            assert_eq!(found.map(|(_, value)| value.expose()), expected);
        }
        let values: Vec<_> = form.set.iter().map(|(_, value)| value.expose()).collect();
        assert_eq!(values[2..6], ["tok", "eu-west-1", "eu-west-1", "2026-11-22T04:36:43Z"]);
        assert_eq!(values[6..], ["http://127.0.0.1:9000", "2026-11-22T04:36:43Z"]);
        for name in [
            "AWS_PROFILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_SECURITY_TOKEN",
            "AWS_ACCESS_KEY",
            "AWS_SECRET_KEY",
            "AMAZON_ACCESS_KEY_ID",
            "AMAZON_SECRET_ACCESS_KEY",
            "AMAZON_SESSION_TOKEN",
            "AWS_ENDPOINT_URL_S3",
            "AWS_BEARER_TOKEN_BEDROCK",
        ] {
            assert!(form.unset.iter().any(|it| it == name), "{name}");
        }
        // Set or taken away, never left as it was: another server would be sent these keys.
        let set = form.set.iter().any(|(name, _)| name == "AWS_ENDPOINT_URL");
        assert_ne!(set, form.unset.iter().any(|it| it == "AWS_ENDPOINT_URL"));
    }

    /// What somebody else's temporary keys left behind would spoil keys that have no token and no end.
    #[test]
    fn what_is_not_set_is_taken_away() {
        let long_lived = issued(None, None, never());
        let form = environment(&long_lived.credential, &long_lived.expiry);
        assert!(!names(&form).contains(&"AWS_SESSION_TOKEN"));
        for name in ["AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "CONNECTOR_EXPIRES_AT", "AWS_PROFILE"]
        {
            assert!(form.unset.iter().any(|it| it == name), "{name}");
        }
    }
}
