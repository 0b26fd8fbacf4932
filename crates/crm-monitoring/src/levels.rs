//! Which records are written: a level for everything and levels for single modules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use slog::{FilterLevel, Level};

/// A level for everything and levels for modules, written as `info,crm_api=debug,crm_app::relay=off`.
///
/// The longest matching module path wins. Levels: `off critical error warn info debug trace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Levels {
    everything: FilterLevel,
    /// Longest path first, so that the first match is the right one.
    modules: Vec<(String, FilterLevel)>,
}

impl Levels {
    /// Whether a record of this module and level is written.
    pub fn allow(&self, module: &str, level: Level) -> bool {
        let threshold =
            self.modules.iter().find(|(path, _)| is_within(module, path)).map_or(self.everything, |rule| rule.1);
        threshold.accepts(level)
    }

    /// Whether a record of this level could be written at all.
    pub(crate) fn allow_somewhere(&self, level: Level) -> bool {
        self.everything.accepts(level) || self.modules.iter().any(|(_, threshold)| threshold.accepts(level))
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self { everything: FilterLevel::Info, modules: Vec::new() }
    }
}

/// A level setting that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is neither a log level nor `module=level` (levels: off, critical, error, warn, info, debug, trace)")]
pub struct UnknownLevel {
    /// The part of the setting that was not understood.
    pub part: String,
}

impl FromStr for Levels {
    type Err = UnknownLevel;

    fn from_str(setting: &str) -> Result<Self, UnknownLevel> {
        let mut levels = Self::default();
        for part in setting.split(',').map(str::trim) {
            let unknown = || UnknownLevel { part: part.to_owned() };
            match part.split_once('=') {
                None => levels.everything = level_named(part).ok_or_else(unknown)?,
                Some((module, level)) if is_module_path(module.trim()) => {
                    let level = level_named(level.trim()).ok_or_else(unknown)?;
                    levels.modules.push((module.trim().to_owned(), level));
                }
                Some(_) => return Err(unknown()),
            }
        }
        levels.modules.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(levels)
    }
}

impl TryFrom<String> for Levels {
    type Error = UnknownLevel;

    fn try_from(setting: String) -> Result<Self, UnknownLevel> {
        setting.parse()
    }
}

impl From<Levels> for String {
    fn from(levels: Levels) -> Self {
        levels.to_string()
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(name_of(self.everything))?;
        self.modules.iter().try_for_each(|(path, level)| write!(formatter, ",{path}={}", name_of(*level)))
    }
}

const NAMES: [(&str, FilterLevel); 7] = [
    ("off", FilterLevel::Off),
    ("critical", FilterLevel::Critical),
    ("error", FilterLevel::Error),
    ("warn", FilterLevel::Warning),
    ("info", FilterLevel::Info),
    ("debug", FilterLevel::Debug),
    ("trace", FilterLevel::Trace),
];

/// The name of a record's level, as it is written in settings and in log lines.
pub(crate) fn level_name(level: Level) -> &'static str {
    NAMES[level.as_usize()].0
}

fn name_of(level: FilterLevel) -> &'static str {
    NAMES[level.as_usize()].0
}

fn level_named(name: &str) -> Option<FilterLevel> {
    let name = if name.eq_ignore_ascii_case("warning") { "warn" } else { name };
    NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, level)| *level)
}

fn is_module_path(path: &str) -> bool {
    path.split("::").all(|part| {
        !part.is_empty() && part.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    })
}

fn is_within(module: &str, path: &str) -> bool {
    module.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_module_path_decides() {
        let levels: Levels = "warn, crm_api=debug,crm_api::auth=off".parse().unwrap();
        for (module, level, allowed) in [
            ("crm_app", Level::Warning, true),
            ("crm_app", Level::Info, false),
            ("crm_api", Level::Debug, true),
            ("crm_api::v1::people", Level::Debug, true),
            ("crm_api::v1::people", Level::Trace, false),
            ("crm_api::auth", Level::Critical, false),
            ("crm_api::auth::login", Level::Critical, false),
            ("crm_api::authority", Level::Debug, true),
            ("crm_apiary", Level::Debug, false),
        ] {
            assert_eq!(levels.allow(module, level), allowed, "{module} at {level}");
        }
        assert!(levels.allow_somewhere(Level::Debug));
        assert!(!levels.allow_somewhere(Level::Trace));
    }

    #[test]
    fn a_setting_reads_back_as_it_was_understood() {
        let levels: Levels = "INFO,a=Warning,a::b_2=TRACE".parse().unwrap();
        assert_eq!(levels.to_string(), "info,a::b_2=trace,a=warn");
        assert_eq!(levels.to_string().parse::<Levels>().unwrap(), levels);
        assert_eq!("crm_api=debug".parse::<Levels>().unwrap().to_string(), "info,crm_api=debug");
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for (setting, part) in [
            ("", ""),
            ("loud", "loud"),
            ("inf", "inf"),
            ("info,,debug", ""),
            ("info,crm_api=loud", "crm_api=loud"),
            ("=debug", "=debug"),
            ("crm api=debug", "crm api=debug"),
            ("a:::b=debug", "a:::b=debug"),
        ] {
            assert_eq!(setting.parse::<Levels>().unwrap_err().part, part, "{setting:?}");
        }
    }
}
