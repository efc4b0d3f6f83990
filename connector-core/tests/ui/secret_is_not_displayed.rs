fn main() {
    let secret = connector_core::Secret::new("hunter2");
    println!("{secret}");
}
