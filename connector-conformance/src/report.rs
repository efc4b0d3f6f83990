//! What was found, all of it together.

use std::collections::BTreeSet;
use std::fmt;

use crate::rule::Rule;

/// One place where a rule does not hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The rule.
    pub rule: Rule,
    /// Where: `method forge/personal-key, resource type repository`, say. [`Kit::except`](crate::Kit::except)
    /// takes this text.
    pub place: String,
    /// What was seen there.
    pub seen: String,
    /// How often more the same rule was broken in the same place, by other inputs.
    pub more: usize,
}

/// Everything that one run of the kit found. Its `Display` is the whole account.
#[derive(Clone, Debug, Default)]
pub struct Report {
    failures: Vec<Failure>,
    excused: Vec<(Failure, String)>,
    not_checked: Vec<Rule>,
}

impl Report {
    /// What does not hold.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// What does not hold and was excused, with the reason that was given.
    #[must_use]
    pub fn excused(&self) -> &[(Failure, String)] {
        &self.excused
    }

    /// The rules for which nothing was there to be looked at: without a world nothing is issued, say.
    #[must_use]
    pub fn not_checked(&self) -> &[Rule] {
        &self.not_checked
    }

    /// Whether every rule that was checked holds, or was excused.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: BTreeSet<_> = self.failures.iter().map(|it| it.rule.id()).collect();
        writeln!(f, "conformance: {} rules broken in {} places", rules.len(), self.failures.len())?;
        for failure in &self.failures {
            writeln!(f, "\n[{}] {}", failure.rule.id(), failure.place)?;
            writeln!(f, "    seen: {}", failure.seen)?;
            if failure.more > 0 {
                writeln!(f, "          and {} times more with other inputs", failure.more)?;
            }
            writeln!(f, "    mend: {}", failure.rule.mend())?;
        }
        for (failure, why) in &self.excused {
            writeln!(f, "\nexcused: [{}] {}: {why}", failure.rule.id(), failure.place)?;
        }
        if !self.not_checked.is_empty() {
            let ids: Vec<_> = self.not_checked.iter().map(|it| it.id()).collect();
            writeln!(f, "\nnot checked, for want of an example or a world: {}", ids.join(" "))?;
        }
        Ok(())
    }
}

/// What the author excuses.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) rule: Rule,
    pub(crate) place: String,
    pub(crate) why: String,
}

/// What the checks have found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    failures: Vec<Failure>,
    checked: BTreeSet<&'static str>,
}

impl Findings {
    /// The rule was really looked at.
    pub(crate) fn checked(&mut self, rule: Rule) {
        self.checked.insert(rule.id());
    }

    /// The rule does not hold. The first case in each place is told, the others are counted.
    pub(crate) fn fail(&mut self, rule: Rule, place: &str, seen: impl Into<String>) {
        self.checked(rule);
        match self.failures.iter_mut().find(|it| it.rule == rule && it.place == place) {
            Some(known) => known.more += 1,
            None => self.failures.push(Failure {
                rule,
                place: place.to_owned(),
                seen: legible(&seen.into()),
                more: 0,
            }),
        }
    }

    /// As [`fail`](Findings::fail), unless it holds.
    pub(crate) fn require(&mut self, holds: bool, rule: Rule, place: &str, seen: impl FnOnce() -> String) {
        self.checked(rule);
        if !holds {
            self.fail(rule, place, seen());
        }
    }

    pub(crate) fn into_report(mut self, exceptions: &[Exception]) -> Report {
        for exception in exceptions {
            let excuses = |it: &Failure| it.rule == exception.rule && it.place == exception.place;
            if !self.failures.iter().any(excuses) {
                let seen = format!("nothing to excuse for `{}`", exception.rule.id());
                self.fail(Rule::EXCEPTIONS_ARE_NEEDED, &exception.place, seen);
            }
        }
        self.checked(Rule::EXCEPTIONS_ARE_NEEDED);
        let mut report = Report::default();
        for failure in self.failures {
            let excuse = exceptions.iter().find(|it| it.rule == failure.rule && it.place == failure.place);
            match excuse {
                Some(excuse) => report.excused.push((failure, excuse.why.clone())),
                None => report.failures.push(failure),
            }
        }
        report.not_checked =
            Rule::ALL.iter().copied().filter(|rule| !self.checked.contains(rule.id())).collect();
        report
    }
}

/// Text that may have come from hostile input, short and on one line.
fn legible(text: &str) -> String {
    const LONGEST: usize = 600;
    let one_line = text.chars().flat_map(|it| {
        match it {
            it if it.is_control() || crate::hostile::is_invisible(it) => {
                it.escape_unicode().collect::<String>()
            }
            it => it.to_string(),
        }
        .chars()
        .collect::<Vec<_>>()
    });
    let mut shown: String = one_line.take(LONGEST).collect();
    if shown.chars().count() == LONGEST {
        shown.push('…');
    }
    shown
}
