//! Credential files of Google Cloud: each form by its own reader, as the config of a method, and where gcloud leaves
//! them.

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_core::{Allow, Candidate, Context, Document, Error, Grant, Hints, Response, Secret};
use connector_gcp::file::{ClientSecrets, ExternalAccount, ServiceAccountKey, UserFile};
use serde_json::{Map, Value, json};

use crate::envelopes::use_envelope;
use crate::world::{World, block_on};
use crate::{CANARY, judge, key, parts, registry, text};

/// What stands for a private key in an input: a key of which nothing else can be told.
const KEY: &str = "@KEY@";

/// A file, what files and programs hold that it names, and what URLs and Google answer, each a part of the input. Without
/// the last all say the same.
pub fn credentials(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let mut parts = parts(text);
    let in_json = Value::from(key()).to_string();
    let file = parts.next().unwrap_or_default().replace(KEY, in_json.trim_matches('"'));
    let said = parts.next().unwrap_or_default();
    let mut answers: Vec<_> = parts.collect();
    if answers.is_empty() {
        answers.push(said);
    }
    let said = Said { said, answers };
    read(&file);
    for (field, method) in METHODS {
        use_config(&said.world(&file), method, &json!({ "project_id": "my-project", field: file }));
    }
    detect(&file, &said);
}

/// The fields that take files, with their methods.
const METHODS: [(&str, &str); 5] = [
    ("service_account_json", "service-account"),
    ("service_account_json", "impersonation"),
    ("user_account_json", "user-account"),
    ("client_secrets_json", "user-account"),
    ("external_account_json", "external-account"),
];

/// Every reader, on the file as it is and in base64.
fn read(file: &str) {
    let is_told = tells(file);
    let packed = [STANDARD.encode(file), URL_SAFE_NO_PAD.encode(file)];
    let is_json = file.trim_start_matches('\u{feff}').trim().starts_with('{');
    let check = |parse: &dyn Fn(&Secret) -> Result<String, Error>| {
        let plain = parse(&file.into());
        match &plain {
            Ok(shown) => assert!(is_told || !shown.contains(CANARY), "a file is shown: {shown}"),
            Err(error) => judge(error),
        }
        for packed in &packed {
            let again = parse(&packed.as_str().into());
            again.as_ref().err().into_iter().for_each(judge);
            assert!(!is_json || again.is_ok() == plain.is_ok(), "base64 makes it another file");
        }
    };
    check(&|it| ServiceAccountKey::parse(it).map(|it| format!("{it:?}")));
    check(&|it| UserFile::parse(it).map(|it| format!("{it:?}")));
    check(&|it| ExternalAccount::parse(it).map(|it| format!("{it:?}")));
    check(&|it| ClientSecrets::parse(it).map(|it| format!("{it:?}")));
}

/// Whether a canary became a part of what may be shown: whose file it is.
fn tells(file: &str) -> bool {
    let json: Value = serde_json::from_str(file.trim_start_matches('\u{feff}').trim()).unwrap_or_default();
    let shown = ["client_email", "account", "audience", "client_id"].map(|it| json[it].to_string());
    shown.iter().any(|it| it.contains(CANARY))
        || ["installed", "web"].iter().any(|it| json[*it]["client_id"].to_string().contains(CANARY))
}

/// What is said to whoever asks.
struct Said<'a> {
    said: &'a str,
    answers: Vec<&'a str>,
}

impl Said<'_> {
    /// A machine on which the file lies where Google's programs look for it.
    fn world(&self, file: &str) -> Context {
        let gcloud = PathBuf::from("/home/alice/.config/gcloud");
        // Its account is a part of a path, which may be told.
        let settings = self.said.replace(CANARY, "x");
        let files = HashMap::from([
            (PathBuf::from("/token"), self.said.as_bytes().to_vec()),
            (PathBuf::from(NAMED), file.as_bytes().to_vec()),
            (gcloud.join("application_default_credentials.json"), file.as_bytes().to_vec()),
            (gcloud.join("active_config"), b"default".to_vec()),
            (gcloud.join("configurations/config_default"), settings.into_bytes()),
            (gcloud.join("legacy_credentials/alice@example.com/adc.json"), file.as_bytes().to_vec()),
        ]);
        let answers = self.answers.iter().map(|it| Response::new(200, Vec::new(), it.as_bytes().to_vec()));
        let output = self.said.as_bytes().to_vec();
        World::answering(answers.collect(), output).context(files).with_implicit(true)
    }
}

const NAMED: &str = "/home/alice/named.json";

fn detect(file: &str, said: &Said<'_>) {
    let named = [("HOME", "/home/alice"), ("GOOGLE_APPLICATION_CREDENTIALS", NAMED)];
    let named = HashMap::from(named.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // A new one each time: its answers come in their order.
    let plain = || said.world(file);
    let with_variable = || said.world(file).with_environment(named.clone());
    let mut gcloud = Hints::default();
    gcloud.profile = Some("default".to_owned());
    let (plain, with_variable): (&dyn Fn() -> Context, &dyn Fn() -> Context) = (&plain, &with_variable);
    for (cx, hints) in [(plain, Hints::default()), (plain, gcloud), (with_variable, Hints::default())] {
        match block_on(registry().detect("gcp", &cx(), &hints)) {
            Ok(found) => found.iter().for_each(|it| use_candidate(&cx(), it)),
            Err(error) => judge(&error),
        }
    }
    // The method that reads them where they lie.
    for cx in [plain, with_variable] {
        use_config(&cx(), "implicit", &json!({ "project_id": "my-project" }));
    }
}

fn use_candidate(cx: &Context, candidate: &Candidate) {
    let told = format!("{candidate:?} {} {:?}", candidate.found, candidate.notes);
    let is_told = candidate
        .config
        .iter()
        .any(|(name, value)| !name.ends_with("_json") && value.to_string().contains(CANARY));
    assert!(is_told || !told.contains(CANARY), "a candidate tells a secret: {told}");
    use_config(cx, candidate.method, &Value::Object(candidate.config.clone()));
}

/// Everything up to the credential.
fn use_config(cx: &Context, method: &str, config: &Value) {
    let mut config: Map<String, Value> = config.as_object().cloned().unwrap_or_default();
    if method == "impersonation" {
        let target = "target@my-project.iam.gserviceaccount.com";
        config.entry("target_principal").or_insert_with(|| target.into());
    }
    let mut document = Document::draft("ours", "gcp", method, config.clone());
    document.allow = Allow::ALL.into();
    let connector = match registry().open(&document, config) {
        Ok(connector) => connector,
        Err(error) => return judge(&error),
    };
    let cx = &cx.for_connector(std::sync::Arc::new(connector.terms().clone()));
    let issued = block_on(async {
        let handle = connector.resource(cx, Grant::new("gcs-bucket", "gs://zenfiles/a/")).await?;
        let _ = handle.plan();
        handle.envelope().await
    });
    match issued {
        Ok(envelope) => use_envelope(&envelope),
        Err(error) => judge(&error),
    }
}
