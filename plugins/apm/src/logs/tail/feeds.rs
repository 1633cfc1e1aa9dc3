//! Hands log records to all who follow them.
//!
//! Followers of one tenant who want the same share a feed: records are filtered once for all of them, and each is written once
//! whoever wants it. Nobody waits for anybody: who does not read in time misses lines, and is told how many.
//! Lines belong to the tenant, not to who has to read them: where there is no room, the oldest go, read or not.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use arrow::array::BooleanArray;
use parking_lot::Mutex;
use plugin::Failure;
use plugin::model::{Batch, Signal, Tenant};
use tokio::sync::mpsc;

use super::super::filter::LogFilter;
use super::super::line::Written;

/// Most followers of a process.
const FOLLOWERS_MAX: usize = 2000;
/// Most followers of a tenant: a thousand, and a tenth more for those who come back before they were seen to leave. One tenant cannot
/// take the places of all.
const FOLLOWERS_OF_TENANT_MAX: usize = 1100;
/// What a follower may leave unread before it misses lines: so many requests' lines.
const UNREAD_MAX: usize = 64;
/// Written lines of a tenant that wait to be read by any of its followers, in bytes.
const UNREAD_BYTES_MAX: usize = 32 << 20;
/// The same of all tenants, in equal parts, where they are many.
const UNREAD_OF_PROCESS_BYTES_MAX: usize = 256 << 20;
/// Most lines that a follower is told in a second; nobody reads faster.
const LINES_A_SECOND: usize = 500;
/// Most bytes of lines that a follower is told in a second.
const BYTES_A_SECOND: usize = 1 << 20;

/// All who follow in this process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feeds(Arc<Mutex<Followed>>);

#[derive(Debug, Default)]
struct Followed {
    is_open: bool,
    followers: usize,
    /// Of the next follower; never used again.
    number: u64,
    tenants: HashMap<Tenant, OfTenant>,
}

#[derive(Debug)]
struct OfTenant {
    followers: usize,
    unread: Arc<Mutex<Unread>>,
    feeds: HashMap<Arc<LogFilter>, Feed>,
}

/// Lines that some of a tenant's followers have not read yet, the oldest first.
#[derive(Debug, Default)]
struct Unread {
    lines: VecDeque<Arc<Lines>>,
    bytes: usize,
}

/// Those who want the same.
#[derive(Debug)]
struct Feed {
    followers: HashMap<u64, Follower>,
    /// What may be told until the second ends.
    lines: usize,
    bytes: usize,
    /// Lines of this second that were not told, as they were too many.
    left_out: u64,
}

#[derive(Debug)]
struct Follower {
    told: mpsc::Sender<Told>,
    /// What it does not know yet that it missed.
    missed: Missed,
}

/// What a follower is told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// So many lines as they arrived; they are gone, and missed, when they were not read in time.
    Lines { lines: Weak<Lines>, count: u64 },
    /// So many came within a second, and were too many to tell.
    LeftOut(u64),
    /// What was not read in time.
    Missed(Missed),
}

/// Lines that went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missed {
    pub(super) lines: u64,
    /// True when there were more, of which nobody knows the number.
    pub(super) is_least: bool,
}

/// Lines of one request, shared by all followers of a feed.
#[derive(Debug)]
pub(super) struct Lines {
    event: String,
}

impl Lines {
    /// The whole event, as it is sent.
    pub(super) fn event(&self) -> &str {
        &self.event
    }
}

/// While it is there, feeds can be followed; all answers end with it.
#[derive(Debug)]
pub(super) struct Open<'a>(&'a Feeds);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut followed = self.0.0.lock();
        followed.is_open = false;
        followed.followers = 0;
        followed.tenants.clear();
    }
}

/// A follower's end of a feed; its place is free when this is dropped.
#[derive(Debug)]
pub(super) struct Following {
    told: mpsc::Receiver<Told>,
    feeds: Feeds,
    tenant: Tenant,
    filter: LogFilter,
    number: u64,
    /// What was told before all was closed is read after it.
    _unread: Arc<Mutex<Unread>>,
}

impl Following {
    /// What is told next; `None` when nothing will be.
    pub(super) async fn next(&mut self) -> Option<Told> {
        self.told.recv().await
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.feeds.0.lock().leave(&self.tenant, &self.filter, self.number);
    }
}

