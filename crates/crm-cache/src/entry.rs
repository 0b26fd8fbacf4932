//! An answer as it is kept: the bytes that go out, and everything that a later reader must check.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::{Key, Topic};

/// The way in which answers are written; others are not read.
const SCHEMA: u8 = 1;

/// An answer, ready to be sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// The bytes.
    pub body: Bytes,
    /// What stands in the header `ETag`.
    pub etag: Option<String>,
    /// What stands in the header `Link`.
    pub link: Option<String>,
}

/// Who may be given an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Whoever has the same permissions.
    Shared,
    /// The same caller only.
    Personal,
}

/// An answer as it is kept.
#[derive(Debug)]
pub struct Stored {
    /// The answer.
    pub answer: Answer,
    pub(crate) whole: Vec<u8>,
    pub(crate) group: String,
    pub(crate) epoch: u64,
    pub(crate) as_of: u64,
    pub(crate) topics: Vec<Topic>,
    decoded: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Stored {
    pub(crate) fn new(key: &Key, epoch: u64, as_of: u64, topics: Vec<Topic>, answer: Answer) -> Self {
        let (whole, group) = (key.whole().to_vec(), key.group().to_owned());
        Self { answer, whole, group, epoch, as_of, topics, decoded: OnceLock::new() }
    }

    /// The answer as a value, worked out once for as long as it is kept in this process.
    pub fn decoded<T: Any + Send + Sync>(&self, decode: impl FnOnce(&[u8]) -> Option<T>) -> Option<Arc<T>> {
        if let Some(known) = self.decoded.get() {
            return Arc::clone(known).downcast().ok();
        }
        let value = Arc::new(decode(&self.answer.body)?);
        let _another_was_faster = self.decoded.set(Arc::clone(&value) as Arc<dyn Any + Send + Sync>);
        Some(value)
    }

    /// How much memory it takes, in bytes, roughly.
    pub(crate) fn weight(&self) -> u32 {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let answer = self.answer.body.len() + text(&self.answer.etag) + text(&self.answer.link);
        u32::try_from(answer + self.whole.len() + 2 * self.topics.len() + 256).unwrap_or(u32::MAX)
    }

    /// As bytes, for Redis.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![SCHEMA];
        out.extend(self.epoch.to_be_bytes());
        out.extend(self.as_of.to_be_bytes());
        put(&mut out, &self.whole);
        let slots: Vec<u8> = self.topics.iter().flat_map(|topic| topic.slot().to_be_bytes()).collect();
        put(&mut out, &slots);
        for text in [&self.answer.etag, &self.answer.link] {
            out.push(u8::from(text.is_some()));
            put(&mut out, text.as_deref().unwrap_or_default().as_bytes());
        }
        put(&mut out, &self.answer.body);
        out
    }

    /// From bytes out of Redis; none when they are of another schema, damaged, or of another key.
    pub(crate) fn decode(bytes: &Bytes, key: &Key) -> Option<Self> {
        let mut reader = Reader { bytes, at: 0 };
        if reader.take(1)? != [SCHEMA] {
            return None;
        }
        let (epoch, as_of) = (reader.number()?, reader.number()?);
        if reader.part()? != key.whole() {
            return None;
        }
        let slots = reader.part()?.chunks(2);
        let topics =
            slots.map(|slot| Topic::from_slot(u16::from_be_bytes(slot.try_into().ok()?))).collect::<Option<_>>()?;
        let (etag, link) = (reader.text()?, reader.text()?);
        let body = bytes.slice_ref(reader.part()?);
        (reader.at == bytes.len()).then(|| Self::new(key, epoch, as_of, topics, Answer { body, etag, link }))
    }
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend(u64::try_from(part.len()).expect("no part is longer than the memory").to_be_bytes());
    out.extend(part);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    /// Reads a text that may be none; the outer option says whether the bytes are whole.
    #[expect(clippy::option_option, reason = "one says that it is broken, and one that it is none")]
    fn text(&mut self) -> Option<Option<String>> {
        let is_there = self.take(1)? == [1];
        let text = String::from_utf8(self.part()?.to_vec()).ok()?;
        Some(is_there.then_some(text))
    }
}
