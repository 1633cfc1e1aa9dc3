//! Silences: what people do not want to be told of for a while.

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Collection, Document, Error, Key, List, Order, Record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matcher::{Matcher, all_true};
use crate::labels::Labels;
use crate::pages::all_of;

/// Silences of a tenant that are at work or are to be.
pub(crate) const SILENCES_MAX: usize = 500;

/// A silence; `alerting.silences` in SQL. Its id is the record's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Silence {
    /// All must be true of an alert's labels, of which `rule` and `severity` are two.
    #[schema(value_type = Vec<String>)]
    pub(crate) matchers: Vec<Matcher>,
    /// Nanoseconds since 1970, as all times here.
    pub(crate) starts: i64,
    pub(crate) ends: i64,
    /// Who made it.
    pub(crate) who: String,
    pub(crate) why: String,
}

impl Document for Silence {
    const COLLECTION: &'static str = "alerting.silences";
    const KEYS: &'static [Key] = &[Key::lookup("ends")];
    const TIMES: &'static [&'static str] = &["starts", "ends"];

    fn example() -> Option<Self> {
        let matchers = vec!["service=checkout".parse().expect("a matcher")];
        Some(Self { matchers, starts: 1, ends: 2, who: "ada@example.org".into(), why: "a new database".into() })
    }
}

impl Silence {
    /// Those that ended before a time.
    pub(crate) fn ended_before(time: Timestamp) -> List {
        List::all().at_least("ends", i64::MIN).below("ends", time.0).by(Order::Key("ends".to_owned()))
    }

    pub(crate) fn mutes(&self, labels: &Labels, now: i64) -> bool {
        self.starts <= now && now < self.ends && all_true(&self.matchers, labels)
    }
}

/// Those that have not ended, the first to end first.
pub(crate) async fn not_ended(
    silences: &Collection<Silence>,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<Vec<Record<Silence>>, Error> {
    let list = List::all().at_least("ends", now.0.saturating_add(1)).by(Order::Key("ends".to_owned()));
    all_of(silences, tenant, &list).await
}
