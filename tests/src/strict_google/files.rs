//! Credential files, as Google's programs read them, that point here.

use serde_json::{Value, json};

use super::identity::{CLOUD, EMAIL};
use super::{Client, PROJECT, StrictGoogle};

impl StrictGoogle {
    /// A key file for a service account, with a key of its own.
    ///
    /// # Panics
    /// When there is no such account.
    pub fn key_json(&self, email: &str) -> String {
        let (id, pem) = self.add_key(email);
        let (project, unique_id) = {
            let state = self.state();
            let account = state.accounts.get(email).expect("the service account is there");
            (account.project.clone(), account.unique_id.clone())
        };
        text(&json!({
            "type": "service_account", "project_id": project, "private_key_id": id, "private_key": pem,
            "client_email": email, "client_id": unique_id,
            "auth_uri": format!("{}/o/oauth2/auth", self.url()), "token_uri": format!("{}/token", self.url()),
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": format!("https://www.googleapis.com/robot/v1/metadata/x509/{email}"),
            "universe_domain": "googleapis.com",
        }))
    }

    /// What `gcloud auth application-default login` leaves behind for a person, who is added when need be.
    pub fn authorized_user_json(&self, client: &Client, email: &str) -> String {
        if !self.state().users.contains_key(email) {
            self.add_user(email);
        }
        let refresh = self.add_refresh_token(client, email, &["openid", EMAIL, CLOUD]);
        text(&json!({
            "type": "authorized_user", "client_id": client.id, "client_secret": client.secret,
            "refresh_token": refresh, "account": email, "universe_domain": "googleapis.com",
            "token_uri": format!("{}/token", self.url()),
        }))
    }

    /// A `client_secrets.json`.
    pub fn client_secrets_json(&self, client: &Client) -> String {
        text(&json!({ "installed": {
            "client_id": client.id, "client_secret": client.secret, "project_id": PROJECT,
            "auth_uri": format!("{}/o/oauth2/auth", self.url()), "token_uri": format!("{}/token", self.url()),
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "redirect_uris": ["http://localhost"],
        } }))
    }

    /// A file for an identity from elsewhere: `source` says where the token is (`{"file": …}`), `account` names a
    /// service account to be taken on with it.
    pub fn external_account_json(&self, audience: &str, source: &Value, account: Option<&str>) -> String {
        let kind = match source["environment_id"].is_string() {
            true => "aws:token-type:aws4_request",
            false => "oauth:token-type:jwt",
        };
        let mut file = json!({
            "type": "external_account", "audience": audience, "credential_source": source,
            "subject_token_type": format!("urn:ietf:params:{kind}"), "universe_domain": "googleapis.com",
            "token_url": format!("{}/v1/token", self.url()),
            "token_info_url": format!("{}/v1/introspect", self.url()),
        });
        if let Some(email) = account {
            file["service_account_impersonation_url"] = self.impersonation_url(email).into();
        }
        text(&file)
    }

    /// A file for a person of a workforce pool, as `gcloud iam workforce-pools create-cred-config` writes it: `project`,
    /// by its id or number, is whom calls are counted for.
    ///
    /// # Panics
    /// Never: the file is made here.
    pub fn workforce_account_json(&self, audience: &str, source: &Value, project: &str) -> String {
        let file = self.external_account_json(audience, source, None);
        let mut file: Value = serde_json::from_str(&file).expect("it was written just now");
        file["subject_token_type"] = "urn:ietf:params:oauth:token-type:id_token".into();
        file["workforce_pool_user_project"] = project.into();
        text(&file)
    }

    /// A file for a service account that is taken on with the credentials of another file.
    ///
    /// # Panics
    /// When `source` is no JSON.
    pub fn impersonated_json(&self, source: &str, email: &str, delegates: &[&str]) -> String {
        let source: Value = serde_json::from_str(source).expect("the source is a credential file");
        text(&json!({
            "type": "impersonated_service_account", "source_credentials": source,
            "service_account_impersonation_url": self.impersonation_url(email), "delegates": delegates,
        }))
    }

    fn impersonation_url(&self, email: &str) -> String {
        format!("{}/v1/projects/-/serviceAccounts/{email}:generateAccessToken", self.url())
    }
}

fn text(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON can be written")
}
