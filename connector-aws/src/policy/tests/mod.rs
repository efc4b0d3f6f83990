//! Least powerful first: the language, the generated policies case by case and then all of them, what is sent,
//! how large it is, and then properties over random policies and hostile names.

mod adding_up;
mod cells;
mod exhaustive;
mod hostile;
mod language;
mod matrix;
mod own;
mod properties;
mod sizes;

use super::*;

fn policy(json: &str) -> Policy {
    Policy::parse(json).expect("a policy")
}

/// A policy of the present edition from its statements.
fn statements(json: &str) -> Policy {
    policy(&format!(r#"{{"Version":"2012-10-17","Statement":[{json}]}}"#))
}
