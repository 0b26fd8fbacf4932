//! What has happened with a record, and what is to be done: interactions, tasks, mandates and changes in one list.
//!
//! Each kind is asked by a query of its own, which begins with the scope of its grant and walks an index of its own; the
//! answers are merged. What there is no grant for is left out.

use crm_domain::{
    Interaction, Mandate, OrganisationId, PersonId, RecordKind, RecordedChange, Task, TimelineEntry, TimelineItem,
    access::{Grant, Read},
    query::Page,
    values::Timestamp,
};
use diesel::{QueryDsl, RunQueryDsl, SelectableHelper};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    changes,
    column::{TimeColumn, UuidColumn},
    connection::Multi,
    cursor, dialect,
    error::StoreError,
    interactions::{self, InteractionRow},
    mandates::MandateRow,
    schema,
    sql::{Bind, Sql},
    tasks::TaskRow,
    transaction::{Transaction, connection},
    visible::{Life, visible},
};

/// What a caller may read of each kind.
#[derive(Debug)]
pub struct TimelineGrants {
    /// Interactions.
    pub interactions: Option<Grant<Read, Interaction>>,
    /// Tasks.
    pub tasks: Option<Grant<Read, Task>>,
    /// Mandates.
    pub mandates: Option<Grant<Read, Mandate>>,
}

/// Whose timeline it is. That the caller may see the record is for the caller of this room to find out.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// Of an organisation: its interactions, the tasks about it, its mandates, its changes.
    Organisation(OrganisationId),
    /// Of a person: the interactions that they took part in, the tasks about them, their changes.
    Person(PersonId),
}

/// A page of the timeline, the newest first. An interaction stands where it happened, a task and a mandate where they were
/// made, a change where it was made.
pub fn timeline(
    tx: &mut impl Transaction,
    grants: &TimelineGrants,
    subject: Subject,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<TimelineEntry>, StoreError> {
    let list = format!("timeline {subject:?}");
    let after: Option<Position> = cursor::decode(&list, after)?;
    let look = Look { subject, after: after.as_ref(), limit: i64::from(limit) + 1 };
    let mut found: Vec<(Position, TimelineEntry)> = Vec::new();
    if let Some(grant) = &grants.interactions {
        found.extend(look.interactions(tx, grant)?.into_iter().map(TimelineItem::Interaction).map(placed));
    }
    if let Some(grant) = &grants.tasks {
        found.extend(look.tasks(tx, grant)?.into_iter().map(TimelineItem::Task).map(placed));
    }
    if let Some(grant) = &grants.mandates {
        found.extend(look.mandates(tx, grant)?.into_iter().map(TimelineItem::Mandate).map(placed));
    }
    found.extend(look.changes(tx)?.into_iter().map(TimelineItem::Change).map(placed));
    found.sort_by_key(|(position, _)| position.sort_key());
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|(place, _)| cursor::encode(&list, place));
    Ok(Page { items: found.into_iter().map(|(_, entry)| entry).collect(), next_cursor, total: None })
}

/// The database's plans for the queries of one page, for tests and for whoever wonders why it is slow.
pub fn plans(
    tx: &mut impl Transaction,
    grants: &TimelineGrants,
    subject: Subject,
    limit: u32,
    after: Option<&str>,
) -> Result<Vec<String>, StoreError> {
    let after: Option<Position> = cursor::decode(&format!("timeline {subject:?}"), after)?;
    let look = Look { subject, after: after.as_ref(), limit: i64::from(limit) + 1 };
    let walks = [
        grants.interactions.as_ref().map(|grant| look.walk_of_interactions(grant)),
        grants.tasks.as_ref().map(|grant| look.walk_of_tasks(grant)),
        grants.mandates.as_ref().and_then(|grant| look.walk_of_mandates(grant)),
        Some(look.walk_of_changes()),
    ];
    let mut plans = Vec::new();
    for Walk { from, condition, order } in walks.into_iter().flatten() {
        let select = Sql::new().push(format!("SELECT * FROM {from} WHERE ")).append(condition).push(" ORDER BY ");
        let select = select.append(order).push(format!(" LIMIT {}", look.limit));
        plans.push(dialect::explain(connection(tx), select)?.join("\n"));
    }
    Ok(plans)
}

