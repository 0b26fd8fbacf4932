//! Figures: how the business stands, over the records that the list with the same filters would show.

use crm_domain::{
    Mandate, MandateField, Organisation, OrganisationField,
    access::{Grant, Read},
    query::ListQuery,
};
use crm_persistence::figures::{self, MandateFigures, PipelineFigures};

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
}
