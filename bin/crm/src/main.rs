//! The server and its commands: settings, composition, signals. Business rules are absent on purpose.

mod arguments;
mod commands;
mod failure;
mod operations;
mod output;
mod password;
mod seed;
mod settings;
mod start;

use std::{panic, process::ExitCode};

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;
use settings::{Settings, Sources};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => {
            // Help and version are answers as well; where nobody reads them there is nobody to tell.
            let _nobody_reads = told.print();
            return if told.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    // A defect is told in one line like every other failure.
    panic::set_hook(Box::new(|defect| eprintln!("crm: {}", failure::of_panic(defect))));
    match panic::catch_unwind(|| run(arguments)) {
        Ok(Ok(()) | Err(Failure::NobodyReads)) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            eprintln!("crm: {failure}");
            ExitCode::FAILURE
        }
        Err(_told_by_the_hook) => ExitCode::FAILURE,
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let command = arguments.command.unwrap_or(Command::Serve);
    let settings = || Settings::load(Sources { file: arguments.config, environment: None });
    match command {
        Command::Serve => commands::serve::run(&settings()?),
        Command::Migrate(migrate) => commands::migrate::run(&settings()?, &migrate),
        Command::User(user) => commands::user::run(&settings()?, user),
        Command::Seed(seed) => commands::seed::run(&settings()?, seed),
        Command::Import(import) => commands::import::run(&settings()?, &import),
        Command::Export(export) => commands::export::run(&settings()?, &export),
        Command::Backup(backup) => commands::backup::save(&settings()?, &backup),
        Command::Restore(restore) => commands::backup::restore(&settings()?, &restore),
        // It touches no database but its own.
        Command::VerifyBackup(verify) => commands::backup::verify(&verify),
        Command::Doctor(output) => commands::doctor::run(&settings()?, output),
        // It is the same whatever the settings.
        Command::Openapi => commands::openapi::run(),
    }
}
