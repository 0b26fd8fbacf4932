//! Tasks of sample data.

use crm_domain::{
    Field, RecordKind, Recurrence, Task, TaskPatch, TaskPriority, TaskStatus,
    values::{Line, Timestamp},
};

use super::{Kind, Made, NEWEST, Plan, days_below, days_from, field, made, organisation::note};

const TITLES: [&str; 12] = [
    "Call back",
    "Send the quarterly report",
    "Prepare the annual review",
    "Answer the questionnaire",
    "Check the fee schedule",
    "Update the contact details",
    "Rappeler",
    "Envoyer la documentation",
    "Préparer le rendez-vous",
    "Relancer la signature",
    "Vérifier la convention",
    "Mettre à jour la fiche",
];

const PRIORITIES: [(TaskPriority, u64); 4] =
    [(TaskPriority::Low, 15), (TaskPriority::Normal, 60), (TaskPriority::High, 20), (TaskPriority::Urgent, 5)];

const RULES: [&str; 3] = ["FREQ=WEEKLY", "FREQ=MONTHLY;BYMONTHDAY=1", "FREQ=MONTHLY;INTERVAL=3"];

impl Plan {
    /// The task number `index`.
    pub fn task(&self, index: u64) -> Made<Task> {
        let mut random = self.random(Kind::Task, index);
        let organisation = random.below(self.organisations.max(1));
        let person = random.below(self.people.max(1));
        let about = random.below(100);
        let (mut organisation_id, mut person_id, mut since) = (Field::Keep, Field::Keep, Timestamp::EARLIEST);
        if about < 60 && self.organisations > 0 {
            let sketch = self.organisation_sketch(organisation);
            (organisation_id, since) = (Field::Set(sketch.id), sketch.at);
        } else if about < 85 && self.people > 0 {
            let record = self.person(person).record;
            (person_id, since) = (Field::Set(record.id), record.stamps.created_at);
        }
        let at = self.moment(Kind::Task, index, self.tasks).max(since);
        let owner = self.owner(&mut random);
        let new = Self::new_record(&mut random, at, owner);
        let due = days_from(at, 1 + days_below(&mut random, 60));
        let has_due = random.percent(85);
        // What was due long ago has mostly been done.
        let done = if due < NEWEST { 85 } else { 10 };
        let status = random.weighted(&[
            (TaskStatus::Done, done),
            (TaskStatus::Todo, (100 - done) / 2),
            (TaskStatus::Doing, (100 - done) / 3),
            (TaskStatus::Cancelled, 5),
        ]);
        let rule: Recurrence = random.pick(&RULES).parse().expect("they are rules");
        let comes_again = random.percent(8) && has_due && status.is_open();
        let assigned = random.percent(90);
        let patch = TaskPatch {
            title: Field::Set(Line::from_stored((*random.pick(&TITLES)).to_owned())),
            description: field(note(&mut random)),
            due_at: field(has_due.then_some(due)),
            priority: Field::Set(random.weighted(&PRIORITIES)),
            status: Field::Set(status),
            assignee_id: field(owner.filter(|_| assigned).map(|owner| owner.user)),
            organisation_id,
            person_id,
            recurrence: field(comes_again.then_some(rule)),
            ..TaskPatch::default()
        };
        let applied = Task::create(new, &patch).expect("sample data keep the rules of the domain");
        made(RecordKind::Tasks, new.id.uuid(), applied)
    }
}
