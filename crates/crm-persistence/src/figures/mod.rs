//! Figures: how the business stands. Each one is one grouped query over the rows that the list with the same filters
//! would show, so that no number can tell of a record that its reader may not see.

mod interactions;
mod mandates;
mod pipeline;
mod tasks;

pub use interactions::{InteractionFigures, InteractionMonth, interactions};
pub use mandates::{MandateFigures, mandates};
pub use pipeline::{PipelineFigures, StageAmounts, StageFigures, pipeline};
pub use tasks::{TaskFigures, tasks};
