//! Each method in a scripted world: what is sent, what comes of it, what is refused.

use super::*;
use crate::testing::*;

mod access_token;
mod az;
mod browser;
mod catalogue;
mod connection_string;
mod device;
mod endpoints;
mod implicit;
mod managed_identity;
mod service_principal;
mod user_account;
mod workload_identity;
