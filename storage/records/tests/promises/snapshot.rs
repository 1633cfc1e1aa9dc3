//! Copies of a file that is in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use records::{Error, snapshot};

use crate::crash::{check, writing};

const SNAPSHOTS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_file_that_another_process_writes_is_whole_and_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.sqlite");
    let (mut child, mut answered) = writing(&path);

    for number in 0..SNAPSHOTS {
        let copy = folder.path().join(format!("copy-{number}"));
        let last = answered.next().expect("it writes");

        snapshot(&path, &copy).expect("a snapshot");

        let files = fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("a file").file_name());
        let copies = files.filter(|name| name.to_string_lossy().starts_with(&format!("copy-{number}")));
        assert_eq!(copies.count(), 1, "nothing lies beside it");
        assert_eq!(fs::metadata(&copy).expect("a copy").permissions().mode() & 0o777, 0o600);
        check(&copy, last).await.expect("answers");
    }
    child.kill().expect("it is there");
    child.wait().expect("it has ended");
}

#[test]
fn nothing_is_copied_from_nowhere_or_over_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("records.sqlite"), folder.path().join("copy"));
    rusqlite::Connection::open(&path).and_then(|made| made.execute_batch("CREATE TABLE a (b)")).expect("a database");

    let nowhere = snapshot(&folder.path().join("missing"), &copy);
    assert!(matches!(nowhere, Err(Error::Refused { .. })), "{nowhere:?}");
    assert!(!copy.exists());

    fs::write(&copy, "what somebody keeps").expect("a file");
    snapshot(&path, &copy).expect_err("something is there");
    assert_eq!(fs::read_to_string(&copy).expect("a file"), "what somebody keeps");
}
