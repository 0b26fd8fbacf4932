//! One connection type for both databases.

use diesel::{
    Connection, ConnectionError, ConnectionResult, MultiConnection, PgConnection, SqliteConnection,
    r2d2::{Error, ManageConnection, R2D2Connection},
};

use crate::{database::DatabaseSettings, dialect::Backend, error::StoreError};

/// A connection to either database. Only `dialect.rs` may look which one it is.
#[derive(MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

pub(crate) type Multi = MultiBackend;

/// Makes the connections to one database. The type of both databases could connect by itself, but it tries one after the
/// other and says why neither of them took the address, whatever was wrong.
#[derive(Debug)]
pub(crate) struct Connector {
    backend: Backend,
    address: String,
}

impl Connector {
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        Ok(Self { backend: settings.backend()?, address: settings.address()? })
    }

    /// A connection, or why there is none, without the password.
    pub(crate) fn establish(&self) -> ConnectionResult<AnyConnection> {
        match self.backend {
            Backend::Sqlite => SqliteConnection::establish(&self.address).map(AnyConnection::Sqlite),
            Backend::Postgres => {
                let made = PgConnection::establish(&self.address).map(AnyConnection::Postgres);
                made.map_err(|error| told_without_password(error, &self.address))
            }
        }
    }
}

impl ManageConnection for Connector {
    type Connection = AnyConnection;
    type Error = Error;

    fn connect(&self) -> Result<AnyConnection, Error> {
        self.establish().map_err(Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), Error> {
        connection.ping().map_err(Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

/// libpq tells no password as such. But it takes a part of one that has signs of addresses in it for a host or a port, and
/// tells that.
fn told_without_password(error: ConnectionError, address: &str) -> ConnectionError {
    let behind_scheme = address.split_once("://").map_or(address, |(_, rest)| rest);
    let password =
        behind_scheme.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
    match password {
        Some(password) if password.contains(['@', '/', '?', '#', ':', '[']) => {
            let detail = "signs such as @ and / in the password of the address must be written as %40 and %2F";
            ConnectionError::InvalidConnectionUrl(detail.to_owned())
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, shown: bool) {
        let told = told_without_password(ConnectionError::BadConnection("no such host: horse".to_owned()), address);
        assert_eq!(told.to_string().contains("horse"), shown, "{address}: {told}");
    }

    #[test]
    fn a_reason_is_told_unless_it_may_hold_a_part_of_the_password() {
        check("postgres://crm:secret@h/d", true);
        check("postgres://crm:p%40ss@h:5432/d?sslmode=require", true);
        check("postgres://h/d", true);
        check("postgres://crm@h/d", true);
        check("postgres://crm:pass@horse@h/d", false);
        check("postgres://crm:pass/horse@h/d", false);
        check("postgres://crm:pass:horse@h/d", false);
    }
}
