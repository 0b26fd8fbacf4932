//! Imports of people, and of uploads in the background, over real databases.

mod support;

use std::{convert::Infallible, io::Cursor, time::Duration};

use bytes::Bytes;
use crm_app::{App, Error, ImportOptions, Once};
use crm_domain::{
    Import, ImportCounts, ImportStatus, ImportTarget, Link, Organisation, Person,
    access::{Actor, BuiltInRole, policy},
    query::ListQuery,
};
use support::{on_each_app, render, system, user};

const PEOPLE: &str = "\
Prénom;Nom;Courriel;Société;Tél. portable
Anne;Martin;anne.martin@exemple.fr;Exemple Gestion;+33 6 12 34 56 78
Jean;Dupont;;Exemple Gestion;
Jean;Dupont;;Modèle Capital;
Luc;Durand;luc.durand@exemple.fr;Société Inconnue;
Anne;Martin;Anne.Martin@exemple.fr;;
";

fn run(app: &App, actor: &Actor, target: ImportTarget, dry_run: bool, file: &str) -> Import {
    let options = ImportOptions { dry_run, ..ImportOptions::new(target, "file.csv") };
    app.imports().run_file(actor, Cursor::new(file.to_owned()), &options, |_| {}).expect("the import runs")
}

async fn links(app: &App, organisation: &str) -> Vec<(Link, Person)> {
    let may = || policy::authorise(&system()).expect("may");
    let all: Vec<Organisation> = app.organisations().list(may(), ListQuery::default()).await.expect("a list").items;
    let id = all.iter().find(|one| one.name.as_str() == organisation).expect("it is there").id;
    let (organisations, people) = (may(), policy::authorise(&system()).expect("may"));
    app.links().of_organisation(organisations, people, id, None, 10).await.expect("a page").items
}

#[tokio::test]
async fn people_are_linked_with_the_organisations_that_their_rows_name() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        run(&app, &ann, ImportTarget::Organisations, false, "name\nExemple Gestion\nModèle Capital\n");
        let counts = ImportCounts { rows: 5, created: 4, merged: 1, invalid_cells: 1, ..ImportCounts::default() };
        assert_eq!(run(&app, &ann, ImportTarget::People, true, PEOPLE).counts, counts);
        let import = run(&app, &ann, ImportTarget::People, false, PEOPLE);
        assert_eq!(import.counts, counts);
        let errors = app.imports().errors(&ann, import.id, None, 10).await.expect("errors").items;
        let told: Vec<_> =
            errors.iter().map(|error| (error.row, error.column.as_deref(), error.code.as_str())).collect();
        assert_eq!(told, [(4, Some("Société"), "not_found")]);
        assert_eq!(links(&app, "Exemple Gestion").await.len(), 2);
        assert_eq!(links(&app, "Modèle Capital").await.len(), 1);

        let again = run(&app, &ann, ImportTarget::People, false, PEOPLE);
        assert_eq!(again.counts, ImportCounts { created: 0, unchanged: 4, ..counts });
        assert_eq!(links(&app, "Exemple Gestion").await.len(), 2);

        let reverted = app.imports().revert_now(&ann, import.id).expect("taken back");
        assert_eq!((reverted.counts.reverted, reverted.counts.kept), (7, 0), "four people and three links");
        assert!(links(&app, "Exemple Gestion").await.is_empty());
        let people = app.people().list(policy::authorise(&ann).expect("may"), ListQuery::default()).await;
        assert!(people.expect("a list").items.is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_upload_is_imported_in_the_background_and_its_file_removed() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let upload =
            futures_util::stream::iter(["name;city\n", "Exemple;Lyon\n"].map(|text| Ok::<_, Never>(Bytes::from(text))));
        let spooled = app.imports().spool(upload).await.expect("spooled");
        assert_eq!(spooled.bytes(), 23);
        let options = ImportOptions::new(ImportTarget::Organisations, "file.csv");
        let answer = app.imports().start(&ann, spooled, options, Once::unkeyed(render)).await.expect("accepted");
        let accepted: Import = serde_json::from_slice(&answer.body).expect("an import");
        assert_eq!(accepted.status, ImportStatus::Queued);
        let done = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let import = app.imports().get(&ann, accepted.id).await.expect("it is there");
                if import.finished_at.is_some() {
                    return import;
                }
                tokio::task::yield_now().await;
            }
        });
        let done = done.await.expect("it ends");
        assert_eq!((done.status, done.counts.created), (ImportStatus::Completed, 1));
        let (_, bob) = user(&app, "bob", BuiltInRole::User).await;
        assert!(matches!(app.imports().get(&bob, accepted.id).await, Err(Error::Denied(_))));
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_and_leaves_no_file() {
    let database = crm_testkit::TestDatabase::sqlite();
    let folder = std::env::temp_dir().join(format!("crm-app-large-{}", std::process::id()));
    let settings = crm_app::AppSettings { import_bytes: 10, ..crm_app::AppSettings::new(&folder) };
    let app = App::new(database.database.clone(), settings);
    let upload = futures_util::stream::iter([Ok::<_, Never>(Bytes::from_static(b"more than ten bytes"))]);
    assert!(matches!(app.imports().spool(upload).await, Err(Error::TooLarge { limit: 10 })));
    assert_eq!(std::fs::read_dir(&folder).expect("the folder is there").count(), 0);
    std::fs::remove_dir(&folder).expect("it is empty");
}

/// The error of a stream that has none.
#[derive(Debug)]
struct Never(Infallible);

impl From<Never> for Error {
    fn from(never: Never) -> Self {
        match never.0 {}
    }
}
