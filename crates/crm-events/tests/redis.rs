//! The bus over a real Redis: two instances hear each other, and notice when they might not have.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::time::Duration;

use crm_events::{Bus, Event, Received, RedisSettings, Subscription};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::broadcast,
    time::timeout,
};
use uuid::Uuid;

/// How long anything may take before a test gives up, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(1);

#[expect(clippy::disallowed_methods, reason = "a test is told of its servers by the environment")]
fn server() -> Option<String> {
    std::env::var("TEST_REDIS_URL").ok()
}

fn pair(url: &str, name: &str) -> [Bus; 2] {
    let settings = RedisSettings { url: url.to_owned(), channel: format!("crm:test:{}:{name}", std::process::id()) };
    [1, 2].map(|number| {
        let bus = Bus::redis(&settings, Uuid::from_u128(number)).unwrap();
        bus.start();
        bus
    })
}

/// Waits until this is heard; how many gaps there were before it.
async fn until(subscription: &mut Subscription, event: Event) -> usize {
    let mut gaps = 0;
    let heard = async {
        loop {
            match subscription.next().await {
                Received::Event(heard) if heard == event => return,
                Received::Gap => gaps += 1,
                Received::Event(_) => {}
            }
        }
    };
    timeout(PATIENCE, heard).await.expect("it is heard in time");
    gaps
}

/// Says something again and again until it is heard: who subscribes while it is said may miss it.
async fn reaches(from: &Bus, to: &mut Subscription, position: i64) {
    let event = Event::Advanced { position };
    let said = async {
        loop {
            from.publish(event);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        _gaps = until(to, event) => {}
        () = said => {}
    }
}

#[tokio::test]
async fn instances_hear_each_other_and_themselves_once() {
    let Some(url) = server() else { return println!("nothing was tried: TEST_REDIS_URL names no server") };
    let [one, other] = pair(&url, "both");
    let (mut here, mut there) = (one.subscribe(), other.subscribe());
    reaches(&one, &mut there, 1).await;
    reaches(&other, &mut here, 2).await;
    one.publish(Event::AccessChanged);
    one.publish(Event::Advanced { position: 3 });
    until(&mut there, Event::AccessChanged).await;
    until(&mut there, Event::Advanced { position: 3 }).await;
    until(&mut here, Event::AccessChanged).await;
    until(&mut here, Event::Advanced { position: 3 }).await;
    // Its own words come back from Redis before those that the other one says now.
    other.publish(Event::Advanced { position: 4 });
    let mut again = 0;
    while here.next().await != Received::Event(Event::Advanced { position: 4 }) {
        again += 1;
    }
    assert_eq!(again, 0, "nothing was heard twice");
    assert_eq!((one.statistics().lost, other.statistics().lost), (0, 0));
}

/// A way to the server that the test can cut: whatever goes through it at that moment is gone.
struct Way {
    url: String,
    cut: broadcast::Sender<()>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (credentials, server) = url.strip_prefix("redis://").unwrap().rsplit_once('@').unwrap_or(("", &url[8..]));
        let server = server.split('/').next().unwrap().to_owned();
        let url = format!("redis://{credentials}@{}/0", listener.local_addr().unwrap());
        let (cut, _) = broadcast::channel(1);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut cut) = (server.clone(), cuts.subscribe());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ended = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { url, cut }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_and_tells_of_the_gap() {
    let Some(url) = server() else { return println!("nothing was tried: TEST_REDIS_URL names no server") };
    let way = Way::to(&url).await;
    let [one, other] = pair(&way.url, "broken");
    let mut there = other.subscribe();
    reaches(&one, &mut there, 1).await;
    for round in 0..5 {
        let before = other.statistics().subscribed;
        way.cut.send(()).unwrap();
        while other.statistics().subscribed == before {
            assert!(matches!(timeout(PATIENCE, there.next()).await, Ok(Received::Gap | Received::Event(_))));
        }
        reaches(&one, &mut there, 100 + round).await;
    }
    assert!(other.statistics().gaps >= 5, "{:?}", other.statistics());
}

#[tokio::test]
async fn without_a_server_everybody_hears_themselves() {
    let [alone, _] = pair("redis://127.0.0.1:1", "nobody");
    let mut here = alone.subscribe();
    alone.publish(Event::Committed);
    assert_eq!(until(&mut here, Event::Committed).await, 0);
    alone.stop();
}
