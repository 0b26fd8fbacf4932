//! `crm export`

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crm_app::{Export, import::reader::spreadsheet_safe};
use crm_domain::{
    ImportTarget,
    access::{Actor, policy},
    query::ListQuery,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    arguments,
    failure::{Failure, of_output},
    settings::Settings,
    start::{app, block_on},
};

/// The columns, as the HTTP interface has them.
#[rustfmt::skip]
const ORGANISATION: &[&str] = &[
    "id", "name", "type", "category", "email", "phone", "website", "address", "city", "postal_code", "country_code",
    "language", "domicile", "aum", "aum_date", "strategies", "tags", "lei", "registration_number", "licence_number",
    "pipeline_stage", "potential_amount", "currency", "signature_probability", "signature_date", "is_active",
    "description", "notes", "version", "owner_id", "team_id", "created_at", "created_by", "updated_at", "updated_by",
    "deleted_at",
];

/// The columns, as the HTTP interface has them.
#[rustfmt::skip]
const PERSON: &[&str] = &[
    "id", "first_name", "last_name", "email", "personal_email", "phone", "mobile", "job_title", "country_code", "language",
    "linkedin_url", "tags", "is_active", "consent", "consent_date", "notes", "version", "owner_id", "team_id", "created_at",
    "created_by", "updated_at", "updated_by", "deleted_at",
];

/// Writes all records.
pub fn run(settings: &Settings, command: &arguments::Export) -> Result<(), Failure> {
    let app = app(settings)?;
    let actor = Actor::system("command of the operator");
    // A file is only put in its place when it is whole.
    let (output, place): (Box<dyn Write>, _) = match &command.output {
        Some(path) => {
            let part = part_of(path);
            let file = File::create(&part);
            let file =
                file.map_err(|error| Failure::because(format_args!("cannot write {}", part.display()), &error))?;
            (Box::new(io::BufWriter::new(file)), Some((part, path)))
        }
        None => (Box::new(io::stdout().lock()), None),
    };
    match command.resource {
        ImportTarget::Organisations => {
            let grant = policy::authorise(&actor)?;
            write(app.organisations().export(grant, ListQuery::default()), ORGANISATION, output)?;
        }
        ImportTarget::People => {
            let grant = policy::authorise(&actor)?;
            write(app.people().export(grant, ListQuery::default()), PERSON, output)?;
        }
    }
    match place {
        Some((part, path)) => std::fs::rename(&part, path)
            .map_err(|error| Failure::because(format_args!("cannot write {}", path.display()), &error)),
        None => Ok(()),
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write<T: Serialize>(mut export: Export<T>, columns: &[&str], output: Box<dyn Write>) -> Result<(), Failure> {
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => of_output(&error),
        kind => Failure::new(format!("cannot write the output: {kind:?}")),
    };
    let mut file = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(output);
    file.write_record(columns).map_err(failed)?;
    block_on(async {
        while let Some(page) = export.next_page().await? {
            for record in page {
                let record = serde_json::to_value(record)?;
                let cells = columns.iter().map(|column| cell(&record[*column]));
                file.write_record(cells.map(|cell| spreadsheet_safe(&cell).into_owned())).map_err(failed)?;
            }
        }
        Ok(())
    })?;
    file.flush().map_err(|error| of_output(&error))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::seed::Plan;

    #[track_caller]
    fn check(record: &impl Serialize, columns: &[&str]) {
        let Value::Object(fields) = serde_json::to_value(record).unwrap() else { panic!("a record is an object") };
        let fields: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
        assert_eq!(fields, columns.iter().copied().collect());
    }

    #[test]
    fn there_is_a_column_for_every_field() {
        let plan = Plan { seed: 1, organisations: 1, people: 1, owners: Vec::new() };
        check(&plan.organisation(0).record, ORGANISATION);
        check(&plan.person(0).record, PERSON);
    }
}
