//! Conditions: whether they hold for a request, and what one set of them says about another.

use super::model::{Conditions, Version};
use super::pattern::{Pattern, Resource, Truth};

/// One operator on one key.
#[derive(Clone, Copy)]
struct Clause<'a> {
    operator: &'a str,
    key: &'a str,
    values: &'a [String],
    version: Version,
}

fn clauses(conditions: &Conditions, version: Version) -> impl Iterator<Item = Clause<'_>> {
    conditions.iter().flat_map(move |(operator, keys)| {
        keys.iter().map(move |(key, values)| Clause { operator, key, values, version })
    })
}

/// Whether all conditions hold. Keys have no case. A key that is not in the context is taken as absent,
/// but `aws:` keys, which AWS adds to every request, as not known.
pub(super) fn hold(conditions: &Conditions, version: Version, context: &[(&str, &str)]) -> Truth {
    clauses(conditions, version).map(|it| it.holds(context)).fold(Truth::Yes, Truth::and)
}

/// Whether `narrow` holding means that `wide` holds. Never says so wrongly.
pub(super) fn imply(narrow: (&Conditions, Version), wide: (&Conditions, Version)) -> bool {
    clauses(wide.0, wide.1).all(|wide| clauses(narrow.0, narrow.1).any(|narrow| narrow.implies(wide)))
}

/// Whether both can never hold for the same request. Never says so wrongly.
pub(super) fn exclude(one: (&Conditions, Version), other: (&Conditions, Version)) -> bool {
    clauses(one.0, one.1).any(|a| clauses(other.0, other.1).any(|b| a.excludes(b) || b.excludes(a)))
}

/// Keys that have one value in every request. On others, two conditions that share no value may both hold.
const SINGLE_VALUED: [&str; 2] = ["s3:prefix", "s3:delimiter"];

impl<'a> Clause<'a> {
    fn holds(self, context: &[(&str, &str)]) -> Truth {
        let (operator, if_exists) = match self.operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (self.operator, false),
        };
        let given =
            context.iter().find(|(key, _)| key.eq_ignore_ascii_case(self.key)).map(|(_, value)| *value);
        let unknown = given.is_none() && self.key.to_ascii_lowercase().starts_with("aws:");
        if unknown {
            return Truth::Maybe;
        }
        if operator == "Null" {
            return self
                .any(|it| it.eq_ignore_ascii_case(if given.is_none() { "true" } else { "false" }).into());
        }
        let (positive, negated) = match operator {
            "StringNotEquals" => ("StringEquals", true),
            "StringNotEqualsIgnoreCase" => ("StringEqualsIgnoreCase", true),
            "StringNotLike" => ("StringLike", true),
            "ArnNotEquals" | "ArnNotLike" => ("ArnLike", true),
            other => (other, false),
        };
        let version = self.version;
        let test: fn(&str, &str, Version) -> Truth = match positive {
            "StringEquals" => |it, given, version| Pattern::literal(it, version).matches(given),
            "StringEqualsIgnoreCase" => |it, given, version| {
                Pattern::literal(&it.to_lowercase(), version).matches(&given.to_lowercase())
            },
            "StringLike" => |it, given, version| Pattern::new(it, version).matches(given),
            "ArnEquals" | "ArnLike" => |it, given, version| Resource::new(it, version).matches(given),
            "Bool" => |it, given, _| it.eq_ignore_ascii_case(given).into(),
            _ => return Truth::Maybe,
        };
        match given {
            None => (negated || if_exists).into(),
            Some(given) => {
                let found = self.any(|it| test(it, given, version));
                if negated { found.not() } else { found }
            }
        }
    }

    fn any(self, test: impl Fn(&str) -> Truth) -> Truth {
        self.values.iter().map(|it| test(it)).fold(Truth::No, Truth::or)
    }

    fn same_key(self, other: Self) -> bool {
        self.key.eq_ignore_ascii_case(other.key)
    }

    /// The values as patterns, when the operator compares text and asks for one of them.
    fn patterns(self, equals: &str, like: &str) -> Option<Vec<Pattern>> {
        let compile: fn(&str, Version) -> Pattern = match self.operator {
            operator if operator == equals => Pattern::literal,
            operator if operator == like => Pattern::new,
            _ => return None,
        };
        Some(self.values.iter().map(|it| compile(it, self.version)).collect())
    }

    fn implies(self, wide: Self) -> bool {
        if !self.same_key(wide) {
            return false;
        }
        if let (Some(narrow), Some(wide)) =
            (self.patterns("StringEquals", "StringLike"), wide.patterns("StringEquals", "StringLike"))
        {
            return narrow.iter().all(|it| wide.iter().any(|wide| wide.contains(it)));
        }
        // Of any other operator, known or not, it is known that it is itself.
        let all_in = |some: &[String], all: &[String]| some.iter().all(|it| all.contains(it));
        self.operator == wide.operator
            && self.version == wide.version
            && all_in(self.values, wide.values)
            && all_in(wide.values, self.values)
    }

    /// Whether what this one asks for is not what the other one takes.
    fn excludes(self, other: Self) -> bool {
        if !self.same_key(other) || !SINGLE_VALUED.iter().any(|it| it.eq_ignore_ascii_case(self.key)) {
            return false;
        }
        let Some(mine) = self.patterns("StringEquals", "StringLike") else { return false };
        if let Some(theirs) = other.patterns("StringEquals", "StringLike") {
            return !mine.iter().any(|it| theirs.iter().any(|their| their.overlaps(it)));
        }
        match other.patterns("StringNotEquals", "StringNotLike") {
            Some(theirs) => mine.iter().all(|it| theirs.iter().any(|their| their.contains(it))),
            None => false,
        }
    }
}
