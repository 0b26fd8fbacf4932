//! How a letter leaves: by SMTP, or into a folder on a developer's machine.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, path::PathBuf, time::Duration};

use crm_persistence::measure::{self, Operation};
use lettre::{
    Message, SmtpTransport, Transport,
    message::{Body, Mailbox, header::ContentTransferEncoding, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;

use super::Letter;
use crate::{App, Error, app::blocking, background::causes};

/// How letters are sent.
#[derive(Clone, Debug)]
pub enum Post {
    /// Not at all: whoever asks for one is told so.
    None,
    /// Each becomes a file in this folder, to be read by whoever runs the server.
    Files(PathBuf),
    /// By a mail server.
    Smtp(SmtpSettings),
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// Name and password, if it asks for them.
    pub credentials: Option<(String, SecretString)>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// It begins in the clear and must become TLS before anything is said (RFC 3207); the usual port is 587.
    #[default]
    StartTls,
    /// TLS from the beginning (RFC 8314); the usual port is 465.
    Tls,
    /// Not at all: for a server on the same machine.
    None,
}

/// Why mail cannot be sent as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender is no address.
    #[error("the sender is no e-mail address")]
    From(#[source] lettre::address::AddressError),
    /// The name of the server cannot be used.
    #[error("the mail server cannot be used")]
    Server(#[source] lettre::transport::smtp::Error),
}

/// How often a letter is tried, and how long is waited after the first failure; the waits double.
const TRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// How long a mail server may take for each answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl super::MailSettings {
    /// Refuses what could never be sent.
    pub fn check(&self) -> Result<(), MailError> {
        self.from.parse::<Mailbox>().map_err(MailError::From)?;
        match &self.post {
            Post::Smtp(settings) => smtp(settings).map(drop),
            Post::None | Post::Files(_) => Ok(()),
        }
    }
}

/// Sends a letter, again if need be.
pub(super) async fn send(app: &App, letter: Letter) -> Result<(), Error> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match send_once(app, letter.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => {
                slog::warn!(app.settings().log, "a letter will be tried again"; "cause" => causes(&error));
            }
        }
        sleep(wait).await;
        wait *= 2;
    }
    send_once(app, letter).await
}

async fn send_once(app: &App, letter: Letter) -> Result<(), Error> {
    let mut sending = measure::begin(Operation::Outgoing, "mail");
    let (app, name) = (app.clone(), app.new_id::<()>());
    blocking(move || {
        let mail = &app.settings().mail;
        match &mail.post {
            Post::None => Ok(()),
            Post::Files(folder) => {
                // As it is written and not encoded, so that people can read the file.
                let lines = letter.text.expose_secret().replace('\n', "\r\n").into_bytes();
                let body = Body::dangerous_pre_encoded(lines, ContentTransferEncoding::EightBit);
                let message = message(&letter, &mail.from, body)?;
                put(folder, &format!("{name}.eml"), &message.formatted()).map_err(Error::internal)
            }
            Post::Smtp(settings) => {
                let message = message(&letter, &mail.from, Body::new(letter.text.expose_secret().to_owned()))?;
                smtp(settings).map_err(Error::internal)?.send(&message).map(drop).map_err(Error::internal)
            }
        }
    })
    .await
    .inspect_err(|error| sending.fail(error.code()))
}

fn message(letter: &Letter, from: &str, body: Body) -> Result<Message, Error> {
    let from: Mailbox = from.parse().map_err(Error::internal)?;
    let to: Mailbox = letter.to.as_str().parse().map_err(Error::internal)?;
    let builder = Message::builder().from(from).to(to).subject(letter.subject).message_id(None);
    builder.header(ContentType::TEXT_PLAIN).body(body).map_err(Error::internal)
}

fn smtp(settings: &SmtpSettings) -> Result<SmtpTransport, MailError> {
    let tls = || TlsParameters::new(settings.host.clone()).map_err(MailError::Server);
    let tls = match settings.encryption {
        Encryption::StartTls => Tls::Required(tls()?),
        Encryption::Tls => Tls::Wrapper(tls()?),
        Encryption::None => Tls::None,
    };
    let builder = SmtpTransport::builder_dangerous(&settings.host).port(settings.port).tls(tls).timeout(Some(PATIENCE));
    let builder = match &settings.credentials {
        Some((name, password)) => {
            builder.credentials(Credentials::new(name.clone(), password.expose_secret().to_owned()))
        }
        None => builder,
    };
    Ok(builder.build())
}

/// Writes a file that nobody else on the machine may read: there is a key to an account in it.
fn put(folder: &Path, name: &str, text: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name))?;
    file.write_all(text)?;
    file.sync_all()
}
