fn main() {
    let secret = connector_core::Secret::new("hunter2");
    let _: String = secret.to_string();
}
