//! Figures: how the business stands, over the records that the list with the same filters would show.

use crm_domain::{
    Interaction, InteractionField, Mandate, MandateField, Organisation, OrganisationField, Task, TaskField,
    access::{Grant, Read},
    query::ListQuery,
};
use crm_persistence::figures::{self, InteractionFigures, MandateFigures, PipelineFigures, TaskFigures};

use crate::{App, Error};

/// The use cases of figures.
#[derive(Clone, Debug)]
pub struct Figures {
    pub(crate) app: App,
}

impl Figures {
    /// Organisations by pipeline stage, and what they may be worth.
    pub async fn pipeline(
        &self,
        grant: Grant<Read, Organisation>,
        query: ListQuery<OrganisationField>,
    ) -> Result<PipelineFigures, Error> {
        self.app.read(move |tx| Ok(figures::pipeline(tx, &grant, &query)?)).await
    }

    /// Mandates by status, and those that end soon.
    pub async fn mandates(
        &self,
        grant: Grant<Read, Mandate>,
        query: ListQuery<MandateField>,
    ) -> Result<MandateFigures, Error> {
        let today = self.app.now().date();
        self.app.read(move |tx| Ok(figures::mandates(tx, &grant, &query, today)?)).await
    }

    /// Interactions by type and month.
    pub async fn interactions(
        &self,
        grant: Grant<Read, Interaction>,
        query: ListQuery<InteractionField>,
    ) -> Result<InteractionFigures, Error> {
        self.app.read(move |tx| Ok(figures::interactions(tx, &grant, &query)?)).await
    }

    /// Tasks by status, and those that are due.
    pub async fn tasks(&self, grant: Grant<Read, Task>, query: ListQuery<TaskField>) -> Result<TaskFigures, Error> {
        let now = self.app.now();
        self.app.read(move |tx| Ok(figures::tasks(tx, &grant, &query, now)?)).await
    }
}
