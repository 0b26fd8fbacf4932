//! Mandates: what can be done with them.

use crm_domain::{
    Change, ChangeAction, FieldChange, Invalid, Mandate, MandateField, MandateId, MandatePatch, NewRecord,
    Organisation, OrganisationId, RecordKind, RecordedChange,
    access::{ActionType, Actor, Create, Delete, Denied, Export as ExportAction, Grant, Read, Update, policy},
    query::{Filter, ListQuery, Page, Test, Total, Value as FilterValue},
};
use crm_persistence::{
    Recorded, StoreError, Transaction, WriteTx, changes,
    mandates::{self, MandateStatistics},
    organisations,
};
use serde_json::Value;

use crate::{
    Answer, App, BatchOutcome, BatchRequest, Done, Error, Expected, Input, Once, Operation,
    changes::before,
    expected::{settled, upserted},
    export::{self, Export},
    ownership::{self, Defaults},
    table::{Columns, Exported},
};

/// The use cases of mandates.
#[derive(Clone, Debug)]
pub struct Mandates {
    pub(crate) app: App,
}

impl Mandates {
    /// One mandate.
    pub async fn get(&self, grant: Grant<Read, Mandate>, id: MandateId) -> Result<Mandate, Error> {
        self.app.read(move |tx| Ok(mandates::find(tx, &grant, id)?)).await
    }

    /// Those of these mandates that are there and in scope, in any order.
    pub async fn get_many(&self, grant: Grant<Read, Mandate>, ids: Vec<MandateId>) -> Result<Vec<Mandate>, Error> {
        self.app.read(move |tx| Ok(mandates::find_many(tx, &grant, &ids)?)).await
    }

    /// A page of the list.
    pub async fn list(
        &self,
        grant: Grant<Read, Mandate>,
        query: ListQuery<MandateField>,
    ) -> Result<Page<Mandate>, Error> {
        self.app.read(move |tx| Ok(mandates::list(tx, &grant, &query)?)).await
    }

    /// Makes one.
    pub async fn create(
        &self,
        grant: Grant<Create, Mandate>,
        input: impl Into<Input<MandatePatch>>,
        once: Once<Mandate>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, &input))).await
    }

    /// Changes one.
    pub async fn update(
        &self,
        grant: Grant<Update, Mandate>,
        id: MandateId,
        expected: Expected,
        input: impl Into<Input<MandatePatch>>,
    ) -> Result<Mandate, Error> {
        let (actor, input) = (grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grant, id, expected, &input)).await
    }

    /// Removes one; it can be restored. What is sold under it is kept, and hidden with it.
    pub async fn delete(&self, grant: Grant<Delete, Mandate>, id: MandateId, expected: Expected) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back, unless one of its unique values has been taken meanwhile.
    pub async fn restore(
        &self,
        grant: Grant<Delete, Mandate>,
        id: MandateId,
        once: Once<Mandate>,
    ) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, Mandate>,
        id: MandateId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::Mandates, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }

    /// Counts those that the list with the same filters would show.
    pub async fn statistics(
        &self,
        grant: Grant<Read, Mandate>,
        query: ListQuery<MandateField>,
    ) -> Result<MandateStatistics, Error> {
        self.app.read(move |tx| Ok(mandates::statistics(tx, &grant, &query)?)).await
    }

    /// Many operations in one request; each needs the permission for its own action.
    pub async fn batch(
        &self,
        actor: &Actor,
        request: BatchRequest,
        once: Once<BatchOutcome<Mandate>>,
    ) -> Result<Answer, Error> {
        let (app, grants) = (self.app.clone(), Grants::of(actor));
        self.app.batch(actor, request, once, move |tx, operation| apply(&app, tx, &grants, operation)).await
    }

    /// All that the list with the same filters would show, page by page.
    pub fn export(&self, grant: Grant<ExportAction, Mandate>, query: ListQuery<MandateField>) -> Export<Mandate> {
        let app = self.app.clone();
        let first = ListQuery { limit: export::PAGE, total: Total::None, cursor: None, ..query };
        Export::new(move |cursor| {
            let (app, grant, mut query) = (app.clone(), grant.clone(), first.clone());
            Box::pin(async move {
                query.cursor = export::cursor(cursor.as_deref(), &query)?;
                app.read(move |tx| Ok(mandates::list(tx, &grant, &query)?)).await
            })
        })
    }
}

impl Exported for Mandate {
    type Fields = MandateField;
    const NAME: &'static str = "mandates";
    #[rustfmt::skip]
    const COLUMNS: Columns = &[
        "id", "organisation_id", "number", "status", "signed_on", "starts_on", "ends_on", "notes", "version", "owner_id",
        "team_id", "created_at", "created_by", "updated_at", "updated_by", "deleted_at",
    ];
}

/// What the operations of a batch may do; what is denied is told by the operations that need it.
struct Grants {
    create: Result<Grant<Create, Mandate>, Denied>,
    update: Result<Grant<Update, Mandate>, Denied>,
    delete: Result<Grant<Delete, Mandate>, Denied>,
}

impl Grants {
    fn of(actor: &Actor) -> Self {
        Self { create: policy::authorise(actor), update: policy::authorise(actor), delete: policy::authorise(actor) }
    }
}

fn allowed<T>(grant: &Result<T, Denied>) -> Result<&T, Error> {
    grant.as_ref().map_err(|denied| Error::Denied(*denied))
}

