//! The cache by itself: in the process, and over a Redis that misbehaves.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crm_cache::{
    Answer, BreakerState, Cache, CacheHealth, CacheSettings, Found, Key, Keys, Loaded, Outcome, Reach, Topic, Use,
};
use proptest::prelude::*;
use tokio::sync::{Barrier, Notify};

// Not by way of the crate: it brings the databases along, which these tests need not wait for.
#[path = "../../crm-testkit/src/redis.rs"]
mod redis;

use redis::{RedisServer, shared_redis};

fn keys(name: &str) -> Keys {
    let shared = Key::new("things").with(name);
    Keys { personal: shared.clone().with("for").with("one"), shared }
}

fn answer(text: &str) -> Answer {
    Answer { body: text.to_owned().into(), etag: Some("\"1\"".to_owned()), link: None }
}

fn things() -> Topic {
    Topic::table("things")
}

/// Reads a key whose loader says `text`.
async fn read(cache: &Cache, name: &str, text: &str) -> (String, Outcome) {
    let load = async || Ok::<_, Infallible>(Loaded::<()>::Answer(answer(text), vec![things()], Reach::Shared));
    match cache.read(&keys(name), Use::Cache, None, load).await {
        Ok((Found::Answer(stored), outcome)) => (String::from_utf8(stored.answer.body.to_vec()).unwrap(), outcome),
        Ok((Found::Other(()), _)) => unreachable!("the loader has an answer"),
        Err(never) => match never {},
    }
}

fn local() -> Cache {
    Cache::new(CacheSettings::new()).unwrap()
}

fn over(url: String) -> Cache {
    Cache::new(CacheSettings { redis_url: Some(url), settle: Duration::ZERO, ..CacheSettings::new() }).unwrap()
}

#[tokio::test]
async fn an_answer_is_kept_until_something_that_it_depends_on_is_written() {
    let cache = local();
    assert_eq!(read(&cache, "a", "one").await, ("one".to_owned(), Outcome::Miss));
    assert_eq!(read(&cache, "a", "two").await, ("one".to_owned(), Outcome::Hit));
    cache.bump(&[Topic::table("others")]).await;
    assert_eq!(read(&cache, "a", "two").await, ("one".to_owned(), Outcome::Hit));
    cache.bump(&[things()]).await;
    assert_eq!(read(&cache, "a", "two").await, ("two".to_owned(), Outcome::Miss));
}

#[tokio::test]
async fn what_was_loaded_before_a_write_is_not_kept_after_it() {
    let cache = local();
    let slow = async || {
        // The write is acknowledged while this load is on its way.
        cache.bump(&[things()]).await;
        Ok::<_, Infallible>(Loaded::<()>::Answer(answer("old"), vec![things()], Reach::Shared))
    };
    cache.read(&keys("a"), Use::Cache, None, slow).await.unwrap();
    assert_eq!(read(&cache, "a", "new").await, ("new".to_owned(), Outcome::Miss));
}

