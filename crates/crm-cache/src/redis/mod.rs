//! The tier that all instances share, and what they tell each other through it.
//!
//! Every read takes a look first, and every write leaves word before it is answered. What makes that right when Redis is
//! dead, frozen, restarted or emptied meanwhile is written down in `docs/caching.md`; in short: an instance counts in Redis
//! for as long as its lease runs, a write that could not leave word waits until that is over, and as long as the lease of any
//! instance has run out, nobody relies on anything.

mod link;
mod scripts;

use std::{
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use redis::{RedisError, Value, cmd};
use slog::{Logger, warn};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use self::{
    link::{Link, Trouble},
    scripts::Script,
};
use crate::{
    BreakerState, CacheSettings, Key, Topic,
    generations::{Generations, Moment},
    statistics::Counters,
};

/// How long a read waits for what others have written, and for an answer: together less than the 50 ms that one request
/// may spend on Redis.
const LOOK: Duration = Duration::from_millis(25);
const GET: Duration = Duration::from_millis(20);

/// How long a write waits for Redis to take its word, each time that it tries.
const BUMP: Duration = Duration::from_millis(50);

/// How long nobody waits for: storing, renewing a lease, counting.
const BESIDE: Duration = Duration::from_millis(50);

/// After so long an instance that says nothing is given up.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// How often a sweep over all keys may wait.
const SWEEP: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Redis {
    link: Link,
    generations: Arc<Generations>,
    namespace: String,
    /// The one key with all topics.
    board: String,
    me: String,
    lease: Duration,
    settle: Duration,
    looks: Mutex<Looks>,
    /// The epoch, as the server names it, and the clock of the last look.
    seen: Mutex<(String, u64)>,
    /// How far the clock of the server was when one of its answers came in.
    server_time: Mutex<Option<(u64, Instant)>>,
    /// Until when the lease may run, whatever has become of the last call that asked for it.
    counts_until: Mutex<Option<Instant>>,
    /// Writes that Redis has not been told of.
    owed: AtomicU64,
    log: Logger,
}

#[derive(Default)]
struct Looks {
    is_looking: bool,
    waiting: Vec<oneshot::Sender<bool>>,
}

impl fmt::Debug for Looks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Looks({} waiting)", self.waiting.len())
    }
}

type Look = (String, i64, String, String, Vec<String>);

impl Redis {
    pub(crate) fn new(
        url: &str,
        settings: &CacheSettings,
        generations: Arc<Generations>,
        counters: Arc<Counters>,
    ) -> Result<Self, RedisError> {
        Ok(Self {
            link: Link::new(url, counters)?,
            generations,
            namespace: settings.namespace.clone(),
            board: format!("{}:generations", settings.namespace),
            me: nonce(),
            lease: settings.lease,
            settle: settings.settle,
            looks: Mutex::default(),
            seen: Mutex::default(),
            server_time: Mutex::default(),
            counts_until: Mutex::default(),
            owed: AtomicU64::new(0),
            log: settings.log.clone(),
        })
    }

    pub(crate) fn breaker(&self) -> BreakerState {
        self.link.breaker.state()
    }

    pub(crate) fn owed(&self) -> u64 {
        self.owed.load(Ordering::Acquire)
    }

    /// Learns all that was written before this call. Whether answers can be relied on.
    ///
    /// Whoever comes while a look is on its way waits for the next one, which serves all who came meanwhile: a look that
    /// began earlier may not know of a write that was acknowledged since.
    pub(crate) async fn look(self: &Arc<Self>) -> bool {
        let (sender, receiver) = oneshot::channel();
        let begins = {
            let mut looks = lock(&self.looks);
            looks.waiting.push(sender);
            !std::mem::replace(&mut looks.is_looking, true)
        };
        if begins {
            // Its own task, because whoever asked first may go away while the others still wait.
            tokio::spawn(keep_looking(Arc::clone(self)));
        }
        // Two looks at most: the one on its way, and one's own.
        matches!(timeout(LOOK * 2, receiver).await, Ok(Ok(true))) && self.owed() == 0
    }

