//! Fixtures for the tests of every crate.
//!
//! Nothing here is a mock: the databases are real, and so is the application on top of them.

#[cfg(feature = "application")]
mod application;
mod database;
mod observer;
mod redis;
#[cfg(feature = "application")]
mod resources;

#[cfg(feature = "application")]
pub use application::{Answer, Client, Instance, TestApp, USERS};
pub use database::{TestDatabase, databases, on_each_database};
pub use observer::Observer;
pub use redis::{RedisServer, shared_redis};
#[cfg(feature = "application")]
pub use resources::{Bad, IDENTITY, Identity, ListField, MISSING, RESOURCES, Resource};
