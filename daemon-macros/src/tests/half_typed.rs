//! Incomplete code, and inputs that the fuzzer has found.

use std::fs;
use std::str::FromStr;

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::attribute;
use crate::fuzz;

fn is_a_program(output: TokenStream) -> bool {
    syn::parse2::<syn::File>(output).is_ok()
}

#[test]
fn fuzz_corpus_is_replayed() -> std::io::Result<()> {
    let inputs = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/options");
    let mut count = 0;
    for input in fs::read_dir(inputs)? {
        fuzz::options(&fs::read(input?.path())?);
        count += 1;
    }
    assert!(count > 0);
    Ok(())
}

#[test]
fn every_prefix_of_options_gives_a_program() {
    let whole =
        r#"background_flag = ["-b", "--bg"], pid = path::<A, B>("a").join("b"), umask = 0o22"#;
    for end in 0..=whole.len() {
        // The compiler hands over balanced brackets only.
        if let Ok(options) = TokenStream::from_str(&whole[..end]) {
            let main = quote!(
                fn main() {}
            );
            let output = attribute(options, main);
            assert!(is_a_program(output), "{}", &whole[..end]);
        }
    }
}

#[test]
fn half_typed_body_is_left_to_the_compiler() {
    let body = quote!({ let server = Server:: ; if server. { } });
    for options in [quote!(), quote!(pid = )] {
        let output = attribute(options, quote!(fn main() #body)).to_string();
        let statements = body.to_string();
        assert!(
            output.contains(statements.trim_matches(['{', '}', ' '])),
            "{output}"
        );
    }
}

#[test]
fn half_typed_signature_needs_a_body() {
    let output = attribute(TokenStream::new(), quote!(fn main()));
    assert!(
        output.to_string().contains("`fn main` needs a body"),
        "{output}"
    );
    assert!(is_a_program(output));
}
