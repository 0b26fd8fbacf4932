//! An import in the background, and taking it back, while others write; how long these wait for their turn.

mod support;

use std::{fmt::Write, time::Duration};

use bytes::Bytes;
use crm_app::{App, Error, ImportOptions, Once};
use crm_domain::{
    Import, ImportStatus, ImportTarget, OrganisationPatch,
    access::{Actor, BuiltInRole, policy},
};
use serde_json::json;
use support::{on_each_app, render, user};
use tokio::time::Instant;

/// Invented organisations, each with its own licence number.
fn file(rows: usize) -> Bytes {
    let mut text = "name;licence_number;city;country_code;phone\n".to_owned();
    for row in 0..rows {
        writeln!(text, "Exemple {row};EX-{row};Lyon;FR;01 56 62 00 55").expect("memory takes every line");
    }
    text.into()
}

/// Writes one record after the other until the import has ended; none may be refused. How long each took, from the shortest.
async fn write_beside(app: &App, actor: &Actor, import: &Import) -> (Import, Vec<Duration>) {
    let mut took = Vec::new();
    loop {
        let (grant, begun) = (policy::authorise(actor).expect("may create"), Instant::now());
        let patch = OrganisationPatch::read(json!({"name": format!("Autre {}", took.len())}));
        let made = app.organisations().create(grant, patch, Once::unkeyed(render)).await;
        made.unwrap_or_else(|error| panic!("a writer beside an import was refused: {error}"));
        took.push(begun.elapsed());
        let import = app.imports().get(actor, import.id).await.expect("it is there");
        if import.finished_at.is_some() {
            took.sort_unstable();
            return (import, took);
        }
    }
}

fn tell(what: &str, whole: Duration, took: &[Duration]) {
    let (median, slow) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    let most = took.last().copied().unwrap_or_default();
    println!(
        "{what}: {whole:.1?}; beside it {} writes, median {median:.1?}, p99 {slow:.1?}, most {most:.1?}",
        took.len()
    );
}

async fn import_and_take_back(app: App, rows: usize) {
    let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
    let upload = futures_util::stream::iter([Ok::<_, Error>(file(rows))]);
    let spooled = app.imports().spool(upload).await.expect("spooled");
    let options = ImportOptions::new(ImportTarget::Organisations, "file.csv");
    let begun = Instant::now();
    let answer = app.imports().start(&ann, spooled, options, Once::unkeyed(render)).await.expect("accepted");
    let import: Import = serde_json::from_slice(&answer.body).expect("an import");
    let (import, took) = write_beside(&app, &ann, &import).await;
    assert_eq!((import.status, import.counts.created), (ImportStatus::Completed, i64::try_from(rows).expect("few")));
    tell(&format!("import of {rows} rows"), begun.elapsed(), &took);

    let begun = Instant::now();
    app.imports().revert(&ann, import.id, Once::unkeyed(render)).await.expect("accepted");
    let (import, took) = write_beside(&app, &ann, &import).await;
    assert_eq!((import.status, import.counts.kept), (ImportStatus::Reverted, 0));
    tell(&format!("revert of {rows} rows"), begun.elapsed(), &took);
}

/// How long others wait is a figure of the machine and of what else it does: it is printed, and compared by people.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: fifty thousand rows"]
async fn nobody_who_writes_beside_an_import_of_50_000_rows_or_its_revert_is_refused() {
    on_each_app(async |app, _| import_and_take_back(app, 50_000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_writes_beside_an_import_or_its_revert_is_refused() {
    on_each_app(async |app, _| import_and_take_back(app, 1_000).await).await;
}
