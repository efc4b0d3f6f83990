//! `register -i`: the walk through type, resource type, method, fields and resource.

use std::io::{IsTerminal, Write};

use connector_core::{Error, Registry, Result, Secret};

use super::register::Wish;
use crate::output::clean;
use crate::person;
use crate::values::{self, Shapes};

/// Asks the person at the terminal for everything that is not said yet.
///
/// # Errors
/// [`Refused`](connector_core::ErrorKind::Refused) when nobody is at a terminal, or leaves it.
pub(crate) fn complete(registry: &Registry, wish: &mut Wish, finds_method: bool) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::refused("`-i` asks questions, and standard input is no terminal").with_hint(
            "give everything as options and KEY=VALUE; `connector describe-type TYPE` lists the keys",
        ));
    }
    walk(registry, wish, finds_method, &mut Terminal)
}

/// Somebody who answers.
trait Answers {
    /// Says something between questions.
    fn say(&mut self, text: &str);
    /// Asks; an empty answer is `None`.
    fn text(&mut self, question: &str) -> Result<Option<String>>;
    /// Asks for something that must not show; an empty answer is `None`.
    fn secret(&mut self, question: &str) -> Result<Option<Secret>>;
}

/// One thing to choose: its id, and a word on it.
type Choice = (String, String);

fn walk(registry: &Registry, wish: &mut Wish, finds_method: bool, who: &mut impl Answers) -> Result<()> {
    if wish.name.is_none() {
        wish.name = Some(ask_name(who)?);
    }
    if wish.connector_type.is_none() {
        let types = registry.overview().map(|it| (it.id.to_owned(), it.name.to_owned())).collect::<Vec<_>>();
        wish.connector_type = choose(who, "Connector type", &types, None)?;
    }
    wish.read_words(registry)?;
    let connector_type = wish.connector_type.clone().unwrap_or_default();
    let entry = registry.describe(&connector_type)?;
    if wish.resource_type.is_none() {
        let types: Vec<Choice> =
            entry.resource_types.iter().map(|it| (it.id.clone(), it.name.clone())).collect();
        wish.resource_type = choose(who, "Resource type", &types, Some("all of them"))?;
    }
    let resource = entry.resource_types.iter().find(|it| Some(&it.id) == wish.resource_type.as_ref());
    if wish.method.is_none() && !finds_method {
        let methods =
            entry.auth_methods.iter().filter(|it| resource.is_none_or(|of| of.auth_methods.contains(&it.id)));
        let methods: Vec<Choice> = methods.map(|it| (it.id.clone(), it.name.clone())).collect();
        wish.method = choose(who, "Auth method", &methods, None)?;
    }
    if let Some(method) = wish.method.clone() {
        if let Some(warning) = registry.describe_method(&connector_type, &method)?.warning {
            who.say(&format!("Note: {warning}"));
        }
        ask_fields(registry, wish, &connector_type, &method, who)?;
    }
    if wish.resource_id.is_none() && resource.is_some_and(|it| it.instances) {
        wish.resource_id = who.text("Resource (empty for all that can be reached)")?;
    }
    Ok(())
}

fn ask_name(who: &mut impl Answers) -> Result<String> {
    loop {
        if let Some(name) = who.text("Name")? {
            match connector_core::check_name(&name) {
                Ok(()) => return Ok(name),
                Err(error) => who.say(error.message()),
            }
        }
    }
}

/// Asks until one of the choices is named, by id or number; an empty answer is none where there may be none.
fn choose(
    who: &mut impl Answers,
    what: &str,
    choices: &[Choice],
    none: Option<&str>,
) -> Result<Option<String>> {
    if let ([(only, _)], None) = (choices, none) {
        who.say(&format!("{what}: {only}"));
        return Ok(Some(only.clone()));
    }
    who.say(&format!("{what}:"));
    let column = choices.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    for (at, (id, about)) in choices.iter().enumerate() {
        who.say(&format!("  {:2}  {id:column$}  {about}", at + 1));
    }
    let question = match none {
        Some(none) => format!("Which (empty for {none})"),
        None => "Which".to_owned(),
    };
    loop {
        let Some(answer) = who.text(&question)? else {
            match none {
                Some(_) => return Ok(None),
                None => continue,
            }
        };
        let by_number = answer.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
        match by_number.or_else(|| choices.iter().find(|(id, _)| *id == answer)) {
            Some((id, _)) => return Ok(Some(id.clone())),
            None => who.say("Give a number or a name from the list."),
        }
    }
}

