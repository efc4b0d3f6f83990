fn main() {
    let secret = connector_core::Secret::new("hunter2");
    let _ = serde_json::to_string(&secret);
}
