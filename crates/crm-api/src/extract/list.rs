//! The parameters of lists.

use std::{
    fmt::Write,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use crm_domain::{
    Id, Invalid, Violation,
    query::{CallerWord, FieldSet, ListQuery},
};

use super::{
    Caller, Query,
    cached::{Audience, narrow},
};
use crate::problem::Problem;

/// A list request: filters, search, order, cursor, page size.
#[derive(Debug)]
pub(crate) struct ListParameters<F> {
    /// The request.
    pub(crate) query: ListQuery<F>,
    /// The relations to inline, as they were named.
    pub(crate) expand: Vec<String>,
    /// The format of an export, as it was named.
    pub(crate) format: Option<String>,
    /// The address of the same list from another cursor on.
    pub(crate) address: Address,
}

impl<F: FieldSet> FromRequest for ListParameters<F> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

impl<F: FieldSet> ListParameters<F> {
    /// Which of these two an operation has is a matter of its description: others have been refused before.
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut query = Query::parse(request.query_string()).map_err(Problem::parameters)?;
        let address = Address::new(request.path(), &query);
        let expand = query.read("expand", words)?.unwrap_or_default();
        let format = query.take("format")?;
        let own = own_ids::<F>(request, &query);
        if own.iter().any(Option::is_some) {
            narrow(request, Audience::Personal);
        }
        let pairs = query.pairs().zip(&own).map(|((name, value), own)| (name, own.as_deref().unwrap_or(value)));
        let query = ListQuery::parse(pairs).map_err(Problem::parameters)?;
        Ok(Self { query, expand, format, address })
    }
}

/// The values of filters in which `me` and `mine` stand for the caller's own ids, with these in their place; none where a value
/// has no such word.
fn own_ids<F: FieldSet>(request: &HttpRequest, query: &Query) -> Vec<Option<String>> {
    let extensions = request.extensions();
    let actor = extensions.get::<Caller>().map(Caller::actor);
    let own = |name: &str, value: &str| {
        let field: F = name.split_once('.').map_or(name, |(field, _)| field).parse().ok()?;
        let (word, actor) = (field.word_for_caller()?, actor?);
        if !value.split(',').any(|item| item == word.as_ref()) {
            return None;
        }
        let id = match word {
            CallerWord::Me => actor.user_id().map(|id| id.to_string()),
            CallerWord::Mine => actor.team_id().map(|id| id.to_string()),
        };
        // Whoever has no team has nothing of their team's: no record has this id.
        let id = id.unwrap_or_else(|| Id::<()>::from_u128(0).to_string());
        let items = value.split(',').map(|item| if item == word.as_ref() { id.as_str() } else { item });
        Some(items.collect::<Vec<_>>().join(","))
    };
    query.pairs().map(|(name, value)| own(name, value)).collect()
}

/// The parameters of a list without filters: `cursor` and `limit`.
#[derive(Debug)]
pub(crate) struct PageParameters {
    /// Where to begin.
    pub(crate) cursor: Option<String>,
    /// The most records of the page.
    pub(crate) limit: u32,
    /// Parameters that this operation has beside these two.
    pub(crate) others: Query,
    /// The address of the same list from another cursor on.
    pub(crate) address: Address,
}

impl FromRequest for PageParameters {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

impl PageParameters {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut others = Query::parse(request.query_string()).map_err(Problem::parameters)?;
        let address = Address::new(request.path(), &others);
        let cursor = others.take("cursor")?;
        let limit = others.read("limit", limit)?.unwrap_or(DEFAULT_LIMIT);
        Ok(Self { cursor, limit, others, address })
    }
}

/// The relations to inline, as they were named, of an operation that has no other parameters.
#[derive(Debug)]
pub(crate) struct Expand(pub(crate) Vec<String>);

impl FromRequest for Expand {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let query = Query::parse(request.query_string()).map_err(Problem::parameters);
        ready(query.and_then(|mut query| Ok(Self(query.read("expand", words)?.unwrap_or_default()))))
    }
}

