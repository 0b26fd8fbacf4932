//! The messages of `crm.v1`, read and written. Each frame is made once, however many sockets it goes to.

use bytestring::ByteString;
use crm_domain::{ChangeAction, Notification, RecordKind, RecordedChange};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::topic::Topic;

/// What a client says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ClientMessage {
    /// Hear of these as well.
    Subscribe {
        /// Their names; those that name nothing are left out of the answer.
        topics: Vec<String>,
    },
    /// Hear of everything that was missed.
    Resume {
        /// The last position that the client has.
        after: i64,
    },
}

impl ClientMessage {
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ServerMessage<'a> {
    Hello { position: i64, heartbeat_seconds: u64 },
    Subscribed { topics: Vec<String> },
    Live { position: i64 },
    Reset,
    Change { position: i64, resource: RecordKind, id: Uuid, version: i64, action: ChangeAction, changed: Vec<&'a str> },
    Notification { position: i64, notification: &'a Notification, unread_count: i64 },
    Resync { position: i64 },
}

fn frame(message: &ServerMessage<'_>) -> ByteString {
    serde_json::to_string(message).expect("messages serialise to JSON without failing").into()
}

/// The first word.
pub(super) fn hello(position: i64, heartbeat_seconds: u64) -> ByteString {
    frame(&ServerMessage::Hello { position, heartbeat_seconds })
}

/// All topics of a socket.
pub(super) fn subscribed<'a>(topics: impl Iterator<Item = &'a Topic>) -> ByteString {
    frame(&ServerMessage::Subscribed { topics: topics.map(ToString::to_string).collect() })
}

/// Everything up to here has been said; from now on it is said as it happens.
pub(super) fn live(position: i64) -> ByteString {
    frame(&ServerMessage::Live { position })
}

/// The history asked for is not there.
pub(super) fn reset() -> ByteString {
    frame(&ServerMessage::Reset)
}

/// Something was left out.
pub(super) fn resync(position: i64) -> ByteString {
    frame(&ServerMessage::Resync { position })
}

/// A change: which fields, not from what to what.
pub(super) fn change(position: i64, change: &RecordedChange) -> ByteString {
    frame(&ServerMessage::Change {
        position,
        resource: change.resource,
        id: change.id,
        version: change.version.number(),
        action: change.action,
        changed: change.changed.iter().map(|field| field.field.as_ref()).collect(),
    })
}

/// A notification for this one user.
pub(super) fn notification(position: i64, notification: &Notification, unread_count: i64) -> ByteString {
    frame(&ServerMessage::Notification { position, notification, unread_count })
}

#[cfg(test)]
mod tests {
    use crm_domain::{Version, values::Timestamp};

    use super::*;

    #[track_caller]
    fn check(frame: &ByteString, expected: &str) {
        assert_eq!(frame as &str, expected);
    }

    #[test]
    fn the_server_says_what_the_contract_says() {
        check(&hello(41, 30), r#"{"type":"hello","position":41,"heartbeat_seconds":30}"#);
        let topics = ["organisations", "notifications"].map(|name| Topic::parse(name).unwrap());
        check(&subscribed(topics.iter()), r#"{"type":"subscribed","topics":["organisations","notifications"]}"#);
        check(&live(57), r#"{"type":"live","position":57}"#);
        check(&reset(), r#"{"type":"reset"}"#);
        check(&resync(60), r#"{"type":"resync","position":60}"#);
        let at = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let field = crm_domain::FieldChange { field: "name".into(), old: "a".into(), new: "b".into() };
        let recorded = RecordedChange {
            position: Some(58),
            at,
            actor_id: None,
            reason: None,
            resource: RecordKind::Organisations,
            id: Uuid::nil(),
            version: Version::from_stored(3),
            action: ChangeAction::Updated,
            event: String::new(),
            changed: vec![field],
            request_id: None,
            import_id: None,
        };
        check(
            &change(58, &recorded),
            r#"{"type":"change","position":58,"resource":"organisations","id":"00000000-0000-0000-0000-000000000000","version":3,"action":"updated","changed":["name"]}"#,
        );
    }

    #[test]
    fn clients_say_two_things_and_nothing_else() {
        let read = |text: &str| ClientMessage::read(text);
        let topics = vec!["people".to_owned()];
        assert_eq!(read(r#"{"type":"subscribe","topics":["people"]}"#), Some(ClientMessage::Subscribe { topics }));
        assert_eq!(read(r#"{"type":"resume","after":41}"#), Some(ClientMessage::Resume { after: 41 }));
        for bad in ["", "{}", "[]", r#"{"type":"resume"}"#, r#"{"type":"resume","after":"1"}"#, r#"{"type":"shout"}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
