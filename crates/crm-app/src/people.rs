//! People: what can be done with them.

use crm_domain::{
    Change, ChangeAction, FieldChange, Invalid, NewRecord, Person, PersonField, PersonId, PersonPatch, RecordKind,
    RecordedChange,
    access::{ActionType, Actor, Create, Delete, Denied, Export as ExportAction, Grant, Read, Update, policy},
    query::{Filter, ListQuery, Page, Test, Total, Value as FilterValue},
};
use crm_persistence::{Recorded, StoreError, Transaction, WriteTx, changes, people};
use serde_json::Value;

use crate::{
    Answer, App, BatchOutcome, BatchRequest, Done, Error, Expected, Input, Once, Operation,
    changes::before,
    expected::{settled, upserted},
    export::{self, Export},
    ownership::{self, Defaults},
    table::{Columns, Exported},
};

/// The use cases of people.
#[derive(Clone, Debug)]
pub struct People {
    pub(crate) app: App,
}

impl People {
    /// One person.
    pub async fn get(&self, grant: Grant<Read, Person>, id: PersonId) -> Result<Person, Error> {
        self.app.read(move |tx| Ok(people::find(tx, &grant, id)?)).await
    }

    /// Those of these people that are there and in scope, in any order.
    pub async fn get_many(&self, grant: Grant<Read, Person>, ids: Vec<PersonId>) -> Result<Vec<Person>, Error> {
        self.app.read(move |tx| Ok(people::find_many(tx, &grant, &ids)?)).await
    }

    /// A page of the list.
    pub async fn list(&self, grant: Grant<Read, Person>, query: ListQuery<PersonField>) -> Result<Page<Person>, Error> {
        self.app.read(move |tx| Ok(people::list(tx, &grant, &query)?)).await
    }

    /// Makes one.
    pub async fn create(
        &self,
        grant: Grant<Create, Person>,
        input: impl Into<Input<PersonPatch>>,
        once: Once<Person>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, &input))).await
    }

    /// Changes one.
    pub async fn update(
        &self,
        grant: Grant<Update, Person>,
        id: PersonId,
        expected: Expected,
        input: impl Into<Input<PersonPatch>>,
    ) -> Result<Person, Error> {
        let (actor, input) = (grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grant, id, expected, &input)).await
    }

    /// Removes one; it can be restored. Its links are kept, and hidden with it.
    pub async fn delete(&self, grant: Grant<Delete, Person>, id: PersonId, expected: Expected) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back, unless one of its unique values has been taken meanwhile.
    pub async fn restore(
        &self,
        grant: Grant<Delete, Person>,
        id: PersonId,
        once: Once<Person>,
    ) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, Person>,
        id: PersonId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::People, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }

    /// Many operations in one request; each needs the permission for its own action.
    pub async fn batch(
        &self,
        actor: &Actor,
        request: BatchRequest,
        once: Once<BatchOutcome<Person>>,
    ) -> Result<Answer, Error> {
        let (app, grants) = (self.app.clone(), Grants::of(actor));
        self.app.batch(actor, request, once, move |tx, operation| apply(&app, tx, &grants, operation)).await
    }

    /// All that the list with the same filters would show, page by page.
    pub fn export(&self, grant: Grant<ExportAction, Person>, query: ListQuery<PersonField>) -> Export<Person> {
        let app = self.app.clone();
        let first = ListQuery { limit: export::PAGE, total: Total::None, cursor: None, ..query };
        Export::new(move |cursor| {
            let (app, grant, mut query) = (app.clone(), grant.clone(), first.clone());
            Box::pin(async move {
                query.cursor = export::cursor(cursor.as_deref(), &query)?;
                app.read(move |tx| Ok(people::list(tx, &grant, &query)?)).await
            })
        })
    }
}

impl Exported for Person {
    type Fields = PersonField;
    const NAME: &'static str = "people";
    #[rustfmt::skip]
    const COLUMNS: Columns = &[
        "id", "first_name", "last_name", "email", "personal_email", "phone", "mobile", "job_title", "country_code", "language",
        "linkedin_url", "tags", "is_active", "consent", "consent_date", "notes", "last_activity_at", "version", "owner_id", "team_id", "created_at",
        "created_by", "updated_at", "updated_by", "deleted_at",
    ];
}

/// What the operations of a batch may do; what is denied is told by the operations that need it.
struct Grants {
    create: Result<Grant<Create, Person>, Denied>,
    update: Result<Grant<Update, Person>, Denied>,
    delete: Result<Grant<Delete, Person>, Denied>,
}

impl Grants {
    fn of(actor: &Actor) -> Self {
        Self { create: policy::authorise(actor), update: policy::authorise(actor), delete: policy::authorise(actor) }
    }
}

