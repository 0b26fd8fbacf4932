//! List requests: which parameters are read as what, and which are refused.

use crm_domain::{
    Invalid, MandateField, OrganisationField, PersonField, ProductField,
    access::Resource,
    query::{Cursor, Direction, FieldSet, Filter, Kind, ListQuery, Operator, Sort, Test, Total, Value},
    values::{Timestamp, parse_date},
};
use strum::VariantArray;

use crate::golden;

/// A resource with one field of each kind; all can be sorted by but the set.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Probe {
    Text,
    Folded,
    Choice,
    Integer,
    Money,
    Boolean,
    Date,
    Time,
    Id,
    Tags,
}

impl FieldSet for Probe {
    const RESOURCE: Resource = Resource::Settings;

    fn kind(self) -> Kind {
        match self {
            Self::Text => Kind::Text,
            Self::Folded => Kind::Folded,
            Self::Choice => Kind::Choice(|| vec!["one", "two"]),
            Self::Integer => Kind::Integer,
            Self::Money => Kind::Money,
            Self::Boolean => Kind::Boolean,
            Self::Date => Kind::Date,
            Self::Time => Kind::Time,
            Self::Id => Kind::Id,
            Self::Tags => Kind::Tags,
        }
    }

    fn is_sortable(self) -> bool {
        self != Self::Tags
    }

    fn newest_first() -> Self {
        Self::Time
    }
}

const ID: &str = "00000000-0000-7000-8000-000000000001";

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A value of the field's kind, as text and as it is read.
fn sample(field: Probe) -> (&'static str, Value) {
    match field {
        Probe::Text => ("Lyon 2e", text("Lyon 2e")),
        Probe::Folded => ("Été", text("Été")),
        Probe::Choice => ("two", text("two")),
        Probe::Integer => ("-5", Value::Integer(-5)),
        Probe::Money => ("12.5", Value::Integer(1250)),
        Probe::Boolean => ("true", Value::Boolean(true)),
        Probe::Date => ("2026-01-31", Value::Date(parse_date("2026-01-31").unwrap())),
        Probe::Time => ("2026-01-01T00:00:00Z", Value::Time(Timestamp::parse("2026-01-01T00:00:00Z").unwrap())),
        Probe::Id => (ID, Value::Id(ID.parse().unwrap())),
        Probe::Tags => ("vip", text("vip")),
    }
}

/// What the operator makes of the sample.
fn expected(operator: Operator, value: Value) -> Test {
    let words = |value: Value| match value {
        Value::Text(text) => text,
        other => panic!("{other:?} is not text"),
    };
    match operator {
        Operator::Eq => Test::Equal(value),
        Operator::Ne => Test::NotEqual(value),
        Operator::In => Test::OneOf(vec![value]),
        Operator::Gt => Test::Greater(value),
        Operator::Gte => Test::GreaterOrEqual(value),
        Operator::Lt => Test::Less(value),
        Operator::Lte => Test::LessOrEqual(value),
        Operator::Contains => Test::Contains("ete".to_owned()),
        Operator::StartsWith => Test::StartsWith("ete".to_owned()),
        Operator::Any => Test::AnyOf(vec![words(value)]),
        Operator::Is => Test::Present,
    }
}

fn filter(parameter: &str, text: &str) -> Result<Test, &'static str> {
    let filter = Filter::<Probe>::parse(parameter, text).expect("the parameter names a field");
    filter.map(|filter| filter.test).map_err(|violation| violation.code)
}

#[test]
fn each_kind_of_field_takes_its_operators_and_no_other() {
    // eq ne in gt gte lt lte contains starts_with any is
    let table = [
        (Probe::Text, "eq ne in - - - - - - - is"),
        (Probe::Folded, "eq ne in - - - - contains starts_with - is"),
        (Probe::Choice, "eq ne in - - - - - - - is"),
        (Probe::Integer, "eq ne in gt gte lt lte - - - is"),
        (Probe::Money, "eq ne in gt gte lt lte - - - is"),
        (Probe::Boolean, "eq ne - - - - - - - - is"),
        (Probe::Date, "eq ne in gt gte lt lte - - - is"),
        (Probe::Time, "eq ne in gt gte lt lte - - - is"),
        (Probe::Id, "eq ne in - - - - - - - is"),
        (Probe::Tags, "- - - - - - - - - any -"),
    ];
    assert_eq!(table.map(|(field, _)| field), Probe::VARIANTS);
    for (field, operators) in table {
        assert_eq!(operators.split(' ').count(), Operator::VARIANTS.len());
        for (cell, operator) in operators.split(' ').zip(Operator::VARIANTS) {
            let (written, value) = sample(field);
            let written = if *operator == Operator::Is { "not_null" } else { written };
            let read = filter(&format!("{}.{}", field.as_ref(), operator.as_ref()), written);
            let taken = (cell == operator.as_ref()).then(|| expected(*operator, value));
            assert_eq!(read, taken.ok_or("operator"), "{field:?} {operator:?}");
        }
    }
}

