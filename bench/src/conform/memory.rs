//! Watches how much memory a process of this machine takes while something happens to it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Looks at a process until it is asked for the result.
#[derive(Debug)]
pub(crate) struct Watch {
    pid: u32,
    at_start: Memory,
    highest_kib: Arc<AtomicU64>,
    looking: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Memory {
    resident_kib: u64,
    /// The most it ever took, which sees peaks between two looks.
    peak_kib: u64,
}

impl Watch {
    pub(crate) fn start(pid: u32) -> anyhow::Result<Self> {
        let at_start = look(pid)?;
        let highest_kib = Arc::new(AtomicU64::new(at_start.resident_kib));
        let highest = Arc::clone(&highest_kib);
        let looking = tokio::spawn(async move {
            while let Ok(memory) = look(pid) {
                highest.fetch_max(memory.resident_kib, Ordering::Relaxed);
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        });
        Ok(Self { pid, at_start, highest_kib, looking })
    }

    /// How far the process has grown over its size at the start, in bytes.
    pub(crate) fn growth_bytes(self) -> anyhow::Result<u64> {
        let at_end = look(self.pid)?;
        let seen = self.highest_kib.load(Ordering::Relaxed).max(at_end.resident_kib);
        let highest = if at_end.peak_kib > self.at_start.peak_kib { at_end.peak_kib } else { seen };
        Ok(highest.saturating_sub(self.at_start.resident_kib) * 1024)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn look(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    parse(&text).with_context(|| format!("{path} does not tell the memory"))
}

fn parse(status: &str) -> Option<Memory> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    };
    Some(Memory { resident_kib: kib("VmRSS:")?, peak_kib: kib("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_text_is_understood() {
        let memory = parse("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n");

        assert_eq!(memory, Some(Memory { resident_kib: 1024, peak_kib: 2048 }));
    }

    #[tokio::test]
    async fn growth_of_this_process_is_seen() {
        let watch = Watch::start(std::process::id()).expect("this process exists");
        let block = vec![1u8; 64 << 20];

        let growth = watch.growth_bytes().expect("this process still exists");

        assert!(growth >= 60 << 20, "{growth} for {}", block.len());
    }
}
