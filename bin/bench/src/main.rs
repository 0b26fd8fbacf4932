//! The measuring half of `scripts/bench`: times requests, starts and commands from the outside, as a client sees them.
//!
//! What may not enter: the crates of the server. Whoever measures through the same code that is measured measures less.

mod failure;
mod fixed;
mod lists;
mod process;
mod table;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use failure::Failure;

/// Measures a server of the CRM from the outside. scripts/bench starts what is measured.
#[derive(Debug, Parser)]
#[command(name = "crm-bench", version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Times the reading requests of a running server, one client, one request after the other.
    ///
    /// The password of the user is read from standard input.
    Lists(lists::Lists),
    /// The ceiling: sends the same bytes to everybody.
    Fixed(fixed::Fixed),
    /// Starts the server in empty folders, and tells the time to its first answer and the memory that it holds then.
    Start {
        /// How often.
        #[arg(short, long, default_value_t = 11)]
        n: usize,
        /// The program.
        binary: PathBuf,
    },
    /// Runs a command to its end, and tells how long it took and the most memory that it held.
    Run {
        /// Rows that it works on; with them, rows for each second are told as well.
        #[arg(long)]
        rows: Option<u32>,
        /// What to call it in the table.
        #[arg(long)]
        name: String,
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().what {
        What::Lists(lists) => lists.run(),
        What::Fixed(fixed) => fixed.serve(),
        What::Start { n, binary } => process::starts(&binary, n),
        What::Run { rows, name, command } => process::run(&name, rows, &command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command tells its failure there")]
fn report(failure: &Failure) {
    eprintln!("crm-bench: {failure}");
}
