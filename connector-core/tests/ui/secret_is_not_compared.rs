fn main() {
    let secret = connector_core::Secret::new("hunter2");
    let _ = secret == connector_core::Secret::new("hunter2");
}
