//! How a failure ends the program: what is said on standard error, and the exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use connector_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::args::OutputFormat;
use crate::output::clean;

/// Says what went wrong, in the form that was asked for, and gives the exit code that says so too.
pub(crate) fn report(error: &Error, format: OutputFormat) -> ExitCode {
    let text = match format {
        OutputFormat::Json => json_text(error),
        OutputFormat::Table | OutputFormat::Yaml => {
            let colors = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
            plain_text(error, colors && std::io::stderr().is_terminal())
        }
    };
    // Nobody is left to be told when this fails.
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::from(code(error.kind()))
}

/// The exit code of a kind of failure.
pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidInput => 2,
        ErrorKind::NotFound | ErrorKind::NotConfigured => 3,
        ErrorKind::Refused => 4,
        ErrorKind::Expired | ErrorKind::Disabled => 5,
        ErrorKind::Unreachable => 6,
        ErrorKind::Store => 7,
        _ => 1,
    }
}

/// What the command line itself has wrong, as clap found it; help and version are no failures.
pub(crate) fn report_usage(error: &clap::Error, format: OutputFormat) -> ExitCode {
    if format != OutputFormat::Json || !error.use_stderr() {
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let rendered = error.render().to_string();
    let mut parts = rendered.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = parts.next().unwrap_or_default();
    let hint = parts.find(|part| part.starts_with("tip: ") || part.starts_with("Usage: "));
    let error = Error::invalid(what.trim_start_matches("error: "));
    let hint = hint.map(|it| it.trim_start_matches("tip: ").to_owned());
    report(&error.with_hint(hint.unwrap_or_else(|| "see `connector --help`".into())), format)
}

/// The error as one JSON object on one line; every key is always there.
fn json_text(error: &Error) -> String {
    error_value(error).to_string()
}

/// The error as a JSON object.
pub(crate) fn error_value(error: &Error) -> Value {
    let problems: Vec<Value> =
        error.field_problems().iter().map(|it| json!({"field": it.field, "message": it.message})).collect();
    json!({"error": {
        "kind": error.kind().as_str(),
        "message": error.message(),
        "hint": error.hint(),
        "connector": error.connector(),
        "problems": problems,
        "causes": error.causes(),
    }})
}

fn plain_text(error: &Error, colors: bool) -> String {
    let word = |word: &str, color: &str| {
        if colors { format!("\x1b[1;{color}m{word}\x1b[0m") } else { word.to_owned() }
    };
    let mut lines = vec![format!("{} {}", word("error:", "31"), clean(error.message()))];
    let problems = error.field_problems();
    // The message of a single fault says it already.
    if problems.len() != 1 || problems[0].to_string() != error.message() {
        lines.extend(problems.iter().map(|it| format!("  {}", clean(&it.to_string()))));
    }
    lines.extend(error.causes().iter().map(|it| format!("  because: {}", clean(it))));
    if let Some(hint) = error.hint() {
        lines.push(format!("{} {}", word("hint:", "36"), clean(hint)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use connector_core::Problem;

    use super::*;

    #[test]
    fn what_then_causes_then_hint() {
        let error =
            Error::problems("two faults", vec![Problem::new("a", "missing"), Problem::new("b", "bad")])
                .with_cause("something beneath")
                .with_hint("mend it");
        let text = plain_text(&error, false);
        assert_eq!(
            text,
            "error: two faults\n  a: missing\n  b: bad\n  because: something beneath\nhint: mend it"
        );
        assert_eq!(plain_text(&Error::field("a", "missing"), false), "error: a: missing");
    }

    #[test]
    fn json_has_every_key_always() {
        let value = error_value(&Error::store("locked").with_connector("prod"));
        assert_eq!(
            value,
            json!({"error": {"kind": "store", "message": "locked", "hint": null, "connector": "prod",
                "problems": [], "causes": []}})
        );
    }

    #[test]
    fn kinds_have_the_codes_of_the_catalogue() {
        use ErrorKind::{
            Disabled, Expired, InvalidInput, NotConfigured, NotFound, Refused, Store, Unexpected, Unreachable,
        };
        let codes = [
            (Unexpected, 1),
            (InvalidInput, 2),
            (NotFound, 3),
            (NotConfigured, 3),
            (Refused, 4),
            (Expired, 5),
            (Disabled, 5),
            (Unreachable, 6),
            (Store, 7),
        ];
        for (kind, expected) in codes {
            assert_eq!(code(kind), expected, "{kind}");
        }
    }
}
