//! Where the token of an external account comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use connector_core::{Error, Result, Secret, is_absolute};
use serde::Deserialize;

use super::raw::{needed, needed_text};

/// Where the token of elsewhere is.
#[derive(Clone)]
pub(crate) enum SubjectSource {
    /// In a file, which somebody else replaces in time.
    File { path: PathBuf, format: Format },
    /// At a URL.
    Url { url: String, headers: Vec<(String, Secret)>, format: Format },
    /// A program prints it. Run only when the connector says `allow: [exec]`.
    Executable(Executable),
    /// It is a request to AWS that is signed and not sent.
    Aws(AwsSource),
}

/// A program that prints a token. The file's `output_file` is not read: what is issued is kept sealed, and the program is run
/// for each new token.
#[derive(Clone)]
pub(crate) struct Executable {
    pub(crate) words: Vec<String>,
    pub(crate) timeout: Duration,
}

/// AWS's own metadata, as the file names it.
#[derive(Clone)]
pub(crate) struct AwsSource {
    pub(crate) region_url: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) verification_url: String,
    pub(crate) token_url: Option<String>,
}

/// How a token stands in its file or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As it is.
    Text,
    /// In a field of JSON.
    Json(String),
}

/// As it stands in the file.
#[derive(Clone, Deserialize)]
pub(super) struct RawSource {
    file: Option<String>,
    url: Option<String>,
    headers: Option<BTreeMap<String, Secret>>,
    format: Option<RawFormat>,
    executable: Option<RawExecutable>,
    environment_id: Option<String>,
    region_url: Option<String>,
    regional_cred_verification_url: Option<String>,
    imdsv2_session_token_url: Option<String>,
    certificate: Option<serde::de::IgnoredAny>,
}

#[derive(Clone, Deserialize)]
struct RawFormat {
    #[serde(rename = "type")]
    type_: Option<String>,
    subject_token_field_name: Option<String>,
}

#[derive(Clone, Deserialize)]
struct RawExecutable {
    command: Option<String>,
    timeout_millis: Option<u64>,
}

impl SubjectSource {
    pub(super) fn of(raw: &RawSource) -> Result<Self> {
        if raw.certificate.is_some() {
            return Err(wrong("certificates (X.509 federation) are not taken"));
        }
        if let Some(id) = &raw.environment_id {
            return Self::aws(raw, id);
        }
        match (&raw.file, &raw.url, &raw.executable) {
            (Some(file), None, None) => {
                if !is_absolute(file) {
                    return Err(wrong("`file` is no absolute path"));
                }
                Ok(Self::File { path: file.into(), format: Format::of(raw)? })
            }
            (None, Some(url), None) => {
                check_url("url", url)?;
                let headers = raw.headers.clone().unwrap_or_default().into_iter().collect();
                Ok(Self::Url { url: url.clone(), headers, format: Format::of(raw)? })
            }
            (None, None, Some(executable)) => Executable::of(executable).map(Self::Executable),
            (None, None, None) => Err(wrong("lacks `file`, `url`, `executable` or `environment_id`")),
            _ => Err(wrong("has more than one of `file`, `url` and `executable`")),
        }
    }

    fn aws(raw: &RawSource, id: &str) -> Result<Self> {
        if id != "aws1" {
            return Err(wrong("`environment_id` names no version that is known: expected aws1"));
        }
        let verification = raw.regional_cred_verification_url.as_ref();
        let verification = needed_text("credential_source.regional_cred_verification_url", verification)?;
        check_url("regional_cred_verification_url", verification)?;
        let urls = [
            ("region_url", &raw.region_url),
            ("url", &raw.url),
            ("imdsv2_session_token_url", &raw.imdsv2_session_token_url),
        ];
        for (field, url) in urls {
            url.as_ref().map_or(Ok(()), |url| check_url(field, url))?;
        }
        Ok(Self::Aws(AwsSource {
            region_url: raw.region_url.clone(),
            url: raw.url.clone(),
            verification_url: verification.to_owned(),
            token_url: raw.imdsv2_session_token_url.clone(),
        }))
    }
}

impl Executable {
    fn of(raw: &RawExecutable) -> Result<Self> {
        let command = needed("credential_source.executable.command", raw.command.as_ref())?;
        let words =
            words(command).ok_or_else(|| wrong("`executable.command` has a quote that does not end"))?;
        if !words.first().is_some_and(|program| is_absolute(program)) {
            return Err(wrong("`executable.command` does not begin with an absolute path"));
        }
        let millis = raw.timeout_millis.unwrap_or(30_000);
        if !(5_000..=120_000).contains(&millis) {
            return Err(wrong("`executable.timeout_millis`: expected 5000 to 120000 milliseconds"));
        }
        Ok(Self { words, timeout: Duration::from_millis(millis) })
    }
}

impl Format {
    fn of(raw: &RawSource) -> Result<Self> {
        let Some(format) = &raw.format else { return Ok(Self::Text) };
        match format.type_.as_deref() {
            None | Some("text") => Ok(Self::Text),
            Some("json") => {
                let field = format.subject_token_field_name.as_ref();
                let field = needed_text("credential_source.format.subject_token_field_name", field)?;
                Ok(Self::Json(field.to_owned()))
            }
            Some(_) => Err(wrong("`format.type`: expected text or json")),
        }
    }
}

fn wrong(why: &str) -> Error {
    Error::invalid(format!("`credential_source` {why}"))
}

/// Metadata services are among these URLs, so what they may be is looked at when they are asked.
fn check_url(field: &str, url: &str) -> Result<()> {
    let good = (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 2048
        && url.bytes().all(|it| it.is_ascii_graphic());
    if good { Ok(()) } else { Err(wrong(&format!("`{field}` is no http or https URL"))) }
}

/// The words of a command as a shell would split it, without a shell: blanks, both quotes, the backslash.
fn words(command: &str) -> Option<Vec<String>> {
    let (mut out, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (it, Some(open)) if it == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(characters.next()?),
            (it @ ('\'' | '"'), None) => {
                quote = Some(it);
                word.get_or_insert_default();
            }
            (it, None) if it.is_whitespace() => out.extend(word.take()),
            (it, _) => word.get_or_insert_default().push(it),
        }
    }
    out.extend(word);
    quote.is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_command_is_split_as_a_shell_splits_it() {
        for (command, expected) in [
            ("/bin/token", Some(vec!["/bin/token"])),
            (
                "  /bin/token --audience 'a b' \"c \\\" d\" e\\ f '' ",
                Some(vec!["/bin/token", "--audience", "a b", "c \" d", "e f", ""]),
            ),
            ("/bin/token $(id) `id` ; rm", Some(vec!["/bin/token", "$(id)", "`id`", ";", "rm"])),
            ("/bin/token 'a", None),
            ("/bin/token \\", None),
            ("", Some(vec![])),
        ] {
            assert_eq!(
                words(command),
                expected.map(|it| it.into_iter().map(str::to_owned).collect()),
                "{command}"
            );
        }
    }
}