#[test]
fn a_field_without_an_operator_is_compared_for_equality() {
    assert_eq!(filter("integer", "5"), filter("integer.eq", "5"));
    assert_eq!(filter("tags", "vip"), Err("operator"));
    for wrong in ["integer.", "integer.EQ", "integer.eq.eq", "integer.between", "integer. eq"] {
        assert_eq!(filter(wrong, "5"), Err("operator"), "{wrong}");
    }
    for unknown in ["", ".", "colour", "Integer", "integer ", ".eq", "created_at"] {
        assert!(Filter::<Probe>::parse(unknown, "5").is_none(), "{unknown}");
    }
}

#[test]
fn a_value_is_read_by_the_kind_of_its_field() {
    let day = |text| Value::Date(parse_date(text).unwrap());
    assert_eq!(filter("text", ""), Ok(Test::Equal(text(""))));
    assert_eq!(filter("text", "e\u{301}"), Ok(Test::Equal(text("é"))));
    assert_eq!(filter("text", &"é".repeat(500)), Ok(Test::Equal(text(&"é".repeat(500)))));
    assert_eq!(filter("money.gte", "1000000"), Ok(Test::GreaterOrEqual(Value::Integer(100_000_000))));
    assert_eq!(filter("integer", &i64::MIN.to_string()), Ok(Test::Equal(Value::Integer(i64::MIN))));
    assert_eq!(filter("boolean", "false"), Ok(Test::Equal(Value::Boolean(false))));
    assert_eq!(filter("date.lt", "2026-01-01"), Ok(Test::Less(day("2026-01-01"))));
    let refused = [
        ("text", "a\0", "value"),
        ("folded", "a\0", "value"),
        ("folded.contains", "a\0", "value"),
        ("tags.any", "a\0", "value"),
        ("choice", "three", "choice"),
        ("choice", "ONE", "choice"),
        ("choice.in", "one,three", "choice"),
        ("integer", "", "integer"),
        ("integer", "1.0", "integer"),
        ("integer", "9223372036854775808", "integer"),
        ("money", "1e6", "money"),
        ("money.in", "1,x", "money"),
        ("boolean", "yes", "boolean"),
        ("boolean", "1", "boolean"),
        ("date", "2026-02-30", "date"),
        ("time", "2026-01-01", "timestamp"),
        ("id", "me", "uuid"),
        ("id", "00000000000070008000000000000001", "uuid"),
        ("text.is", "empty", "choice"),
        ("text.is", "", "choice"),
        ("text.is", "NULL", "choice"),
    ];
    for (parameter, value, code) in refused {
        assert_eq!(filter(parameter, value), Err(code), "{parameter}={value}");
    }
    assert_eq!(filter("text.is", "null"), Ok(Test::Empty));
    assert_eq!(filter("text.is", "not_null"), Ok(Test::Present));
}

#[test]
fn lists_of_values_are_bounded_and_trimmed() {
    let words = |values: &[&str]| Ok(Test::AnyOf(values.iter().map(|word| (*word).to_owned()).collect()));
    assert_eq!(filter("tags.any", " vip,, e\u{301}sg ,"), words(&["vip", "ésg"]));
    assert_eq!(filter("integer.in", "1, 2"), Ok(Test::OneOf(vec![Value::Integer(1), Value::Integer(2)])));
    for parameter in ["tags.any", "text.in"] {
        let numbered = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
        assert!(filter(parameter, &numbered(100)).is_ok());
        assert_eq!(filter(parameter, &numbered(101)), Err("value"));
        assert_eq!(filter(parameter, ""), Err("value"));
        assert_eq!(filter(parameter, " , "), Err("value"));
    }
}

#[test]
fn no_text_is_longer_than_a_pattern_may_be() {
    for parameter in ["text", "text.ne", "text.in", "folded", "folded.contains", "folded.starts_with", "tags.any"] {
        assert!(filter(parameter, &"é".repeat(500)).is_ok(), "{parameter}");
        assert_eq!(filter(parameter, &"é".repeat(501)), Err("value"), "{parameter}");
    }
}

