//! The parts of a backup, to be changed and put together again as somebody with a text editor would.

use serde_json::Value;
use sha2::{Digest, Sha256};

const MAGIC: &[u8] = b"crm-backup 1\n";

#[derive(Clone)]
pub struct Parts {
    pub magic: Vec<u8>,
    /// Number of the table, length that is said, packed rows.
    pub blocks: Vec<(u32, u32, Vec<u8>)>,
    pub manifest: Value,
}

impl Parts {
    pub fn of(file: &[u8]) -> Self {
        let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let (mut at, mut blocks) = (MAGIC.len(), Vec::new());
        loop {
            let (table, rows, packed) = (number(at), number(at + 4), number(at + 8) as usize);
            let body = file[at + 12..at + 12 + packed].to_vec();
            if table == u32::MAX {
                let manifest = serde_json::from_slice(&body).unwrap();
                return Self { magic: MAGIC.to_vec(), blocks, manifest };
            }
            blocks.push((table, rows, body));
            at += 12 + packed;
        }
    }

    /// The file, with a checksum that holds.
    pub fn sealed(&self) -> Vec<u8> {
        let mut file = self.magic.clone();
        let manifest = self.manifest.to_string().into_bytes();
        let length = u32::try_from(manifest.len()).unwrap();
        let last = (u32::MAX, length, manifest);
        for (table, rows, body) in self.blocks.iter().chain([&last]) {
            file.extend(
                [table.to_be_bytes(), rows.to_be_bytes(), u32::try_from(body.len()).unwrap().to_be_bytes()].concat(),
            );
            file.extend(body);
        }
        sealed(file)
    }
}

/// With the checksum of all that is there.
pub fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let sum = Sha256::digest(&file);
    file.extend_from_slice(&sum);
    file
}

/// Rows as a block has them.
pub fn packed(rows: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(rows).unwrap();
    packer.finish().unwrap()
}
