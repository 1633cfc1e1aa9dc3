//! What this process has learnt and counted since it was last written, by tenant and service.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};
use plugin::model::patterns::{Merged, Miner, OTHER, PATTERNS_MAX, PatternId};
use plugin::model::{Batch, Signal, Table, Tenant};

use super::severities::Severities;
use super::{
    EXAMPLE_CHARACTERS_MAX, PATTERNS_OF_PROCESS_MAX, PATTERNS_OF_TENANT_MAX, PATTERNS_OF_TENANT_MIN, SERVICE_BYTES_MAX,
    SERVICES_MAX, TENANTS_MAX,
};
use crate::rows::hex;

/// The miners of all tenants, and what was counted.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    tenants: HashMap<Tenant, HashMap<String, Service>>,
    /// Of all tenants.
    patterns: usize,
}

/// What is known of one service.
#[derive(Debug)]
struct Service {
    miner: Miner,
    /// Patterns that are in the records.
    recorded: HashSet<PatternId>,
    counts: HashMap<PatternId, Counted>,
    merged: Vec<Merged>,
}

/// What was counted of one pattern.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    pub(crate) severities: Severities,
    pub(crate) first_seen: i64,
    pub(crate) last_seen: i64,
    pub(crate) example: String,
    pub(crate) trace_id: Option<String>,
}

/// What was counted of one service, to be written.
#[derive(Debug)]
pub(crate) struct Portion {
    pub(crate) tenant: Tenant,
    pub(crate) service: String,
    /// Patterns that have become part of others; before the counts.
    pub(crate) merged: Vec<Merged>,
    /// With their templates.
    pub(crate) counts: Vec<(PatternId, String, Counted)>,
}

/// The columns of a batch of logs that are read, where its rows say anything there.
struct Columns<'a> {
    time: &'a ArrayRef,
    body: &'a ArrayRef,
    service: Option<&'a ArrayRef>,
    severity: Option<&'a ArrayRef>,
    trace: Option<&'a ArrayRef>,
}

impl Learnt {
    /// Services of these rows that were not heard of before, by the names they are learnt under.
    pub(super) fn unheard(&self, tenant: &Tenant, batches: &[Batch]) -> Vec<String> {
        let services = self.tenants.get(tenant);
        if services.is_none() && self.tenants.len() >= TENANTS_MAX {
            return Vec::new();
        }
        let (mut unheard, known) = (Vec::new(), services.map_or(0, HashMap::len));
        for columns in batches.iter().filter_map(Columns::of) {
            for name in columns.services().map(name_within) {
                let is_known = services.is_some_and(|services| services.contains_key(name));
                if is_known || unheard.iter().any(|unheard| unheard == name) {
                    continue;
                }
                // One place is for all that there is no room for.
                let name = if known + unheard.len() + 1 < SERVICES_MAX { name } else { OTHER };
                let is_known = services.is_some_and(|services| services.contains_key(name));
                if !is_known && !unheard.iter().any(|unheard| unheard == name) {
                    unheard.push(name.to_owned());
                }
            }
        }
        unheard
    }

    /// Takes over the patterns that are in the records; makes the service known when it is not.
    pub(super) fn know<'a>(
        &mut self,
        tenant: &Tenant,
        service: &str,
        patterns: impl IntoIterator<Item = (PatternId, &'a str)>,
        now: i64,
    ) {
        let services = self.tenants.entry(tenant.clone()).or_default();
        let of_others = self.patterns - total(services.values());
        let room = room_of(services, of_others);
        let service = services.entry(service.to_owned()).or_insert_with(|| Service::new(service));
        service.miner.set_time(now);
        service.miner.keep_at_most(service.miner.patterns() + room);
        for (id, template) in patterns {
            if service.miner.know(id, template) {
                service.recorded.insert(id);
            }
        }
        service.take_merged();
        self.patterns = of_others + total(services.values());
    }

