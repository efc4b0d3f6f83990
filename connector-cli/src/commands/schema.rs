//! `connector schema`: the JSON Schema of a config, as registering checks it.

use connector_core::{Error, Result};
use serde_json::{Map, Value};

use crate::app::App;
use crate::args::{OutputFormat, SchemaArgs};

pub(crate) fn run(app: &App, args: &SchemaArgs) -> Result<()> {
    let registry = app.registry()?;
    let of = |method: &str| {
        let schema = registry.schema(&args.connector_type, method)?;
        serde_json::to_value(schema).map_err(|_| Error::unexpected("a schema is not JSON"))
    };
    let answer = match &args.method {
        Some(method) => of(method)?,
        None => {
            let methods = registry.describe(&args.connector_type)?.auth_methods;
            let all: Result<Map<String, Value>> =
                methods.into_iter().map(|method| Ok((method.id.clone(), of(&method.id)?))).collect();
            Value::Object(all?)
        }
    };
    // A schema has no form for people beside JSON itself.
    let mut output = app.output.clone();
    if output.format == OutputFormat::Table {
        output.format = OutputFormat::Json;
    }
    output.show(&answer, String::new)
}
