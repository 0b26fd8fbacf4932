//! Imports over real databases.

mod support;

use std::io::Cursor;

use crm_app::{App, ImportOptions};
use crm_domain::{
    Import, ImportCounts, ImportStatus, ImportTarget, OnDuplicate, Organisation,
    access::{Actor, Read, policy},
    query::ListQuery,
};
use support::on_each_app;

const HEADER: &str = "no_amf;entite_nom;pays_siege;telephone;lei;site_internet;statut\n";

/// Eight rows about four companies, two of which contradict themselves, and a cell that is not valid.
const FILE: &str = "\
GP-1;EXEMPLE GESTION;FR;0156620055;;;Vivant
GP-1;EXEMPLE GESTION AUTREMENT;FR;0156620055;;www.exemple.fr;Vivant
GP-2;MODÈLE CAPITAL;FR;pas de téléphone;;;Radié
;SANS NUMÉRO;FR;;;;
GP-1;ENCORE UN NOM;FR;;;;Radié
;SANS NUMÉRO;DE;;;;
;Sans numero;FR;+33156620055;;;
;;FR;;;;
";

fn options(dry_run: bool) -> ImportOptions {
    ImportOptions { dry_run, ..ImportOptions::new(ImportTarget::Organisations, "register.csv") }
}

fn run(app: &App, file: &str, options: &ImportOptions) -> Import {
    let text = format!("{HEADER}{file}");
    let import = app.imports().run_file(&Actor::system("test"), Cursor::new(text), options, |_| {});
    import.expect("the import runs")
}

async fn all(app: &App) -> Vec<Organisation> {
    let grant = policy::authorise::<Read, _>(&Actor::system("test")).expect("the system may read");
    let mut all =
        app.organisations().list(grant, ListQuery { limit: 200, ..ListQuery::default() }).await.expect("a list").items;
    all.sort_by_key(|organisation| organisation.id);
    all
}

fn expected() -> ImportCounts {
    ImportCounts { rows: 8, created: 4, merged: 3, failed: 1, invalid_cells: 1, ..ImportCounts::default() }
}

