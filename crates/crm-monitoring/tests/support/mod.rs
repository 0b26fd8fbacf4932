//! Outputs that tests can look into.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// An output that keeps what was written.
#[derive(Clone, Default)]
pub struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no writer panicked").clone()).expect("logs are UTF-8")
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output that takes nothing until its gate is dropped, like a pipe whose reader sleeps.
#[allow(dead_code, reason = "not every test file blocks its log")]
pub fn blocked() -> (Blocked, Sender<()>, Page) {
    let (gate, opened) = channel();
    let page = Page::default();
    (Blocked { opened, page: page.clone() }, gate, page)
}

pub struct Blocked {
    opened: Receiver<()>,
    page: Page,
}

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Ends with an error when the gate is dropped, which is the signal.
        let _ = self.opened.recv();
        self.page.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
