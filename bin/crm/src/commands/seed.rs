//! `crm seed`: writes the sample data in batches, each one transaction.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crm_app::App;
use crm_domain::{
    Interaction, Link, Mandate, Organisation, Person, Product, Task, Version,
    access::{Actor, Create, Grant, Update, policy},
};
use crm_persistence::{
    Backend, Database, DatabaseSettings, Stamp, StoreError, WriteTx, bulk, interactions, links, mandate_products,
    mandates, organisations, people, products, tasks,
};
use indicatif::ProgressBar;
use serde_json::json;

use crate::{
    arguments,
    failure::Failure,
    output::{bar, tell},
    seed::{Made, MadeMandate, Owner, Plan},
    settings::Settings,
    start::{block_on, database},
};

/// Records of one transaction.
const BATCH: u64 = 2_000;

/// Makes and writes the data.
pub fn run(settings: &Settings, seed: arguments::Seed) -> Result<(), Failure> {
    let database = database(&patient(settings.database()))?;
    let app = App::new(database, settings.app());
    let actor = Actor::system("sample data");
    let users = block_on(super::user::all(&app, &actor))?;
    let active = users.iter().filter(|user| user.is_active);
    let plan = Plan {
        seed: seed.which,
        organisations: seed.organisations.into(),
        people: seed.people.into(),
        products: seed.products.unwrap_or(seed.organisations.div_ceil(50)).into(),
        mandates: seed.mandates.unwrap_or(seed.organisations.div_ceil(4)).into(),
        interactions: seed.interactions.unwrap_or(seed.organisations.saturating_mul(2)).into(),
        tasks: seed.tasks.unwrap_or(seed.organisations.div_ceil(2)).into(),
        owners: active.map(|user| Owner { user: user.id, team: user.stamps.team_id }).collect(),
    };
    let loader = Loader {
        plan: &plan,
        app: &app,
        organisations: policy::authorise(&actor)?,
        people: policy::authorise(&actor)?,
        links: policy::authorise(&actor)?,
        products: policy::authorise(&actor)?,
        mandates: policy::authorise(&actor)?,
        attached: policy::authorise(&actor)?,
        interactions: policy::authorise(&actor)?,
        tasks: policy::authorise(&actor)?,
        actor,
        turn: Mutex::new(()),
    };
    // An index is made faster of all rows at once than of one after the other.
    bulk::suspend_indexes(&settings.database())?;
    let made = fill(&plan, &loader);
    bulk::restore_indexes(&settings.database())?;
    let Ties { linked, attached, happened } = made?;
    let Plan { organisations, people, products, mandates, tasks, seed: which, .. } = plan;
    let outcome = json!({
        "organisations": organisations, "people": people, "links": linked, "products": products, "mandates": mandates,
        "attached": attached, "interactions": happened, "tasks": tasks, "seed": which,
    });
    tell(seed.output, &outcome, || {
        format!(
            "{organisations} organisations, {people} people, {linked} links, {products} products, {mandates} mandates with \
             {attached} products, {happened} interactions and {tasks} tasks were made (seed {which})"
        )
    })
}

/// What follows from the numbers of records, and is counted as it is made.
struct Ties {
    linked: u64,
    attached: u64,
    happened: u64,
}

fn fill(plan: &Plan, loader: &Loader<'_>) -> Result<Ties, Failure> {
    loader.in_batches(plan.organisations, "organisations", |from, until| loader.organisations(from, until))?;
    let linked = AtomicU64::new(0);
    loader.in_batches(plan.people, "people", |from, until| {
        linked.fetch_add(loader.people(from, until)?, Ordering::Relaxed);
        Ok(())
    })?;
    loader.in_batches(plan.products, "products", |from, until| loader.products(from, until))?;
    let attached = AtomicU64::new(0);
    loader.in_batches(plan.mandates, "mandates", |from, until| {
        attached.fetch_add(loader.mandates(from, until)?, Ordering::Relaxed);
        Ok(())
    })?;
    let happened = AtomicU64::new(0);
    loader.in_batches(plan.interactions, "interactions", |from, until| {
        happened.fetch_add(loader.interactions(from, until)?, Ordering::Relaxed);
        Ok(())
    })?;
    loader.write(|tx| {
        interactions::settle_all(tx, &loader.interactions)?;
        Ok(tx.unchanged(()))
    })?;
    loader.in_batches(plan.tasks, "tasks", |from, until| loader.tasks(from, until))?;
    let (linked, attached, happened) = (linked.into_inner(), attached.into_inner(), happened.into_inner());
    Ok(Ties { linked, attached, happened })
}

/// Nobody waits for an answer here: a batch may take as long as it takes.
fn patient(settings: DatabaseSettings) -> DatabaseSettings {
    let long = Duration::from_mins(10);
    DatabaseSettings { wait: long, statement_timeout: long, ..settings }
}

struct Loader<'a> {
    plan: &'a Plan,
    app: &'a App,
    actor: Actor,
    organisations: Grant<Create, Organisation>,
    people: Grant<Create, Person>,
    links: Grant<Update, Organisation>,
    products: Grant<Create, Product>,
    mandates: Grant<Create, Mandate>,
    attached: Grant<Update, Mandate>,
    interactions: Grant<Create, Interaction>,
    tasks: Grant<Create, Task>,
    /// Whose turn it is to write where there is one writer.
    turn: Mutex<()>,
}

