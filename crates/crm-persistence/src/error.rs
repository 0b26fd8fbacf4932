//! What can go wrong in the store, told apart by what the caller can do about it.

use crm_domain::{Invalid, Version};
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// Any other error, kept for the log.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not there, or not in the scope of the grant: the caller cannot tell which.
    #[error("no such record")]
    NotFound,
    /// The record has moved on.
    #[error("the record is at version {}", current.number())]
    Stale {
        /// Its version now.
        current: Version,
    },
    /// A value that must be unique is taken.
    #[error("the value of {field} is taken")]
    Conflict {
        /// The field, as in the API.
        field: &'static str,
    },
    /// A record that the new state refers to is not there.
    #[error("the record that {field} refers to does not exist")]
    Reference {
        /// The field, as in the API; empty where the database does not tell.
        field: &'static str,
    },
    /// The state of a record that the statement touches does not allow it.
    #[error("{detail}")]
    Refused {
        /// Stable name of the rule, as the domain has it.
        code: &'static str,
        /// A sentence for people.
        detail: &'static str,
    },
    /// No connection, lock or answer in time. Trying again later helps.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached. Trying again later helps.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Source),
    /// The disk of the database is full.
    #[error("the storage is full")]
    StorageFull,
    /// The schema is not the one that this program was built for.
    #[error("the schema is not current: {0}")]
    SchemaNotCurrent(String),
    /// The database's address or a setting is wrong.
    #[error("{0}")]
    Settings(String),
    /// The input breaks a rule that only the store can check.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A defect: nothing that the caller did.
    #[error("unexpected database error")]
    Internal(#[source] Source),
}

/// The unique constraints and indexes, by the name that PostgreSQL reports and the columns that `SQLite` reports.
const UNIQUE: [(&str, &str, &str); 11] = [
    ("organisations_lei", "organisations.lei", "lei"),
    ("organisations_licence_number", "organisations.licence_number", "licence_number"),
    ("people_email", "people.email_key", "email"),
    ("links_pair", "links.organisation_id, links.person_id", "person_id"),
    ("links_primary", "links.organisation_id", "is_primary"),
    ("products_isin", "products.isin", "isin"),
    ("mandate_products_pair", "mandate_products.mandate_id, mandate_products.product_id", "product_id"),
    ("tasks_previous", "tasks.previous_task_id", "previous_task_id"),
    ("users_email", "users.email_key", "email"),
    ("teams_name", "teams.name_key", "name"),
    ("roles_name", "roles.name_key", "name"),
];

/// The columns whose foreign keys an input can break.
const REFERENCES: [(&str, &str); 10] = [
    ("owner_id_fkey", "owner_id"),
    ("team_id_fkey", "team_id"),
    ("organisation_id_fkey", "organisation_id"),
    ("person_id_fkey", "person_id"),
    ("mandate_id_fkey", "mandate_id"),
    ("product_id_fkey", "product_id"),
    ("assignee_id_fkey", "assignee_id"),
    ("interaction_id_fkey", "interaction_id"),
    ("role_id_fkey", "role_id"),
    ("manager_id_fkey", "manager_id"),
];

/// The triggers that refuse a statement: the name that they tell, the code of the rule that they hold, a sentence for people.
/// The domain refuses the same before; a trigger is met where the state has changed in between.
const RULES: [(&str, &str, &str); 3] = [
    ("mandates_transition", "illegal_transition", "the mandate has another status by now"),
    ("mandate_products_open", "mandate_not_open", "the mandate is neither signed nor active by now"),
    ("mandate_products_fixed", "mandate_not_open", "what is attached stays at its mandate"),
];

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information) => {
                Self::unique(information.as_ref())
            }
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, information) => {
                Self::reference(information.as_ref())
            }
            DieselError::DatabaseError(
                DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            ) => Self::Busy,
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
            | DieselError::BrokenTransactionManager => Self::Unavailable(error.into()),
            DieselError::DatabaseError(_, ref information) => Self::rule(information.message())
                .or_else(|| Self::from_message(&information.message().to_lowercase()))
                .unwrap_or_else(|| Self::Internal(error.into())),
            error => Self::Internal(error.into()),
        }
    }
}

impl StoreError {
    fn unique(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> Self {
        let (message, name) = (information.message(), information.constraint_name());
        let columns = message.strip_prefix("UNIQUE constraint failed: ");
        let known =
            UNIQUE.iter().find(|(constraint, reported, _)| Some(*constraint) == name || Some(*reported) == columns);
        match known {
            Some((_, _, field)) => Self::Conflict { field },
            None => Self::Internal(message.to_owned().into()),
        }
    }

    fn reference(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> Self {
        let name = information.constraint_name().unwrap_or_default();
        let known = REFERENCES.iter().find(|(ending, _)| name.ends_with(ending));
        Self::Reference { field: known.map_or("", |(_, field)| field) }
    }

    /// What a trigger says is its own name and nothing else, on both databases.
    fn rule(message: &str) -> Option<Self> {
        let (_, code, detail) = RULES.iter().find(|(name, ..)| *name == message)?;
        Some(Self::Refused { code, detail })
    }

    /// The faults that both databases tell only in words. The words are those of libpq, PostgreSQL 14 to 18 in
    /// English, and `SQLite` 3.
    fn from_message(message: &str) -> Option<Self> {
        const BUSY: [&str; 8] = [
            "database is locked",
            "database table is locked",
            "database schema is locked",
            "canceling statement due to",
            "idle-in-transaction",
            "could not obtain lock",
            "deadlock detected",
            "remaining connection slots",
        ];
        const FULL: [&str; 4] = ["database or disk is full", "no space left", "could not extend file", "disk full"];
        const GONE: [&str; 10] = [
            "server closed the connection",
            "terminating connection",
            "connection to server",
            "could not connect",
            "no connection to the server",
            "could not receive data",
            "could not send data",
            "the database system is",
            "connection refused",
            "ssl connection has been closed",
        ];
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if says(&FULL) {
            Some(Self::StorageFull)
        } else if says(&BUSY) {
            Some(Self::Busy)
        } else if says(&GONE) {
            Some(Self::Unavailable(message.to_owned().into()))
        } else {
            None
        }
    }
}
