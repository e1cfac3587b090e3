//! Names of environment variables.

use super::{Kind, Value};

pub(crate) static VARIABLES: Kind = Kind {
    takes: "a name or an array of names",
    parse: |value| value.words("name", name),
};

fn name(value: &Value) -> syn::Result<syn::LitStr> {
    let literal = value.string()?;
    let name = literal.value();
    if name.is_empty() || name.contains('=') {
        let message = format!("option `{}` takes names without `=`", value.option.name);
        return Err(value.mistake(message));
    }
    if name.contains('\0') {
        let message = format!(
            "option `{}` takes names without a NUL byte",
            value.option.name
        );
        return Err(value.mistake(message));
    }
    Ok(literal)
}