/// Asks for the fields that are not given yet: the required ones, and the others if wanted.
fn ask_fields(
    registry: &Registry,
    wish: &mut Wish,
    connector_type: &str,
    method: &str,
    who: &mut impl Answers,
) -> Result<()> {
    let shapes = Shapes::of(registry, connector_type, Some(method))?;
    let fields = registry.fields(connector_type, method)?;
    let (required, optional): (Vec<_>, Vec<_>) =
        fields.into_iter().filter(|it| !wish.config.contains_key(&it.name)).partition(|it| it.required);
    if required.iter().chain(&optional).next().is_some() {
        who.say("Values as on the command line: @FILE and env:NAME work here too.");
    }
    for field in &required {
        while !ask_field(wish, &shapes, field, who)? {}
    }
    if !optional.is_empty() {
        let names: Vec<_> = optional.iter().map(|it| it.name.as_str()).collect();
        who.say(&format!("Optional: {}", names.join(", ")));
        let more = who.text("Set some of these? [y/N]")?;
        if more.is_some_and(|answer| answer.to_lowercase().starts_with('y')) {
            for field in &optional {
                ask_field(wish, &shapes, field, who)?;
            }
        }
    }
    Ok(())
}

/// Asks for one field; whether there is a value for it now.
fn ask_field(
    wish: &mut Wish,
    shapes: &Shapes,
    field: &connector_core::Field,
    who: &mut impl Answers,
) -> Result<bool> {
    who.say(&format!("\n{} ({})", first_sentence(&field.description), field.kind));
    let answer = if field.secret {
        who.secret(&format!("{} (hidden)", field.name))?
            .map(|secret| format!("{}={}", field.name, secret.expose()))
    } else {
        who.text(&field.name)?.map(|text| format!("{}={text}", field.name))
    };
    let Some(word) = answer else { return Ok(false) };
    match values::read(&[word], shapes) {
        Ok(given) => {
            wish.config.extend(given.into_config());
            Ok(true)
        }
        Err(error) => {
            who.say(error.field_problems().first().map_or(error.message(), |it| it.message.as_str()));
            Ok(false)
        }
    }
}

fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// The person at this terminal.
struct Terminal;

impl Answers for Terminal {
    fn say(&mut self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{}", clean(text));
    }

    fn text(&mut self, question: &str) -> Result<Option<String>> {
        let left = || Error::refused("the answers ended before the last question; nothing was stored");
        person::ask_plain(question)?.ok_or_else(left).map(|answer| Some(answer).filter(|it| !it.is_empty()))
    }

    fn secret(&mut self, question: &str) -> Result<Option<Secret>> {
        person::ask_secret(question).map(|answer| Some(answer).filter(|it| !it.is_empty()))
    }
}

#[cfg(all(test, feature = "aws"))]
mod tests {
    use super::*;

    /// Answers from a list, and keeps what was said and how it was asked.
    struct Script {
        answers: std::vec::IntoIter<&'static str>,
        said: Vec<String>,
        secrets: Vec<String>,
    }

    impl Script {
        fn of(answers: Vec<&'static str>) -> Self {
            Self { answers: answers.into_iter(), said: Vec::new(), secrets: Vec::new() }
        }

        fn next(&mut self) -> Result<Option<String>> {
            let answer = self.answers.next().ok_or_else(|| Error::refused("no more answers"))?;
            Ok((!answer.is_empty()).then(|| answer.to_owned()))
        }
    }

    impl Answers for Script {
        fn say(&mut self, text: &str) {
            self.said.push(text.to_owned());
        }

        fn text(&mut self, question: &str) -> Result<Option<String>> {
            self.said.push(question.to_owned());
            self.next()
        }

        fn secret(&mut self, question: &str) -> Result<Option<Secret>> {
            self.secrets.push(question.to_owned());
            Ok(self.next()?.map(Secret::new))
        }
    }

    #[test]
    fn s14_walks_from_the_type_to_the_resource_and_hides_secrets() {
        let registry = connectors::registry().expect("the registry is consistent");
        let mut wish = Wish::default();
        let mut script = Script::of(vec![
            "Bad Name",
            "prod",
            "aws",
            "nonsense",
            "s3-bucket",
            "session-token",
            "eu-west-1",
            "AKIAIOSFODNN7EXAMPLE",
            "hunter2",
            "n",
            "s3://data",
        ]);
        // The order of required fields is the schema's.
        let fields = registry.fields("aws", "session-token").expect("a method");
        let required: Vec<_> = fields.iter().filter(|it| it.required).map(|it| it.name.as_str()).collect();
        assert_eq!(required.len(), 3, "{required:?}");
        walk(&registry, &mut wish, false, &mut script).expect("the walk ends");
        assert_eq!(wish.name.as_deref(), Some("prod"));
        assert_eq!(wish.connector_type.as_deref(), Some("aws"));
        assert_eq!(wish.resource_type.as_deref(), Some("s3-bucket"));
        assert_eq!(wish.method.as_deref(), Some("session-token"));
        assert_eq!(wish.resource_id.as_deref(), Some("s3://data"));
        assert_eq!(wish.config.len(), 3);
        assert!(
            script.secrets.contains(&"aws_secret_access_key (hidden)".to_owned()),
            "{:?}",
            script.secrets
        );
        assert!(!script.said.join("\n").contains("hunter2"));
    }

    #[test]
    fn s14_answers_that_end_leave_nothing() {
        let registry = connectors::registry().expect("the registry is consistent");
        let mut script = Script::of(vec!["prod"]);
        assert!(walk(&registry, &mut Wish::default(), false, &mut script).is_err());
    }
}
