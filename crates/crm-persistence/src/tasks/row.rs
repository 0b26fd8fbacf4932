//! One row of the table, and what it means.

use crm_domain::{
    Recurrence, Stamps, Task, Version,
    values::{Name, Text, fold},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    schema::tasks,
    stored::{choice, text},
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct TaskRow {
    id: UuidColumn,
    title: String,
    title_key: String,
    description: Option<String>,
    due_at: Option<TimeColumn>,
    priority: String,
    status: String,
    assignee_id: Option<UuidColumn>,
    completed_at: Option<TimeColumn>,
    organisation_id: Option<UuidColumn>,
    person_id: Option<UuidColumn>,
    mandate_id: Option<UuidColumn>,
    interaction_id: Option<UuidColumn>,
    recurrence: Option<String>,
    previous_task_id: Option<UuidColumn>,
    search_text: String,
    version: i64,
    owner_id: Option<UuidColumn>,
    team_id: Option<UuidColumn>,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
    deleted_at: Option<TimeColumn>,
}

impl From<&Task> for TaskRow {
    fn from(task: &Task) -> Self {
        let Task { stamps, .. } = task;
        Self {
            id: task.id.into(),
            title: task.title.to_string(),
            title_key: fold(task.title.as_str()),
            description: text(task.description.as_ref()),
            due_at: maybe(task.due_at),
            priority: task.priority.as_ref().to_owned(),
            status: task.status.as_ref().to_owned(),
            assignee_id: maybe(task.assignee_id),
            completed_at: maybe(task.completed_at),
            organisation_id: maybe(task.organisation_id),
            person_id: maybe(task.person_id),
            mandate_id: maybe(task.mandate_id),
            interaction_id: maybe(task.interaction_id),
            recurrence: text(task.recurrence.as_ref()),
            previous_task_id: maybe(task.previous_task_id),
            search_text: task.search_text(),
            version: stamps.version.number(),
            owner_id: maybe(stamps.owner_id),
            team_id: maybe(stamps.team_id),
            created_at: stamps.created_at.into(),
            created_by: maybe(stamps.created_by),
            updated_at: stamps.updated_at.into(),
            updated_by: maybe(stamps.updated_by),
            deleted_at: maybe(stamps.deleted_at),
        }
    }
}

impl From<TaskRow> for Task {
    fn from(row: TaskRow) -> Self {
        Self {
            id: row.id.into(),
            title: Name::from_stored(row.title),
            description: row.description.map(Text::from_stored),
            due_at: maybe(row.due_at),
            priority: choice(&row.priority),
            status: choice(&row.status),
            assignee_id: maybe(row.assignee_id),
            completed_at: maybe(row.completed_at),
            organisation_id: maybe(row.organisation_id),
            person_id: maybe(row.person_id),
            mandate_id: maybe(row.mandate_id),
            interaction_id: maybe(row.interaction_id),
            recurrence: row.recurrence.map(Recurrence::from_stored),
            previous_task_id: maybe(row.previous_task_id),
            stamps: Stamps {
                version: Version::from_stored(row.version),
                owner_id: maybe(row.owner_id),
                team_id: maybe(row.team_id),
                created_at: row.created_at.into(),
                created_by: maybe(row.created_by),
                updated_at: row.updated_at.into(),
                updated_by: maybe(row.updated_by),
                deleted_at: maybe(row.deleted_at),
            },
        }
    }
}
