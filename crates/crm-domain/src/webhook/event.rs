//! Which events are sent.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::{RecordKind, Violation, values::text_value::text_value};

/// The name of an event, or of many: `*`, all of one kind (`organisation.*`), or one (`organisation.created`).
///
/// Breaks `event`. The first word must be that of a kind of records; a second word that no event has yet fits nothing.
///
/// ```
/// use crm_domain::EventPattern;
/// assert!(EventPattern::parse("organisation.*")?.fits("organisation.pipeline_changed"));
/// assert!(!EventPattern::parse("organisation.created")?.fits("organisation.updated"));
/// assert_eq!(EventPattern::parse("planet.created").unwrap_err().code, "event");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct EventPattern(String);

const LONGEST: usize = 60;

impl EventPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text == "*" || text.split_once('.').is_some_and(|(kind, event)| is_kind(kind) && is_event(event)) {
            return Ok(Self(text.to_owned()));
        }
        Err(Violation::new("event", "must be *, all events of a kind (organisation.*) or one (organisation.created)"))
    }

    /// Whether an event of this name is meant.
    pub fn fits(&self, event: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => event.starts_with(beginning),
            None => self.0 == event,
        }
    }
}

fn is_kind(word: &str) -> bool {
    RecordKind::VARIANTS.iter().any(|kind| kind.event_prefix() == word)
}

fn is_event(word: &str) -> bool {
    let is_word = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    word == "*" || (is_word && (1..=LONGEST - 20).contains(&word.len()))
}

text_value!(
    EventPattern,
    TextSchema {
        description: "The name of an event, or of all events of a kind, or `*`.",
        format: None,
        pattern: Some(
            r"^(\*|(organisation|person|link|product|mandate|mandate_product|interaction|task|user|team|role|import)\.(\*|[a-z_]{1,40}))$"
        ),
        length: (1, LONGEST),
        example: "organisation.*",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_one_event_or_those_of_a_kind_or_all() {
        let fits = |pattern: &str, event: &str| EventPattern::parse(pattern).unwrap().fits(event);
        assert!(fits("*", "task.due") && fits("task.*", "task.due") && fits("task.due", "task.due"));
        assert!(!fits("task.*", "mandate.ended") && !fits("task.due", "task.due_soon"));
        assert!(!fits("mandate.*", "mandate_product.created"), "a kind ends at the dot");
        for wrong in
            ["", ".", "task", "task.", "*.created", "task.*.x", "Task.created", "task.CREATED", "planet.*", "**", " *"]
        {
            assert_eq!(EventPattern::parse(wrong).unwrap_err().code, "event", "{wrong}");
        }
    }
}
