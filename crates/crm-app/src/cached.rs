//! Answers that are kept: the one place where reads meet the cache, and writes too.
//!
//! Nobody says what an answer depends on. While it is worked out, every unit of work tells what its statements read, and
//! whether the scope of the caller narrowed them; every writing unit of work tells what it wrote. So a new resource is cached
//! rightly from its first day, and the worst that a use case can do is to be kept for less time.

use std::cell::{Cell, RefCell};

use crm_cache::{Cache, Found, Key, Keys, Loaded, Outcome, Reach, Stored, Topic, Use};
use crm_domain::{RecordKind, access::Actor};
use crm_persistence::{
    Seen, Touch,
    measure::{self, Operation},
};
use uuid::Uuid;

use crate::{App, Error};

tokio::task_local! {
    static LOAD: RefCell<Load>;
}

/// What has been noticed of a load.
#[derive(Debug, Default)]
struct Load {
    seen: Seen,
    /// It depends on something that nobody tells of: the time, a failure, a write.
    is_passing: bool,
}

/// What a question comes to.
#[derive(Debug)]
pub enum Rendered<T> {
    /// An answer that may be kept, and for whom.
    Answer(crm_cache::Answer, Reach),
    /// Something for this caller alone, now.
    Other(T),
}

/// Somebody's question, as far as the answer depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What it is counted under: the name of the resource.
    pub group: &'a str,
    /// The words of the question.
    pub words: &'a [&'a str],
    /// Who asks.
    pub actor: &'a Actor,
    /// Whether the cache may answer.
    pub wish: Use,
}

impl App {
    /// The read cache.
    pub fn cache(&self) -> &Cache {
        &self.settings().cache
    }

    /// The answer to a question: a kept one, else what `load` comes to.
    pub async fn cached<T, E>(
        &self,
        question: Question<'_>,
        load: impl AsyncFnOnce() -> Result<Rendered<T>, E>,
    ) -> Result<(Found<T>, Outcome), E> {
        let keys = keys(&question);
        let looking = Cell::new(Some(measure::begin(Operation::Cache, "cache look-up")));
        let load = async || {
            drop(looking.take());
            let (rendered, noticed) = noticing(load).await;
            Ok(match rendered? {
                Rendered::Other(other) => Loaded::Other(other),
                // What depends on nothing has come from somewhere that nobody watches.
                Rendered::Answer(answer, _) if noticed.is_passing || noticed.seen.touches.is_empty() => {
                    Loaded::Passing(answer)
                }
                Rendered::Answer(answer, reach) => {
                    let reach = if noticed.seen.is_scoped { Reach::Personal } else { reach };
                    Loaded::Answer(answer, topics(&noticed.seen.touches), reach)
                }
            })
        };
        self.cache().read(&keys, question.wish, None, load).await
    }

