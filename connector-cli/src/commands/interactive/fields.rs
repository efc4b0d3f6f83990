//! Asking for the fields of a method: what it needs, and what it may have.

use connector_core::{Field, Problem, Result};

use super::answers::Answers;
use super::{Walk, Wish};
use crate::faults::Faults;
use crate::values::{self, Shapes};

impl<W: Answers> Walk<'_, W> {
    /// Asks for the fields that are not given yet: those that are always needed, those that are missing
    /// besides, and the others if wanted.
    pub(super) fn fields(&mut self, wish: &mut Wish, connector_type: &str, method: &str) -> Result<()> {
        if let Some(warning) = self.registry.describe_method(connector_type, method)?.warning {
            self.who.say(&format!("Note: {warning}"));
        }
        let shapes = Shapes::of(self.registry, connector_type, Some(method))?;
        let fields = self.registry.fields(connector_type, method)?;
        let fields: Vec<&Field> = fields.iter().filter(|it| !wish.config.contains_key(&it.name)).collect();
        if !fields.is_empty() {
            self.who.say("Values as on the command line: @FILE and env:NAME work here too.");
        }
        for field in fields.iter().filter(|it| it.required) {
            while !self.field(wish, &shapes, field)? {
                self.who.say("It is needed.");
            }
        }
        // A method may need one of several: only the check of the whole knows which are missing.
        let missing: Vec<&Field> = fields.iter().copied().filter(|it| self.misses(wish, it)).collect();
        for field in &missing {
            if self.misses(wish, field) {
                self.field(wish, &shapes, field)?;
            }
        }
        let more: Vec<&Field> = fields.into_iter().filter(|it| !wish.config.contains_key(&it.name)).collect();
        if more.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = more.iter().map(|it| it.name.as_str()).collect();
        self.who.say(&format!("Optional: {}", names.join(", ")));
        let wanted = match self.problems(wish).first() {
            Some(problem) => {
                self.who.say(&format!("It does not work yet: {problem}"));
                true
            }
            None => {
                let answer = self.who.text("Set some of these? [y/N]")?;
                answer.is_some_and(|answer| answer.to_lowercase().starts_with('y'))
            }
        };
        for field in more.iter().filter(|_| wanted) {
            self.field(wish, &shapes, field)?;
        }
        Ok(())
    }

    /// Asks for one field until the answer fits or is empty; whether there is a value for it now.
    fn field(&mut self, wish: &mut Wish, shapes: &Shapes, field: &Field) -> Result<bool> {
        self.who.say(&format!("\n{} ({})", first_sentence(&field.description), field.kind));
        loop {
            let answer = if field.secret {
                self.who
                    .secret(&format!("{} (hidden)", field.name))?
                    .map(|secret| format!("{}={}", field.name, secret.expose()))
            } else {
                self.who.text(&field.name)?.map(|text| format!("{}={text}", field.name))
            };
            let Some(word) = answer else { return Ok(false) };
            match self.take(wish, shapes, field, word) {
                Ok(()) => return Ok(true),
                Err(why) => self.who.say(&why),
            }
        }
    }

    /// Puts a value into the config if it fits there; else says why it does not.
    fn take(&self, wish: &mut Wish, shapes: &Shapes, field: &Field, word: String) -> Result<(), String> {
        let mut faults = Faults::default();
        let given = values::read(&[word], shapes, &mut faults);
        faults.check().map_err(|error| error.message().to_owned())?;
        given.apply(&mut wish.config);
        match self.problems(wish).into_iter().find(|it| is_of(it, field)) {
            Some(problem) => {
                wish.config.remove(&field.name);
                Err(problem.to_string())
            }
            None => Ok(()),
        }
    }

    /// Whether the wish lacks this field.
    fn misses(&self, wish: &Wish, field: &Field) -> bool {
        !wish.config.contains_key(&field.name) && self.problems(wish).iter().any(|it| is_of(it, field))
    }

    /// What is wrong with the config so far; what a method needs of several, once each is right by itself.
    fn problems(&self, wish: &Wish) -> Vec<Problem> {
        let document = wish.draft(self.cx.caller());
        let opened = || self.registry.open(&document, document.config.clone()).map(drop);
        let checked = self.registry.check(&document, self.cx).and_then(|()| opened());
        checked.err().map(|error| error.field_problems().to_vec()).unwrap_or_default()
    }
}

fn is_of(problem: &Problem, field: &Field) -> bool {
    let rest = problem.field.strip_prefix(&field.name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}
