//! Requests, errors and durations by minute and by what tells requests apart.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray};
use model::{Batch, Rollup, Table};

use super::merge::in_order;
use super::spans::{Columns, Periods};
use super::sums::{SumBuilders, Sums};
use super::texts::{NULL, Texts};

/// What is beyond a limit is summed under this name.
pub const OTHER: &str = "(other)";
/// Operations of one service in one segment that have rows of their own. More means that names hold ids.
pub const OPERATIONS_PER_SERVICE_MAX: usize = 1000;
/// Services, with their namespaces, versions and environments, in one segment that have rows of their own.
pub const SERVICES_MAX: usize = 10_000;

const MINUTES: Rollup = Rollup::ServiceMinutes;
/// Columns that name a service, in the order of the table.
const SERVICE: [&str; 4] = ["service_name", "service_namespace", "service_version", "deployment_environment_name"];

/// One row for each minute, service, operation, kind, status and status code among the spans.
pub(super) fn minutes(spans: &[Batch]) -> RecordBatch {
    let mut minutes = Minutes::default();
    for batch in spans {
        minutes.add(batch);
    }
    minutes.finish()
}

/// What tells the rows apart; texts by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    minute: i64,
    service: u32,
    name: u32,
    kind: u32,
    status: u32,
    code: Option<i64>,
}

#[derive(Debug, Default)]
struct Minutes {
    texts: Texts,
    /// By number: their texts in the order of `SERVICE`.
    services: Vec<[u32; SERVICE.len()]>,
    service_numbers: HashMap<[u32; SERVICE.len()], u32, RandomState>,
    /// Service and name.
    operations: HashSet<(u32, u32), RandomState>,
    operations_of: HashMap<u32, usize, RandomState>,
    rows: HashMap<Key, u32, RandomState>,
    keys: Vec<Key>,
    sums: Vec<Sums>,
}

impl Minutes {
    fn add(&mut self, spans: &Batch) {
        let columns = Columns::of(spans);
        let mut services = SERVICE.map(|name| columns.texts(name));
        let [mut names, mut kinds, mut statuses] = ["name", "kind", "status_code"].map(|name| columns.texts(name));
        let codes = columns.integers("http_response_status_code");
        let durations = columns.integers("duration_ns").expect("the duration is required").values();
        let error = self.texts.number("error");
        let (mut minutes, mut last) = (Periods::new(MINUTES), None);
        for (row, (time, duration)) in columns.times().iter().zip(durations).enumerate() {
            let names_service = services.each_mut().map(|column| column.number(row, &mut self.texts));
            let service = match last {
                // A request's spans mostly come from one service.
                Some((same, number)) if same == names_service => number,
                _ => self.service(names_service),
            };
            last = Some((names_service, service));
            let key = Key {
                minute: minutes.of(*time),
                service,
                name: names.number(row, &mut self.texts),
                kind: kinds.number(row, &mut self.texts),
                status: statuses.number(row, &mut self.texts),
                code: codes.filter(|codes| codes.is_valid(row)).map(|codes| codes.value(row)),
            };
            let place = self.place(key);
            self.sums[place].add(*duration, key.status == error);
        }
    }

    fn service(&mut self, names: [u32; SERVICE.len()]) -> u32 {
        if let Some(number) = self.service_numbers.get(&names) {
            return *number;
        }
        if self.services.len() >= SERVICES_MAX {
            let other = [self.texts.number(OTHER), NULL, NULL, NULL];
            if names != other {
                return self.service(other);
            }
        }
        let number = u32::try_from(self.services.len()).expect("services are limited");
        self.services.push(names);
        self.service_numbers.insert(names, number);
        number
    }

    /// Where the sums of the key are.
    fn place(&mut self, key: Key) -> usize {
        if let Some(place) = self.rows.get(&key) {
            return *place as usize;
        }
        let key = if self.has_room_for(key.service, key.name) {
            key
        } else {
            Key { name: self.texts.number(OTHER), code: None, ..key }
        };
        let new = self.keys.len();
        let place = *self.rows.entry(key).or_insert(u32::try_from(new).expect("a segment has fewer than 2^32 spans"));
        if place as usize == new {
            self.keys.push(key);
            self.sums.push(Sums::default());
        }
        place as usize
    }

    fn has_room_for(&mut self, service: u32, name: u32) -> bool {
        if self.operations.contains(&(service, name)) {
            return true;
        }
        let count = self.operations_of.entry(service).or_default();
        let has_room = *count < OPERATIONS_PER_SERVICE_MAX;
        if has_room {
            *count += 1;
            self.operations.insert((service, name));
        }
        has_room
    }

    fn finish(self) -> RecordBatch {
        let Self { texts, services, keys, sums, .. } = self;
        let texts_of = |number: &dyn Fn(&Key) -> u32| -> ArrayRef {
            Arc::new(StringViewArray::from_iter(keys.iter().map(|key| texts.text(number(key)))))
        };
        let minutes = TimestampNanosecondArray::from_iter_values(keys.iter().map(|key| key.minute));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(minutes.with_timezone("UTC"))];
        columns.extend((0..SERVICE.len()).map(|place| texts_of(&|key| services[key.service as usize][place])));
        columns.extend([texts_of(&|key| key.name), texts_of(&|key| key.kind), texts_of(&|key| key.status)]);
        columns.push(Arc::new(keys.iter().map(|key| key.code).collect::<Int64Array>()));
        let mut summed = SumBuilders::with_capacity(sums.len());
        sums.iter().for_each(|sums| summed.append(sums));
        columns.extend(summed.finish());
        let rows = RecordBatch::try_new(Arc::clone(&Table::of(MINUTES).schema), columns);
        in_order(&rows.expect("the columns of the table")).expect("keys have types that can be ordered")
    }
}
