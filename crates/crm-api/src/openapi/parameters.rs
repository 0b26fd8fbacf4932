//! The query parameters of lists, made from the fields of the resource.

use std::marker::PhantomData;

use crm_domain::{
    names_of,
    query::{CallerWord, FieldSet, Kind, ListQuery, Operator, Total},
};
use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::extract::{ListParameters, MOST_LIMIT, PageParameters};

/// At least one letter or digit. In ECMAScript `[^\W_]` is ASCII alone, which is narrower than what is taken.
const WITH_A_WORD: &str = r"[^\W_]";

impl<F: FieldSet> utoipa::IntoParams for ListParameters<F> {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut all = page("The `next_cursor` of the page before, with the same filters, search and order.");
        all.push(sort::<F>());
        all.push(query(
            "total",
            "Whether to count all records.",
            &json!({"type": "string", "enum": names_of::<Total>(), "default": "none"}),
        ));
        all.extend(choice::<F>());
        all
    }
}

/// What chooses the records of a list, for the document of operations that neither page nor order them.
pub(crate) struct FilterParameters<F>(PhantomData<F>);

impl<F: FieldSet> utoipa::IntoParams for FilterParameters<F> {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        choice::<F>()
    }
}

/// What chooses and orders the records of a list, for the document of operations that have no pages.
pub(crate) struct WholeListParameters<F>(PhantomData<F>);

impl<F: FieldSet> utoipa::IntoParams for WholeListParameters<F> {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut all = vec![sort::<F>()];
        all.extend(choice::<F>());
        all
    }
}

impl utoipa::IntoParams for PageParameters {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        page("The `next_cursor` of the page before.")
    }
}

fn page(cursor: &str) -> Vec<Parameter> {
    let most = MOST_LIMIT.min(ListQuery::<crm_domain::PersonField>::MOST);
    let limit = json!({"type": "integer", "minimum": 1, "maximum": most, "default": 50});
    vec![
        query("limit", "The most records of one page.", &limit),
        query("cursor", cursor, &json!({"type": "string", "minLength": 1})),
    ]
}

/// The full text search and the filters.
fn choice<F: FieldSet>() -> Vec<Parameter> {
    let mut all = vec![query(
        "q",
        "Full text: each word is found by prefix, and by any part of three letters or more; case and accents do not count.",
        &json!({"type": "string", "minLength": 1, "maxLength": 200, "pattern": WITH_A_WORD}),
    )];
    for field in F::VARIANTS {
        all.extend(field.kind().operators().iter().map(|operator| filter(*field, *operator)));
    }
    all
}

fn sort<F: FieldSet>() -> Parameter {
    let sortable = F::VARIANTS.iter().filter(|field| field.is_sortable());
    let words: Vec<String> =
        sortable.flat_map(|field| [field.as_ref().to_owned(), format!("-{}", field.as_ref())]).collect();
    let default = format!("-{}", F::newest_first().as_ref());
    let schema = json!({
        "type": "array", "items": {"type": "string", "enum": words}, "minItems": 1, "maxItems": 3, "uniqueItems": true,
        "default": [default],
    });
    listed("sort", "Sort keys, each field once; `-` reverses one. Empty values come last.", &schema)
}

fn filter<F: FieldSet>(field: F, operator: Operator) -> Parameter {
    let (name, value, item) = (field.as_ref(), value_of(field), item_of(field));
    let full = match operator {
        Operator::Eq => name.to_owned(),
        operator => format!("{name}.{}", operator.as_ref()),
    };
    match operator {
        Operator::In => listed(&full, &format!("`{name}` is one of these."), &several(&item)),
        Operator::Any => listed(&full, &format!("`{name}` has one of these."), &several(&item)),
        Operator::Is => query(
            &full,
            &format!("Whether `{name}` is empty."),
            &json!({"type": "string", "enum": ["null", "not_null"]}),
        ),
        Operator::Contains | Operator::StartsWith => {
            let schema = json!({"type": "string", "minLength": 1, "maxLength": 500, "pattern": WITH_A_WORD});
            query(&full, &format!("`{name}` {} this; case and accents do not count.", verb(operator)), &schema)
        }
        operator => query(&full, &format!("`{name}` {} this.", verb(operator)), &value),
    }
}

fn value_of<F: FieldSet>(field: F) -> Value {
    field.word_for_caller().map_or_else(|| value_schema(field.kind()), id_or)
}

fn item_of<F: FieldSet>(field: F) -> Value {
    field.word_for_caller().map_or_else(|| item_schema(field.kind()), id_or)
}

