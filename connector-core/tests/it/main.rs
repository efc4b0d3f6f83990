//! The contract, seen from outside: a provider ([`acme`]), another company ([`third_party`]), and a host.

mod acme;
mod base;
mod catalogue;
mod check;
mod clients;
mod conformance;
mod document;
mod envelope;
mod follow;
mod grants;
mod hostile;
mod lifetime;
mod mint;
mod registry;
mod stampede;
mod third_party;
mod ui;
