//! When something last happened with an organisation or a person: kept in the same transaction as the interactions.
//!
//! It is no new version of the organisation or the person, and no row of the change log: a call is a change of the
//! interaction and stands there. A version for it would make everybody who edits the organisation meanwhile lose their edit,
//! and a history of fifty calls would hide the one change of its address.

use std::collections::BTreeSet;

use crm_domain::{Interaction, OrganisationId, PersonId};
use uuid::Uuid;

use crate::{
    column::UuidColumn,
    error::StoreError,
    observed,
    sql::{Bind, Sql},
    transaction::{WriteTx, connection},
};

/// The records whose last activity is to be looked at again.
#[derive(Debug, Default)]
pub struct Touched {
    organisations: BTreeSet<OrganisationId>,
    people: BTreeSet<PersonId>,
}

impl Touched {
    /// The organisation and the people of this interaction as well.
    pub fn add(&mut self, interaction: &Interaction) {
        self.organisations.extend(interaction.organisation_id);
        self.people.extend(interaction.participant_people.as_slice());
    }

    /// Works the times out again from the live interactions.
    ///
    /// The rows are taken first, by a statement of its own: whoever writes an interaction of the same record at the same time
    /// waits there, and the second statement sees what the other one has committed. Always in the order of their ids, so that
    /// two writers do not wait for each other in a circle.
    pub fn settle(&self, tx: &mut WriteTx) -> Result<(), StoreError> {
        const OF_ORGANISATION: &str = "SELECT MAX(interactions.occurred_at) FROM interactions \
            WHERE interactions.organisation_id = organisations.id AND interactions.deleted_at IS NULL";
        const OF_PERSON: &str = "SELECT MAX(interactions.occurred_at) FROM interaction_people JOIN interactions \
            ON interactions.id = interaction_people.interaction_id \
            WHERE interaction_people.person_id = people.id AND interactions.deleted_at IS NULL";
        for id in &self.organisations {
            settle(tx, "organisations", OF_ORGANISATION, id.uuid())?;
        }
        for id in &self.people {
            settle(tx, "people", OF_PERSON, id.uuid())?;
        }
        Ok(())
    }
}

/// Works the times of all records out again, by one statement for each table.
pub fn settle_all(tx: &mut WriteTx) -> Result<(), StoreError> {
    const OF_ORGANISATIONS: &str = "SELECT organisation_id AS id, MAX(occurred_at) AS at FROM interactions \
        WHERE organisation_id IS NOT NULL AND deleted_at IS NULL GROUP BY organisation_id";
    const OF_PEOPLE: &str = "SELECT person_id AS id, MAX(interactions.occurred_at) AS at FROM interaction_people \
        JOIN interactions ON interactions.id = interaction_id WHERE deleted_at IS NULL GROUP BY person_id";
    for (table, latest) in [("organisations", OF_ORGANISATIONS), ("people", OF_PEOPLE)] {
        let update = format!(
            "UPDATE {table} SET last_activity_at = latest.at FROM ({latest}) AS latest WHERE {table}.id = latest.id"
        );
        Sql::new().push(update).execute(connection(tx))?;
    }
    Ok(())
}

fn settle(tx: &mut WriteTx, table: &'static str, latest: &str, id: Uuid) -> Result<(), StoreError> {
    for value in ["last_activity_at".to_owned(), format!("({latest})")] {
        let update = Sql::new().push(format!("UPDATE {table} SET last_activity_at = {value} WHERE {table}.id = "));
        observed::writing_rows(table, [id]);
        update.bind(Bind::Id(UuidColumn(id))).execute(connection(tx))?;
    }
    Ok(())
}
