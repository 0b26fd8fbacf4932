//! Those who took part: one table for people, one for users.

use std::collections::HashMap;

use crm_domain::{Id, IdSet, Interaction};
use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl};

use crate::{
    column::{TimeColumn, UuidColumn},
    connection::AnyConnection,
    dialect::{Backend, on_either},
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

/// Writes down those who took part in new interactions.
pub fn insert(connection: &mut AnyConnection, new: &[Interaction]) -> Result<(), StoreError> {
    let people: Vec<_> = new
        .iter()
        .flat_map(|interaction| {
            let (id, at) = (UuidColumn::from(interaction.id), TimeColumn::from(interaction.occurred_at));
            interaction.participant_people.as_slice().iter().map(move |person| {
                (
                    interaction_people::interaction_id.eq(id),
                    interaction_people::person_id.eq(UuidColumn::from(*person)),
                    interaction_people::occurred_at.eq(at),
                )
            })
        })
        .collect();
    let users: Vec<_> = new
        .iter()
        .flat_map(|interaction| {
            let (id, at) = (UuidColumn::from(interaction.id), TimeColumn::from(interaction.occurred_at));
            interaction.participant_users.as_slice().iter().map(move |user| {
                (
                    interaction_users::interaction_id.eq(id),
                    interaction_users::user_id.eq(UuidColumn::from(*user)),
                    interaction_users::occurred_at.eq(at),
                )
            })
        })
        .collect();
    let rows = Backend::of(connection).rows_of_a_batch();
    for chunk in people.chunks(rows) {
        on_either!(connection, inner => diesel::insert_into(interaction_people::table).values(chunk.to_vec()).execute(inner))?;
    }
    for chunk in users.chunks(rows) {
        on_either!(connection, inner => diesel::insert_into(interaction_users::table).values(chunk.to_vec()).execute(inner))?;
    }
    Ok(())
}

/// Replaces those who took part in one interaction, and the time that stands beside them.
pub fn replace(connection: &mut AnyConnection, interaction: &Interaction) -> Result<(), StoreError> {
    let id = UuidColumn::from(interaction.id);
    diesel::delete(interaction_people::table.filter(interaction_people::interaction_id.eq(id))).execute(connection)?;
    diesel::delete(interaction_users::table.filter(interaction_users::interaction_id.eq(id))).execute(connection)?;
    insert(connection, std::slice::from_ref(interaction))
}
