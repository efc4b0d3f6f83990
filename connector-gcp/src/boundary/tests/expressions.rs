//! What the evaluator understands of conditions, and that it refuses the rest.

use super::super::expression::{Facts, holds, quoted};

const FACTS: Facts<'_> = Facts {
    name: "projects/_/buckets/zen/objects/a/x",
    kind: "storage.googleapis.com/Object",
    list_prefix: "",
};

#[test]
fn conditions_are_judged_as_the_language_says() {
    for (text, expected, why) in [
        ("resource.name == 'projects/_/buckets/zen/objects/a/x'", true, "the same text"),
        ("resource.name == \"projects/_/buckets/zen/objects/a/x\"", true, "the other quotes"),
        ("resource.name != 'x'", true, "another text"),
        ("resource.type == 'storage.googleapis.com/Object'", true, "the type"),
        ("resource.name.startsWith('projects/_/buckets/zen/')", true, "a beginning"),
        ("resource.name.startsWith('buckets')", false, "the middle is no beginning"),
        ("resource.name.startsWith('')", true, "everything begins with nothing"),
        ("'a' == 'a' || 'a' == 'b' && 'a' == 'b'", true, "`&&` binds closer"),
        ("('a' == 'a' || 'a' == 'b') && 'a' == 'b'", false, "parentheses bind closer still"),
        ("!('a' == 'b')", true, "not"),
        ("!!('a' == 'b')", false, "not not"),
        ("  'a'=='a'  ", true, "blanks are free"),
        ("'it\\'s' == \"it's\"", true, "a quote that is escaped"),
        ("'a\\\\' == 'a\\\\'", true, "a backslash that is escaped"),
        ("api.getAttribute('storage.googleapis.com/objectListPrefix', 'd') == 'd'", true, "no prefix"),
        ("api.getAttribute('other', 'd').startsWith('d')", true, "an attribute that is not known"),
    ] {
        assert_eq!(holds(text, FACTS).expect(text), expected, "{why}: {text}");
    }
    let listing = Facts { list_prefix: "a/", ..FACTS };
    let prefix = "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('a/')";
    assert!(holds(prefix, listing).expect("a condition"));
}

#[test]
fn what_is_not_understood_is_refused() {
    for (text, why) in [
        ("", "nothing"),
        ("true", "no comparison"),
        ("resource.name", "a text is no judgement"),
        ("resource.name ==", "one side is missing"),
        ("resource.names == 'x'", "another fact"),
        ("resource.service == 'x'", "a fact that is not known"),
        ("resource.name.endsWith('x')", "a function that is not known"),
        ("resource.name.matches('.*')", "a function that is not known"),
        ("resource.name.startsWith('x'", "a parenthesis is open"),
        ("('a' == 'a'", "a parenthesis is open"),
        ("'a' == 'a')", "a parenthesis too many"),
        ("'a' == 'a' 'b'", "something behind it"),
        ("'a' == 'a' || ", "one side is missing"),
        ("'a' == 'a' | 'a' == 'a'", "half an operator"),
        ("'a' = 'a'", "half an operator"),
        ("'a' < 'b'", "an operator that is not known"),
        ("!'a' == 'b'", "not binds closer than the comparison"),
        ("!resource.name.startsWith('x')", "not without parentheses"),
        ("'a == 'a'", "a quote is open"),
        ("'a\\n' == 'a'", "an escape that is not known"),
        ("'a\n' == 'a\n'", "the end of a line within a text"),
        ("r'a' == 'a'", "a raw text"),
        ("b'a' == 'a'", "bytes"),
        ("'''a''' == 'a'", "three quotes"),
        ("`a` == 'a'", "quotes that are none"),
        ("1 == 1", "numbers"),
        ("request.time < timestamp('2026-01-01T00:00:00Z')", "time"),
        ("api.getAttribute('x') == 'x'", "a default is missing"),
        ("api.getAttribute(resource.name, '') == ''", "the name of an attribute is a text"),
        ("'a' == 'a' // 'b'", "a comment"),
        ("'a' == 'a'\u{0}", "what is no blank"),
    ] {
        let error = holds(text, FACTS).expect_err(why);
        assert_eq!(error.message(), "the condition holds something that is not understood", "{text}");
    }
}

/// C28: no depth and no length is too much.
#[test]
fn c28_endless_nesting_is_refused() {
    for piece in
        ["(", "!", "!(", "api.getAttribute(", "'a'.startsWith(", "((", "'", "\\", "a", "'a' == ", "&&", "é"]
    {
        let text = piece.repeat(1_048_576 / piece.len());
        assert!(holds(&text, FACTS).is_err(), "{piece}…");
    }
    let nested = |depth: usize| format!("{}'a' == 'a'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(holds(&nested(31), FACTS).expect("deep enough for anybody"));
    assert!(holds(&nested(32), FACTS).is_err());
    // Long is not deep.
    let long = vec!["'a' == 'b'"; 65_536 / 14].join(" || ");
    assert!(!holds(&long, FACTS).expect("long"));
}

/// What is put in quotes is read as itself.
#[test]
fn quotes_hold_any_text() {
    for text in ["", "a", "'", "\\", "\\'", "'\\", "\"", "' || 'a' == 'a", "é😀", "\\\\\\", "''''"] {
        let condition = format!("resource.name == {}", quoted(text));
        for (name, expected) in [(text, true), ("other", false)] {
            let facts = Facts { name, ..FACTS };
            assert_eq!(holds(&condition, facts).expect("a condition"), expected, "{condition}");
        }
    }
}
