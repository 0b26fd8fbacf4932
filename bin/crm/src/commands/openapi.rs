//! `crm openapi`

use crate::{failure::Failure, output::say};

/// Prints the document, indented and with a line end.
pub fn run() -> Result<(), Failure> {
    say(serde_json::to_string_pretty(crm_api::document())?)
}
