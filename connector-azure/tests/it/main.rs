//! What the crate registers, tried from outside: the conformance kit, against an Azure in memory.

mod azure;
mod conformance;
