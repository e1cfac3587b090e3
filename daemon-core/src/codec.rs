//! A struct as bytes: one field after the other, from one list of fields.

#[cfg(unix)]
use std::ffi::OsString;
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
#[cfg(unix)]
use std::path::PathBuf;
#[cfg(unix)]
use std::time::Duration;

/// Defines a struct that is also a [`Codec`], without a second list of its fields.
macro_rules! encoded {
    (
        $(#[$attribute:meta])*
        pub(crate) struct $name:ident $(<$parameter:ident>)? {
            $($(#[$field_attribute:meta])* pub(crate) $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        pub(crate) struct $name $(<$parameter>)? {
            $($(#[$field_attribute])* pub(crate) $field: $type,)*
        }

        #[cfg(unix)]
        impl $(<$parameter: $crate::codec::Codec>)? $crate::codec::Codec
            for $name $(<$parameter>)?
        {
            fn encode(&self, bytes: &mut Vec<u8>) {
                $(self.$field.encode(bytes);)*
            }

            fn decode(rest: &mut &[u8]) -> Result<Self, $crate::codec::Malformed> {
                Ok(Self { $($field: $crate::codec::Codec::decode(rest)?,)* })
            }
        }
    };
}
pub(crate) use encoded;

/// These bytes are not what [`Codec::encode`] writes.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What can be written as bytes and read back.
#[cfg(unix)]
pub(crate) trait Codec: Sized {
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Takes a value off the front.
    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed>;
}

#[cfg(unix)]
impl Codec for u32 {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let number;
        (number, *rest) = rest.split_first_chunk().ok_or(Malformed)?;
        Ok(Self::from_le_bytes(*number))
    }
}

#[cfg(unix)]
impl Codec for u64 {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let number;
        (number, *rest) = rest.split_first_chunk().ok_or(Malformed)?;
        Ok(Self::from_le_bytes(*number))
    }
}

#[cfg(unix)]
impl Codec for i32 {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        u32::decode(rest).map(|number| Self::from_le_bytes(number.to_le_bytes()))
    }
}

#[cfg(unix)]
impl Codec for bool {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let flag;
        (flag, *rest) = rest.split_first().ok_or(Malformed)?;
        match flag {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

/// The length comes first.
#[cfg(unix)]
impl Codec for OsString {
    fn encode(&self, bytes: &mut Vec<u8>) {
        // What is longer does not fit into a record.
        let length = u32::try_from(self.len()).unwrap_or(u32::MAX);
        length.encode(bytes);
        bytes.extend_from_slice(self.as_encoded_bytes());
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let length = usize::try_from(u32::decode(rest)?).map_err(|_| Malformed)?;
        let text;
        (text, *rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        Ok(Self::from_vec(text.to_vec()))
    }
}

#[cfg(unix)]
impl Codec for PathBuf {
    fn encode(&self, bytes: &mut Vec<u8>) {
        // Paths are short, and this keeps one implementation for text.
        self.clone().into_os_string().encode(bytes);
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        OsString::decode(rest).map(Self::from)
    }
}

#[cfg(unix)]
impl Codec for String {
    fn encode(&self, bytes: &mut Vec<u8>) {
        OsString::from(self).encode(bytes);
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        OsString::decode(rest)?.into_string().map_err(|_| Malformed)
    }
}

/// In whole milliseconds, up to 49 days: what is longer is that long.
#[cfg(unix)]
impl Codec for Duration {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let milliseconds = u32::try_from(self.as_millis()).unwrap_or(u32::MAX);
        milliseconds.encode(bytes);
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        u32::decode(rest).map(|milliseconds| Self::from_millis(milliseconds.into()))
    }
}

#[cfg(unix)]
impl<T: Codec> Codec for Option<T> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.is_some().encode(bytes);
        if let Some(value) = self {
            value.encode(bytes);
        }
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let is_some = bool::decode(rest)?;
        Ok(if is_some {
            Some(T::decode(rest)?)
        } else {
            None
        })
    }
}

/// The number of elements comes first.
#[cfg(unix)]
impl<T: Codec> Codec for Vec<T> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let length = u32::try_from(self.len()).unwrap_or(u32::MAX);
        length.encode(bytes);
        for value in self {
            value.encode(bytes);
        }
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let length = u32::decode(rest)?;
        let mut values = Self::new();
        for _ in 0..length {
            values.push(T::decode(rest)?);
        }
        Ok(values)
    }
}
