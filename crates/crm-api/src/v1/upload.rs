//! The multipart form of an import. The file is streamed to disk and hashed on its way; the other parts are short texts.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use crm_app::{App, Error, ImportOptions, Imports, Spooled};
use crm_domain::{ImportTarget, Invalid, OnDuplicate, Violation, access::Actor, parse_choice, values::CountryCode};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::problem::{Code, Problem};

/// The form, for the document.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what `read` takes")]
pub(super) struct UploadBody {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What its rows are.
    resource: ImportTarget,
    /// Header to field, as a JSON object, for headers that are not recognised.
    #[schema(nullable = false)]
    mapping: Option<BTreeMap<String, String>>,
    /// What becomes of rows whose record is already there.
    #[schema(nullable = false)]
    on_duplicate: Option<OnDuplicate>,
    /// Whether only to show what would happen.
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// The country of phone numbers in national form where the row names none, ISO 3166-1 alpha-2.
    #[schema(nullable = false)]
    default_country: Option<CountryCode>,
}

/// An upload that has arrived.
pub(super) struct Upload {
    pub(super) file: Spooled,
    pub(super) options: ImportOptions,
    /// SHA-256 over the file and the options, for the idempotency key.
    pub(super) digest: [u8; 32],
}

/// The longest text of a part beside the file, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

/// Refuses callers who may not import anything, before their file is taken in.
pub(super) fn admit(actor: &Actor) -> Result<(), Problem> {
    Ok(Imports::admit(actor)?)
}

/// Reads the form.
pub(super) async fn read(app: &App, mut form: Multipart) -> Result<Upload, Problem> {
    let mut texts = BTreeMap::new();
    let mut file = None;
    let mut invalid = Invalid::default();
    while let Some(field) = form.next().await {
        let field = field.map_err(broken)?;
        let name = field.name().unwrap_or_default().to_owned();
        let is_new = if name == "file" { file.is_none() } else { !texts.contains_key(&name) };
        if !is_new {
            return Err(Invalid::one(format!("/{name}"), "repeated_field", "stands more than once").into());
        }
        match name.as_str() {
            "file" => file = Some(taken(app, field).await?),
            "resource" | "mapping" | "on_duplicate" | "dry_run" | "default_country" => {
                texts.insert(name, text(field).await?);
            }
            _ => invalid
                .errors
                .push(Violation::new("unknown_field", "is not a field of this form").at(format!("/{name}"))),
        }
    }
    let Some(taken) = file else {
        return Err(Invalid::one("/file", "required", "must be there").into());
    };
    let options = options(&texts, taken.name, &mut invalid);
    match options {
        Some(options) if invalid.errors.is_empty() => {
            let digest = Sha256::new_with_prefix(taken.digest).chain_update(format!("{texts:?}")).finalize();
            Ok(Upload { file: taken.file, options, digest: digest.into() })
        }
        _ => Err(invalid.into()),
    }
}

/// A file on the disk.
struct Taken {
    file: Spooled,
    name: String,
    digest: [u8; 32],
}

async fn taken(app: &App, field: Field) -> Result<Taken, Problem> {
    let name = field.content_disposition().and_then(|disposition| disposition.get_filename()).unwrap_or("upload");
    let name = name.chars().filter(|letter| !letter.is_control()).take(255).collect();
    let (hash, trouble) = (Rc::new(RefCell::new(Sha256::new())), Rc::new(RefCell::new(None)));
    let (hashing, noting) = (Rc::clone(&hash), Rc::clone(&trouble));
    let pieces = field.map(move |piece| match piece {
        Ok(piece) => {
            hashing.borrow_mut().update(&piece);
            Ok(piece)
        }
        Err(error) => {
            *noting.borrow_mut() = Some(broken(error));
            Err(Error::Invalid(Invalid::default()))
        }
    });
    let spooled = app.imports().spool(pieces).await;
    let file = spooled.map_err(|error| trouble.take().unwrap_or_else(|| error.into()))?;
    let digest = hash.take().finalize().into();
    Ok(Taken { file, name, digest })
}