/// Where an entry stands: at its time, then by its kind, then by its id. A change has its version for an id.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Position {
    micros: i64,
    kind: u8,
    id: Uuid,
}

impl Position {
    fn sort_key(&self) -> impl Ord + use<> {
        (std::cmp::Reverse(self.micros), self.kind, std::cmp::Reverse(self.id))
    }
}

const INTERACTION: u8 = 1;
const TASK: u8 = 2;
const MANDATE: u8 = 3;
const CHANGE: u8 = 4;

fn placed(item: TimelineItem) -> (Position, TimelineEntry) {
    let (kind, at, id): (u8, Timestamp, Uuid) = match &item {
        TimelineItem::Interaction(interaction) => (INTERACTION, interaction.occurred_at, interaction.id.uuid()),
        TimelineItem::Task(task) => (TASK, task.stamps.created_at, task.id.uuid()),
        TimelineItem::Mandate(mandate) => (MANDATE, mandate.stamps.created_at, mandate.id.uuid()),
        TimelineItem::Change(change) => (CHANGE, change.at, Uuid::from_u128(version(change))),
    };
    (Position { micros: at.micros(), kind, id }, TimelineEntry { at, item })
}

fn version(change: &RecordedChange) -> u128 {
    u128::try_from(change.version.number()).expect("versions are positive")
}

/// One look at each kind: up to so many after a place.
struct Look<'a> {
    subject: Subject,
    after: Option<&'a Position>,
    limit: i64,
}

