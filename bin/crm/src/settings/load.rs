//! Where settings come from: the defaults, then a file, then the environment; the later wins.

use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Environment, File, FileFormat, Map, Source, Value, ValueKind};

use super::Settings;

/// Where to look beside the defaults.
#[derive(Debug, Default)]
pub struct Sources {
    /// The file that was named; it must exist.
    pub file: Option<PathBuf>,
    /// Stands in the place of the environment of the process, for tests.
    pub environment: Option<Map<String, String>>,
}

/// The file that is read when none was named, if it exists.
const FILE: &str = "crm.toml";

/// What is wrong with the settings. The texts show no value that could be a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nothing is set by this key.
    #[error("unknown setting `{key}` in {origin}{hint}")]
    Unknown {
        /// The key.
        key: String,
        /// The file or the environment.
        origin: String,
        /// What may have been meant; empty or a clause.
        hint: String,
    },
    /// The value is of the right type, but makes no sense.
    #[error("setting `{key}`: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Why not.
        reason: String,
    },
    /// A source cannot be read, or a value is not of the right type.
    #[error("{0}")]
    Unreadable(#[from] ConfigError),
}

impl Settings {
    /// The effective settings.
    pub fn load(sources: Sources) -> Result<Self, SettingsError> {
        let mut builder = Config::builder();
        let file = sources.file.or_else(|| Some(PathBuf::from(FILE)).filter(|file| file.exists()));
        if let Some(path) = file {
            let file = File::from(Path::new(&path)).format(FileFormat::Toml);
            refuse_unknown(&file.collect()?, |_| path.display().to_string())?;
            builder = builder.add_source(file);
        }
        // An empty variable is the way to say "not set" in files of variables and in containers.
        let environment = Environment::with_prefix("CRM").prefix_separator("__").separator("__").ignore_empty(true);
        let environment = environment.source(sources.environment);
        refuse_unknown(&environment.collect()?, |key| format!("the environment ({})", variable(key)))?;
        let settings: Self = builder.add_source(environment).build()?.try_deserialize()?;
        settings.check()?;
        Ok(settings)
    }

    /// The keys of all settings, in their order.
    pub fn keys() -> Vec<String> {
        fn walk(path: &str, value: &serde_json::Value, keys: &mut Vec<String>) {
            match value {
                serde_json::Value::Object(section) => {
                    for (name, value) in section {
                        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                        walk(&path, value, keys);
                    }
                }
                _ => keys.push(path.to_owned()),
            }
        }
        let defaults = serde_json::to_value(Self::default()).expect("settings serialise to JSON");
        let mut keys = Vec::new();
        walk("", &defaults, &mut keys);
        keys
    }
}

/// The environment variable that sets a key.
pub fn variable(key: &str) -> String {
    format!("CRM__{}", key.replace('.', "__").to_uppercase())
}

/// Refuses a key that sets nothing: it is a slip of the pen, and whoever made it believes that it works.
fn refuse_unknown(values: &Map<String, Value>, origin: impl Fn(&str) -> String) -> Result<(), SettingsError> {
    let known = Settings::keys();
    let mut given = Vec::new();
    flatten("", values, &mut given);
    given.sort_unstable();
    match given.into_iter().find(|key| !known.contains(key)) {
        Some(key) => Err(SettingsError::Unknown { origin: origin(&key), hint: hint(&key, &known), key }),
        None => Ok(()),
    }
}

fn flatten(path: &str, values: &Map<String, Value>, keys: &mut Vec<String>) {
    for (name, value) in values {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match &value.kind {
            ValueKind::Table(section) => flatten(&path, section, keys),
            _ => keys.push(path),
        }
    }
}

fn hint(key: &str, known: &[String]) -> String {
    let section = key.split('.').next().unwrap_or_default();
    let beside = known.iter().filter_map(|known| known.strip_prefix(section)?.strip_prefix('.'));
    let beside: Vec<&str> = beside.collect();
    if beside.is_empty() { String::new() } else { format!("; `{section}` has: {}", beside.join(", ")) }
}
