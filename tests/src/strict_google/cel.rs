//! The conditions of an access boundary: as much of the Common Expression Language as is of use in them, and nothing
//! that a real service would take and this one not understand.

/// What a condition is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject<'a> {
    /// `projects/_/buckets/B` or `projects/_/buckets/B/objects/NAME`.
    pub(super) name: &'a str,
    /// `storage.googleapis.com/Bucket` or `storage.googleapis.com/Object`.
    pub(super) kind: &'a str,
    /// The prefix of a listing.
    pub(super) list_prefix: Option<&'a str>,
}

/// A condition that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Or(Box<Self>, Box<Self>),
    And(Box<Self>, Box<Self>),
    StartsWith(Text, Text),
    Equal(Text, Text),
}

/// A text, or where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Literal(String),
    Name,
    Kind,
    Service,
    /// The prefix of a listing, with what stands for it where there is none.
    ListPrefix(String),
}

const SERVICE: &str = "storage.googleapis.com";
const LIST_PREFIX: &str = "storage.googleapis.com/objectListPrefix";

impl Expression {
    /// Reads a condition.
    ///
    /// # Errors
    /// What was not understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, place: 0 };
        let expression = parser.or()?;
        match parser.next() {
            None => Ok(expression),
            Some(token) => Err(format!("unexpected {token:?}")),
        }
    }

    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Or(left, right) => left.holds(subject) || right.holds(subject),
            Self::And(left, right) => left.holds(subject) && right.holds(subject),
            Self::StartsWith(text, start) => text.of(subject).starts_with(start.of(subject)),
            Self::Equal(left, right) => left.of(subject) == right.of(subject),
        }
    }
}

