//! The W3C trace context: which trace a request belongs to, as its caller says it and as it is passed on.
//!
//! <https://www.w3.org/TR/trace-context/>. The sampling flag of a caller is read and deliberately not obeyed: what is kept
//! costs us, so we decide it.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName};
use sentry::protocol::{SpanId, TraceId};

/// The header that carries the trace, from callers and to whoever is called.
pub const TRACEPARENT_HEADER: HeaderName = HeaderName::from_static("traceparent");

/// One place in a trace: version `00` of the header `traceparent`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
    is_sampled: bool,
}

impl TraceParent {
    /// A place in a trace.
    pub(crate) fn new(trace: TraceId, span: SpanId, is_sampled: bool) -> Self {
        let digits = "the ids of the library are written as hexadecimal digits";
        Self { trace: hex(&trace.to_string()).expect(digits), span: hex(&span.to_string()).expect(digits), is_sampled }
    }

    /// Reads the value of the header; `None` if it is not a valid one, and the trace begins here.
    pub fn parse(text: &str) -> Option<Self> {
        let (version, rest) = (text.get(..2)?, text.get(2..)?);
        let mut parts = rest.strip_prefix('-')?.splitn(4, '-');
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        // A later version may say more behind the flags; this one may not, and `ff` is none at all.
        let is_known = version != "ff" && hex::<1>(version).is_some() && (version != "00" || parts.next().is_none());
        let (trace, span, [flags]) = (hex::<16>(trace)?, hex::<8>(span)?, hex::<1>(flags)?);
        (is_known && trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }

    /// What the caller says; `None` where the header is missing, invalid, or there more than once.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT_HEADER);
        let only = values.next().filter(|_| values.next().is_none())?;
        Self::parse(only.to_str().ok()?)
    }

    /// The id of the trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace))
    }

    pub(crate) fn trace(&self) -> TraceId {
        self.trace.into()
    }

    /// Whether what is done here is sent to Sentry.
    pub(crate) fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    pub(crate) fn span(&self) -> SpanId {
        self.span.into()
    }
}

/// The value of the header.
impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = u64::from_be_bytes(self.span);
        write!(formatter, "00-{}-{span:016x}-{:02x}", self.trace_id(), u8::from(self.is_sampled))
    }
}

/// Lower-case hexadecimal digits, exactly as many as there is room for.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_header_reads_back_as_it_was_written() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent::parse(text).unwrap();
        assert_eq!(parent.to_string(), text);
        assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let later = "42-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-and-more";
        assert_eq!(TraceParent::parse(later).unwrap().to_string(), text.replace("-01", "-00"));
    }

    #[test]
    fn whatever_is_not_one_begins_a_new_trace() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
            "é0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }
}
