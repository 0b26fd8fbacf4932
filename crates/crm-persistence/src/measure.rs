//! Where operations tell that they begin and end, for whoever measures them.
//!
//! This crate and those above it know no clock and no metrics. They say what begins, keep what they are given until it ends,
//! and take whatever belongs to their caller along when they move work to another thread. Who listens is chosen once for
//! the process ([`listen`]); a library that nobody listens to measures nothing.

use std::sync::OnceLock;

use diesel::connection::{Instrumentation, InstrumentationEvent};

use crate::observed;

/// What kind of operation it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// Something that a caller can do.
    UseCase,
    /// Waiting for one's turn, or for a connection.
    Wait,
    /// A unit of work on a connection.
    UnitOfWork,
    /// One statement.
    Statement,
    /// A call of the cache.
    Cache,
    /// One run of a job in the background.
    Job,
    /// A call to somebody else's server.
    Outgoing,
}

/// An operation that goes on; it ends when it is dropped.
pub trait Running: Send {
    /// It has failed, with this stable code.
    fn fail(&mut self, code: &'static str);
}

/// Work that can go to another thread.
pub type Work = Box<dyn FnOnce() + Send>;

/// Whoever measures.
pub trait Meter: Send + Sync {
    /// An operation begins. `None` where it is not to be measured.
    fn begin(&self, operation: Operation, name: &'static str) -> Option<Box<dyn Running>>;

    /// The same work, with what belongs to the present caller taken along.
    fn carry(&self, work: Work) -> Work;
}

static METER: OnceLock<&'static dyn Meter> = OnceLock::new();

/// From now on this one measures. The first one stays: a second call changes nothing.
pub fn listen(meter: &'static dyn Meter) {
    let _the_first_stays = METER.set(meter);
}

/// An operation that goes on, whether anybody listens or not. It ends when it is dropped.
#[must_use = "what is dropped at once measures nothing"]
pub struct Measured(Option<Box<dyn Running>>);

impl Measured {
    /// It has failed, with this stable code.
    pub fn fail(&mut self, code: &'static str) {
        if let Some(running) = &mut self.0 {
            running.fail(code);
        }
    }
}

/// An operation begins. Names are part of the program text: whoever counts by them counts no more of them than there are.
pub fn begin(operation: Operation, name: &'static str) -> Measured {
    Measured(METER.get().and_then(|meter| meter.begin(operation, name)))
}

/// The same work, with what belongs to the present caller taken along to another thread.
pub fn carry(work: Work) -> Work {
    match METER.get() {
        Some(meter) => meter.carry(work),
        None => work,
    }
}

/// The name of the function in which a closure is written, such as `organisations::Organisations::list`: so a use case has
/// its name without saying it, and a new one cannot forget to.
pub fn name_of<F>(_closure: &F) -> &'static str {
    short(std::any::type_name::<F>())
}

fn short(path: &'static str) -> &'static str {
    let path = path.split("::{{closure}}").next().unwrap_or(path);
    let path = path.split('<').next().unwrap_or(path).trim_end_matches("::");
    let path = path.split_once("::").map_or(path, |(_crate_name, rest)| rest);
    if path.is_empty() { "unnamed" } else { path }
}

/// Tells of every statement of one connection.
#[derive(Default)]
pub(crate) struct Statements(Option<Measured>);

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                observed::look_at(query);
                self.0 = Some(begin(Operation::Statement, "statement"));
            }
            InstrumentationEvent::FinishQuery { error, .. } => {
                if let (Some(mut statement), Some(_)) = (self.0.take(), error) {
                    statement.fail("refused");
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_has_the_name_of_its_function() {
        for (path, name) in [
            (
                "crm_app::organisations::Organisations::list::{{closure}}::{{closure}}",
                "organisations::Organisations::list",
            ),
            ("crm_app::batch::<impl crm_app::app::App>::batch<T>::{{closure}}", "batch"),
            ("crm_app::once::run<T, F>::{{closure}}", "once::run"),
            ("<crm_app::X as crm_app::Y>::z", "unnamed"),
            ("lonely", "lonely"),
        ] {
            assert_eq!(short(path), name);
        }
        let closure = || ();
        assert_eq!(name_of(&closure), "measure::tests::a_closure_has_the_name_of_its_function");
    }
}
