//! Environment variables as shells and files write them. Whatever a value holds, it is set to exactly that,
//! and nothing in it is run.

use std::collections::BTreeMap;
use std::fmt::Write;

use connector_core::{EnvironmentForm, Error, Result, Secret};
use zeroize::Zeroizing;

use crate::args::EnvFormat;

/// Writes variables in a format, with a remark for people where the format has comments. The text ends with
/// the end of a line.
pub(in crate::commands) fn render(format: EnvFormat, form: &EnvironmentForm, remark: &str) -> Secret {
    let mut text = Zeroizing::new(String::new());
    let written = match format {
        EnvFormat::Json => json(&mut text, form),
        _ => lines(&mut text, format, form, remark),
    };
    written.expect("a text takes all that is written to it");
    Secret::new(std::mem::take(&mut *text))
}

fn lines(text: &mut String, format: EnvFormat, form: &EnvironmentForm, remark: &str) -> std::fmt::Result {
    // A remark that broke the line could go on as a command.
    let remark = remark.replace(|it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}'), " ");
    writeln!(text, "# {remark}")?;
    for name in &form.unset {
        match format {
            EnvFormat::Sh => writeln!(text, "unset {name}")?,
            EnvFormat::Fish => writeln!(text, "set -e {name}")?,
            EnvFormat::Powershell => writeln!(text, "Remove-Item -ErrorAction SilentlyContinue Env:{name}")?,
            // Such a file can only set, and an empty value is not the same as none.
            _ => writeln!(text, "# {name} must not be set beside these")?,
        }
    }
    for (name, value) in &form.set {
        let value = value.expose();
        match format {
            EnvFormat::Sh => writeln!(text, "export {name}={}", *sh(value))?,
            EnvFormat::Fish => writeln!(text, "set -gx {name} {}", *fish(value))?,
            EnvFormat::Powershell => writeln!(text, "$Env:{name} = {}", *powershell(value))?,
            _ => writeln!(text, "{name}={}", *dotenv(value))?,
        }
    }
    Ok(())
}

/// Names and texts in YAML, `null` where the variable must not be set.
pub(in crate::commands) fn yaml(form: &EnvironmentForm) -> Result<Secret> {
    let set = form.set.iter().map(|(name, value)| (name.as_str(), Some(value.expose())));
    let unset = form.unset.iter().map(|name| (name.as_str(), None));
    let all: BTreeMap<&str, Option<&str>> = set.chain(unset).collect();
    serde_saphyr::to_string(&all)
        .map(Secret::new)
        .map_err(|_| Error::unexpected("the variables cannot be written in this form"))
}

/// One object: a text where the variable is set, `null` where it must not be.
fn json(text: &mut String, form: &EnvironmentForm) -> std::fmt::Result {
    let quoted = |it: &str| Zeroizing::new(serde_json::to_string(it).expect("texts are always JSON"));
    text.push('{');
    let unset = form.unset.iter().map(|name| (name, Zeroizing::new("null".to_owned())));
    let set = form.set.iter().map(|(name, value)| (name, quoted(value.expose())));
    for (at, (name, value)) in set.chain(unset).enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(text, "{comma}\n  {}: {}", *quoted(name), *value)?;
    }
    text.push_str("\n}\n");
    Ok(())
}

/// For every POSIX shell: within single quotes nothing is special but their end.
fn sh(value: &str) -> Zeroizing<String> {
    quoted(value, |symbol, out| match symbol {
        '\'' => out.push_str(r"'\''"),
        other => out.push(other),
    })
}

/// For fish: within single quotes a backslash escapes itself and the quote.
fn fish(value: &str) -> Zeroizing<String> {
    quoted(value, |symbol, out| {
        if matches!(symbol, '\'' | '\\') {
            out.push('\\');
        }
        out.push(symbol);
    })
}

/// For PowerShell: a quote is written twice, and typographic ones count as quotes too.
fn powershell(value: &str) -> Zeroizing<String> {
    quoted(value, |symbol, out| {
        if matches!(symbol, '\'' | '\u{2018}'..='\u{201B}') {
            out.push(symbol);
        }
        out.push(symbol);
    })
}

