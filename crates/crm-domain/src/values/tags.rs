//! Tags: short free words on a record.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::line::line_within;
use crate::Violation;

/// A set of at most 50 tags, sorted, each one line of 1–64 characters without a comma. Breaks `tags`.
///
/// As JSON a list of strings; as text, in files, divided by commas.
///
/// ```
/// use crm_domain::values::Tags;
/// let tags = Tags::parse([" vip ", "esg", "vip"])?;
/// assert_eq!(tags.as_slice(), ["esg", "vip"]);
/// assert_eq!(Tags::parse_list("vip, esg")?, tags);
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "Vec<String>")]
pub struct Tags(Vec<String>);

const TAG_LIMIT: usize = 64;
const TAGS_LIMIT: usize = 50;

impl Tags {
    /// The set of the given tags; what stands twice is taken once.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, Violation> {
        let tags: Option<Vec<String>> = texts.into_iter().map(|text| canonical_tag(text.as_ref())).collect();
        let mut tags = tags.ok_or_else(|| {
            Violation::new("tags", format!("each tag must be one line of 1 to {TAG_LIMIT} characters without commas"))
        })?;
        tags.sort_unstable();
        tags.dedup();
        if tags.len() > TAGS_LIMIT {
            return Err(Violation::new("tags", format!("must be at most {TAGS_LIMIT} tags")));
        }
        Ok(Self(tags))
    }

    /// Reads tags from a file, divided by commas; empty places are passed over.
    pub fn parse_list(text: &str) -> Result<Self, Violation> {
        Self::parse(text.split(',').filter(|tag| !tag.trim().is_empty()))
    }

    /// Takes tags from the database. Trusted: they were made by [`Tags::parse`] before they were stored.
    pub fn from_stored(tags: Vec<String>) -> Self {
        Self(tags)
    }

    /// The tags, sorted.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether there is no tag.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(", "))
    }
}

impl TryFrom<Vec<String>> for Tags {
    type Error = Violation;

    fn try_from(texts: Vec<String>) -> Result<Self, Self::Error> {
        Self::parse(texts)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::__dev::ComposeSchema for Tags {
    fn compose(
        _: Vec<utoipa::openapi::RefOr<utoipa::openapi::Schema>>,
    ) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
        let tag = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .pattern(Some(
                r"^[^,\u0000-\u001F\u007F-\u009F\u2028\u2029]*[^,\s\u0000-\u001F\u007F-\u009F][^,\u0000-\u001F\u007F-\u009F\u2028\u2029]*$",
            ))
            .min_length(Some(1))
            .max_length(Some(TAG_LIMIT));
        ArrayBuilder::new()
            .items(utoipa::openapi::RefOr::<utoipa::openapi::Schema>::from(tag))
            .description(Some("Tags; stored sorted, each once."))
            .max_items(Some(TAGS_LIMIT))
            .examples([serde_json::json!(["esg", "vip"])])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Tags {}

fn canonical_tag(text: &str) -> Option<String> {
    line_within(text, TAG_LIMIT).ok().filter(|tag| !tag.contains(','))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn tags_are_trimmed_composed_sorted_and_taken_once() {
        check(Tags::parse([" vip", "e\u{301}sg", "é", "vip ", "a b"]), Ok("a b, vip, é, ésg"));
        check(Tags::parse(Vec::<String>::new()), Ok(""));
        check(Tags::parse(["ESG", "esg"]), Ok("ESG, esg"));
        check(Tags::parse(["é".repeat(64)]), Ok(&"é".repeat(64)));
        check(Tags::parse(["é".repeat(65)]), Err("tags"));
        for wrong in ["", " ", "a,b", "a\nb", "a\tb", "\0"] {
            check(Tags::parse(["fine", wrong]), Err("tags"));
        }
    }

    #[test]
    fn at_most_fifty_different_tags_are_taken() {
        let numbered = |count: usize| (0..count).map(|number| format!("{number:02}")).collect::<Vec<_>>();
        assert_eq!(Tags::parse(numbered(50).into_iter().chain(numbered(50))).unwrap().as_slice(), numbered(50));
        check(Tags::parse(numbered(51)), Err("tags"));
    }

    #[test]
    fn a_file_divides_tags_by_commas() {
        check(Tags::parse_list(" vip,, esg ,"), Ok("esg, vip"));
        check(Tags::parse_list(""), Ok(""));
        check(Tags::parse_list("a\nb"), Err("tags"));
    }

    #[test]
    fn json_is_a_list() {
        let tags: Tags = serde_json::from_str(r#"["b","a","b"]"#).unwrap();
        assert_eq!(serde_json::to_string(&tags).unwrap(), r#"["a","b"]"#);
        assert!(serde_json::from_str::<Tags>(r#"[""]"#).is_err());
        assert!(serde_json::from_str::<Tags>(r#""a""#).is_err());
    }

    proptest! {
        #[test]
        fn reading_what_is_displayed_changes_nothing(texts in proptest::collection::vec("[a-zé ]{1,5}", 0..8)) {
            if let Ok(tags) = Tags::parse(&texts) {
                prop_assert_eq!(Tags::parse_list(&tags.to_string()), Ok(tags.clone()));
                prop_assert_eq!(Tags::parse(tags.as_slice()), Ok(tags));
            }
        }
    }
}
