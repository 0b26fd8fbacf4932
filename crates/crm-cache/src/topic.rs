//! What an answer depends on and a write makes stale: tables, and rows of them.

use uuid::Uuid;

/// How many counters there are. Topics share them by hash: two that meet make each other stale without need, and nothing
/// else. Every instance must have the same number.
pub(crate) const SLOTS: u16 = 16_384;

/// What an answer depends on, as the number of the counter that a write to it moves.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Topic(u16);

impl Topic {
    /// Any change of a table at all.
    pub fn table(name: &str) -> Self {
        Self::of(&[b"table", name.as_bytes()])
    }

    /// Changes of rows of a table that the writer cannot name.
    pub fn unnamed_rows(name: &str) -> Self {
        Self::of(&[b"unnamed", name.as_bytes()])
    }

    /// Changes of one row.
    pub fn row(table: &str, id: Uuid) -> Self {
        Self::of(&[b"row", table.as_bytes(), id.as_bytes()])
    }

    /// Everything that is kept under this name.
    pub(crate) fn group(name: &str) -> Self {
        Self::of(&[b"group", name.as_bytes()])
    }

    /// Everything.
    pub(crate) fn everything() -> Self {
        Self::of(&[b"everything"])
    }

    pub(crate) fn slot(self) -> u16 {
        self.0
    }

    pub(crate) fn from_slot(slot: u16) -> Option<Self> {
        (slot < SLOTS).then_some(Self(slot))
    }

    /// FNV-1a: the same in every build of every instance, as it must be, and no secret.
    fn of(parts: &[&[u8]]) -> Self {
        let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0xff]));
        let hash = bytes
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        let folded = (hash ^ (hash >> 32)) % u64::from(SLOTS);
        Self(u16::try_from(folded).expect("a remainder of SLOTS fits"))
    }
}
