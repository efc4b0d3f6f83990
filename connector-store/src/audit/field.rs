//! The columns of a record, as they are stored and as the chain covers them.

use connector_core::{Access, Expiry};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, TypeInfo, ValueRef};

use super::{Record, millis};

/// Everything that a record says, in the order in which the chain covers it.
pub(super) const COLUMNS: [&str; 18] = [
    "at",
    "action",
    "caller",
    "connector_id",
    "connector",
    "version",
    "resource_type",
    "resource_id",
    "within",
    "access",
    "narrowed",
    "narrowing",
    "long_lived",
    "expires_at",
    "never",
    "process",
    "host",
    "detail",
];

/// The values of one record, in the order of [`COLUMNS`].
pub(super) type Fields = [Field; COLUMNS.len()];

/// One stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Nothing,
    Number(i64),
    Text(String),
}

impl Field {
    /// Its bytes behind a mark of its kind, so that nothing, zero and an empty text differ.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (mark, value): (u8, &[u8]) = match self {
            Self::Nothing => (0, &[]),
            Self::Number(number) => (1, &number.to_be_bytes()),
            Self::Text(text) => (2, text.as_bytes()),
        };
        [&[mark], value].concat()
    }

    fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Nothing, |it| Self::Text(it.to_owned()))
    }

    fn number(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Self::Nothing, |it| Self::Number(it.into()))
    }
}

/// A record as it is going to be stored.
pub(super) fn of(record: &Record) -> Fields {
    let (end, never) = match &record.expires {
        Some(Expiry::At(end)) => (Some(millis(*end)), None),
        Some(Expiry::Never(why)) => (None, Some(why.as_ref())),
        None => (None, None),
    };
    [
        Field::Number(millis(record.at)),
        Field::text(Some(record.action.as_str())),
        Field::text(Some(&record.caller)),
        Field::text(record.connector_id.as_deref()),
        Field::text(record.connector.as_deref()),
        Field::number(record.version.map(u64::cast_signed)),
        Field::text(record.resource_type.as_deref()),
        Field::text(record.resource_id.as_deref()),
        Field::text(record.within.as_deref()),
        Field::text(record.access.map(Access::as_str)),
        Field::number(record.narrowed),
        Field::text(record.narrowing.as_deref()),
        Field::number(Some(record.long_lived)),
        Field::number(end),
        Field::text(never),
        Field::number(record.process),
        Field::text(record.host.as_deref()),
        Field::text(record.detail.as_deref()),
    ]
}

/// A stored record. `None` when a value is of a kind that this program never writes.
pub(super) fn read(row: &SqliteRow) -> sqlx::Result<Option<Fields>> {
    let mut fields = [const { Field::Nothing }; COLUMNS.len()];
    for (field, column) in fields.iter_mut().zip(COLUMNS) {
        let value = row.try_get_raw(column)?;
        let kind = if value.is_null() { "NULL".to_owned() } else { value.type_info().name().to_owned() };
        *field = match kind.as_str() {
            "NULL" => Field::Nothing,
            "INTEGER" => Field::Number(row.try_get_unchecked(column)?),
            "TEXT" => match row.try_get_unchecked(column) {
                Ok(text) => Field::Text(text),
                // Bytes that are no text.
                Err(sqlx::Error::ColumnDecode { .. }) => return Ok(None),
                Err(error) => return Err(error),
            },
            _ => return Ok(None),
        };
    }
    Ok(Some(fields))
}
