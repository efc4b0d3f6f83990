//! Patterns of the policy language: `*` for any text, `?` for one character, `${*}`, `${?}` and `${$}`
//! for the characters themselves.
//!
//! Three questions are asked of them: does one match a text, does one contain another, do two overlap.
//! The first two take one walk with at most one return point, the third a table of both lengths.

use super::model::Version;

/// What can be said without knowing everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    No,
    Maybe,
    Yes,
}

impl Truth {
    pub(super) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.max(other)
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// A compiled pattern. One with a variable whose value is not known is wider than what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    exact: bool,
}

impl Pattern {
    /// Compiles a pattern with wildcards.
    pub(super) fn new(text: &str, version: Version) -> Self {
        Self::compile(text, version, |it| match it {
            '*' => Token::Any,
            '?' => Token::One,
            other => Token::Char(other),
        })
    }

    /// Compiles a text in which `*` and `?` are themselves; variables still are variables.
    pub(super) fn literal(text: &str, version: Version) -> Self {
        Self::compile(text, version, Token::Char)
    }

    /// Compiles an action: service and name have no case.
    pub(super) fn action(text: &str, version: Version) -> Self {
        Self::new(&text.to_ascii_lowercase(), version)
    }

    fn compile(text: &str, version: Version, token: fn(char) -> Token) -> Self {
        let (mut tokens, mut exact) = (Vec::with_capacity(text.len()), true);
        let mut rest = text;
        while let Some(it) = rest.chars().next() {
            let Some(variable) = rest.strip_prefix("${").filter(|_| version == Version::V2012) else {
                tokens.push(token(it));
                rest = &rest[it.len_utf8()..];
                continue;
            };
            // A variable without an end, or with a quoted default, may reach to the end of the text.
            let (name, behind) =
                variable.split_once('}').filter(|(name, _)| !name.contains('\'')).unwrap_or((variable, ""));
            match name {
                "*" | "?" | "$" => tokens.extend(name.chars().map(Token::Char)),
                _ => {
                    tokens.push(Token::Any);
                    exact = false;
                }
            }
            rest = behind;
        }
        Self { tokens: ordered(tokens), exact }
    }

    /// Whether the text matches.
    pub(super) fn matches(&self, text: &str) -> Truth {
        let chars: Vec<Token> = text.chars().map(Token::Char).collect();
        match walk(&self.tokens, &chars) {
            false => Truth::No,
            true if self.exact => Truth::Yes,
            true => Truth::Maybe,
        }
    }

    /// Whether all that `other` matches is matched by this one. Never says so wrongly; may miss it in
    /// odd cases such as `*a` in `?*`.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.exact && walk(&self.tokens, &other.tokens)
    }

    /// Whether some text matches both. Never denies it wrongly.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        // Row by row: can the first `i` tokens here and the first `j` there stand for the same text?
        let mut row = vec![false; other.tokens.len() + 1];
        for i in 0..=self.tokens.len() {
            let mut diagonal = false;
            for j in 0..=other.tokens.len() {
                let above = row[j];
                let here = i.checked_sub(1).map(|it| self.tokens[it]);
                let there = j.checked_sub(1).map(|it| other.tokens[it]);
                row[j] = match (here, there) {
                    (None, None) => true,
                    (here, there) => {
                        let skips_here = here == Some(Token::Any) && above;
                        let skips_there = there == Some(Token::Any) && row[j - 1];
                        let both = match (here, there) {
                            (Some(Token::Char(a)), Some(Token::Char(b))) => diagonal && a == b,
                            (Some(Token::Any), Some(_)) => row[j - 1],
                            (Some(_), Some(Token::Any)) => above,
                            (Some(_), Some(_)) => diagonal,
                            _ => false,
                        };
                        skips_here || skips_there || both
                    }
                };
                diagonal = above;
            }
        }
        row[other.tokens.len()]
    }

    /// The parts between the first `count - 1` colons; missing ones stand for anything.
    fn parts(&self, count: usize) -> Vec<Self> {
        let any = || Self { tokens: vec![Token::Any], exact: true };
        if self.tokens == [Token::Any] {
            return (0..count).map(|_| any()).collect();
        }
        let pieces = self.tokens.splitn(count, |it| *it == Token::Char(':'));
        let mut parts: Vec<_> = pieces.map(|it| Self { tokens: it.to_vec(), exact: self.exact }).collect();
        parts.resize_with(count, any);
        parts
    }
}

/// Puts each run of wildcards into one form, `??*`, so that equal runs compare as equal.
fn ordered(tokens: Vec<Token>) -> Vec<Token> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut any = false;
    for token in tokens {
        match token {
            Token::Any => any = true,
            Token::One => out.push(Token::One),
            Token::Char(_) => {
                out.extend(std::mem::take(&mut any).then_some(Token::Any));
                out.push(token);
            }
        }
    }
    out.extend(any.then_some(Token::Any));
    out
}

/// Whether `wide` matches `narrow` token by token, where a `*` of `narrow` can only be taken by a `*` of
/// `wide`. The last star is the only return point, so the work is at most the product of both lengths.
fn walk(wide: &[Token], narrow: &[Token]) -> bool {
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < narrow.len() {
        match (wide.get(at), narrow[pos]) {
            (Some(Token::Any), _) => {
                star = Some((at, pos));
                at += 1;
            }
            (Some(Token::One), Token::Char(_) | Token::One) => (at, pos) = (at + 1, pos + 1),
            (Some(Token::Char(a)), Token::Char(b)) if *a == b => (at, pos) = (at + 1, pos + 1),
            _ => match &mut star {
                Some((after, taken)) => {
                    *taken += 1;
                    (at, pos) = (*after + 1, *taken);
                }
                None => return false,
            },
        }
    }
    wide[at..].iter().all(|it| *it == Token::Any)
}

/// A pattern of resources. Whether a `*` may reach over the colons of an ARN is nowhere promised, so
/// both readings are asked, and only what they agree on is believed.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    whole: Pattern,
    parts: Vec<Pattern>,
}

const ARN_PARTS: usize = 6;

impl Resource {
    pub(super) fn new(text: &str, version: Version) -> Self {
        let whole = Pattern::new(text, version);
        let parts = whole.parts(ARN_PARTS);
        Self { whole, parts }
    }

    pub(super) fn matches(&self, text: &str) -> Truth {
        let whole = self.whole.matches(text);
        let parts: Vec<&str> = text.splitn(ARN_PARTS, ':').collect();
        if parts.len() < ARN_PARTS {
            return whole;
        }
        let by_part = self.parts.iter().zip(parts).map(|(pattern, part)| pattern.matches(part));
        let by_part = by_part.fold(Truth::Yes, Truth::and);
        if whole == by_part { whole } else { Truth::Maybe }
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        self.whole.contains(&other.whole)
            && self.parts.iter().zip(&other.parts).all(|(mine, theirs)| mine.contains(theirs))
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.whole.overlaps(&other.whole)
            || self.parts.iter().zip(&other.parts).all(|(mine, theirs)| mine.overlaps(theirs))
    }
}
