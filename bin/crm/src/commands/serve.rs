//! `crm serve`: the way from settings to a listening server, and from a signal to a clean end.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpServer, dev::ServerHandle};
use crm_api::Api;
use crm_app::App;
use crm_domain::{
    access::{Actor, BuiltInRole},
    values::EmailAddress,
};
use crm_monitoring::{Environment, Monitoring, get_logger, report_panics};
use crm_persistence::{Stamp, users};
use secrecy::ExposeSecret;
use slog::{Logger, info, warn};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    failure::{Failure, of_panic},
    operations::{self, Operations},
    output::say,
    settings::{RELEASE, Settings},
    start,
};

/// Serves until a signal asks for the end.
pub fn run(settings: &Settings) -> Result<(), Failure> {
    let (monitoring, log, _sends_what_is_left) = Monitoring::start(&settings.monitoring());
    report_panics(log.clone(), of_panic);
    info!(log, "settings"; "release" => RELEASE, "effective" => serde_json::to_string(settings)?);
    let app = start::server_app(settings, get_logger(&log, "app"), &monitoring)?;
    // Made by hand and not by a macro: what must start before the runtime and its threads, starts above this line.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking_threads(settings, &app))
        .build()?;
    actix_rt::System::with_tokio_rt(move || runtime).block_on(serve(settings, app, log, monitoring))
}

async fn serve(settings: &Settings, app: App, log: Logger, monitoring: Monitoring) -> Result<(), Failure> {
    let serving = Arc::new(AtomicBool::new(true));
    let blocking = blocking_threads(settings, &app);
    let api = Api::new(app.clone(), settings.api(), get_logger(&log, "http")).monitored(&monitoring);
    let http = &settings.http;
    let public = HttpServer::new(move || crm_api::server(&api))
        .workers(http.workers.get())
        .max_connections((http.connections.get() / http.workers).max(1))
        .keep_alive(Duration::from_secs(http.keep_alive_seconds))
        .client_request_timeout(Duration::from_secs(http.head_seconds))
        .worker_max_blocking_threads(blocking)
        .shutdown_timeout(http.drain_seconds)
        .disable_signals()
        .bind(http.listen)
        .map_err(|error| cannot_listen(http.listen, &error))?;
    let state = Operations { app: app.clone(), serving: Arc::clone(&serving), metrics: monitoring.metrics().clone() };
    let listen = settings.operations.listen;
    let inside = HttpServer::new(move || operations::server(state.clone()))
        .workers(1)
        .worker_max_blocking_threads(2)
        .disable_signals()
        .bind(listen)
        .map_err(|error| cannot_listen(listen, &error))?;
    let mut signals = Signals::listen()?;
    somebody_may_sign_in(settings.environment, &app).await?;

    let addresses = (public.addrs(), inside.addrs());
    let (public, inside) = (public.run(), inside.run());
    let (public_handle, inside_handle) = (public.handle(), inside.handle());
    let (mut public, inside) = (actix_rt::spawn(public), actix_rt::spawn(inside));
    app.start();
    info!(log, "listening"; "http" => %Addresses(&addresses.0), "operations" => %Addresses(&addresses.1));
    let asked = tokio::select! {
        name = signals.next() => Some(name),
        _ended = &mut public => None,
    };
    serving.store(false, Ordering::Release);
    app.stop();
    if let Some(name) = asked {
        info!(log, "stopping"; "signal" => name, "drain_seconds" => http.drain_seconds);
        drain(&public_handle, &mut signals, &log).await;
    }
    app.leave().await;
    inside_handle.stop(false).await;
    let _stopped = inside.await;
    info!(log, "stopped");
    if asked.is_some() { Ok(()) } else { Err(Failure::new("the server ended by itself")) }
}

/// Lets requests under way end, unless a second signal says that there is no time for that.
async fn drain(server: &ServerHandle, signals: &mut Signals, log: &Logger) {
    tokio::select! {
        () = server.stop(true) => {}
        name = signals.next() => {
            warn!(log, "stopping at once"; "signal" => name);
            server.stop(false).await;
        }
    }
}

/// Each worker may have every connection and every hash at work at once, a file or two, and a letter.
fn blocking_threads(settings: &Settings, app: &App) -> usize {
    let database = app.database();
    let connections = database.read_connections() + database.write_connections();
    usize::try_from(connections).unwrap_or(usize::MAX) + settings.limits.hashes_at_once.get() + 3
}

/// In development the first administrator is made; elsewhere nobody may come in by a door that was left open.
async fn somebody_may_sign_in(environment: Environment, app: &App) -> Result<(), Failure> {
    if environment == Environment::Development {
        let email = EmailAddress::parse("admin@crm.localhost")?;
        let made = app.users().ensure_first_admin(email.clone()).await?;
        return match made {
            Some(password) => say(format_args!(
                "The first administrator was made.\n  e-mail:   {email}\n  password: {}\nThe password is not shown again.",
                password.expose_secret()
            )),
            None => Ok(()),
        };
    }
    let stamp = Stamp { actor: Actor::system("check at the start"), at: app.now(), import_id: None };
    let admins: Result<i64, crm_persistence::StoreError> = app.database().write(stamp, |tx| {
        let admins = users::count_active_with_role(tx, BuiltInRole::Admin.id())?;
        Ok(tx.unchanged(admins))
    });
    if admins? > 0 {
        return Ok(());
    }
    Err(Failure::new("there is no administrator: run `crm user add --email EMAIL --name NAME --role admin`"))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::because(format_args!("cannot listen on {address}"), error)
}

struct Addresses<'a>(&'a [SocketAddr]);

impl std::fmt::Display for Addresses<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&texts.join(", "))
    }
}

/// The signals that ask for the end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
