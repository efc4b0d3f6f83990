//! A client that every provider with secrets offers, so that hosts need to know none of them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::credential::BoxFuture;
use crate::{Result, Secret};

/// Reads the value of one secret of a provider, and goes on when its credential ends.
#[derive(Clone)]
pub struct SecretReader(Arc<dyn Fn() -> BoxFuture<'static, Result<Secret>> + Send + Sync>);

impl SecretReader {
    /// A reader that reads so.
    pub fn new<F>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Secret>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(read())))
    }

    /// The value.
    ///
    /// # Errors
    /// Those of issuing, and what stands in the way; a value that is no text.
    pub async fn read(&self) -> Result<Secret> {
        (self.0)().await
    }
}

impl fmt::Debug for SecretReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretReader")
    }
}