#[test]
fn patterns_are_folded_and_need_a_letter_or_a_digit() {
    assert_eq!(filter("folded.contains", " L'Été "), Ok(Test::Contains("l ete".to_owned())));
    assert_eq!(filter("folded.starts_with", "50%"), Ok(Test::StartsWith("50".to_owned())));
    for nothing in ["", " ", "%", "_", "'--"] {
        assert_eq!(filter("folded.contains", nothing), Err("value"), "{nothing}");
        assert_eq!(filter("folded.starts_with", nothing), Err("value"), "{nothing}");
    }
}

fn sort(text: &str) -> Result<Vec<(Probe, Direction)>, &'static str> {
    let keys = Sort::<Probe>::parse(text).map_err(|violation| violation.code)?;
    Ok(keys.into_iter().map(|key| (key.field, key.direction)).collect())
}

#[test]
fn a_list_is_sorted_by_up_to_three_different_sortable_fields() {
    use Direction::{Ascending, Descending};
    assert_eq!(sort("money"), Ok(vec![(Probe::Money, Ascending)]));
    let three = vec![(Probe::Money, Descending), (Probe::Folded, Ascending), (Probe::Date, Descending)];
    assert_eq!(sort("-money,folded,-date"), Ok(three));
    for wrong in [
        "",
        "-",
        ",",
        "money,",
        "tags",
        "colour",
        "Money",
        " money",
        "--money",
        "+money",
        "money,-money",
        "id,text,date,time",
    ] {
        assert_eq!(sort(wrong), Err("sort"), "{wrong}");
    }
}

fn parse(pairs: &[(&str, &str)]) -> Result<ListQuery<Probe>, Invalid> {
    ListQuery::parse(pairs.iter().copied())
}

/// The parameter and the code of every error.
fn refused(pairs: &[(&str, &str)]) -> Vec<String> {
    parse(pairs).unwrap_err().errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
}

#[test]
fn a_list_request_without_parameters_is_the_newest_fifty() {
    let newest = vec![Sort { field: Probe::Time, direction: Direction::Descending }];
    let query = ListQuery { filters: vec![], words: vec![], sort: newest, cursor: None, limit: 50, total: Total::None };
    assert_eq!(parse(&[]), Ok(query.clone()));
    assert_eq!(ListQuery::default(), query);
}

#[test]
fn a_list_request_is_read_as_a_whole() {
    let pairs =
        [("integer.gte", "1"), ("limit", "200"), ("sort", "text"), ("total", "exact"), ("q", "Été été"), ("text", "a")];
    let query = parse(&pairs).unwrap();
    assert_eq!((query.limit, query.total, query.words), (200, Total::Exact, vec!["ete".to_owned()]));
    assert_eq!(query.sort, [Sort { field: Probe::Text, direction: Direction::Ascending }]);
    let filters = [
        Filter { field: Probe::Integer, test: Test::GreaterOrEqual(Value::Integer(1)) },
        Filter { field: Probe::Text, test: Test::Equal(text("a")) },
    ];
    assert_eq!(query.filters, filters);
    assert_eq!(parse(&[("total", "estimated"), ("limit", "1")]).unwrap().limit, 1);
}

#[test]
fn every_wrong_parameter_is_told_by_its_name() {
    let pairs = [
        ("limit", "201"),
        ("sort", "colour"),
        ("total", "all"),
        ("q", "!"),
        ("colour", "red"),
        ("integer.gt", "x"),
        ("text.gt", "x"),
        ("text", "a"),
        ("text", "b"),
        ("", ""),
        ("cursor", "not looked at yet"),
    ];
    assert_eq!(
        refused(&pairs),
        [
            "limit limit",
            "sort sort",
            "total choice",
            "q search",
            "colour unknown_parameter",
            "integer.gt integer",
            "text.gt operator",
            "text repeated_parameter",
            " unknown_parameter",
        ]
    );
    for limit in ["0", "201", "-1", "ten", "", "1.5", "4294967296"] {
        assert_eq!(refused(&[("limit", limit)]), ["limit limit"], "{limit}");
    }
    for repeated in ["limit", "cursor", "q"] {
        assert!(refused(&[(repeated, "1"), (repeated, "1")]).contains(&format!("{repeated} repeated_parameter")));
    }
    assert_eq!(refused(&[("q", &"é".repeat(201))]), ["q search"]);
    assert_eq!(parse(&[("q", &"é".repeat(200))]).unwrap().words, ["e".repeat(200)]);
    assert_eq!(refused(&[("cursor", "x")]), ["cursor cursor"]);
}

