//! Any text as a file: an answer, and nothing of it in any error or `Debug` (C28, C11).

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// A file that was cut off anywhere is refused by all.
#[test]
fn c28_what_is_cut_off_is_refused() {
    for (name, file) in all_forms() {
        for text in [file.to_string(), STANDARD.encode(file.to_string())] {
            let step = text.len() / 40;
            for end in (0..text.len().saturating_sub(4)).step_by(step.max(1)) {
                assert_eq!(read_by_all(&text[..end]), 0, "{name}, {end} of {}", text.len());
            }
        }
    }
}

/// Every value of every form, the nested ones too, replaced by something else: no panic, and no word of it.
#[test]
fn c28_each_value_may_be_anything() {
    fn paths(value: &Value, at: &str, out: &mut Vec<String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            out.push(path.clone());
            paths(value, &path, out);
        }
    }
    let anything = [
        Value::Null,
        json!(CANARY),
        json!(format!("{CANARY}\u{0}\n\"'")),
        json!(-1),
        json!(1e300),
        json!(true),
        json!([CANARY, 1, null]),
        json!({ "type": CANARY, "a": { "b": [CANARY] } }),
        json!(format!("https://{CANARY}@example.org/")),
        json!(CANARY.repeat(10_000)),
    ];
    let mut seen = 0;
    for (_, file) in all_forms() {
        let mut all = Vec::new();
        paths(&file, "", &mut all);
        for path in all {
            // What is public is shown, with whatever stands in it.
            if ["audience", "account"].contains(&path.rsplit('.').next().expect("a name")) {
                continue;
            }
            for value in &anything {
                read_by_all(&with(file.clone(), &path, value.clone()).to_string());
                seen += 1;
            }
        }
    }
    assert!(seen > 400, "{seen}");
}

#[test]
fn c28_any_text_is_answered() {
    let forms: Vec<_> = all_forms().into_iter().map(|(_, file)| file.to_string()).collect();
    let piece = prop_oneof![
        "\\PC{0,12}",
        "[{}\\[\\]\",:\\\\n0-9]{0,6}",
        Just(CANARY.to_owned()),
        Just("\u{feff}".into())
    ];
    let spoilt = (0..forms.len(), any::<Index>(), any::<Index>(), piece, 0..3);
    runner(1500)
        .run(&spoilt, |(form, from, until, piece, how)| {
            let mut characters: Vec<char> = forms[form].chars().collect();
            let (from, until) = (from.index(characters.len()), until.index(characters.len()));
            let (from, until) = (from.min(until), from.max(until).min(from.min(until) + 40));
            characters.splice(from..until, piece.chars());
            let text: String = characters.into_iter().collect();
            let text = match how {
                0 => text,
                1 => STANDARD.encode(text),
                _ => format!("{text}{piece}"),
            };
            // What is public, such as an address, is shown with what was put into it; errors show nothing.
            for (_, result) in shown_by_all(&text) {
                result.err().iter().for_each(|error| drop(told(error)));
            }
            Ok(())
        })
        .expect("an answer, whatever it is");
    runner(1500)
        .run(&prop_oneof!["\\PC*", "[A-Za-z0-9+/=_-]{0,200}", "\\{.{0,100}"], |text| {
            prop_assert_eq!(read_by_all(&text), 0);
            Ok(())
        })
        .expect("an answer, whatever it is");
}

/// Long and deep texts, 64 KiB and more.
#[test]
fn c28_64_kib_are_answered() {
    for piece in [
        "a",
        "{",
        "[",
        "\"",
        "\\",
        "=",
        " ",
        "\u{feff}",
        "é",
        "{\"a\":",
        "{\"source_credentials\":",
        "e30=",
        "[[",
    ] {
        assert_eq!(read_by_all(&piece.repeat(65_536 / piece.len())), 0, "{piece}…");
        assert_eq!(
            read_by_all(&format!("{{\"type\":\"{}", piece.repeat(65_536 / piece.len()))),
            0,
            "{piece}…"
        );
    }
    // What stands within what is within is not read, however deep it goes on.
    let nested = "{\"type\":\"impersonated_service_account\",\"source_credentials\":";
    for depth in [2, 3, 100, 20_000] {
        let deep = format!("{}null{}", nested.repeat(depth), "}".repeat(depth));
        assert_eq!(read_by_all(&deep), 0, "{depth}");
        assert_eq!(read_by_all(&nested.repeat(depth)), 0, "{depth}");
    }
    let long = with(service_account(), "client_email", json!("a".repeat(1 << 20)));
    assert_eq!(read_by_all(&long.to_string()), 0);
    let many = with(impersonated(authorized_user()), "delegates", json!(vec!["a@b.c"; 20_000]));
    assert_eq!(read_by_all(&many.to_string()), 1);
}
