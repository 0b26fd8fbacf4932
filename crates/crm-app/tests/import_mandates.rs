//! Imports of products and of mandates, over real databases.

mod support;

use std::io::Cursor;

use crm_app::{App, ImportOptions};
use crm_domain::{
    Import, ImportCounts, ImportTarget, Mandate, Organisation, Product,
    access::{Action, Actor, BuiltInRole, Reach, Resource, Role, Rule, policy},
    query::ListQuery,
};
use support::{on_each_app, system, user};

const PRODUCTS: &str = "\
Nom du fonds;Code ISIN;Type de fonds;Statut
Monde;FR 0000120271;OPCVM;actif
Monde;FR0000120271;;
Amérique;;ETF;à venir
Europe;FR0000120272;;
";

fn run(app: &App, actor: &Actor, target: ImportTarget, dry_run: bool, file: &str) -> Import {
    let options = ImportOptions { dry_run, ..ImportOptions::new(target, "file.csv") };
    app.imports().run_file(actor, Cursor::new(file.to_owned()), &options, |_| {}).expect("the import runs")
}

async fn errors(app: &App, actor: &Actor, import: &Import) -> Vec<(i64, String, String)> {
    let errors = app.imports().errors(actor, import.id, None, 20).await.expect("errors").items;
    errors.into_iter().map(|error| (error.row, error.column.unwrap_or_default(), error.code)).collect()
}

async fn products(app: &App) -> Vec<Product> {
    let query = ListQuery::parse([("sort", "name")]).expect("a query");
    app.products().list(policy::authorise(&system()).expect("may"), query).await.expect("a list").items
}

async fn mandates(app: &App) -> Vec<Mandate> {
    let query = ListQuery::parse([("sort", "number,ends_on")]).expect("a query");
    app.mandates().list(policy::authorise(&system()).expect("may"), query).await.expect("a list").items
}

/// A mandate in one line: organisation, number, status and days.
fn line(mandate: &Mandate, organisations: &[Organisation]) -> String {
    let of = organisations.iter().find(|one| one.id == mandate.organisation_id).expect("it is there");
    let day = |day: Option<crm_domain::values::Date>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
    let number = mandate.number.as_ref().map_or("-", AsRef::as_ref);
    let days = [mandate.signed_on, mandate.starts_on, mandate.ends_on].map(day).join(" ");
    format!("{} {number} {} {days}", of.name, mandate.status.as_ref())
}

#[tokio::test]
async fn products_are_recognised_by_number_and_else_by_name() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let counts = ImportCounts { rows: 4, created: 3, merged: 1, invalid_cells: 1, ..ImportCounts::default() };
        assert_eq!(run(&app, &ann, ImportTarget::Products, true, PRODUCTS).counts, counts);
        assert!(products(&app).await.is_empty(), "it was a rehearsal");
        let import = run(&app, &ann, ImportTarget::Products, false, PRODUCTS);
        assert_eq!(import.counts, counts);
        assert_eq!(errors(&app, &ann, &import).await, [(4, "Code ISIN".to_owned(), "isin".to_owned())]);
        let shown: Vec<String> = products(&app)
            .await
            .iter()
            .map(|one| {
                let isin = one.isin.as_ref().map_or("-", AsRef::as_ref);
                let kind = one.kind.as_ref().map_or("-", AsRef::as_ref);
                format!("{} {isin} {kind} {}", one.name, one.status.as_ref())
            })
            .collect();
        assert_eq!(shown, ["Amérique - etf pending", "Europe - - active", "Monde FR0000120271 ucits active"]);

        let again = run(&app, &ann, ImportTarget::Products, false, PRODUCTS);
        assert_eq!(again.counts, ImportCounts { created: 0, unchanged: 3, ..counts });
        // A number that comes later goes to the product that has none.
        let later = run(&app, &ann, ImportTarget::Products, false, "name;isin\nEurope;LU0000000017\n");
        assert_eq!((later.counts.created, later.counts.updated), (0, 1));

        let reverted = app.imports().revert_now(&ann, import.id).expect("taken back");
        assert_eq!((reverted.counts.reverted, reverted.counts.kept), (2, 1), "one has changed since");
        assert_eq!(products(&app).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_mandate_names_its_organisation_by_id_identifier_licence_number_or_name() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let organisations = "name;lei;licence_number\nExemple Gestion;9695008KSTJL0COZAZ28;\nModèle Capital;;GP-1\n\
            Double;;\nDouble;;GP-3\n";
        run(&app, &ann, ImportTarget::Organisations, false, organisations);
        let may = policy::authorise(&system()).expect("may");
        let organisations = app.organisations().list(may, ListQuery::default()).await.expect("a list").items;
        let id = organisations.iter().find(|one| one.name.as_str() == "Modèle Capital").expect("it is there").id;
        let file = format!(
            "Numéro de mandat;Société;LEI;Numéro d'agrément;Identifiant organisation;Statut;Date de signature;Début;Échéance\n\
             M-1;exemple gestion;;;;en vigueur;;01/02/2020;31/12/2030\n\
             M-2;;9695008KSTJL0COZAZ28;;;proposé;;;\n\
             M-1;;;GP-1;;signé;2025-12-01;;\n\
             M-3;;;;{id};;;;\n\
             ;Modèle Capital;;;;;;;2027-01-01\n\
             M-4;Double;;;;;;;\n\
             M-5;Inconnue;;;;;;;\n\
             M-6;;;;;;;;\n\
             M-1;Exemple Gestion;;;;;;;2031-01-01\n"
        );
        let import = run(&app, &ann, ImportTarget::Mandates, false, &file);
        let told = errors(&app, &ann, &import).await;
        let not_found: Vec<i64> = told.iter().filter(|(_, _, code)| code == "not_found").map(|(row, ..)| *row).collect();
        assert_eq!(not_found, [6, 7], "a name that two have is no name: {told:?}");
        assert!(told.iter().any(|(row, _, code)| (*row, code.as_str()) == (8, "required")), "{told:?}");
        let expected = [
            "Exemple Gestion M-1 active 2020-02-01 2020-02-01 2030-12-31",
            "Modèle Capital M-1 signed 2025-12-01 - -",
            "Exemple Gestion M-2 proposed - - -",
            "Modèle Capital M-3 proposed - - -",
            "Modèle Capital - proposed - - 2027-01-01",
        ];
        let shown = async || {
            let mut lines: Vec<String> = mandates(&app).await.iter().map(|one| line(one, &organisations)).collect();
            lines.sort();
            lines
        };
        let mut sorted = expected.map(str::to_owned);
        sorted.sort();
        assert_eq!(shown().await, sorted);
        assert_eq!((import.counts.created, import.counts.merged, import.counts.failed), (5, 1, 3));

        let again = run(&app, &ann, ImportTarget::Mandates, false, &file);
        assert_eq!((again.counts.created, again.counts.updated, again.counts.unchanged), (0, 0, 5));
        assert_eq!(shown().await, sorted);
    })
    .await;
}

