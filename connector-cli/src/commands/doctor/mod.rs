//! `connector doctor`: the first hop that fails, and what is set up less safely than it could be.

mod files;
mod logins;
mod machine;
mod rules;
mod sarif;
mod text;
mod variables;

use connector_core::{Document, Error, ErrorKind, Result};
use connectors::Hub;
use connectors::hub::doctor::{Chain, Diagnosis, Finding, Hop, Probe, Severity};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::DoctorArgs;
use crate::failure;

/// Everything that was seen.
pub(super) struct Report {
    /// Whether one connector was asked for: then it is a failure, too, that it is switched off.
    one: bool,
    /// Why the store does not open.
    store: Option<Error>,
    /// The chains, by name.
    chains: Vec<Chain>,
    /// What was found, connectors first.
    findings: Vec<Finding>,
}

pub(crate) fn run(app: &App, args: &DoctorArgs) -> Result<()> {
    let report = report(app, args)?;
    match args.sarif {
        true => app.output.print(&sarif::text(&report, app.home()))?,
        false => app.output.show(&value(&report), || text::text(app, &report))?,
    }
    if report.chains.is_empty() && report.store.is_none() {
        app.output.hint("no connectors yet; `connector register NAME --type aws --auto-configure` makes one");
    }
    report.outcome(args.strict)
}

fn report(app: &App, args: &DoctorArgs) -> Result<Report> {
    let mut probe = Probe::default().with_max_lifetime(args.max_lifetime);
    if let Some(call) = app.timeout() {
        probe = probe.with_call(call);
    }
    let what = args.name.as_deref().map_or_else(|| "every connector".to_owned(), |it| format!("`{it}`"));
    let progress = app.output.progress(&format!("looking at {what}"));
    let looked_at = look(app, args.name.as_deref(), &probe);
    drop(progress);
    let (store, diagnoses) = match looked_at {
        Ok(diagnoses) => (None, diagnoses),
        // Whatever else keeps the program from working is an error of this command.
        Err(error) if error.kind() == ErrorKind::Store => (Some(error), Vec::new()),
        Err(error) => return Err(error),
    };
    let documents: Vec<Document> = diagnoses.iter().filter_map(|it| it.document.clone()).collect();
    let (mut chains, mut findings) = (Vec::new(), Vec::new());
    for it in diagnoses {
        chains.push(it.chain);
        findings.extend(it.findings);
    }
    if let (Some(error), Some(name)) = (&store, &args.name) {
        chains.push(Chain::without_store(name, error.clone()));
    }
    findings.extend(machine::judge(app, args.name.as_deref(), &documents, store.is_none())?);
    Ok(Report { one: args.name.is_some(), store, chains, findings })
}

/// Looks at the connectors. A store that is not there yet is not made for that.
fn look(app: &App, name: Option<&str>, probe: &Probe) -> Result<Vec<Diagnosis>> {
    if !app.home().join("store.db").exists() {
        app.settings().check_local()?;
        return match name {
            None => Ok(Vec::new()),
            Some(name) => Err(Error::not_found(format!("no connector `{name}`: there is no store yet"))
                .with_hint("`connector register` makes the first one; or is CONNECTOR_HOME another one?")
                .with_connector(name)),
        };
    }
    app.with_hub(async |hub: &Hub| match name {
        Some(name) => Ok(vec![hub.diagnose(name, probe).await]),
        None => hub.diagnose_all(probe).await,
    })
}

impl Report {
    /// The failures that count: of all connectors, not those that are switched off as their owner wants it.
    fn failures(&self) -> impl Iterator<Item = (&str, &Error)> {
        let counted = self.chains.iter().filter(|it| self.one || !it.rests());
        counted.filter_map(|it| Some((it.connector.as_str(), it.failure()?.1)))
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|it| it.severity == severity).count()
    }

    /// The error that the program ends with, if any.
    fn outcome(&self, strict: bool) -> Result<()> {
        let failures: Vec<(&str, &Error)> = self.failures().collect();
        if failures.is_empty()
            && let Some(error) = &self.store
        {
            return Err(error.clone());
        }
        if !failures.is_empty() {
            let what = format!("{} of {} connectors do not work", failures.len(), self.chains.len());
            return Err(failure::sum_up(&what, &failures));
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        if strict && errors + warnings > 0 {
            let found = [(errors, "error"), (warnings, "warning")].into_iter().filter(|it| it.0 > 0);
            let found: Vec<String> = found.map(|(count, what)| counted(count, what)).collect();
            return Err(Error::unexpected(format!("there are findings: {}", found.join(", ")))
                .with_hint("mend them; without `--strict` they do not change the exit code"));
        }
        Ok(())
    }
}

/// `1 warning`, `2 warnings`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// One word on a chain: `works`, `disabled`, `expired` or `fails`.
fn status(chain: &Chain) -> &'static str {
    match chain.failure() {
        None => "works",
        Some((_, error)) if chain.rests() && error.kind() == ErrorKind::Disabled => "disabled",
        Some(_) if chain.rests() => "expired",
        Some(_) => "fails",
    }
}

/// Everything as data. Every key is always there.
fn value(report: &Report) -> Value {
    let error = |error: &Error| failure::error_value(error)["error"].clone();
    let hop = |hop: &Hop| {
        json!({
            "hop": hop.link.as_str(),
            "state": hop.state.as_str(),
            "detail": hop.detail,
            "origins": hop.origins,
            "error": hop.error.as_ref().map(error),
        })
    };
    let chain = |it: &Chain| {
        json!({
            "connector": it.connector,
            "type": it.kind.as_ref().map(|it| &it.0),
            "method": it.kind.as_ref().map(|it| &it.1),
            "status": status(it),
            "fails_at": it.failure().map(|(link, _)| link.as_str()),
            "hops": it.hops.iter().map(hop).collect::<Vec<_>>(),
        })
    };
    let finding = |it: &Finding| {
        json!({
            "rule": it.rule.id,
            "severity": it.severity.as_str(),
            "connector": it.connector,
            "message": it.message,
            "fix": it.fix,
            "file": it.file.as_ref().map(|it| it.to_string_lossy()),
        })
    };
    json!({
        "store": report.store.as_ref().map(error),
        "connectors": report.chains.iter().map(chain).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "summary": {
            "connectors": report.chains.len(),
            "failures": report.failures().count(),
            "errors": report.count(Severity::Error),
            "warnings": report.count(Severity::Warning),
            "notes": report.count(Severity::Note),
        },
    })
}
