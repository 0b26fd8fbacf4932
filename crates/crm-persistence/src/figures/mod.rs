//! Figures: how the business stands. Each one is one grouped query over the rows that the list with the same filters
//! would show, so that no number can tell of a record that its reader may not see.

mod interactions;
mod mandates;
mod pipeline;
mod tasks;

pub use interactions::{InteractionFigures, InteractionMonth, interactions, interactions_plan};
pub use mandates::{MandateFigures, mandates, mandates_plan};
pub use pipeline::{PipelineFigures, StageAmounts, StageFigures, pipeline, pipeline_plan};
pub use tasks::{TaskFigures, tasks, tasks_plan};
