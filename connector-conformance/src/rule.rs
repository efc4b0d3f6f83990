//! The rules, each with its reason. This file is their reference: what an associated constant's documentation
//! says is what the rule demands.

use std::fmt;

/// A rule that a connector keeps.
///
/// Ids never change. A later version of the kit may bring new rules, and may look closer at an old one.
#[derive(Clone, Copy)]
pub struct Rule {
    id: &'static str,
    about: &'static str,
    mend: &'static str,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, mend: $mend:literal;)+) => {
        impl Rule {
            $(
                $(#[doc = $doc])+
                pub const $name: Self = Self { id: $id, about: concat!($($doc, "\n"),+), mend: $mend };
            )+

            /// All rules, in the order in which they are checked.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

impl Rule {
    /// Its id: kebab-case, never changed.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.id
    }

    /// What it demands, and why.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.about
    }

    /// What to do when it does not hold.
    #[must_use]
    pub const fn mend(self) -> &'static str {
        self.mend
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

// What a connector says about itself; nothing is needed for it.
rules! {
    /// The ids of connector types, methods, resource types and kinds are kebab-case: `a-z`, `0-9` and single `-`,
    /// from a letter on, at most 63. They stand in documents, file names, command lines and URLs, where anything
    /// else would have to be quoted.
    IDS_ARE_KEBAB_CASE = "ids-are-kebab-case",
        mend: "choose an id of a-z, 0-9 and single dashes that begins with a letter";

    /// The ids are exactly those that [`Kit::stable_ids`](crate::Kit::stable_ids) lists. Stored documents and
    /// sealed credentials hold them: an id that changes makes them unreadable, and this rule makes that a decision
    /// instead of an accident. Checked when the list is given.
    IDS_STAY = "ids-stay",
        mend: "bring the old id back; when an id is new, add it to the list given to `stable_ids`";

    /// Connector types, methods, resource types and every field of every config, at any depth, say in words what
    /// they are. These words are the reference page, the prompt at registration and `describe-type`.
    EVERYTHING_IS_DOCUMENTED = "everything-is-documented",
        mend: "write a doc comment on the field, or a description in ABOUT";

    /// The bounds of a lifetime are in order, min ≤ default ≤ max, above zero, and stand only where what is issued
    /// ends by itself. Durations are refused by these bounds before any call.
    LIFETIMES_ARE_ORDERED = "lifetimes-are-ordered",
        mend: "put min, default and max in order, and say `temporary()` where a lifetime is said";

    /// The permissions of `write` include those of `read`, and `admin` those of `write`. Who grants more must not
    /// take away.
    ACCESS_LEVELS_INCLUDE_EACH_OTHER = "access-levels-include-each-other",
        mend: "let `permissions` of a level return those of the level below it too";

    /// What ABOUT says fits what the config holds: a method that holds a long-lived secret has a field for it or
    /// for the connector that has it; one that holds none demands none; a resource type's `without` names methods
    /// that exist, each with the reason. Warnings and refusals are made from this.
    ABOUT_IS_CONSISTENT = "about-is-consistent",
        mend: "correct `Life`, the field's type (`Secret`, `Base<_>`), or the list in `without`";

    /// The schema is JSON Schema, draft 2020-12: known keywords with values of their form, references that
    /// resolve, patterns that compile, required fields that exist. A keyword that is misspelt is ignored without a
    /// word by everything that reads schemas.
    SCHEMA_IS_VALID = "schema-is-valid",
        mend: "correct the hand-written part of the schema (`schemars(extend(…))`, `JsonSchema`)";

    /// The schema is closed, describes an object, and says of which type each field is; a key that it does not know
    /// is refused by name. A typing error in an optional key would otherwise be a setting that does nothing.
    SCHEMA_IS_COMPLETE = "schema-is-complete",
        mend: "add `#[serde(deny_unknown_fields)]`, and give each field a type";

    /// A field that holds a password, a token or a key is a [`Secret`](connector_core::Secret) at the top of the
    /// config, with its marks in the schema and without a default or an example. What is not marked is stored in
    /// clear, printed and logged.
    SECRETS_ARE_MARKED = "secrets-are-marked",
        mend: "make the field a `Secret` (or `Option<Secret>`) of the config itself; excuse it if it holds none";

// What a config does; an example of it is needed.

    /// Every method has an example config that fits, also with references in place of its secrets, and every
    /// resource type has an example id that parses. The other rules would hold for nothing without one.
    EXAMPLES_ARE_GIVEN = "examples-are-given",
        mend: "give `Kit::method` a config that works, with `canary(…)` for secrets, and `Kit::resource` ids";

    /// What is wrong with a config is refused as invalid input, and every fault names its field: one that is
    /// missing, one of the wrong type. People mend what they can find.
    CONFIG_FAULTS_NAME_FIELDS = "config-faults-name-fields",
        mend: "let the schema say what the parser demands, and give each `Problem` of `check` its field";

    /// No refusal of a config quotes a value of it. The value may be a secret in the wrong field, and errors are
    /// logged.
    CONFIG_ERRORS_QUOTE_NOTHING = "config-errors-quote-nothing",
        mend: "say what was expected in place of what was given";

    /// No text makes the parsing of a config panic, and no refusal holds control characters. Configs come from
    /// files, forms and other programs.
    CONFIG_PARSING_IS_TOTAL = "config-parsing-is-total",
        mend: "parse without indexing and unwrapping, and refuse what does not fit";

// What the parsing of ids does; nothing is needed for it, and examples make it better.

    /// The same text gives the same answer, whatever was parsed before it. Ids are parsed before anything is
    /// authenticated, and again on the other side of a process boundary.
    ID_PARSING_IS_PURE = "id-parsing-is-pure",
        mend: "let `parse` look at nothing but its text, and `id` at nothing but `self`";

    /// The canonical id parses to itself: exact, with the same id, without a part. It is what is stored, cached and
    /// audited.
    ID_PARSING_IS_IDEMPOTENT = "id-parsing-is-idempotent",
        mend: "let `id` write what `parse` reads as the whole resource, and normalise in `parse`";

    /// No text makes parsing panic, 64 KiB at once included, and what comes of it is not much larger than the
    /// text. The kit has no stopwatch, so that it fails in the same way everywhere: a parser whose time grows with
    /// the square of its text shows as a test that takes minutes.
    ID_PARSING_IS_TOTAL = "id-parsing-is-total",
        mend: "parse without indexing and unwrapping, in one pass";

    /// A text that is no id is refused as invalid input on the field `resource_id` or `within`, in a short sentence
    /// without control characters and without a long piece of the text.
    ID_ERRORS_NAME_THE_FIELD = "id-errors-name-the-field",
        mend: "use `Error::field(\"resource_id\", …)`, and say which forms are accepted in place of quoting";

    /// What parsing lets through has no control characters, no invisible ones, no blanks around it and no `.` or
    /// `..` between slashes; only a part may hold everything but control characters. It goes into logs, requests,
    /// policies and paths, and two spellings of one resource are two cache entries.
    IDS_ARE_CLEAN = "ids-are-clean",
        mend: "accept only the characters that the provider's names have";

    /// A part (`within`) is refused, by its name, where the resource type says that it has none; where it has,
    /// no part panics, and what is refused names the field. A part that is ignored gives away the whole.
    PARTS_ARE_CHECKED = "parts-are-checked",
        mend: "check `wanted.within` in `narrowing`, and refuse with `Error::field(\"within\", …)`";

// What is issued; a world is needed from here on.

    /// A credential is issued from each example config for each resource type that works with its method, in the
    /// world that was given.
    IT_ISSUES = "it-issues",
        mend: "let the world's provider answer this method, list the method in `without`, or excuse it";

    /// What a `temporary()` method issues ends at a stated time; what never ends says why. A credential without an
    /// end is held for ever by whoever caches it.
    EXPIRY_IS_SAID = "expiry-is-said",
        mend: "count the end with `Call::expires_in`, or take `temporary()` away and say why it never ends";

    /// A duration outside of the bounds in ABOUT is refused by the field `duration`, before any call, unless the
    /// config has no say in it at all.
    LIFETIME_BOUNDS_HOLD = "lifetime-bounds-hold",
        mend: "let `lifetime` of a config be tighter than ABOUT, never wider";

    /// A method that states bounds asks its provider for the life that was asked for: the calls for the shortest
    /// and for the longest life differ, or what it makes by itself ends in time. Advertising less than was issued
    /// leaves a credential in the world that nobody watches.
    ASKED_LIFE_IS_TOLD = "asked-life-is-told",
        mend: "send `Call::duration` to the provider, or state no bounds";

    /// Neither the advertised end nor the one that is said to be the provider's is later than the provider's own,
    /// and the first is not later than the second. Checked when the world's provider calls
    /// [`World::issued`](crate::World::issued).
    NEVER_ADVERTISED_LONGER = "never-advertised-longer",
        mend: "take the life from the provider's answer, and count it with `Call::expires_in`";

    /// An answer that was long on its way does not make a credential live longer: its life is counted from before
    /// the request was sent. The answer's way counts against it, and a clock that is wrong all the time cancels
    /// out.
    SLOW_ANSWERS_LENGTHEN_NOTHING = "slow-answers-lengthen-nothing",
        mend: "count with `Call::expires_in` or `Call::expires_at`, never with `now()` after the answer";

    /// No long-lived secret of a config stands in what is issued, in no field and no tool's form, in clear or
    /// encoded, unless it is said to be long-lived and the connector allows that. The one form that the resource type
    /// passes stored secrets to (`passes_to`) needs no such leave.
    LONG_LIVED_SECRETS_STAY = "long-lived-secrets-stay",
        mend: "issue something temporary, or say `long_lived()`";

    /// Where a config has only its stored secret to give, the plan is refused without the owner's leave, as issuing
    /// is; and what is issued is planned. `explain` shows plans, and a plan that cannot be carried out is a lie.
    PLANS_TELL_REFUSALS = "plans-tell-refusals",
        mend: "let `AuthMethod::hands_on_secret` of a config say what `issue` does, and `hands_on()` of the resource type";

    /// No secret, of the config or issued, stands in an error with all its causes and sources, in any `Debug`, in
    /// the public fields of the envelope, in the reason of a narrowing, in a plan or in the catalogue.
    SECRETS_ARE_NOT_SHOWN = "secrets-are-not-shown",
        mend: "keep it in a `Secret`, write it with `Fields::secret`, and name things in errors";

    /// No secret stands in a URL that is called. URLs are logged by every proxy and server on the way.
    SECRETS_ARE_NOT_IN_URLS = "secrets-are-not-in-urls",
        mend: "send it in a header or in the body";

    /// A method that is not `implicit()` asks for no environment variable while it issues, except those that its
    /// `identity` asked for. What shapes a credential and is not in the cache key gives one user another's.
    SURROUNDINGS_ARE_DECLARED = "surroundings-are-declared",
        mend: "make it a field of the config, say `implicit()`, or name it in `AuthMethod::identity`";

    /// A credential says that it is narrowed only when the method says in ABOUT that it narrows, or the resource
    /// type says by what; and it gives the reason either way. What is long-lived is not narrowed.
    NARROWING_IS_DECLARED = "narrowing-is-declared",
        mend: "say `narrows(…)` in ABOUT, or do not claim it";

    /// When several credentials, for other resources, access levels or parts, are said to be narrowed, not all of
    /// them are asked for in one way; where nobody is asked, they differ themselves. A provider that is told the
    /// same every time has narrowed nothing.
    NARROWING_IS_TOLD = "narrowing-is-told",
        mend: "send the narrowing, and claim it only when it was given and sent";

    /// What is listed are canonical ids: each parses to itself. They are what people copy into a grant.
    LISTED_IDS_ARE_CANONICAL = "listed-ids-are-canonical",
        mend: "list `id()` of each resource";

// The form in which a credential travels.

    /// A credential that was exported, written as JSON, read and imported exports the same fields again; and an
    /// envelope of a kind that nobody knows passes through as it is. Both sides of a process boundary hold the same
    /// credential.
    ENVELOPES_ROUND_TRIP = "envelopes-round-trip",
        mend: "read in `import` what `export` writes; tell the kit of the kind with `Kit::kind::<YourKind>()`";

    /// Importing ignores fields that it does not know, and refuses by its name a field that is missing or of
    /// another type. Two versions of a program share a cache and a broker.
    ENVELOPES_MAY_GROW = "envelopes-may-grow",
        mend: "read fields with `Fields::text` and `Fields::expect_secret`, and ignore the rest";

    /// Each tool's form renders, under a kebab-case name of its own; environment variables have names that a shell
    /// takes and values without line ends and NUL.
    FORMS_ARE_SOUND = "forms-are-sound",
        mend: "correct the kind's `tools` or `environment`";

    /// A protocol in which programs ask an endpoint has a kebab-case id of its own; what it sets up is variables and
    /// files that lead there and hold no part of the credential, which would end there; it refuses as a failure,
    /// takes the same path in the same way each time, and no request makes it panic.
    PROTOCOLS_ARE_SOUND = "protocols-are-sound",
        mend: "correct the kind's `protocols`: set up the address alone, and decide by nothing but the arguments";

// How it lives on.

    /// When its hard window opens, a credential is replaced by one that ends later, and so it is after an outage;
    /// only what the config itself ends (`AuthMethod::expires_at`) is not. A method that keeps its own answer makes
    /// every user of it fail at once.
    IT_RENEWS = "it-renews",
        mend: "keep nothing in the method: the core's cells do; say `expires_at` where the config holds the end";

    /// While a credential is good, a provider that is down changes nothing: it is still handed out.
    LAST_GOOD_IS_KEPT = "last-good-is-kept",
        mend: "return an error when the provider fails, and leave the keeping to the core";

    /// Nothing that was advertised to have ended is handed out again, also when the provider is down. Only what an
    /// `implicit()` method reads from its surroundings without a call may be read again.
    NEVER_PAST_THE_END = "never-past-the-end",
        mend: "return the provider's error; do not fall back to what was issued before";

    /// A provider that cannot be reached is an error that says so: transient, and of a kind that neither ends the
    /// connector nor lets a chain of sources go on to somebody else's identity.
    OUTAGES_PASS = "outages-pass",
        mend: "pass the port's error on, with `context(…)` for words, and keep its kind";

    /// Many callers who want the same at once cause the calls of one, also when these fail.
    ONE_CALL_FOR_MANY = "one-call-for-many",
        mend: "let `id` be the same for the same resource, and call the provider in `authenticate` and `issue` only";

// What a provider may answer.

    /// No answer makes it panic: errors of every status, garbage, half a JSON, a depth of thousands, nothing at
    /// all. What is no success is an error, and never "not configured", which would let a chain go on to somebody
    /// else's identity.
    ANSWERS_ARE_SURVIVED = "answers-are-survived",
        mend: "look at the status first, read the body without unwrapping, and map failures to refused or unreachable";

    /// No error quotes an answer. Providers send back what they were sent, secrets included, and a proxy between
    /// says what it likes.
    ANSWERS_ARE_NOT_QUOTED = "answers-are-not-quoted",
        mend: "name the call and the status, and of the body only error codes from a list of known ones";

    /// A redirect is not followed: the credential would go along.
    REDIRECTS_ARE_NOT_FOLLOWED = "redirects-are-not-followed",
        mend: "treat 3xx as an error";

// The kit itself.

    /// Every exception that was asked for excuses something. One that is not needed any more hides what breaks
    /// next.
    EXCEPTIONS_ARE_NEEDED = "exceptions-are-needed",
        mend: "take the call of `except` away";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_ids_of_their_own_and_reasons() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|it| it.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert!(crate::checks::is_kebab(rule.id()), "{rule}");
            assert!(rule.about().len() > 50 && rule.mend().len() > 20, "{rule}");
        }
    }

    /// The table of README.md is the list of rules.
    #[test]
    fn the_readme_lists_the_rules() {
        let readme = include_str!("../README.md");
        for rule in Rule::ALL {
            assert!(readme.contains(&format!("`{rule}`")), "README.md does not name {rule}");
        }
    }
}
