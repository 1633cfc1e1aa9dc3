//! Patterns as they are kept: what every process has counted of them, added up.
//!
//! Counts are added in transactions, so that no process overwrites another. A pattern that has become part of another
//! stays as a sign to it, for who still has its id.

use plugin::PluginError;
use plugin::model::Tenant;
use plugin::model::patterns::{Merged, PatternId, general};
use plugin::records::{Document, Expected, Key, List, Order, PAGE_MAX, Record, RecordId, Records, Transaction};
use serde::{Deserialize, Serialize};

use super::counted::{Counted, Portion};
use super::severities::Severities;

/// Patterns that are changed in one transaction.
const CHANGED_AT_ONCE_MAX: usize = 50;
/// So many signs, one after the other, lead from a pattern to what it has become part of.
const SIGNS_MAX: usize = 16;

/// A pattern of a service's log records; its id is that of the pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredPattern {
    /// Empty where records name no service.
    pub(crate) service: String,
    pub(crate) template: String,
    pub(crate) count: u64,
    /// The severity of most.
    severity: String,
    severities: Severities,
    /// By the time of the records, in nanoseconds since 1970.
    pub(crate) first_seen: i64,
    pub(crate) last_seen: i64,
    /// One of the records: the beginning of its body, and its trace.
    example: String,
    trace_id: Option<String>,
    /// The pattern that has the counts now.
    pub(crate) merged_into: Option<String>,
}

impl Document for StoredPattern {
    const COLLECTION: &'static str = "apm.patterns";
    const KEYS: &'static [Key] = &[Key::lookup("service"), Key::lookup("last_seen")];
    const TIMES: &'static [&'static str] = &["first_seen", "last_seen"];
}

impl StoredPattern {
    fn new(service: &str, template: &str, counted: &Counted) -> Self {
        Self {
            service: service.to_owned(),
            template: template.to_owned(),
            count: counted.count,
            severity: counted.severities.most().to_owned(),
            severities: counted.severities,
            first_seen: counted.first_seen,
            last_seen: counted.last_seen,
            example: counted.example.clone(),
            trace_id: counted.trace_id.clone(),
            merged_into: None,
        }
    }

    /// Adds what another counted; the example is that of the later one.
    fn add(&mut self, other: &Self) {
        if other.last_seen >= self.last_seen && (other.trace_id.is_some() || self.trace_id.is_none()) {
            self.example.clone_from(&other.example);
            self.trace_id.clone_from(&other.trace_id);
        }
        self.count += other.count;
        self.severities.add(&other.severities);
        self.severity = self.severities.most().to_owned();
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
    }
}

/// Which patterns of a tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// Of all services when it is none.
    pub(crate) service: Option<&'a str>,
    /// Seen then or later, in nanoseconds since 1970.
    pub(crate) since: Option<i64>,
    /// At most so many, those that were seen last.
    pub(crate) patterns_max: usize,
}

/// Patterns that hold counts. Signs of others are read and left out, as many as there may be patterns.
pub(crate) async fn patterns(
    records: &Records,
    tenant: &Tenant,
    Wanted { service, since, patterns_max }: Wanted<'_>,
) -> Result<Vec<Record<StoredPattern>>, plugin::records::Error> {
    let list = List::all().by(Order::Key("last_seen".to_owned())).descending().limit(patterns_max.min(PAGE_MAX));
    let list = service.into_iter().fold(list, |list, service| list.equal("service", service));
    let list = since.into_iter().fold(list, |list, since| list.at_least("last_seen", since));
    let (collection, mut patterns, mut after) = (records.collection::<StoredPattern>(), Vec::new(), None);
    let mut signs = 0;
    loop {
        let page = collection.list(tenant, &list.clone().after(after)).await?;
        let read = page.records.len() + patterns.len();
        patterns.extend(page.records.into_iter().filter(|record| record.body.merged_into.is_none()));
        signs += read - patterns.len();
        after = page.next;
        if after.is_none() || patterns.len() >= patterns_max || signs >= patterns_max {
            patterns.truncate(patterns_max);
            return Ok(patterns);
        }
    }
}

