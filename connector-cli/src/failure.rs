//! How a failure ends the program: what is said on standard error, and the exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue};
use connector_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::args::{Cli, OutputFormat};
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

/// One error for several connectors that failed: the worst decides the exit code, and each is a cause.
pub(crate) fn sum_up(what: &str, failures: &[(&str, &Error)]) -> Error {
    let Some((name, worst)) = failures.iter().max_by_key(|(_, error)| code(error.kind())) else {
        return Error::unexpected(what);
    };
    if failures.len() == 1 {
        return (*worst).clone().with_connector(*name);
    }
    let summary = Error::new(worst.kind(), what);
    let told = failures.iter().take(MOST).map(|(name, error)| format!("{name}: {error}"));
    let more = failures.len().checked_sub(MOST).filter(|more| *more > 0);
    let causes = told.chain(more.map(|more| format!("and {more} more")));
    let summary = causes.fold(summary, Error::with_cause);
    match worst.hint() {
        Some(hint) => summary.with_hint(hint),
        None => summary.with_hint(format!("`connector verify {name}` says more")),
    }
}

/// How many failures are told one by one; the rows of the answer have all of them.
const MOST: usize = 10;

/// What the command line itself has wrong, as clap found it; help and version are no failures.
pub(crate) fn report_usage(error: &clap::Error, format: OutputFormat) -> ExitCode {
    let is_help = error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || (is_help && format != OutputFormat::Json) {
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    report(&usage(error, &words.collect::<Vec<_>>()), format)
}

/// The same fault as an error of ours: what it is, and what was probably meant or where to read on.
fn usage(error: &clap::Error, words: &[String]) -> Error {
    let rendered = without_values(error, error.render().to_string());
    let command = command(words);
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let message = format!("`{command}` needs to be told what to do");
        return Error::invalid(message).with_hint(format!("`{command} --help` shows what there is"));
    }
    let what = rendered.split("\n\n").next().unwrap_or_default();
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    let suggested =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
            .into_iter()
            .find_map(|kind| match error.get(kind)? {
                ContextValue::String(word) => Some(word.clone()),
                // The nearest comes last.
                ContextValue::Strings(words) => words.last().cloned(),
                _ => None,
            });
    let hint = match suggested {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("`{command} --help` shows what it takes"),
    };
    Error::invalid(what.trim_start_matches("error: ")).with_hint(hint)
}

/// A `KEY=VALUE` in the wrong place may hold a secret: its value is not repeated.
fn without_values(error: &clap::Error, rendered: String) -> String {
    let words = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter();
    let words = words.filter_map(|kind| match error.get(kind)? {
        ContextValue::String(word) => Some(word),
        _ => None,
    });
    let pairs = words.filter_map(|word| Some((word, word.split_once('=')?.0)));
    pairs.fold(rendered, |text, (word, key)| text.replace(word.as_str(), &format!("{key}=…")))
}

/// The command that was meant: the words that lead to it. Values before it would only lead nowhere.
fn command(words: &[String]) -> String {
    let mut command = &Cli::command();
    let mut path = vec!["connector"];
    for word in words.iter().take_while(|word| *word != "--") {
        if let Some(inner) = command.find_subcommand(word) {
            path.push(inner.get_name());
            command = inner;
        }
    }
    path.join(" ")
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
    fn usage_errors_have_a_hint_of_our_own() {
        use clap::Parser;
        let hint = |words: &[&str]| {
            let error = crate::args::Cli::try_parse_from([&["connector"], words].concat());
            let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
            usage(&error.expect_err("wrong usage"), &words).hint().map(str::to_owned)
        };
        assert_eq!(hint(&["list", "--lable", "a=b"]).as_deref(), Some("did you mean `--label`?"));
        assert_eq!(hint(&["regster"]).as_deref(), Some("did you mean `register`?"));
        let bogus = hint(&["register", "x", "--bogus"]);
        assert_eq!(bogus.as_deref(), Some("`connector register --help` shows what it takes"));
        let wrong = hint(&["-v", "issue", "x", "--within", ""]);
        assert_eq!(wrong.as_deref(), Some("`connector issue --help` shows what it takes"));
        let missing = hint(&["store", "restore"]);
        assert_eq!(missing.as_deref(), Some("`connector store restore --help` shows what it takes"));
    }

    #[test]
    fn a_value_in_the_wrong_place_is_not_repeated() {
        use clap::Parser;
        for words in [&["issue", "x", "key=hunter2"][..], &["key=hunter2"]] {
            let error = crate::args::Cli::try_parse_from([&["connector"], words].concat());
            let error = usage(&error.expect_err("wrong usage"), &[]);
            assert!(error.message().contains("'key=…'"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn the_worst_of_several_decides() {
        let (missing, refused) = (Error::not_found("no bucket"), Error::refused("denied").with_hint("ask"));
        let all = sum_up("nothing is reached", &[("a", &missing), ("b", &refused)]);
        assert_eq!(
            (all.kind(), all.message(), all.hint()),
            (ErrorKind::Refused, "nothing is reached", Some("ask"))
        );
        assert_eq!(all.causes(), ["a: no bucket", "b: denied"]);
        let one = sum_up("nothing is reached", &[("a", &missing)]);
        assert_eq!((one.message(), one.connector()), ("no bucket", Some("a")));
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
