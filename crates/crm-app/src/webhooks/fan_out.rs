//! From the change log to deliveries: each change once for each webhook that wants it.

use crm_domain::{RecordedChange, Webhook, access::Actor};
use crm_persistence::{
    WriteTx, changes,
    webhooks::{self, NewDelivery},
};
use serde_json::json;

use crate::{App, Error, app::system_grant};

/// How many changes are looked through in one unit of work.
const BATCH: i64 = 250;

impl App {
    /// Writes the deliveries of all changes that have a position, from where the last time ended. The cursor moves in the unit
    /// of work that writes them, and a unique key keeps a change from being written twice. Where no webhook is switched on,
    /// nothing is read and the cursor stays behind: each webhook knows where it begins.
    pub(crate) async fn write_deliveries(&self) -> Result<(), Error> {
        loop {
            let (from, head) = self.read(|tx| Ok((webhooks::starting_point(tx)?, changes::heads(tx)?.changes))).await?;
            if from.is_none_or(|from| from >= head) {
                return Ok(());
            }
            let app = self.clone();
            self.write(&Actor::system("deliveries of webhooks"), move |tx| {
                write_page(&app, tx)?;
                Ok(tx.unchanged(()))
            })
            .await?;
            self.dispatch().wake();
        }
    }
}

fn write_page(app: &App, tx: &mut WriteTx) -> Result<(), Error> {
    let grant = system_grant("deliveries of webhooks")?;
    webhooks::hold_cursor(tx)?;
    let Some(from) = webhooks::starting_point(tx)? else { return Ok(()) };
    let enabled = webhooks::enabled(tx, &grant)?;
    let page = changes::all_after(tx, &system_grant("deliveries of webhooks")?, from, BATCH)?;
    let mut new = Vec::new();
    for change in &page {
        let Some(position) = change.position else { continue };
        let wanting = enabled.iter().filter(|(webhook, after)| position > *after && webhook.wants(&change.event));
        new.extend(wanting.map(|(webhook, _)| delivery(app, webhook, change, position)));
    }
    webhooks::enqueue(tx, &grant, &new)?;
    if let Some(last) = page.last().and_then(|change| change.position) {
        webhooks::move_cursor(tx, last)?;
    }
    Ok(())
}

/// What sockets are told as well: which record, and the names of what changed. Values are for those who ask.
fn delivery(app: &App, webhook: &Webhook, change: &RecordedChange, position: i64) -> NewDelivery {
    let changed: Vec<&str> = change.changed.iter().map(|field| field.field.as_ref()).collect();
    let body = json!({
        "type": change.event,
        "timestamp": change.at,
        "data": {
            "position": position,
            "resource": change.resource,
            "id": change.id,
            "version": change.version,
            "action": change.action,
            "changed": changed,
        },
    });
    NewDelivery {
        id: app.new_id(),
        webhook_id: webhook.id,
        position: Some(position),
        event: change.event.clone(),
        record: Some((change.resource, change.id)),
        body: body.to_string(),
    }
}