/// The page size when none is asked for.
pub(crate) const DEFAULT_LIMIT: u32 = 50;
/// The greatest page size.
pub(crate) const MOST_LIMIT: u32 = 200;

fn limit(text: &str) -> Result<u32, Violation> {
    let number = text.parse().ok().filter(|number| (1..=MOST_LIMIT).contains(number));
    number.ok_or_else(|| Violation::new("limit", format!("must be a whole number from 1 to {MOST_LIMIT}")))
}

/// Words separated by commas, each at most once.
pub(crate) fn words(text: &str) -> Result<Vec<String>, Violation> {
    let words: Vec<String> = text.split(',').map(str::to_owned).collect();
    let is_repeated = words.iter().enumerate().any(|(index, word)| words[..index].contains(word));
    if is_repeated { Err(Violation::new("repeated_word", "names something twice")) } else { Ok(words) }
}

/// Refuses words that are not among these.
pub(crate) fn known(name: &str, words: &[String], all: &[&str]) -> Result<(), Problem> {
    let detail = || format!("takes, separated by commas: {}", all.join(", "));
    if words.iter().all(|word| all.contains(&word.as_str())) {
        Ok(())
    } else {
        Err(Problem::parameters(Invalid::one(name, "choice", detail())))
    }
}

/// Where a list lives, without its cursor.
#[derive(Debug)]
pub(crate) struct Address {
    path: String,
    query: String,
}

impl Address {
    fn new(path: &str, query: &Query) -> Self {
        let kept = query.pairs().filter(|(name, _)| *name != "cursor");
        let pairs = kept.map(|(name, value)| format!("{}={}&", encoded(name), encoded(value)));
        Self { path: path.to_owned(), query: pairs.collect() }
    }

    /// The address of the page that begins after this cursor.
    pub(crate) fn after(&self, cursor: &str) -> String {
        format!("{}?{}cursor={}", self.path, self.query, encoded(cursor))
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' | b':' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, test::TestRequest};
    use crm_domain::OrganisationField;
    use proptest::prelude::*;

    use super::*;

    fn read(uri: &str) -> Result<ListParameters<OrganisationField>, Problem> {
        ListParameters::read(&TestRequest::with_uri(uri).to_http_request())
    }

    #[test]
    fn the_next_page_keeps_the_filters_and_replaces_the_cursor() {
        let address = read("/x?name.contains=a%26b&limit=2").unwrap().address;
        assert_eq!(address.after("c=1"), "/x?name.contains=a%26b&limit=2&cursor=c%3D1");
    }

    #[test]
    fn expand_and_format_are_set_apart_from_the_filters() {
        let list = read("/x?expand=owner,people&format=csv&country_code=FR").unwrap();
        assert_eq!((list.expand.len(), list.format.as_deref(), list.query.filters.len()), (2, Some("csv"), 1));
    }

    #[test]
    fn bad_parameters_are_400_with_the_name_of_each() {
        let problem = read("/x?limit=0&colour=red&limit=1").unwrap_err();
        let pointers: Vec<_> = problem.errors().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!((problem.status_code().as_u16(), pointers), (400, vec!["limit", "colour", "limit"]));
        assert!(read("/x?expand=owner,owner").is_err() && read("/x?format=csv&format=csv").is_err());
    }

    proptest! {
        #[test]
        fn an_address_reads_back_as_it_was_written(value in any::<String>(), cursor in any::<String>()) {
            let query = Query::parse(&format!("q={}", encoded(&value))).unwrap();
            let address = Address::new("/x", &query).after(&cursor);
            let again = Query::parse(address.strip_prefix("/x?").unwrap()).unwrap();
            let pairs: Vec<_> = again.pairs().collect();
            prop_assert_eq!(pairs, vec![("q", value.as_str()), ("cursor", cursor.as_str())]);
        }
    }
}
