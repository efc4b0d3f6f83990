//! What people hold of Azure: certificates, connection strings and tokens, as the config of every method, and what `az`
//! leaves behind.

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_azure::auth::Certificate;
use connector_core::{Allow, Candidate, Context, Document, Grant, Hints, Response, Secret};
use serde_json::{Map, Value, json};

use crate::answers::CLIENT;
use crate::envelopes::use_envelope;
use crate::world::{World, block_on};
use crate::{CANARY, certificate, judge, key, parts, registry, text};

/// What stands for a private key, and for its certificate, in an input: of others nothing can be told.
const KEY: &str = "@KEY@";
const CERTIFICATE: &str = "@CERTIFICATE@";

/// A secret, `az`'s profile, its tokens and its applications, and what Azure and `az` itself answer, each a part of the
/// input. Without the last all say the first.
pub fn logins(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let mut parts = parts(text);
    let secret = parts.next().unwrap_or_default().replace(KEY, key()).replace(CERTIFICATE, certificate());
    // Who somebody is, and where, is told.
    let profile = parts.next().unwrap_or_default().replace(CANARY, "x");
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (tokens, applications) = (next(), next());
    let mut answers: Vec<String> = parts.map(str::to_owned).collect();
    if answers.is_empty() {
        answers.push(secret.clone());
    }
    let machine = Machine { secret, profile, tokens, applications, answers };
    machine.read();
    for (method, field, more) in METHODS {
        for text in [machine.secret.clone(), STANDARD.encode(&machine.secret)] {
            let mut config = more();
            config[field] = text.into();
            use_config(&machine.context(), method, &config);
        }
    }
    machine.detect();
}

/// The methods, with the field of each that is a secret.
type Held = (&'static str, &'static str, fn() -> Value);
const METHODS: [Held; 6] = [
    ("service-principal", "client_certificate", application),
    ("service-principal", "client_secret", application),
    ("workload-identity", "federated_token", application),
    ("user-account", "refresh_token", || json!({})),
    ("access-token", "token", || json!({ "expires_at": "2026-01-01T01:00:00Z" })),
    ("connection-string", "connection_string", || json!({})),
];

fn application() -> Value {
    json!({ "tenant_id": "contoso.onmicrosoft.com", "client_id": CLIENT })
}

struct Machine {
    secret: String,
    profile: String,
    tokens: String,
    applications: String,
    answers: Vec<String>,
}

impl Machine {
    /// The reader of certificates, on the text as it is and in base64.
    fn read(&self) {
        let plain = Certificate::parse(&self.secret.as_str().into());
        let packed = Certificate::parse(&Secret::new(STANDARD.encode(&self.secret)));
        let is_pem = self.secret.contains("-----BEGIN ");
        assert!(!is_pem || plain.is_ok() == packed.is_ok(), "base64 makes it another certificate");
        for parsed in [plain, packed] {
            match parsed {
                Ok(certificate) => assert_eq!(format!("{certificate:?}"), "[HIDDEN]"),
                Err(error) => judge(&error),
            }
        }
    }

    /// On which everything lies where `az` and Azure's libraries look for it.
    fn context(&self) -> Context {
        let az = PathBuf::from("/home/alice/.azure");
        let files = [
            ("azureProfile.json", &self.profile),
            ("msal_token_cache.json", &self.tokens),
            ("service_principal_entries.json", &self.applications),
        ];
        let files = files.into_iter().map(|(name, text)| (az.join(name), text.clone().into_bytes()));
        let secret = [("/token", &self.secret), ("/cert.pem", &self.secret)];
        let secret = secret.map(|(path, text)| (PathBuf::from(path), text.clone().into_bytes()));
        let answers = self.answers.iter().map(|it| Response::new(200, Vec::new(), it.clone().into_bytes()));
        let output = self.answers.first().cloned().unwrap_or_default().into_bytes();
        let world = World::answering(answers.collect(), output);
        world.context(files.chain(secret).collect()).with_implicit(true)
    }

    fn with(&self, variables: &[(&str, &str)]) -> Context {
        let home = [("HOME", "/home/alice")];
        let all = home.iter().chain(variables);
        let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.context().with_environment(all.collect::<HashMap<_, _>>())
    }

    fn detect(&self) {
        let tenant = ("AZURE_TENANT_ID", "contoso.onmicrosoft.com");
        let client = ("AZURE_CLIENT_ID", CLIENT);
        let worlds: [&dyn Fn() -> Context; 4] = [
            &|| self.context(),
            &|| self.with(&[tenant, client, ("AZURE_CLIENT_CERTIFICATE_PATH", "/cert.pem")]),
            &|| self.with(&[tenant, client, ("AZURE_FEDERATED_TOKEN_FILE", "/token")]),
            &|| self.with(&[("AZURE_STORAGE_CONNECTION_STRING", &self.secret)]),
        ];
        let mut subscription = Hints::default();
        subscription.profile = Some("my-subscription".to_owned());
        for cx in worlds {
            for hints in [Hints::default(), subscription.clone()] {
                match block_on(registry().detect("azure", &cx(), &hints)) {
                    Ok(found) => found.iter().for_each(|it| use_candidate(&cx(), it)),
                    Err(error) => judge(&error),
                }
            }
            // The method that reads them where they lie.
            use_config(&cx(), "implicit", &json!({}));
        }
    }
}

fn use_candidate(cx: &Context, candidate: &Candidate) {
    const SECRETS: [&str; 6] = [
        "client_secret",
        "client_certificate",
        "federated_token",
        "refresh_token",
        "token",
        "connection_string",
    ];
    let told = format!("{candidate:?} {} {:?}", candidate.found, candidate.notes);
    let is_told = candidate
        .config
        .iter()
        .any(|(name, value)| !SECRETS.contains(&name.as_str()) && value.to_string().contains(CANARY));
    assert!(is_told || !told.contains(CANARY), "a candidate tells a secret: {told}");
    assert!(!told.contains(&key()[100..140]), "a candidate tells a key: {told}");
    use_config(cx, candidate.method, &Value::Object(candidate.config.clone()));
}

/// Everything up to the credential.
fn use_config(cx: &Context, method: &str, config: &Value) {
    let config: Map<String, Value> = config.as_object().cloned().unwrap_or_default();
    let mut document = Document::draft("ours", "azure", method, config.clone());
    document.allow = Allow::ALL.into();
    let connector = match registry().open(&document, config) {
        Ok(connector) => connector,
        Err(error) => return judge(&error),
    };
    let cx = &cx.for_connector(std::sync::Arc::new(connector.terms().clone()));
    for (resource_type, id) in [("blob-container", "az://zenfiles/data"), ("cosmos-db", "zencosmos")] {
        let issued = block_on(async {
            let handle = connector.resource(cx, Grant::new(resource_type, id)).await?;
            let _ = handle.plan();
            handle.envelope().await
        });
        match issued {
            Ok(envelope) => use_envelope(&envelope),
            Err(error) => judge(&error),
        }
    }
}
