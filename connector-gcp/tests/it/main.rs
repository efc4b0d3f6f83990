//! The kit that every connector passes.

#[cfg(all(feature = "gke", feature = "registry"))]
mod conformance;
#[cfg(all(feature = "gke", feature = "registry"))]
mod google;