/// The pattern, or the one to which the signs lead from it.
pub(crate) async fn find(
    records: &Records,
    tenant: &Tenant,
    id: PatternId,
) -> Result<Option<StoredPattern>, plugin::records::Error> {
    let (patterns, mut id) = (records.collection::<StoredPattern>(), RecordId::new(id.to_string())?);
    for _ in 0..SIGNS_MAX {
        let Some(found) = patterns.get(tenant, &id).await? else { return Ok(None) };
        match found.body.merged_into.as_deref() {
            Some(next) => id = RecordId::new(next)?,
            None => return Ok(Some(found.body)),
        }
    }
    Ok(None)
}

/// Writes what was counted; what is left of the portion when it fails was not written.
pub(crate) async fn write(records: &Records, portion: &mut Portion) -> Result<(), PluginError> {
    while !portion.merged.is_empty() || !portion.counts.is_empty() {
        let merged = portion.merged.len().min(CHANGED_AT_ONCE_MAX);
        let rest = portion.counts.len() - portion.counts.len().min(CHANGED_AT_ONCE_MAX - merged);
        let written = &*portion;
        let write = records.transaction(|transaction| async move {
            let change = Change { transaction, tenant: &written.tenant };
            for merged in &written.merged[..merged] {
                change.merge(merged).await?;
            }
            for (id, template, counted) in &written.counts[rest..] {
                change.add(&id.to_string(), &StoredPattern::new(&written.service, template, counted)).await?;
            }
            Ok::<_, PluginError>(())
        });
        write.await?;
        portion.merged.drain(..merged);
        portion.counts.truncate(rest);
    }
    Ok(())
}

/// Deletes patterns of all tenants that were not seen since then; says how many.
pub(crate) async fn forget(records: &Records, before: i64) -> Result<usize, PluginError> {
    let collection = records.collection::<StoredPattern>();
    let (list, mut forgotten) = (List::all().below("last_seen", before).limit(PAGE_MAX), 0);
    loop {
        let page = collection.list_everywhere(&list).await?;
        for record in &page.records {
            // Who has counted it meanwhile has changed its version.
            let delete = collection.delete(&record.tenant, &record.id, Expected::Version(record.version)).await;
            match delete {
                Ok(_) => forgotten += 1,
                Err(plugin::records::Error::Conflict { .. }) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        if page.next.is_none() {
            return Ok(forgotten);
        }
    }
}

/// A transaction over the patterns of a tenant.
struct Change<'a> {
    transaction: Transaction,
    tenant: &'a Tenant,
}

impl Change<'_> {
    /// Adds the counts to the pattern, or to what it has become part of.
    async fn add(&self, id: &str, counted: &StoredPattern) -> Result<(), PluginError> {
        let (id, stored) = self.find(id).await?;
        let Some(stored) = stored else { return self.put(&id, counted, Expected::Absent).await };
        let mut pattern = stored.body;
        if pattern.template != counted.template {
            pattern.template = general(&pattern.template, &counted.template);
        }
        pattern.add(counted);
        self.put(&id, &pattern, Expected::Version(stored.version)).await
    }

    /// Leaves a sign where a pattern was, and moves its counts.
    async fn merge(&self, merged: &Merged) -> Result<(), PluginError> {
        let (from, stored) = self.find(&merged.from.to_string()).await?;
        let (into, _) = self.find(&merged.into.to_string()).await?;
        // Another process may have merged them the other way round.
        let Some(stored) = stored.filter(|_| from != into) else { return Ok(()) };
        self.add(into.as_str(), &stored.body).await?;
        let sign = StoredPattern {
            count: 0,
            severities: Severities::default(),
            merged_into: Some(into.to_string()),
            ..stored.body
        };
        self.put(&from, &sign, Expected::Version(stored.version)).await
    }

    /// The pattern to which the signs lead from this one, if it is there.
    async fn find(&self, id: &str) -> Result<(RecordId, Option<Record<StoredPattern>>), PluginError> {
        let mut id = RecordId::new(id)?;
        for _ in 0..SIGNS_MAX {
            let stored = self.transaction.collection::<StoredPattern>().get(self.tenant, &id).await?;
            match stored.as_ref().and_then(|stored| stored.body.merged_into.as_deref()) {
                Some(next) => id = RecordId::new(next)?,
                None => return Ok((id, stored)),
            }
        }
        Err(format!("more than {SIGNS_MAX} patterns lead from one to the next, the last one is {id}").into())
    }

    async fn put(&self, id: &RecordId, pattern: &StoredPattern, expected: Expected) -> Result<(), PluginError> {
        self.transaction.collection::<StoredPattern>().put(self.tenant, id, pattern, expected).await?;
        Ok(())
    }
}

