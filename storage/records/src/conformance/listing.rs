//! Lists: filters, orders and pages.

use super::{Job, id, tenant};
use crate::{Cursor, Error, Expected, KeyValue, List, Order, PAGE_BYTES_MAX, Records};

pub(super) async fn check(records: &Records) {
    lists_are_filtered(records).await;
    lists_are_ordered(records).await;
    pages_show_each_document_once(records).await;
    heavy_documents_make_short_pages(records).await;
    what_cannot_be_listed_is_refused(records).await;
}

/// Jobs with these efforts, whose ids are their places.
async fn put(records: &Records, of: &str, jobs: &[(&str, i64)]) {
    for (place, (status, effort)) in jobs.iter().enumerate() {
        let job = Job { status: (*status).to_owned(), effort: *effort, ..Job::named(&format!("job {place}")) };
        records
            .collection()
            .put(&tenant(of), &id(&place.to_string()), &job, Expected::Absent)
            .await
            .expect("it is put");
    }
}

/// Ids of the listing.
async fn ids(records: &Records, of: &str, list: &List) -> Vec<String> {
    let page = records.collection::<Job>().list(&tenant(of), list).await.expect("a page");
    assert_eq!(page.next, None, "it is the last page");
    page.records.into_iter().map(|record| record.id.to_string()).collect()
}

async fn lists_are_filtered(records: &Records) {
    let of = "filtered";
    put(records, of, &[("new", 1), ("done", 2), ("new", 3), ("new", -4)]).await;

    assert_eq!(ids(records, of, &List::all()).await, ["0", "1", "2", "3"]);
    assert_eq!(ids(records, of, &List::all().equal("status", "new")).await, ["0", "2", "3"]);
    let both = List::all().equal("status", "new").at_least("effort", 1).below("effort", 3);
    assert_eq!(ids(records, of, &both).await, ["0"]);
    assert_eq!(ids(records, of, &List::all().equal("name", "job 1")).await, ["1"]);
    assert_eq!(ids(records, of, &List::all().equal("status", "old")).await, Vec::<String>::new());
    assert_eq!(ids(records, "filtered-b", &List::all()).await, Vec::<String>::new(), "another tenant's are others");
}

async fn lists_are_ordered(records: &Records) {
    let of = "ordered";
    put(records, of, &[("b", 5), ("a", -7), ("B", i64::MAX), ("é", i64::MIN), ("a", 0)]).await;
    let by = |key: &str| List::all().by(Order::Key(key.to_owned()));

    assert_eq!(ids(records, of, &by("effort")).await, ["3", "1", "4", "0", "2"], "numbers as numbers");
    assert_eq!(ids(records, of, &by("status")).await, ["2", "1", "4", "0", "3"], "texts by their bytes, then by id");
    assert_eq!(ids(records, of, &by("status").descending()).await, ["3", "0", "4", "1", "2"], "the other way round");
    assert_eq!(ids(records, of, &by("name").descending().equal("status", "a")).await, ["4", "1"]);
    assert_eq!(ids(records, of, &List::all().by(Order::Created)).await.len(), 5);

    let nameless = Job { name: None, ..Job::named("") };
    records.collection().put(&tenant(of), &id("9"), &nameless, Expected::Absent).await.expect("it is put");
    assert_eq!(ids(records, of, &by("name")).await, ["9", "0", "1", "2", "3", "4"], "without the key comes first");
}

async fn pages_show_each_document_once(records: &Records) {
    let (jobs, of) = (records.collection::<Job>(), "paged");
    put(records, of, &[("a", 1), ("b", 1), ("a", 1), ("b", 1), ("a", 1), ("b", 1), ("a", 1)]).await;
    put(records, "paged-b", &[("a", 1), ("b", 1), ("a", 1)]).await;
    let orders = [Order::Id, Order::Created, Order::Key("status".to_owned()), Order::Key("effort".to_owned())];

    for order in orders {
        for list in [List::all().by(order.clone()).limit(2), List::all().by(order).limit(3).descending()] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = jobs.list(&tenant(of), &list.clone().after(after)).await.expect("a page");
                seen.extend(page.records.into_iter().map(|record| record.id.to_string()));
                let Some(next) = page.next else { break };
                // It goes to a browser and comes back.
                after = Some(next.to_string().parse::<Cursor>().expect("the same place"));
            }
            let whole = ids(records, of, &list.limit(100)).await;
            assert_eq!(seen, whole, "pages are parts of the whole list");
        }
    }
    let (mut everywhere, mut after) = (0, None);
    loop {
        let list = List::all().by(Order::Key("effort".to_owned())).equal("effort", 1).limit(3).after(after);
        let page = jobs.list_everywhere(&list).await.expect("a page");
        let ours = page.records.iter().filter(|record| record.tenant.as_str().starts_with(of));
        everywhere += ours.count();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(everywhere, 10, "over all tenants too");
}

async fn heavy_documents_make_short_pages(records: &Records) {
    let (jobs, acme) = (records.collection::<Heavy>(), tenant("heavy"));
    let heavy = Heavy { weight: "x".repeat(1_000_000) };
    for place in 10..16 {
        jobs.put(&acme, &id(&place.to_string()), &heavy, Expected::Absent).await.expect("it is put");
    }

    let first = jobs.list(&acme, &List::all()).await.expect("a page");
    let second = jobs.list(&acme, &List::all().after(first.next)).await.expect("a page");

    let bytes = first.records.len() * heavy.weight.len();
    assert!((PAGE_BYTES_MAX..PAGE_BYTES_MAX + 1_000_000).contains(&bytes), "{bytes}");
    assert_eq!((first.records.len() + second.records.len(), second.next), (6, None), "the others come then");
}

async fn what_cannot_be_listed_is_refused(records: &Records) {
    let (jobs, acme) = (records.collection::<Job>(), tenant("unlisted"));
    put(records, "unlisted", &[("a", 1), ("b", 1)]).await;
    let page = jobs.list(&acme, &List::all().limit(1)).await.expect("a page");
    let elsewhere = List::all().by(Order::Key("status".to_owned())).after(page.next);

    for wrong in [
        List::all().limit(0),
        List::all().limit(1001),
        List::all().equal("due", 1),
        List::all().by(Order::Key("colour".to_owned())),
        List::all().equal("name", KeyValue::Absent),
        elsewhere,
    ] {
        let refused = jobs.list(&acme, &wrong).await;
        assert!(matches!(refused, Err(Error::Invalid(_) | Error::TooLarge { .. })), "{wrong:?}: {refused:?}");
    }
    for wrong in ["", "7", "7b", "xx", "é", &"7b".repeat(9)] {
        assert!(matches!(wrong.parse::<Cursor>(), Err(Error::Invalid(_))), "{wrong}");
    }
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Heavy {
    weight: String,
}

impl crate::Document for Heavy {
    const COLLECTION: &'static str = "conformance.heavy";
}
