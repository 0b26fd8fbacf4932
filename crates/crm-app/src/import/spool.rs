//! Uploads on their way to the import: streamed into a file, limited in size, removed when nobody wants them any more.

use std::{
    fs::{self, File},
    io::{BufReader, Write},
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use crm_domain::{Id, Import};
use futures_util::{Stream, StreamExt};

use super::Imports;
use crate::{Error, app::blocking};

/// How many bytes are gathered before they are written: one hop to a blocking thread for each.
const BLOCK: usize = 512 * 1024;

/// An uploaded file; it is removed when this value is dropped.
#[derive(Debug)]
pub struct Spooled {
    path: PathBuf,
    bytes: u64,
}

impl Spooled {
    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads it from the beginning.
    pub(super) fn open(&self) -> Result<BufReader<File>, Error> {
        File::open(&self.path).map(BufReader::new).map_err(Error::internal)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // A file that cannot be removed is removed by the next start, which empties the folder of old files.
        let _left_for_later = fs::remove_file(&self.path);
    }
}

impl Imports {
    /// Takes in an upload. One that is larger than allowed is refused as soon as that is known.
    pub async fn spool<E>(&self, upload: impl Stream<Item = Result<Bytes, E>>) -> Result<Spooled, Error>
    where
        Error: From<E>,
    {
        let settings = self.app.settings();
        let (folder, limit) = (settings.import_directory.clone(), settings.import_bytes);
        let path = folder.join(format!("{}.upload", self.app.new_id::<Import>() as Id<Import>));
        let mut file = blocking({
            let path = path.clone();
            move || create(&folder, &path)
        })
        .await?;
        let mut spooled = Spooled { path, bytes: 0 };
        let mut block = BytesMut::with_capacity(BLOCK);
        let mut upload = std::pin::pin!(upload);
        while let Some(piece) = upload.next().await {
            let piece = piece?;
            spooled.bytes += piece.len() as u64;
            if spooled.bytes > limit {
                return Err(Error::TooLarge { limit });
            }
            block.extend_from_slice(&piece);
            if block.len() >= BLOCK {
                file = write(file, block.split().freeze()).await?;
            }
        }
        write(file, block.freeze()).await?;
        Ok(spooled)
    }
}

fn create(folder: &Path, path: &Path) -> Result<File, Error> {
    fs::create_dir_all(folder).and_then(|()| File::create_new(path)).map_err(failed)
}

async fn write(mut file: File, block: Bytes) -> Result<File, Error> {
    blocking(move || file.write_all(&block).map(|()| file).map_err(failed)).await
}

fn failed(error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::StorageFull { Error::StorageFull } else { Error::internal(error) }
}

/// Removes the uploads that a process which ended early has left behind, `old` ones alone: another instance may share the
/// folder and still be at work on its own.
pub(super) fn remove_leftovers(folder: &Path, is_old: impl Fn(&fs::Metadata) -> bool) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let uploads = entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "upload"));
    for upload in uploads.filter(|entry| entry.metadata().is_ok_and(|metadata| is_old(&metadata))) {
        let _left_for_later = fs::remove_file(upload.path());
    }
}