    /// Learns and counts the rows, which are seen now; says how many of them there was no miner for.
    pub(super) fn learn(&mut self, tenant: &Tenant, batches: &[Batch], now: i64) -> u64 {
        let Some(services) = self.tenants.get_mut(tenant) else {
            return batches
                .iter()
                .filter(|batch| batch.signal() == Signal::Logs)
                .map(|batch| batch.rows() as u64)
                .sum();
        };
        let (mut missed, of_others) = (0, self.patterns - total(services.values()));
        for columns in batches.iter().filter_map(Columns::of) {
            for rows in columns.runs() {
                let room = room_of(services, of_others);
                let name = name_within(columns.service_of(rows.start));
                let name = if services.contains_key(name) { name } else { OTHER };
                match services.get_mut(name) {
                    Some(service) => {
                        service.miner.set_time(now);
                        service.learn(&columns, rows, room);
                    }
                    None => missed += rows.len() as u64,
                }
            }
        }
        self.patterns = of_others + total(services.values());
        missed
    }

    /// Patterns that this process knows.
    pub(super) fn patterns(&self) -> usize {
        self.patterns
    }

    /// True when the service, its tenant or the process has nearly as many patterns as it may.
    pub(super) fn is_short(&self, tenant: &Tenant, service: &str) -> bool {
        let services = self.tenants.get(tenant);
        let of_tenant = services.map_or(0, |services| total(services.values()));
        let of_service = services.and_then(|services| services.get(service)).map_or(0, Service::patterns);
        let all =
            [(of_service, PATTERNS_MAX), (of_tenant, PATTERNS_OF_TENANT_MAX), (self.patterns, PATTERNS_OF_PROCESS_MAX)];
        all.into_iter().any(|(patterns, room)| excess(patterns + 1, room) > 0)
    }

    /// Where there is little room left, of a service, a tenant or the process, forgets what was last seen before this time, first of
    /// all what was seen least recently; says how many patterns.
    pub(super) fn make_room(&mut self, before: i64) -> usize {
        let mut forgotten = 0;
        for services in self.tenants.values_mut() {
            for service in services.values_mut() {
                let most = excess(service.patterns(), PATTERNS_MAX);
                forgotten += forget(&mut [service], before, most);
            }
            let most = excess(total(services.values()), PATTERNS_OF_TENANT_MAX);
            forgotten += forget(&mut services.values_mut().collect::<Vec<_>>(), before, most);
        }
        let most = excess(self.patterns - forgotten, PATTERNS_OF_PROCESS_MAX);
        let mut all: Vec<&mut Service> = self.tenants.values_mut().flat_map(HashMap::values_mut).collect();
        forgotten += forget(&mut all, before, most);
        self.patterns -= forgotten;
        forgotten
    }

    /// Services of which something was counted, and whether any of it is not in the records yet.
    pub(super) fn changed(&self) -> Vec<(Tenant, String, bool)> {
        let services = self.tenants.iter().flat_map(|(tenant, services)| services.iter().map(move |of| (tenant, of)));
        let changed = services.filter(|(_, (_, service))| !service.counts.is_empty() || !service.merged.is_empty());
        let told = changed.map(|(tenant, (name, service))| {
            let is_new = service.counts.keys().any(|id| !service.recorded.contains(id));
            (tenant.clone(), name.clone(), is_new)
        });
        told.collect()
    }

    /// What was counted of the service since this was last asked.
    pub(super) fn take(&mut self, tenant: &Tenant, name: &str) -> Option<Portion> {
        let service = self.tenants.get_mut(tenant)?.get_mut(name)?;
        let counts = std::mem::take(&mut service.counts).into_iter();
        let counts = counts.filter_map(|(id, counted)| Some((id, service.miner.template(id)?.to_owned(), counted)));
        Some(Portion {
            tenant: tenant.clone(),
            service: name.to_owned(),
            counts: counts.collect(),
            merged: std::mem::take(&mut service.merged),
        })
    }

    /// Takes back what could not be written, and remembers which patterns are in the records.
    pub(super) fn give_back(&mut self, rest: Portion, written: &[PatternId]) {
        let services = self.tenants.get_mut(&rest.tenant);
        let Some(service) = services.and_then(|services| services.get_mut(&rest.service)) else { return };
        service.recorded.extend(written);
        for (id, _, counted) in rest.counts {
            service.recorded.remove(&id);
            // It may have become part of another meanwhile.
            let id = service.merged.iter().fold(id, |id, merged| if id == merged.from { merged.into } else { id });
            service.counts.entry(id).or_default().add(counted);
        }
        service.merged.splice(..0, rest.merged);
    }
}

