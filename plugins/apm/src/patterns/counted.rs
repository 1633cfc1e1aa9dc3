//! What this process has learnt and counted since it was last written, by tenant and service.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};
use plugin::model::patterns::{Merged, Miner, OTHER, PatternId};
use plugin::model::{Batch, Signal, Table, Tenant};

use super::severities::Severities;
use super::{EXAMPLE_CHARACTERS_MAX, PATTERNS_OF_TENANT_MAX, SERVICE_BYTES_MAX, SERVICES_MAX, TENANTS_MAX};
use crate::rows::hex;

/// The miners of all tenants, and what was counted.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    tenants: HashMap<Tenant, HashMap<String, Service>>,
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
    ) {
        let services = self.tenants.entry(tenant.clone()).or_default();
        let room = room_of(services);
        let service = services.entry(service.to_owned()).or_insert_with(|| Service::new(service));
        service.miner.keep_at_most(service.miner.patterns() + room);
        for (id, template) in patterns {
            if service.miner.know(id, template) {
                service.recorded.insert(id);
            }
        }
        service.take_merged();
    }

    /// Learns and counts the rows; says how many of them there was no miner for.
    pub(super) fn learn(&mut self, tenant: &Tenant, batches: &[Batch]) -> u64 {
        let Some(services) = self.tenants.get_mut(tenant) else {
            return batches
                .iter()
                .filter(|batch| batch.signal() == Signal::Logs)
                .map(|batch| batch.rows() as u64)
                .sum();
        };
        let mut missed = 0;
        for columns in batches.iter().filter_map(Columns::of) {
            for rows in columns.runs() {
                let room = room_of(services);
                let name = name_within(columns.service_of(rows.start));
                let name = if services.contains_key(name) { name } else { OTHER };
                match services.get_mut(name) {
                    Some(service) => service.learn(&columns, rows, room),
                    None => missed += rows.len() as u64,
                }
            }
        }
        missed
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

/// How many more patterns a tenant may have.
fn room_of(services: &HashMap<String, Service>) -> usize {
    PATTERNS_OF_TENANT_MAX.saturating_sub(services.values().map(Service::patterns).sum())
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
            learnt.know(&tenant, &format!("service {service}"), patterns);
        }

        let known: usize = learnt.tenants[&tenant].values().map(Service::patterns).sum();
        assert_eq!(known, PATTERNS_OF_TENANT_MAX);
    }

    #[test]
    fn a_name_that_no_records_can_have_is_one_of_the_others() {
        assert_eq!(name_within("cart"), "cart");
        assert_eq!((name_within("a\0b"), name_within(&"x".repeat(SERVICE_BYTES_MAX + 1))), (OTHER, OTHER));
    }
}
