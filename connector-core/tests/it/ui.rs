//! What must not compile, with what the compiler says.

#[test]
fn s31_c9_a_secret_cannot_be_serialised_displayed_or_formatted_and_a_wrong_client_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
