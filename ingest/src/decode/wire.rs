//! The Protocol Buffers wire format, read in place.
//!
//! Walking the fields of a message costs no memory, whatever it claims to contain, and copies no string.
//! Format: <https://protobuf.dev/programming-guides/encoding/>.

use super::DecodeError;

/// Value of a field, as its wire type has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The fields of a message in the order they were written.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// Reads the bytes as a message.
pub(crate) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), DecodeError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    #[inline(always)]
    fn field(&mut self) -> Result<(u32, Value<'a>), DecodeError> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| DecodeError::Wire("a field number is too large"))?;
        if number == 0 {
            return Err(DecodeError::Wire("a field has number 0"));
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => Value::Bytes(self.bytes()?),
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            3 | 4 => return Err(DecodeError::Wire("groups are not part of OTLP")),
            _ => return Err(DecodeError::Wire("a field has an unknown wire type")),
        };
        Ok((number, value))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (place, byte) in self.rest.iter().enumerate().take(10) {
            if place == 9 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if *byte < 0x80 {
                self.rest = &self.rest[place + 1..];
                return Ok(value);
            }
        }
        Err(DecodeError::Wire("a number is cut short or longer than 64 bits"))
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.varint()?;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.rest.len());
        let (bytes, rest) = self.rest.split_at(length.ok_or(DecodeError::Wire("a field is cut short"))?);
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Wire("a field is cut short"))?;
        self.rest = rest;
        Ok(*bytes)
    }
}

/// The bytes as text.
#[inline]
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| DecodeError::Wire("a string is not UTF-8"))
}

impl<'a> Value<'a> {
    #[inline]
    pub(crate) fn bytes(self) -> Result<&'a [u8], DecodeError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(DecodeError::Wire("a field that should hold bytes has another wire type")),
        }
    }

    #[inline]
    pub(crate) fn text(self) -> Result<&'a str, DecodeError> {
        utf8(self.bytes()?)
    }

    #[inline]
    pub(crate) fn varint(self) -> Result<u64, DecodeError> {
        match self {
            Value::Varint(value) => Ok(value),
            _ => Err(DecodeError::Wire("a field that should hold a number has another wire type")),
        }
    }

    /// `int32`, `uint32`, enums: what does not fit is cut, as protobuf has it.
    #[inline]
    pub(crate) fn int32(self) -> Result<i32, DecodeError> {
        Ok(self.varint()? as i32)
    }

    #[inline]
    pub(crate) fn uint32(self) -> Result<u32, DecodeError> {
        Ok(self.varint()? as u32)
    }

    /// `sint32`: zigzag.
    pub(crate) fn sint32(self) -> Result<i32, DecodeError> {
        let raw = self.varint()? as u32;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }

    #[inline]
    pub(crate) fn fixed64(self) -> Result<u64, DecodeError> {
        match self {
            Value::Fixed64(value) => Ok(value),
            _ => Err(DecodeError::Wire("a field that should hold 8 bytes has another wire type")),
        }
    }

    pub(crate) fn fixed32(self) -> Result<u32, DecodeError> {
        match self {
            Value::Fixed32(value) => Ok(value),
            _ => Err(DecodeError::Wire("a field that should hold 4 bytes has another wire type")),
        }
    }

    pub(crate) fn double(self) -> Result<f64, DecodeError> {
        Ok(f64::from_bits(self.fixed64()?))
    }

    /// Appends the numbers of a repeated `fixed64` or `double` field, packed or not.
    pub(crate) fn repeated_fixed64(self, mut append: impl FnMut(u64)) -> Result<(), DecodeError> {
        match self {
            Value::Fixed64(value) => append(value),
            Value::Bytes(packed) => {
                let (numbers, []) = packed.as_chunks::<8>() else {
                    return Err(DecodeError::Wire("a list of 8-byte numbers is cut short"));
                };
                numbers.iter().for_each(|number| append(u64::from_le_bytes(*number)));
            }
            _ => return Err(DecodeError::Wire("a list of 8-byte numbers has another wire type")),
        }
        Ok(())
    }

    /// Appends the numbers of a repeated `uint64` field, packed or not.
    pub(crate) fn repeated_varint(self, mut append: impl FnMut(u64)) -> Result<(), DecodeError> {
        match self {
            Value::Varint(value) => append(value),
            Value::Bytes(packed) => {
                let mut packed = fields(packed);
                while !packed.rest.is_empty() {
                    append(packed.varint()?);
                }
            }
            _ => return Err(DecodeError::Wire("a list of numbers has another wire type")),
        }
        Ok(())
    }
}
