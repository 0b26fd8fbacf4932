//! One row of the table, and what it means.

use crm_domain::{
    Stamps, User, Version,
    values::{EmailAddress, Name, fold},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    schema::users as table,
    stored::choice,
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct UserRow {
    id: UuidColumn,
    email: String,
    email_key: String,
    name: String,
    name_key: String,
    role_id: UuidColumn,
    locale: String,
    is_active: bool,
    // Written by `signed_in` alone, which is no new version of the user.
    #[diesel(skip_update)]
    last_login_at: Option<TimeColumn>,
    search_text: String,
    version: i64,
    owner_id: Option<UuidColumn>,
    team_id: Option<UuidColumn>,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
    deleted_at: Option<TimeColumn>,
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        let User { stamps, .. } = user;
        Self {
            id: user.id.into(),
            email: user.email.to_string(),
            email_key: user.email.key(),
            name: user.name.to_string(),
            name_key: fold(user.name.as_str()),
            role_id: user.role_id.into(),
            locale: user.locale.as_ref().to_owned(),
            is_active: user.is_active,
            last_login_at: maybe(user.last_login_at),
            search_text: user.search_text(),
            version: stamps.version.number(),
            owner_id: maybe(stamps.owner_id),
            team_id: maybe(stamps.team_id),
            created_at: stamps.created_at.into(),
            created_by: maybe(stamps.created_by),
            updated_at: stamps.updated_at.into(),
            updated_by: maybe(stamps.updated_by),
            deleted_at: maybe(stamps.deleted_at),
        }
    }
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id.into(),
            email: EmailAddress::from_stored(row.email),
            name: Name::from_stored(row.name),
            role_id: row.role_id.into(),
            locale: choice(&row.locale),
            is_active: row.is_active,
            last_login_at: maybe(row.last_login_at),
            stamps: Stamps {
                version: Version::from_stored(row.version),
                owner_id: maybe(row.owner_id),
                team_id: maybe(row.team_id),
                created_at: row.created_at.into(),
                created_by: maybe(row.created_by),
                updated_at: row.updated_at.into(),
                updated_by: maybe(row.updated_by),
                deleted_at: maybe(row.deleted_at),
            },
        }
    }
}
