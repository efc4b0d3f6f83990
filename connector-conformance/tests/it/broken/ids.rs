//! Ids that are read badly.

use std::sync::atomic::{AtomicUsize, Ordering};

use connector_conformance::Rule;
use connector_core::{Error, Parsed, ResourceAbout, Result, Wanted};

use super::{Case, broken, case};
use crate::tiny::{Good, is_name};

static PARSED: AtomicUsize = AtomicUsize::new(0);

broken! {
    /// It counts what it parses.
    Counting {
        fn parse(text: &str) -> Result<Parsed<String>> {
            let count = PARSED.fetch_add(1, Ordering::SeqCst);
            Good::parse(text).map_err(|_| Error::field("resource_id", format!("the {count}. text is no box")))
        }
    }
    /// Its own id is another form.
    NotItself {
        fn id(name: &str) -> String {
            format!("box:{name}/all")
        }
    }
    /// Its own id is none.
    Lost {
        fn id(name: &str) -> String {
            format!("the box {name}")
        }
    }
    /// It cuts a text without looking.
    Cutting {
        fn parse(text: &str) -> Result<Parsed<String>> {
            Good::parse(&format!("{}{}", &text[..4], &text[4..]))
        }
    }
    /// It makes much of little.
    Blown {
        fn id(name: &str) -> String {
            format!("box:{}", name.repeat(1000))
        }
        fn parse(text: &str) -> Result<Parsed<String>> {
            let name = text.strip_prefix("box:").filter(|it| it.bytes().all(|byte| byte.is_ascii_lowercase()));
            let name = name.filter(|it| !it.is_empty()).ok_or_else(|| Error::field("resource_id", "no box"))?;
            Ok(Parsed::exact(name[..name.len().div_ceil(1000)].to_owned()))
        }
    }
    /// It refuses without a field.
    Nameless {
        fn parse(text: &str) -> Result<Parsed<String>> {
            Good::parse(text).map_err(|_| Error::invalid("this is no box"))
        }
    }
    /// It refuses as if there were none.
    NotFound {
        fn parse(text: &str) -> Result<Parsed<String>> {
            Good::parse(text).map_err(|_| Error::not_found("there is no such box"))
        }
    }
    /// It says it all again.
    Quoting {
        fn parse(text: &str) -> Result<Parsed<String>> {
            let quotable = text.bytes().all(|byte| byte.is_ascii_graphic());
            let quoted = if quotable { &text[..text.len().min(500)] } else { "this" };
            Good::parse(text).map_err(|_| Error::field("resource_id", format!("{quoted} is no box")))
        }
    }
    /// Everything is a name.
    Trusting {
        fn parse(text: &str) -> Result<Parsed<String>> {
            let name = text.strip_prefix("box:").filter(|it| !it.is_empty());
            Ok(Parsed::exact(name.ok_or_else(|| Error::field("resource_id", "no box"))?.to_owned()))
        }
        fn limits(name: &str, wanted: &Wanted) -> Result<Option<String>> {
            Good::limits(name, wanted)
        }
    }
    /// A part is ignored.
    Deaf {
        const RESOURCE_ABOUT: ResourceAbout = ResourceAbout::new("Box", "Holds things.").narrows("limits");
        fn limits(name: &str, wanted: &Wanted) -> Result<Option<String>> {
            Ok(Some(format!("{name}/{}", wanted.access)))
        }
    }
    /// A part is refused as something else.
    WrongField {
        fn limits(name: &str, wanted: &Wanted) -> Result<Option<String>> {
            match wanted.within.as_deref() {
                Some(shelf) if !is_name(shelf) => Err(Error::field("resource_id", "no shelf")),
                _ => Good::limits(name, wanted),
            }
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case::<Counting>(&[Rule::ID_PARSING_IS_PURE]),
        case::<NotItself>(&[Rule::ID_PARSING_IS_IDEMPOTENT, Rule::LISTED_IDS_ARE_CANONICAL]),
        case::<Lost>(&[Rule::ID_PARSING_IS_IDEMPOTENT, Rule::LISTED_IDS_ARE_CANONICAL]),
        case::<Cutting>(&[Rule::ID_PARSING_IS_TOTAL]),
        case::<Blown>(&[Rule::ID_PARSING_IS_TOTAL, Rule::LISTED_IDS_ARE_CANONICAL]),
        case::<Nameless>(&[Rule::ID_ERRORS_NAME_THE_FIELD]),
        case::<NotFound>(&[Rule::ID_ERRORS_NAME_THE_FIELD]),
        case::<Quoting>(&[Rule::ID_ERRORS_NAME_THE_FIELD]),
        case::<Trusting>(&[Rule::IDS_ARE_CLEAN]),
        case::<Deaf>(&[Rule::PARTS_ARE_CHECKED]),
        case::<WrongField>(&[Rule::PARTS_ARE_CHECKED]),
    ]
}
