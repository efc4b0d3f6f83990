//! The protocol in which Azure's SDKs ask an endpoint of their machine: the managed identity of App Service, which is
//! the only one of Azure's that shows a secret. One endpoint gives tokens for each service that is asked for.

use std::time::{SystemTime, UNIX_EPOCH};

use connector_core::agent::{Answer, Asked, Proof, Protocol, Refusal, SetUp, Site};
use connector_core::{EnvironmentForm, Error, Expiry, Grant, Issued, ResourceType, Result, Secret};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::credential::{AzureCredential, Shown};
use crate::mint;
use crate::names::{Audience, Cloud};
use crate::resource::AzureGeneric;
use crate::tool;

mod az;

/// The one path, as App Service has it.
const PATH: &str = "/msi/token";

/// The version that every library speaks. The one before it, 2017-09-01, has another header for its secret, and
/// variables by which newer libraries understand another protocol.
const VERSION: &str = "2019-08-01";

/// What a token that is given as a variable has; here it is asked for.
const TOKENS: [&str; 4] =
    ["AZURE_ACCESS_TOKEN", "AZURE_ACCESS_TOKEN_AUDIENCE", "AZURE_STORAGE_TOKEN", "CONNECTOR_EXPIRES_AT"];

/// The managed identity of an App Service.
#[derive(Debug)]
pub(crate) struct AppService;

/// An answer, key for key. All that is always there is read as there by some library, and the end is text.
#[derive(Serialize)]
struct Told<'a> {
    access_token: &'a str,
    expires_on: String,
    resource: &'a str,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
}

/// What a token says of the application that it was given to.
#[derive(Deserialize)]
struct Application {
    appid: Option<String>,
    azp: Option<String>,
}

