//! `crm import`

use std::{collections::BTreeMap, fs::File, io::BufWriter, path::Path};

use config::{FileFormat, Source, ValueKind};
use crm_app::{App, ImportOptions, import::RefusedRows};
use crm_domain::{
    Import, ImportId, ImportStatus,
    access::{Actor, policy},
};

use crate::{
    arguments,
    failure::Failure,
    output::{bytes_bar, tell},
    settings::Settings,
    start::{app, block_on},
};

/// Imports a file or takes an import back.
pub fn run(settings: &Settings, command: &arguments::Import) -> Result<(), Failure> {
    let app = app(settings)?;
    let system = Actor::system("command of the operator");
    let import = match (command.revert, &command.file, command.resource) {
        (Some(id), ..) => app.imports().revert_now(&system, id)?,
        (None, Some(file), Some(resource)) => {
            let actor = match &command.owner {
                Some(email) => user(&app, &system, email)?,
                None => system.clone(),
            };
            let options = ImportOptions {
                dry_run: command.dry_run,
                on_duplicate: command.on_duplicate,
                mapping: command.mapping.as_deref().map(mapping).transpose()?.unwrap_or_default(),
                ..ImportOptions::new(resource, name_of(file))
            };
            import(&app, &actor, file, &options)?
        }
        (None, ..) => return Err(Failure::new("name a file and its --resource, or an import to --revert")),
    };
    if let Some(file) = &command.errors {
        write_errors(&app, &system, import.id, file)?;
    }
    tell(command.output, &import, || summary(&import))?;
    match &import.failure {
        Some(reason) => Err(Failure::new(format!("the import {} failed: {reason}", import.id))),
        None => Ok(()),
    }
}

/// The user as whom to import, with the role that they have.
fn user(app: &App, system: &Actor, email: &crm_domain::values::EmailAddress) -> Result<Actor, Failure> {
    let user = block_on(super::user::by_email(app, system, email))?;
    let may_look = policy::authorise(system)?;
    let role = block_on(async { Ok(app.roles().get(may_look, user.role_id).await?) })?;
    if !user.is_active {
        return Err(Failure::new(format!("{email} is not active")));
    }
    Ok(Actor::user(user.id, user.stamps.team_id, role.role()))
}

fn import(app: &App, actor: &Actor, path: &Path, options: &ImportOptions) -> Result<Import, Failure> {
    let cannot = |error: &std::io::Error| Failure::because(format_args!("cannot read {}", path.display()), error);
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let about = file.metadata().map_err(|error| cannot(&error))?;
    if about.is_dir() {
        return Err(Failure::new(format!("cannot read {}: it is a folder", path.display())));
    }
    let length = about.len();
    let bar = bytes_bar(length, "import");
    let import = app.imports().run_file(actor, file, options, |progress| bar.set_position(progress.bytes))?;
    bar.finish_and_clear();
    Ok(import)
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Reads `"Header" = "field"`, in a table or without one.
fn mapping(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let entries = config::File::from(path).format(FileFormat::Toml).collect()?;
    let field = |(header, value): (String, config::Value)| match value.kind {
        ValueKind::String(field) => Ok((header, field)),
        _ => Err(Failure::new(format!("{}: `{header}` must be the name of a field", path.display()))),
    };
    entries.into_iter().map(field).collect()
}

fn write_errors(app: &App, actor: &Actor, id: ImportId, path: &Path) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::because(format_args!("cannot write {}", path.display()), &error);
    let headers = block_on(async { Ok(app.imports().headers(actor, id).await?) })?;
    let write = BufWriter::new(File::create(path).map_err(cannot)?);
    let mut rows = RefusedRows::create(write, &headers).map_err(cannot)?;
    let mut cursor = None;
    loop {
        let page = block_on(async { Ok(app.imports().errors(actor, id, cursor.take(), 200).await?) })?;
        page.items.into_iter().try_for_each(|error| rows.add(error)).map_err(cannot)?;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let write = rows.finish().map_err(cannot)?;
    write.into_inner().map_err(std::io::IntoInnerError::into_error).map(drop).map_err(cannot)
}

fn summary(import: &Import) -> String {
    let counts = &import.counts;
    if matches!(import.status, ImportStatus::Reverted) {
        return format!("import {}: {} changes taken back, {} kept", import.id, counts.reverted, counts.kept);
    }
    let title = match import.status {
        ImportStatus::Failed => "not done to its end",
        _ if import.dry_run => "a rehearsal, nothing was changed",
        _ => "done",
    };
    let unmapped = match import.unmapped.join(", ") {
        none if none.is_empty() => none,
        headers => format!("\ncolumns without a field: {headers}"),
    };
    format!(
        "import {}: {title}\n{} rows: {} created, {} updated, {} unchanged, {} merged, {} failed; {} cells were not valid{unmapped}",
        import.id,
        counts.rows,
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.merged,
        counts.failed,
        counts.invalid_cells
    )
}
