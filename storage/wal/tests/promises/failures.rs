//! A disk that fills and a process that dies, for real: each in a child process that runs one ignored test of this file.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
};

use wal::{AppendError, Config, Position, Step};

use crate::{append, directory, frame, only_segment, open, replay};

const DIRECTORY: &str = "WAL_TEST_DIRECTORY";
const STEP: &str = "WAL_TEST_STEP";

#[test]
fn a_half_written_frame_is_taken_back_and_the_log_goes_on() {
    let directory = directory();

    // Files may grow to a few KiB in the child; a write beyond is done in part, then fails.
    let status = run("failures::child_writes_beyond_the_limit", directory.path(), "", "trap '' XFSZ; ulimit -f 8;");

    assert!(status.success(), "{status}");
    assert_eq!(replay(directory.path()), [frame(1, b"kept"), frame(2, b"sent later")]);
    only_segment(directory.path());
}

#[test]
#[ignore = "run by another test, under a limit of the file size"]
fn child_writes_beyond_the_limit() {
    let (wal, _) = open(&child_directory(), Config::default());
    append(&wal, b"kept").expect("small enough");
    let kept_bytes = wal.bytes();

    let refused = append(&wal, &[7; 100_000]);

    assert!(matches!(refused, Err(AppendError::Io(_))), "{refused:?}");
    assert_eq!(wal.bytes(), kept_bytes);
    assert_eq!(append(&wal, b"sent later").expect("small enough"), Position(2));
}

#[test]
fn a_process_that_dies_loses_nothing_it_acknowledged() {
    for (step, dying_frame_survives) in [("half written", false), ("written", true), ("synced", true)] {
        let directory = directory();

        let status = run("failures::child_dies_in_its_third_commit", directory.path(), step, "");

        assert!(!status.success(), "{step}: {status}");
        let mut expected = vec![frame(1, b"frame 1"), frame(2, b"frame 2")];
        // It was never acknowledged; whether it survives shows only how far the write had come.
        expected.extend(dying_frame_survives.then(|| frame(3, b"frame 3")));
        assert_eq!(replay(directory.path()), expected, "{step}");
    }
}

#[test]
#[ignore = "run by another test, and dies"]
fn child_dies_in_its_third_commit() {
    let deadly = match env::var(STEP).expect("set by the parent").as_str() {
        "half written" => Step::HalfWritten,
        "written" => Step::Written,
        _ => Step::Synced,
    };
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let observe = move |step| {
        if step == deadly && seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 2 {
            std::process::abort();
        }
    };
    let (wal, _) = open(&child_directory(), Config { observe: Some(Arc::new(observe)), ..Config::default() });

    for i in 1..=3 {
        append(&wal, format!("frame {i}").as_bytes()).expect("appended");
    }
}

fn run(test: &str, directory: &Path, step: &str, prelude: &str) -> ExitStatus {
    Command::new("sh")
        .arg("-c")
        .arg(format!("{prelude} exec \"$0\" --ignored --exact {test} >/dev/null 2>&1"))
        .arg(env::current_exe().expect("this program"))
        .env(DIRECTORY, directory)
        .env(STEP, step)
        .status()
        .expect("a shell")
}

fn child_directory() -> PathBuf {
    env::var_os(DIRECTORY).expect("set by the parent").into()
}
