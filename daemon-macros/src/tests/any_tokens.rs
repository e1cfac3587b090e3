//! Whatever stands in the attribute, the macro answers, and never with a panic.

use std::fs;
use std::str::FromStr;

use proc_macro2::TokenStream;
use quote::quote;

use crate::fuzz;
use crate::pipeline::attribute;

/// What option lists are made of, whole and broken.
const PIECES: &str = r#"
    pid= log= background_flag= keep_fds= umask= crate= configure= ready= control_flag= user=
    ready_timeout= log_reopen= subcommand= pid_flag= pid_mode= pidd= pid log r#log _ self fn true 'a match if let async move
    = = = = == => , , , ,, :: : - -> . .. # ! ? $ && | || < >
    "-d" "/run/a" "" "{" "}}}" "\0" "~" "é" "a"b b"a" c"a" 'd' b'd'
    0 3 5s 0o022 0o777777777777777777777777 99999999999999999999 1.5 1e999
    () [] {} [3] [,] ["-d","-d"] (pid="a") {a:b} f(a,b) f(a:b) f::<A,B>() ||a #[a]
"#;

/// A generator of its own, so that the same programs are tried everywhere and a failure repeats.
struct Random(u64);

impl Random {
    /// Marsaglia's xorshift.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below the bound, which fits")
    }

    fn tokens(&mut self) -> (String, TokenStream) {
        let pieces = PIECES.split_whitespace().collect::<Vec<_>>();
        let mut text = String::new();
        for _ in 0..self.below(12) {
            text.push_str(pieces[self.below(pieces.len())]);
            text.push_str([" ", " ", " ", ""][self.below(4)]);
        }
        // Pieces that touch may not be tokens; then there is nothing to try.
        let tokens = TokenStream::from_str(&text).unwrap_or_default();
        (text, tokens)
    }
}

fn is_a_program(output: TokenStream) -> bool {
    syn::parse2::<syn::File>(output).is_ok()
}

#[test]
fn what_the_fuzzer_found_so_far_is_answered() -> std::io::Result<()> {
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
fn any_options_give_a_program() {
    let mut random = Random(0x5eed);
    for _ in 0..20_000 {
        let (text, options) = random.tokens();
        let output = attribute(
            options,
            quote!(
                fn main() {}
            ),
        );
        assert!(is_a_program(output.clone()), "{text}\n{output}");
    }
}

#[test]
fn any_item_gives_an_answer() {
    let mut random = Random(0xf00d);
    for _ in 0..20_000 {
        let (_, start) = random.tokens();
        let (_, end) = random.tokens();
        attribute(TokenStream::new(), quote!(#start fn main() #end));
    }
}

#[test]
fn every_beginning_of_an_option_list_gives_a_program() {
    let whole =
        r#"background_flag = ["-b", "--bg"], pid = path::<A, B>("a").join("b"), umask = 0o22"#;
    for end in 0..=whole.len() {
        // The compiler hands over balanced brackets only.
        if let Ok(options) = TokenStream::from_str(&whole[..end]) {
            assert!(
                is_a_program(attribute(
                    options,
                    quote!(
                        fn main() {}
                    )
                )),
                "{}",
                &whole[..end]
            );
        }
    }
}

#[test]
fn a_half_typed_body_is_left_to_the_compiler() {
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
fn a_function_without_even_a_semicolon_is_told_what_it_needs() {
    let output = attribute(TokenStream::new(), quote!(fn main()));
    assert!(
        output.to_string().contains("`fn main` needs a body"),
        "{output}"
    );
    assert!(is_a_program(output));
}