/// For `.env` files: readers agree on bare words and, mostly, on single quotes. What fits neither is
/// written in double quotes with escapes, as compose and the dotenv libraries read it.
fn dotenv(value: &str) -> Zeroizing<String> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=+@,".contains(it);
    if value.chars().all(plain) {
        return Zeroizing::new(value.to_owned());
    }
    if !value.contains(['\'', '\\', '\n', '\r']) {
        return quoted(value, |symbol, out| out.push(symbol));
    }
    let mut out = Zeroizing::new(String::with_capacity(2 * value.len() + 2));
    out.push('"');
    for symbol in value.chars() {
        match symbol {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' | '$' => out.extend(['\\', symbol]),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn quoted(value: &str, each: impl Fn(char, &mut String)) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(2 * value.len() + 2));
    out.push('\'');
    for symbol in value.chars() {
        each(symbol, &mut out);
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever would end a quote, start a command, break a line or be expanded.
    const HOSTILE: [&str; 12] = [
        "plain/+=word",
        "",
        "it's",
        "two words",
        "line one\nline two\n",
        "$HOME ${PATH} $(touch hit) `touch hit`",
        "'; touch hit; '",
        "\\ \\\\ \\' \\n",
        "\"double\" %PATH% !! # ; & | < > * ? ~ [a]",
        "\u{2018}typographic\u{2019} \u{201a}\u{201b}",
        "tab\there, bell\u{7}, umlaut ü, 字",
        "-n -e",
    ];

    fn form() -> EnvironmentForm {
        let named = HOSTILE.iter().enumerate().map(|(at, value)| (format!("VALUE_{at}"), *value));
        named.fold(EnvironmentForm::default(), |form, (name, value)| form.set(name, value)).unset("SHADOW")
    }

    fn rendered(format: EnvFormat) -> String {
        render(format, &form(), "a remark\n touch hit").expose().to_owned()
    }

    /// The values that a program finds in its environment after it has run a script, and what is left of
    /// the variable that has to go. `None` where there is no such program.
    fn values_after(program: &[&str], script: &str) -> Option<Vec<String>> {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("script");
        std::fs::write(&file, script).expect("written");
        let run = std::process::Command::new(program[0])
            .args(&program[1..])
            .arg(&file)
            .env("SHADOW", "somebody else's")
            .current_dir(directory.path())
            .output()
            .ok()?;
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 1, "something was run");
        let text = String::from_utf8(run.stdout).expect("the values are UTF-8");
        let values = text.split('\0').filter_map(|line| line.split_once('='));
        let values: std::collections::BTreeMap<_, _> = values.collect();
        assert!(!values.contains_key("SHADOW"));
        let value = |at| values.get(format!("VALUE_{at}").as_str()).copied().unwrap_or("missing").to_owned();
        Some((0..HOSTILE.len()).map(value).collect())
    }

    #[cfg(unix)]
    #[test]
    fn a_posix_shell_takes_every_value_as_it_is() {
        let script = format!("{}exec env -0\n", rendered(EnvFormat::Sh));
        assert_eq!(values_after(&["sh"], &script).expect("sh is everywhere"), HOSTILE);
        if let Some(values) = values_after(&["bash"], &script) {
            assert_eq!(values, HOSTILE);
        }
    }

    #[cfg(unix)]
    #[test]
    fn other_shells_take_every_value_as_it_is_where_they_are_installed() {
        let fish = format!("{}exec env -0\n", rendered(EnvFormat::Fish));
        if let Some(values) = values_after(&["fish", "--no-config"], &fish) {
            assert_eq!(values, HOSTILE);
        }
        let powershell = format!("{}env -0\n", rendered(EnvFormat::Powershell));
        if let Some(values) = values_after(&["pwsh", "-NoProfile", "-File"], &powershell) {
            // There, setting an empty value takes the variable away.
            let expected = HOSTILE.map(|it| if it.is_empty() { "missing" } else { it });
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn every_quote_of_a_shell_is_escaped_in_its_own_way() {
        assert_eq!(*sh("a'b\\"), r"'a'\''b\'");
        assert_eq!(*fish("a'b\\$x"), r"'a\'b\\$x'");
        assert_eq!(*powershell("a'b\u{2019}$x"), "'a''b\u{2019}\u{2019}$x'");
        assert_eq!(*dotenv("a/b+c="), "a/b+c=");
        assert_eq!(*dotenv("a b$c\"#"), "'a b$c\"#'");
        assert_eq!(*dotenv("a'b\n$c\\"), r#""a'b\n\$c\\""#);
    }

    #[test]
    fn a_remark_stays_on_its_line() {
        for format in [EnvFormat::Sh, EnvFormat::Fish, EnvFormat::Powershell, EnvFormat::Dotenv] {
            assert!(rendered(format).starts_with("# a remark  touch hit\n"), "{format:?}");
        }
        assert!(rendered(EnvFormat::Dotenv).contains("\n# SHADOW must not be set beside these\n"));
    }

    #[test]
    fn json_is_one_object() {
        let json: serde_json::Value = serde_json::from_str(&rendered(EnvFormat::Json)).expect("JSON");
        for (at, value) in HOSTILE.iter().enumerate() {
            assert_eq!(json[format!("VALUE_{at}")], *value);
        }
        assert!(json["SHADOW"].is_null() && json.as_object().is_some_and(|it| it.contains_key("SHADOW")));
    }
}
