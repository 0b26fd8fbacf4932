//! The command line, as clap reads it. The doc comments are its help texts, which show backticks as they are.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crm_app::table::FileFormat;
use crm_domain::{
    Choice, ImportId, ImportTarget, OnDuplicate, SearchType, parse_choice,
    values::{EmailAddress, Name},
};

/// The CRM: its server and the commands around it.
///
/// Settings come from crm.toml and from environment variables (CRM__SECTION__KEY); without any, the server runs on a
/// SQLite file in ./data.
#[derive(Debug, Parser)]
#[command(name = "crm", version, after_help = "Example: crm serve\nExit status: 0 success, 1 failure, 2 wrong usage.")]
pub struct Arguments {
    /// File of settings; ./crm.toml is read if it exists and none is named.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do; without a command, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server.
    ///
    /// An empty database is migrated first. In development a first administrator is made and its password printed.
    #[command(after_help = "Example: CRM__HTTP__LISTEN=127.0.0.1:8081 crm serve")]
    Serve,
    /// Brings the database's schema up to date, takes the last step back, or shows where it stands.
    #[command(after_help = "Example: crm migrate status --json")]
    Migrate(Migrate),
    /// Adds and changes those who sign in.
    #[command(
        subcommand,
        after_help = "Example: crm user add --email ann@example.com --name \"Ann Example\" --role admin"
    )]
    User(User),
    /// Fills the database with made-up organisations and people, the same for the same seed.
    #[command(after_help = "Example: crm seed --organisations 500 --people 1500 --seed 7")]
    Seed(Seed),
    /// Imports a file, or takes an import back.
    ///
    /// The first line names the columns; common names are recognised in English and French. Encoding and delimiter are
    /// recognised too.
    #[command(
        after_help = "Examples:\n  crm import contacts.csv --resource people --owner ann@example.com --errors refused.csv\n  \
        crm import --revert 01938a3c-5f00-7000-8000-000000000001"
    )]
    Import(Import),
    /// Writes all records of a resource as CSV or as a workbook of Excel.
    #[command(after_help = "Example: crm export --resource organisations --format xlsx --output organisations.xlsx")]
    Export(Export),
    /// Saves the whole database into one file, while the server runs.
    ///
    /// The file holds one state of all records, with checksums, and goes into either database. Sessions are left out, and so
    /// is what waits in CRM__IMPORTS__DIRECTORY. Keep it like the database itself: the hashes of passwords are in it.
    #[command(after_help = "Example: crm backup crm-2026-11-25.backup")]
    Backup(Backup),
    /// Puts a backup into an empty database, all of it or nothing.
    ///
    /// Stop the servers first. A database without a schema is migrated; the backup must be of the same schema.
    #[command(after_help = "Example: CRM__DATABASE__URL=sqlite://data/restored.db crm restore crm-2026-11-25.backup")]
    Restore(Restore),
    /// Restores a backup into a scratch SQLite file, reads all of that again, and compares. No other database is touched.
    #[command(after_help = "Example: crm verify-backup crm-2026-11-25.backup --scratch /var/tmp")]
    VerifyBackup(VerifyBackup),
    /// Looks for what is wrong: settings, disk, database, schema, clock, administrators, records that nobody answers for.
    ///
    /// A warning is something to know; a problem is something to mend, and makes the exit status 1.
    #[command(after_help = "Example: crm doctor --json")]
    Doctor(Output),
    /// Prints the OpenAPI document of the HTTP interface.
    #[command(after_help = "Example: crm openapi > openapi.json")]
    Openapi,
}

/// How a command tells what it did.
#[derive(Args, Clone, Copy, Debug)]
pub struct Output {
    /// Tell the outcome as JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// `crm migrate`
#[derive(Args, Debug)]
pub struct Migrate {
    /// Which way.
    #[arg(value_enum, default_value_t = Direction::Up)]
    pub direction: Direction,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: Output,
}

/// Which way to migrate.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Direction {
    /// Runs what is missing.
    Up,
    /// Takes back the last step, with the data that only it knows.
    Down,
    /// Changes nothing and tells each step.
    Status,
}

/// `crm user`
#[derive(Debug, Subcommand)]
pub enum User {
    /// Adds a user. Without --password-stdin a random password is printed once.
    #[command(
        after_help = "Example: crm user add --email ann@example.com --name \"Ann Example\" --role manager --team Paris"
    )]
    Add(AddUser),
    /// Gives a user another role.
    #[command(after_help = "Example: crm user set-role --email ann@example.com --role read_only")]
    SetRole {
        #[command(flatten)]
        #[allow(missing_docs)]
        user: WhichUser,
        /// The name of the role: admin, manager, user, read_only, or one of your own.
        #[arg(long, value_parser = Name::parse)]
        role: Name,
    },
    /// Lists the users, with the names of their roles and teams.
    #[command(after_help = "Example: crm user list --json")]
    List(Output),
    /// Puts a user into a team, or into none.
    #[command(after_help = "Example: crm user set-team --email ann@example.com --team Paris")]
    SetTeam {
        #[command(flatten)]
        #[allow(missing_docs)]
        user: WhichUser,
        #[command(flatten)]
        #[allow(missing_docs)]
        team: WhichTeam,
    },
    /// Lets a user sign in again.
    #[command(after_help = "Example: crm user activate --email ann@example.com")]
    Activate(WhichUser),
    /// Keeps a user from signing in, and ends their sessions and API keys.
    #[command(after_help = "Example: crm user deactivate --email ann@example.com")]
    Deactivate(WhichUser),
    /// Removes the second factor of a user who has lost it.
    #[command(after_help = "Example: crm user remove-second-factor --email ann@example.com")]
    RemoveSecondFactor(WhichUser),
    /// Gives a user another password and ends their sessions. Without --password-stdin a random one is printed once.
    #[command(after_help = "Example: crm user reset-password --email ann@example.com")]
    ResetPassword {
        #[command(flatten)]
        #[allow(missing_docs)]
        user: WhichUser,
        #[command(flatten)]
        #[allow(missing_docs)]
        password: PasswordSource,
    },
}

