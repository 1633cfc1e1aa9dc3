//! Room: limits, and how cutting gives it back.

use std::fs;

use wal::{AppendError, Config, Position};

use crate::{FRAME_HEADER, SEGMENT_HEADER, append, directory, fill, frame, open, replay, segments};

#[test]
fn a_full_log_refuses_and_recovers_after_cut() {
    let directory = directory();
    let three_frames = (SEGMENT_HEADER + 3 * (FRAME_HEADER + 100)) as u64;
    let (wal, _) = open(directory.path(), Config { bytes_max: three_frames, ..Config::default() });
    let payload = [7; 100];

    for _ in 0..3 {
        append(&wal, &payload).expect("room");
    }
    let refused = append(&wal, &payload);
    wal.cut(wal.last()).expect("cut");

    assert!(
        matches!(refused, Err(AppendError::Full { bytes, limit }) if bytes == three_frames && limit == three_frames)
    );
    assert_eq!(wal.bytes(), SEGMENT_HEADER as u64);
    assert_eq!(append(&wal, &payload).expect("room again"), Position(4));
}

#[test]
fn a_frame_that_can_never_fit_is_too_large() {
    let directory = directory();
    let (wal, _) = open(directory.path(), Config { frame_bytes_max: 10, bytes_max: 57, ..Config::default() });

    let refused = append(&wal, &[0; 10]);

    assert!(matches!(refused, Err(AppendError::FrameTooLarge { bytes: 10, limit: 9 })), "{refused:?}");
    append(&wal, &[0; 9]).expect("fits exactly");
}

#[test]
fn positions_are_never_reused_after_cut_and_restart() {
    let directory = directory();
    fill(directory.path(), Config::default(), &["1", "2", "3"]);

    let (wal, _) = open(directory.path(), Config::default());
    wal.cut(Position(3)).expect("cut");
    drop(wal);

    for position in 4..10 {
        let (wal, replayed) = open(directory.path(), Config::default());
        assert_eq!(replayed, []);
        assert_eq!(wal.last(), Position(position - 1));
        assert_eq!(append(&wal, b"more").expect("appended"), Position(position));
        wal.cut(Position(position)).expect("cut");
        assert_eq!(wal.segments(), 1);
    }
}

#[test]
fn a_cut_keeps_every_frame_beyond_it() {
    let payloads: Vec<_> = (1..=20).map(|i| vec![i; 30]).collect();
    for through in 0..=20 {
        let directory = directory();
        let config = Config { segment_bytes: 200, ..Config::default() };
        fill(directory.path(), config.clone(), &payloads);

        let (wal, _) = open(directory.path(), config);
        wal.cut(Position(through)).expect("cut");
        assert_eq!(wal.segments(), segments(directory.path()).len());
        drop(wal);

        let replayed = replay(directory.path());
        let beyond: Vec<_> = (through + 1..=20).map(|i| frame(i, &[i as u8; 30])).collect();
        assert!(replayed.ends_with(&beyond), "through {through}");
        assert!(replayed.len() - beyond.len() < 3, "through {through}: whole segments are left");
    }
}

#[test]
fn a_segment_cut_before_it_is_replayed_is_passed_over() {
    let directory = directory();
    let config = Config { segment_bytes: 100, ..Config::default() };
    fill(directory.path(), config.clone(), &[[1; 60], [2; 60], [3; 60]]);

    let (wal, replay) = wal::Wal::open(directory.path(), config).expect("opens");
    wal.cut(Position(2)).expect("cut");

    assert_eq!(replay.map(|replayed| replayed.expect("readable")).collect::<Vec<_>>(), [frame(3, &[3; 60])]);
}

#[test]
fn opening_again_and_again_leaves_no_files_behind() {
    let directory = directory();
    fill(directory.path(), Config::default(), &["frame"]);

    for _ in 0..5 {
        open(directory.path(), Config::default());
    }

    assert_eq!(segments(directory.path()).len(), 1);
}

#[test]
fn other_files_are_left_alone() {
    let directory = directory();
    for name in ["notes.txt", "1.wal", "00000000000000000000.wal", "0000000000000000000x.wal"] {
        fs::write(directory.path().join(name), "not ours").expect("written");
    }

    fill(directory.path(), Config::default(), &["frame"]);
    let (wal, replayed) = open(directory.path(), Config::default());
    wal.cut(Position(1)).expect("cut");

    assert_eq!(replayed, [frame(1, b"frame")]);
    assert!(directory.path().join("1.wal").exists());
}
