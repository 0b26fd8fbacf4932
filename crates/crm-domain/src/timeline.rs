//! What has happened with an organisation or a person, and what is to be done, as one list.

use serde::{Deserialize, Serialize};

use crate::{Interaction, Mandate, RecordedChange, Task, values::Timestamp};

/// One entry of a timeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineEntry {
    /// Where it stands in the list: when an interaction happened, when a task or a mandate was made, when a change was made.
    pub at: Timestamp,
    /// What it is.
    #[serde(flatten)]
    pub item: TimelineItem,
}

/// What stands in a timeline: its `type`, and the `record` as its own list would show it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "type", content = "record")]
pub enum TimelineItem {
    /// Something that happened.
    Interaction(Interaction),
    /// Something to do.
    Task(Task),
    /// A contract.
    Mandate(Mandate),
    /// A change of the record itself.
    Change(RecordedChange),
}