impl Feeds {
    /// From now on they can be followed.
    pub(super) fn open(&self) -> Open<'_> {
        self.0.lock().is_open = true;
        Open(self)
    }

    /// Follows what the filter wants of the tenant.
    ///
    /// # Errors
    /// When as many follow as may.
    pub(super) fn join(&self, tenant: Tenant, filter: LogFilter) -> Result<Following, Failure> {
        let (told, receiver) = mpsc::channel(UNREAD_MAX);
        let follower = Follower { told, missed: Missed::default() };
        let (number, unread) = self.0.lock().join(&tenant, &filter, follower)?;
        Ok(Following { told: receiver, feeds: self.clone(), tenant, filter, number, _unread: unread })
    }

    /// True when anybody of the tenant follows.
    pub(super) fn are_followed(&self, tenant: &Tenant) -> bool {
        self.0.lock().tenants.contains_key(tenant)
    }

    /// Tells the rows to those of the tenant who want them. A thousand filters over many rows take a while.
    pub(super) fn tell(&self, tenant: &Tenant, logs: &[Batch]) {
        let logs: Vec<&Batch> = logs.iter().filter(|batch| batch.signal() == Signal::Logs).collect();
        // Nobody who comes or goes waits for the filters.
        let filters = self.filters(tenant).into_iter();
        let wanted: Vec<(Arc<LogFilter>, Vec<BooleanArray>)> = filters
            .map(|filter| {
                let rows = logs.iter().map(|logs| filter.matching(logs)).collect();
                (filter, rows)
            })
            .collect();
        let mut written: Vec<Written> = logs.into_iter().map(Written::of).collect();
        let mut followed = self.0.lock();
        let bytes_max = followed.unread_bytes_max();
        let Some(OfTenant { unread, feeds, .. }) = followed.tenants.get_mut(tenant) else { return };
        for (filter, rows) in &wanted {
            if let Some(feed) = feeds.get_mut(filter) {
                feed.tell(rows, &mut written, &mut unread.lock(), bytes_max);
            }
        }
    }

    fn filters(&self, tenant: &Tenant) -> Vec<Arc<LogFilter>> {
        let followed = self.0.lock();
        followed.tenants.get(tenant).map_or_else(Vec::new, |tenant| tenant.feeds.keys().cloned().collect())
    }

    /// Rows of whoever went by unheard.
    pub(super) fn have_missed_some(&self) {
        for follower in self.0.lock().all().flat_map(|feed| feed.followers.values_mut()) {
            follower.missed.is_least = true;
            follower.tell_missed();
        }
    }

    /// Tells what was left out of the second that ends, and what was missed.
    pub(super) fn begin_second(&self) {
        let mut followed = self.0.lock();
        let bytes_max = followed.unread_bytes_max();
        for OfTenant { unread, feeds, .. } in followed.tenants.values_mut() {
            let mut unread = unread.lock();
            unread.forget_read();
            unread.fit(bytes_max);
            feeds.values_mut().for_each(Feed::begin_second);
        }
    }
}

impl Followed {
    fn all(&mut self) -> impl Iterator<Item = &mut Feed> {
        self.tenants.values_mut().flat_map(|tenant| tenant.feeds.values_mut())
    }

    /// What of a tenant may be unread just now.
    fn unread_bytes_max(&self) -> usize {
        UNREAD_BYTES_MAX.min(UNREAD_OF_PROCESS_BYTES_MAX / self.tenants.len().max(1))
    }

    fn join(
        &mut self,
        tenant: &Tenant,
        filter: &LogFilter,
        follower: Follower,
    ) -> Result<(u64, Arc<Mutex<Unread>>), Failure> {
        if !self.is_open {
            return Err(Failure::unavailable("logs are not followed now: the server starts or stops"));
        }
        let of_tenant = self.tenants.get(tenant).map_or(0, |tenant| tenant.followers);
        if self.followers >= FOLLOWERS_MAX || of_tenant >= FOLLOWERS_OF_TENANT_MAX {
            let message = format!(
                "as many follow logs as may: {FOLLOWERS_OF_TENANT_MAX} of a tenant, {FOLLOWERS_MAX} of this server in all"
            );
            return Err(Failure::unavailable(message));
        }
        (self.followers, self.number) = (self.followers + 1, self.number + 1);
        let tenant = self.tenants.entry(tenant.clone()).or_insert_with(OfTenant::new);
        tenant.followers += 1;
        let feed = tenant.feeds.entry(Arc::new(filter.clone())).or_insert_with(Feed::new);
        feed.followers.insert(self.number, follower);
        Ok((self.number, Arc::clone(&tenant.unread)))
    }

