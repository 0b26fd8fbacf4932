//! What leaves the process: everything in a report goes through here, whoever put it there.

use sentry::{
    Envelope,
    protocol::{EnvelopeItem, Event, Transaction},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::redaction::{REDACTED, is_sensitive, scrub};

/// The envelope as it is sent; none where nothing is left in it.
pub(super) fn cleaned(envelope: Envelope) -> Option<Vec<u8>> {
    let mut clean = Envelope::new().with_headers(envelope.headers().clone());
    let mut is_empty = true;
    for item in envelope.into_items() {
        let item = match item {
            EnvelopeItem::Event(event) => clean_value::<Event<'static>>(*event).map(EnvelopeItem::from),
            EnvelopeItem::Transaction(transaction) => {
                clean_value::<Transaction<'static>>(*transaction).map(EnvelopeItem::from)
            }
            // Nothing else is made here; what comes by another way is not ours to send.
            _ => None,
        };
        if let Some(item) = item {
            clean.add_item(item);
            is_empty = false;
        }
    }
    let mut bytes = Vec::new();
    (!is_empty && clean.to_writer(&mut bytes).is_ok()).then_some(bytes)
}

fn clean_value<T: Serialize + DeserializeOwned>(value: T) -> Option<T> {
    let mut value = serde_json::to_value(value).ok()?;
    // A request is told by its route alone; address, headers, cookies, query and body have no place here.
    if let Some(fields) = value.as_object_mut() {
        fields.remove("request");
    }
    // A name, `@` and a version look like an address; it is the program's own.
    let release = value.get_mut("release").map(Value::take);
    clean(&mut value);
    if let Some(release) = release {
        value["release"] = release;
    }
    serde_json::from_value(value).ok()
}

fn clean(value: &mut Value) {
    match value {
        Value::String(text) => *text = scrub(text),
        Value::Array(parts) => parts.iter_mut().for_each(clean),
        Value::Object(fields) => {
            for (key, value) in fields {
                if is_sensitive(key) && !value.is_null() {
                    *value = Value::String(REDACTED.to_owned());
                } else {
                    clean(value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use sentry::protocol::{Breadcrumb, Map, Request, User};

    use super::*;

    #[test]
    fn whatever_is_put_into_a_report_is_cleaned() {
        let breadcrumb = Breadcrumb { message: Some("to mark-1@example.com".to_owned()), ..Breadcrumb::default() };
        let event = Event {
            release: Some("crm@1.2.3+0123456789ab".into()),
            message: Some("no luck with Bearer mark-2".to_owned()),
            request: Some(Request { query_string: Some("q=mark-3".to_owned()), ..Request::default() }),
            user: Some(User { email: Some("mark-4@example.com".to_owned()), id: Some("7".into()), ..User::default() }),
            breadcrumbs: vec![breadcrumb].into(),
            extra: Map::from([("new_password".to_owned(), "mark-5".into())]),
            ..Event::default()
        };
        let bytes = cleaned(event.into()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("mark-"), "{text}");
        assert!(text.contains("no luck with Bearer [redacted]") && text.contains("\"id\":\"7\""), "{text}");
        assert!(text.contains("crm@1.2.3+0123456789ab"), "{text}");
        Envelope::from_slice(text.as_bytes()).unwrap();
    }
}
