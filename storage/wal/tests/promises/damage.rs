//! Torn tails, flipped bits, missing pieces.

use std::{fs, path::Path};

use proptest::prelude::*;
use wal::{Config, CorruptReason, Durability, Position, Replayed, Wal, WalError};

use crate::{FRAME_HEADER, SEGMENT_HEADER, append, directory, fill, frame, only_segment, open, replay, segments};

#[test]
fn a_torn_last_frame_is_dropped_on_replay() {
    let frame_bytes = FRAME_HEADER + 20;
    for torn_bytes in 1..=frame_bytes {
        let directory = directory();
        fill(directory.path(), Config::default(), &[[1; 20], [2; 20], [3; 20]]);

        let end = SEGMENT_HEADER + 3 * frame_bytes;
        change(&only_segment(directory.path()), |bytes| {
            bytes.truncate(end - torn_bytes);
        });
        let (wal, replayed) = open(directory.path(), Config::default());

        let kept = [frame(1, &[1; 20]), frame(2, &[2; 20])];
        assert_eq!(replayed, kept, "{torn_bytes} bytes torn off");
        assert_eq!(wal.last(), Position(2));
        let next = append(&wal, b"after").expect("appended");
        drop(wal);
        assert_eq!(replay(directory.path()), [&kept[..], &[frame(next.0, b"after")]].concat());
    }
}

#[test]
fn a_last_frame_with_holes_is_dropped_on_replay() {
    for hole in 0..FRAME_HEADER + 20 {
        let directory = directory();
        fill(directory.path(), Config::default(), &[[1; 20], [2; 20]]);

        let start = SEGMENT_HEADER + FRAME_HEADER + 20 + hole;
        change(&only_segment(directory.path()), |bytes| {
            bytes[start..].fill(0);
        });

        assert_eq!(replay(directory.path()), [frame(1, &[1; 20])], "zeros from byte {hole}");
    }
}

#[test]
fn a_position_that_damage_may_have_taken_is_not_used_again() {
    for flipped in 0..FRAME_HEADER + 7 {
        let directory = directory();
        fill(directory.path(), Config::default(), &["damaged"]);

        change(&only_segment(directory.path()), |bytes| {
            bytes[SEGMENT_HEADER + flipped] ^= 1;
        });
        let (wal, replayed) = open(directory.path(), Config::default());

        assert_eq!(replayed, [], "byte {flipped} flipped");
        assert_eq!(append(&wal, b"next").expect("appended"), Position(2));
    }
}

#[test]
fn a_corrupt_frame_in_the_middle_is_reported_and_survived() {
    let frame_bytes = FRAME_HEADER + 20;
    for flipped in 0..frame_bytes {
        let directory = directory();
        fill(directory.path(), Config::default(), &[[1; 20], [2; 20], [3; 20]]);

        let segment = only_segment(directory.path());
        let offset = SEGMENT_HEADER + frame_bytes;
        change(&segment, |bytes| bytes[offset + flipped] ^= 0x10);

        let reason = if flipped < FRAME_HEADER { CorruptReason::FrameHeader } else { CorruptReason::Payload };
        let corrupt = Replayed::Corrupt { segment, offset: offset as u64, bytes: frame_bytes as u64, reason };
        let expected = [frame(1, &[1; 20]), corrupt, frame(3, &[3; 20])];
        assert_eq!(replay(directory.path()), expected, "byte {flipped} flipped");
    }
}

#[test]
fn a_damaged_start_of_a_segment_is_reported_and_survived() {
    for flipped in 0..SEGMENT_HEADER {
        let directory = directory();
        fill(directory.path(), Config::default(), &["one", "two"]);

        let segment = only_segment(directory.path());
        change(&segment, |bytes| bytes[flipped] ^= 0x10);

        let reason = CorruptReason::SegmentHeader;
        let corrupt = Replayed::Corrupt { segment, offset: 0, bytes: SEGMENT_HEADER as u64, reason };
        assert_eq!(replay(directory.path()), [corrupt, frame(1, b"one"), frame(2, b"two")], "byte {flipped} flipped");
    }
}

#[test]
fn frames_missing_at_the_end_of_an_older_segment_are_reported() {
    let directory = directory();
    let config = Config { segment_bytes: 150, ..Config::default() };
    fill(directory.path(), config, &[[1; 20], [2; 20], [3; 20]]);

    let older = segments(directory.path())[0].clone();
    change(&older, |bytes| bytes.truncate(bytes.len() - 1));

    let (offset, bytes) = ((SEGMENT_HEADER + FRAME_HEADER + 20) as u64, (FRAME_HEADER + 19) as u64);
    let corrupt = Replayed::Corrupt { segment: older, offset, bytes, reason: CorruptReason::CutOff };
    assert_eq!(replay(directory.path()), [frame(1, &[1; 20]), corrupt, frame(3, &[3; 20])]);
}

