//! One file for each command.

pub mod backup;
pub mod doctor;
pub mod export;
pub mod import;
pub mod migrate;
pub mod openapi;
pub mod seed;
pub mod serve;
pub mod user;