impl Look<'_> {
    fn interactions(
        &self,
        tx: &mut impl Transaction,
        grant: &Grant<Read, Interaction>,
    ) -> Result<Vec<Interaction>, StoreError> {
        let (columns, walk) = (InteractionRow::as_select(), self.walk_of_interactions(grant));
        let rows: Vec<InteractionRow> = match self.subject {
            Subject::Organisation(_) => {
                let query = schema::interactions::table.select(columns).filter(walk.condition).order_by(walk.order);
                query.limit(self.limit).into_boxed::<Multi>().load(connection(tx))?
            }
            Subject::Person(_) => {
                let joined = schema::interaction_people::table.inner_join(schema::interactions::table);
                let query = joined.select(columns).filter(walk.condition).order_by(walk.order);
                query.limit(self.limit).into_boxed::<Multi>().load(connection(tx))?
            }
        };
        Ok(interactions::filled(connection(tx), rows)?)
    }

    fn tasks(&self, tx: &mut impl Transaction, grant: &Grant<Read, Task>) -> Result<Vec<Task>, StoreError> {
        let walk = self.walk_of_tasks(grant);
        let query = schema::tasks::table.select(TaskRow::as_select()).filter(walk.condition).order_by(walk.order);
        let rows: Vec<TaskRow> = query.limit(self.limit).into_boxed::<Multi>().load(connection(tx))?;
        Ok(rows.into_iter().map(Task::from).collect())
    }

    fn mandates(&self, tx: &mut impl Transaction, grant: &Grant<Read, Mandate>) -> Result<Vec<Mandate>, StoreError> {
        let Some(walk) = self.walk_of_mandates(grant) else { return Ok(Vec::new()) };
        let query = schema::mandates::table.select(MandateRow::as_select()).filter(walk.condition).order_by(walk.order);
        let rows: Vec<MandateRow> = query.limit(self.limit).into_boxed::<Multi>().load(connection(tx))?;
        Ok(rows.into_iter().map(Mandate::from).collect())
    }

    fn changes(&self, tx: &mut impl Transaction) -> Result<Vec<RecordedChange>, StoreError> {
        let walk = self.walk_of_changes();
        changes::newest(tx, walk.condition, walk.order, self.limit)
    }

    fn walk_of_interactions(&self, grant: &Grant<Read, Interaction>) -> Walk {
        let base = visible(grant, "interactions", Life::Live);
        match self.subject {
            Subject::Organisation(id) => {
                self.walk(base, "interactions", "organisation_id", id.uuid(), "occurred_at", "id", INTERACTION)
            }
            // The time stands beside each participant, so that their list is one walk of an index.
            Subject::Person(id) => {
                let (table, key) = ("interaction_people", "interaction_id");
                let walk = self.walk(base, table, "person_id", id.uuid(), "occurred_at", key, INTERACTION);
                Walk { from: "interaction_people JOIN interactions ON interactions.id = interaction_id", ..walk }
            }
        }
    }

    fn walk_of_tasks(&self, grant: &Grant<Read, Task>) -> Walk {
        let (column, id) = match self.subject {
            Subject::Organisation(id) => ("organisation_id", id.uuid()),
            Subject::Person(id) => ("person_id", id.uuid()),
        };
        self.walk(visible(grant, "tasks", Life::Live), "tasks", column, id, "created_at", "id", TASK)
    }

    /// A person has none.
    fn walk_of_mandates(&self, grant: &Grant<Read, Mandate>) -> Option<Walk> {
        let Subject::Organisation(id) = self.subject else { return None };
        let base = visible(grant, "mandates", Life::Live);
        Some(self.walk(base, "mandates", "organisation_id", id.uuid(), "created_at", "id", MANDATE))
    }

    fn walk_of_changes(&self) -> Walk {
        let (kind, id) = match self.subject {
            Subject::Organisation(id) => (RecordKind::Organisations, id.uuid()),
            Subject::Person(id) => (RecordKind::People, id.uuid()),
        };
        let base = Sql::new().column("changes", "resource").push(" = ").bind(Bind::Text(kind.as_ref().to_owned()));
        let mut conditions = vec![base, is("changes", "record_id", id)];
        conditions.extend(self.after.map(|after| {
            let version = i64::try_from(after.id.as_u128()).unwrap_or(i64::MAX);
            later("changes", "at", "version", CHANGE, after, Bind::Integer(version))
        }));
        let order = newest("changes", "at", "version");
        Walk { from: "changes", condition: Sql::joined(conditions, " AND "), order }
    }

    #[expect(clippy::too_many_arguments, reason = "each names one column of one query; the callers stand beside it")]
    fn walk(
        &self,
        base: Sql,
        table: &'static str,
        subject: &'static str,
        id: Uuid,
        time: &'static str,
        key: &'static str,
        kind: u8,
    ) -> Walk {
        let place = |after: &Position| later(table, time, key, kind, after, Bind::Id(UuidColumn(after.id)));
        let conditions = [base, is(table, subject, id)].into_iter().chain(self.after.map(place));
        Walk { from: table, condition: Sql::joined(conditions, " AND "), order: newest(table, time, key) }
    }
}

/// One walk of an index: rows of a table or a join, in an order.
struct Walk {
    from: &'static str,
    condition: Sql,
    order: Sql,
}

fn is(table: &'static str, column: &'static str, id: Uuid) -> Sql {
    Sql::new().column(table, column).push(" = ").bind(Bind::Id(UuidColumn(id)))
}

/// The condition that a row comes after this place: by its time, then by its kind, then by its id.
fn later(table: &'static str, time: &'static str, key: &'static str, kind: u8, after: &Position, id: Bind) -> Sql {
    let at = Bind::Time(TimeColumn(after.micros));
    let time = Sql::new().column(table, time);
    match kind.cmp(&after.kind) {
        std::cmp::Ordering::Less => time.push(" < ").bind(at),
        std::cmp::Ordering::Greater => time.push(" <= ").bind(at),
        std::cmp::Ordering::Equal => {
            let pair = Sql::new().push("(").append(time).push(", ").column(table, key).push(") < (");
            pair.bind(at).push(", ").bind(id).push(")")
        }
    }
}

fn newest(table: &'static str, time: &'static str, key: &'static str) -> Sql {
    Sql::new().column(table, time).push(" DESC, ").column(table, key).push(" DESC")
}
