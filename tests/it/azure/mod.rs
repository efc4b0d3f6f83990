//! Azure: signatures of containers, clusters and registries, judged by Microsoft's own libraries and programs, by a
//! strict Azure and by Azurite.

mod blob;
mod clusters;
mod lab;
mod programs;
mod registries;
mod sas;
