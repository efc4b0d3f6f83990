//! Finding connectors. None of it needs a key, so none of it is verified.

use std::collections::BTreeMap;
use std::time::SystemTime;

use connector_core::{Document, Result, format_time};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::{error, record};

/// Which connectors to list; an empty one lists all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this connector type.
    pub connector_type: Option<String>,
    /// That may serve this resource type: those for it, and those for no type in particular.
    pub resource_type: Option<String>,
    /// Of this owner.
    pub owner: Option<String>,
    /// In this workspace.
    pub workspace: Option<String>,
    /// With all of these labels.
    pub labels: BTreeMap<String, String>,
    /// In this state.
    pub enabled: Option<bool>,
    /// That this person may see: their own, and shared ones.
    pub visible_to: Option<String>,
    /// Registered in this time.
    pub created: Period,
    /// Changed last in this time.
    pub updated: Period,
}

/// A stretch of time, in whole seconds: from its beginning on, and before its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Period {
    /// When it begins; open when left out.
    pub from: Option<SystemTime>,
    /// When it ends; open when left out.
    pub before: Option<SystemTime>,
}

/// A part of a list that is sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Begins behind this name: the last one of the page before.
    pub after: Option<String>,
    /// At most this many; all of them when left out.
    pub limit: Option<u32>,
}

impl Page {
    /// Everything at once.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The first so many.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit: Some(limit) }
    }
}

/// A document as it is stored.
pub(crate) struct Row {
    id: String,
    document: String,
}

impl Row {
    /// Reads the document. That it lies under its own id is all that can be seen without a key.
    pub(crate) fn document(self) -> Result<Document> {
        let document = record::parse(&self.document)?;
        if document.id != self.id {
            return Err(error::damaged("a stored connector document lies under another id than its own"));
        }
        Ok(document)
    }
}

impl FromRow<'_, SqliteRow> for Row {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self { id: row.try_get("id")?, document: row.try_get("document")? })
    }
}

pub(crate) async fn by_name(connection: &mut SqliteConnection, name: &str) -> sqlx::Result<Option<Row>> {
    sqlx::query_as("SELECT id, document FROM connectors WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await
}

pub(crate) async fn by_id(connection: &mut SqliteConnection, id: &str) -> sqlx::Result<Option<Row>> {
    sqlx::query_as("SELECT id, document FROM connectors WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// Reads a page of documents, sorted by name.
pub(crate) async fn rows(
    connection: &mut SqliteConnection,
    filter: &Filter,
    page: &Page,
) -> sqlx::Result<Vec<Row>> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id, document FROM connectors WHERE 1");
    for (column, wanted) in
        [("type", &filter.connector_type), ("owner", &filter.owner), ("workspace", &filter.workspace)]
    {
        if let Some(wanted) = wanted {
            query.push(format!(" AND {column} = ")).push_bind(wanted.as_str());
        }
    }
    if let Some(resource_type) = &filter.resource_type {
        query.push(" AND coalesce(document ->> '$.resource_type', ").push_bind(resource_type.as_str());
        query.push(") = ").push_bind(resource_type.as_str());
    }
    if let Some(enabled) = filter.enabled {
        query.push(" AND document ->> '$.enabled' = ").push_bind(enabled);
    }
    if let Some(person) = &filter.visible_to {
        query.push(" AND (owner = ").push_bind(person.as_str());
        query.push(" OR document ->> '$.visibility' = 'shared')");
    }
    for (label, value) in &filter.labels {
        query.push(" AND EXISTS (SELECT 1 FROM json_each(document, '$.labels') WHERE key = ");
        query.push_bind(label.as_str()).push(" AND value = ").push_bind(value.as_str()).push(")");
    }
    for (column, period) in [("created", filter.created), ("updated", filter.updated)] {
        // Times are stored in one form, in which their order is that of the texts.
        for (order, bound) in [(">=", period.from), ("<", period.before)] {
            if let Some(bound) = bound {
                query.push(format!(" AND {column} {order} ")).push_bind(format_time(bound));
            }
        }
    }
    if let Some(after) = &page.after {
        query.push(" AND name > ").push_bind(after.as_str());
    }
    query.push(" ORDER BY name LIMIT ").push_bind(page.limit.map_or(-1, i64::from));
    query.build_query_as().fetch_all(connection).await
}
