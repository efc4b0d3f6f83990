//! A shared access signature, among the settings of `az storage`.

use std::path::Path;

use connector_core::{Envelope, EnvironmentForm, Error, Result};

use super::{Cloud, Made, file, section};
use crate::edit::Format;
use crate::shell::quoted;

/// What az takes from `AZURE_STORAGE_OPTION` it takes as well from its settings: the text that says with the signature
/// which account it is for. With a signature alone az would go to whichever account a command names.
pub(super) fn made(
    folder: &Path,
    cloud: &Cloud,
    envelope: &Envelope,
    variables: &EnvironmentForm,
) -> Result<Made> {
    let value = |option: &str| {
        let name = format!("AZURE_STORAGE_{}", option.to_uppercase());
        variables.set.iter().find(|it| it.0 == name).map(|(_, value)| (option.to_owned(), value.expose()))
    };
    let storage = ["connection_string", "auth_mode"].map(value);
    let [Some((connection_string, text)), Some((auth_mode, mode))] = &storage else {
        return Err(Error::unexpected("the signature has no form that az reads"));
    };
    let settings = vec![
        section("core", &[("collect_telemetry", "false")])?,
        section("cloud", &[("name", cloud.az_name)])?,
        section("storage", &[(connection_string, text), (auth_mode, mode)])?,
    ];
    let fields = &envelope.fields;
    let container = fields.text_if("container").map(|it| format!(" --container-name {}", quoted(it)));
    // Without the slash at its end it would be a list of what is beside the directory, too, and is refused.
    let part = envelope.within.as_deref().map(|it| it.strip_suffix('/').unwrap_or(it));
    let part = part.map(|it| format!(" --prefix {}", quoted(&format!("{it}/"))));
    Ok(Made {
        files: vec![file(folder, "config", Format::Ini, true, settings)],
        example: ["storage blob list".to_owned()].into_iter().chain(container).chain(part).collect(),
        note: "the signature is for `az storage` and this one container; log in again when it ends"
            .to_owned(),
        read_first: vec!["AZURE_CLOUD_NAME", "AZURE_STORAGE_AUTH_MODE", "AZURE_STORAGE_CONNECTION_STRING"],
    })
}

#[cfg(test)]
mod tests {
    use connector_core::Secret;
    use serde_json::{Value, json};

    use super::super::CLOUDS;
    use super::*;

    /// A signature for a directory lists what is below it, and not what begins with its name.
    #[cfg(not(windows))]
    #[test]
    fn the_example_of_a_part_is_one_that_is_let_through() {
        let text = Secret::new("BlobEndpoint=https://zen.example.org;SharedAccessSignature=sig=hunter2");
        let variables = EnvironmentForm::default()
            .set("AZURE_STORAGE_CONNECTION_STRING", text)
            .set("AZURE_STORAGE_AUTH_MODE", "key");
        for (within, expected) in [
            (Value::Null, "storage blob list --container-name data"),
            (json!("a"), "storage blob list --container-name data --prefix a/"),
            (json!("a/"), "storage blob list --container-name data --prefix a/"),
            (json!("a/my b"), "storage blob list --container-name data --prefix 'a/my b/'"),
        ] {
            let text = json!({
                "version": 1, "kind": "azure", "connector": "prod",
                "resource": { "type": "blob-container", "id": "az://zen/data" }, "within": within,
                "access": "read", "expires_at": "2026-01-01T00:00:00Z", "provider_expiry": null,
                "narrowed": true, "reason": "-", "long_lived": false,
                "public": { "container": "data" }, "secret": { "sas_token": "sig=hunter2" },
            });
            let envelope = Envelope::from_json(&text.to_string()).expect("an envelope");
            let made = made(Path::new("/az"), &CLOUDS[0], &envelope, &variables).expect("made");
            assert_eq!(made.example, expected);
        }
    }
}
