//! Search over everything that the caller may see.

use crm_domain::{
    Invalid, Mandate, Organisation, Person, Product, SearchHit, SearchType,
    access::{Actor, Denied, Read, policy},
    query::Page,
    values::search_words,
};
use crm_persistence::search::{self, Searched};
use strum::VariantArray;

use crate::{App, Error};

/// What to search for.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// The words, as they were typed.
    pub text: String,
    /// What to look through; everything when empty.
    pub types: Vec<SearchType>,
    /// Where to begin.
    pub cursor: Option<String>,
    /// The most hits of one page.
    pub limit: u32,
}

impl App {
    /// One ranked list. What the role does not allow to read is left out; a role that may read nothing is denied.
    pub async fn search(&self, actor: &Actor, query: SearchQuery) -> Result<Page<SearchHit>, Error> {
        let words = search_words(&query.text);
        if words.is_empty() {
            return Err(Invalid::one("q", "search", "must have at least one letter or digit").into());
        }
        let wanted = |kind: &&SearchType| query.types.is_empty() || query.types.contains(kind);
        let (mut searched, mut denied, mut allowed) = (Searched::default(), None, false);
        for kind in SearchType::VARIANTS.iter().filter(wanted) {
            match with(searched.clone(), actor, *kind) {
                Ok(more) => (searched, allowed) = (more, true),
                Err(no) => denied = denied.or(Some(no)),
            }
        }
        if let (Some(denied), false) = (denied, allowed) {
            return Err(denied.into());
        }
        self.read(move |tx| Ok(search::search(tx, searched, &words, query.limit, query.cursor.as_deref())?)).await
    }
}

/// What is searched, and the records of one kind besides, as far as the caller may read them.
fn with(searched: Searched, actor: &Actor, kind: SearchType) -> Result<Searched, Denied> {
    Ok(match kind {
        SearchType::Organisations => searched.and(kind, &policy::authorise::<Read, Organisation>(actor)?),
        SearchType::People => searched.and(kind, &policy::authorise::<Read, Person>(actor)?),
        SearchType::Products => searched.and(kind, &policy::authorise::<Read, Product>(actor)?),
        SearchType::Mandates => searched.and(kind, &policy::authorise::<Read, Mandate>(actor)?),
    })
}