fn allowed<T>(grant: &Result<T, Denied>) -> Result<&T, Error> {
    grant.as_ref().map_err(|denied| Error::Denied(*denied))
}

fn apply(app: &App, tx: &mut WriteTx, grants: &Grants, operation: Operation) -> Result<Recorded<Done<Person>>, Error> {
    match operation {
        Operation::Create { data } => {
            let grant = allowed(&grants.create)?;
            Ok(create(app, tx, grant, &PersonPatch::read(data).into())?.map(Done::Created))
        }
        Operation::Update { id, expected, data } => {
            let grant = allowed(&grants.update)?;
            let input = PersonPatch::read(data).into();
            Ok(update(tx, grant, PersonId::new(id), expected, &input)?.map(Done::Updated))
        }
        Operation::Upsert { by, data } => {
            let (may_create, may_update) = (allowed(&grants.create)?, allowed(&grants.update)?);
            let input = PersonPatch::read(data.clone()).into();
            upserted(
                tx,
                &format!("people {by} {}", data[&by]),
                |tx| matching(tx, may_update, &by, &data),
                |tx| Ok(create(app, tx, may_create, &input)?.map(Done::Created)),
                |tx, id| Ok(update(tx, may_update, id, Expected::Any, &input)?.map(Done::Updated)),
            )
        }
        Operation::Delete { id, expected } => {
            let grant = allowed(&grants.delete)?;
            Ok(delete(tx, grant, PersonId::new(id), expected)?.with(Done::Deleted(id)))
        }
    }
}

/// The one person that has the same value of the field `by` as the data.
fn matching(
    tx: &mut WriteTx,
    grant: &Grant<Update, Person>,
    by: &str,
    data: &Value,
) -> Result<Option<PersonId>, Error> {
    if by != "email" {
        return Err(Invalid::one("/match", "choice", "must be: email").into());
    }
    let patch = PersonPatch::read(data.clone())?;
    let Some(email) = patch.email.as_set() else {
        return Err(Invalid::one("/email", "required", "must have a value to match by").into());
    };
    let filters = vec![Filter { field: PersonField::Email, test: Test::Equal(FilterValue::Text(email.to_string())) }];
    let found = people::list(tx, grant, &ListQuery { filters, limit: 2, ..ListQuery::default() })?;
    Ok(found.items.first().map(|person| person.id))
}

pub(crate) fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, Person>,
    input: &Input<PersonPatch>,
) -> Result<Recorded<Person>, Error> {
    let patch = input.get()?;
    let Defaults { owner_id, team_id } = Defaults::of(tx, grant.actor(), &patch.owner_id, &patch.team_id)?;
    let new = NewRecord { id: app.new_id(), owner_id, team_id, by: grant.actor().user_id(), at: tx.at() };
    let made = Person::create(new, patch)?;
    people::insert(tx, grant, &made.state)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grant: &Grant<Update, Person>,
    id: PersonId,
    expected: Expected,
    input: &Input<PersonPatch>,
) -> Result<Recorded<Person>, Error> {
    settled(|| {
        let current = people::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        let patch = input.get()?;
        let updated = current.apply(patch, grant.actor().user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        ownership::check(tx, grant.actor(), Some(&current.stamps), &patch.owner_id, &patch.team_id)?;
        Ok(save(tx, grant, version, updated.state, ChangeAction::Updated, updated.changes))
    })
}

fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Person>,
    id: PersonId,
    expected: Expected,
) -> Result<Recorded<Person>, Error> {
    settled(|| {
        let mut state = people::find(tx, grant, id)?;
        let version = state.stamps.version;
        expected.check(version, &state)?;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = Some(tx.at());
        Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(tx: &mut WriteTx, grant: &Grant<Delete, Person>, id: PersonId) -> Result<Recorded<Person>, Error> {
    settled(|| {
        let mut state = live_or_deleted(tx, grant, id)?;
        if !state.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the person is not deleted".to_owned() });
        }
        let version = state.stamps.version;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = None;
        Ok(save(tx, grant, version, state, ChangeAction::Restored, Vec::new()))
    })
}

pub(crate) fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Person>,
    id: PersonId,
) -> Result<Person, StoreError> {
    match people::find(tx, grant, id) {
        Err(StoreError::NotFound) => people::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Saves a new state over the version before, and records how it came to be.
pub(crate) fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Person>,
    before: crm_domain::Version,
    state: Person,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<Person>, StoreError> {
    people::save(tx, grant, before, &state)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

pub(crate) fn change(state: &Person, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::People, record_id: state.id.uuid(), version: state.stamps.version, action, fields }
}
