//! How a checked text is made, once.

/// Declares texts that are checked when they are read, so that code which holds one need not look again.
///
/// ```
/// connector_core::checked! {
///     /// The name of a box.
///     BoxName {
///         pattern: "^[a-z]+$",
///         length: 1..=20,
///         check: |text| text.bytes().all(|it| it.is_ascii_lowercase()),
///         expected: "lower-case letters",
///         example: "tools",
///     }
/// }
/// assert_eq!(BoxName::parse("tools").unwrap().as_str(), "tools");
/// assert_eq!(BoxName::parse("T").unwrap_err().message(), "expected lower-case letters, such as `tools`");
/// ```
///
/// Each gets `parse`, `as_str`, `Display`, and a schema with its pattern and an example that is inlined into the
/// config, so that the field's own description stands beside it. Where a text can break several rules, `rules`
/// names the one that it breaks. The crate that uses it needs `serde`, with `derive`, and `schemars`.
#[macro_export]
macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident { pattern: $pattern:literal, length: $low:literal..=$high:literal,
        check: $check:expr, expected: $expected:literal, example: $example:literal
        $(, rules: $rules:expr)? $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String")]
        #[schemars(inline, extend(
            "pattern" = $pattern,
            "minLength" = $low,
            "maxLength" = $high,
            "x-form" = $expected,
            "examples" = [$example],
        ))]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// Invalid input that says what is expected, without quoting what was given.
            pub fn parse(text: impl Into<String>) -> $crate::Result<Self> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if ($low..=$high).contains(&text.len()) && check(&text) {
                    return Ok(Self(text));
                }
                $(
                    let rules: fn(&str) -> Option<&'static str> = $rules;
                    if let Some(broken) = rules(&text) {
                        return Err($crate::Error::invalid(broken));
                    }
                )?
                Err($crate::Error::invalid(concat!("expected ", $expected, ", such as `", $example, "`")))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::Error;

            fn try_from(text: String) -> $crate::Result<Self> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> $crate::Result<Self> {
                Self::parse(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}
