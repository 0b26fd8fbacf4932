//! The matrix of imports: who may bring records in, and who sees and takes back what somebody has brought in.

use crm_testkit::{Answer, Client, TestApp};

use crate::{
    BASE,
    door::seen,
    matrix::{Matrix, row},
};

/// The resources that files are imported into.
fn imported() -> Vec<String> {
    crm_domain::names_of::<crm_domain::ImportTarget>().into_iter().map(str::to_owned).collect()
}

/// Sends a file with one row.
pub async fn upload(client: &Client, resource: &str, dry_run: &str) -> Answer {
    let part = |name: &str, value: &str| {
        format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nname\r\nExemple\r\n\r\n--limit--\r\n";
    let body = [part("resource", resource), part("dry_run", dry_run), file.to_owned()].concat();
    let headers = [("Content-Type", "multipart/form-data; boundary=limit")];
    client.raw("POST", &format!("{BASE}/imports"), &headers, body.into_bytes()).await
}

/// Waits until what goes on behind an accepted import has come to its end.
pub async fn finished(app: &TestApp, accepted: &Answer) {
    let Some(id) = accepted.json()["id"].as_str().filter(|_| accepted.status == 202).map(str::to_owned) else { return };
    while ["queued", "running", "reverting"]
        .contains(&app.ann().get(&format!("{BASE}/imports/{id}")).await.json()["status"].as_str().unwrap())
    {
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The ways to an import.
const DOORS: [(&str, &str, &str); 5] = [
    ("list", "GET", ""),
    ("read", "GET", "/{id}"),
    ("errors", "GET", "/{id}/errors"),
    ("errors as a file", "GET", "/{id}/errors?format=csv"),
    ("revert", "POST", "/{id}/revert"),
];

impl Matrix {
    /// Who may bring records of this resource in: a trial, which every permission to import is enough for.
    pub async fn import(&mut self, resource: &str, table: &mut String) {
        if !imported().contains(&resource.to_owned()) {
            return;
        }
        self.line(table, resource, "import", "-", async |matrix: &mut Self, caller| {
            let before = matrix.observer.moment();
            let answer = upload(&matrix.callers[caller].client, resource, "true").await;
            let told = matrix.checked(&before, &answer);
            finished(&matrix.app, &answer).await;
            told
        })
        .await;
    }

    /// Who sees an import, and may take it back: one of their own, and one of the administrator's.
    pub async fn imports(&mut self, table: &mut String) {
        for of in ["own", "somebody's"] {
            let mut made = Vec::new();
            for caller in 0..self.callers.len() {
                let own = upload(&self.callers[caller].client, "organisations", "false").await;
                // Who imports nothing has none of their own, so they try somebody's all the same.
                let ours = async || upload(&self.app.ann(), "organisations", "false").await.expect(202);
                let import = if own.status == 202 && of == "own" { own } else { ours().await };
                finished(&self.app, &import).await;
                made.push(import.json()["id"].as_str().unwrap().to_owned());
            }
            for (door, method, more) in DOORS {
                let mut cells = Vec::new();
                for (caller, id) in made.iter().enumerate() {
                    let path = format!("{BASE}/imports{}", more.replace("{id}", id));
                    let path = if more.is_empty() { format!("{path}?limit=200") } else { path };
                    let before = self.observer.moment();
                    let answer = self.callers[caller].client.raw(method, &path, &[], Vec::new()).await;
                    let sign = if door == "list" { seen(&answer, id).1 } else { String::new() };
                    cells.push(self.checked(&before, &answer) + &sign);
                    if method == "POST" {
                        finished(&self.app, &answer).await;
                    }
                }
                row(table, "imports", door, of, &cells);
            }
        }
    }
}