#[tokio::test]
async fn whoever_comes_after_a_write_is_not_given_the_load_that_began_before_it() {
    let cache = local();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let first = {
        let (cache, begun, go_on) = (cache.clone(), Arc::clone(&begun), Arc::clone(&go_on));
        tokio::spawn(async move {
            let load = async || {
                begun.notify_one();
                go_on.notified().await;
                Ok::<_, Infallible>(Loaded::<()>::Answer(answer("old"), vec![things()], Reach::Shared))
            };
            cache.read(&keys("a"), Use::Cache, None, load).await.map(drop)
        })
    };
    begun.notified().await;
    cache.bump(&[things()]).await;
    let second = {
        let cache = cache.clone();
        tokio::spawn(async move { read(&cache, "a", "new").await })
    };
    tokio::task::yield_now().await;
    go_on.notify_one();
    first.await.unwrap().unwrap();
    assert_eq!(second.await.unwrap(), ("new".to_owned(), Outcome::Miss));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_of_one_missing_key_ask_the_database_once() {
    let cache = local();
    let (asked, barrier) = (Arc::new(AtomicU64::new(0)), Arc::new(Barrier::new(1000)));
    let clients: Vec<_> = (0..1000)
        .map(|_| {
            let (cache, asked, barrier) = (cache.clone(), Arc::clone(&asked), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let load = async || {
                    asked.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(Loaded::<()>::Answer(answer("one"), vec![things()], Reach::Shared))
                };
                cache.read(&keys("a"), Use::Cache, None, load).await.map(drop)
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap().unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_keys_that_expire_together_are_loaded_once_each() {
    let cache = local();
    let asked = Arc::new(AtomicU64::new(0));
    for round in 1..=2 {
        let clients: Vec<_> = (0..30_000)
            .map(|number| {
                let (cache, asked) = (cache.clone(), Arc::clone(&asked));
                tokio::spawn(async move {
                    let load = async || {
                        asked.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        Ok::<_, Infallible>(Loaded::<()>::Answer(answer("one"), vec![things()], Reach::Shared))
                    };
                    let keys = keys(&(number % 10_000).to_string());
                    cache.read(&keys, Use::Cache, None, load).await.map(drop)
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap().unwrap();
        }
        assert_eq!(asked.load(Ordering::SeqCst), round * 10_000);
        cache.forget_table("things").await;
    }
}

#[tokio::test]
async fn a_load_that_fails_or_goes_away_lets_the_next_one_load() {
    let cache = local();
    let failed = cache.read::<(), &str>(&keys("a"), Use::Cache, None, async || Err("no")).await;
    assert_eq!(failed.map(drop), Err("no"));
    let keys_of_a = keys("a");
    let never = cache.read::<(), Infallible>(&keys_of_a, Use::Cache, None, async || std::future::pending().await);
    assert!(tokio::time::timeout(Duration::ZERO, never).await.is_err());
    assert_eq!(read(&cache, "a", "one").await, ("one".to_owned(), Outcome::Miss));
}

#[tokio::test]
async fn what_is_for_one_caller_is_not_given_to_another() {
    let cache = local();
    let load = async || Ok::<_, Infallible>(Loaded::<()>::Answer(answer("mine"), vec![things()], Reach::Personal));
    cache.read(&keys("a"), Use::Cache, None, load).await.unwrap();
    let other = Keys { personal: keys("a").shared.with("for").with("another"), ..keys("a") };
    assert!(cache.get(&keys("a")).await.is_some());
    assert!(cache.get(&other).await.is_none());
}

#[tokio::test]
async fn a_pattern_forgets_its_groups_and_no_others() {
    let cache = local();
    read(&cache, "a", "one").await;
    assert_eq!(cache.forget("other*").await, 0);
    assert_eq!(read(&cache, "a", "two").await.1, Outcome::Hit);
    assert_eq!(cache.forget("th?ng*:*").await, 1);
    assert_eq!(read(&cache, "a", "two").await.1, Outcome::Miss);
    assert_eq!(cache.forget_everything().await, 1);
    assert_eq!(read(&cache, "a", "three").await.1, Outcome::Miss);
}

#[tokio::test]
async fn a_cache_that_is_off_only_says_so() {
    let cache = Cache::off();
    assert_eq!(read(&cache, "a", "one").await, ("one".to_owned(), Outcome::Bypass));
    assert_eq!(cache.statistics().await.health, CacheHealth::Off);
}

#[tokio::test]
async fn get_set_and_delete_do_what_they_say() {
    let cache = local();
    let begun = cache.begin().await.unwrap();
    cache.set(&keys("a"), begun, answer("one"), vec![things()], Reach::Shared);
    assert_eq!(cache.get(&keys("a")).await.unwrap().answer, answer("one"));
    cache.delete(&keys("a").shared).await;
    assert!(cache.get(&keys("a")).await.is_none());
}

#[test]
fn a_blocking_loader_is_wrapped_in_the_same_call() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cache = local();
    let outcomes = runtime.block_on(async {
        tokio::task::spawn_blocking(move || {
            let once = || {
                let load = || Ok::<_, Infallible>(Loaded::<()>::Answer(answer("one"), vec![things()], Reach::Shared));
                cache.read_blocking(&keys("a"), Use::Cache, None, load).unwrap().1
            };
            [once(), once()]
        })
        .await
        .unwrap()
    });
    assert_eq!(outcomes, [Outcome::Miss, Outcome::Hit]);
}

#[tokio::test]
async fn two_instances_share_answers_and_know_of_each_others_writes() {
    let Some(server) = RedisServer::start() else { return };
    let (one, other) = (over(server.url()), over(server.url()));
    assert_eq!(read(&one, "a", "one").await.1, Outcome::Miss);
    // Kept in Redis beside the answer: the first that finds it there need not wait for long.
    while read(&other, "a", "one").await.1 == Outcome::Miss {
        other.delete(&keys("b").shared).await;
    }
    assert_eq!(read(&one, "a", "two").await, ("one".to_owned(), Outcome::Hit));
    other.bump(&[things()]).await;
    assert_eq!(read(&one, "a", "two").await, ("two".to_owned(), Outcome::Miss));
    assert_eq!(read(&other, "a", "three").await.0, "two");
    one.bump(&[things()]).await;
    assert_eq!(read(&other, "a", "four").await.0, "four");
}

#[tokio::test]
async fn a_redis_that_was_emptied_or_started_anew_has_forgotten_everything() {
    let Some(mut server) = RedisServer::start() else { return };
    let cache = over(server.url());
    read(&cache, "a", "one").await;
    server.empty();
    assert_eq!(read(&cache, "a", "two").await, ("two".to_owned(), Outcome::Miss));
    server.restart();
    let again = over(server.url());
    assert_eq!(read(&again, "a", "three").await, ("three".to_owned(), Outcome::Miss));
}

#[tokio::test]
async fn a_dead_or_frozen_redis_is_left_alone_and_found_again() {
    let Some(server) = RedisServer::start() else { return };
    let cache = over(server.url());
    read(&cache, "a", "one").await;
    server.freeze();
    for _ in 0..5 {
        assert_eq!(read(&cache, "a", "two").await, ("two".to_owned(), Outcome::Bypass));
    }
    assert_ne!(cache.statistics().await.redis.unwrap().breaker, BreakerState::Closed);
    assert_eq!(cache.health(), CacheHealth::Degraded);
    server.thaw();
    while read(&cache, "a", "two").await.1 == Outcome::Bypass {
        tokio::task::yield_now().await;
    }
    assert_eq!(cache.health(), CacheHealth::Up);
}

#[tokio::test]
async fn a_write_that_redis_was_not_told_of_is_paid_before_anything_is_relied_on() {
    let Some(server) = RedisServer::start() else { return };
    let (writer, reader) = (over(server.url()), over(server.url()));
    assert!(writer.count().await && writer.count().await);
    read(&reader, "a", "old").await;
    server.freeze();
    writer.bump(&[things()]).await;
    server.thaw();
    assert_eq!(writer.statistics().await.redis.unwrap().owed, 1);
    // As long as the writer owes it, nobody relies on anything, and afterwards all that came before is forgotten.
    assert_eq!(read(&reader, "a", "new").await, ("new".to_owned(), Outcome::Bypass));
    while !writer.count().await {}
    while read(&reader, "a", "new").await.1 != Outcome::Miss {}
    assert_eq!(read(&reader, "a", "newer").await, ("new".to_owned(), Outcome::Hit));
    assert_eq!(writer.health(), CacheHealth::Up);
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_nobodys_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://127.0.0.1:{}/0", free.local_addr().unwrap().port());
    drop(free);
    let cache = over(url);
    assert_eq!(read(&cache, "a", "one").await, ("one".to_owned(), Outcome::Bypass));
    cache.bump(&[things()]).await;
    assert_eq!(cache.health(), CacheHealth::Degraded);
}

#[tokio::test]
async fn a_password_and_the_number_of_a_database_stand_in_the_address() {
    let Some(url) = shared_redis() else { return };
    let settings = CacheSettings {
        redis_url: Some(url),
        settle: Duration::ZERO,
        namespace: "test-of-address".to_owned(),
        ..CacheSettings::new()
    };
    let cache = Cache::new(settings).unwrap();
    // A busy machine may let an answer of Redis come too late.
    let mut tries = 0;
    while read(&cache, "a", "one").await.1 == Outcome::Bypass {
        tries += 1;
        assert!(tries < 1_000, "it is never asked");
        tokio::task::yield_now().await;
    }
    assert!(cache.statistics().await.redis.unwrap().memory_bytes.is_some());
    assert!(cache.forget_everything().await <= 1);
}

#[test]
fn an_address_that_makes_no_sense_is_refused() {
    let settings = CacheSettings { redis_url: Some("http://somewhere".to_owned()), ..CacheSettings::new() };
    assert!(Cache::new(settings).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]
    #[test]
    fn keys_of_different_parts_differ(
        one in proptest::collection::vec("[ab\0\u{1}]{0,4}", 0..5),
        other in proptest::collection::vec("[ab\0\u{1}]{0,4}", 0..5),
    ) {
        let key = |parts: &[String]| parts.iter().fold(Key::new("things"), Key::with);
        prop_assert_eq!(key(&one) == key(&other), one == other);
    }
}
