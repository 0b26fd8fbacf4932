//! `crm export`

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    arguments,
    failure::{Failure, of_output},
    settings::Settings,
    start::{app, block_on},
};
use crm_app::{
    Export,
    table::{Exported, FileFormat, csv_head, csv_lines},
};
use crm_domain::{
    SearchType,
    access::{Actor, policy},
    query::ListQuery,
};

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
    let format = command.format;
    match command.resource {
        SearchType::Organisations => {
            write(app.organisations().export(policy::authorise(&actor)?, ListQuery::default()), format, output)
        }
        SearchType::People => {
            write(app.people().export(policy::authorise(&actor)?, ListQuery::default()), format, output)
        }
        SearchType::Products => {
            write(app.products().export(policy::authorise(&actor)?, ListQuery::default()), format, output)
        }
        SearchType::Mandates => {
            write(app.mandates().export(policy::authorise(&actor)?, ListQuery::default()), format, output)
        }
    }?;
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

fn write<T: Exported>(mut export: Export<T>, format: FileFormat, mut output: Box<dyn Write>) -> Result<(), Failure> {
    block_on(async {
        match format {
            FileFormat::Csv => {
                output.write_all(&csv_head(T::COLUMNS)).map_err(|error| of_output(&error))?;
                while let Some(page) = export.next_page().await? {
                    output.write_all(&csv_lines(T::COLUMNS, &page)).map_err(|error| of_output(&error))?;
                }
            }
            FileFormat::Xlsx => {
                let mut file = export.workbook(Vec::new()).await?;
                io::copy(&mut file, &mut output).map_err(|error| of_output(&error))?;
            }
        }
        Ok(())
    })?;
    output.flush().map_err(|error| of_output(&error))
}
