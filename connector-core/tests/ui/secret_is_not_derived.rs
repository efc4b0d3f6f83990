#[derive(serde::Serialize)]
struct Config {
    key: connector_core::Secret,
}

fn main() {
    let _ = Config { key: "hunter2".into() };
}