impl Text {
    fn of<'a>(&'a self, subject: &Subject<'a>) -> &'a str {
        match self {
            Self::Literal(text) => text,
            Self::Name => subject.name,
            Self::Kind => subject.kind,
            Self::Service => SERVICE,
            Self::ListPrefix(otherwise) => subject.list_prefix.unwrap_or(otherwise),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Literal(String),
    Sign(&'static str),
}

const SIGNS: [&str; 7] = ["||", "&&", "==", "(", ")", ",", "."];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), sign.len())
        } else if matches!(first, '\'' | '"') {
            literal(rest, first)?
        } else {
            let word = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
            if word == 0 {
                return Err(format!("unexpected {first:?}"));
            }
            (Token::Word(rest[..word].to_owned()), word)
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// A quoted text and its length with the quotes.
fn literal(rest: &str, quote: char) -> Result<(Token, usize), String> {
    let mut content = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((place, character)) = characters.next() {
        match character {
            end if end == quote => return Ok((Token::Literal(content), place + 1)),
            '\n' | '\r' => break,
            '\\' => match characters.next() {
                Some((_, escaped @ ('\\' | '\'' | '"' | '`' | '?'))) => content.push(escaped),
                Some((_, 'n')) => content.push('\n'),
                Some((_, 't')) => content.push('\t'),
                Some((_, 'r')) => content.push('\r'),
                _ => return Err("unknown escape".to_owned()),
            },
            other => content.push(other),
        }
    }
    Err("a text has no end".to_owned())
}

struct Parser {
    tokens: Vec<Token>,
    place: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.place).cloned();
        self.place += 1;
        token
    }

    fn takes(&mut self, sign: &'static str) -> bool {
        let is_next = self.tokens.get(self.place) == Some(&Token::Sign(sign));
        self.place += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(format!("{sign:?} is missing")),
        }
    }

    fn word(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(format!("a name is missing before {other:?}")),
        }
    }

    fn or(&mut self) -> Result<Expression, String> {
        let mut left = self.and()?;
        while self.takes("||") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.one()?;
        while self.takes("&&") {
            left = Expression::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.takes("(") {
            let inner = self.or()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.text()?;
        if self.takes("==") {
            return Ok(Expression::Equal(left, self.text()?));
        }
        self.expect(".")?;
        match self.word()?.as_str() {
            "startsWith" => {
                self.expect("(")?;
                let start = self.text()?;
                self.expect(")")?;
                Ok(Expression::StartsWith(left, start))
            }
            other => Err(format!("undeclared reference to '{other}'")),
        }
    }

    fn text(&mut self) -> Result<Text, String> {
        let object = match self.next() {
            Some(Token::Literal(text)) => return Ok(Text::Literal(text)),
            Some(Token::Word(word)) => word,
            other => return Err(format!("a value is missing before {other:?}")),
        };
        self.expect(".")?;
        match (object.as_str(), self.word()?.as_str()) {
            ("resource", "name") => Ok(Text::Name),
            ("resource", "type") => Ok(Text::Kind),
            ("resource", "service") => Ok(Text::Service),
            ("api", "getAttribute") => {
                self.expect("(")?;
                let attribute = self.text()?;
                self.expect(",")?;
                let otherwise = self.text()?;
                self.expect(")")?;
                match (attribute, otherwise) {
                    (Text::Literal(name), Text::Literal(otherwise)) if name == LIST_PREFIX => {
                        Ok(Text::ListPrefix(otherwise))
                    }
                    _ => Err("unknown attribute".to_owned()),
                }
            }
            (object, member) => Err(format!("undeclared reference to '{object}.{member}'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READS: &str = "resource.name.startsWith('projects/_/buckets/b/objects/a/') || \
                         api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('a/')";

    fn asked<'a>(name: &'a str, list_prefix: Option<&'a str>) -> Subject<'a> {
        let kind = if name.contains("/objects/") { "Object" } else { "Bucket" };
        let kind =
            if kind == "Object" { "storage.googleapis.com/Object" } else { "storage.googleapis.com/Bucket" };
        Subject { name, kind, list_prefix }
    }

    #[test]
    fn conditions_hold_as_written() {
        let object = asked("projects/_/buckets/b/objects/a/1", None);
        let sibling = asked("projects/_/buckets/b/objects/b/1", None);
        let listing = asked("projects/_/buckets/b", Some("a/x"));
        let whole = asked("projects/_/buckets/b", None);
        let is_object = "resource.type == \"storage.googleapis.com/Object\"";
        let quoted = r"resource.name == 'projects/_/buckets/b/objects/it\'s'";
        let cases = [
            (READS.to_owned(), vec![(&object, true), (&sibling, false), (&listing, true), (&whole, false)]),
            (is_object.to_owned(), vec![(&object, true), (&listing, false)]),
            (
                format!("{is_object} && ({READS})"),
                vec![(&object, true), (&sibling, false), (&listing, false)],
            ),
            // Without parentheses `&&` binds closer.
            (format!("{is_object} && {READS}"), vec![(&object, true), (&listing, true)]),
            (quoted.to_owned(), vec![(&object, false)]),
            ("resource.service == 'storage.googleapis.com'".to_owned(), vec![(&whole, true)]),
        ];
        for (text, expected) in cases {
            let expression = Expression::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            for (subject, holds) in expected {
                assert_eq!(expression.holds(subject), holds, "{text} of {subject:?}");
            }
        }
        let named = asked("projects/_/buckets/b/objects/it's", None);
        assert!(Expression::parse(quoted).is_ok_and(|expression| expression.holds(&named)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "resource.name",
            "true",
            "resource.name.endsWith('x')",
            "resource.owner == 'x'",
            "resource.name == 'x",
            "resource.name == 'x' ||",
            "(resource.name == 'x'",
            "resource.name == 'x')",
            "resource.name = 'x'",
            "!(resource.name == 'x')",
            r"resource.name == '\q'",
            "api.getAttribute('storage.googleapis.com/other', '').startsWith('x')",
            "api.getAttribute('storage.googleapis.com/objectListPrefix').startsWith('x')",
            "resource.name.startsWith('a\nb')",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
