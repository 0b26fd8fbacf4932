//! Interactions: what can be done with them.

use crm_domain::{
    Change, ChangeAction, FieldChange, IdSet, Interaction, InteractionField, InteractionId, InteractionPatch, Invalid,
    NewRecord, RecordKind, RecordedChange,
    access::{ActionType, Actor, Create, Delete, Denied, Export as ExportAction, Grant, Read, Update, policy},
    query::{Filter, ListQuery, Page, Test, Total, Value as FilterValue},
};
use crm_persistence::{Recorded, StoreError, Transaction, WriteTx, changes, interactions};
use serde_json::Value;

use crate::{
    Answer, App, BatchOutcome, BatchRequest, Done, Error, Expected, Input, Once, Operation,
    changes::before,
    expected::{settled, upserted},
    export::{self, Export},
    ownership::{self, Defaults},
    references::References,
    table::{Columns, Exported},
};

/// The use cases of interactions.
#[derive(Clone, Debug)]
pub struct Interactions {
    pub(crate) app: App,
}

impl Interactions {
    /// One interaction.
    pub async fn get(&self, grant: Grant<Read, Interaction>, id: InteractionId) -> Result<Interaction, Error> {
        self.app.read(move |tx| Ok(interactions::find(tx, &grant, id)?)).await
    }

    /// Those of these interactions that are there and in scope, in any order.
    pub async fn get_many(
        &self,
        grant: Grant<Read, Interaction>,
        ids: Vec<InteractionId>,
    ) -> Result<Vec<Interaction>, Error> {
        self.app.read(move |tx| Ok(interactions::find_many(tx, &grant, &ids)?)).await
    }

    /// A page of the list.
    pub async fn list(
        &self,
        grant: Grant<Read, Interaction>,
        query: ListQuery<InteractionField>,
    ) -> Result<Page<Interaction>, Error> {
        self.app.read(move |tx| Ok(interactions::list(tx, &grant, &query)?)).await
    }

    /// Makes one.
    pub async fn create(
        &self,
        grant: Grant<Create, Interaction>,
        input: impl Into<Input<InteractionPatch>>,
        once: Once<Interaction>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, &input))).await
    }

    /// Changes one.
    pub async fn update(
        &self,
        grant: Grant<Update, Interaction>,
        id: InteractionId,
        expected: Expected,
        input: impl Into<Input<InteractionPatch>>,
    ) -> Result<Interaction, Error> {
        let (actor, input) = (grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grant, id, expected, &input)).await
    }

    /// Removes one; it can be restored.
    pub async fn delete(
        &self,
        grant: Grant<Delete, Interaction>,
        id: InteractionId,
        expected: Expected,
    ) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back.
    pub async fn restore(
        &self,
        grant: Grant<Delete, Interaction>,
        id: InteractionId,
        once: Once<Interaction>,
    ) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, Interaction>,
        id: InteractionId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::Interactions, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }

    /// Many operations in one request; each needs the permission for its own action.
    pub async fn batch(
        &self,
        actor: &Actor,
        request: BatchRequest,
        once: Once<BatchOutcome<Interaction>>,
    ) -> Result<Answer, Error> {
        let (app, grants) = (self.app.clone(), Grants::of(actor));
        self.app.batch(actor, request, once, move |tx, operation| apply(&app, tx, &grants, operation)).await
    }

    /// All that the list with the same filters would show, page by page.
    pub fn export(
        &self,
        grant: Grant<ExportAction, Interaction>,
        query: ListQuery<InteractionField>,
    ) -> Export<Interaction> {
        let app = self.app.clone();
        let first = ListQuery { limit: export::PAGE, total: Total::None, cursor: None, ..query };
        Export::new(move |cursor| {
            let (app, grant, mut query) = (app.clone(), grant.clone(), first.clone());
            Box::pin(async move {
                query.cursor = export::cursor(cursor.as_deref(), &query)?;
                app.read(move |tx| Ok(interactions::list(tx, &grant, &query)?)).await
            })
        })
    }
}

impl Exported for Interaction {
    type Fields = InteractionField;
    const NAME: &'static str = "interactions";
    #[rustfmt::skip]
    const COLUMNS: Columns = &[
        "id", "type", "occurred_at", "duration_minutes", "subject", "body", "outcome", "organisation_id", "product_id",
        "participant_people", "participant_users", "version", "owner_id", "team_id", "created_at", "created_by", "updated_at",
        "updated_by", "deleted_at",
    ];
}

