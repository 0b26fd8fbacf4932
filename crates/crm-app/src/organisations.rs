//! Organisations: what can be done with them.

use crm_domain::{
    Change, ChangeAction, FieldChange, Invalid, NewRecord, Organisation, OrganisationField, OrganisationId,
    OrganisationPatch, RecordKind, RecordedChange,
    access::{ActionType, Actor, Create, Delete, Denied, Export as ExportAction, Grant, Read, Update, policy},
    query::{Filter, ListQuery, Page, Test, Total, Value as FilterValue},
};
use crm_persistence::{
    Recorded, StoreError, Transaction, WriteTx, changes,
    organisations::{self, OrganisationStatistics},
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

/// The use cases of organisations.
#[derive(Clone, Debug)]
pub struct Organisations {
    pub(crate) app: App,
}

impl Organisations {
    /// One organisation.
    pub async fn get(&self, grant: Grant<Read, Organisation>, id: OrganisationId) -> Result<Organisation, Error> {
        self.app.read(move |tx| Ok(organisations::find(tx, &grant, id)?)).await
    }

    /// Those of these organisations that are there and in scope, in any order.
    pub async fn get_many(
        &self,
        grant: Grant<Read, Organisation>,
        ids: Vec<OrganisationId>,
    ) -> Result<Vec<Organisation>, Error> {
        self.app.read(move |tx| Ok(organisations::find_many(tx, &grant, &ids)?)).await
    }

    /// A page of the list.
    pub async fn list(
        &self,
        grant: Grant<Read, Organisation>,
        query: ListQuery<OrganisationField>,
    ) -> Result<Page<Organisation>, Error> {
        self.app.read(move |tx| Ok(organisations::list(tx, &grant, &query)?)).await
    }

    /// Makes one.
    pub async fn create(
        &self,
        grant: Grant<Create, Organisation>,
        input: impl Into<Input<OrganisationPatch>>,
        once: Once<Organisation>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, &input))).await
    }

    /// Changes one.
    pub async fn update(
        &self,
        grant: Grant<Update, Organisation>,
        id: OrganisationId,
        expected: Expected,
        input: impl Into<Input<OrganisationPatch>>,
    ) -> Result<Organisation, Error> {
        let (actor, input) = (grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grant, id, expected, &input)).await
    }

    /// Removes one; it can be restored. Its links are kept, and hidden with it.
    pub async fn delete(
        &self,
        grant: Grant<Delete, Organisation>,
        id: OrganisationId,
        expected: Expected,
    ) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back, unless one of its unique values has been taken meanwhile.
    pub async fn restore(
        &self,
        grant: Grant<Delete, Organisation>,
        id: OrganisationId,
        once: Once<Organisation>,
    ) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, Organisation>,
        id: OrganisationId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::Organisations, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }

    /// Counts and sums over those that the list with the same filters would show.
    pub async fn statistics(
        &self,
        grant: Grant<Read, Organisation>,
        query: ListQuery<OrganisationField>,
    ) -> Result<OrganisationStatistics, Error> {
        self.app.read(move |tx| Ok(organisations::statistics(tx, &grant, &query)?)).await
    }

    /// Many operations in one request; each needs the permission for its own action.
    pub async fn batch(
        &self,
        actor: &Actor,
        request: BatchRequest,
        once: Once<BatchOutcome<Organisation>>,
    ) -> Result<Answer, Error> {
        let (app, grants) = (self.app.clone(), Grants::of(actor));
        self.app.batch(actor, request, once, move |tx, operation| apply(&app, tx, &grants, operation)).await
    }

    /// All that the list with the same filters would show, page by page.
    pub fn export(
        &self,
        grant: Grant<ExportAction, Organisation>,
        query: ListQuery<OrganisationField>,
    ) -> Export<Organisation> {
        let app = self.app.clone();
        let first = ListQuery { limit: export::PAGE, total: Total::None, cursor: None, ..query };
        Export::new(move |cursor| {
            let (app, grant, mut query) = (app.clone(), grant.clone(), first.clone());
            Box::pin(async move {
                query.cursor = export::cursor(cursor.as_deref(), &query)?;
                app.read(move |tx| Ok(organisations::list(tx, &grant, &query)?)).await
            })
        })
    }
}

impl Exported for Organisation {
    type Fields = OrganisationField;
    const NAME: &'static str = "organisations";
    #[rustfmt::skip]
    const COLUMNS: Columns = &[
        "id", "name", "type", "category", "email", "phone", "website", "address", "city", "postal_code", "country_code",
        "language", "domicile", "aum", "aum_date", "strategies", "tags", "lei", "registration_number", "licence_number",
        "pipeline_stage", "potential_amount", "currency", "signature_probability", "signature_date", "is_active",
        "description", "notes", "last_activity_at", "version", "owner_id", "team_id", "created_at", "created_by", "updated_at", "updated_by",
        "deleted_at",
    ];
}

/// What the operations of a batch may do; what is denied is told by the operations that need it.
struct Grants {
    create: Result<Grant<Create, Organisation>, Denied>,
    update: Result<Grant<Update, Organisation>, Denied>,
    delete: Result<Grant<Delete, Organisation>, Denied>,
}

