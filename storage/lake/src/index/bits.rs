//! Bits one after the other, least significant first, and small numbers as bytes.

/// Writes bits behind bytes.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl BitWriter {
    /// Appends the lowest `bits` of the value, at most 32.
    pub(super) fn push(&mut self, value: u64, bits: u32) {
        debug_assert!(bits <= 32 && value >> bits == 0);
        self.pending |= value << self.pending_bits;
        self.pending_bits += bits;
        while self.pending_bits >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    /// Appends a number that is mostly near or below 2^`low_bits`: what is above in ones and a zero, then the rest. Rice's code.
    pub(super) fn push_rice(&mut self, value: u64, low_bits: u32) {
        let mut high = value >> low_bits;
        while high >= 32 {
            self.push(u64::from(u32::MAX), 32);
            high -= 32;
        }
        self.push((1 << high) - 1, high as u32);
        self.push(0, 1);
        self.push_wide(u128::from(value & ((1 << low_bits) - 1)), low_bits);
    }

    /// Appends the lowest `bits` of the value, at most 128.
    pub(super) fn push_wide(&mut self, mut value: u128, mut bits: u32) {
        while bits > 0 {
            let part = bits.min(32);
            self.push((value & ((1 << part) - 1)) as u64, part);
            value >>= part;
            bits -= part;
        }
    }

    /// The bytes, the last one filled with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}

/// Reads what a `BitWriter` wrote. Past the end there are zeros.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// At most 32 bits.
    pub(super) fn take(&mut self, bits: u32) -> u64 {
        let value = self.peek() & ((1 << bits) - 1);
        self.at += bits as usize;
        value
    }

    pub(super) fn take_rice(&mut self, low_bits: u32) -> u64 {
        let mut high: u64 = 0;
        loop {
            let ones = self.peek().trailing_ones().min(32);
            self.at += ones as usize;
            high += u64::from(ones);
            if ones < 32 {
                break;
            }
        }
        self.at += 1;
        high << low_bits | self.take_wide(low_bits) as u64
    }

    pub(super) fn take_wide(&mut self, bits: u32) -> u128 {
        let mut value = 0;
        let mut taken = 0;
        while taken < bits {
            let part = (bits - taken).min(32);
            value |= u128::from(self.take(part)) << taken;
            taken += part;
        }
        value
    }

    /// At least the next 57 bits.
    fn peek(&self) -> u64 {
        let from = self.at / 8;
        let next = match self.bytes.get(from..from + 8) {
            Some(next) => u64::from_le_bytes(next.try_into().expect("eight bytes")),
            None => {
                let mut last = [0; 8];
                let rest = self.bytes.get(from..).unwrap_or_default();
                last[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(last)
            }
        };
        next >> (self.at % 8)
    }
}

/// Appends a number, seven bits a byte.
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number off the front of the bytes.
pub(super) fn take_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = BitWriter::default();
        writer.push(5, 3);
        writer.push_rice(1000, 4);
        writer.push_rice(0, 0);
        writer.push_wide(u128::MAX - 2, 128);
        writer.push_rice((1 << 40) + 3, 36);
        writer.push(u64::from(u32::MAX), 32);
        let bytes = writer.finish();

        let mut reader = BitReader::new(&bytes);

        assert_eq!(reader.take(3), 5);
        assert_eq!(reader.take_rice(4), 1000);
        assert_eq!(reader.take_rice(0), 0);
        assert_eq!(reader.take_wide(128), u128::MAX - 2);
        assert_eq!(reader.take_rice(36), (1 << 40) + 3);
        assert_eq!(reader.take(32), u64::from(u32::MAX));
        assert_eq!(reader.take_wide(100), 0);
    }

    #[test]
    fn numbers_are_read_back_and_broken_ones_refused() {
        for number in [0, 1, 127, 128, 300, usize::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            assert_eq!(take_number(&mut bytes.as_slice()), Some(number));
        }
        assert_eq!(take_number(&mut [0x80; 3].as_slice()), None);
        assert_eq!(take_number(&mut [0xff; 12].as_slice()), None);
    }
}
