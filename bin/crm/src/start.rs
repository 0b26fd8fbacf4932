//! From settings to use cases: what every command that needs the database begins with.

use std::future::Future;

use crm_app::App;
use crm_persistence::{Database, DatabaseSettings, migrations};
use tokio::runtime;

use crate::{failure::Failure, settings::Settings};

/// The use cases over the database of the settings.
pub fn app(settings: &Settings) -> Result<App, Failure> {
    Ok(App::new(database(&settings.database())?, settings.app()))
}

/// Opens a database whose schema is current. An empty one is migrated: nothing can be lost in it.
pub fn database(settings: &DatabaseSettings) -> Result<Database, Failure> {
    let status = migrations::status(settings)?;
    let missing = status.iter().filter(|step| !step.applied).count();
    if missing == status.len() {
        migrations::up(settings)?;
    } else if missing > 0 {
        let steps = if missing == 1 { "one step is" } else { "several steps are" };
        return Err(Failure::new(format!(
            "the schema of the database is not current, {steps} missing: back it up and run `crm migrate up`"
        )));
    }
    Ok(Database::open(settings)?)
}

/// Runs a future to its end, for commands that have nothing else to do meanwhile.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime::Builder::new_current_thread().enable_time().build()?.block_on(work)
}
