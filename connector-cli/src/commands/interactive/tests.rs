use connector_core::Secret;

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

fn walk(registry: &Registry, wish: &mut Wish, script: &mut Script) -> Result<()> {
    let cx = connectors::system::context();
    let taken = BTreeSet::from(["taken".to_owned()]);
    Walk { registry, cx: &cx, taken, who: script }.through(wish, false)
}

#[test]
fn s14_walks_from_the_type_to_the_resource_and_hides_secrets() {
    let registry = connectors::registry().expect("the registry is consistent");
    let mut wish = Wish::default();
    let mut script = Script::of(vec![
        "Bad Name",
        "taken",
        "prod",
        "aws",
        "nonsense",
        "s3-bucket",
        "session-token",
        "AKIAIOSFODNN7EXAMPLE",
        "hunter2",
        "no region at all",
        "eu-west-1",
        "n",
        "a..b",
        "s3://data",
    ]);
    // The order of required fields is the schema's.
    let fields = registry.fields("aws", "session-token").expect("a method");
    let required: Vec<_> = fields.iter().filter(|it| it.required).map(|it| it.name.as_str()).collect();
    assert_eq!(required.len(), 3, "{required:?}");
    walk(&registry, &mut wish, &mut script).expect("the walk ends");
    assert_eq!(wish.name.as_deref(), Some("prod"));
    assert_eq!(wish.connector_type.as_deref(), Some("aws"));
    assert_eq!(wish.resource_type.as_deref(), Some("s3-bucket"));
    assert_eq!(wish.method.as_deref(), Some("session-token"));
    assert_eq!(wish.resource_id.as_deref(), Some("s3://data"));
    assert_eq!(wish.config.len(), 3);
    assert!(script.secrets.contains(&"aws_secret_access_key (hidden)".to_owned()), "{:?}", script.secrets);
    assert!(!script.said.join("\n").contains("hunter2"));
}

#[test]
fn s14_answers_that_end_leave_nothing() {
    let registry = connectors::registry().expect("the registry is consistent");
    let mut script = Script::of(vec!["prod"]);
    assert!(walk(&registry, &mut Wish::default(), &mut script).is_err());
}

#[test]
fn s14_a_method_is_asked_for_what_it_needs_and_no_more() {
    let registry = connectors::registry().expect("the registry is consistent");
    let mut wish = Wish::default();
    let role = "arn:aws:iam::123456789012:role/reader";
    let key = ["AKIAIOSFODNN7EXAMPLE", "hunter2"];
    let mut script = Script::of(
        [&["prod", "aws", "s3-bucket", "iam-role", "eu-west-1", "no arn", role][..], &key, &["n", ""]]
            .concat(),
    );
    walk(&registry, &mut wish, &mut script).expect("the walk ends");
    let keys: Vec<&str> = wish.config.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["aws_access_key_id", "aws_secret_access_key", "region", "role_arn"],
        "{:?}",
        script.said
    );
    let cx = connectors::system::context();
    registry.check(&wish.draft("ada"), &cx).expect("nothing is missing");
}

#[test]
fn s14_the_safest_method_is_named_first() {
    let registry = connectors::registry().expect("the registry is consistent");
    let cx = connectors::system::context();
    let mut script = Script::of(Vec::new());
    let walk = Walk { registry: &registry, cx: &cx, taken: BTreeSet::new(), who: &mut script };
    let entry = registry.describe("aws").expect("a type");
    let order: Vec<String> = walk.methods(&entry, Some("s3-bucket")).into_iter().map(|(id, _)| id).collect();
    let at = |id: &str| order.iter().position(|it| it == id).unwrap_or_else(|| panic!("{id} in {order:?}"));
    assert!(at("iam-role") < at("session-token") && at("session-token") < at("secret-key"), "{order:?}");
    assert_eq!(order.last().map(String::as_str), Some("implicit"), "it is switched off: {order:?}");
}
