//! Configs: one that works, and every way in which one does not.

use connector_core::{Document, Error, Registry, Result};
use serde_json::{Map, Value, json};

use crate::bench::{self, with};
use crate::canary::{SHORTEST, Secrets, canary};
use crate::drive::{is_panic, survive};
use crate::kit::{Example, Kit};
use crate::report::Findings;
use crate::rule::Rule;
use crate::{hostile, shown};

pub(super) fn check(kit: &Kit, registry: &Registry, findings: &mut Findings) {
    for entry in registry.catalogue().connector_types {
        for method in &entry.auth_methods {
            let place = format!("method {}/{}", entry.id, method.id);
            let is_it = |it: &&Example| it.connector_type == entry.id && it.method == method.id;
            findings.require(
                kit.examples.iter().any(|it| is_it(&it)),
                Rule::EXAMPLES_ARE_GIVEN,
                &place,
                || "no example config was given".to_owned(),
            );
        }
    }
    for example in &kit.examples {
        match fits(registry, example) {
            Ok(()) => Trial::new(registry, example, findings).check(),
            Err(error) => {
                findings.fail(
                    Rule::EXAMPLES_ARE_GIVEN,
                    &example.place(),
                    format!("the example does not fit: {}", shown::briefly(&error)),
                );
            }
        }
    }
}

/// It is checked as it is stored, without its secrets, and opened with them.
fn fits(registry: &Registry, example: &Example) -> Result<()> {
    let document = bench::document(registry, example)?;
    registry.check(&document, &bench::nowhere())?;
    bench::open(registry, &document, example)?;
    let short = bench::secrets_of(registry, example).into_iter().find(|(_, it)| it.len() < SHORTEST);
    match short {
        Some((field, _)) => Err(Error::field(
            field,
            format!("a secret of less than {SHORTEST} characters cannot be searched for: use `canary(…)`"),
        )),
        None => Ok(()),
    }
}

struct Trial<'a> {
    registry: &'a Registry,
    example: &'a Example,
    place: String,
    /// What stands in no refusal: the example's secrets, and a value that is put into other fields.
    values: Secrets,
    findings: &'a mut Findings,
}

impl<'a> Trial<'a> {
    fn new(registry: &'a Registry, example: &'a Example, findings: &'a mut Findings) -> Self {
        let mut values = Secrets::default();
        for (name, secret) in bench::secrets_of(registry, example) {
            values.add(format!("the value of `{name}`"), &secret);
        }
        values.add("the value that was put there", &misplaced());
        Self { registry, example, place: example.place(), values, findings }
    }

    fn check(&mut self) {
        self.findings.checked(Rule::EXAMPLES_ARE_GIVEN);
        let unknown = with(&self.example.config, "zz_unknown_key", json!(misplaced()));
        match self.open(unknown) {
            Ok(()) => self.findings.fail(Rule::SCHEMA_IS_COMPLETE, &self.place, "an unknown key is taken"),
            Err(error) => {
                let named = error.field_problems().iter().any(|it| it.field == "zz_unknown_key");
                self.findings.require(named, Rule::SCHEMA_IS_COMPLETE, &self.place, || {
                    format!("an unknown key is refused without its name: {error}")
                });
                self.judge("zz_unknown_key", &error);
            }
        }
        let fields =
            self.registry.fields(&self.example.connector_type, &self.example.method).unwrap_or_default();
        for field in fields {
            if self.example.config.contains_key(&field.name) {
                let mut without = self.example.config.clone();
                without.remove(&field.name);
                self.refused_or_not(&field.name, without);
            }
            for wrong in [
                json!(misplaced()),
                json!(42_417_424_242_u64),
                json!(true),
                json!(["", misplaced(), 1]),
                json!({ "nested": misplaced() }),
            ] {
                self.refused_or_not(&field.name, with(&self.example.config, &field.name, wrong));
            }
            if field.kind.contains("string") {
                self.hostile(&field.name);
            }
        }
    }

    /// What does not fit is refused well; what does, does.
    fn refused_or_not(&mut self, field: &str, config: Map<String, Value>) {
        self.findings.checked(Rule::CONFIG_FAULTS_NAME_FIELDS);
        self.findings.checked(Rule::CONFIG_ERRORS_QUOTE_NOTHING);
        if let Err(error) = self.open(config) {
            self.judge(field, &error);
        }
    }

    fn judge(&mut self, field: &str, error: &Error) {
        let place = format!("{}, field `{field}`", self.place);
        if is_panic(error) {
            self.findings.fail(Rule::CONFIG_PARSING_IS_TOTAL, &place, error.to_string());
            return;
        }
        if let Some(fault) = shown::fault_of_refusal(error) {
            self.findings.fail(Rule::CONFIG_FAULTS_NAME_FIELDS, &place, fault);
        }
        if let Some(secret) = self.values.find(&shown::all_of(error)) {
            self.findings.fail(
                Rule::CONFIG_ERRORS_QUOTE_NOTHING,
                &place,
                format!("{secret} stands in the refusal"),
            );
        }
    }

    fn hostile(&mut self, field: &str) {
        self.findings.checked(Rule::CONFIG_PARSING_IS_TOTAL);
        let place = format!("{}, field `{field}`", self.place);
        for text in hostile::hostile_texts() {
            let Err(error) = self.open(with(&self.example.config, field, json!(text))) else { continue };
            if is_panic(&error) {
                self.findings.fail(Rule::CONFIG_PARSING_IS_TOTAL, &place, error.to_string());
                return;
            } else if let Some(fault) = shown::fault(&error) {
                self.findings.fail(Rule::CONFIG_PARSING_IS_TOTAL, &place, fault);
            }
        }
    }

    /// Checks and opens, as registration does.
    fn open(&self, config: Map<String, Value>) -> Result<()> {
        let (connector_type, method) = (&*self.example.connector_type, &*self.example.method);
        let document = Document::draft("conformance", connector_type, method, config.clone());
        survive(|| {
            self.registry.check(&document, &bench::nowhere())?;
            self.registry.open(&document, config).map(drop)
        })
    }
}

/// A secret in the wrong place.
fn misplaced() -> String {
    canary("misplaced")
}
