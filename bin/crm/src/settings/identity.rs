//! Settings about who somebody is: mail for new passwords, the secret, second factors, trusted proxies.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use crm_app::{AppSettings, Bus, Encryption, MailSettings, Post, RedisSettings, SmtpSettings, Vault};
use crm_domain::{access::BuiltInRole, parse_choice, values::Network};
use crm_monitoring::{Environment, REDACTED};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use slog::Logger;

use super::{Settings, SettingsError};
use crate::failure::Failure;

/// Mail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSection {
    /// The mail server. Without one, letters are files in `development` and are not sent elsewhere.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// The name to sign in there with, if it asks for one.
    pub username: Option<String>,
    /// The password that goes with it.
    #[serde(serialize_with = "hidden", deserialize_with = "secret")]
    pub password: Option<SecretString>,
    /// Who letters are from.
    pub from: String,
    /// The folder for letters that are files.
    pub directory: PathBuf,
}

/// Secrets, and what is asked of those who sign in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecuritySection {
    /// What the secrets of second factors are sealed with: 32 random characters or more.
    #[serde(serialize_with = "hidden", deserialize_with = "secret")]
    pub secret: Option<SecretString>,
    /// A file with the secret, in its place.
    pub secret_file: PathBuf,
    /// The built-in roles whose users must have a second factor.
    pub second_factor_roles: BuiltInRoles,
}

/// Networks, as a list or as one text with commas.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Networks(pub Vec<Network>);

/// Built-in roles, as a list or as one text with commas.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BuiltInRoles(pub Vec<BuiltInRole>);

impl Default for MailSection {
    fn default() -> Self {
        Self {
            host: None,
            port: 587,
            encryption: Encryption::default(),
            username: None,
            password: None,
            from: "crm@localhost".to_owned(),
            directory: PathBuf::from("data/mail"),
        }
    }
}

impl Default for SecuritySection {
    fn default() -> Self {
        Self { secret: None, secret_file: PathBuf::from("data/secret"), second_factor_roles: BuiltInRoles::default() }
    }
}

impl Settings {
    /// What the use cases of the server need to be told.
    pub fn server_app(&self, log: Logger) -> Result<AppSettings, Failure> {
        let cache = self.cache(log.clone());
        Ok(AppSettings { mail: self.mail_settings(), vault: self.vault()?, bus: self.bus()?, cache, log, ..self.app() })
    }

    /// What the instances say to each other, if they share anything.
    fn bus(&self) -> Result<Bus, Failure> {
        let Some(url) = &self.redis.url else { return Ok(Bus::in_process()) };
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| Failure::because("no random bits", &error))?;
        Ok(Bus::redis(&RedisSettings::new(url.expose_secret()), uuid::Uuid::from_bytes(id))?)
    }

    /// Where mail goes.
    fn mail_settings(&self) -> MailSettings {
        let mail = &self.mail;
        let post = match &mail.host {
            Some(host) => Post::Smtp(SmtpSettings {
                host: host.clone(),
                port: mail.port,
                encryption: mail.encryption,
                credentials: mail.username.clone().zip(mail.password.clone()),
            }),
            None if self.environment == Environment::Development => Post::Files(mail.directory.clone()),
            None => Post::None,
        };
        let public_url = match &self.http.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.http.listen),
        };
        MailSettings { post, from: mail.from.clone(), public_url }
    }

    /// What seals secrets. In development a secret is made at the first start; elsewhere somebody must have made one.
    fn vault(&self) -> Result<Vault, Failure> {
        let (name, secret) = match &self.security.secret {
            Some(secret) => ("security.secret", secret.clone()),
            None => ("security.secret_file", self.secret_of_file()?),
        };
        Vault::new(&secret).map_err(|weak| Failure::new(format!("setting `{name}`: {weak}")))
    }

    fn secret_of_file(&self) -> Result<SecretString, Failure> {
        let path = &self.security.secret_file;
        match fs::read_to_string(path) {
            Ok(text) => Ok(text.trim().to_owned().into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.environment == Environment::Development => {
                make_secret(path).map_err(|error| cannot_use(path, &error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(format!(
                "there is no secret: make one with `openssl rand -base64 32`, and set CRM__SECURITY__SECRET or put it into {}",
                path.display()
            ))),
            Err(error) => Err(cannot_use(path, &error)),
        }
    }

    /// Refuses what makes no sense together.
    pub(super) fn check_identity(&self) -> Result<(), SettingsError> {
        let wrong = |key, reason: &str| Err(SettingsError::Value { key, reason: reason.to_owned() });
        let mail = &self.mail;
        if let Some(url) = &self.http.public_url
            && !is_base(url)
        {
            return wrong("http.public_url", "must be an http or https address without ? and #");
        }
        if mail.username.is_some() != mail.password.is_some() {
            return wrong("mail.password", "belongs to mail.username: set both or none");
        }
        if mail.username.is_some() && mail.encryption == Encryption::None {
            return wrong("mail.encryption", "must not be none where a password is sent");
        }
        if mail.host.is_some() && self.http.public_url.is_none() {
            return wrong("http.public_url", "must be set where mail is sent: links are made from it");
        }
        match self.mail_settings().check() {
            Ok(()) => Ok(()),
            Err(error) => wrong("mail", &error.to_string()),
        }
    }
}

/// Whether an address can have paths and fragments put behind it.
fn is_base(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none())
}

/// Makes a secret that nobody else on the machine may read. Of two that start at the same time one makes it.
fn make_secret(path: &Path) -> io::Result<SecretString> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let secret = crm_app::password::random().map_err(io::Error::other)?;
    let text = secret.expose_secret().replace('-', "");
    let text = format!("{text}{}", crm_app::password::random().map_err(io::Error::other)?.expose_secret());
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            writeln!(file, "{text}")?;
            file.sync_all()?;
            Ok(text.into())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read_to_string(path).map(|text| text.trim().to_owned().into())
        }
        Err(error) => Err(error),
    }
}

fn cannot_use(path: &Path, error: &io::Error) -> Failure {
    Failure::because(format_args!("cannot use the secret in {}", path.display()), error)
}

/// A list, or one text with commas between its parts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Text(String),
    List(Vec<String>),
}

impl Listed {
    fn parts(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect(),
            Self::List(list) => list.iter().map(String::as_str).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let listed = Listed::deserialize(deserializer)?;
        let networks = listed.parts().into_iter().map(Network::from_str).collect::<Result<_, _>>();
        networks.map(Self).map_err(|violation| D::Error::custom(violation.detail))
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for BuiltInRoles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let listed = Listed::deserialize(deserializer)?;
        let roles = listed.parts().into_iter().map(parse_choice::<BuiltInRole>).collect::<Result<_, _>>();
        roles.map(Self).map_err(|violation| D::Error::custom(violation.detail))
    }
}

impl Serialize for BuiltInRoles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsRef::<str>::as_ref))
    }
}

pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
pub(super) fn hidden<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| REDACTED).serialize(serializer)
}
