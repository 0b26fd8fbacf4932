//! Numbers for what the server makes up: ids, times and cursors, each named in the order of its first appearance.

use std::{collections::HashMap, fmt::Write};

/// The names that one server's answers have been given. `«3»` means the same thing in the requests to both servers.
#[derive(Default)]
pub struct Names {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Names {
    /// The text with names in the place of ids, times and cursors.
    pub fn named(&mut self, text: &str) -> String {
        let mut named = String::with_capacity(text.len());
        let (mut at, mut copied) = (0, 0);
        while at < text.len() {
            let length = length_of_token(text, at);
            if length == 0 {
                at += 1;
                continue;
            }
            named.push_str(&text[copied..at]);
            write!(named, "«{}»", self.number(&text[at..at + length])).expect("a String takes all");
            at += length;
            copied = at;
        }
        named.push_str(&text[copied..]);
        named
    }

    /// The text with what the names stand for.
    pub fn meant(&self, text: &str) -> String {
        let mut parts = text.split('«');
        let mut meant = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (number, rest) = part.split_once('»').expect("names end as they begin");
            let number: usize = number.parse().expect("names are numbers");
            meant.push_str(&self.texts[number]);
            meant.push_str(rest);
        }
        meant
    }

    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.numbers.insert(text.to_owned(), self.texts.len());
        self.texts.push(text.to_owned());
        self.texts.len() - 1
    }
}

const ID: &[u8] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const TIME: &[u8] = b"dddd-dd-ddTdd:dd:dd.ddddddZ";

/// The length in bytes of the id, time or cursor that begins at a place in the text; 0 where none does.
fn length_of_token(text: &str, at: usize) -> usize {
    let (before, rest) = (&text.as_bytes()[..at], &text.as_bytes()[at..]);
    if before.last().is_some_and(u8::is_ascii_alphanumeric) || !rest[0].is_ascii_alphanumeric() {
        return 0;
    }
    if before.ends_with(b"\"next_cursor\":\"") || before.ends_with(b"cursor=") {
        let is_cursor = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_%".contains(byte);
        let length = rest.iter().take_while(|byte| is_cursor(byte)).count();
        // Positions and versions are the same everywhere.
        return if rest[..length].iter().all(u8::is_ascii_digit) { 0 } else { length };
    }
    [ID, TIME].into_iter().find(|form| has_form(rest, form)).map_or(0, <[u8]>::len)
}

fn has_form(text: &[u8], form: &[u8]) -> bool {
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'x' => byte.is_ascii_hexdigit(),
        b'd' => byte.is_ascii_digit(),
        form => byte == form,
    };
    text.len() >= form.len() && text.iter().zip(form).all(fits)
}