/// An id, or the word that stands for the caller's own.
fn id_or(word: CallerWord) -> Value {
    let meaning = match word {
        CallerWord::Me => "An id, or `me` for your own.",
        CallerWord::Mine => "An id, or `mine` for that of your team.",
    };
    json!({
        "type": "string", "anyOf": [{"format": "uuid"}, {"enum": [word.as_ref()]}], "description": meaning,
        "examples": ["00000000-0000-7000-8000-000000000001"],
    })
}

fn verb(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq | Operator::In | Operator::Any | Operator::Is => "is",
        Operator::Ne => "is not",
        Operator::Gt => "is greater than",
        Operator::Gte => "is at least",
        Operator::Lt => "is less than",
        Operator::Lte => "is at most",
        Operator::Contains => "contains",
        Operator::StartsWith => "starts with",
    }
}

fn several(item: &Value) -> Value {
    json!({"type": "array", "items": item, "minItems": 1, "maxItems": 100})
}

/// An item of a list that is separated by commas, so it has none itself and is not blank.
fn item_schema(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Folded | Kind::Tags => {
            json!({"type": "string", "minLength": 1, "maxLength": 500, "pattern": r"^[^,\s\u0000]+$"})
        }
        kind => value_schema(kind),
    }
}

fn value_schema(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Folded | Kind::Tags => {
            json!({"type": "string", "maxLength": 500, "pattern": r"^[^\u0000]*$"})
        }
        Kind::Choice(names) => json!({"type": "string", "enum": names()}),
        Kind::Integer => json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX}),
        Kind::Money => schema_of::<crm_domain::values::Money>(),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Date => json!(crm_domain::values::date_schema()),
        Kind::Time => schema_of::<crm_domain::values::Timestamp>(),
        Kind::Id | Kind::Ids => json!({"type": "string", "format": "uuid"}),
    }
}

fn schema_of<T: utoipa::PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).expect("a schema is plain JSON")
}

/// A query parameter of one value.
pub(crate) fn query(name: &str, description: &str, schema: &Value) -> Parameter {
    let parameter =
        json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema});
    serde_json::from_value(parameter).expect("the parameter above is one of OpenAPI")
}

/// A query parameter of several values separated by commas.
pub(crate) fn listed(name: &str, description: &str, schema: &Value) -> Parameter {
    let parameter = json!({
        "name": name, "in": "query", "required": false, "description": description, "schema": schema,
        "style": "form", "explode": false,
    });
    serde_json::from_value(parameter).expect("the parameter above is one of OpenAPI")
}

#[cfg(test)]
mod tests {
    use crm_domain::{OrganisationField, PersonField};

    use utoipa::IntoParams;

    use super::*;

    /// A value that the schema of a parameter describes.
    fn sample(schema: &Value) -> String {
        if let Some(words) = schema["enum"].as_array() {
            return words[0].as_str().unwrap().to_owned();
        }
        match (schema["type"].as_str().unwrap(), schema["format"].as_str()) {
            ("array", _) => sample(&schema["items"]),
            ("integer", _) => "7".to_owned(),
            ("boolean", _) => "true".to_owned(),
            (_, Some("date")) => "2026-01-31".to_owned(),
            (_, Some("uuid")) => "00000000-0000-7000-8000-000000000001".to_owned(),
            _ => schema["examples"][0].as_str().unwrap_or("abc").to_owned(),
        }
    }

    fn each_parameter_is_taken<F: FieldSet>() {
        for parameter in ListParameters::<F>::into_params(|| None) {
            let parameter = serde_json::to_value(parameter).unwrap();
            let (name, value) = (parameter["name"].as_str().unwrap(), sample(&parameter["schema"]));
            let read = ListQuery::<F>::parse([(name, value.as_str())]);
            assert!(name == "cursor" || read.is_ok(), "{name}={value}: {read:?}");
        }
    }

    #[test]
    fn the_list_takes_every_parameter_that_the_document_names() {
        each_parameter_is_taken::<OrganisationField>();
        each_parameter_is_taken::<PersonField>();
    }

    #[test]
    fn every_operator_of_every_field_has_its_parameter() {
        let names: Vec<String> =
            ListParameters::<OrganisationField>::into_params(|| None).into_iter().map(|one| one.name).collect();
        for expected in [
            "name",
            "name.contains",
            "aum.gte",
            "tags.any",
            "owner_id.is",
            "pipeline_stage.in",
            "created_at.lt",
            "q",
            "sort",
        ] {
            assert!(names.iter().any(|name| name == expected), "{expected}");
        }
        assert!(!names.iter().any(|name| name == "tags" || name == "name.gt" || name == "is_active.in"));
    }
}
