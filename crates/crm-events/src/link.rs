//! The two connections to Redis: one that speaks, one that listens. Each is made again for as long as the bus lives.
//!
//! Pub/Sub forgets whatever nobody hears. So each instance numbers what it says, and says its last number once a second
//! even when there is nothing to say: whoever finds a number missing knows of the gap within that second, and whoever hears
//! nothing at all, not even themselves, makes the connection anew.

use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

use deadpool_redis::redis::{
    AsyncConnectionConfig, RedisError, RedisResult,
    aio::{MultiplexedConnection, PubSub},
    cmd,
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc::Receiver,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use uuid::Uuid;

use crate::{Bus, Event, Received};

/// How often each instance says its number.
const BEAT: Duration = Duration::from_secs(1);

/// After so long without a word, one's own included, the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(3);

/// How long one step may take: to connect, to subscribe, to publish.
const PATIENCE: Duration = Duration::from_millis(500);

/// The first and the longest wait before another try.
const WAITS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// What goes over the wire.
#[derive(Debug, Deserialize, Serialize)]
struct Message {
    /// Who says it.
    from: Uuid,
    /// How many events that instance has said, this one included.
    number: u64,
    /// The event; none in a beat.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    event: Option<Event>,
}

/// Carries events to Redis. What cannot be carried is lost, and the missing number tells the others.
pub(crate) async fn publish(bus: Bus, mut queue: Receiver<Event>) {
    let mut speaker = Speaker { bus, connection: None, number: 0 };
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stop = speaker.bus.0.stop.notified();
        let event = tokio::select! {
            event = queue.recv() => event,
            _ = beat.tick() => None,
            () = stop => return,
        };
        if speaker.bus.0.stopped.load(Ordering::Acquire) {
            return;
        }
        if speaker.say(event).await.is_err() {
            speaker.connection = None;
            if event.is_some() {
                speaker.bus.0.counters.lost.fetch_add(1, Ordering::Relaxed);
            }
            // Whatever waits would wait for the same failure.
            while queue.try_recv().is_ok() {
                speaker.number += 1;
                speaker.bus.0.counters.lost.fetch_add(1, Ordering::Relaxed);
            }
            sleep(WAITS[0]).await;
        }
    }
}

struct Speaker {
    bus: Bus,
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl Speaker {
    async fn say(&mut self, event: Option<Event>) -> RedisResult<()> {
        self.number += u64::from(event.is_some());
        let Some(elsewhere) = &self.bus.0.elsewhere else { return Ok(()) };
        let message = Message { from: self.bus.0.id, number: self.number, event };
        let text = serde_json::to_string(&message).expect("ids, numbers and words serialise to JSON");
        let mut connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            elsewhere.client.get_multiplexed_async_connection_with_config(&config).await?
        };
        cmd("PUBLISH").arg(&elsewhere.channel).arg(text).query_async::<()>(&mut connection).await?;
        self.connection = Some(connection);
        Ok(())
    }
}

/// Hears what the other instances say, until the bus is stopped.
pub(crate) async fn subscribe(bus: Bus) {
    let mut wait = WAITS[0];
    while !bus.0.stopped.load(Ordering::Acquire) {
        let stop = bus.0.stop.notified();
        let listened = tokio::select! {
            listened = listen(&bus) => listened,
            () = stop => return,
        };
        // Whoever had been connected tries again soon; whoever could not connect waits a little longer each time.
        wait = if listened.is_ok() { WAITS[0] } else { (wait * 2).min(WAITS[1]) };
        sleep(wait).await;
    }
}

/// Listens until the connection is lost. An error says that there was none.
async fn listen(bus: &Bus) -> Result<(), RedisError> {
    let Some(elsewhere) = &bus.0.elsewhere else { return Ok(()) };
    let connected = async {
        let mut connection: PubSub = elsewhere.client.get_async_pubsub().await?;
        connection.subscribe(&elsewhere.channel).await?;
        Ok::<_, RedisError>(connection)
    };
    let connection = timeout(2 * PATIENCE, connected)
        .await
        .map_err(|_elapsed| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    bus.0.counters.subscribed.fetch_add(1, Ordering::Relaxed);
    bus.0.counters.is_listening.store(true, Ordering::Relaxed);
    // Whatever was said before this moment was said to nobody here.
    bus.tell(Received::Gap);
    let mut numbers = HashMap::new();
    let mut messages = connection.into_on_message();
    while let Ok(Some(message)) = timeout(SILENCE, messages.next()).await {
        match serde_json::from_slice(message.get_payload_bytes()) {
            Ok(message) => heard(bus, &mut numbers, &message),
            // Another version of the program says something that this one does not know: look, to be sure.
            Err(_unknown) => bus.tell(Received::Gap),
        }
    }
    bus.0.counters.is_listening.store(false, Ordering::Relaxed);
    bus.tell(Received::Gap);
    Ok(())
}

/// Passes on what another instance said, and notices when something before it is missing.
fn heard(bus: &Bus, numbers: &mut HashMap<Uuid, u64>, message: &Message) {
    if message.from == bus.0.id {
        return;
    }
    let expected = numbers.get(&message.from).map(|last| last + u64::from(message.event.is_some()));
    numbers.insert(message.from, message.number);
    if expected.is_some_and(|expected| expected != message.number) {
        bus.tell(Received::Gap);
    }
    if let Some(event) = message.event {
        bus.0.counters.received.fetch_add(1, Ordering::Relaxed);
        bus.tell(Received::Event(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is heard of messages with these numbers, each an event or a beat: `e` or `b`.
    #[track_caller]
    fn check(messages: &[(u64, char)], expected: &str) {
        let (bus, other) = (Bus::in_process(), Uuid::from_u128(1));
        let (mut subscription, mut numbers) = (bus.subscribe(), HashMap::new());
        for (number, kind) in messages {
            let event = (*kind == 'e').then_some(Event::Committed);
            let text = serde_json::to_string(&Message { from: other, number: *number, event }).unwrap();
            heard(&bus, &mut numbers, &serde_json::from_str(&text).unwrap());
        }
        let heard = std::iter::from_fn(|| subscription.try_next());
        let heard: String = heard.map(|one| if one == Received::Gap { 'G' } else { 'e' }).collect();
        assert_eq!(heard, expected, "{messages:?}");
    }

    #[test]
    fn a_missing_number_is_a_gap_and_a_beat_shows_it_too() {
        check(&[(5, 'e'), (6, 'e')], "ee");
        check(&[(5, 'e'), (7, 'e')], "eGe");
        check(&[(5, 'e'), (5, 'b'), (6, 'e')], "ee");
        check(&[(5, 'e'), (6, 'b')], "eG");
        check(&[(5, 'b'), (6, 'e')], "e");
        check(&[(5, 'b'), (8, 'b'), (9, 'e')], "Ge");
        check(&[(5, 'e'), (1, 'e')], "eGe");
    }

    #[test]
    fn one_does_not_hear_oneself_twice() {
        let bus = Bus::in_process();
        let mut subscription = bus.subscribe();
        heard(&bus, &mut HashMap::new(), &Message { from: Uuid::nil(), number: 1, event: Some(Event::Committed) });
        assert_eq!(subscription.try_next(), None);
    }
}