#[test]
fn damage_wider_than_the_read_buffer_is_survived() {
    let directory = directory();
    fill(directory.path(), Config::default(), &[vec![1; 5], vec![2; 400_000], vec![3; 5]]);

    let segment = only_segment(directory.path());
    let offset = SEGMENT_HEADER + FRAME_HEADER + 5;
    // The magic of frames all over, also across the ends of buffers.
    change(&segment, |bytes| {
        for five in bytes[offset..offset + FRAME_HEADER + 400_000].chunks_exact_mut(5) {
            five.copy_from_slice(&[0xf7, 0xa5, 0xfe, 0xd3, 0]);
        }
    });

    let corrupt = Replayed::Corrupt {
        segment,
        offset: offset as u64,
        bytes: (FRAME_HEADER + 400_000) as u64,
        reason: CorruptReason::FrameHeader,
    };
    assert_eq!(replay(directory.path()), [frame(1, &[1; 5]), corrupt, frame(3, &[3; 5])]);
}

#[test]
fn a_frame_across_the_end_of_the_read_buffer_is_found_after_damage() {
    const READ_BUFFER: usize = 128 * 1024;
    for before in [0, 1, 2, 3, 4, FRAME_HEADER - 1, FRAME_HEADER] {
        let directory = directory();
        let damaged = vec![0; READ_BUFFER - before - SEGMENT_HEADER - FRAME_HEADER];
        fill(directory.path(), Config::default(), &[&damaged[..], b"found"]);

        change(&only_segment(directory.path()), |bytes| {
            bytes[SEGMENT_HEADER] ^= 1;
        });

        let replayed = replay(directory.path());
        assert_eq!(replayed.last(), Some(&frame(2, b"found")), "{before} bytes before the end");
    }
}

#[test]
fn a_log_of_a_newer_format_is_refused_untouched() {
    let directory = directory();
    fill(directory.path(), Config::default(), &["frame"]);
    let segment = only_segment(directory.path());
    change(&segment, |bytes| {
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..SEGMENT_HEADER - 4]);
        bytes[SEGMENT_HEADER - 4..SEGMENT_HEADER].copy_from_slice(&crc.to_le_bytes());
    });
    let before = fs::read(&segment).expect("readable");

    let refused = Wal::open(directory.path(), Config::default()).expect_err("refused");

    assert!(matches!(refused, WalError::UnknownVersion { version: 2, known: 1, .. }));
    assert_eq!(fs::read(&segment).expect("readable"), before);
}

#[derive(Clone, Debug)]
enum Damage {
    CutAt(prop::sample::Index),
    Flip(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::CutAt),
        (any::<prop::sample::Index>(), 0..8u8).prop_map(|(byte, bit)| Damage::Flip(byte, bit)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics_and_never_makes_up_a_frame(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..20),
        segment_bytes in 30..600u64,
        damages in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..6),
    ) {
        let directory = directory();
        // A file is the same without the syncs, only sooner.
        let config = Config { segment_bytes, durability: Durability::None, ..Config::default() };
        fill(directory.path(), config.clone(), &payloads);
        let segments = segments(directory.path());
        for (segment, damage) in damages {
            apply(&segments[segment.index(segments.len())], &damage);
        }

        let (wal, replayed) = open(directory.path(), config);
        let next = append(&wal, b"after").expect("appended");
        drop(wal);
        let again = replay(directory.path());

        let frames = written(&replayed, &payloads);
        prop_assert!(frames.is_sorted_by(|one, other| one < other), "positions grow: {frames:?}");
        prop_assert_eq!(again.last(), Some(&frame(next.0, b"after")));
        prop_assert_eq!(&again[..again.len() - 1], &replayed[..], "a second replay gives the same");
    }
}

fn apply(segment: &Path, damage: &Damage) {
    change(segment, |bytes| match damage {
        Damage::CutAt(length) => bytes.truncate(length.index(bytes.len() + 1)),
        Damage::Flip(..) if bytes.is_empty() => {}
        Damage::Flip(byte, bit) => *byte.get_mut(bytes) ^= 1 << bit,
    });
}

/// The positions of the frames, each of which is as it was appended.
fn written(replayed: &[Replayed], payloads: &[Vec<u8>]) -> Vec<u64> {
    let frames = replayed.iter().filter_map(|replayed| match replayed {
        Replayed::Frame { position, payload } => {
            assert_eq!(payload, &payloads[position.0 as usize - 1]);
            Some(position.0)
        }
        Replayed::Corrupt { .. } => None,
    });
    frames.collect()
}

fn change(segment: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(segment).expect("readable");
    change(&mut bytes);
    fs::write(segment, bytes).expect("writable");
}
