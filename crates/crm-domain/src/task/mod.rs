//! Tasks: what is to be done.

mod field;
mod recurrence;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, InteractionId, Invalid, MandateId, NewRecord, OrganisationId, PersonId,
    Stamps, TaskId, TeamId, UserId, Violation,
    access::{Guarded, Ownership, Resource, sealed::Sealed},
    values::{Name, Text, Timestamp, search_text},
};
pub use field::TaskField;
pub use recurrence::Recurrence;

/// How far a task has come.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)]
pub enum TaskStatus {
    Todo,
    Doing,
    Done,
    Cancelled,
}

impl TaskStatus {
    /// Whether there is still something to do.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Todo | Self::Doing)
    }
}

/// How much a task matters.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)]
pub enum TaskPriority {
    Low,
    Normal,
    High,
    Urgent,
}

/// Something to do, about at most one other record.
///
/// Whoever it is assigned to counts as one of its owners for reach `own`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What is to be done.
    pub title: Name,
    /// What one should know to do it.
    pub description: Option<Text>,
    /// When it should be done; a task that comes again has it.
    pub due_at: Option<Timestamp>,
    /// How much it matters.
    pub priority: TaskPriority,
    /// How far it has come.
    pub status: TaskStatus,
    /// Who is to do it.
    pub assignee_id: Option<UserId>,
    /// When it was done; a task has it exactly while it is done.
    pub completed_at: Option<Timestamp>,
    /// The organisation that it is about.
    pub organisation_id: Option<OrganisationId>,
    /// The person that it is about.
    pub person_id: Option<PersonId>,
    /// The mandate that it is about.
    pub mandate_id: Option<MandateId>,
    /// The interaction that it is about.
    pub interaction_id: Option<InteractionId>,
    /// How it comes again when it is done.
    pub recurrence: Option<Recurrence>,
    /// The task whose completion made this one.
    pub previous_task_id: Option<TaskId>,
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of a task: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Task`.
pub struct TaskPatch {
    pub title: Field<Name>,
    pub description: Field<Text>,
    pub due_at: Field<Timestamp>,
    pub priority: Field<TaskPriority>,
    pub status: Field<TaskStatus>,
    pub assignee_id: Field<UserId>,
    pub organisation_id: Field<OrganisationId>,
    pub person_id: Field<PersonId>,
    pub mandate_id: Field<MandateId>,
    pub interaction_id: Field<InteractionId>,
    pub recurrence: Field<Recurrence>,
    pub owner_id: Field<UserId>,
    pub team_id: Field<TeamId>,
}

impl TaskPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new task: as [`Self::read`], and a missing title is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("title");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            title: input.text("title", Name::parse),
            description: input.text("description", Text::parse),
            due_at: input.text("due_at", Timestamp::parse),
            priority: input.choice("priority"),
            status: input.choice("status"),
            assignee_id: input.id("assignee_id"),
            organisation_id: input.id("organisation_id"),
            person_id: input.id("person_id"),
            mandate_id: input.id("mandate_id"),
            interaction_id: input.id("interaction_id"),
            recurrence: input.text("recurrence", Recurrence::parse),
            owner_id: input.id("owner_id"),
            team_id: input.id("team_id"),
        };
        input.finish(patch)
    }
}

impl Task {
    /// A new task. The title is the only field that must be set. One that is done from the start makes no next task.
    pub fn create(new: NewRecord<Self>, patch: &TaskPatch) -> Result<Applied<Self>, Invalid> {
        Self::blank(new).edit(Editor::of_new_record(), patch, new.at)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(&self, patch: &TaskPatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch, at)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// The task after this one in its series, made at `new.at` because this one has been done; none where the series ends
    /// or there is none. It belongs to the same people, and begins anew: to do, with the next time.
    ///
    /// That it is made once is for the store to see to, which keeps one `previous_task_id` apart from another.
    pub fn next(&self, new: NewRecord<Self>) -> Option<Applied<Self>> {
        let (due_at, recurrence) = self.recurrence.as_ref()?.next(self.due_at?, new.at)?;
        let patch = TaskPatch {
            title: Field::Set(self.title.clone()),
            description: Field::replace(self.description.clone()),
            due_at: Field::Set(due_at),
            priority: Field::Set(self.priority),
            status: Field::Set(TaskStatus::Todo),
            assignee_id: Field::replace(self.assignee_id),
            organisation_id: Field::replace(self.organisation_id),
            person_id: Field::replace(self.person_id),
            mandate_id: Field::replace(self.mandate_id),
            interaction_id: Field::replace(self.interaction_id),
            recurrence: Field::Set(recurrence),
            owner_id: Field::replace(self.stamps.owner_id),
            team_id: Field::replace(self.stamps.team_id),
        };
        let mut edit = Editor::of_new_record();
        edit.initial("previous_task_id", &self.id);
        let blank = Self { previous_task_id: Some(self.id), ..Self::blank(new) };
        Some(blank.edit(edit, &patch, new.at).expect("what was valid in this task is so in the next"))
    }

    /// Whose it is, for scopes.
    pub fn ownership(&self) -> Ownership {
        Ownership { assignee_id: self.assignee_id, ..Ownership::from(&self.stamps) }
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[Some(self.title.as_str()), self.description.as_ref().map(|text| text.beginning(SEARCHED))])
    }

    /// What a new task is before its input is looked at; without a title it never leaves [`Self::create`].
    fn blank(new: NewRecord<Self>) -> Self {
        Self {
            id: new.id,
            title: Name::from_stored(String::new()),
            description: None,
            due_at: None,
            priority: TaskPriority::Normal,
            status: TaskStatus::Todo,
            assignee_id: None,
            completed_at: None,
            organisation_id: None,
            person_id: None,
            mandate_id: None,
            interaction_id: None,
            recurrence: None,
            previous_task_id: None,
            stamps: new.stamps(),
        }
    }

    fn edit(mut self, mut edit: Editor, patch: &TaskPatch, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let completed_at = self.completion(patch, at);
        edit.essential("title", &mut self.title, &patch.title);
        edit.optional("description", &mut self.description, &patch.description);
        edit.optional("due_at", &mut self.due_at, &patch.due_at);
        edit.required("priority", &mut self.priority, &patch.priority);
        edit.required("status", &mut self.status, &patch.status);
        edit.optional("assignee_id", &mut self.assignee_id, &patch.assignee_id);
        edit.optional("completed_at", &mut self.completed_at, &completed_at);
        edit.optional("organisation_id", &mut self.organisation_id, &patch.organisation_id);
        edit.optional("person_id", &mut self.person_id, &patch.person_id);
        edit.optional("mandate_id", &mut self.mandate_id, &patch.mandate_id);
        edit.optional("interaction_id", &mut self.interaction_id, &patch.interaction_id);
        edit.optional("recurrence", &mut self.recurrence, &patch.recurrence);
        edit.optional("owner_id", &mut self.stamps.owner_id, &patch.owner_id);
        edit.optional("team_id", &mut self.stamps.team_id, &patch.team_id);
        self.check(&mut edit);
        edit.finish(self)
    }

    /// Who completes a task stamps it, who reopens it clears the stamp.
    fn completion(&self, patch: &TaskPatch, at: Timestamp) -> Field<Timestamp> {
        match patch.status {
            Field::Set(TaskStatus::Done) if self.status != TaskStatus::Done => Field::Set(at),
            Field::Set(status) if status != TaskStatus::Done && self.completed_at.is_some() => Field::Clear,
            _ => Field::Keep,
        }
    }

    fn check(&self, edit: &mut Editor) {
        let about = [
            ("organisation_id", self.organisation_id.is_some()),
            ("person_id", self.person_id.is_some()),
            ("mandate_id", self.mandate_id.is_some()),
            ("interaction_id", self.interaction_id.is_some()),
        ];
        for (name, _) in about.into_iter().filter(|(_, is_set)| *is_set).skip(1) {
            edit.refuse(name, &Violation::new("one_subject", "must be empty: a task is about one record"));
        }
        if self.recurrence.is_some() && self.due_at.is_none() {
            edit.refuse("due_at", &Violation::new("required", "must have a value where a task comes again"));
        }
    }
}

/// How much of a description is searched, in characters: what stands further down is told, not looked for.
const SEARCHED: usize = 1000;

impl Sealed for Task {}

impl Guarded for Task {
    const RESOURCE: Resource = Resource::Tasks;
}
