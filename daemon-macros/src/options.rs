//! The options of one attribute: a comma loop that recovers from each mistake and continues.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::LitStr;
use syn::parse::{ParseStream, Parser};

use crate::diagnostics::{Diagnostics, mistake};
use crate::option_table::{
    self, BACKGROUND_FLAG, CRATE, FOREGROUND_FLAG, LONG_SWITCH, OptionSpec, SHORT_SWITCH,
};
use crate::syntax::{self, Written};
use crate::value::Value;

/// One option of the attribute.
pub(crate) struct Setting {
    pub(crate) option: &'static OptionSpec,
    pub(crate) key: Ident,
    /// The value as it is written.
    pub(crate) tokens: Vec<TokenTree>,
    /// The argument of the builder's method. `None` when the value was refused: the rules between
    /// options still count such an option as present.
    pub(crate) argument: Option<TokenStream>,
    /// Where the option stands in the attribute.
    pub(crate) position: usize,
    is_duplicate: bool,
    /// It is not written: it is the default of the builder too.
    pub(crate) is_default: bool,
}

impl Setting {
    /// The value, if it is a string literal.
    pub(crate) fn literal(&self) -> Option<LitStr> {
        match &*self.tokens {
            [TokenTree::Literal(literal)] => {
                syn::parse2(TokenTree::from(literal.clone()).into()).ok()
            }
            _ => None,
        }
    }
}

/// All options of one attribute, in source order.
pub(crate) struct Options {
    pub(crate) settings: Vec<Setting>,
    /// Whether every option could be read. An option that could not be read may be the one that
    /// another option needs.
    pub(crate) all_read: bool,
    /// Where generated code finds the library.
    pub(crate) crate_path: TokenStream,
}

impl Options {
    pub(crate) fn read(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut options = Self {
            settings: Vec::new(),
            all_read: true,
            crate_path: quote!(::daemon),
        };
        let read = |input: ParseStream| {
            options.read_all(input, diagnostics);
            Ok(())
        };
        let rest = read.parse2(tokens);
        if let Err(unread) = rest {
            diagnostics.push(Diagnostics::FUNCTION, unread);
        }
        if options
            .get(BACKGROUND_FLAG)
            .or(options.get(FOREGROUND_FLAG))
            .is_none()
        {
            options.settings.splice(..0, default_switch());
        }
        options.parse_values(diagnostics);
        options
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Setting> {
        self.settings
            .iter()
            .find(|setting| setting.option.name == name)
    }

    fn read_all(&mut self, input: ParseStream, diagnostics: &mut Diagnostics) {
        for position in 0.. {
            if input.is_empty() {
                break;
            }
            match syntax::option(input) {
                Ok(written) => self.keep(position, written, diagnostics),
                Err(mistake) => {
                    self.all_read = false;
                    diagnostics.push(position, mistake);
                    // Tokens can always be skipped.
                    let _skipped = syntax::skip_to_comma(input);
                }
            }
            if let Err(mistake) = syntax::comma(input) {
                diagnostics.push(position + 1, mistake);
            }
        }
    }

    fn keep(&mut self, position: usize, written: Written, diagnostics: &mut Diagnostics) {
        let Written {
            option,
            key,
            tokens,
        } = written;
        let is_duplicate = self.get(option.name).is_some();
        if is_duplicate {
            let message = format!("duplicate option `{}`", option.name);
            diagnostics.push(position, mistake(&key, message));
        }
        self.settings.push(Setting {
            option,
            key,
            tokens,
            argument: None,
            position,
            is_duplicate,
            is_default: false,
        });
    }

    /// Values name the library, so `crate` is parsed first.
    fn parse_values(&mut self, diagnostics: &mut Diagnostics) {
        let is_crate = |setting: &&mut Setting| setting.option.name == CRATE;
        let (first, rest) = self.settings.iter_mut().partition::<Vec<_>, _>(is_crate);
        for setting in first.into_iter().chain(rest) {
            let value = Value {
                option: setting.option,
                key: &setting.key,
                tokens: setting.tokens.clone(),
                crate_path: &self.crate_path,
            };
            setting.argument = value
                .parse()
                .map_err(|mistake| diagnostics.push(setting.position, mistake))
                .ok();
            if let (CRATE, Some(path)) = (setting.option.name, &setting.argument) {
                self.crate_path = path.clone();
            }
        }
        self.settings.retain(|setting| !setting.is_duplicate);
    }
}

/// The switch of a program that does not name one. As a setting it takes part in the rules.
fn default_switch() -> Option<Setting> {
    let flags = [SHORT_SWITCH, LONG_SWITCH];
    option_table::find(BACKGROUND_FLAG).map(|option| Setting {
        option,
        key: Ident::new(BACKGROUND_FLAG, Span::call_site()),
        tokens: quote!([#(#flags),*]).into_iter().collect(),
        argument: None,
        position: 0,
        is_duplicate: false,
        is_default: true,
    })
}
