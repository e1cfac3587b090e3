//! What the attribute says about a mistake, and what it accepts.

#[test]
fn every_mistake_is_answered_in_our_own_words() {
    let cases = trybuild::TestCases::new();
    for family in ["options", "values", "flags", "rules", "function", "several"] {
        cases.compile_fail(format!("tests/ui/{family}/*.rs"));
    }
    cases.pass("tests/ui/pass/*.rs");
}