#[test]
fn a_cursor_leads_on_in_its_own_list_only() {
    let place = |query: &ListQuery<Probe>, keys: Vec<Option<Value>>| {
        Cursor { keys, id: ID.parse().unwrap() }.encode(query.fingerprint())
    };
    let pairs = [("sort", "-money,text"), ("integer", "1"), ("q", "ete")];
    let cursor = place(&parse(&pairs).unwrap(), vec![Some(Value::Integer(5)), None]);
    let with_cursor = |pairs: &[(&'static str, &'static str)]| parse(&[pairs, &[("cursor", &cursor)]].concat());

    let led_on = with_cursor(&pairs).unwrap().cursor.unwrap();
    assert_eq!(led_on.keys, [Some(Value::Integer(5)), None]);
    let other_order_of_parameters = [("cursor", cursor.as_str()), pairs[2], pairs[1], pairs[0]];
    assert_eq!(parse(&other_order_of_parameters).unwrap().cursor, Some(led_on));
    assert!(with_cursor(&[pairs[0], pairs[1], pairs[2], ("limit", "7"), ("total", "exact")]).is_ok());

    let other_lists: [&[(&str, &str)]; 7] = [
        &[],
        &[pairs[0], pairs[1]],
        &[pairs[0], pairs[2]],
        &[pairs[0], ("integer", "2"), pairs[2]],
        &[pairs[0], ("integer.ne", "1"), pairs[2]],
        &[("sort", "money,text"), pairs[1], pairs[2]],
        &[("sort", "text,-money"), pairs[1], pairs[2]],
    ];
    for other in other_lists {
        assert_eq!(with_cursor(other).unwrap_err().errors[0].code, "cursor", "{other:?}");
    }
    let newest = ListQuery::<OrganisationField>::default().fingerprint();
    assert_ne!(newest, ListQuery::<PersonField>::default().fingerprint());
    // The right list, but keys that its order does not have.
    let query = parse(&pairs).unwrap();
    for keys in
        [vec![], vec![None], vec![None, None, None], vec![Some(text("a")), None], vec![None, Some(Value::Integer(1))]]
    {
        let forged = place(&query, keys);
        assert!(Cursor::decode(&forged, query.fingerprint(), &query.sort).is_err());
    }
}

#[test]
fn a_cursor_of_another_layout_or_with_a_nul_is_refused() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let keys = [Sort { field: Probe::Text, direction: Direction::Ascending }];
    let decode = |json: &str| Cursor::decode(&URL_SAFE_NO_PAD.encode(json), 7, &keys);
    let good = format!("[1,7,[\"a\"],\"{ID}\"]");
    assert_eq!(decode(&good), Ok(Cursor { keys: vec![Some(text("a"))], id: ID.parse().unwrap() }));
    for (from, to) in
        [("[1,", "[2,"), (",7,", ",8,"), ("\"a\"", "1"), ("\"a\"", "\"\\u0000\""), (ID, "x"), ("]", ",1]")]
    {
        let violation = decode(&good.replacen(from, to, 1)).unwrap_err();
        assert_eq!(violation.code, "cursor", "{from} {to}");
    }
    assert!(Cursor::decode(&good, 7, &keys).is_err());
}

#[test]
fn the_fingerprint_of_a_list_is_the_same_in_every_release() {
    let query = parse(&[("integer.gte", "1"), ("text.in", "a,b"), ("q", "ete"), ("sort", "-money")]).unwrap();
    assert_eq!(query.fingerprint(), 17_701_992_124_840_372_115);
}

#[test]
fn the_fields_of_lists_are_those_of_the_kept_table() {
    let mut table = golden::header("The fields by which lists are filtered and sorted, and the kind of their values.");
    table += &fields::<OrganisationField>("organisations");
    table += &fields::<PersonField>("people");
    table += &fields::<ProductField>("products");
    table += &fields::<MandateField>("mandates");
    golden::check("fields.txt", &table);
}

fn fields<F: FieldSet>(resource: &str) -> String {
    let line = |field: &F| {
        assert_eq!(F::from_str(field.as_ref()).ok(), Some(*field));
        let kind = match field.kind() {
            Kind::Choice(names) => format!("choice of {}, {} …", names().len(), names()[0]),
            other => format!("{other:?}").to_lowercase(),
        };
        let sortable = if field.is_sortable() { "sortable" } else { "" };
        format!("{resource:<14} {:<22} {sortable:<9} {kind}\n", field.as_ref())
    };
    F::VARIANTS.iter().map(line).collect()
}

#[test]
fn the_newest_come_first_in_every_list() {
    assert_eq!(OrganisationField::newest_first(), OrganisationField::CreatedAt);
    assert_eq!(PersonField::newest_first(), PersonField::CreatedAt);
    assert!(OrganisationField::CreatedAt.is_sortable() && PersonField::CreatedAt.is_sortable());
}
