//! A field of a config that several methods share.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use crate::{Error, Problem, Result};

/// A text that was read, right or wrong: for fields of a config that is flattened into others. Serde loses the name
/// of such a field when it refuses it, so it is refused by name later.
///
/// The method's [`check`](crate::AuthMethod::check) reports [`Given::fault`]; who needs the value asks
/// [`Given::value`].
#[derive(Clone, Debug)]
pub struct Given<T>(Result<T>);

impl<T> Given<T> {
    /// A value that is right.
    pub const fn of(value: T) -> Self {
        Self(Ok(value))
    }

    /// What is wrong with the field, if it is given and wrong.
    pub fn fault(given: &Option<Self>, field: &str) -> Option<Problem> {
        let error = given.as_ref()?.0.as_ref().err()?;
        Some(Problem::new(field, error.message()))
    }

    /// The value, if it is given.
    ///
    /// # Errors
    /// Invalid input, naming the field, when it is given and wrong.
    pub fn value<'a>(given: &'a Option<Self>, field: &str) -> Result<Option<&'a T>> {
        match given {
            None => Ok(None),
            Some(Self(Ok(value))) => Ok(Some(value)),
            Some(Self(Err(error))) => Err(Error::field(field, error.message())),
        }
    }
}

impl<'de, T: FromStr<Err = Error>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(text.parse()))
    }
}

impl<T: JsonSchema> JsonSchema for Given<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
