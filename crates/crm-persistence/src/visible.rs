//! The rows that a grant covers: where every query of a guarded record begins.

use crm_domain::access::{ActionType, Grant, Guarded, Scope};

use crate::{
    column::UuidColumn,
    sql::{Bind, Sql},
};

/// Which rows of a table, as far as deletion goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Life {
    /// Those that are there.
    Live,
    /// Those that have been deleted.
    Deleted,
    /// Both.
    Any,
}

/// The condition that a row of `table` lies in the scope of the grant. The table has the columns `owner_id`, `team_id`,
/// `created_by` and `deleted_at`. What it says in SQL, `Scope::admits` says in the domain; a test holds the two together.
pub fn visible<A: ActionType, R: Guarded>(grant: &Grant<A, R>, table: &'static str, life: Life) -> Sql {
    within(grant.scope(), table, life)
}

/// The table whose rows are assigned to somebody, who counts as one of their owners: `assignee_id`.
pub(crate) const ASSIGNED: &str = "tasks";

/// The same for a scope that has been narrowed.
pub fn within(scope: Scope, table: &'static str, life: Life) -> Sql {
    let id = |user: uuid::Uuid| Bind::Id(UuidColumn(user));
    let is = |column: &'static str, value: uuid::Uuid| Sql::new().column(table, column).push(" = ").bind(id(value));
    let owned = || Sql::new().column(table, "owner_id").push(" IS NOT NULL");
    let mine = |user: uuid::Uuid| {
        let assigned = (table == ASSIGNED).then(|| is("assignee_id", user));
        [is("owner_id", user), is("created_by", user)].into_iter().chain(assigned)
    };
    let alive = match life {
        Life::Live => Sql::new().column(table, "deleted_at").push(" IS NULL"),
        Life::Deleted => Sql::new().column(table, "deleted_at").push(" IS NOT NULL"),
        Life::Any => Sql::new().push("1 = 1"),
    };
    match scope {
        Scope::All => alive,
        Scope::Own { user } => Sql::joined([alive, owned(), Sql::joined(mine(user.uuid()), " OR ")], " AND ").scoped(),
        Scope::Team { user, team } => {
            let any = Sql::joined(mine(user.uuid()).chain([is("team_id", team.uuid())]), " OR ");
            Sql::joined([alive, owned(), any], " AND ").scoped()
        }
    }
}
