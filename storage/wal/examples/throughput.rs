//! How fast the log is on this disk: `cargo run --release -p wal --example throughput -- <directory>`.

use std::{
    env,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use wal::{AppendError, Config, Durability, Wal};

const FRAME_BYTES: usize = 400 * 1024;
const APPENDERS: usize = 4;
const RUN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let directory = env::args().nth(1).expect("a directory as the argument");
    for durability in [Durability::Fsync, Durability::Interval(Duration::from_millis(200)), Durability::None] {
        let path = Path::new(&directory).join("throughput");
        measure(&path, durability).await;
        std::fs::remove_dir_all(path).expect("made by this run");
    }
}

async fn measure(path: &Path, durability: Durability) {
    let (wal, _) = Wal::open(path, Config { durability, ..Config::default() }).expect("a new log");
    let wal = Arc::new(wal);
    let begun = Instant::now();
    let appenders: Vec<_> = (0..APPENDERS).map(|_| tokio::spawn(append_for_a_while(Arc::clone(&wal)))).collect();
    for appender in appenders {
        appender.await.expect("no panic");
    }
    let frames = wal.last().0;
    let seconds = begun.elapsed().as_secs_f64();
    let mib = frames as f64 * FRAME_BYTES as f64 / f64::from(1 << 20);
    println!("{durability:?}: {:.0} MiB/s, {:.0} frames/s", mib / seconds, frames as f64 / seconds);
    wal.close().expect("closed");
    drop(wal);
    replay(path);
}

async fn append_for_a_while(wal: Arc<Wal>) {
    let payload = Bytes::from(vec![7; FRAME_BYTES]);
    let begun = Instant::now();
    while begun.elapsed() < RUN {
        match wal.append(vec![payload.clone()], |_| {}).await {
            Ok(_) => {}
            Err(AppendError::Full { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn replay(path: &Path) {
    let begun = Instant::now();
    let (_wal, replay) = Wal::open(path, Config::default()).expect("the log of before");
    let mib = replay.bytes_total() as f64 / f64::from(1 << 20);
    let frames = replay.inspect(|replayed| assert!(replayed.is_ok())).count();
    println!("  replayed {frames} frames at {:.0} MiB/s", mib / begun.elapsed().as_secs_f64());
}