    async fn look_now(&self) -> Result<bool, Trouble> {
        let (epoch, clock) = lock(&self.seen).clone();
        let settle = self.settle.as_millis().to_string();
        let arguments = [nonce(), epoch, clock.to_string(), settle];
        let look: Look = self.link.run(Script::Look, &self.board, &arguments, LOOK).await?;
        let (epoch, is_good, now, clock, news) = look;
        self.server_says(&now)?;
        let clock: u64 = number(&clock)?;
        let mut learned = Vec::with_capacity(news.len() / 2);
        for pair in news.chunks_exact(2) {
            // The clock itself stands among the topics, under its name.
            if let Ok(slot) = pair[0].parse() {
                let topic = Topic::from_slot(slot).ok_or(Trouble::Nonsense)?;
                learned.push((topic.slot(), number(&pair[1])?));
            }
        }
        self.generations.looked(Moment { epoch: epoch_number(&epoch), clock }, learned);
        *lock(&self.seen) = (epoch, clock);
        Ok(is_good == 1)
    }

    /// Leaves word of a write. It does not return before every other instance with a working Redis either knows or relies on
    /// nothing.
    pub(crate) async fn bump(&self, topics: &[Topic]) {
        let mut arguments = vec![nonce()];
        arguments.extend(topics.iter().map(|topic| topic.slot().to_string()));
        let mut is_owed = false;
        loop {
            let may_count = self.may_count();
            if !may_count && self.breaker() != BreakerState::Closed {
                break;
            }
            match self.link.insist_on::<(String, String)>(Script::Bump, &self.board, &arguments, BUMP).await {
                Ok((epoch, clock)) => {
                    if let Ok(clock) = number(&clock) {
                        self.generations.bumped(Moment { epoch: epoch_number(&epoch), clock }, topics);
                    }
                    // What is owed beside is owed still: the epoch that pays for it pays for this one as well.
                    return;
                }
                Err(trouble) if !is_owed => {
                    warn!(self.log, "Redis was not told of a write"; "error" => %trouble);
                    self.owed.fetch_add(1, Ordering::AcqRel);
                    is_owed = true;
                }
                Err(_again) => {}
            }
            if !self.may_count() || self.owed() == 0 {
                return;
            }
            sleep(self.lease / 20).await;
        }
        self.owed.fetch_add(u64::from(!is_owed), Ordering::AcqRel);
    }

    /// Whether the lease of this instance may still run, by a clock that is never behind that of the server.
    fn may_count(&self) -> bool {
        lock(&self.counts_until).is_some_and(|until| Instant::now() < until)
    }

    /// Renews the lease, and pays what is owed: all that came before is forgotten everywhere.
    pub(crate) async fn renew(&self) -> Result<(), Trouble> {
        if self.breaker() != BreakerState::Closed {
            // Nothing that could still be carried out much later goes to a server that may be frozen.
            self.link.call::<String>(&cmd("PING"), BESIDE).await?;
        }
        let Some((server, at)) = *lock(&self.server_time) else {
            return self.look_now().await.map(drop);
        };
        let owed = self.owed();
        let lease = millis(self.lease);
        let until = server + millis(at.elapsed()) + lease;
        // The server reaches that time no later than this: it was at least as far when its answer came in.
        *lock(&self.counts_until) = Some(Instant::now() + self.lease + self.lease / 20);
        let flag = if owed > 0 { "1" } else { "0" };
        let given_up = GIVEN_UP.as_millis().to_string();
        let arguments = [nonce(), self.me.clone(), until.to_string(), flag.to_owned(), given_up];
        let now: String = self.link.run(Script::Lease, &self.board, &arguments, BESIDE).await?;
        self.owed.fetch_sub(owed, Ordering::AcqRel);
        self.server_says(&now)
    }

    /// Gives the lease back, so that nobody waits for this instance.
    pub(crate) async fn leave(&self) {
        let member = format!("l:{}", self.me);
        let _it_runs_out = self.link.call::<i64>(cmd("ZREM").arg(&self.board).arg(member), BESIDE).await;
    }

