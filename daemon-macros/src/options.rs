//! The written options: a comma loop that recovers from each mistake and goes on.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, LitStr, Path, parse_quote};

use crate::diagnostics::{Diagnostics, Place, mistake};
use crate::option_table::{self, BACKGROUND_FLAG, CRATE, LONG_SWITCH, OptionSpec, SHORT_SWITCH};
use crate::syntax;
use crate::value::{self, Value};

/// An option as it was written.
pub(crate) struct Setting {
    pub(crate) option: &'static OptionSpec,
    pub(crate) key: Ident,
    /// `None` when the value was refused: then no rule blames the option for not being there.
    pub(crate) value: Option<Value>,
    position: usize,
}

impl Setting {
    pub(crate) fn place_of_key(&self) -> Place {
        Place::key_of(self.position)
    }

    pub(crate) fn place_of_value(&self) -> Place {
        Place::value_of(self.position)
    }
}

/// All options of one attribute, in source order.
pub(crate) struct Options {
    pub(crate) settings: Vec<Setting>,
    /// Whether every option could be read. If not, the unread one may be what another needs.
    pub(crate) all_read: bool,
}

impl Options {
    pub(crate) fn read(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut options = Self {
            settings: Vec::new(),
            all_read: true,
        };
        let read = |input: ParseStream| {
            options.read_all(input, diagnostics);
            Ok(())
        };
        let rest = read.parse2(tokens);
        if let Err(unread) = rest {
            diagnostics.push(Place::FUNCTION, unread);
        }
        if options.get(BACKGROUND_FLAG).is_none() {
            options.settings.splice(..0, default_switch());
        }
        options
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Setting> {
        self.settings
            .iter()
            .find(|setting| setting.option.name == name)
    }

    /// Where generated code finds the library.
    pub(crate) fn crate_path(&self) -> Path {
        match self.get(CRATE).and_then(|setting| setting.value.as_ref()) {
            Some(Value::Path(path)) => path.clone(),
            _ => parse_quote!(::daemon),
        }
    }

    fn read_all(&mut self, input: ParseStream, diagnostics: &mut Diagnostics) {
        for position in 0.. {
            if input.is_empty() {
                break;
            }
            match syntax::option(input) {
                Ok((option, key, expression)) => {
                    self.keep(position, option, key, expression, diagnostics);
                }
                Err(mistake) => {
                    self.all_read = false;
                    diagnostics.push(Place::key_of(position), mistake);
                    syntax::skip_to_comma(input);
                }
            }
            if let Err(mistake) = syntax::comma(input) {
                diagnostics.push(Place::value_of(position), mistake);
            }
        }
    }

    fn keep(
        &mut self,
        position: usize,
        option: &'static OptionSpec,
        key: Ident,
        expression: Expr,
        diagnostics: &mut Diagnostics,
    ) {
        let value = value::read(option, &key, expression)
            .map_err(|mistake| diagnostics.push(Place::value_of(position), mistake))
            .ok();
        if self.get(option.name).is_some() {
            let message = format!("duplicate option `{}`", option.name);
            diagnostics.push(Place::key_of(position), mistake(key, message));
        } else {
            self.settings.push(Setting {
                option,
                key,
                value,
                position,
            });
        }
    }
}

/// A program that does not name its switch has the usual one. Made a setting, it takes part in the
/// rules and in the expansion as if it had been written.
fn default_switch() -> Option<Setting> {
    let flags = [SHORT_SWITCH, LONG_SWITCH].map(|flag| LitStr::new(flag, Span::call_site()));
    option_table::find(BACKGROUND_FLAG).map(|option| Setting {
        option,
        key: Ident::new(BACKGROUND_FLAG, Span::call_site()),
        value: Some(Value::Texts(flags.into())),
        position: 0,
    })
}
