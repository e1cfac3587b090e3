//! Numbers in the text of others: the files of `/proc`, variables, a PID file.

/// The number without a sign that this text is, if the type can hold it.
pub(crate) fn parse<T: TryFrom<u64>>(text: &str, radix: u32) -> Option<T> {
    parse_any(text, radix)?.try_into().ok()
}

#[inline(never)] // each use would have its own copy
fn parse_any(text: &str, radix: u32) -> Option<u64> {
    // The standard library takes `+1`.
    let digits = Some(text).filter(|text| !text.starts_with('+'))?;
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn number_fits_its_type() {
        assert_eq!(parse("255", 10), Some(255_u8));
        assert_eq!(parse("ff", 16), Some(255_u8));
        assert_eq!(parse::<u8>("256", 10), None);
        assert_eq!(parse("2147483647", 10), Some(i32::MAX));
        for text in ["", "-1", "+1", " 1", "x", "2147483648"] {
            assert_eq!(parse::<i32>(text, 10), None, "{text}");
        }
    }
}