async fn text(mut field: Field) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.next().await {
        bytes.extend_from_slice(&piece.map_err(broken)?);
        if bytes.len() > LONGEST_TEXT {
            return Err(Problem::too_large(LONGEST_TEXT as u64));
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| Problem::new(Code::MalformedRequest, "The parts beside the file must be UTF-8."))
}

fn options(texts: &BTreeMap<String, String>, file_name: String, invalid: &mut Invalid) -> Option<ImportOptions> {
    let resource = texts.get("resource").ok_or_else(|| Violation::new("required", "must be there"));
    let resource = invalid.note("/resource", resource.and_then(|text| parse_choice::<ImportTarget>(text)));
    let mapping = read_one(texts, "mapping", invalid, mapping);
    let on_duplicate = read_one(texts, "on_duplicate", invalid, parse_choice::<OnDuplicate>);
    let dry_run = read_one(texts, "dry_run", invalid, truth);
    let default_country = read_one(texts, "default_country", invalid, CountryCode::parse);
    Some(ImportOptions {
        mapping: mapping.unwrap_or_default(),
        on_duplicate: on_duplicate.unwrap_or_default(),
        dry_run: dry_run.unwrap_or_default(),
        default_country,
        ..ImportOptions::new(resource?, file_name)
    })
}

fn read_one<T>(
    texts: &BTreeMap<String, String>,
    name: &str,
    invalid: &mut Invalid,
    parse: impl FnOnce(&str) -> Result<T, Violation>,
) -> Option<T> {
    texts.get(name).and_then(|text| invalid.note(&format!("/{name}"), parse(text)))
}

/// No header and no field has a U+0000 in it, which PostgreSQL cannot store.
fn mapping(text: &str) -> Result<BTreeMap<String, String>, Violation> {
    let read: Option<BTreeMap<String, String>> = serde_json::from_str(text).ok();
    let read = read.filter(|mapping| !mapping.iter().any(|(header, field)| (header.clone() + field).contains('\0')));
    read.ok_or_else(|| Violation::new("mapping", "must be a JSON object from headers to fields"))
}

fn truth(text: &str) -> Result<bool, Violation> {
    text.parse().map_err(|_| Violation::new("boolean", "must be true or false"))
}

fn broken(error: MultipartError) -> Problem {
    match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible => {
            Problem::new(Code::UnsupportedMediaType, "The Content-Type must be multipart/form-data.")
        }
        MultipartError::Payload(PayloadError::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
            Problem::new(Code::BodyTimeout, "The file must keep coming; it had stopped, or nearly.")
        }
        error => Problem::new(Code::MalformedRequest, format!("The form cannot be read: {error}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &[(&str, &str)], pointers: &[&str]) {
        let texts = parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut invalid = Invalid::default();
        let read = options(&texts, "a.csv".to_owned(), &mut invalid);
        assert_eq!(invalid.errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), pointers);
        assert!(read.is_some() || !pointers.is_empty());
    }

    #[test]
    fn the_parts_beside_the_file_are_checked_together() {
        check(&[("resource", "people")], &[]);
        check(&[("resource", "people"), ("dry_run", "true"), ("mapping", "{\"Nom\":\"last_name\"}")], &[]);
        check(&[("resource", "people"), ("mapping", "{\"No\\u0000m\":\"last_name\"}")], &["/mapping"]);
        check(&[], &["/resource"]);
        check(&[("resource", "cats"), ("dry_run", "yes")], &["/resource", "/dry_run"]);
        check(
            &[("resource", "people"), ("mapping", "[]"), ("on_duplicate", "x"), ("default_country", "XX")],
            &["/mapping", "/on_duplicate", "/default_country"],
        );
    }
}
