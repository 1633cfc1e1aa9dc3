//! Finds ids and times in an encoded request, so that they can be replaced without encoding it again.
//! Both have a fixed size on the wire: nothing else moves.

/// What to look for in a message, by field number.
#[derive(Debug)]
pub(super) enum Field {
    Nested(u64, &'static [Field]),
    Id(u64),
    Time(u64),
}

use Field::{Id, Nested, Time};

const EXEMPLAR: &[Field] = &[Time(2), Id(4), Id(5)];
const POINTS: &[Field] = &[Nested(1, &[Time(2), Time(3), Nested(5, EXEMPLAR)])];

pub(super) const TRACES: &[Field] = &[Nested(1, &[Nested(2, &[Nested(2, SPAN)])])];
const SPAN: &[Field] = &[Id(1), Id(2), Id(4), Time(7), Time(8), Nested(11, &[Time(1)]), Nested(13, &[Id(1), Id(2)])];
pub(super) const LOGS: &[Field] = &[Nested(1, &[Nested(2, &[Nested(2, &[Time(1), Time(11), Id(9), Id(10)])])])];
/// Gauges and sums.
pub(super) const METRICS: &[Field] = &[Nested(1, &[Nested(2, &[Nested(2, &[Nested(5, POINTS), Nested(7, POINTS)])])])];

/// Where in the request eight bytes of an id or of a time begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Id(usize),
    Time(usize),
}

/// The places of all wanted fields. The message must be well formed: it was encoded by this program.
pub(super) fn slots(message: &[u8], fields: &[Field]) -> Vec<Slot> {
    let mut slots = Vec::new();
    collect(message, 0, fields, &mut slots);
    slots
}

fn collect(message: &[u8], base: usize, fields: &[Field], slots: &mut Vec<Slot>) {
    let mut at = 0;
    while at < message.len() {
        let key = varint(message, &mut at);
        let (number, wire_type) = (key >> 3, key & 7);
        let length = match wire_type {
            0 => {
                varint(message, &mut at);
                continue;
            }
            1 => 8,
            5 => 4,
            _ => varint(message, &mut at) as usize,
        };
        for field in fields {
            match field {
                Nested(wanted, inner) if *wanted == number => {
                    collect(&message[at..at + length], base + at, inner, slots);
                }
                Id(wanted) if *wanted == number && length >= 8 => slots.push(Slot::Id(base + at)),
                Time(wanted) if *wanted == number => slots.push(Slot::Time(base + at)),
                _ => {}
            }
        }
        at += length;
    }
}

fn varint(message: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = message[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
