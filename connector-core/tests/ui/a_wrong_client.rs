#[path = "../it/acme/mod.rs"]
mod acme;

/// A client that nobody builds.
struct Other;

fn wrong(handle: connector_core::Handle<acme::Bucket>) {
    let _ = handle.client::<Other>();
}

fn main() {
    let _ = wrong;
}