impl Grants {
    fn of(actor: &Actor) -> Self {
        Self { create: policy::authorise(actor), update: policy::authorise(actor), delete: policy::authorise(actor) }
    }
}

fn allowed<T>(grant: &Result<T, Denied>) -> Result<&T, Error> {
    grant.as_ref().map_err(|denied| Error::Denied(*denied))
}

fn apply(
    app: &App,
    tx: &mut WriteTx,
    grants: &Grants,
    operation: Operation,
) -> Result<Recorded<Done<Organisation>>, Error> {
    match operation {
        Operation::Create { data } => {
            let grant = allowed(&grants.create)?;
            Ok(create(app, tx, grant, &OrganisationPatch::read(data).into())?.map(Done::Created))
        }
        Operation::Update { id, expected, data } => {
            let grant = allowed(&grants.update)?;
            let input = OrganisationPatch::read(data).into();
            Ok(update(tx, grant, OrganisationId::new(id), expected, &input)?.map(Done::Updated))
        }
        Operation::Upsert { by, data } => {
            let (may_create, may_update) = (allowed(&grants.create)?, allowed(&grants.update)?);
            let input = OrganisationPatch::read(data.clone()).into();
            upserted(
                tx,
                &format!("organisations {by} {}", data[&by]),
                |tx| matching(tx, may_update, &by, &data),
                |tx| Ok(create(app, tx, may_create, &input)?.map(Done::Created)),
                |tx, id| Ok(update(tx, may_update, id, Expected::Any, &input)?.map(Done::Updated)),
            )
        }
        Operation::Delete { id, expected } => {
            let grant = allowed(&grants.delete)?;
            Ok(delete(tx, grant, OrganisationId::new(id), expected)?.with(Done::Deleted(id)))
        }
    }
}

/// The one organisation that has the same value of the field `by` as the data.
fn matching(
    tx: &mut WriteTx,
    grant: &Grant<Update, Organisation>,
    by: &str,
    data: &Value,
) -> Result<Option<OrganisationId>, Error> {
    let field = match by {
        "lei" => OrganisationField::Lei,
        "licence_number" => OrganisationField::LicenceNumber,
        "registration" | "registration_number" => OrganisationField::RegistrationNumber,
        _ => {
            return Err(
                Invalid::one("/match", "choice", "must be one of: lei, licence_number, registration_number").into()
            );
        }
    };
    let patch = OrganisationPatch::read(data.clone())?;
    let value = match field {
        OrganisationField::Lei => patch.lei.as_set().map(ToString::to_string),
        OrganisationField::LicenceNumber => patch.licence_number.as_set().map(ToString::to_string),
        _ => patch.registration_number.as_set().map(ToString::to_string),
    };
    let Some(value) = value else {
        return Err(Invalid::one(format!("/{}", field.as_ref()), "required", "must have a value to match by").into());
    };
    let filters = vec![Filter { field, test: Test::Equal(FilterValue::Text(value)) }];
    let found = organisations::list(tx, grant, &ListQuery { filters, limit: 2, ..ListQuery::default() })?;
    match found.items.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id)),
        _ => Err(Error::Conflict { code: "ambiguous", detail: format!("more than one organisation has this {by}") }),
    }
}

pub(crate) fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, Organisation>,
    input: &Input<OrganisationPatch>,
) -> Result<Recorded<Organisation>, Error> {
    let patch = input.get()?;
    let Defaults { owner_id, team_id } = Defaults::of(tx, grant.actor(), &patch.owner_id, &patch.team_id)?;
    let new = NewRecord { id: app.new_id(), owner_id, team_id, by: grant.actor().user_id(), at: tx.at() };
    let made = Organisation::create(new, patch)?;
    organisations::insert(tx, grant, &made.state)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grant: &Grant<Update, Organisation>,
    id: OrganisationId,
    expected: Expected,
    input: &Input<OrganisationPatch>,
) -> Result<Recorded<Organisation>, Error> {
    settled(|| {
        let current = organisations::find(tx, grant, id)?;
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
    grant: &Grant<Delete, Organisation>,
    id: OrganisationId,
    expected: Expected,
) -> Result<Recorded<Organisation>, Error> {
    settled(|| {
        let mut state = organisations::find(tx, grant, id)?;
        let version = state.stamps.version;
        expected.check(version, &state)?;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = Some(tx.at());
        Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Organisation>,
    id: OrganisationId,
) -> Result<Recorded<Organisation>, Error> {
    settled(|| {
        let mut state = live_or_deleted(tx, grant, id)?;
        if !state.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the organisation is not deleted".to_owned() });
        }
        let version = state.stamps.version;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = None;
        Ok(save(tx, grant, version, state, ChangeAction::Restored, Vec::new()))
    })
}

pub(crate) fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    id: OrganisationId,
) -> Result<Organisation, StoreError> {
    match organisations::find(tx, grant, id) {
        Err(StoreError::NotFound) => organisations::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Saves a new state over the version before, and records how it came to be.
pub(crate) fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Organisation>,
    before: crm_domain::Version,
    state: Organisation,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<Organisation>, StoreError> {
    organisations::save(tx, grant, before, &state)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

pub(crate) fn change(state: &Organisation, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change {
        kind: RecordKind::Organisations,
        record_id: state.id.uuid(),
        version: state.stamps.version,
        action,
        fields,
    }
}