impl Service {
    fn new(name: &str) -> Self {
        Self { miner: Miner::new(name), recorded: HashSet::new(), counts: HashMap::new(), merged: Vec::new() }
    }

    fn patterns(&self) -> usize {
        self.miner.patterns()
    }

    /// What was last seen before this time, with when that was. What was counted since it was last written is needed to write it.
    fn unseen_since(&self, before: i64) -> impl Iterator<Item = (i64, PatternId)> {
        self.miner.unseen_since(before).filter(move |(_, id)| !self.counts.contains_key(id))
    }

    fn forget(&mut self, id: PatternId) {
        self.miner.forget(id);
        self.recorded.remove(&id);
    }

    fn learn(&mut self, columns: &Columns<'_>, rows: std::ops::Range<usize>, room: usize) {
        self.miner.keep_at_most(self.miner.patterns() + room);
        let bodies = columns.body.as_string_view();
        for row in rows.filter(|row| bodies.is_valid(*row)) {
            let body = bodies.value(row);
            let id = self.miner.learn(body);
            self.counts.entry(id).or_default().count(columns, row, body);
        }
        self.take_merged();
    }

    /// Moves the counts of patterns that have become part of others.
    fn take_merged(&mut self) {
        for merged in self.miner.take_merged() {
            self.recorded.remove(&merged.from);
            if let Some(counted) = self.counts.remove(&merged.from) {
                self.counts.entry(merged.into).or_default().add(counted);
            }
            self.merged.push(merged);
        }
    }
}

impl Counted {
    fn count(&mut self, columns: &Columns<'_>, row: usize, body: &str) {
        let time = columns.time.as_primitive::<TimestampNanosecondType>().value(row);
        let trace = columns.trace.filter(|trace| trace.is_valid(row));
        if self.count == 0 || self.trace_id.is_none() && trace.is_some() {
            self.example = beginning(body);
            self.trace_id = trace.map(|trace| hex(trace.as_fixed_size_binary().value(row)));
        }
        let number = columns.severity.map_or(0, |severity| severity.as_primitive::<Int32Type>().value(row));
        self.seen(time, time);
        self.severities.count(number.into());
        self.count += 1;
    }

    fn add(&mut self, other: Self) {
        self.seen(other.first_seen, other.last_seen);
        if self.count == 0 || self.trace_id.is_none() && other.trace_id.is_some() {
            (self.example, self.trace_id) = (other.example, other.trace_id);
        }
        self.severities.add(&other.severities);
        self.count += other.count;
    }

    fn seen(&mut self, first: i64, last: i64) {
        let is_first = self.count == 0;
        self.first_seen = if is_first { first } else { self.first_seen.min(first) };
        self.last_seen = if is_first { last } else { self.last_seen.max(last) };
    }
}

impl<'a> Columns<'a> {
    /// Of a batch of logs with bodies.
    fn of(batch: &'a Batch) -> Option<Self> {
        if batch.signal() != Signal::Logs {
            return None;
        }
        let said = |column| batch.said(Table::of(Signal::Logs).index(column));
        Some(Self {
            time: said("time")?,
            body: said("body")?,
            service: said("service_name"),
            severity: said("severity_number"),
            trace: said("trace_id"),
        })
    }

    /// The name of a row's service; empty where it says none.
    fn service_of(&self, row: usize) -> &'a str {
        let named = self.service.filter(|service| service.is_valid(row));
        named.map_or("", |service| service.as_string_view().value(row))
    }

    /// Rows of one service, one behind the other.
    fn runs(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (rows, mut start) = (self.body.len(), 0);
        std::iter::from_fn(move || {
            let name = (start < rows).then(|| self.service_of(start))?;
            let end = (start..rows).find(|row| self.service_of(*row) != name).unwrap_or(rows);
            Some(std::mem::replace(&mut start, end)..end)
        })
    }

    fn services(&self) -> impl Iterator<Item = &'a str> {
        self.runs().map(|rows| self.service_of(rows.start))
    }
}

fn total<'a>(services: impl Iterator<Item = &'a Service>) -> usize {
    services.map(Service::patterns).sum()
}

/// How many more patterns a tenant may have, where all others have so many.
fn room_of(services: &HashMap<String, Service>, of_others: usize) -> usize {
    let own = total(services.values());
    let left = PATTERNS_OF_PROCESS_MAX.saturating_sub(own + of_others);
    PATTERNS_OF_TENANT_MAX.saturating_sub(own).min(left.max(PATTERNS_OF_TENANT_MIN.saturating_sub(own)))
}

