//! Whatever a client sends, reading it ends in a value or in an error, and a cursor is read back as it was written.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use crm_domain::{
    MandateField, OrganisationField, PersonField, ProductField,
    query::{Cursor, Direction, FieldSet, Filter, ListQuery, Operator, Sort, Value},
    values::{Timestamp, parse_date},
};
use proptest::{prelude::*, sample::select};
use strum::VariantArray;
use uuid::Uuid;

use crate::{lists::Probe, often};

/// Names of parameters: known ones, known ones with an operator, and anything.
fn parameter() -> impl Strategy<Value = String> {
    let fields: Vec<String> = Probe::VARIANTS.iter().map(|field| field.as_ref().to_owned()).collect();
    let operators: Vec<&str> = Operator::VARIANTS.iter().map(AsRef::as_ref).collect();
    prop_oneof![
        3 => (select(fields.clone()), select(operators)).prop_map(|(field, operator)| format!("{field}.{operator}")),
        2 => select(fields),
        2 => select(vec!["limit", "sort", "total", "q", "cursor"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Values: such as some parameter takes, and anything.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(vec!["1", "true", "null", "2026-01-31", "2026-01-01T00:00:00Z", "one,two", "-money,text", "exact", "été"])
            .prop_map(str::to_owned),
        1 => "-?[0-9]{1,20}(\\.[0-9]{0,3})?",
        1 => "[a-z_,.-]{0,20}",
        2 => any::<String>(),
    ]
}

/// Texts that are nearly cursors, and anything.
fn nearly_cursor() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => any::<String>(),
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        2 => ("[0-2]", "[0-9]{1,20}", "(null|-?[0-9]{1,25}|true|\"[ -~]{0,12}\"|\\[\\])?", "[0-9a-f-]{0,36}").prop_map(
            |(layout, list, key, id)| URL_SAFE_NO_PAD.encode(format!("[{layout},{list},[{key}],\"{id}\"]"))
        ),
    ]
}

/// A value of the field's kind, as a sort key holds it.
fn key(field: Probe) -> BoxedStrategy<Option<Value>> {
    let text = any::<String>().prop_map(|text| Value::Text(text.replace('\0', " ")));
    let value = match field {
        Probe::Text | Probe::Folded | Probe::Choice | Probe::Tags => text.boxed(),
        Probe::Integer | Probe::Money => any::<i64>().prop_map(Value::Integer).boxed(),
        Probe::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Probe::Date => (1000..=9999_u16, 1..=12_u8, 1..=28_u8)
            .prop_map(|(year, month, day)| Value::Date(parse_date(&format!("{year}-{month:02}-{day:02}")).unwrap()))
            .boxed(),
        Probe::Time => any::<i64>().prop_map(|micros| Value::Time(Timestamp::from_micros(micros))).boxed(),
        Probe::Id => any::<u128>().prop_map(|number| Value::Id(Uuid::from_u128(number))).boxed(),
    };
    prop::option::of(value).boxed()
}

/// An order of up to three keys, and a place in it.
fn place() -> impl Strategy<Value = (Vec<Sort<Probe>>, Cursor)> {
    let sort = (select(Probe::VARIANTS), any::<bool>()).prop_map(|(field, up)| Sort {
        field,
        direction: if up { Direction::Ascending } else { Direction::Descending },
    });
    prop::collection::vec(sort, 1..=3).prop_flat_map(|sort| {
        let keys: Vec<_> = sort.iter().map(|sort| key(sort.field)).collect();
        let cursor = (keys, any::<u128>()).prop_map(|(keys, id)| Cursor { keys, id: Uuid::from_u128(id) });
        (Just(sort), cursor)
    })
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn any_parameters_are_a_list_request_within_its_limits_or_an_error_about_them(
        pairs in prop::collection::vec((parameter(), text()), 0..6),
    ) {
        let borrowed = || pairs.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        match ListQuery::<Probe>::parse(borrowed()) {
            Ok(query) => {
                prop_assert!((1..=ListQuery::<Probe>::MOST).contains(&query.limit));
                prop_assert!((1..=3).contains(&query.sort.len()));
                prop_assert!(query.sort.iter().all(|key| key.field.is_sortable()));
                prop_assert!(query.filters.len() <= pairs.len());
                let backwards = ListQuery::<Probe>::parse(borrowed().rev()).unwrap();
                prop_assert_eq!(backwards.fingerprint(), query.fingerprint());
            }
            Err(invalid) => {
                prop_assert!(!invalid.errors.is_empty() && invalid.errors.len() <= pairs.len());
                prop_assert!(invalid.errors.iter().all(|error| borrowed().any(|(name, _)| name == error.pointer)));
            }
        }
        let _ = ListQuery::<OrganisationField>::parse(borrowed());
        let _ = ListQuery::<PersonField>::parse(borrowed());
        let _ = ListQuery::<ProductField>::parse(borrowed());
        let _ = ListQuery::<MandateField>::parse(borrowed());
    }

    #[test]
    fn any_text_is_an_order_or_an_error(text in prop_oneof![any::<String>(), "(-?[a-z_]{0,8},?){0,5}", "(-?(text|money|date),?){0,4}"]) {
        if let Ok(keys) = Sort::<Probe>::parse(&text) {
            let sign = |direction| if direction == Direction::Descending { "-" } else { "" };
            let written: Vec<_> = keys.iter().map(|key| format!("{}{}", sign(key.direction), key.field.as_ref())).collect();
            prop_assert_eq!(written.join(","), text);
            prop_assert!((1..=3).contains(&keys.len()));
        }
    }

    #[test]
    fn any_parameter_is_a_filter_of_its_field_an_error_or_none(name in parameter(), text in text()) {
        let field = name.split('.').next().unwrap_or_default().parse::<Probe>().ok();
        match Filter::<Probe>::parse(&name, &text) {
            None => prop_assert_eq!(field, None),
            Some(Ok(filter)) => prop_assert_eq!(Some(filter.field), field),
            Some(Err(violation)) => prop_assert!(field.is_some() && !violation.code.is_empty()),
        }
    }

    #[test]
    fn any_text_is_a_cursor_or_an_error(text in nearly_cursor(), list in any::<u64>(), (sort, _) in place()) {
        match Cursor::decode(&text, list, &sort) {
            Ok(cursor) => prop_assert_eq!(cursor.keys.len(), sort.len()),
            Err(violation) => prop_assert_eq!(violation.code, "cursor"),
        }
    }

    #[test]
    fn a_cursor_is_read_back_as_it_was_written_in_its_own_list_alone(
        (sort, cursor) in place(), list in any::<u64>(), other in any::<u64>(),
    ) {
        let text = cursor.encode(list);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        prop_assert_eq!(Cursor::decode(&text, list, &sort), Ok(cursor));
        prop_assume!(other != list);
        prop_assert!(Cursor::decode(&text, other, &sort).is_err());
        prop_assert!(Cursor::decode(&text, list, &sort[1..]).is_err());
    }
}
