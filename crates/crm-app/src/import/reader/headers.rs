//! Which column of a file belongs to which field.

use std::collections::{BTreeMap, HashMap};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::error::ReadError;

/// The fields that columns can belong to, each with the names that its column may have besides its own.
pub type Synonyms = [(&'static str, &'static [&'static str])];

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The header as it stands in the file, trimmed.
    pub header: String,
    /// What the column is used for.
    pub used: Use,
}

impl Column {
    /// The field that the column fills, if it fills one.
    pub fn field(&self) -> Option<&'static str> {
        match self.used {
            Use::Field(field) => Some(field),
            Use::Taken(_) | Use::Unknown => None,
        }
    }
}

/// What a column is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It fills this field.
    Field(&'static str),
    /// It would fill this field, but another column does: it is ignored.
    Taken(&'static str),
    /// It is the column of no known field: it is ignored.
    Unknown,
}

/// The field of each header, by its own name or one of its synonyms; of two headers for one field the first has it.
pub fn recognise(headers: &[String], synonyms: &Synonyms) -> Vec<Option<&'static str>> {
    assign(headers, synonyms, &BTreeMap::new())
        .expect("without a mapping nothing can be wrong with it")
        .iter()
        .map(Column::field)
        .collect()
}

/// The use of each column; what the mapping (header to field) says comes before what is recognised.
pub(super) fn assign(
    headers: &[String],
    synonyms: &Synonyms,
    mapping: &BTreeMap<String, String>,
) -> Result<Vec<Column>, ReadError> {
    let mapped = resolve(headers, synonyms, mapping)?;
    let table = lookup(synonyms);
    let mut taken: Vec<&str> = mapped.values().copied().collect();
    let mut columns = Vec::with_capacity(headers.len());
    for (position, header) in headers.iter().enumerate() {
        let used = match (mapped.get(&position), table.get(&key(header))) {
            (Some(field), _) => Use::Field(field),
            (None, Some(field)) if taken.contains(field) => Use::Taken(field),
            (None, Some(field)) => {
                taken.push(field);
                Use::Field(field)
            }
            (None, None) => Use::Unknown,
        };
        columns.push(Column { header: header.clone(), used });
    }
    Ok(columns)
}

/// The mapping as position of a column to field.
fn resolve(
    headers: &[String],
    synonyms: &Synonyms,
    mapping: &BTreeMap<String, String>,
) -> Result<BTreeMap<usize, &'static str>, ReadError> {
    let mut mapped: BTreeMap<usize, &'static str> = BTreeMap::new();
    for (header, field) in mapping {
        let exact = headers.iter().position(|known| known == header.trim());
        let position = exact
            .or_else(|| headers.iter().position(|known| key(known) == key(header) && !key(known).is_empty()))
            .ok_or_else(|| ReadError::UnknownHeader { header: header.clone(), known: headers.to_vec() })?;
        let field = synonyms.iter().map(|(known, _)| *known).find(|known| known == field).ok_or_else(|| {
            ReadError::UnknownField {
                header: header.clone(),
                field: field.clone(),
                known: synonyms.iter().map(|(known, _)| *known).collect(),
            }
        })?;
        if let Some((other, _)) = mapped.iter().find(|(other, taken)| **taken == field && **other != position) {
            let (first, second) = (position.min(*other), position.max(*other));
            return Err(ReadError::FieldTwice {
                field,
                first: headers[first].clone(),
                second: headers[second].clone(),
            });
        }
        if let Some(other) = mapped.insert(position, field).filter(|other| *other != field) {
            return Err(ReadError::HeaderTwice { header: headers[position].clone(), first: other, second: field });
        }
    }
    Ok(mapped)
}

/// Every name that is recognised; a field's own name goes before the synonyms of others.
fn lookup(synonyms: &Synonyms) -> HashMap<String, &'static str> {
    let mut table = HashMap::new();
    for (field, _) in synonyms {
        table.insert(key(field), *field);
    }
    for (field, names) in synonyms {
        for name in *names {
            table.entry(key(name)).or_insert(*field);
        }
    }
    table.remove("");
    table
}

/// What two names are compared by: the folded name without its spaces, so that `firstName` is `first_name`.
fn key(name: &str) -> String {
    fold(name).replace(' ', "")
}

