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
            fn blank() -> Self {
                Self { $($field: $crate::codec::Codec::blank(),)* }
            }

            fn code(&mut self, coder: &mut $crate::codec::Coder<'_>) {
                $(self.$field.code(coder);)*
            }
        }
    };
}
pub(crate) use encoded;

/// These bytes are not what [`Codec::append_to`] makes.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What can be written as bytes and read back.
#[cfg(unix)]
pub(crate) trait Codec: Sized {
    /// A value to read into.
    fn blank() -> Self;

    /// Writes the value, or reads it: one description serves both.
    fn code(&mut self, coder: &mut Coder<'_>);

    /// The value after these bytes.
    fn append_to(&mut self, head: &[u8]) -> Vec<u8> {
        let mut coder = Coder::Writes(head.to_vec());
        self.code(&mut coder);
        match coder {
            Coder::Writes(bytes) => bytes,
            Coder::Reads(_) | Coder::Fails => Vec::new(),
        }
    }

    /// Takes a value off the front.
    fn from_front(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let mut coder = Coder::Reads(rest);
        let mut value = Self::blank();
        value.code(&mut coder);
        match coder {
            Coder::Reads(left) => *rest = left,
            Coder::Writes(_) | Coder::Fails => return Err(Malformed),
        }
        Ok(value)
    }
}

/// Where values are written to, or read from.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) enum Coder<'a> {
    Writes(Vec<u8>),
    Reads(&'a [u8]),
    /// The bytes that were read are no value.
    Fails,
}

/// None of it is inlined: each field of a record would have its own copy.
#[cfg(unix)]
impl Coder<'_> {
    /// Writes these bytes, or reads so many.
    #[inline(never)]
    fn fixed(&mut self, value: &mut [u8]) {
        match self {
            Self::Writes(bytes) => bytes.extend_from_slice(value),
            Self::Reads(rest) => match rest.split_at_checked(value.len()) {
                Some((read, left)) => {
                    value.copy_from_slice(read);
                    *rest = left;
                }
                None => self.fail(),
            },
            Self::Fails => {}
        }
    }

    #[inline(never)]
    fn flag(&mut self, is_set: bool) -> bool {
        let mut byte = [u8::from(is_set)];
        self.fixed(&mut byte);
        if byte[0] > 1 {
            self.fail();
        }
        byte == [1]
    }

    #[inline(never)]
    fn length(&mut self, length: usize) -> u32 {
        // What is longer does not fit into a record.
        let mut length = u32::try_from(length).unwrap_or(u32::MAX);
        length.code(self);
        length
    }

    /// Writes the text after its length, or returns what it reads.
    #[inline(never)]
    fn text(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let length = self.length(text.len());
        match self {
            Self::Writes(bytes) => bytes.extend_from_slice(text),
            Self::Reads(rest) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                if let Some((read, left)) = rest.split_at_checked(length) {
                    *rest = left;
                    return Some(read.to_vec());
                }
                self.fail();
            }
            Self::Fails => {}
        }
        None
    }

    /// What was read is no value.
    pub(crate) fn fail(&mut self) {
        if self.reads() {
            *self = Self::Fails;
        }
    }

    fn reads(&self) -> bool {
        matches!(self, Self::Reads(_))
    }
}

#[cfg(unix)]
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Codec for $number {
            fn blank() -> Self {
                0
            }

            #[inline(never)]
            fn code(&mut self, coder: &mut Coder<'_>) {
                let mut bytes = self.to_le_bytes();
                coder.fixed(&mut bytes);
                *self = Self::from_le_bytes(bytes);
            }
        }
    )*};
}

#[cfg(unix)]
numbers!(u32, u64, i32);

#[cfg(unix)]
impl Codec for bool {
    fn blank() -> Self {
        false
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        *self = coder.flag(*self);
    }
}

#[cfg(unix)]
impl Codec for OsString {
    fn blank() -> Self {
        Self::new()
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        if let Some(text) = coder.text(self.as_encoded_bytes()) {
            *self = Self::from_vec(text);
        }
    }
}

#[cfg(unix)]
impl Codec for PathBuf {
    fn blank() -> Self {
        Self::new()
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        self.as_mut_os_string().code(coder);
    }
}

#[cfg(unix)]
impl Codec for String {
    fn blank() -> Self {
        Self::new()
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        match coder.text(self.as_bytes()).map(Self::from_utf8) {
            Some(Ok(text)) => *self = text,
            Some(Err(_)) => coder.fail(),
            None => {}
        }
    }
}

/// In whole milliseconds, up to 49 days: what is longer is that long.
#[cfg(unix)]
impl Codec for Duration {
    fn blank() -> Self {
        Self::ZERO
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        let mut milliseconds = u32::try_from(self.as_millis()).unwrap_or(u32::MAX);
        milliseconds.code(coder);
        if coder.reads() {
            *self = Self::from_millis(milliseconds.into());
        }
    }
}

#[cfg(unix)]
impl<T: Codec> Codec for Option<T> {
    fn blank() -> Self {
        None
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        let is_some = coder.flag(self.is_some());
        if coder.reads() {
            *self = is_some.then(T::blank);
        }
        if let Some(value) = self {
            value.code(coder);
        }
    }
}

/// The number of elements comes first.
#[cfg(unix)]
impl<T: Codec> Codec for Vec<T> {
    fn blank() -> Self {
        Self::new()
    }

    fn code(&mut self, coder: &mut Coder<'_>) {
        for index in 0..coder.length(self.len()) as usize {
            if coder.reads() {
                self.push(T::blank());
            }
            // The length may be any number where the bytes are malformed.
            match self.get_mut(index) {
                Some(value) => value.code(coder),
                None => break,
            }
        }
    }
}