/// The id of a pattern and its template, where the id is one.
pub(crate) fn known(record: &Record<StoredPattern>) -> Option<(PatternId, &str)> {
    Some((record.id.as_str().parse().ok()?, record.body.template.as_str()))
}

#[cfg(test)]
mod tests {
    use plugin::model::patterns::Miner;

    use super::*;

    fn id(line: &str) -> PatternId {
        Miner::new("shop").learn(line)
    }

    fn portion(merged: &[(&str, &str)], counts: &[(&str, u64, i64)]) -> Portion {
        let merged = merged.iter().map(|(from, into)| Merged { from: id(from), into: id(into) });
        let counts = counts.iter().map(|(line, count, time)| {
            let (count, first_seen, last_seen) = (*count, *time, *time);
            (id(line), (*line).to_owned(), Counted { count, first_seen, last_seen, ..Counted::default() })
        });
        let (merged, counts) = (merged.collect(), counts.collect());
        Portion { tenant: Tenant::default_tenant(), service: "shop".to_owned(), merged, counts }
    }

    async fn counts(records: &Records) -> Vec<(String, u64)> {
        counts_since(records, None).await
    }

    async fn counts_since(records: &Records, since: Option<i64>) -> Vec<(String, u64)> {
        let wanted = Wanted { service: Some("shop"), since, patterns_max: 100 };
        let all = patterns(records, &Tenant::default_tenant(), wanted).await.expect("patterns");
        all.into_iter().map(|record| (record.body.template, record.body.count)).collect()
    }

    #[tokio::test]
    async fn patterns_that_two_processes_merge_into_each_other_are_counted_once() {
        let records = Records::in_memory().expect("records");
        write(&records, &mut portion(&[], &[("a b", 1, 1), ("a c", 2, 2)])).await.expect("it is written");

        write(&records, &mut portion(&[("a b", "a c")], &[("a c", 4, 3)])).await.expect("it is written");
        write(&records, &mut portion(&[("a c", "a b")], &[("a b", 8, 4)])).await.expect("it is written");

        // The one that is left covers what each of them did.
        assert_eq!(counts(&records).await, [("a <*>".to_owned(), 15)]);
    }

    #[tokio::test]
    async fn more_than_fits_into_one_transaction_is_written() {
        let records = Records::in_memory().expect("records");
        let lines: Vec<String> = (0..CHANGED_AT_ONCE_MAX * 2 + 1)
            .map(|bits| format!("{bits:b}").replace('1', "i").replace('0', "o"))
            .collect();
        let counted: Vec<(&str, u64, i64)> = lines.iter().map(|line| (line.as_str(), 1, 1)).collect();
        let mut portion = portion(&[], &counted);

        write(&records, &mut portion).await.expect("it is written");

        assert!(portion.counts.is_empty() && portion.merged.is_empty());
        let wanted = Wanted { service: None, since: None, patterns_max: 1000 };
        assert_eq!(patterns(&records, &portion.tenant, wanted).await.expect("patterns").len(), lines.len());
    }

    #[tokio::test]
    async fn only_patterns_that_were_seen_since_are_read() {
        let records = Records::in_memory().expect("records");
        write(&records, &mut portion(&[], &[("old", 1, 1), ("young", 1, 9)])).await.expect("it is written");

        assert_eq!(counts_since(&records, Some(9)).await, [("young".to_owned(), 1)]);
    }

    #[tokio::test]
    async fn patterns_that_were_not_seen_for_long_are_forgotten() {
        let records = Records::in_memory().expect("records");
        write(&records, &mut portion(&[], &[("old", 1, 1), ("young", 1, 9)])).await.expect("it is written");

        let forgotten = forget(&records, 5).await.expect("it is done");

        assert_eq!((forgotten, counts(&records).await), (1, vec![("young".to_owned(), 1)]));
    }
}
