//! What a log looks like and how much of it there is.

use serde::{Deserialize, Serialize};

use crate::levels::Levels;

/// Where the server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Somebody's own machine.
    #[default]
    Development,
    /// A rehearsal with production's settings.
    Staging,
    /// The real thing.
    Production,
}

impl Environment {
    /// Its name, as in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// The part of the requests whose traces are sent unless the settings say otherwise.
    pub fn traces(self) -> f32 {
        match self {
            Self::Development => 1.0,
            Self::Staging => 0.5,
            Self::Production => 0.1,
        }
    }
}

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line, for programs.
    Json,
    /// Readable text, coloured on a terminal.
    Terminal,
}

/// Everything [`Logging::start`](crate::Logging::start) needs to know.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// Chooses the format where none is given.
    pub environment: Environment,
    /// Overrides the format of the environment.
    pub format: Option<LogFormat>,
    /// Which records are written.
    pub levels: Levels,
    /// How many records may wait for a slow writer before further ones are dropped and counted.
    pub capacity: usize,
}

impl LogSettings {
    /// The format to use: the chosen one, otherwise text in development and JSON elsewhere.
    pub fn effective_format(&self) -> LogFormat {
        self.format.unwrap_or(match self.environment {
            Environment::Development => LogFormat::Terminal,
            Environment::Staging | Environment::Production => LogFormat::Json,
        })
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { environment: Environment::default(), format: None, levels: Levels::default(), capacity: 4096 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_development_is_written_for_people_unless_told_otherwise() {
        let format =
            |environment, format| LogSettings { environment, format, ..LogSettings::default() }.effective_format();
        assert_eq!(format(Environment::Development, None), LogFormat::Terminal);
        assert_eq!(format(Environment::Staging, None), LogFormat::Json);
        assert_eq!(format(Environment::Production, None), LogFormat::Json);
        assert_eq!(format(Environment::Production, Some(LogFormat::Terminal)), LogFormat::Terminal);
        assert_eq!(format(Environment::Development, Some(LogFormat::Json)), LogFormat::Json);
    }
}