/// How many are too many when an eighth of the room is to be free for new ones.
fn excess(patterns: usize, room: usize) -> usize {
    patterns.saturating_sub(room - room / 8)
}

/// Forgets so many patterns of these services, of those that were last seen before this time; says how many there were.
fn forget(services: &mut [&mut Service], before: i64, most: usize) -> usize {
    if most == 0 {
        return 0;
    }
    let unseen = services.iter().enumerate();
    let unseen = unseen.flat_map(|(at, service)| service.unseen_since(before).map(move |(seen, id)| (seen, at, id)));
    let mut unseen: Vec<(i64, usize, PatternId)> = unseen.collect();
    unseen.sort_unstable();
    unseen.truncate(most);
    unseen.iter().for_each(|(_, at, id)| services[*at].forget(*id));
    unseen.len()
}

/// A name that can be a key of records.
pub(super) fn name_within(name: &str) -> &str {
    if name.len() > SERVICE_BYTES_MAX || name.contains('\0') { OTHER } else { name }
}

/// What is kept of a body as an example.
pub(super) fn beginning(body: &str) -> String {
    body.chars().take(EXAMPLE_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_knows_so_many_patterns_whatever_the_records_have() {
        let (mut learnt, tenant) = (Learnt::default(), Tenant::default_tenant());
        let letters = |number: usize| format!("{number:b}").replace('1', "i").replace('0', "o");
        let stored: Vec<(PatternId, String)> =
            (0..700).map(|number| (format!("{number:016x}").parse().expect("an id"), letters(number))).collect();

        for service in 0..20 {
            let patterns = stored.iter().map(|(id, template)| (*id, template.as_str()));
            learnt.know(&tenant, &format!("service {service}"), patterns, 0);
        }

        assert_eq!(total(learnt.tenants[&tenant].values()), PATTERNS_OF_TENANT_MAX);
        assert_eq!(learnt.patterns(), PATTERNS_OF_TENANT_MAX);
    }

    #[test]
    fn however_many_patterns_others_have_a_tenant_has_room_for_some() {
        let of_others = PATTERNS_OF_PROCESS_MAX;

        assert_eq!(room_of(&HashMap::new(), of_others), PATTERNS_OF_TENANT_MIN);
        assert_eq!(room_of(&HashMap::new(), 0), PATTERNS_OF_TENANT_MAX);
        assert_eq!(room_of(&HashMap::new(), of_others - 500), 500);
    }

    #[test]
    fn what_was_seen_least_recently_is_forgotten_where_room_is_short() {
        let (mut learnt, tenant) = (Learnt::default(), Tenant::default_tenant());
        let word = |number: usize| format!("{number:b}").replace('1', "i").replace('0', "o");
        let know = |learnt: &mut Learnt, numbers: std::ops::Range<usize>, now| {
            let stored: Vec<(PatternId, String)> =
                numbers.map(|number| (format!("{number:016x}").parse().expect("an id"), word(number))).collect();
            let patterns = stored.iter().map(|(id, template)| (*id, template.as_str()));
            learnt.know(&tenant, "cart", patterns, now);
        };
        know(&mut learnt, 1..501, 1);
        know(&mut learnt, 501..876, 2);
        assert_eq!(learnt.make_room(10), 0, "there is room");
        know(&mut learnt, 876..976, 20);

        let forgotten = learnt.make_room(10);

        let unseen: Vec<i64> = learnt.tenants[&tenant]["cart"].unseen_since(10).map(|(seen, _)| seen).collect();
        let (old, newer) =
            (unseen.iter().filter(|seen| **seen == 1).count(), unseen.iter().filter(|seen| **seen == 2).count());
        assert_eq!((forgotten, learnt.patterns(), old, newer), (100, 875, 400, 375));
        assert_eq!(learnt.make_room(i64::MAX), 0, "no more than is needed");
    }

    #[test]
    fn a_name_that_no_records_can_have_is_one_of_the_others() {
        assert_eq!(name_within("cart"), "cart");
        assert_eq!((name_within("a\0b"), name_within(&"x".repeat(SERVICE_BYTES_MAX + 1))), (OTHER, OTHER));
    }
}