/// What the operations of a batch may do; what is denied is told by the operations that need it.
struct Grants {
    create: Result<Grant<Create, Interaction>, Denied>,
    update: Result<Grant<Update, Interaction>, Denied>,
    delete: Result<Grant<Delete, Interaction>, Denied>,
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
) -> Result<Recorded<Done<Interaction>>, Error> {
    match operation {
        Operation::Create { data } => {
            let grant = allowed(&grants.create)?;
            Ok(create(app, tx, grant, &InteractionPatch::read(data).into())?.map(Done::Created))
        }
        Operation::Update { id, expected, data } => {
            let grant = allowed(&grants.update)?;
            let input = InteractionPatch::read(data).into();
            Ok(update(tx, grant, InteractionId::new(id), expected, &input)?.map(Done::Updated))
        }
        Operation::Upsert { by, data } => {
            let (may_create, may_update) = (allowed(&grants.create)?, allowed(&grants.update)?);
            let input = InteractionPatch::read(data.clone()).into();
            upserted(
                tx,
                &format!("interactions {by} {}", data[&by]),
                |tx| matching(tx, may_update, &by, &data),
                |tx| Ok(create(app, tx, may_create, &input)?.map(Done::Created)),
                |tx, id| Ok(update(tx, may_update, id, Expected::Any, &input)?.map(Done::Updated)),
            )
        }
        Operation::Delete { id, expected } => {
            let grant = allowed(&grants.delete)?;
            Ok(delete(tx, grant, InteractionId::new(id), expected)?.with(Done::Deleted(id)))
        }
    }
}

/// The one interaction that has the same value of the field `by` as the data.
fn matching(
    tx: &mut WriteTx,
    grant: &Grant<Update, Interaction>,
    by: &str,
    data: &Value,
) -> Result<Option<InteractionId>, Error> {
    if by != "subject" {
        return Err(Invalid::one("/match", "choice", "must be one of: subject").into());
    }
    let patch = InteractionPatch::read(data.clone())?;
    let Some(subject) = patch.subject.as_set() else {
        return Err(Invalid::one("/data/subject", "required", "must have a value to match by").into());
    };
    let (field, value) = (InteractionField::Subject, subject.to_string());
    let filters = vec![Filter { field, test: Test::Equal(FilterValue::Text(value)) }];
    let found = interactions::list(tx, grant, &ListQuery { filters, limit: 2, ..ListQuery::default() })?;
    match found.items.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id)),
        _ => Err(Error::Conflict { code: "ambiguous", detail: format!("more than one interaction has this {by}") }),
    }
}

pub(crate) fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, Interaction>,
    input: &Input<InteractionPatch>,
) -> Result<Recorded<Interaction>, Error> {
    let patch = input.get()?;
    let Defaults { owner_id, team_id } = Defaults::of(tx, grant.actor(), &patch.owner_id, &patch.team_id)?;
    let new = NewRecord { id: app.new_id(), owner_id, team_id, by: grant.actor().user_id(), at: tx.at() };
    let made = Interaction::create(new, patch)?;
    refer(tx, grant.actor(), None, &made.state)?;
    interactions::insert(tx, grant, &made.state)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grant: &Grant<Update, Interaction>,
    id: InteractionId,
    expected: Expected,
    input: &Input<InteractionPatch>,
) -> Result<Recorded<Interaction>, Error> {
    settled(|| {
        let current = interactions::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        let patch = input.get()?;
        let updated = current.apply(patch, grant.actor().user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        ownership::check(tx, grant.actor(), Some(&current.stamps), &patch.owner_id, &patch.team_id)?;
        refer(tx, grant.actor(), Some(&current), &updated.state)?;
        Ok(save(tx, grant, &current, updated.state, ChangeAction::Updated, updated.changes))
    })
}

/// Refuses what the interaction names now and did not name before, where it is not there for the caller.
fn refer(tx: &mut WriteTx, actor: &Actor, before: Option<&Interaction>, now: &Interaction) -> Result<(), Error> {
    let (no_people, no_users) = (IdSet::default(), IdSet::default());
    let (people, users) =
        before.map_or((&no_people, &no_users), |one| (&one.participant_people, &one.participant_users));
    let mut references = References::new(tx, actor);
    references.one("organisation_id", before.and_then(|one| one.organisation_id), now.organisation_id)?;
    references.one("product_id", before.and_then(|one| one.product_id), now.product_id)?;
    references.all("participant_people", &now.participant_people.without(people).collect::<Vec<_>>())?;
    references.all("participant_users", &now.participant_users.without(users).collect::<Vec<_>>())?;
    references.finish()
}

fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Interaction>,
    id: InteractionId,
    expected: Expected,
) -> Result<Recorded<Interaction>, Error> {
    settled(|| {
        let before = interactions::find(tx, grant, id)?;
        expected.check(before.stamps.version, &before)?;
        let mut state = before.clone();
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = Some(tx.at());
        Ok(save(tx, grant, &before, state, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Interaction>,
    id: InteractionId,
) -> Result<Recorded<Interaction>, Error> {
    settled(|| {
        let before = live_or_deleted(tx, grant, id)?;
        if !before.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the interaction is not deleted".to_owned() });
        }
        let mut state = before.clone();
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = None;
        Ok(save(tx, grant, &before, state, ChangeAction::Restored, Vec::new()))
    })
}

pub(crate) fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Interaction>,
    id: InteractionId,
) -> Result<Interaction, StoreError> {
    match interactions::find(tx, grant, id) {
        Err(StoreError::NotFound) => interactions::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Saves a new state over the version before, and records how it came to be.
pub(crate) fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Interaction>,
    before: &Interaction,
    state: Interaction,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<Interaction>, StoreError> {
    interactions::save(tx, grant, before, &state)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

pub(crate) fn change(state: &Interaction, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Interactions, record_id: state.id.uuid(), version: state.stamps.version, action, fields }
}
