//! Which encoding a file is in, told from its first bytes.

use std::fmt;

use super::error::NotText;

/// The encodings that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a mark.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows-1252 as the WHATWG Encoding Standard defines it: every byte is a character.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// Recognises the encoding of a file by its beginning; a mark decides, then zero bytes, then validity as UTF-8.
pub(super) fn recognise(sample: &[u8]) -> Result<Encoding, NotText> {
    if let Some(kind) = signature(sample) {
        return Err(kind);
    }
    match sample {
        [0xEF, 0xBB, 0xBF, ..] => return Ok(Encoding::Utf8),
        [0xFF, 0xFE, ..] => return Ok(Encoding::Utf16Le),
        [0xFE, 0xFF, ..] => return Ok(Encoding::Utf16Be),
        _ => {}
    }
    if sample.contains(&0) {
        return by_zero_bytes(sample);
    }
    Ok(by_validity(sample))
}

fn signature(sample: &[u8]) -> Option<NotText> {
    match sample {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(NotText::Archive),
        [0x1F, 0x8B, 8, ..] => Some(NotText::Gzip),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Some(NotText::CompoundDocument),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(NotText::Pdf),
        _ => None,
    }
}

/// In UTF-16 every delimiter, line end, digit and basic letter has one zero byte, always on the same side.
fn by_zero_bytes(sample: &[u8]) -> Result<Encoding, NotText> {
    let (mut even, mut odd) = (0, 0);
    for pair in sample.chunks_exact(2) {
        even += usize::from(pair[0] == 0);
        odd += usize::from(pair[1] == 0);
    }
    let pairs = sample.len() / 2;
    let many = |zeros: usize| zeros * 10 >= pairs * 3;
    let few = |zeros: usize| zeros * 100 <= pairs;
    match () {
        () if many(odd) && few(even) => Ok(Encoding::Utf16Le),
        () if many(even) && few(odd) => Ok(Encoding::Utf16Be),
        () if (even + odd) * 10 > sample.len() => Err(NotText::Binary),
        // A few stray zero bytes in a text: the rows deal with them.
        () => Ok(by_validity(sample)),
    }
}

/// UTF-8, unless most of the lines that have more than ASCII are not: one bad line must not spoil all the good ones.
fn by_validity(sample: &[u8]) -> Encoding {
    let Err(first) = std::str::from_utf8(sample) else {
        return Encoding::Utf8;
    };
    if first.error_len().is_none() {
        // The sample ends inside a character. A whole file that does is short of more than an encoding.
        return Encoding::Utf8;
    }
    let (mut valid, mut invalid) = (0, 0);
    for line in sample.split(|byte| matches!(byte, b'\n' | b'\r')) {
        match std::str::from_utf8(line) {
            Ok(_) if line.is_ascii() => {}
            Ok(_) => valid += 1,
            Err(_) => invalid += 1,
        }
    }
    if valid > invalid { Encoding::Utf8 } else { Encoding::Windows1252 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sample: &[u8], expected: Result<Encoding, NotText>) {
        assert_eq!(recognise(sample), expected, "{sample:?}");
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn a_mark_decides() {
        check(b"\xEF\xBB\xBFname", Ok(Encoding::Utf8));
        check(b"\xEF\xBB\xBFname\xE9", Ok(Encoding::Utf8));
        check(b"\xFF\xFEn\0", Ok(Encoding::Utf16Le));
        check(b"\xFE\xFF\0n", Ok(Encoding::Utf16Be));
    }

    #[test]
    fn utf_16_without_a_mark_is_known_by_its_zero_bytes() {
        let text = "nom;société\nΔέλτα;Ω\n";
        check(&utf16(text, u16::to_le_bytes), Ok(Encoding::Utf16Le));
        check(&utf16(text, u16::to_be_bytes), Ok(Encoding::Utf16Be));
    }

    #[test]
    fn what_is_not_utf_8_is_windows_1252() {
        check(b"nom;ville\nCaf\xE9;N\xEEmes\n", Ok(Encoding::Windows1252));
        check("nom;ville\nCafé;Nîmes\n".as_bytes(), Ok(Encoding::Utf8));
        check(b"", Ok(Encoding::Utf8));
        check(b"name", Ok(Encoding::Utf8));
    }

    #[test]
    fn one_bad_line_among_good_ones_leaves_the_file_utf_8() {
        let mut sample = "é\nè\nà\n".as_bytes().to_vec();
        sample.extend(b"caf\xE9\n");
        check(&sample, Ok(Encoding::Utf8));
    }

    #[test]
    fn a_sample_cut_inside_a_character_is_still_utf_8() {
        check(&"name;é".as_bytes()[..6], Ok(Encoding::Utf8));
    }

    #[test]
    fn other_kinds_of_file_are_named() {
        check(b"PK\x03\x04\x14\0", Err(NotText::Archive));
        check(b"\x1F\x8B\x08\0", Err(NotText::Gzip));
        check(b"\xD0\xCF\x11\xE0\xA1\xB1", Err(NotText::CompoundDocument));
        check(b"%PDF-1.7", Err(NotText::Pdf));
        check(&[0; 64], Err(NotText::Binary));
    }

    #[test]
    fn a_stray_zero_byte_leaves_the_file_a_text() {
        check(b"name;city\nAlpha\0;Paris\nBeta;Lyon\n", Ok(Encoding::Utf8));
    }
}