impl Loader<'_> {
    /// Runs `work` on all batches of `count` records. Several threads share them: while one batch is being written, the
    /// next one is being made.
    fn in_batches(
        &self,
        count: u64,
        what: &'static str,
        work: impl Fn(u64, u64) -> Result<(), StoreError> + Sync,
    ) -> Result<(), Failure> {
        let (next, bar) = (AtomicU64::new(0), bar(count, what));
        let worker = || -> Result<(), StoreError> {
            loop {
                let from = next.fetch_add(BATCH, Ordering::Relaxed);
                if from >= count {
                    return Ok(());
                }
                let until = (from + BATCH).min(count);
                let done = work(from, until);
                if done.is_err() {
                    next.store(count, Ordering::Relaxed);
                }
                done?;
                bar.inc(until - from);
            }
        };
        let threads = self.app.database().write_connections().clamp(2, 8);
        let results: Vec<Result<(), StoreError>> = thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            running.into_iter().map(joined).collect()
        });
        finish(&bar);
        results.into_iter().collect::<Result<(), StoreError>>().map_err(|error| self.explained(error))
    }

    fn organisations(&self, from: u64, until: u64) -> Result<(), StoreError> {
        let (records, changes) = apart((from..until).map(|index| self.plan.organisation(index)));
        self.write(|tx| {
            organisations::insert_many(tx, &self.organisations, &records)?;
            tx.record_all(changes)
        })
    }

    /// The number of links that were made.
    fn people(&self, from: u64, until: u64) -> Result<u64, StoreError> {
        let made: Vec<(u64, Made<Person>)> = (from..until).map(|index| (index, self.plan.person(index))).collect();
        let links = made.iter().flat_map(|(index, person)| self.plan.links(*index, &person.record));
        let (links, changes_of_links): (Vec<Link>, Vec<_>) = apart(links);
        let (people, mut changes) = apart(made.into_iter().map(|(_, made)| made));
        changes.extend(changes_of_links);
        self.write(|tx| {
            people::insert_many(tx, &self.people, &people)?;
            links::insert_many(tx, &self.links, &links)?;
            tx.record_all(changes)
        })?;
        Ok(u64::try_from(links.len()).expect("a batch has few links"))
    }

    fn products(&self, from: u64, until: u64) -> Result<(), StoreError> {
        let (records, changes) = apart((from..until).map(|index| self.plan.product(index)));
        self.write(|tx| {
            products::insert_many(tx, &self.products, &records)?;
            tx.record_all(changes)
        })
    }

    /// The number of products that were attached. Mandates that have ended do so at last: until then they take products.
    fn mandates(&self, from: u64, until: u64) -> Result<u64, StoreError> {
        let made: Vec<MadeMandate> = (from..until).filter_map(|index| self.plan.mandate(index)).collect();
        let (mandates, mut changes) = apart(made.iter().map(|made| made.first.clone()));
        let (attached, changes_of_attached) = apart(made.iter().flat_map(|made| made.attached.clone()));
        let (ended, changes_of_ended) = apart(made.into_iter().filter_map(|made| made.ended));
        changes.extend(changes_of_attached);
        changes.extend(changes_of_ended);
        self.write(|tx| {
            mandates::insert_many(tx, &self.mandates, &mandates)?;
            mandate_products::insert_many(tx, &self.attached, &attached)?;
            for mandate in &ended {
                mandates::save(tx, &self.attached, Version::FIRST, mandate)?;
            }
            tx.record_all(changes)
        })?;
        Ok(u64::try_from(attached.len()).expect("a batch has few products"))
    }

    /// The number of interactions that were made.
    fn interactions(&self, from: u64, until: u64) -> Result<u64, StoreError> {
        let (records, changes) = apart((from..until).filter_map(|index| self.plan.interaction(index)));
        self.write(|tx| {
            interactions::insert_past(tx, &self.interactions, &records)?;
            tx.record_all(changes)
        })?;
        Ok(u64::try_from(records.len()).expect("a batch has few records"))
    }

    fn tasks(&self, from: u64, until: u64) -> Result<(), StoreError> {
        let (records, changes) = apart((from..until).map(|index| self.plan.task(index)));
        self.write(|tx| {
            tasks::insert_many(tx, &self.tasks, &records)?;
            tx.record_all(changes)
        })
    }

    fn write(
        &self,
        work: impl FnOnce(&mut WriteTx) -> Result<crm_persistence::Recorded<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let database: &Database = self.app.database();
        let stamp = Stamp { actor: self.actor.clone(), at: self.app.now(), import_id: None };
        // The lock holds nothing, so a panic of its holder has broken nothing.
        let alone = || self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = (database.backend() == Backend::Sqlite).then(alone);
        database.write(stamp, work)
    }

    fn explained(&self, error: StoreError) -> Failure {
        match error {
            StoreError::Conflict { .. } => Failure::new(format!(
                "sample data of seed {} are there already, at least in part; choose another --seed",
                self.plan.seed
            )),
            error => error.into(),
        }
    }
}

fn apart<T>(made: impl Iterator<Item = Made<T>>) -> (Vec<T>, Vec<crm_domain::Change>) {
    made.map(|made| (made.record, made.change)).unzip()
}

/// The result of a thread; its panic goes on in this one.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn finish(bar: &ProgressBar) {
    if bar.is_hidden() { bar.finish_and_clear() } else { bar.finish() }
}