    /// Does nothing for who followed before all was closed.
    fn leave(&mut self, tenant: &Tenant, filter: &LogFilter, number: u64) {
        let Some(of_tenant) = self.tenants.get_mut(tenant) else { return };
        let Some(feed) = of_tenant.feeds.get_mut(filter) else { return };
        if feed.followers.remove(&number).is_none() {
            return;
        }
        (self.followers, of_tenant.followers) = (self.followers - 1, of_tenant.followers - 1);
        if feed.followers.is_empty() {
            of_tenant.feeds.remove(filter);
        }
        if of_tenant.feeds.is_empty() {
            self.tenants.remove(tenant);
        }
    }
}

impl OfTenant {
    fn new() -> Self {
        Self { followers: 0, unread: Arc::default(), feeds: HashMap::new() }
    }
}

impl Unread {
    /// Keeps the lines until all have read them, or until there is no room for them.
    fn keep(&mut self, lines: Arc<Lines>, bytes_max: usize) {
        self.bytes += lines.event.len();
        self.lines.push_back(lines);
        self.fit(bytes_max);
    }

    fn fit(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.event.len();
        }
    }

    /// Lets go of what all have read.
    fn forget_read(&mut self) {
        self.lines.retain(|lines| Arc::weak_count(lines) > 0);
        self.bytes = self.lines.iter().map(|lines| lines.event.len()).sum();
    }
}

impl Feed {
    fn new() -> Self {
        Self { followers: HashMap::new(), lines: LINES_A_SECOND, bytes: BYTES_A_SECOND, left_out: 0 }
    }

    fn tell(&mut self, wanted: &[BooleanArray], written: &mut [Written], unread: &mut Unread, bytes_max: usize) {
        let (event, count) = self.choose(wanted, written);
        if count == 0 {
            return;
        }
        let lines = Arc::new(Lines { event });
        for follower in self.followers.values_mut() {
            follower.tell(Told::Lines { lines: Arc::downgrade(&lines), count });
        }
        unread.keep(lines, bytes_max);
    }

    /// The lines that are wanted and not too many as an event with a JSON array, and their number.
    fn choose(&mut self, wanted: &[BooleanArray], written: &mut [Written]) -> (String, u64) {
        let (mut event, mut count) = (String::from("event: logs\ndata: ["), 0);
        for (wanted, written) in wanted.iter().zip(written) {
            let (all, told) = (wanted.true_count(), wanted.true_count().min(self.lines));
            self.lines -= told;
            self.left_out += (all - told) as u64;
            for row in wanted.values().set_indices().take(told) {
                let line = written.line(row);
                if line.len() > self.bytes {
                    self.left_out += 1;
                    continue;
                }
                (self.bytes, count) = (self.bytes - line.len(), count + 1);
                if count > 1 {
                    event.push(',');
                }
                event.push_str(line);
            }
        }
        event.push_str("]\n\n");
        (event, count)
    }

    fn begin_second(&mut self) {
        let left_out = std::mem::take(&mut self.left_out);
        (self.lines, self.bytes) = (LINES_A_SECOND, BYTES_A_SECOND);
        for follower in self.followers.values_mut() {
            match left_out {
                0 => _ = follower.tell_missed(),
                lines => follower.tell(Told::LeftOut(lines)),
            }
        }
    }
}

impl Follower {
    /// What does not reach it, it has missed.
    fn tell(&mut self, told: Told) {
        let lines = match &told {
            Told::Lines { count, .. } => *count,
            Told::LeftOut(lines) => *lines,
            Told::Missed(missed) => missed.lines,
        };
        if !self.tell_missed() || self.told.try_send(told).is_err() {
            self.missed.lines += lines;
        }
    }

