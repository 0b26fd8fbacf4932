//! The file: a line that says what it is, blocks of packed rows, the manifest, and a checksum over all of it.
//!
//! | part | bytes |
//! |---|---|
//! | `crm-backup 1` and a line feed | 13 |
//! | each block: number of its table, length of its rows, packed length (each a `u32`, big-endian); the rows, deflated | 12 + packed |
//! | the manifest: `u32::MAX`, its length twice; itself as JSON, not packed | 12 + length |
//! | SHA-256 of all before | 32 |
//!
//! Nothing is believed before it is checked, and nothing is read or inflated beyond what its head says and the limits
//! allow: memory stays bounded whatever the file is.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use sha2::{Digest, Sha256};

use super::{
    error::BackupError,
    manifest::{FORMAT, Manifest},
};

const MAGIC: &[u8] = b"crm-backup 1\n";
const KIND_OF_FILE: &[u8] = b"crm-backup ";
const MANIFEST: u32 = u32::MAX;
const MOST_OF_MANIFEST: u32 = 4 * 1024 * 1024;

/// Rows go into a block until it has so many bytes.
pub(super) const BLOCK: usize = 1024 * 1024;

/// No block has more bytes, which is also the most that one row may have.
pub(super) const MOST_OF_BLOCK: usize = 64 * 1024 * 1024;

/// Writes a file from front to back.
pub(super) struct Writer<W: Write> {
    output: W,
    hash: Sha256,
    compression: Compression,
}

impl<W: Write> Writer<W> {
    pub fn new(output: W, compression: Compression) -> Result<Self, BackupError> {
        let mut writer = Self { output, hash: Sha256::new(), compression };
        writer.write(MAGIC)?;
        Ok(writer)
    }

    /// Writes some rows of a table.
    pub fn block(&mut self, table: usize, rows: &[u8]) -> Result<(), BackupError> {
        if rows.len() > MOST_OF_BLOCK {
            return Err(BackupError::File(io::Error::other("a row is too long for a backup")));
        }
        let mut packer = DeflateEncoder::new(Vec::with_capacity(rows.len() / 4), self.compression);
        packer.write_all(rows)?;
        let packed = packer.finish()?;
        self.head(u32::try_from(table).expect("there are few tables"), rows.len(), packed.len())?;
        self.write(&packed)
    }

    /// Writes what comes last.
    pub fn finish(mut self, manifest: &Manifest) -> Result<W, BackupError> {
        let text = serde_json::to_vec(manifest).expect("a manifest serialises to JSON");
        self.head(MANIFEST, text.len(), text.len())?;
        self.write(&text)?;
        self.output.write_all(&self.hash.finalize())?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn head(&mut self, table: u32, rows: usize, packed: usize) -> Result<(), BackupError> {
        let length = |length: usize| u32::try_from(length).expect("a block is bounded").to_be_bytes();
        self.write(&[table.to_be_bytes(), length(rows), length(packed)].concat())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.hash.update(bytes);
        Ok(self.output.write_all(bytes)?)
    }
}

/// Rows of one table.
#[derive(Debug)]
pub(super) struct Block {
    pub table: usize,
    pub rows: Vec<u8>,
}

/// Reads a file whose checksum holds, from front to back.
pub(super) struct Reader<R: Read> {
    input: BufReader<R>,
}

/// Reads the whole file once and checks what can be checked without unpacking anything; its manifest.
pub(super) fn inspect<R: Read + Seek>(input: &mut R) -> Result<Manifest, BackupError> {
    input.seek(SeekFrom::Start(0))?;
    let mut input = Hashed { input: BufReader::new(input), hash: Sha256::new() };
    begin(&mut input)?;
    let text = loop {
        let head = Head::read(&mut input)?;
        if head.table == MANIFEST {
            let mut text = vec![0; head.packed];
            input.fill(&mut text)?;
            break text;
        }
        input.skip(head.packed)?;
    };
    let Hashed { mut input, hash } = input;
    let mut said = [0; 32];
    input.read_exact(&mut said).map_err(BackupError::of_reading)?;
    if said[..] != hash.finalize()[..] {
        return Err(BackupError::damaged("its checksum does not hold"));
    }
    if input.read(&mut [0])? != 0 {
        return Err(BackupError::damaged("something follows its end"));
    }
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| BackupError::damaged(format!("its manifest: {error}")))?;
    if manifest.format == FORMAT { Ok(manifest) } else { Err(BackupError::NewerFormat(manifest.format)) }
}

impl<R: Read + Seek> Reader<R> {
    pub fn new(mut input: R) -> Result<Self, BackupError> {
        input.seek(SeekFrom::Start(0))?;
        let mut input = Hashed { input: BufReader::new(input), hash: Sha256::new() };
        begin(&mut input)?;
        Ok(Self { input: input.input })
    }

    /// The next rows; none where the manifest begins.
    pub fn block(&mut self) -> Result<Option<Block>, BackupError> {
        let head = Head::read(&mut self.input)?;
        if head.table == MANIFEST {
            return Ok(None);
        }
        let mut packed = (&mut self.input).take(head.packed as u64);
        let mut rows = Vec::with_capacity(head.rows);
        // One byte more than there should be shows that there are more.
        let unpacked = DeflateDecoder::new(&mut packed).take(head.rows as u64 + 1).read_to_end(&mut rows);
        unpacked.map_err(|error| BackupError::damaged(format!("a block cannot be unpacked: {error}")))?;
        if rows.len() != head.rows || packed.limit() != 0 {
            return Err(BackupError::damaged("a block has not the length that it says"));
        }
        Ok(Some(Block { table: head.table as usize, rows }))
    }
}

fn begin<R: Read>(input: &mut Hashed<R>) -> Result<(), BackupError> {
    let mut magic = [0; MAGIC.len()];
    match input.fill(&mut magic) {
        Ok(()) if magic == MAGIC => Ok(()),
        Ok(()) if magic.starts_with(KIND_OF_FILE) => Err(BackupError::NewerFormat(FORMAT + 1)),
        Ok(()) | Err(BackupError::Damaged(_)) => Err(BackupError::NotABackup),
        Err(error) => Err(error),
    }
}

struct Head {
    table: u32,
    rows: usize,
    packed: usize,
}

impl Head {
    fn read(input: &mut impl Source) -> Result<Self, BackupError> {
        let mut bytes = [0; 12];
        input.fill(&mut bytes)?;
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four of twelve bytes"));
        let (table, rows, packed) = (number(0), number(4), number(8));
        let most = if table == MANIFEST { MOST_OF_MANIFEST } else { u32::try_from(MOST_OF_BLOCK).expect("it fits") };
        if rows > most || packed > most + most / 8 || (table == MANIFEST && rows != packed) {
            return Err(BackupError::damaged("a block says that it is longer than blocks are"));
        }
        Ok(Self { table, rows: rows as usize, packed: packed as usize })
    }
}

trait Source {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError>;
}

impl<R: Read> Source for BufReader<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.read_exact(bytes).map_err(BackupError::of_reading)
    }
}

/// What is read, and the checksum of it.
struct Hashed<R: Read> {
    input: BufReader<R>,
    hash: Sha256,
}

impl<R: Read> Source for Hashed<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.input.fill(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }
}

impl<R: Read> Hashed<R> {
    fn skip(&mut self, mut bytes: usize) -> Result<(), BackupError> {
        let mut piece = [0; 16 * 1024];
        while bytes > 0 {
            let length = bytes.min(piece.len());
            self.fill(&mut piece[..length])?;
            bytes -= length;
        }
        Ok(())
    }
}