/// `crm user add`
#[derive(Args, Debug)]
pub struct AddUser {
    /// The address to sign in with.
    #[arg(long, value_parser = EmailAddress::parse)]
    pub email: EmailAddress,
    /// The name.
    #[arg(long, value_parser = Name::parse)]
    pub name: Name,
    /// The name of the role: admin, manager, user, read_only, or one of your own.
    #[arg(long, value_parser = Name::parse)]
    pub role: Name,
    /// The team by name or id; it is made if there is none of this name.
    #[arg(long, value_parser = Name::parse)]
    pub team: Option<Name>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub password: PasswordSource,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: Output,
}

/// Which user a command is about.
#[derive(Args, Debug)]
pub struct WhichUser {
    /// The address that the user signs in with.
    #[arg(long, value_parser = EmailAddress::parse)]
    pub email: EmailAddress,
}

/// Which team a user shall belong to.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct WhichTeam {
    /// The team by name or id; it is made if there is none of this name.
    #[arg(long, value_parser = Name::parse)]
    pub team: Option<Name>,
    /// No team.
    #[arg(long)]
    pub no_team: bool,
}

/// Where a password comes from.
#[derive(Args, Clone, Copy, Debug)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input, 15 to 128 characters.
    #[arg(long)]
    pub password_stdin: bool,
}

/// `crm seed`
#[derive(Args, Clone, Copy, Debug)]
pub struct Seed {
    /// How many organisations.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub organisations: u32,
    /// How many people; most of them work with one of the organisations.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub people: u32,
    /// How many products; one for every fifty organisations unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub products: Option<u32>,
    /// How many mandates, each with one of the organisations; one for every four of them unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub mandates: Option<u32>,
    /// How many interactions, each with one of the organisations; two for each of them unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub interactions: Option<u32>,
    /// How many tasks; one for every two organisations unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub tasks: Option<u32>,
    /// Which data: the same seed and numbers give the same records on any database.
    #[arg(long = "seed", value_name = "S", default_value_t = 1)]
    pub which: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: Output,
}

/// `crm import`
#[derive(Args, Debug)]
pub struct Import {
    /// The file: text with a delimiter, such as CSV.
    #[arg(required_unless_present = "revert")]
    pub file: Option<PathBuf>,
    /// What the rows are: organisations, people, products, mandates, interactions or tasks.
    #[arg(long, value_parser = choice::<ImportTarget>, required_unless_present = "revert")]
    pub resource: Option<ImportTarget>,
    /// TOML file of "Header" = "field" for columns that are not recognised.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// What becomes of rows whose record is already there: update, fill or skip.
    #[arg(long, value_parser = choice::<OnDuplicate>, default_value = "update")]
    pub on_duplicate: OnDuplicate,
    /// Only show what would happen.
    #[arg(long)]
    pub dry_run: bool,
    /// Import as this user, who then owns the new records; by default the system does, and nobody owns them.
    #[arg(long, value_name = "EMAIL", value_parser = EmailAddress::parse)]
    pub owner: Option<EmailAddress>,
    /// Write the refused rows and cells to this file, with the reason of each, ready to be mended and imported.
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// Take back what this import did, as far as the records have not changed since.
    #[arg(long, value_name = "ID", value_parser = ImportId::parse,
        conflicts_with_all = ["file", "resource", "mapping", "on_duplicate", "dry_run", "owner", "errors"])]
    pub revert: Option<ImportId>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: Output,
}

/// `crm export`
#[derive(Args, Debug)]
pub struct Export {
    /// What to write: organisations, people, products, mandates, interactions or tasks.
    #[arg(long, value_parser = choice::<SearchType>)]
    pub resource: SearchType,
    /// How: csv or xlsx.
    #[arg(long, value_parser = choice::<FileFormat>, default_value = "csv")]
    pub format: FileFormat,
    /// Where to; by default standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `crm backup`
#[derive(Args, Debug)]
pub struct Backup {
    /// Where to; a file that exists is left alone.
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: Output,
}

/// `crm restore`
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup.
    pub file: PathBuf,
    /// Take away all that the database has, for good; without it, a database that is not empty is refused.
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: Output,
}

/// `crm verify-backup`
#[derive(Args, Debug)]
pub struct VerifyBackup {
    /// The backup.
    pub file: PathBuf,
    /// A folder with room for the whole database; by default the one of the backup.
    #[arg(long, value_name = "FOLDER")]
    pub scratch: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: Output,
}

/// Reads one of a closed list of words.
fn choice<T: Choice>(text: &str) -> Result<T, crm_domain::Violation> {
    parse_choice(text)
}
