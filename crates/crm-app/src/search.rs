//! Search over everything that the caller may see.

use crm_domain::{
    Invalid, Organisation, Person, SearchHit, SearchType,
    access::{Actor, Denied, Grant, Read, policy},
    query::Page,
    values::search_words,
};
use crm_persistence::search;

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
        let wanted = |kind| query.types.is_empty() || query.types.contains(&kind);
        let organisations = policy::authorise::<Read, Organisation>(actor);
        let people = policy::authorise::<Read, Person>(actor);
        let (organisations, people) = readable(
            wanted(SearchType::Organisations).then_some(organisations),
            wanted(SearchType::People).then_some(people),
        )?;
        self.read(move |tx| {
            let (organisations, people) = (organisations.as_ref(), people.as_ref());
            Ok(search::search(tx, organisations, people, &words, query.limit, query.cursor.as_deref())?)
        })
        .await
    }
}

type Wanted<R> = Option<Result<Grant<Read, R>, Denied>>;
type Readable<R> = Option<Grant<Read, R>>;

/// What is both wanted and allowed; the first denial when that is nothing.
fn readable(
    organisations: Wanted<Organisation>,
    people: Wanted<Person>,
) -> Result<(Readable<Organisation>, Readable<Person>), Denied> {
    match (organisations, people) {
        (Some(Err(denied)), None | Some(Err(_))) | (None, Some(Err(denied))) => Err(denied),
        (organisations, people) => Ok((organisations.and_then(Result::ok), people.and_then(Result::ok))),
    }
}
