//! Cached values and sessions.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use hub::cache::{Cache, Config};
use model::Tenant;
use testkit::{RedisServer, Remembers, until};

use crate::place::{Place, connect, places};

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_secs(20);

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).expect("a valid name")
}

fn cache(place: &Place) -> Cache {
    Cache::new(place.redis.as_ref(), &Config::default())
}

async fn get(cache: &Cache, tenant: &Tenant, key: &str) -> Option<String> {
    cache.get(tenant, key).await
}

#[tokio::test]
async fn a_value_is_there_until_it_is_removed_or_its_time_is_over() {
    for place in places().await {
        let (cache, acme) = (cache(&place), tenant("acme"));
        cache.put(&acme, "kept", &"one", HOUR).await;
        cache.put(&acme, "removed", &"two", HOUR).await;
        cache.put(&acme, "short", &"three", Duration::from_millis(300)).await;

        assert_eq!(get(&cache, &acme, "short").await.as_deref(), Some("three"), "{}", place.name);
        cache.remove(&acme, "removed").await;
        assert_eq!(get(&cache, &acme, "removed").await, None, "{}", place.name);
        until("its time is over", SOON, async || get(&cache, &acme, "short").await.is_none().then_some(())).await;
        assert_eq!(get(&cache, &acme, "kept").await.as_deref(), Some("one"), "{}", place.name);
        assert_eq!(cache.get::<u64>(&acme, "kept").await, None, "another type is a miss");
    }
}

#[tokio::test]
async fn tenants_have_keys_of_their_own() {
    for place in places().await {
        let cache = cache(&place);
        cache.put(&tenant("acme"), "b:c", &"acme's", HOUR).await;

        assert_eq!(get(&cache, &tenant("globex"), "b:c").await, None, "{}", place.name);
        assert_eq!(get(&cache, &tenant("acme"), "b:c").await.as_deref(), Some("acme's"), "{}", place.name);
    }
}

#[tokio::test]
async fn one_computes_while_the_others_wait() {
    for place in places().await {
        let (cache, acme, computed) = (cache(&place), tenant("acme"), AtomicUsize::new(0));
        let ask = || {
            cache.get_or_compute(&acme, "answer", HOUR, || async {
                computed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, Infallible>("42".to_owned())
            })
        };

        let answers = join_all((0..100).map(|_| ask())).await;

        assert!(answers.iter().all(|answer| answer.as_deref() == Ok("42")));
        assert_eq!(ask().await.as_deref(), Ok("42"));
        assert_eq!(computed.load(Ordering::Relaxed), 1, "{}", place.name);
    }
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    for place in places().await {
        let (cache, acme) = (cache(&place), tenant("acme"));

        let failed = cache.get_or_compute(&acme, "answer", HOUR, || async { Err::<u32, _>("no") }).await;
        let computed = cache.get_or_compute(&acme, "answer", HOUR, || async { Ok::<_, &str>(42) }).await;

        assert_eq!((failed, computed), (Err("no"), Ok(42)), "{}", place.name);
    }
}

#[tokio::test]
async fn what_is_too_large_is_not_kept_and_counted() {
    for place in places().await {
        let acme = tenant("acme");
        let cache = Cache::new(place.redis.as_ref(), &Config { value_bytes_max: 10, ..Config::default() });

        cache.put(&acme, "large", &"more than ten bytes", HOUR).await;

        assert_eq!(get(&cache, &acme, "large").await, None, "{}", place.name);
        assert_eq!(cache.counts().too_large, 1);
    }
}

#[tokio::test]
async fn memory_is_bounded_and_the_newest_stay() {
    let config = Config { bytes_max: 100_000, ..Config::default() };
    let (cache, acme) = (Cache::new(None, &config), tenant("acme"));
    let name = |number: usize| format!("value {number}");

    for number in 0..1000 {
        cache.put(&acme, &name(number), &"x".repeat(1000), HOUR).await;
        assert!(get(&cache, &acme, &name(number)).await.is_some(), "the newest is there, however full it is: {number}");
    }

    until("what is too much is gone", SOON, async || {
        let mut left = 0;
        for number in 0..1000 {
            left += usize::from(get(&cache, &acme, &name(number)).await.is_some());
        }
        (left * 1000 <= 100_000 && left > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_redis_the_cache_misses_until_it_is_back() {
    let mut server = match RedisServer::stopped(Remembers::Nothing) {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let redis = connect(&server);
    let cache = Cache::new(Some(&redis), &Config::default());
    let acme = tenant("acme");

    for _ in 0..2 {
        cache.put(&acme, "key", &"value", HOUR).await;
        assert_eq!(get(&cache, &acme, "key").await, None);
        let computed =
            cache.get_or_compute(&acme, "key", HOUR, || async { Ok::<_, Infallible>("computed".to_owned()) });
        assert_eq!(computed.await.as_deref(), Ok("computed"));
        assert!(redis.health().await.is_err());
        assert!(cache.counts().away > 0);

        server.run().await;

        until("it is found again", SOON, async || redis.health().await.ok()).await;
        cache.put(&acme, "key", &"value", HOUR).await;
        assert_eq!(get(&cache, &acme, "key").await.as_deref(), Some("value"));
        server.kill().await;
    }
}

#[tokio::test]
async fn what_redis_refuses_is_told_in_words_that_help() {
    let server = match RedisServer::start(Remembers::Nothing).await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let url = hub::redis::Url::new(server.url().replace("not-a-secret", "wrong"));
    let redis = hub::redis::Redis::new(&url, &hub::redis::Config::default()).expect("a valid address");

    let refused = redis.health().await.expect_err("the password is wrong").to_string();

    assert!(refused.contains("check user and password in redis.url"), "{refused}");
    assert!(!refused.contains("wrong"), "{refused}");
}
