//! What is sold under a mandate.

use serde::{Deserialize, Serialize};

use super::Mandate;
use crate::{
    Applied, Conflict, Editor, MandateId, MandateProductId, NewRecord, ProductId, UserId, Version, values::Timestamp,
};

/// A product that is sold under a mandate. One live one for each pair.
///
/// It has no owner of its own: whoever sees the mandate and the product sees it, whoever may change the mandate may attach
/// and detach. Both happen only while the mandate is signed or active; what is attached when it ends stays as history.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MandateProduct {
    /// Its id.
    pub id: MandateProductId,
    /// The mandate.
    pub mandate_id: MandateId,
    /// The product.
    pub product_id: ProductId,
    /// The version, also the `ETag`.
    pub version: Version,
    /// When it was attached.
    pub created_at: Timestamp,
    /// Who attached it; none for a job of the system.
    pub created_by: Option<UserId>,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last; none for a job of the system.
    pub updated_by: Option<UserId>,
}

impl MandateProduct {
    /// Attaches a product to a mandate, unless the mandate's status forbids it: `mandate_not_open`.
    pub fn attach(new: NewRecord<Self>, mandate: &Mandate, product_id: ProductId) -> Result<Applied<Self>, Conflict> {
        mandate.require_open()?;
        let mut edit = Editor::of_new_record();
        edit.initial("mandate_id", &mandate.id);
        edit.initial("product_id", &product_id);
        let state = Self {
            id: new.id,
            mandate_id: mandate.id,
            product_id,
            version: Version::FIRST,
            created_at: new.at,
            created_by: new.by,
            updated_at: new.at,
            updated_by: new.by,
        };
        Ok(edit.finish(state).expect("nothing was refused above"))
    }
}

impl Mandate {
    /// Refuses to attach or detach products, as `mandate_not_open`, unless the mandate is signed or active.
    pub fn require_open(&self) -> Result<(), Conflict> {
        if self.status.is_open() {
            return Ok(());
        }
        let detail = format!(
            "products are attached and detached while a mandate is signed or active; this one is {}",
            self.status.as_ref()
        );
        Err(Conflict { code: "mandate_not_open", detail })
    }
}
