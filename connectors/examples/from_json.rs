//! A connector from JSON, by names alone: what a host does that knows no provider at compile time.
//!
//! `cargo run --example from_json -- connector.json s3-bucket s3://my-bucket`, with a document such as
//! `{"name": "data", "type": "aws", "method": "iam-role", "config": {"region": "eu-central-1", …}}`

use connectors::{Document, Error, Grant, Result, registry, system};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, resource_type, id] = arguments.as_slice() else {
        return Err(Error::invalid("expected a file, a resource type and an id"));
    };
    let cx = system::context();
    let text = cx.read_text(path.as_ref())?;
    let document: Document =
        serde_json::from_str(&text).map_err(|_| Error::invalid("not a connector document"))?;

    let registry = registry()?;
    // Every fault at once, by field, before anything is called.
    registry.check(&document, &cx)?;
    let connector = registry.open(&document, document.config.clone())?;
    let handle = connector.resource(&cx, Grant::new(resource_type, id)).await?;
    println!("clients that it can give: {}", handle.clients().join(", "));
    // The credential with its secrets hidden; `to_json` would show them.
    println!("{:#}", handle.envelope().await?.to_hidden());
    Ok(())
}
