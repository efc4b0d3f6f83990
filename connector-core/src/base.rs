//! A field that names another connector, from which this one takes its identity.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::{Authenticated, ConnectorType, Context, Result, schema::CONNECTOR_MARK};

/// The name of a connector of type `C`, marked as such in the schema, so that the hub can find it in the
/// stored document, refuse cycles, and know who depends on whom.
pub struct Base<C>(String, PhantomData<fn() -> C>);

impl<C: ConnectorType> Base<C> {
    /// Names a connector.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into(), PhantomData)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The named connector's wide session, shared and refreshed.
    ///
    /// # Errors
    /// When there is no such connector, or it cannot authenticate.
    pub async fn session(&self, cx: &Context) -> Result<Arc<Authenticated<C::Session>>> {
        let session = cx.source::<C>(&self.0).await;
        session.map_err(|error| error.context(format!("the source connector `{}` gives no session", self.0)))
    }
}

impl<C> Clone for Base<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<C> fmt::Debug for Base<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Base").field(&self.0).finish()
    }
}

impl<'de, C> Deserialize<'de> for Base<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self(name, PhantomData))
    }
}

impl<C: ConnectorType> JsonSchema for Base<C> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}-connector", C::ID).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", CONNECTOR_MARK: C::ID })
    }
}
