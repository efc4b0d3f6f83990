//! Azure: every method, signatures of containers, clusters and registries, judged by Microsoft's own libraries and
//! programs, by a strict Azure and by Azurite; and the strict Azure before those libraries.

mod agent;
mod blob;
mod clients;
mod clusters;
mod data;
mod databases;
mod lab;
mod logins;
mod machines;
mod methods;
mod programs;
mod registries;
mod sas;
mod setting;
