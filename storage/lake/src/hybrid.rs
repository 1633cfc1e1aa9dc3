//! Parquet's hybrid of run lengths and bit packing, written from runs.
//!
//! Format: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>, "Run Length Encoding / Bit-Packing Hybrid".

/// Values that are packed together.
const GROUP: usize = 8;

/// Bits that numbers up to `greatest` need.
pub(crate) fn bits_for(greatest: u32) -> u8 {
    (u32::BITS - greatest.leading_zeros()) as u8
}

/// Appends the runs: each a number of at most `bits` bits, and how often it stands.
pub(crate) fn write(out: &mut Vec<u8>, bits: u8, runs: impl IntoIterator<Item = (u32, usize)>) {
    let mut single: Vec<u32> = Vec::new();
    for (value, times) in runs {
        // A group that was begun has to be filled before a run can follow.
        let filling = times.min((GROUP - single.len() % GROUP) % GROUP);
        single.extend(std::iter::repeat_n(value, filling));
        let left = times - filling;
        if left >= GROUP {
            write_packed(out, bits, &single);
            single.clear();
            write_run(out, bits, value, left);
        } else {
            single.extend(std::iter::repeat_n(value, left));
        }
    }
    write_packed(out, bits, &single);
}

fn write_run(out: &mut Vec<u8>, bits: u8, value: u32, times: usize) {
    write_varint(out, (times as u64) << 1);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(bits.div_ceil(8))]);
}

/// The last group is filled up with zeros.
fn write_packed(out: &mut Vec<u8>, bits: u8, values: &[u32]) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    write_varint(out, (groups as u64) << 1 | 1);
    let (mut waiting, mut waiting_bits) = (0_u64, 0);
    let padding = std::iter::repeat_n(&0, groups * GROUP - values.len());
    for value in values.iter().chain(padding) {
        waiting |= u64::from(*value) << waiting_bits;
        waiting_bits += bits;
        while waiting_bits >= 8 {
            out.push(waiting as u8);
            waiting >>= 8;
            waiting_bits -= 8;
        }
    }
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bits: u8, runs: &[(u32, usize)]) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, bits, runs.iter().copied());
        out
    }

    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(written(3, &[0, 1, 2, 3, 4, 5, 6, 7].map(|value| (value, 1))), [3, 0x88, 0xc6, 0xfa]);
        assert_eq!(written(10, &[(4, 100)]), [200, 1, 4, 0]);
    }

    #[test]
    fn a_run_that_follows_single_values_fills_their_group_first() {
        assert_eq!(written(1, &[(1, 3), (0, 20)]), [3, 0b0000_0111, 30, 0]);
    }

    #[test]
    fn a_short_end_is_filled_with_zeros() {
        assert_eq!(written(2, &[(3, 2)]), [3, 0b0000_1111, 0]);
    }

    #[test]
    fn bits_hold_the_greatest() {
        assert_eq!([0, 1, 2, 255, 256].map(bits_for), [0, 1, 2, 8, 9]);
    }
}