/// Lower case, without accents, everything but letters and digits as a single space.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase) {
        match character {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            // As in `N°`, which is also written `No` and `Nº`.
            '°' => folded.push('o'),
            letter if letter.is_alphanumeric() => folded.push(letter),
            _ if folded.is_empty() || folded.ends_with(' ') => {}
            _ => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &Synonyms =
        &[("name", &["nom", "raison sociale"]), ("email", &["courriel", "name of mail"]), ("city", &["ville"])];

    fn headers(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn mapping(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(header, field)| (header.to_string(), field.to_string())).collect()
    }

    #[test]
    fn folding_drops_case_accents_and_signs() {
        for (text, folded) in [
            ("  Prénom ", "prenom"),
            ("E-Mail", "e mail"),
            ("Pre\u{301}nom", "prenom"),
            ("N° de téléphone (fixe) *", "no de telephone fixe"),
            ("ŒUVRE", "oeuvre"),
            ("***", ""),
            ("İ", "i"),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }

    #[test]
    fn headers_are_recognised_by_name_and_synonym() {
        let found = recognise(&headers(&["Raison_Sociale", "COURRIEL", "x", "", "Ville"]), FIELDS);
        assert_eq!(found, [Some("name"), Some("email"), None, None, Some("city")]);
    }

    #[test]
    fn the_first_of_two_columns_for_a_field_has_it() {
        let columns = assign(&headers(&["nom", "name"]), FIELDS, &BTreeMap::new()).expect("no mapping");
        assert_eq!(columns[0].used, Use::Field("name"));
        assert_eq!(columns[1].used, Use::Taken("name"));
        assert_eq!(columns[1].field(), None);
    }

    #[test]
    fn the_mapping_goes_before_recognition_only_for_the_headers_it_names() {
        let given = mapping(&[("label", "name")]);
        let columns = assign(&headers(&["nom", "ville", "Label"]), FIELDS, &given).expect("a good mapping");
        let used: Vec<_> = columns.iter().map(|column| column.used).collect();
        assert_eq!(used, [Use::Taken("name"), Use::Field("city"), Use::Field("name")]);
    }

    #[test]
    fn a_mapping_can_give_a_known_header_to_another_field() {
        let given = mapping(&[("nom", "city")]);
        let columns = assign(&headers(&["nom", "ville"]), FIELDS, &given).expect("a good mapping");
        assert_eq!((columns[0].used, columns[1].used), (Use::Field("city"), Use::Taken("city")));
    }

    #[test]
    fn a_mapping_of_an_absent_header_lists_the_headers() {
        let error = assign(&headers(&["a", "b"]), FIELDS, &mapping(&[("c", "name")])).expect_err("no column c");
        assert!(matches!(&error, ReadError::UnknownHeader { header, known } if header == "c" && *known == ["a", "b"]));
        assert!(error.to_string().contains("it has: a, b"), "{error}");
    }

    #[test]
    fn a_mapping_to_an_absent_field_lists_the_fields() {
        let error = assign(&headers(&["a"]), FIELDS, &mapping(&[("a", "colour")])).expect_err("no field colour");
        assert!(
            matches!(&error, ReadError::UnknownField { field, known, .. } if field == "colour" && *known == ["name", "email", "city"])
        );
    }

    #[test]
    fn a_mapping_of_two_columns_to_one_field_is_refused() {
        let given = mapping(&[("b", "name"), ("a", "name")]);
        let error = assign(&headers(&["b", "a"]), FIELDS, &given).expect_err("one field, two columns");
        assert!(
            matches!(error, ReadError::FieldTwice { field: "name", first, second } if first == "b" && second == "a")
        );
    }

    #[test]
    fn a_mapping_of_one_column_to_two_fields_is_refused() {
        let result = assign(&headers(&["Label"]), FIELDS, &mapping(&[("LABEL", "name"), ("label", "city")]));
        assert!(matches!(result, Err(ReadError::HeaderTwice { first: "name", second: "city", .. })));
    }

    #[test]
    fn an_empty_header_is_never_matched() {
        let result = assign(&headers(&["", "?"]), FIELDS, &mapping(&[("!", "name")]));
        assert!(matches!(result, Err(ReadError::UnknownHeader { .. })));
    }
}
