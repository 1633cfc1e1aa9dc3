//! How far a backup or restore is: one line that is rewritten on a terminal, and one now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backup::{Progress, Watch};
use tokio::sync::watch;

/// Rewritten no more often than eyes follow.
const REWRITTEN_EVERY: Duration = Duration::from_millis(100);
/// Without a terminal a line stays.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows it on standard error.
pub(super) fn shown() -> Watch {
    let in_place = std::io::stderr().is_terminal();
    let every = if in_place { REWRITTEN_EVERY } else { LINE_EVERY };
    let (last, _) = watch::channel((Instant::now(), ""));
    Arc::new(move |progress: Progress| {
        let is_done = progress.objects == progress.objects_all;
        let is_due = last.send_if_modified(|(shown, step)| {
            let is_due = shown.elapsed() >= every || *step != progress.step || is_done;
            if is_due {
                (*shown, *step) = (Instant::now(), progress.step);
            }
            is_due
        });
        if is_due {
            show(&progress, in_place, is_done);
        }
    })
}

/// Is told nothing.
pub(super) fn silent() -> Watch {
    Arc::new(|_| {})
}

fn show(progress: &Progress, in_place: bool, is_done: bool) {
    let Progress { step, objects, objects_all, bytes, bytes_all } = progress;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let line = format!(
        "{step}: {objects} of {objects_all} objects, {:.1} of {:.1} MB",
        megabytes(*bytes),
        megabytes(*bytes_all)
    );
    // Progress is a courtesy: a closed stderr must not stop the work.
    let mut stderr = std::io::stderr();
    let _ = match (in_place, is_done) {
        (true, false) => write!(stderr, "\r\x1b[2K{line}"),
        (true, true) => writeln!(stderr, "\r\x1b[2K{line}"),
        (false, _) => writeln!(stderr, "{line}"),
    };
    let _ = stderr.flush();
}
