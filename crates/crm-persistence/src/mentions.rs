//! Whether other records speak of one: an organisation of which there are mandates, a person who took part in a meeting.
//!
//! What it tells is yes or no, about records of whoever they are, so that nothing is taken away from under somebody else's
//! work. No grant is asked for, because nothing of those records is told.

use crm_domain::RecordKind;
use diesel::{RunQueryDsl, sql_types::Bool};
use uuid::Uuid;

use crate::{
    column::UuidColumn,
    error::StoreError,
    sql::{Bind, Sql},
    transaction::{Transaction, connection},
};

/// The tables whose rows name a record of each kind, the columns that do, and what tells whether such a row is there.
const MENTIONS: [(RecordKind, &str, (&str, &str), &str); 12] = [
    (RecordKind::Organisations, "links", ("links", "organisation_id"), "links"),
    (RecordKind::Organisations, "mandates", ("mandates", "organisation_id"), "mandates"),
    (RecordKind::Organisations, "interactions", ("interactions", "organisation_id"), "interactions"),
    (RecordKind::Organisations, "tasks", ("tasks", "organisation_id"), "tasks"),
    (RecordKind::People, "links", ("links", "person_id"), "links"),
    (RecordKind::People, PARTICIPATIONS, ("interaction_people", "person_id"), "interactions"),
    (RecordKind::People, "tasks", ("tasks", "person_id"), "tasks"),
    (RecordKind::Products, "mandate_products", ("mandate_products", "product_id"), "mandate_products"),
    (RecordKind::Products, "interactions", ("interactions", "product_id"), "interactions"),
    (RecordKind::Mandates, "mandate_products", ("mandate_products", "mandate_id"), "mandate_products"),
    (RecordKind::Mandates, "tasks", ("tasks", "mandate_id"), "tasks"),
    (RecordKind::Interactions, "tasks", ("tasks", "interaction_id"), "tasks"),
];

const PARTICIPATIONS: &str =
    "interaction_people JOIN interactions ON interactions.id = interaction_people.interaction_id";

/// Whether a record that is there is spoken of by another one that is there.
pub fn exist(tx: &mut impl Transaction, kind: RecordKind, id: Uuid) -> Result<bool, StoreError> {
    let id = || Bind::Id(UuidColumn(id));
    let mentions = MENTIONS.iter().filter(|(of, ..)| *of == kind).map(|(_, rows, (table, column), live)| {
        let named = Sql::new().column(table, column).push(" = ").bind(id());
        let live = Sql::new().column(live, "deleted_at").push(" IS NULL");
        Sql::new()
            .push(format!("EXISTS (SELECT 1 FROM {rows} WHERE "))
            .append(named)
            .push(" AND ")
            .append(live)
            .push(")")
    });
    let mentions: Vec<Sql> = mentions.collect();
    if mentions.is_empty() {
        return Ok(false);
    }
    let here = Sql::new().push(format!("EXISTS (SELECT 1 FROM {} WHERE id = ", kind.as_ref())).bind(id());
    let query = Sql::new().push("SELECT ").append(here).push(" AND deleted_at IS NULL) AND ");
    Ok(query.append(Sql::joined(mentions, " OR ")).typed::<Bool>().get_result(connection(tx))?)
}
