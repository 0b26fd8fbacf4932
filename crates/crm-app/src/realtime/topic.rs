//! What a socket wants to hear of: a resource, one record of it, or one's notifications.

use std::{collections::BTreeSet, fmt};

use crm_domain::{RecordKind, parse_choice};
use uuid::Uuid;

/// One topic.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Topic {
    /// All records of a kind.
    Kind(RecordKind),
    /// One record.
    Record(RecordKind, Uuid),
    /// The user's own notifications.
    Notifications,
}

impl Topic {
    /// Reads `organisations`, `organisations/<id>` or `notifications`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "notifications" {
            return Some(Self::Notifications);
        }
        match text.split_once('/') {
            None => parse_choice(text).ok().map(Self::Kind),
            Some((kind, id)) => {
                Some(Self::Record(parse_choice(kind).ok()?, crm_domain::Id::<()>::parse(id).ok()?.uuid()))
            }
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => formatter.write_str(kind.as_ref()),
            Self::Record(kind, id) => write!(formatter, "{}/{id}", kind.as_ref()),
            Self::Notifications => formatter.write_str("notifications"),
        }
    }
}

/// The most topics of one socket.
pub const MOST_TOPICS: usize = 100;

/// The topics of one socket.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Topics(BTreeSet<Topic>);

impl Topics {
    /// All kinds of records, and no notifications.
    pub(super) fn insert(&mut self, topic: Topic) {
        if self.0.len() < MOST_TOPICS {
            self.0.insert(topic);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.0.iter()
    }

    /// Whether a change of this record is to be heard.
    pub(super) fn want(&self, kind: RecordKind, id: Uuid) -> bool {
        self.0.contains(&Topic::Kind(kind)) || self.0.contains(&Topic::Record(kind, id))
    }

    /// Whether notifications are to be heard.
    pub(super) fn want_notifications(&self) -> bool {
        self.0.contains(&Topic::Notifications)
    }

    /// Whether nothing is to be heard.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_written_as_it_is_read() {
        let id = "01938a3c-5f00-7000-8000-00000000dead";
        for name in ["organisations", "mandate_products", "notifications", &format!("people/{id}")] {
            assert_eq!(Topic::parse(name).unwrap().to_string(), name);
        }
        for bad in ["", "organisation", "people/", "people/1", "notifications/1", "/", &format!("people/{id}/")] {
            assert_eq!(Topic::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_record_is_wanted_by_its_kind_or_by_itself() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut topics = Topics::default();
        topics.insert(Topic::Kind(RecordKind::Tasks));
        topics.insert(Topic::Record(RecordKind::People, one));
        assert!(topics.want(RecordKind::Tasks, other) && topics.want(RecordKind::People, one));
        assert!(!topics.want(RecordKind::People, other) && !topics.want(RecordKind::Links, one));
        assert!(!topics.want_notifications());
    }
}