    /// True when it knows now of everything that it missed.
    fn tell_missed(&mut self) -> bool {
        if self.missed != Missed::default() {
            match self.told.try_send(Told::Missed(self.missed)) {
                Ok(()) => self.missed = Missed::default(),
                Err(_) => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> Tenant {
        Tenant::new("acme").expect("a name")
    }

    fn lines(count: u64) -> Told {
        Told::Lines { lines: Weak::new(), count }
    }

    #[test]
    fn who_does_not_read_misses_lines_and_is_told_how_many() {
        let (told, mut receiver) = mpsc::channel(2);
        let mut follower = Follower { told, missed: Missed::default() };

        [1, 2, 3, 4].into_iter().for_each(|count| follower.tell(lines(count)));

        assert!(matches!(receiver.try_recv(), Ok(Told::Lines { count: 1, .. })));
        assert!(follower.tell_missed());
        assert!(matches!(receiver.try_recv(), Ok(Told::Lines { count: 2, .. })));
        let missed = Missed { lines: 7, is_least: false };
        assert!(matches!(receiver.try_recv(), Ok(Told::Missed(told)) if told == missed));
    }

    #[test]
    fn who_never_reads_takes_no_room_from_others() {
        let (told, mut never_read) = mpsc::channel(UNREAD_MAX);
        let (mut follower, mut unread) = (Follower { told, missed: Missed::default() }, Unread::default());

        for _ in 0..UNREAD_MAX {
            let lines = Arc::new(Lines { event: " ".repeat(BYTES_A_SECOND) });
            follower.tell(Told::Lines { lines: Arc::downgrade(&lines), count: 1 });
            unread.keep(lines, UNREAD_BYTES_MAX);
        }

        assert_eq!(unread.bytes, UNREAD_BYTES_MAX);
        let mut is_there =
            || matches!(never_read.try_recv(), Ok(Told::Lines { lines, .. }) if lines.strong_count() > 0);
        let are_there: Vec<bool> = (0..UNREAD_MAX).map(|_| is_there()).collect();
        assert_eq!(are_there.iter().filter(|is_there| **is_there).count(), UNREAD_BYTES_MAX / BYTES_A_SECOND);
        assert!(!are_there[0] && are_there[UNREAD_MAX - 1], "the oldest are gone");
        unread.forget_read();
        assert_eq!((unread.bytes, unread.lines.len()), (0, 0));
    }

    #[test]
    fn where_many_tenants_follow_each_has_less_room_for_unread_lines() {
        let feeds = Feeds::default();
        let _open = feeds.open();
        let join = |number: usize| {
            let tenant = Tenant::new(&format!("tenant-{number}")).expect("a name");
            feeds.join(tenant, LogFilter::default()).expect("there is room")
        };

        let few: Vec<Following> = (0..8).map(join).collect();
        let of_few = feeds.0.lock().unread_bytes_max();
        let _many: Vec<Following> = (8..100).map(join).collect();
        let of_many = feeds.0.lock().unread_bytes_max();

        assert_eq!((few.len() * of_few, of_few), (UNREAD_OF_PROCESS_BYTES_MAX, UNREAD_BYTES_MAX));
        assert_eq!(of_many, UNREAD_OF_PROCESS_BYTES_MAX / 100);
    }

    #[test]
    fn a_tenant_has_so_many_followers_and_who_leaves_makes_room() {
        let feeds = Feeds::default();
        assert!(feeds.join(acme(), LogFilter::default()).is_err(), "before it is open");
        let open = feeds.open();
        let join = || feeds.join(acme(), LogFilter::default());
        let mut all: Vec<Following> =
            (0..FOLLOWERS_OF_TENANT_MAX).map(|number| join().unwrap_or_else(|_| panic!("{number}"))).collect();

        assert!(join().is_err(), "one too many");
        assert!(feeds.join(Tenant::default_tenant(), LogFilter::default()).is_ok(), "of another tenant");
        all.pop();
        all.push(join().expect("there is room again"));
        drop(open);
        assert!(matches!(all[0].told.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)), "all end");
        let _open = feeds.open();
        let again = join().expect("nobody follows");
        drop(all);
        assert_eq!(feeds.0.lock().followers, 1, "who had been there before does not count");
        drop(again);
        assert!(feeds.0.lock().tenants.is_empty());
    }
}
