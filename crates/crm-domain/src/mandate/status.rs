//! How far a mandate has come: `proposed → signed → active → ended`, one step at a time and never back.

use serde::{Deserialize, Serialize};

use crate::Conflict;

/// How far a mandate has come.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MandateStatus {
    /// Being negotiated.
    Proposed,
    /// Signed, not begun.
    Signed,
    /// In force.
    Active,
    /// Over.
    Ended,
}

impl MandateStatus {
    /// The one status that may follow; none after the last.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Proposed => Some(Self::Signed),
            Self::Signed => Some(Self::Active),
            Self::Active => Some(Self::Ended),
            Self::Ended => None,
        }
    }

    /// Refuses every move but the next one, with the code `illegal_transition`. To stay is no move.
    ///
    /// ```
    /// use crm_domain::MandateStatus::{Active, Ended, Proposed, Signed};
    /// assert!(Proposed.moved(Signed).is_ok() && Signed.moved(Signed).is_ok());
    /// assert_eq!(Proposed.moved(Active).unwrap_err().code, "illegal_transition");
    /// assert!(Ended.moved(Active).is_err());
    /// ```
    pub fn moved(self, to: Self) -> Result<(), Conflict> {
        if self == to || self.next() == Some(to) {
            return Ok(());
        }
        let then = self.next().map_or("which is the last", |next| match next {
            Self::Signed => "and can only become signed",
            Self::Active => "and can only become active",
            Self::Proposed | Self::Ended => "and can only become ended",
        });
        let detail = format!("the mandate is {}, {then}", self.as_ref());
        Err(Conflict { code: "illegal_transition", detail })
    }

    /// Whether products are attached and detached in this status.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Signed | Self::Active)
    }

    /// Whether it has been signed at some time.
    pub const fn is_signed(self) -> bool {
        !matches!(self, Self::Proposed)
    }
}
