//! Those who took part: one table for people, one for users.

use std::collections::HashMap;

use crm_domain::{Id, IdSet, Interaction};
use diesel::{ExpressionMethods, Insertable, QueryDsl, QueryResult, RunQueryDsl};

use crate::{
    column::{TimeColumn, UuidColumn},
    connection::AnyConnection,
    dialect::insert_all,
    error::StoreError,
    schema::{interaction_people, interaction_users},
};

/// Puts those who took part into interactions that have just been loaded, one query for each table.
pub fn fill(connection: &mut AnyConnection, interactions: &mut [Interaction]) -> QueryResult<()> {
    let ids: Vec<UuidColumn> = interactions.iter().map(|interaction| interaction.id.into()).collect();
    let people = interaction_people::table
        .select((interaction_people::interaction_id, interaction_people::person_id))
        .filter(interaction_people::interaction_id.eq_any(ids.clone()));
    let mut people = grouped(people.load(connection)?);
    let users = interaction_users::table
        .select((interaction_users::interaction_id, interaction_users::user_id))
        .filter(interaction_users::interaction_id.eq_any(ids));
    let mut users = grouped(users.load(connection)?);
    for interaction in interactions {
        interaction.participant_people = IdSet::from_stored(people.remove(&interaction.id.uuid()).unwrap_or_default());
        interaction.participant_users = IdSet::from_stored(users.remove(&interaction.id.uuid()).unwrap_or_default());
    }
    Ok(())
}

fn grouped<R>(pairs: Vec<(UuidColumn, UuidColumn)>) -> HashMap<uuid::Uuid, Vec<Id<R>>> {
    let mut groups: HashMap<uuid::Uuid, Vec<Id<R>>> = HashMap::new();
    for (interaction, participant) in pairs {
        groups.entry(interaction.0).or_default().push(participant.into());
    }
    groups
}

#[derive(Insertable)]
#[diesel(table_name = interaction_people)]
struct PersonRow {
    interaction_id: UuidColumn,
    person_id: UuidColumn,
    occurred_at: TimeColumn,
}

#[derive(Insertable)]
#[diesel(table_name = interaction_users)]
struct UserRow {
    interaction_id: UuidColumn,
    user_id: UuidColumn,
    occurred_at: TimeColumn,
}

/// Writes down those who took part in new interactions.
pub fn insert(connection: &mut AnyConnection, new: &[Interaction]) -> Result<(), StoreError> {
    let (mut people, mut users): (Vec<PersonRow>, Vec<UserRow>) = Default::default();
    for interaction in new {
        let (interaction_id, occurred_at) = (interaction.id.into(), interaction.occurred_at.into());
        let people_here = interaction.participant_people.as_slice().iter();
        people.extend(people_here.map(|id| PersonRow { interaction_id, person_id: (*id).into(), occurred_at }));
        let users_here = interaction.participant_users.as_slice().iter();
        users.extend(users_here.map(|id| UserRow { interaction_id, user_id: (*id).into(), occurred_at }));
    }
    insert_all!(connection, interaction_people::table, &people)?;
    insert_all!(connection, interaction_users::table, &users)?;
    Ok(())
}

/// Replaces those who took part in one interaction, and the time that stands beside them.
pub fn replace(connection: &mut AnyConnection, interaction: &Interaction) -> Result<(), StoreError> {
    let id = UuidColumn::from(interaction.id);
    diesel::delete(interaction_people::table.filter(interaction_people::interaction_id.eq(id))).execute(connection)?;
    diesel::delete(interaction_users::table.filter(interaction_users::interaction_id.eq(id))).execute(connection)?;
    insert(connection, std::slice::from_ref(interaction))
}
