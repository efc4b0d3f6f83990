//! Kubeconfigs: how they are read, merged, and what one context of them says.

mod chosen;
mod current;
pub(crate) mod exec;
mod file;

pub(crate) use chosen::{Chosen, UserLogin, is_key};
pub use current::{ContextLogin, CurrentContext, Plugin};
pub(crate) use file::Kubeconfig;
