//! `connector cache`: looks after the sealed cache.

use connector_core::Result;
use connector_store::Cache;
use serde_json::json;

use crate::app::App;
use crate::args::{CacheAction, CacheArgs};

pub(crate) fn run(app: &App, args: &CacheArgs) -> Result<()> {
    match args.action {
        CacheAction::Clear => {
            Cache::new(app.home()).clear()?;
            app.output.show(&json!({ "cleared": true }), || "cleared the cache".to_owned())
        }
    }
}