fn apply(app: &App, tx: &mut WriteTx, grants: &Grants, operation: Operation) -> Result<Recorded<Done<Mandate>>, Error> {
    match operation {
        Operation::Create { data } => {
            let grant = allowed(&grants.create)?;
            Ok(create(app, tx, grant, &MandatePatch::read(data).into())?.map(Done::Created))
        }
        Operation::Update { id, expected, data } => {
            let grant = allowed(&grants.update)?;
            let input = MandatePatch::read(data).into();
            Ok(update(tx, grant, MandateId::new(id), expected, &input)?.map(Done::Updated))
        }
        Operation::Upsert { by, data } => {
            let (may_create, may_update) = (allowed(&grants.create)?, allowed(&grants.update)?);
            let input = MandatePatch::read(data.clone()).into();
            upserted(
                tx,
                &format!("mandates {by} {}", data[&by]),
                |tx| matching(tx, may_update, &by, &data),
                |tx| Ok(create(app, tx, may_create, &input)?.map(Done::Created)),
                |tx, id| Ok(update(tx, may_update, id, Expected::Any, &input)?.map(Done::Updated)),
            )
        }
        Operation::Delete { id, expected } => {
            let grant = allowed(&grants.delete)?;
            Ok(delete(tx, grant, MandateId::new(id), expected)?.with(Done::Deleted(id)))
        }
    }
}

/// The one mandate that has the same value of the field `by` as the data.
fn matching(
    tx: &mut WriteTx,
    grant: &Grant<Update, Mandate>,
    by: &str,
    data: &Value,
) -> Result<Option<MandateId>, Error> {
    if by != "number" {
        return Err(Invalid::one("/match", "choice", "must be one of: number").into());
    }
    let patch = MandatePatch::read(data.clone())?;
    let Some(number) = patch.number.as_set() else {
        return Err(Invalid::one("/number", "required", "must have a value to match by").into());
    };
    let (field, value) = (MandateField::Number, number.to_string());
    let filters = vec![Filter { field, test: Test::Equal(FilterValue::Text(value)) }];
    let found = mandates::list(tx, grant, &ListQuery { filters, limit: 2, ..ListQuery::default() })?;
    match found.items.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id)),
        _ => Err(Error::Conflict { code: "ambiguous", detail: format!("more than one mandate has this {by}") }),
    }
}

pub(crate) fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, Mandate>,
    input: &Input<MandatePatch>,
) -> Result<Recorded<Mandate>, Error> {
    let patch = input.get()?;
    let Defaults { owner_id, team_id } = Defaults::of(tx, grant.actor(), &patch.owner_id, &patch.team_id)?;
    let new = NewRecord { id: app.new_id(), owner_id, team_id, by: grant.actor().user_id(), at: tx.at() };
    let made = Mandate::create(new, patch)?;
    require_organisation(tx, grant.actor(), made.state.organisation_id)?;
    mandates::insert(tx, grant, &made.state)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grant: &Grant<Update, Mandate>,
    id: MandateId,
    expected: Expected,
    input: &Input<MandatePatch>,
) -> Result<Recorded<Mandate>, Error> {
    settled(|| {
        let current = mandates::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        let patch = input.get()?;
        let updated = current.apply(patch, grant.actor().user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        ownership::check(tx, grant.actor(), Some(&current.stamps), &patch.owner_id, &patch.team_id)?;
        if updated.state.organisation_id != current.organisation_id {
            require_organisation(tx, grant.actor(), updated.state.organisation_id)?;
        }
        Ok(save(tx, grant, version, updated.state, ChangeAction::Updated, updated.changes))
    })
}

/// Refuses an organisation that is not there, or that the caller cannot see: to them that is the same.
fn require_organisation(tx: &mut WriteTx, actor: &Actor, id: OrganisationId) -> Result<(), Error> {
    let refused = || Invalid::one("/organisation_id", "not_found", "must be an organisation that exists");
    let Ok(grant) = policy::authorise::<Read, Organisation>(actor) else { return Err(refused().into()) };
    match organisations::find(tx, &grant, id) {
        Ok(_) => Ok(()),
        Err(StoreError::NotFound) => Err(refused().into()),
        Err(error) => Err(error.into()),
    }
}

fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Mandate>,
    id: MandateId,
    expected: Expected,
) -> Result<Recorded<Mandate>, Error> {
    settled(|| {
        let mut state = mandates::find(tx, grant, id)?;
        let version = state.stamps.version;
        expected.check(version, &state)?;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = Some(tx.at());
        Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(tx: &mut WriteTx, grant: &Grant<Delete, Mandate>, id: MandateId) -> Result<Recorded<Mandate>, Error> {
    settled(|| {
        let mut state = live_or_deleted(tx, grant, id)?;
        if !state.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the mandate is not deleted".to_owned() });
        }
        let version = state.stamps.version;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = None;
        Ok(save(tx, grant, version, state, ChangeAction::Restored, Vec::new()))
    })
}

pub(crate) fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Mandate>,
    id: MandateId,
) -> Result<Mandate, StoreError> {
    match mandates::find(tx, grant, id) {
        Err(StoreError::NotFound) => mandates::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Saves a new state over the version before, and records how it came to be.
pub(crate) fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Mandate>,
    before: crm_domain::Version,
    state: Mandate,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<Mandate>, StoreError> {
    mandates::save(tx, grant, before, &state)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

pub(crate) fn change(state: &Mandate, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Mandates, record_id: state.id.uuid(), version: state.stamps.version, action, fields }
}
