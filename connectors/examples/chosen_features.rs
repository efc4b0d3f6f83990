//! An application that is built with chosen features only: it asks what is there, and says what is not.
//!
//! `cargo run --example chosen_features --no-default-features`
//! `cargo run --example chosen_features --no-default-features --features aws`

use connectors::{Result, registry};

fn main() -> Result<()> {
    let registry = registry()?;
    for entry in registry.overview() {
        println!("{}: {}", entry.id, entry.auth_methods.join(" "));
    }
    for (id, how) in registry.absent() {
        println!("{id}: not in this build; {how}");
    }
    if let Err(error) = registry.describe("aws") {
        println!("error: {error}");
        println!("hint: {}", error.hint().unwrap_or_default());
    }
    Ok(())
}
