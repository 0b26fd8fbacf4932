//! Exports: a whole list, page by page, in bounded memory.

use std::{fmt, future::Future, pin::Pin};

use crm_domain::{
    Invalid,
    query::{Cursor, FieldSet, ListQuery, Page},
};

use crate::Error;

/// How many records one page of an export has.
pub(crate) const PAGE: u32 = 1000;

type NextPage<T> = Pin<Box<dyn Future<Output = Result<Page<T>, Error>> + Send>>;

/// The records of a list, page by page. Each page is a look at the database of its own, so an export of any length keeps
/// no connection between two pages.
pub struct Export<T> {
    fetch: Box<dyn Fn(Option<String>) -> NextPage<T> + Send + Sync>,
    place: Place,
}

enum Place {
    At(Option<String>),
    End,
}

impl<T> Export<T> {
    pub(crate) fn new(fetch: impl Fn(Option<String>) -> NextPage<T> + Send + Sync + 'static) -> Self {
        Self { fetch: Box::new(fetch), place: Place::At(None) }
    }

    /// The next records; none at the end, and none after an error.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Place::At(cursor) = std::mem::replace(&mut self.place, Place::End) else {
            return Ok(None);
        };
        let page = (self.fetch)(cursor).await?;
        if let Some(next) = page.next_cursor {
            self.place = Place::At(Some(next));
        }
        Ok(Some(page.items))
    }
}

impl<T> fmt::Debug for Export<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Export").finish_non_exhaustive()
    }
}

pub(crate) fn cursor<F: FieldSet>(text: Option<&str>, query: &ListQuery<F>) -> Result<Option<Cursor>, Error> {
    let decode = |text| {
        Cursor::decode(text, query.fingerprint(), &query.sort).map_err(|wrong| Invalid::from(wrong.at("cursor")))
    };
    Ok(text.map(decode).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_export_walks_all_pages_and_then_ends() {
        let mut export = Export::new(|cursor| {
            Box::pin(async move {
                let number: usize = cursor.map_or(0, |text| text.parse().expect("a number"));
                let next_cursor = (number < 2).then(|| (number + 1).to_string());
                Ok(Page { items: vec![number], next_cursor, total: None })
            })
        });
        let mut all = Vec::new();
        while let Some(page) = export.next_page().await.expect("nothing fails") {
            all.extend(page);
        }
        assert_eq!(all, [0, 1, 2]);
    }

    #[tokio::test]
    async fn after_an_error_nothing_more_comes() {
        let mut export = Export::<u8>::new(|_| Box::pin(async { Err(Error::BUSY) }));
        assert!(export.next_page().await.is_err());
        assert!(matches!(export.next_page().await, Ok(None)));
    }
}