impl Protocol<AzureCredential> for AppService {
    fn id(&self) -> &'static str {
        "app-service"
    }

    fn about(&self) -> &'static str {
        "the managed identity of App Service, which Azure's SDKs and az ask for"
    }

    fn proof(&self, _: &str) -> Proof {
        Proof::Header("x-identity-header")
    }

    fn claims(&self, path: &str) -> bool {
        path == PATH
    }

    fn set_up(&self, site: &Site, issued: &Issued<AzureCredential>) -> Result<SetUp> {
        token(issued)?;
        let credential = &issued.credential;
        let as_variables = tool::environment(credential, &issued.expiry);
        let is_kept = |name: &str| !TOKENS.contains(&name) && name != "AZURE_TOKEN_CREDENTIALS";
        let mut form = EnvironmentForm::default();
        for (name, value) in as_variables.set.into_iter().filter(|(name, _)| is_kept(name)) {
            form = form.set(name, value);
        }
        let form = form
            .set("IDENTITY_ENDPOINT", site.url(PATH))
            .set("IDENTITY_HEADER", site.token().clone())
            // A library that finds nothing here would go on with whoever is logged in.
            .set("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
        let (form, files) = az::files(form, site, issued);
        let others = as_variables.unset.into_iter().chain(TOKENS.map(str::to_owned));
        let mut others: Vec<_> = others.filter(|name| !form.set.iter().any(|(set, _)| set == name)).collect();
        others.sort_unstable();
        others.dedup();
        let form = others.into_iter().fold(form, EnvironmentForm::unset);
        Ok(files.into_iter().fold(SetUp::new(form), |set_up, (name, text)| set_up.with_file(name, text)))
    }

    /// `azure-generic` reaches every service, with a token for each; any other grant is for the one that it is.
    fn wants(&self, asked: &Asked, grant: &Grant) -> Result<Grant, Answer> {
        let wanted = wanted(asked).map_err(|refusal| self.refuse(&refusal))?;
        let mut grant = grant.clone();
        let is_open = grant.resource_type.as_deref() == Some(AzureGeneric::ID) && grant.within.is_none();
        if is_open && !is_resource_manager(&wanted) {
            grant.within = Some(wanted.as_str().to_owned());
        }
        Ok(grant)
    }

    fn answer(&self, asked: &Asked, issued: &Issued<AzureCredential>, _: SystemTime) -> Answer {
        match told(asked, issued) {
            Ok(json) => Answer::json(200, json),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        let body = json!({ "statusCode": refusal.status, "message": refusal.message });
        Answer::json(refusal.status, body.to_string())
    }
}

/// The service that a token is asked for. Which of several identities is meant is passed over: there is one.
fn wanted(asked: &Asked) -> Result<Audience, Refusal> {
    let refused = |message: String| Refusal::new(400, "invalid-input", message);
    if asked.query("api-version").as_deref() != Some(VERSION) {
        let older = "older libraries, which ask by MSI_ENDPOINT, cannot be served";
        return Err(refused(format!("`api-version` has to be {VERSION}; {older}")));
    }
    let resource = asked.query("resource").unwrap_or_default();
    Audience::parse(&resource).map_err(|error| refused(format!("`resource`: {}", error.message())))
}

/// Whether a service is Resource Manager, of any cloud and by any of its names: what a grant without a part is for.
fn is_resource_manager(audience: &Audience) -> bool {
    let is_that_of = |cloud: Cloud| {
        Audience::of_claim(audience.as_str(), cloud).is_ok_and(|it| it == Audience::resource_manager(cloud))
    };
    Cloud::ALL.into_iter().any(is_that_of)
}

fn told(asked: &Asked, issued: &Issued<AzureCredential>) -> Result<Secret, Refusal> {
    let wanted = wanted(asked)?;
    let (token, ours, end) = token(issued).map_err(|error| Refusal::from(&error))?;
    let cloud = issued.credential.cloud();
    let named = |it: &str| Audience::of_claim(it, cloud);
    let both = named(ours).and_then(|ours| Ok((ours, named(wanted.as_str())?)));
    let (ours, wanted) = both.map_err(|error| Refusal::from(&error))?;
    if !ours.covers(&wanted, cloud) {
        let message = format!(
            "this endpoint gives tokens for {ours}, and none for {wanted}; bind `{}` without a part of it, which gives tokens for every service",
            AzureGeneric::ID
        );
        return Err(Refusal::new(400, "invalid-input", message));
    }
    let application = mint::claims_as::<Application>(token);
    let told = Told {
        access_token: token.expose(),
        expires_on: end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string(),
        // As it was asked for: a library may look for it by that.
        resource: &asked.query("resource").unwrap_or_default(),
        token_type: "Bearer",
        client_id: application.and_then(|it| it.appid.or(it.azp)),
    };
    let json = serde_json::to_string(&told);
    json.map(Secret::new).map_err(|_| Refusal::new(500, "unexpected", "the token has no JSON form"))
}

/// The token, for which service it is, and when it ends.
fn token(issued: &Issued<AzureCredential>) -> Result<(&Secret, &str, SystemTime)> {
    match (&issued.credential.shown, &issued.expiry) {
        (Shown::Token { token, audience }, Expiry::At(end)) => Ok((token, audience, *end)),
        (Shown::Token { .. }, Expiry::Never(_)) => {
            Err(Error::refused("a token whose end nobody knows cannot be given by an endpoint")
                .with_hint("take a method that asks for tokens, such as service-principal"))
        }
        (Shown::Signature(_), _) => {
            Err(Error::refused("a signature is no token, and this protocol gives tokens").with_hint(
                "bind `azure-generic`, within https://storage.azure.com or for every service; or hand the signature over \
                 as variables, with `connector exec` or `connector env`",
            ))
        }
        (Shown::ConnectionString(_), _) => Err(Error::refused(
            "a connection string is no token, and this protocol gives tokens",
        )
        .with_hint("take a connector with a method of Entra ID, such as service-principal, and bind `azure-generic`")),
    }
}

#[cfg(test)]
mod tests;