#[tokio::test]
async fn rows_of_one_company_become_one_record_and_the_first_mention_wins() {
    on_each_app(async |app, _| {
        let import = run(&app, FILE, &options(false));
        assert_eq!(import.status, ImportStatus::Completed);
        assert_eq!(import.counts, expected());
        let all = all(&app).await;
        let one = &all[0];
        assert_eq!(one.name.as_str(), "EXEMPLE GESTION");
        assert_eq!(one.phone.as_ref().map(ToString::to_string).as_deref(), Some("+33156620055"));
        assert!(one.website.is_some(), "a later row fills what earlier ones left empty");
        assert!(one.is_active);
        assert!(!all[1].is_active);
        assert_eq!(all.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn importing_the_same_file_again_changes_nothing() {
    on_each_app(async |app, _| {
        run(&app, FILE, &options(false));
        let before = all(&app).await;
        let again = run(&app, FILE, &options(false));
        let counts = ImportCounts { created: 0, unchanged: 4, ..expected() };
        assert_eq!(again.counts, counts);
        assert_eq!(all(&app).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_counts_what_a_real_run_does_and_keeps_nothing() {
    on_each_app(async |app, _| {
        let dry = run(&app, FILE, &options(true));
        assert_eq!(all(&app).await, []);
        let real = run(&app, FILE, &options(false));
        assert_eq!(dry.counts, real.counts);
        assert_eq!(dry.status, ImportStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn counts_of_a_file_of_many_chunks_are_the_same_dry_real_and_again() {
    on_each_app(async |app, _| {
        // 1,100 companies, each on four rows that lie 1,100 rows apart, so that they fall into different slices and chunks.
        let row = |number: usize| {
            let (company, mention) = (number % 1100, number / 1100);
            let site = if mention == 2 { format!("www.exemple-{company}.fr") } else { String::new() };
            format!("GP-{company};EXEMPLE {company} {mention};FR;;;{site};\n")
        };
        let file: String = (0..4400).map(row).collect();
        let dry = run(&app, &file, &options(true));
        let real = run(&app, &file, &options(false));
        assert_eq!(real.counts, ImportCounts { rows: 4400, created: 1100, merged: 3300, ..ImportCounts::default() });
        assert_eq!(dry.counts, real.counts);
        let before = all(&app).await;
        assert!(before.iter().all(|one| one.name.as_str().ends_with(" 0") && one.website.is_some()));
        let again = run(&app, &file, &options(false));
        assert_eq!(again.counts, ImportCounts { rows: 4400, unchanged: 1100, merged: 3300, ..ImportCounts::default() });
        assert_eq!(all(&app).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_cell_that_is_not_valid_is_told_and_its_row_used() {
    on_each_app(async |app, _| {
        let import = run(&app, FILE, &options(false));
        let errors = app.imports().errors(&Actor::system("test"), import.id, None, 100).await.expect("errors").items;
        let told: Vec<_> =
            errors.iter().map(|error| (error.row, error.column.as_deref(), error.code.as_str())).collect();
        assert_eq!(told, [(3, Some("telephone"), "phone"), (8, Some("entite_nom"), "required")]);
        assert_eq!(errors[0].value.as_deref(), Some("pas de téléphone"));
        assert_eq!(errors[0].line, 4);
        assert_eq!(errors[0].cells[0], "GP-2");
    })
    .await;
}

#[tokio::test]
async fn a_control_character_is_told_and_the_rest_of_its_row_used() {
    on_each_app(async |app, _| {
        let rows = "GP-1;EX\0EMPLE;FR;;;www.exemple.fr;\nGP-2;EXEM\u{1}PLE;FR;;;;\nGP-3;TROIS;FR;01\u{0}56620055;;;\n";
        let import = run(&app, rows, &options(false));
        // Without its name a company is none; without its phone it is one.
        assert_eq!((import.counts.created, import.counts.failed, import.counts.invalid_cells), (1, 2, 3));
        let errors = app.imports().errors(&Actor::system("test"), import.id, None, 100).await.expect("errors").items;
        let told: Vec<_> =
            errors.iter().map(|error| (error.row, error.column.as_deref(), error.code.as_str())).collect();
        for expected in [(1, "entite_nom"), (2, "entite_nom"), (3, "telephone")] {
            assert!(told.contains(&(expected.0, Some(expected.1), "control_character")), "{told:?}");
        }
        assert_eq!((errors[0].cells[0].as_str(), errors[0].cells[1].as_str()), ("GP-1", "EX\u{FFFD}EMPLE"));
        let all = all(&app).await;
        assert_eq!((all.len(), all[0].name.as_str(), all[0].phone.is_none()), (1, "TROIS", true));
    })
    .await;
}

#[tokio::test]
async fn what_becomes_of_records_that_are_there_is_for_the_importer_to_say() {
    on_each_app(async |app, _| {
        run(&app, "GP-1;EXEMPLE;FR;;;;\n", &options(false));
        let next = "GP-1;AUTRE NOM;FR;;;www.exemple.fr;\n";
        let with = |on_duplicate| ImportOptions { on_duplicate, ..options(false) };
        assert_eq!(run(&app, next, &with(OnDuplicate::Skip)).counts.unchanged, 1);
        assert_eq!(run(&app, next, &with(OnDuplicate::Fill)).counts.updated, 1);
        let filled = all(&app).await.remove(0);
        assert_eq!((filled.name.as_str(), filled.website.is_some()), ("EXEMPLE", true));
        assert_eq!(run(&app, next, &with(OnDuplicate::Update)).counts.updated, 1);
        assert_eq!(all(&app).await[0].name.as_str(), "AUTRE NOM");
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_refused_fails_alone() {
    on_each_app(async |app, _| {
        // The second row takes the licence number, so the third cannot have it; the fourth must not suffer.
        run(&app, "GP-1;UN;FR;;9695008KSTJL0COZAZ28;;\nGP-2;DEUX;FR;;;;\n", &options(false));
        let import =
            run(&app, "GP-3;TROIS;FR;;;;\nGP-2;DEUX;FR;;9695008KSTJL0COZAZ28;;\nGP-4;QUATRE;FR;;;;\n", &options(false));
        assert_eq!((import.counts.created, import.counts.failed), (2, 1));
        let errors = app.imports().errors(&Actor::system("test"), import.id, None, 10).await.expect("errors").items;
        assert_eq!((errors[0].row, errors[0].code.as_str()), (2, "taken"));
    })
    .await;
}

#[tokio::test]
async fn an_import_can_be_taken_back_but_for_what_has_changed_since() {
    on_each_app(async |app, _| {
        run(&app, "GP-1;UN;FR;;;;\nGP-2;DEUX;FR;;;;\n", &options(false));
        let before = all(&app).await;
        let import =
            run(&app, "GP-1;UN AUTREMENT;FR;;;;\nGP-3;TROIS;FR;;;;\nGP-2;DEUX AUTREMENT;FR;;;;\n", &options(false));
        assert_eq!((import.counts.created, import.counts.updated), (1, 2));
        // Somebody changes the second one.
        run(&app, "GP-2;DEUX ENCORE;FR;;;;\n", &options(false));
        let reverted = app.imports().revert_now(&Actor::system("test"), import.id).expect("it is taken back");
        assert_eq!(reverted.status, ImportStatus::Reverted);
        assert_eq!((reverted.counts.reverted, reverted.counts.kept), (2, 1));
        let names: Vec<String> = all(&app).await.iter().map(|one| one.name.to_string()).collect();
        assert_eq!(names, ["UN", "DEUX ENCORE"]);
        assert_eq!(before[0].name.as_str(), "UN");
        let twice = app.imports().revert_now(&Actor::system("test"), import.id);
        assert!(matches!(twice, Err(crm_app::Error::Conflict { code: "not_revertible", .. })));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_table_ends_as_a_failed_import() {
    on_each_app(async |app, _| {
        let import = app
            .imports()
            .run_file(&Actor::system("test"), Cursor::new(b"PK\x03\x04spreadsheet"), &options(false), |_| {})
            .expect("the failure is the import's");
        assert_eq!(import.status, ImportStatus::Failed);
        assert!(import.failure.is_some_and(|reason| reason.contains("spreadsheet")));
    })
    .await;
}
