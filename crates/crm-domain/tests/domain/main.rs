//! The promises of the domain, seen from outside: only what another crate can call is called here.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; clippy knows tests by their attribute only"
)]

mod access;
mod changes;
mod golden;
mod interactions;
mod lists;
mod mandates;
mod notifications;
mod patches;
mod products;
mod query_properties;
mod subject;
mod tasks;

use proptest::test_runner::Config;

/// How often a property is tried: eight times what proptest says, so 2,048 times, or eight times `PROPTEST_CASES`.
fn often() -> Config {
    let usual = Config::default();
    Config { cases: usual.cases * 8, ..usual }
}
