//! A source of bytes as a sliding window of UTF-8 text.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::encoding::{self, Encoding};
use super::error::ReadError;

/// Bytes looked at to recognise the encoding, and read at a time after that.
const CHUNK: usize = 64 * 1024;

/// The decoded text of a file that is not consumed yet. The window is always valid UTF-8, whatever the file holds.
pub(super) struct Source<R> {
    read: R,
    encoding: Encoding,
    /// Present for all encodings but UTF-8, which is checked in place.
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    raw_ended: bool,
    text: Vec<u8>,
    start: usize,
    offset: u64,
    ended: bool,
    pub(super) lines_as_windows_1252: u64,
    pub(super) replaced_characters: u64,
}

impl<R: Read> Source<R> {
    /// Reads the first chunk and recognises its encoding, unless one is given.
    pub(super) fn open(read: R, encoding: Option<Encoding>) -> Result<Self, ReadError> {
        let mut source = Self {
            read,
            encoding: Encoding::Utf8,
            decoder: None,
            raw: Vec::with_capacity(2 * CHUNK),
            raw_ended: false,
            text: Vec::with_capacity(4 * CHUNK),
            start: 0,
            offset: 0,
            ended: false,
            lines_as_windows_1252: 0,
            replaced_characters: 0,
        };
        source.read_chunk()?;
        source.encoding = match encoding {
            Some(encoding) => encoding,
            None => encoding::recognise(&source.raw).map_err(ReadError::NotText)?,
        };
        source.decoder = match source.encoding {
            Encoding::Utf8 => {
                if source.raw.starts_with(b"\xEF\xBB\xBF") {
                    source.raw.drain(..3);
                }
                None
            }
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_with_bom_removal()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_with_bom_removal()),
            Encoding::Windows1252 => Some(WINDOWS_1252.new_decoder_without_bom_handling()),
        };
        source.decode_chunk()?;
        Ok(source)
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The text that is decoded and not consumed.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[self.start..]
    }

    /// Whether the window reaches the end of the file.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// How many bytes of text have been consumed.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Lets go of the first `length` bytes of the window.
    pub(super) fn consume(&mut self, length: usize) {
        self.start += length;
        self.offset += length as u64;
    }

    /// Widens the window by about one chunk, or finds the end.
    pub(super) fn widen(&mut self) -> io::Result<()> {
        self.text.drain(..self.start);
        self.start = 0;
        let before = self.text.len();
        while !self.ended && self.text.len() == before {
            self.read_chunk()?;
            self.decode_chunk()?;
        }
        Ok(())
    }

    /// Reads until one more chunk is full, so that nothing depends on how the source cuts its bytes.
    fn read_chunk(&mut self) -> io::Result<()> {
        let read = self.read.by_ref().take(CHUNK as u64).read_to_end(&mut self.raw)?;
        self.raw_ended = read < CHUNK;
        Ok(())
    }

    fn decode_chunk(&mut self) -> io::Result<()> {
        match self.decoder.take() {
            Some(mut decoder) => {
                self.decode_with(&mut decoder);
                self.decoder = Some(decoder);
            }
            None => self.decode_utf8()?,
        }
        self.ended = self.raw_ended;
        Ok(())
    }

    fn decode_with(&mut self, decoder: &mut Decoder) {
        let mut rest = self.raw.as_slice();
        loop {
            let filled = self.text.len();
            let room = decoder
                .max_utf8_buffer_length_without_replacement(rest.len())
                .expect("a chunk is far smaller than the address space");
            self.text.resize(filled + room, 0);
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(rest, &mut self.text[filled..], self.raw_ended);
            self.text.truncate(filled + written);
            rest = &rest[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    self.replaced_characters += 1;
                    self.text.extend("\u{FFFD}".as_bytes());
                }
            }
        }
        self.raw.clear();
    }

    /// Takes whole lines, so that a line with a wrong byte can be read as Windows-1252 as a whole. A line longer than a
    /// chunk is taken in pieces.
    fn decode_utf8(&mut self) -> io::Result<()> {
        let cut = loop {
            if self.raw_ended {
                break self.raw.len();
            }
            if let Some(end) = self.raw.iter().rposition(|byte| is_line_end(*byte)) {
                break end + 1;
            }
            if self.raw.len() >= 2 * CHUNK {
                break whole_characters(&self.raw);
            }
            self.read_chunk()?;
        };
        let mut rest = &self.raw[..cut];
        while let Err(error) = std::str::from_utf8(rest) {
            let wrong = error.valid_up_to();
            let start = rest[..wrong].iter().rposition(|byte| is_line_end(*byte)).map_or(0, |end| end + 1);
            let end = rest[wrong..].iter().position(|byte| is_line_end(*byte)).map_or(rest.len(), |end| wrong + end);
            self.text.extend(&rest[..start]);
            self.text.extend(WINDOWS_1252.decode_without_bom_handling(&rest[start..end]).0.as_bytes());
            self.lines_as_windows_1252 += 1;
            rest = &rest[end..];
        }
        self.text.extend(rest);
        self.raw.drain(..cut);
        Ok(())
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The length without a character that is cut off at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}