    /// How often the lease is renewed.
    pub(crate) fn pulse(&self) -> Duration {
        self.lease / 5
    }

    fn server_says(&self, now: &str) -> Result<(), Trouble> {
        *lock(&self.server_time) = Some((number(now)?, Instant::now()));
        Ok(())
    }

    /// The answers under these keys, as bytes.
    pub(crate) async fn get(&self, keys: [&Key; 2]) -> [Option<Bytes>; 2] {
        let mut get = cmd("MGET");
        for key in keys {
            get.arg(self.name(key));
        }
        match self.link.call::<Vec<Option<Vec<u8>>>>(&get, GET).await {
            Ok(found) => {
                let mut found = found.into_iter().map(|bytes| bytes.map(Bytes::from));
                [found.next().flatten(), found.next().flatten()]
            }
            Err(_from_the_database) => [None, None],
        }
    }

    pub(crate) async fn set(&self, key: &Key, value: Vec<u8>, ttl: Duration) {
        let mut set = cmd("SET");
        set.arg(self.name(key)).arg(value).arg("PX").arg(millis(ttl).max(1));
        let _kept_here_alone = self.link.call::<Value>(&set, BESIDE).await;
    }

    pub(crate) async fn delete(&self, key: &Key) {
        let _expires = self.link.call::<i64>(cmd("UNLINK").arg(self.name(key)), BESIDE).await;
    }

    /// Removes what stands under names that fit the pattern, a thousand at a time; the groups that it stood in.
    pub(crate) async fn sweep(&self, pattern: &str) -> (u64, Vec<String>) {
        let (mut removed, mut groups) = (0, Vec::new());
        let begin = format!("{}:answers:", self.namespace);
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(format!("{begin}{pattern}")).arg("COUNT").arg(1000);
            let Ok((next, names)) = self.link.call::<(String, Vec<String>)>(&scan, SWEEP).await else { break };
            if !names.is_empty() {
                let named = names.iter().filter_map(|name| name.strip_prefix(&begin)?.split(':').next());
                groups.extend(named.map(str::to_owned));
                let unlinked = self.link.call::<u64>(cmd("UNLINK").arg(&names), SWEEP).await;
                removed += unlinked.unwrap_or_default();
            }
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        groups.sort();
        groups.dedup();
        (removed, groups)
    }

    /// The memory in use, in bytes, where the server says so.
    pub(crate) async fn memory(&self) -> Option<u64> {
        let text: String = self.link.call(cmd("INFO").arg("memory"), BESIDE).await.ok()?;
        text.lines().find_map(|line| line.strip_prefix("used_memory:"))?.trim().parse().ok()
    }

    fn name(&self, key: &Key) -> String {
        format!("{}:answers:{}:{}", self.namespace, key.group(), hexadecimal(&key.hash()))
    }
}

/// Looks for all who wait, until nobody does.
async fn keep_looking(redis: Arc<Redis>) {
    let _ends = Looking(&redis);
    loop {
        let waiting = {
            let mut looks = lock(&redis.looks);
            let waiting = std::mem::take(&mut looks.waiting);
            if waiting.is_empty() {
                looks.is_looking = false;
                return;
            }
            waiting
        };
        let is_good = redis.look_now().await.unwrap_or(false);
        for one in waiting {
            let _gone_away = one.send(is_good);
        }
    }
}

/// However the task ends, the next one who comes can begin another; who still waits is told by the end of the channel.
struct Looking<'a>(&'a Redis);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let mut looks = lock(&self.0.looks);
        if std::thread::panicking() || looks.is_looking {
            looks.is_looking = false;
            looks.waiting.clear();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(text: &str) -> Result<u64, Trouble> {
    text.parse().map_err(|_| Trouble::Nonsense)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Epochs are told apart by number in what is kept.
fn epoch_number(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A name that nothing else has.
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("a system without random bits can do nothing at all");
    hexadecimal(&bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _a_string_takes_all = write!(text, "{byte:02x}");
        text
    })
}
