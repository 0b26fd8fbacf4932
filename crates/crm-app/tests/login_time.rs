//! Measures how long a refused sign-in takes for an account that exists and for one that does not. Run it alone:
//! `cargo test --workspace --test login_time -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)] // A measurement that cannot go on says so by failing.

mod support;

use std::time::{Duration, Instant};

use crm_app::{Error, Origin};
use crm_domain::access::{BuiltInRole, policy};
use support::{on_each_app, system, user};

/// How often each of them is tried.
const TRIES: usize = 2_000;

/// The greatest difference between the medians.
const MOST: Duration = Duration::from_millis(1);

#[tokio::test]
#[ignore = "it takes some minutes, and a machine with nothing else to do"]
async fn unknown_and_known_accounts_are_refused_in_the_same_time() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        let (bob, _) = user(&app, "bob", BuiltInRole::User).await;
        app.users().deactivate(&policy::authorise(&system()).unwrap(), bob.id).await.unwrap();
        let origin = Origin { address: Some("192.0.2.1".parse().unwrap()), agent: None };
        let emails = ["ann@exemple.fr", "nobody@exemple.fr", "bob@exemple.fr"];
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..TRIES {
            for (email, times) in emails.iter().zip(&mut times) {
                // So much later that nothing is counted any more.
                clock.advance(Duration::from_hours(2));
                let started = stopwatch();
                let refused = app.sessions().login(email, "a wrong password".into(), origin.clone()).await;
                times.push(started.elapsed());
                assert!(matches!(refused, Err(Error::Unauthenticated)), "{email}");
            }
        }
        let medians = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        println!("medians of {TRIES}: known {:?}, unknown {:?}, switched off {:?}", medians[0], medians[1], medians[2]);
        assert!(medians[0].abs_diff(medians[1]) < MOST && medians[0].abs_diff(medians[2]) < MOST);
    })
    .await;
}

#[expect(clippy::disallowed_methods, reason = "it is a measurement")]
fn stopwatch() -> Instant {
    Instant::now()
}