    /// A value that is looked up by a secret: kept as bytes, under the hash of the secret.
    pub(crate) async fn cached_lookup(
        &self,
        group: &str,
        hash: &[u8],
        load: impl AsyncFnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<std::sync::Arc<Stored>, Error> {
        let shared = Key::new(group).with(hash);
        let keys = Keys { personal: shared.clone().with("nobody's"), shared };
        let load = async || {
            let (bytes, noticed) = noticing(load).await;
            let answer = crm_cache::Answer { body: bytes?.into(), ..crm_cache::Answer::default() };
            let is_kept = !noticed.is_passing && !noticed.seen.touches.is_empty();
            Ok::<Loaded<()>, Error>(if is_kept {
                Loaded::Answer(answer, topics(&noticed.seen.touches), Reach::Shared)
            } else {
                Loaded::Passing(answer)
            })
        };
        match self.cache().read(&keys, Use::Cache, None, load).await? {
            (Found::Answer(stored), _) => Ok(stored),
            (Found::Other(()), _) => Err(Error::BUSY),
        }
    }

    /// Tells all instances what has been written. On a thread that may block, after the commit and before the answer.
    pub(crate) fn tell(&self, written: impl IntoIterator<Item = Touch>) {
        let _until_told = measure::begin(Operation::Cache, "cache invalidation");
        self.cache().bump_blocking(&topics(&written.into_iter().collect::<Vec<_>>()));
    }

    /// Tells all instances again what has been written, for an instance that could not or is no more.
    pub(crate) async fn tell_again(&self, changed: &[(RecordKind, Uuid)]) {
        let stale =
            |(kind, id): &(RecordKind, Uuid)| [Topic::table(kind.stale_after()), Topic::row(kind.stale_after(), *id)];
        let mut stale: Vec<Topic> = changed.iter().flat_map(stale).collect();
        stale.sort();
        stale.dedup();
        self.cache().bump(&stale).await;
    }
}

async fn noticing<T>(load: impl AsyncFnOnce() -> T) -> (T, Load) {
    LOAD.scope(RefCell::default(), async {
        let done = load().await;
        (done, LOAD.with(RefCell::take))
    })
    .await
}

/// Whether an answer is being worked out that may be kept.
pub(crate) fn is_loading() -> bool {
    LOAD.try_with(|_| ()).is_ok()
}

/// A part of the answer that is being worked out depends on this.
pub(crate) fn saw(seen: Seen) {
    let _not_loading = LOAD.try_with(|load| {
        let mut load = load.borrow_mut();
        load.seen.touches.extend(seen.touches);
        load.seen.is_scoped |= seen.is_scoped;
    });
}

/// The answer that is being worked out, if there is one, is good for now only.
pub(crate) fn is_passing() {
    let _not_loading = LOAD.try_with(|load| load.borrow_mut().is_passing = true);
}

fn topics<'a>(touches: impl IntoIterator<Item = &'a Touch>) -> Vec<Topic> {
    let topic = |touch: &Touch| match *touch {
        Touch::Table(table) => Topic::table(table),
        Touch::UnnamedRows(table) => Topic::unnamed_rows(table),
        Touch::Row(table, id) => Topic::row(table, id),
    };
    touches.into_iter().map(topic).collect()
}

/// The whole of what the role allows is part of the key, and not only what the question is about: a relation that is inlined
/// has rights of its own.
fn keys(question: &Question<'_>) -> Keys {
    let actor = question.actor;
    let mut rules: Vec<[&str; 3]> = (actor.role().rules.iter())
        .map(|rule| [rule.resource.as_ref(), rule.action.as_ref(), rule.reach.as_ref()])
        .collect();
    rules.sort_unstable();
    let team = actor.team_id();
    let key = Key::new(question.group).with(rules.as_flattened().join(" ")).with(if team.is_some() {
        "team"
    } else {
        "alone"
    });
    let shared = question.words.iter().fold(key, Key::with);
    let user = actor.user_id().map_or_else(Vec::new, |id| id.uuid().as_bytes().to_vec());
    let team = team.map_or_else(Vec::new, |id| id.uuid().as_bytes().to_vec());
    Keys { personal: shared.clone().with("for").with(user).with(team), shared }
}

#[cfg(test)]
mod tests {
    use crm_domain::{
        TeamId, UserId,
        access::{Actor, BuiltInRole},
    };
    use proptest::prelude::*;

    use super::*;

    fn actors() -> impl Strategy<Value = (usize, u128, Option<u128>)> {
        (0..3_usize, 1..3_u128, proptest::option::of(1..3_u128))
    }

    fn actor((role, user, team): (usize, u128, Option<u128>)) -> Actor {
        let role = [BuiltInRole::Manager, BuiltInRole::User, BuiltInRole::ReadOnly][role];
        Actor::user(UserId::from_u128(user), team.map(TeamId::from_u128), role.role())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn two_callers_or_questions_never_share_a_personal_key_and_two_roles_never_a_shared_one(
            one in actors(), other in actors(),
            asked in proptest::collection::vec("[ab&=]{0,3}", 0..4), again in proptest::collection::vec("[ab&=]{0,3}", 0..4),
        ) {
            let of = |who, asked: &[String]| {
                let words: Vec<&str> = asked.iter().map(String::as_str).collect();
                keys(&Question { group: "x", words: &words, actor: &actor(who), wish: Use::Cache })
            };
            let (first, second) = (of(one, &asked), of(other, &again));
            prop_assert_eq!(first.personal == second.personal, one == other && asked == again);
            let same_rights = one.0 == other.0 && one.2.is_some() == other.2.is_some();
            prop_assert_eq!(first.shared == second.shared, same_rights && asked == again);
            prop_assert_ne!(first.shared, second.personal);
        }
    }
}
