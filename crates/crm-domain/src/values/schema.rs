//! JSON schemas of the value types, precise enough that a tester can generate valid inputs from them.

use serde_json::Value;
use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema, SchemaFormat,
    schema::{SchemaType, Type},
};

/// The schema of a value that is a JSON string.
pub(crate) struct TextSchema {
    pub(crate) description: &'static str,
    /// A format of JSON schema, or a name of ours where a pattern cannot tell the rule (check digits).
    pub(crate) format: Option<&'static str>,
    /// ECMA 262, anchored.
    pub(crate) pattern: Option<&'static str>,
    /// In characters.
    pub(crate) length: (usize, usize),
    pub(crate) example: &'static str,
}

impl TextSchema {
    pub(crate) fn build(self) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .description(Some(self.description))
            .format(self.format.map(|name| SchemaFormat::Custom(name.to_owned())))
            .pattern(self.pattern)
            .min_length(Some(self.length.0))
            .max_length(Some(self.length.1))
            .examples([Value::from(self.example)])
            .into()
    }
}

/// The schema of a closed list of codes.
pub(crate) fn codes(description: &str, table: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .description(Some(description))
        .enum_values(Some(table.iter().copied()))
        .into()
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use utoipa::PartialSchema;

    use super::*;
    use crate::values::{
        CountryCode, CurrencyCode, EmailAddress, Isin, LanguageCode, Lei, Line, Minutes, Money, Percent, PhoneNumber,
        Tags, Text, Timestamp, WebAddress,
    };

    #[track_caller]
    fn check<T: PartialSchema + DeserializeOwned>() {
        let schema = serde_json::to_value(T::schema()).unwrap();
        let shown = schema.get("examples").or(schema.get("enum")).and_then(Value::as_array).unwrap();
        assert!(!shown.is_empty());
        for example in shown {
            assert!(serde_json::from_value::<T>(example.clone()).is_ok(), "{example}");
        }
    }

    #[test]
    fn every_example_and_every_listed_code_is_a_valid_input() {
        check::<CountryCode>();
        check::<CurrencyCode>();
        check::<EmailAddress>();
        check::<Isin>();
        check::<LanguageCode>();
        check::<Lei>();
        check::<Line>();
        check::<Minutes>();
        check::<Money>();
        check::<Percent>();
        check::<PhoneNumber>();
        check::<crate::Recurrence>();
        check::<Tags>();
        check::<Text>();
        check::<Timestamp>();
        check::<WebAddress>();
    }
}