#[tokio::test]
async fn a_file_moves_a_mandate_on_but_never_back_and_what_has_moved_on_is_kept() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        run(&app, &ann, ImportTarget::Organisations, false, "name\nExemple\n");
        let file =
            |status: &str, notes: &str| format!("number;organisation;status;notes\nM-1;Exemple;{status};{notes}\n");
        run(&app, &ann, ImportTarget::Mandates, false, &file("proposed", "one"));
        let signed = run(&app, &ann, ImportTarget::Mandates, false, &file("signed", "two"));
        assert_eq!(signed.counts.updated, 1);
        // The cell that says otherwise is refused, the rest of its row is used.
        let back = run(&app, &ann, ImportTarget::Mandates, false, &file("proposed", "three"));
        assert_eq!((back.counts.updated, back.counts.invalid_cells), (1, 1));
        let told = errors(&app, &ann, &back).await;
        assert_eq!(told, [(1, "status".to_owned(), "illegal_transition".to_owned())]);
        let [one] = mandates(&app).await.try_into().expect("one mandate");
        assert_eq!((one.status.as_ref(), one.notes.as_ref().map(AsRef::as_ref)), ("signed", Some("three")));

        let reverted = app.imports().revert_now(&ann, back.id).expect("taken back");
        assert_eq!((reverted.counts.reverted, reverted.counts.kept), (1, 0));
        let reverted = app.imports().revert_now(&ann, signed.id).expect("taken back");
        assert_eq!((reverted.counts.reverted, reverted.counts.kept), (0, 1), "a signature is not taken back");
    })
    .await;
}

#[tokio::test]
async fn an_importer_makes_mandates_with_organisations_that_they_see() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        run(&app, &ann, ImportTarget::Organisations, false, "name\nExemple\n");
        let (_, uma) = user(&app, "uma", BuiltInRole::User).await;
        let options = ImportOptions::new(ImportTarget::Mandates, "file.csv");
        let refused = app.imports().run_file(&uma, Cursor::new("number\nM-1\n".to_owned()), &options, |_| {});
        assert!(refused.is_err(), "a user may not import");

        let may = |resource, action, reach| Rule { resource, action, reach };
        let rules = vec![
            may(Resource::Mandates, Action::Import, Reach::All),
            may(Resource::Organisations, Action::Read, Reach::Own),
        ];
        let role = Role { id: crm_domain::RoleId::from_u128(9), name: "clerk".parse().expect("a name"), rules };
        let clerk = Actor::user(uma.user_id().expect("a user"), None, role);
        let import = run(&app, &clerk, ImportTarget::Mandates, false, "number;organisation\nM-1;Exemple\n");
        assert_eq!((import.counts.created, import.counts.failed), (0, 1), "an organisation out of sight is none");
        assert!(mandates(&app).await.is_empty());
    })
    .await;
}
