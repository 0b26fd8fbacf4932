//! How many requests a caller may send: in the memory of each instance, so a limit of each instance.
//!
//! It keeps one caller from taking what all share. What keeps passwords from being guessed is not here but in the
//! database, where it outlives restarts and holds for all instances.

use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use crm_domain::values::Network;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// A rate: a bucket of `burst` requests that is filled again with `per_second` of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many requests a second one may send for ever.
    pub per_second: NonZeroU32,
    /// How many one may send at once.
    pub burst: NonZeroU32,
}

/// The rates; none is no limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RateSettings {
    /// For each user, and for each API key.
    pub callers: Option<Rate>,
    /// For each address (of IPv6 each /64) that sends requests without a good token.
    pub strangers: Option<Rate>,
}

/// The buckets of one instance.
#[derive(Debug)]
pub(crate) struct Rates {
    callers: Option<Buckets<Uuid>>,
    strangers: Option<Buckets<Network>>,
}

impl Rates {
    pub(crate) fn new(settings: RateSettings) -> Self {
        Self { callers: settings.callers.map(Buckets::new), strangers: settings.strangers.map(Buckets::new) }
    }

    /// A request of a user or an API key.
    pub(crate) fn caller(&self, id: Uuid) -> Result<(), Problem> {
        self.callers.as_ref().map_or(Ok(()), |buckets| buckets.take(&id))
    }

    /// A request of nobody that is known.
    pub(crate) fn stranger(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        match (&self.strangers, address) {
            (Some(buckets), Some(address)) => buckets.take(&Network::around(address)),
            _ => Ok(()),
        }
    }
}

struct Buckets<K: Clone + Eq + Hash> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>,
    taken: AtomicU32,
}

/// After so many requests the buckets that are full again are thrown away.
const SWEEP_EVERY: u32 = 4096;

impl<K: Clone + Eq + Hash> Buckets<K> {
    fn new(rate: Rate) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self { limiter: RateLimiter::keyed(quota), taken: AtomicU32::new(0) }
    }

    fn take(&self, key: &K) -> Result<(), Problem> {
        if self.taken.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let Err(refused) = self.limiter.check_key(key) else { return Ok(()) };
        let wait = refused.wait_time_from(DefaultClock::default().now());
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Err(Problem::new(Code::RateLimited, "You send more requests than you may.").retry_after(seconds.max(1)))
    }
}

impl<K: Clone + Eq + Hash> std::fmt::Debug for Buckets<K> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Buckets").field("taken", &self.taken).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate { per_second: number(per_second), burst: number(burst) }
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::V6((u128::from(number) << 64).into())
    }

    #[test]
    fn each_caller_has_a_bucket_of_its_own() {
        let rates = Rates::new(RateSettings { callers: Some(rate(1, 3)), strangers: None });
        let taken = |id| (0..5).filter(|_| rates.caller(Uuid::from_u128(id)).is_ok()).count();
        assert_eq!((taken(1), taken(2)), (3, 3));
        let refused = rates.caller(Uuid::from_u128(1)).unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        assert_eq!(refused.render(None).headers().get("retry-after").unwrap(), "1");
        assert!((0..100).all(|_| rates.stranger(Some(address(1))).is_ok()), "no rate is no limit");
    }

    #[test]
    fn strangers_are_counted_by_their_network() {
        let rates = Rates::new(RateSettings { callers: None, strangers: Some(rate(1, 2)) });
        let at = |text: &str| rates.stranger(Some(text.parse().unwrap())).is_ok();
        assert_eq!([at("2001:db8::1"), at("2001:db8::2"), at("2001:db8::3")], [true, true, false]);
        assert_eq!([at("2001:db8:0:1::1"), at("192.0.2.1")], [true, true]);
        assert!((0..100).all(|_| rates.stranger(None).is_ok()), "in a test there is no address");
    }

    #[test]
    fn full_buckets_are_thrown_away() {
        let rates = Rates::new(RateSettings { callers: None, strangers: Some(rate(1_000_000, 1)) });
        for number in 0..5 * SWEEP_EVERY {
            rates.stranger(Some(address(number))).unwrap();
        }
        let kept = rates.strangers.as_ref().unwrap().limiter.len();
        assert!(kept <= 2 * SWEEP_EVERY as usize, "{kept} buckets are kept");
    }
}
