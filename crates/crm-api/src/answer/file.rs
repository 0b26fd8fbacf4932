//! Lists as files that browsers save, sent piece by piece.

use std::{fs::File, future::ready, io::Read};

use actix_web::{
    HttpResponse,
    web::{Bytes, block},
};
use crm_app::{
    Error, Export,
    table::{Exported, FileFormat, csv_head, csv_lines},
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::attachment;
use crate::problem::Problem;

/// Bytes of a finished file that are sent at a time.
const PIECE: usize = 64 * 1024;

/// Streams an export. Nothing is held between two pages, however slow the caller reads.
pub(crate) async fn exported<T: Exported>(mut export: Export<T>, format: FileFormat) -> Result<HttpResponse, Problem> {
    // The first page is fetched before anything is said, so that trouble is still told by a status.
    let first = export.next_page().await?.unwrap_or_default();
    let name = format.file_name(T::NAME);
    Ok(match format {
        FileFormat::Csv => {
            let beginning = [csv_head(T::COLUMNS), csv_lines(T::COLUMNS, &first)].concat();
            let rest = stream::try_unfold(export, |mut export| async move {
                let page = export.next_page().await?;
                Ok(page.map(|page| (csv_lines(T::COLUMNS, &page), export)))
            });
            sent_file(beginning, rest, &name)
        }
        FileFormat::Xlsx => {
            let file = stream::once(async move { Ok::<_, Error>(pieces(export.workbook(first).await?)) }).try_flatten();
            saved(format, &name, file)
        }
    })
}

/// A CSV file of these bytes and the further ones.
pub(crate) fn sent_file(
    first: Vec<u8>,
    rest: impl Stream<Item = Result<Vec<u8>, Error>> + 'static,
    name: &str,
) -> HttpResponse {
    saved(FileFormat::Csv, name, stream::once(ready(Ok(first))).chain(rest).map_ok(Bytes::from))
}

/// Once the head has been sent, all that is left in trouble is to break off, so that nobody takes a part for the whole.
fn saved(format: FileFormat, name: &str, content: impl Stream<Item = Result<Bytes, Error>> + 'static) -> HttpResponse {
    let content = content.map_err(|error| actix_web::Error::from(Problem::from(error)));
    HttpResponse::Ok().content_type(format.media_type()).insert_header(attachment(name)).streaming(content)
}

fn pieces(file: File) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::try_unfold(file, |mut file| async move {
        let read = block(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, std::io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(Error::internal)?.map_err(Error::internal)?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}
