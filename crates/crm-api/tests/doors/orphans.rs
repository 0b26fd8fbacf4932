//! Records that nobody answers for: whoever runs the service is told of each, and of no other.

use crm_domain::access::Resource;
use crm_persistence::{StoreError, access};
use crm_testkit::TestApp;
use serde_json::json;
use uuid::Uuid;

use crate::{
    BASE, firm,
    registry::{Owned, SUBJECTS, Subject},
    stored,
};

fn told(app: &TestApp, subject: &Subject) -> Vec<Uuid> {
    let resource: Resource = subject.resource.parse().unwrap();
    let found = app.test.database.read::<_, StoreError>(|tx| access::orphans(tx, resource)).unwrap();
    let found = found.expect("the records of this resource have owners");
    assert_eq!(usize::try_from(found.number), Ok(found.examples.len()), "few enough to be named");
    found.examples
}

#[actix_web::test]
async fn records_that_nobody_active_answers_for_are_named() {
    for app in TestApp::each().await {
        stored::home(&app);
        let lonely = app.ann().post(&format!("{BASE}/teams"), json!({"name": "lonely"})).await.expect(201).json();
        let team = Some(lonely["id"].as_str().unwrap().parse().map(crm_domain::TeamId::new).unwrap());
        let role = json!(crm_domain::access::BuiltInRole::User.id());
        let gone = firm::user(&app, "gone", &role, None).await;
        let path = format!("{BASE}/users/{}", gone.id.unwrap());
        let of_gone = Owned::by(gone.id, team);
        let by_gone = [Owned::by(None, None), Owned::by(gone.id, None), of_gone];
        let north = Owned::by(gone.id, Some(TestApp::team_id("north")));
        let business: Vec<&Subject> = SUBJECTS.iter().filter(|subject| subject.is_owned_by_its_body()).collect();
        let mut made = Vec::new();
        for subject in &business {
            // The administrator is active and has made them all, but an owner is what the first of them lacks.
            let mut orphans = Vec::new();
            for (number, owned) in by_gone.into_iter().enumerate() {
                orphans.push(subject.make_with(&app, (subject.body)(&format!("orphan{number}")), owned).await);
            }
            subject.make_with(&app, (subject.body)("shared"), north).await;
            subject.make_with(&app, (subject.body)("owned"), Owned::by(Some(TestApp::user_id("uma")), None)).await;
            if subject.is_assigned() {
                let assigned = Owned { assigned: Some(TestApp::user_id("uma")), ..of_gone };
                subject.make_with(&app, (subject.body)("assigned"), assigned).await;
            }
            made.push(orphans);
        }
        // While their owner and their maker may sign in, only those without an owner are told.
        for (subject, orphans) in business.iter().zip(&made) {
            assert_eq!(told(&app, subject), orphans[..1], "{}", subject.label);
        }
        app.ann().patch(&path, 1, json!({"is_active": false})).await.expect(200);
        // Whoever has made them is no longer asked: it was the administrator, who stays.
        for (subject, orphans) in business.iter().zip(&made) {
            assert_eq!(told(&app, subject), orphans[..1], "{}", subject.label);
        }
        let maker = "UPDATE {} SET created_by = NULL".to_owned();
        for subject in &business {
            app.test.execute(&maker.replace("{}", subject.resource));
        }
        for (subject, orphans) in business.iter().zip(&made) {
            assert_eq!(told(&app, subject), orphans[..], "{}", subject.label);
        }
    }
}
