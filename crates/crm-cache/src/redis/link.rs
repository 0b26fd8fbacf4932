//! One connection to Redis, shared by all calls: they are written one behind the other and answered in that order.
//!
//! A call that is given up takes the connection with it: the next one makes its own, and nobody can ever be given the
//! answer to another call. A pool would pay a round trip to see whether the connection it hands out still works.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, Script as Text, ServerErrorKind,
    aio::MultiplexedConnection, cmd,
};
use strum::VariantArray;
use tokio::time::timeout;

use super::scripts::Script;
use crate::{
    breaker::Breaker,
    statistics::{Counters, count},
};

/// Why Redis did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("not asked, because it has not been answering")]
    Breaker,
    #[error("no answer in time")]
    Late,
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("an answer that makes no sense")]
    Nonsense,
}

pub(crate) struct Link {
    client: Client,
    connection: Mutex<Option<(u64, MultiplexedConnection)>>,
    connecting: tokio::sync::Mutex<u64>,
    counters: Arc<Counters>,
    pub(crate) breaker: Breaker,
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Link").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

impl Link {
    /// A link to this server; it is not called before it is needed.
    pub(crate) fn new(url: &str, counters: Arc<Counters>) -> Result<Self, RedisError> {
        Ok(Self {
            client: Client::open(url)?,
            connection: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            counters,
            breaker: Breaker::default(),
        })
    }

    /// One command, unless Redis has not been answering.
    pub(crate) async fn call<T: FromRedisValue>(&self, command: &Cmd, deadline: Duration) -> Result<T, Trouble> {
        if !self.breaker.admits() {
            return Err(Trouble::Breaker);
        }
        self.insist(command, deadline).await
    }

    /// One command, even if Redis has not been answering.
    pub(crate) async fn insist<T: FromRedisValue>(&self, command: &Cmd, deadline: Duration) -> Result<T, Trouble> {
        self.told(timeout(deadline, self.once(command)).await.unwrap_or(Err(Trouble::Late)))
    }

    /// One script, unless Redis has not been answering.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: Script,
        key: &str,
        arguments: &[String],
        deadline: Duration,
    ) -> Result<T, Trouble> {
        if !self.breaker.admits() {
            return Err(Trouble::Breaker);
        }
        self.insist_on(script, key, arguments, deadline).await
    }

    /// One script, even if Redis has not been answering.
    pub(crate) async fn insist_on<T: FromRedisValue>(
        &self,
        script: Script,
        key: &str,
        arguments: &[String],
        deadline: Duration,
    ) -> Result<T, Trouble> {
        self.told(timeout(deadline, self.script(script, key, arguments)).await.unwrap_or(Err(Trouble::Late)))
    }

    /// Runs a script that the server has been told before. One that does not know it has been started anew, or has taken the
    /// place of another, and may have lost the newest times: all that came before is forgotten there first.
    async fn script<T: FromRedisValue>(&self, script: Script, key: &str, arguments: &[String]) -> Result<T, Trouble> {
        let call = |hash: &str| {
            let mut call = cmd("EVALSHA");
            call.arg(hash).arg(1).arg(key).arg(arguments);
            call
        };
        let hash = hash_of(script);
        match self.once(&call(hash)).await {
            Err(Trouble::Redis(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {}
            done => return done,
        }
        self.once::<i64>(cmd("EVAL").arg(Script::reset()).arg(1).arg(key).arg(super::nonce())).await?;
        for one in Script::VARIANTS {
            self.once::<String>(cmd("SCRIPT").arg("LOAD").arg(one.text())).await?;
        }
        self.once(&call(hash)).await
    }

    async fn once<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Trouble> {
        let (number, mut connection) = self.connection().await?;
        // Given up half-way, for whatever reason, the connection is not used again.
        let mut unfinished = Unfinished { link: self, number, is_finished: false };
        let answer = command.query_async(&mut connection).await;
        unfinished.is_finished = match &answer {
            Ok(_) => true,
            Err(error) => matches!(error.kind(), ErrorKind::Server(_)),
        };
        Ok(answer?)
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), Trouble> {
        if let Some(connection) = self.present() {
            return Ok(connection);
        }
        let mut number = self.connecting.lock().await;
        if let Some(connection) = self.present() {
            return Ok(connection);
        }
        // The deadlines are those of the calls.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let made = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *number += 1;
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some((*number, made.clone()));
        Ok((*number, made))
    }

    fn present(&self) -> Option<(u64, MultiplexedConnection)> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn told<T>(&self, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        if answer.is_ok() {
            self.breaker.succeeded();
        } else {
            count(&self.counters.errors);
            self.breaker.failed();
        }
        answer
    }
}

struct Unfinished<'a> {
    link: &'a Link,
    number: u64,
    is_finished: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            let mut connection = self.link.connection.lock().unwrap_or_else(PoisonError::into_inner);
            connection.take_if(|(number, _)| *number == self.number);
        }
    }
}

fn hash_of(script: Script) -> &'static str {
    static HASHES: LazyLock<Vec<String>> =
        LazyLock::new(|| Script::VARIANTS.iter().map(|one| Text::new(&one.text()).get_hash().to_owned()).collect());
    let at = Script::VARIANTS.iter().position(|one| *one == script);
    &HASHES[at.expect("a script is one of all scripts")]
}
