//! The kit, proved: a connector that keeps the rules passes, and for each rule there is one that breaks it and
//! is caught.

mod broken;
mod good;
mod tiny;
