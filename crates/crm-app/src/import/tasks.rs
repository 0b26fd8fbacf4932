//! What a row says of a task, and which organisation it names.

use crm_domain::{
    Change, ChangeAction, Field, FieldChange, Invalid, NewRecord, Organisation, OrganisationId, Task, TaskPatch,
    Version,
    access::{Create, Denied, Grant, Ownership, Read, Update},
    values::{CountryCode, Timestamp, fold},
};
use crm_persistence::{
    Recorded, StoreError, WriteTx,
    tasks::{self, MatchKeys},
};
use serde_json::Value;

use super::{
    cells::Reading,
    employer::{Employer, Employers},
    reader::{self, Synonyms},
    row::Problem,
    seen::Key,
    target::{FieldMap, FieldReading, Keys, Made, Recognised, Rights, Target},
};
use crate::{App, Error, tasks::change};

/// An import of tasks.
pub(super) struct Tasks {
    pub app: App,
    pub rights: Rights<Task>,
    /// The organisation that a row names is one that the importer sees.
    pub organisations: Result<Grant<Read, Organisation>, Denied>,
}

const fn field(name: &'static str, reading: Reading) -> FieldReading {
    FieldReading { name, reading }
}

const PRIORITIES: Reading = Reading::Choice(&[
    ("low", &["minor", "basse", "faible"]),
    ("normal", &["medium", "moyenne", "normale", "standard"]),
    ("high", &["important", "haute", "élevée", "importante"]),
    ("urgent", &["critical", "urgente", "critique", "immediate"]),
]);

const STATUSES: Reading = Reading::Choice(&[
    ("todo", &["to do", "open", "new", "not started", "à faire", "ouvert", "ouverte", "nouvelle"]),
    ("doing", &["in progress", "started", "en cours", "commencée"]),
    ("done", &["completed", "closed", "finished", "fait", "faite", "terminé", "terminée", "achevée"]),
    ("cancelled", &["canceled", "dropped", "annulé", "annulée", "abandonnée"]),
]);

impl Target for Tasks {
    type Record = Task;
    type Patch = TaskPatch;
    type Aside = Employer;

    const SYNONYMS: &'static Synonyms = reader::TASK;
    const FIELDS: &'static [FieldReading] = &[
        field("title", Reading::Line),
        field("description", Reading::Text),
        field("due_at", Reading::Time),
        field("priority", PRIORITIES),
        field("status", STATUSES),
        field("recurrence", Reading::Line),
    ];

    fn read(fields: FieldMap) -> Result<TaskPatch, Invalid> {
        TaskPatch::read(Value::Object(fields))
    }

    fn asides<'c>(&self, _: &mut FieldMap, cell: &dyn Fn(&str) -> Option<&'c str>) -> Employer {
        Employer::of(cell)
    }

    fn rights(&self) -> &Rights<Task> {
        &self.rights
    }

    fn ownership(record: &Task) -> Ownership {
        record.ownership()
    }

    fn resolve(&self, tx: &mut WriteTx, asides: &mut [Employer]) -> Result<Vec<(usize, Problem)>, Error> {
        match &self.organisations {
            Ok(grant) => Employers::resolve(tx, grant, asides),
            Err(denied) => {
                let all = asides.iter().enumerate().filter(|(_, aside)| aside.named_by().is_some());
                Ok(all.map(|(at, aside)| (at, aside.problem("forbidden", denied.to_string()))).collect())
            }
        }
    }

    /// The title, the organisation and the time it is due: a task that is imported again is the same one.
    fn keys(&self, fields: &FieldMap, employer: &Employer) -> Keys {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let due = text("due_at").and_then(|due| Timestamp::parse(due).ok());
        let own = text("title").map(|title| key(due, employer.found, title));
        Keys { own: own.into_iter().collect(), fallback: Vec::new() }
    }

    fn keys_of(&self, record: &Task) -> Vec<Key> {
        vec![key(record.due_at, record.organisation_id, record.title.as_str())]
    }

    fn load(&self, tx: &mut WriteTx, keys: &[Key]) -> Result<Vec<Recognised<Task>>, Error> {
        let mut wanted = MatchKeys::default();
        for (due, rest) in keys.iter().filter_map(|key| key.split_once('|')) {
            match due.parse() {
                Ok(micros) => wanted.due.push(Timestamp::from_micros(micros)),
                Err(_) => wanted.undue_titles.extend(rest.split_once('|').map(|(_, title)| title.to_owned())),
            }
        }
        let found = tasks::matching(tx, &self.rights.import, &wanted)?;
        Ok(found.into_iter().map(|record| (record.clone(), self.keys_of(&record))).collect())
    }

    fn create(
        &self,
        tx: &WriteTx,
        patch: &TaskPatch,
        employer: &Employer,
    ) -> Result<(Task, Vec<FieldChange>), Invalid> {
        let actor = self.rights.import.actor();
        let (owner_id, team_id, by) = (actor.user_id(), actor.team_id(), actor.user_id());
        let new = NewRecord { id: self.app.new_id(), owner_id, team_id, by, at: tx.at() };
        let organisation_id = employer.found.map_or(Field::Keep, Field::Set);
        Task::create(new, &TaskPatch { organisation_id, ..patch.clone() }).map(|made| (made.state, made.changes))
    }

    fn apply(&self, tx: &WriteTx, record: &Task, patch: &TaskPatch) -> Result<(Task, Vec<FieldChange>), Invalid> {
        let applied = record.apply(patch, self.rights.import.actor().user_id(), tx.at())?;
        Ok((applied.state, applied.changes))
    }

    fn insert(&self, tx: &mut WriteTx, grant: &Grant<Create, Task>, records: &[Task]) -> Result<(), StoreError> {
        tasks::insert_many(tx, grant, records)
    }

    fn save(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Update, Task>,
        before: Version,
        record: &Task,
    ) -> Result<(), StoreError> {
        tasks::save(tx, grant, before, record)
    }

    fn change(record: &Task, made: Made, fields: Vec<FieldChange>) -> Change {
        let action = if made == Made::New { ChangeAction::Created } else { ChangeAction::Updated };
        change(record, action, fields)
    }

    fn version(record: &Task) -> Version {
        record.stamps.version
    }

    fn finish(&self, tx: &mut WriteTx, _: &[(Task, Employer)]) -> Result<Recorded<()>, Error> {
        Ok(tx.unchanged(()))
    }

    fn default_country(&self) -> Option<CountryCode> {
        None
    }
}

fn key(due: Option<Timestamp>, organisation: Option<OrganisationId>, title: &str) -> Key {
    let (due, organisation) = (due.map(|due| due.micros().to_string()), organisation.map(|id| id.to_string()));
    format!("{}|{}|{}", due.unwrap_or_default(), organisation.unwrap_or_default(), fold(title))
}
