//! Imports of interactions and of tasks, over real databases.

mod support;

use std::io::Cursor;

use crm_app::{App, ImportOptions};
use crm_domain::{
    Import, ImportCounts, ImportTarget, Interaction, OrganisationPatch, Task,
    access::{Actor, BuiltInRole, policy},
    query::ListQuery,
};
use serde_json::json;
use support::{on_each_app, render, system, user};

const INTERACTIONS: &str = "\
Type d'échange;Date et heure;Durée;Objet;Compte rendu;Société
Appel;03/02/2026 14:30;45;Point annuel;Rien à signaler;Exemple Gestion
Rendez-vous;2026-02-04T09:00:00+01:00;une heure;Visite;;Exemple Gestion
Appel;03/02/2026 14:30;;Point annuel;;Exemple Gestion
Courriel;2026-02-05;;Perdu;;Inconnue
Courriel;bientôt;;Sans date;;Exemple Gestion
";

const TASKS: &str = "\
Tâche,Échéance,Priorité,Statut,Récurrence,Société
Rappeler,02/03/2026,haute,à faire,FREQ=MONTHLY,Exemple Gestion
Classer,,,fait,,
Relancer,02/03/2026,énorme,,,Inconnue
";

fn run(app: &App, actor: &Actor, target: ImportTarget, file: &str) -> Import {
    let options = ImportOptions::new(target, "file.csv");
    app.imports().run_file(actor, Cursor::new(file.to_owned()), &options, |_| {}).expect("the import runs")
}

async fn errors(app: &App, actor: &Actor, import: &Import) -> Vec<(i64, String, String)> {
    let errors = app.imports().errors(actor, import.id, None, 20).await.expect("errors").items;
    errors.into_iter().map(|error| (error.row, error.column.unwrap_or_default(), error.code)).collect()
}

async fn organisation(app: &App) {
    let patch = OrganisationPatch::read_new(json!({"name": "Exemple Gestion"})).expect("a patch");
    let grant = policy::authorise(&system()).expect("may");
    app.organisations().create(grant, patch, crm_app::Once::unkeyed(render)).await.expect("made");
}

async fn interactions(app: &App) -> Vec<Interaction> {
    let query = ListQuery::parse([("sort", "occurred_at")]).expect("a query");
    app.interactions().list(policy::authorise(&system()).expect("may"), query).await.expect("a list").items
}

async fn tasks(app: &App) -> Vec<Task> {
    let query = ListQuery::parse([("sort", "title")]).expect("a query");
    app.tasks().list(policy::authorise(&system()).expect("may"), query).await.expect("a list").items
}

async fn last_activity(app: &App) -> Option<String> {
    let grant = policy::authorise(&system()).expect("may");
    let found = app.organisations().list(grant, ListQuery::default()).await.expect("a list").items;
    found[0].last_activity_at.map(|at| at.to_string())
}

#[tokio::test]
async fn interactions_are_recognised_by_time_organisation_and_subject_and_can_be_taken_back() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        organisation(&app).await;
        let import = run(&app, &ann, ImportTarget::Interactions, INTERACTIONS);
        let shown: Vec<String> = interactions(&app)
            .await
            .iter()
            .map(|one| {
                let minutes = one.duration_minutes.map_or_else(|| "-".to_owned(), |minutes| minutes.to_string());
                format!("{} {} {minutes} {}", one.kind.as_ref(), one.occurred_at, one.subject)
            })
            .collect();
        assert_eq!(
            shown,
            ["call 2026-02-03T14:30:00.000000Z 45 Point annuel", "meeting 2026-02-04T08:00:00.000000Z - Visite",],
            "{:?} {:?}",
            import,
            errors(&app, &ann, &import).await,
        );
        assert_eq!(
            (import.counts.rows, import.counts.created, import.counts.merged, import.counts.failed),
            (5, 2, 1, 2)
        );
        assert_eq!(last_activity(&app).await.as_deref(), Some("2026-02-04T08:00:00.000000Z"));
        let again = run(&app, &ann, ImportTarget::Interactions, INTERACTIONS);
        assert_eq!((again.counts.created, again.counts.updated, again.counts.unchanged), (0, 0, 2));
        let later = run(
            &app,
            &ann,
            ImportTarget::Interactions,
            "date;objet;société;durée\n03/02/2026 14:30;POINT ANNUEL;Exemple Gestion;60\n",
        );
        assert_eq!((later.counts.created, later.counts.updated), (0, 1));
        let reverted = app.imports().revert_now(&ann, later.id).expect("taken back");
        assert_eq!(reverted.counts.reverted, 1);
        assert_eq!(interactions(&app).await[0].duration_minutes.map(crm_domain::values::Minutes::value), Some(45));
        let reverted = app.imports().revert_now(&ann, import.id).expect("taken back");
        assert_eq!((reverted.counts.reverted, reverted.counts.kept), (1, 1), "one has changed since");
    })
    .await;
}

#[tokio::test]
async fn tasks_are_recognised_by_title_organisation_and_due_time_and_can_be_taken_back() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        organisation(&app).await;
        let import = run(&app, &ann, ImportTarget::Tasks, TASKS);
        let shown: Vec<String> = tasks(&app)
            .await
            .iter()
            .map(|one| {
                let due = one.due_at.map_or_else(|| "-".to_owned(), |due| due.date().to_string());
                let about = if one.organisation_id.is_some() { "about" } else { "-" };
                format!(
                    "{} {due} {} {} {about} {}",
                    one.title,
                    one.priority.as_ref(),
                    one.status.as_ref(),
                    one.recurrence.is_some()
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Classer - normal done - false",
                "Rappeler 2026-03-02 high todo about true",
                "Relancer 2026-03-02 normal todo - false"
            ]
        );
        assert_eq!(
            errors(&app, &ann, &import).await,
            [(3, "Priorité".to_owned(), "choice".to_owned()), (3, "Société".to_owned(), "not_found".to_owned())]
        );
        let again = run(&app, &ann, ImportTarget::Tasks, TASKS);
        assert_eq!(
            (again.counts, again.counts.unchanged),
            (ImportCounts { created: 0, unchanged: 3, ..import.counts }, 3)
        );
        let done = run(&app, &ann, ImportTarget::Tasks, "title,due,status,company\nRelancer,2026-03-02,done,\n");
        assert_eq!(done.counts.updated, 1);
        assert!(tasks(&app).await[2].completed_at.is_some());
        let reverted = app.imports().revert_now(&ann, done.id).expect("taken back");
        assert_eq!(reverted.counts.reverted, 1);
        assert!(tasks(&app).await[2].completed_at.is_none());
        let counts = app.imports().revert_now(&ann, import.id).expect("taken back").counts;
        assert_eq!((counts.reverted, counts.kept), (2, 1));
        assert_eq!(tasks(&app).await.len(), 1);
    })
    .await;
}
