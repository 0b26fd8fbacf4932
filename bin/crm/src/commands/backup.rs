//! `crm backup`, `crm restore` and `crm verify-backup`.

use std::{
    fs::{self, File, OpenOptions},
    io::BufWriter,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crm_app::{Clock, SystemClock};
use crm_persistence::backup::{self, Backup, Existing, Label, Manifest};
use serde_json::json;

use crate::{
    arguments,
    failure::Failure,
    output::{bar, counter, tell},
    settings::Settings,
    start::migrated,
};

/// Saves the database into a file that is put in its place when it is whole.
pub fn save(settings: &Settings, command: &arguments::Backup) -> Result<(), Failure> {
    let path = &command.file;
    if path.exists() {
        return Err(Failure::new(format!("{} exists already, and is left alone", path.display())));
    }
    let part = Part::of(path);
    let file = part.create()?;
    let label = Label { program: env!("CARGO_PKG_VERSION").to_owned(), taken_at: SystemClock.now() };
    let rows = counter("rows");
    let mut output = BufWriter::new(&file);
    let manifest = backup::save(&settings.database(), &label, &mut output, &mut |more| rows.inc(more))?;
    rows.finish_and_clear();
    drop(output);
    let bytes = file.metadata().map_err(|error| part.cannot("write", &error))?.len();
    part.put_in_place(&file, path)?;
    let outcome = json!({
        "file": path, "bytes": bytes, "rows": manifest.rows(), "taken_at": manifest.taken_at, "database": manifest.database,
    });
    tell(command.output, &outcome, || {
        format!("{} rows were saved in {} ({bytes} bytes)", manifest.rows(), path.display())
    })
}

/// Puts a backup into the database of the settings.
pub fn restore(settings: &Settings, command: &arguments::Restore) -> Result<(), Failure> {
    let mut backup = open(&command.file)?;
    let database = settings.database();
    migrated(&database)?;
    let existing = if command.replace { Existing::Replace } else { Existing::Refuse };
    let rows = bar(backup.manifest().rows(), "restoring");
    let restored = backup.restore(&database, existing, &mut |more| rows.inc(more));
    rows.finish_and_clear();
    restored?;
    told("restored", command.output, backup.manifest())
}

/// Restores a backup into a scratch file, and compares.
pub fn verify(command: &arguments::VerifyBackup) -> Result<(), Failure> {
    let mut backup = open(&command.file)?;
    let beside = command.file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = command.scratch.as_deref().or(beside).unwrap_or(Path::new("."));
    let scratch = tempfile::Builder::new().prefix(".crm-verify-").tempdir_in(folder).map_err(|error| {
        Failure::because(format_args!("cannot make a folder in {}; name one by --scratch", folder.display()), &error)
    })?;
    let rows = bar(backup.manifest().rows(), "verifying");
    let verified = backup.verify(scratch.path(), &mut |more| rows.inc(more));
    rows.finish_and_clear();
    verified?;
    told("verified", command.output, backup.manifest())
}

fn told(what: &str, output: arguments::Output, manifest: &Manifest) -> Result<(), Failure> {
    tell(output, manifest, || {
        format!(
            "{} rows of {} tables were {what}; saved at {} from {} by version {}",
            manifest.rows(),
            manifest.tables.len(),
            manifest.taken_at,
            manifest.database,
            manifest.program,
        )
    })
}

fn open(path: &Path) -> Result<Backup<File>, Failure> {
    let file =
        File::open(path).map_err(|error| Failure::because(format_args!("cannot read {}", path.display()), &error))?;
    Backup::open(file).map_err(|error| Failure::because(path.display(), &error))
}

/// A file that is not whole yet; it goes away unless it is put in its place.
struct Part(PathBuf);

impl Part {
    fn of(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        Self(name.into())
    }

    /// For nobody else to read: hashes of passwords are in it, and all that the firm knows.
    fn create(&self) -> Result<File, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&self.0).map_err(|error| self.cannot("write", &error))
    }

    fn put_in_place(&self, file: &File, path: &Path) -> Result<(), Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        file.sync_all()
            .and_then(|()| fs::rename(&self.0, path))
            // The name is only safe when its folder is.
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| self.cannot("keep", &error))
    }

    fn cannot(&self, what: &str, error: &std::io::Error) -> Failure {
        Failure::because(format_args!("cannot {what} {}", self.0.display()), error)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // There is none where it has been put in its place.
        let _already_gone = fs::remove_file(&self.0);
    }
}
