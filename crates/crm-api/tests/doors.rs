//! Who gets through which door: the whole matrix of callers, resources, doors and records over HTTP, on each database.
//!
//! A new resource joins by one line in `doors/registry.rs`; the paths that it has are read from the OpenAPI document. An
//! operation of the document that no test of this program claims fails it, so nothing can be left out by forgetting.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

#[path = "doors/canaries.rs"]
mod canaries;
#[path = "doors/coverage.rs"]
mod coverage;
#[path = "doors/crawler.rs"]
mod crawler;
#[path = "doors/door.rs"]
mod door;
#[path = "doors/firm.rs"]
mod firm;
#[path = "doors/hidden.rs"]
mod hidden;
#[path = "doors/imports.rs"]
mod imports;
#[path = "doors/marks.rs"]
mod marks;
#[path = "doors/matrix.rs"]
mod matrix;
#[path = "doors/orphans.rs"]
mod orphans;
#[path = "doors/personal.rs"]
mod personal;
#[path = "doors/registry.rs"]
mod registry;
#[path = "doors/relations.rs"]
mod relations;
#[path = "doors/stored.rs"]
mod stored;
#[path = "doors/targets.rs"]
mod targets;

/// Where version 1 lives.
const BASE: &str = "/api/v1";

/// An id that no record has.
const MISSING: &str = "01938a3c-5f00-7000-8000-00000000dead";

/// Measures how long a test takes, to be told at its end.
#[expect(clippy::disallowed_methods, reason = "a test that tells how long it took is its own stopwatch")]
fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}
