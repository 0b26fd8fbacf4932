//! Figures: how the business stands. Each one is one grouped query over the rows that the list with the same filters
//! would show, so that no number can tell of a record that its reader may not see.

mod mandates;
mod pipeline;

pub use mandates::{MandateFigures, mandates};
pub use pipeline::{PipelineFigures, StageAmounts, StageFigures, pipeline};
