//! Each method in a scripted world: what is sent, what comes of it, what is refused.

use super::*;
use crate::testing::*;

mod service_principal;
